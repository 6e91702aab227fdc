"""Objects as text, for the way from a worker."""

import numpy as np
import pytest

from scratchcnn.gradcheck.in_pytest.passing import packed, unpacked


def test_an_object_arrives_as_it_was_sent():
    text = packed({"x": np.arange(3)})
    assert text.isascii()
    assert unpacked(text)["x"].tolist() == [0, 1, 2]


class Stubborn:
    def __reduce__(self):
        raise TypeError("it stays")


@pytest.mark.parametrize("value", [lambda: None, Stubborn(), (number for number in "ab"), type("Local", (), {})()])
def test_what_cannot_be_sent_is_no_text(value):
    assert packed(value) == ""
