"""The true gradient's numbers in another order."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.reordered import reordered
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(4, 6)
ORDER = np.random.default_rng(5).permutation(24)
SAID = {"made of the true one's numbers, each at the place of another one": "permuted"}


def said(change, x=X):
    return held(reordered, scene_of(lambda x: np.sin(x), lambda g, x: change(g * np.cos(x)), x))


def test_any_order_is_told():
    assert said(lambda d: d.reshape(-1)[ORDER].reshape(4, 6)) == SAID
    assert said(lambda d: d[[1, 0, 2, 3]]) == SAID


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d,
        lambda d: 2 * d[::-1],
        lambda d: d[::-1] + 1e-6,
        lambda d: d[1:],
        lambda d: np.where(d == d.max(), np.nan, d[::-1]),
        lambda d: d.T,
    ],
)
def test_not_other_numbers(change):
    assert said(change) == {}


def test_of_few_numbers_it_may_be_an_accident():
    for count, told in ((3, {}), (4, SAID)):
        assert said(lambda d: np.roll(d, 1), X[0, :count]) == told
    assert said(lambda d: 2 * d, np.array(0.5)) == {}
