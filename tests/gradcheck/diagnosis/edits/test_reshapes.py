"""An axis that is split into others in another order."""

from itertools import permutations

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.reshapes import MOST_AXES, reshapes
from tests.gradcheck.diagnosis.edits.made import expression, made, told

FLAT = np.arange(24.0)


def test_the_axes_are_made_in_another_order_and_put_back():
    found = made(reshapes, expression("d.reshape(2, 3, 4)"), told(FLAT.reshape(2, 3, 4)))
    assert len(found) == 5
    for order in list(permutations(range(3)))[1:]:
        said = f"`d.reshape(2, 3, 4)` made with its axes in the order {order}, which are then put back"
        kinds, value = found[said]
        assert kinds == ["permuted"]
        other = FLAT.reshape([(2, 3, 4)[k] for k in order])
        assert value.shape == (2, 3, 4)
        for place in np.ndindex(2, 3, 4):
            assert value[place] == other[tuple(place[k] for k in order)]


def test_axes_of_one_entry_have_no_order():
    assert made(reshapes, expression("d.reshape(1, 24)"), told(FLAT.reshape(1, 24))) == {}
    found = made(reshapes, expression("d.reshape(2, 1, 12)"), told(FLAT.reshape(2, 1, 12)))
    assert {said.partition("order (")[2].partition(")")[0] for said in found} == {"2, 0, 1", "1, 2, 0"}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("d.transpose(1, 0)", FLAT.reshape(4, 6)),
        ("reshape(d, 4)", FLAT.reshape(4, 6)),
        ("d.reshape", FLAT.reshape(4, 6)),
        ("d.reshape(24)", FLAT),
        ("d.reshape(6)", [1.0, 2.0]),
        ("d.reshape(*many)", np.zeros((2,) * (MOST_AXES + 1))),
        (":", FLAT.reshape(4, 6)),
    ],
)
def test_only_a_reshape_to_a_few_axes_is_changed(text, value):
    assert made(reshapes, expression(text), told(value)) == {}


@pytest.mark.parametrize("axes", [2, MOST_AXES])
def test_a_few_axes_are_tried_in_every_order(axes):
    value = np.arange(2.0**axes).reshape((2,) * axes)
    assert (
        len(made(reshapes, expression("np.reshape(d, shape)"), told(value))) == len(list(permutations(range(axes)))) - 1
    )
