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


def test_real_numbers_are_of_either_sign_or_where_that_is_asked_near_one():
    rng, spec = np.random.default_rng(0), Spec((50, 2), "float32")
    assert (spec.drawn(rng) < 0).any()
    positive = spec.drawn(rng, positive=True)
    assert (positive.shape, positive.dtype) == ((50, 2), np.float32)
    assert 0.5 < positive.min() < 0.6
    assert 1.4 < positive.max() < 1.5


def test_integers_begin_at_zero():
    assert Spec((3,), below=1).drawn(np.random.default_rng(0)).tolist() == [0, 0, 0]


@pytest.mark.parametrize("form", ["x".join(["1"] * 32), str(2**26), f"int:1:{2**63}"])
def test_the_largest_inputs(form):
    name, spec = spec_of(f"x={form}")
    assert name == "x"
    assert spec.shape in {(1,) * 32, (2**26,), (1,)}


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
        ("x=67108865", "at most 32 axes"),
        ("labels=int:4:9223372036854775809", "must be of integers below 2\\*\\*63"),
    ],
)
def test_an_input_that_cannot_be_drawn_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        spec_of(text)


@pytest.mark.parametrize("value", ["{[]}", "[" * 500])
def test_a_value_that_is_no_literal_is_a_word(value):
    assert option_of(f"factor={value}") == ("factor", value)
