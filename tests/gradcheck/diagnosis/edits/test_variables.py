"""The variables around an expression, with their attributes and items."""

import sys

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.seen import Moment
from scratchcnn.gradcheck.diagnosis.edits.variables import MOST_PARTS, Around, is_name, numbers_of, parts_of

RATE, TEXT = 0.5, "text"


class Layer:
    momentum = 0.9
    kind = "dense"
    __version__ = 3

    def __init__(self, w):
        self.w, self.name = w, "layer"

    def frame(self, cache, x):
        return sys._getframe()


@pytest.mark.parametrize(
    ("text", "is_one"),
    [
        ("x", True),
        ("größe", True),
        ("self.w", True),
        ("self.state.h", True),
        ('cache["z"]', True),
        ("cache['z']", True),
        ('self.cache["z2"]', True),
        ("x[0]", False),
        ("x + 1", False),
        ("f(x)", False),
        ("2", False),
        ("-x", False),
        ("", False),
    ],
)
def test_a_name_is_no_calculation(text, is_one):
    assert is_name(text) is is_one


def test_attributes_and_items_are_variables_too():
    layer, z = Layer(np.ones(2)), np.zeros(3)
    found = parts_of({"self": layer, "cache": {"z": z, "mode": "train", 1: z}, "x": 2.0, "np": np, "Layer": Layer})
    assert found == {"self.w": layer.w, "self.momentum": 0.9, 'cache["z"]': z}
    assert numbers_of({"RATE": RATE, "TEXT": TEXT, "z": z, "n": 3}) == {"RATE": RATE, "z": z, "n": 3}
    many = {f"z{k}": 1.0 for k in range(MOST_PARTS)}
    assert len(parts_of({"cache": many})) == MOST_PARTS
    assert parts_of({"cache": many | {"z": 1.0}}) == {}


def test_what_is_asked_for_is_looked_up_where_it_is():
    layer, z = Layer(np.ones(2)), np.zeros(3)
    around = Around(layer.frame({"z": z}, 2.0), {"np.exp(x)": z + 1, "x": 7.0}, Moment(1, 0, {}))
    assert around["x"] == 2.0
    assert around["RATE"] == RATE
    assert around["self.w"] is layer.w
    assert around["self.momentum"] == 0.9
    assert around['cache["z"]'] is z
    np.testing.assert_array_equal(around["np.exp(x)"], z + 1)
    for name in ("self.v", "y", 'cache["y"]'):
        with pytest.raises(KeyError):
            around[name]
