"""What NumPy's functions give for floats they give for balls, with slopes."""

import numpy as np
import pytest

from scratchcnn.gradcheck.proof.balls.arrays import Balls, Whole, as_balls, lift
from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, precision
from scratchcnn.gradcheck.proof.world import standins  # noqa: F401  # all rules are loaded
from tests.gradcheck.proof.balls.expressions import (
    DECISIONS,
    ELEMENTWISE,
    MISFITS,
    NOT_HELD,
    ORDER,
    PRODUCTS,
    REDUCTIONS,
    SHAPES,
)
from tests.gradcheck.proof.world.worlds import middle, same

RNG = np.random.default_rng(0)
X = RNG.normal(size=(3, 4))
NUMBERS = {
    "np": np, "X": X, "P": np.abs(X) + 0.1, "V": RNG.normal(size=4), "S": RNG.normal(size=(4, 4)),
    "T": RNG.normal(size=(2, 3, 4)), "I": np.array([2, 0, 1]),
}  # fmt: skip


@pytest.fixture(autouse=True)
def at_256_bits():
    with precision(256):
        yield


def on_balls(expression, slopes=True):
    lifted = {
        name: lift(a, np.ones(a.shape) if slopes else None) if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a
        for name, a in NUMBERS.items()
    }
    return eval(expression, lifted)


@pytest.mark.parametrize("expression", [*REDUCTIONS, *PRODUCTS, *SHAPES, *ELEMENTWISE, *ORDER, *DECISIONS])
def test_functions_give_what_they_give_on_floats(expression):
    expected, found = eval(expression, dict(NUMBERS)), on_balls(expression)
    assert same(middle(found), expected)
    if isinstance(expected, np.ndarray):
        assert type(found) is (Balls if expected.dtype.kind == "f" else Whole) or expected.dtype.kind in "ib"
    elif isinstance(expected, float):
        assert type(found) is Ball
    elif isinstance(expected, bool | np.bool_):
        assert isinstance(found, bool | np.bool_)


@pytest.mark.parametrize("expression", [*REDUCTIONS, *PRODUCTS, *ELEMENTWISE])
def test_slopes_are_those_of_differences(expression):
    found = on_balls(expression)
    if isinstance(found, tuple | list):
        found = np.stack([as_balls(f) for f in found])
    slopes = [float(b.slope.mid()) if b.slope is not None else 0.0 for b in np.ravel(np.asarray(found)).tolist()]
    h = 1e-6
    moved = [{k: a + s * h if isinstance(a, np.ndarray) and a.dtype.kind == "f" else a for k, a in NUMBERS.items()}
             for s in (1, -1)]  # fmt: skip
    ahead, behind = (np.ravel(np.asarray(eval(expression, m))) for m in moved)
    assert np.allclose(slopes, (ahead - behind) / (2 * h), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("expression", NOT_HELD)
def test_what_has_no_rule_is_refused(expression):
    eval(expression, dict(NUMBERS))
    with pytest.raises(NotHeld):
        on_balls(expression)


@pytest.mark.parametrize("expression", MISFITS)
def test_shapes_that_do_not_fit_are_refused_as_for_floats(expression):
    with pytest.raises(ValueError, match=r"."):
        eval(expression, dict(NUMBERS))
    with pytest.raises(ValueError, match=r"."):
        on_balls(expression)
