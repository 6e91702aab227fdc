"""A single ball in the place of NumPy's scalar: what code asks of it gives what a float64 gives."""

import copy
import math

import numpy as np
import pytest
from flint import arb

from scratchcnn.gradcheck.proof.balls import rules, ufuncs
from scratchcnn.gradcheck.proof.balls.ball import Ball
from scratchcnn.gradcheck.proof.balls.scalar import NotHeld, nominal

assert rules.FUNCTIONS
assert ufuncs.__name__
VALUES = (2.75, -2.75, 0.5, 0.0, 3.0)


def ball(x):
    return Ball(arb(x), arb(1.0))


def plain(x):
    """Floats in place of balls, also in arrays and tuples."""
    if isinstance(x, Ball):
        return float(x.value)
    if isinstance(x, np.ndarray):
        return np.array([plain(each) for each in x.ravel()]).reshape(x.shape)
    return tuple(map(plain, x)) if isinstance(x, tuple) else x


ASKED = [
    *[
        lambda x, name=name: getattr(x, name)
        for name in ("shape", "ndim", "size", "itemsize", "nbytes", "real", "imag", "T", "dtype")
    ],
    *[
        lambda x, name=name: getattr(x, name)()
        for name in (
            *(
                "item",
                "tolist",
                "copy",
                "squeeze",
                "transpose",
                "sum",
                "mean",
                "max",
                "min",
                "prod",
                "conj",
                "conjugate",
            ),
            *("any", "all", "argmax", "argmin", "ravel", "flatten", "round", "var", "std"),
        )
    ],
    *[math.floor, math.ceil, math.trunc, round, copy.copy, copy.deepcopy],
    *[
        lambda x: round(x, 1),
        lambda x: x.round(1),
        lambda x: x.clip(-1, 1),
        lambda x: x.clip(0.25),
    ],
    *[lambda x: x // 2, lambda x: x % 2, lambda x: divmod(x, 2), lambda x: x // -0.75, lambda x: x % -0.75],
    *[
        lambda x: x.astype(np.float32) * 1.0,
        lambda x: x.astype(int),
        lambda x: x.astype(bool),
        lambda x: x.astype("u1" if x > 0 else "i1"),
    ],
    *[lambda x: x.reshape(1, 1), lambda x: x.reshape((1,)), lambda x: x.reshape(-1)],
    *[
        lambda x: x + np.arange(3.0),
        lambda x: np.arange(3.0) * x,
        lambda x: np.maximum(x, 1.0),
        lambda x: np.add(x, np.array(2.0)),
    ],
    *[
        lambda x: np.sqrt(abs(x)) ** 2,
        lambda x: x // np.array([2.0, 4.0]),
        lambda x: np.array([9.0, 4.0]) % (x * x + 1),
    ],
]


@pytest.mark.parametrize("asked", ASKED)
@pytest.mark.parametrize("x", VALUES)
def test_it_answers_as_a_float64_does(asked, x):
    found, expected = asked(ball(x)), asked(np.float64(x))
    assert (
        plain(found) == pytest.approx(expected, rel=1e-12) if not isinstance(expected, np.dtype) else found == expected
    )
    assert np.shape(plain(found)) == np.shape(expected)
    for kind in (bool, int):
        if type(expected) is kind:
            assert type(found) is kind


@pytest.mark.parametrize("x", [2.5, -2.5])
def test_on_the_right_of_a_float(x):
    assert plain(7.0 // ball(x)) == 7.0 // x
    assert plain(7.0 % ball(x)) == 7.0 % x
    assert plain(divmod(7.0, ball(x))) == divmod(7.0, x)


def test_its_product_as_of_an_array():
    assert plain(ball(2.0).dot(3.0)) == 6


def test_its_dtype_is_that_of_the_floats_it_stands_for():
    token = nominal.set(np.dtype(np.float32))
    try:
        assert ball(1.0).dtype == np.float32
    finally:
        nominal.reset(token)
    assert ball(1.0).dtype == np.float64


def test_boxed_it_is_an_array_of_objects():
    boxed = ball(2.0).boxed()
    assert (boxed.shape, boxed.dtype) == ((), object)
    assert plain(boxed[()]) == 2


def test_a_place_of_the_caller_s_holds_no_ball():
    with pytest.raises(NotHeld, match="writes into an array"):
        np.add(ball(2.0), 3.0, out=np.zeros(()))


def test_a_sum_over_an_array_of_objects_that_holds_one():
    assert plain(np.add.reduce(np.array([ball(2.0), 3.0], object))) == 5
