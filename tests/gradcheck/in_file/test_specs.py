"""What the command line says of inputs and options."""

import numpy as np
import pytest

from scratchcnn.gradcheck.in_file.specs import Spec, option_of, spec_of


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("x=4x3x8x8", Spec((4, 3, 8, 8))),
        ("x=5", Spec((5,))),
        ("x=0x3", Spec((0, 3))),
        ("x=scalar", Spec(())),
        ("x=float32:2x2", Spec((2, 2), "float32")),
        ("x=int:4:10", Spec((4,), below=10)),
        ("x=int:4x2:3", Spec((4, 2), below=3)),
    ],
)
def test_inputs(text, spec):
    assert spec_of(text) == ("x", spec)
    drawn = spec.drawn(np.random.default_rng(0))
    assert drawn.shape == spec.shape
    assert drawn.dtype == (spec.dtype if spec.below is None else np.int64)
    assert spec.below is None or (0 <= drawn.min() <= drawn.max() < spec.below)


@pytest.mark.parametrize("text", ["x", "x=", "=4x3", "x=4x", "x=4,3", "x=int:4", "x=int:4:0", "x y=4", "x=-1"])
def test_what_is_no_input_is_refused(text):
    with pytest.raises(ValueError, match="must be NAME=4x3x8x8, NAME=float32:4x3, NAME=int:4:10 or NAME=scalar, got"):
        spec_of(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=2", 2),
        ("a=0.5", 0.5),
        ("a=same", "same"),
        ("a=(2, 1)", (2, 1)),
        ("a=None", None),
        ("a=x=y", "x=y"),
        ("a=", ""),
    ],
)
def test_options(text, value):
    assert option_of(text) == ("a", value)


@pytest.mark.parametrize("text", ["a", "=2", "a b=2"])
def test_what_is_no_option_is_refused(text):
    with pytest.raises(ValueError, match="must be NAME=VALUE, got"):
        option_of(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x=9999999x9999999", "at most 32 axes and 67,108,864 numbers, got 'x=9999999x9999999'"),
        ("x=" + "x".join(["1"] * 33), "at most 32 axes"),
        ("labels=int:4:99999999999999999999", "must be of integers below 2\\*\\*63"),
    ],
)
def test_an_input_that_cannot_be_drawn_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        spec_of(text)


@pytest.mark.parametrize("value", ["{[]}", "[" * 500])
def test_a_value_that_is_no_literal_is_a_word(value):
    assert option_of(f"factor={value}") == ("factor", value)
