"""Which values each option of the adapters takes, and what is said of others."""

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.options import KINDS, METHOD, NAMES, NEEDED, require_options

WORDS = ("w", ["w", "b"])
# For each option: values that it takes, and others.
VALUES = {
    "backward": (("bprop", print), (3, ["bprop"])),
    "batch_axis": ((0, -1, np.int64(1)), (True, 1.0, "0")),
    "cache": ((-1, slice(1, None)), (True, 1.0, "cache")),
    "fixed": (({}, {"labels": 3}), ({1: 2}, ["labels"], "labels")),
    "forward": (("call", print), (3, b"call")),
    "gradient": ((print,), ("grad", 3)),
    "grads": (({"w": "dw", "b": None}, {}), ({"w": 3}, {1: "dw"}, ["dw"])),
    "mean": ((True, False, *WORDS, ()), (1, ["w", None], {"w": 1})),
    "optimizer": (WORDS, (3, [3])),
    "order": ((["grad_output"], ()), ("grad_output", [None], {"x": 1})),
    "output": ((0, np.int8(1), "loss"), (True, 1.0, ["loss"])),
    "params": (WORDS, (3, [None])),
    "rate": (("lr",), (0.1, ["lr"])),
    "reset": ((True, False, "zero_grad", print), (1, ["zero_grad"])),
    "returns": ((["x", None], ("x",)), ("x", [3], {"x": 1})),
    "seed": ((0, 2**32 - 1, np.int64(5)), (1.0, True, "0")),
    "step": (("update", print), (3,)),
    "training": ((True, False, "train"), (1, ["train"])),
    "warm": (("fit", print), (3,)),
}


def test_each_option_is_here():
    assert VALUES.keys() == KINDS.keys()


@pytest.mark.parametrize("name", VALUES)
def test_values_that_fit_are_taken(name):
    for value in (*VALUES[name][0], *([] if name in NEEDED else [None])):
        assert require_options(**{name: value}) is None


@pytest.mark.parametrize("name", VALUES)
def test_others_are_refused_by_name(name):
    for value in (*VALUES[name][1], *([None] if name in NEEDED else [])):
        with pytest.raises(TypeError) as raised:
            require_options(**{"rate": "lr", name: value})
        assert str(raised.value) == f"{name} must be {KINDS[name][1]}, got {value!r}"


def test_what_they_must_be_is_said_in_words():
    assert NAMES == "a tuple or list of names"
    assert METHOD == "the name of a method, or a function of the layer"
    assert KINDS["returns"][1] == f"{NAMES}, or None for what is no gradient"


@pytest.mark.parametrize("seed", [-1, 2**32])
def test_a_seed_has_32_bits(seed):
    with pytest.raises(ValueError, match=rf"^seed must be from 0 to 2\*\*32 - 1, got {seed}$"):
        require_options(seed=seed)
