"""What NumPy's functions give for floats they give for balls, with slopes."""

import re

import numpy as np
import pytest
from flint import arb, fmpq

from scratchcnn.gradcheck.proof.balls.arrays import INSTEAD, Balls, Whole, as_balls, lift
from scratchcnn.gradcheck.proof.balls.ball import Ball, NotHeld, precision
from scratchcnn.gradcheck.proof.balls.recording import recording
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


@pytest.mark.parametrize(("expression", "why"), NOT_HELD.items())
def test_what_has_no_rule_is_refused(expression, why):
    eval(expression, dict(NUMBERS))
    with pytest.raises(NotHeld, match=rf"^{re.escape(why)}$"):
        on_balls(expression)


@pytest.mark.parametrize(("expression", "why"), MISFITS.items())
def test_shapes_that_do_not_fit_are_refused_as_for_floats(expression, why):
    with pytest.raises(ValueError, match=r"."):
        eval(expression, dict(NUMBERS))
    with pytest.raises(ValueError, match=rf"^{re.escape(why)}$"):
        on_balls(expression)


def test_a_quotient_of_whole_numbers_is_not_rounded():
    ones = lift(np.ones(3)).astype(int)
    for third in (ones / 3, np.true_divide(ones, 3), ones * lift(np.ones(3)) / 3, np.divide(ones, ones * 3)):
        assert all(b.value.contains(arb(fmpq(1, 3))) for b in third.tolist())
    assert np.hypot.reduce(ones[:2]).value.contains(arb(2).sqrt())
    assert np.divmod(ones, 0.3)[1][0].value.contains(arb(1) - 3 * arb(0.3))


@pytest.mark.parametrize(
    "joined",
    [
        lambda x: np.concatenate([x, [0.1]]),
        lambda x: np.append(x, 0.1),
        lambda x: np.pad(x, (0, 1), constant_values=0.1),
        lambda x: np.insert(x, 1, 0.1),
        lambda x: (y := np.append(x, 0), np.copyto(y[1:], 0.1))[0],
        lambda x: (y := np.append(x, 0), np.put(y, 1, 0.1))[0],
        lambda x: (y := np.append(x, 0), y.flat.__setitem__(1, 0.1))[0],
    ],
)
def test_numbers_that_join_balls_are_not_rounded(joined):
    x, tenth = joined(lift(np.ones(1), np.ones(1))), arb(fmpq(*(0.1).as_integer_ratio()))
    seventh = np.concatenate([x[:1] * 7, [7]])
    for found, expected in [
        (x * x, tenth * tenth),
        (x / seventh, tenth / 7),
        (x + x + x, 3 * tenth),
        (np.multiply.outer(x, x)[1], tenth * tenth),
        (np.multiply.reduce([x[1:], x[1:] + 0, x[1:] * 1]), tenth**3),
        (np.square(x), tenth**2),
        ((x[None] * x[None])[0], tenth**2),
        ((x[None] @ x[:, None])[0], 1 + tenth**2),
    ]:
        assert found[-1].value.contains(expected)


def test_of_floats_that_are_thrown_away_nothing_is_said():
    never = lift(X) > 9
    with np.errstate(all="raise"):
        assert np.isnan(never / never).all()


def test_a_share_of_places_that_moves_beyond_the_last_number_is_a_kink():
    with recording() as run:
        last = INSTEAD[np.quantile](lift(np.arange(4.0), np.arange(4)), Ball(arb(1), arb(2)))
    assert (run.met, last.value, last.slope) == (1, 3, 3)


@pytest.mark.parametrize("other", [-np.inf, 0.5, np.inf, np.nan])
def test_infinities_are_close_to_themselves_alone_and_nan_to_nothing_unless_asked(other):
    found = [-np.inf, 0.5, np.inf, np.nan]
    for equal in (False, True):
        expected = np.isclose(found, other, equal_nan=equal).tolist()
        assert INSTEAD[np.isclose](lift(np.array(found)), other, equal_nan=equal).tolist() == expected
