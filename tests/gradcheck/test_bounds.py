"""The numerical side's bounds, held to derivatives known to fifty digits."""

from dataclasses import dataclass

import mpmath as mp
import numpy as np
import pytest
from hypothesis import settings

from scratchcnn.gradcheck import numerical_gradient
from scratchcnn.gradcheck.numerical.gradient import derivatives
from scratchcnn.gradcheck.numerical.kinks import DECIDED
from scratchcnn.gradcheck.numerical.noise import measure_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.verdict import VOUCHING_ROUNDOFFS, VOUCHING_SHARE
from tests.gradcheck.functions import OF_ONE
from tests.gradcheck.functions_of_many import OF_MANY
from tests.gradcheck.known import Known, exact

FUNCTIONS = [*OF_ONE, *OF_MANY]
DIGITS = 50
# Three draws of each function; twenty-five in the deep profile.
SEEDS = range(max(3, settings().max_examples // 400))
# Outside their bound may be one in ten thousand of the decided entries; undecided, this share of all.
OUTSIDE = 1e-4
SMALLEST = mp.mpf(float(np.finfo(float).smallest_subnormal))  # nothing below it can be told
UNDECIDED = {"smooth": 0.001, "hard": 0.05, "broken": 0.05}


@dataclass(frozen=True)
class Survey:
    """How the bounds of a function fare: a count of its entries, and the relative bounds of those decided."""

    name: str
    entries: int
    outside: int
    undecided: int
    relative: np.ndarray

    def __str__(self):
        return f"{self.name}: {self.outside} outside their bound, {self.undecided} undecided, of {self.entries}"


def drawn(known: Known, seed: int):
    """The inputs and the cotangent of one draw."""
    rng = np.random.default_rng(seed)
    inputs = known.draw(rng)
    shape = np.shape(known.forward(*inputs))
    return inputs, rng.uniform(0.5, 2, shape) * rng.choice([-1, 1], shape)


def survey(known: Known) -> Survey:
    outside, decided, relative = [], [], []
    for seed in SEEDS:
        inputs, g = drawn(known, seed)
        with mp.workdps(DIGITS):
            gradients = known.gradient(exact(g), *map(exact, inputs))
        for index, truth in enumerate(gradients):
            found = numerical_gradient(known.forward, inputs, index, g)
            size = np.abs(truth).astype(float)
            # What a bound must be below to be worth the name of a decision: the rule that verdicts follow.
            roundoff = np.finfo(float).eps * np.abs(g * known.forward(*inputs)).sum() / np.abs(inputs[index]).max()
            enough = np.maximum(VOUCHING_SHARE * size.max(), VOUCHING_ROUNDOFFS * roundoff)
            known_here = np.isin(found.status, DECIDED) & (found.bound <= enough)
            with mp.workdps(DIGITS):
                missed = np.abs(exact(found.value) - truth) > exact(found.bound) + SMALLEST
            decided.append(known_here.ravel())
            outside.append((missed & np.isin(found.status, DECIDED)).ravel())
            relative.append((found.bound / np.where(size > 0, size, np.inf))[known_here])
    outside, decided = np.concatenate(outside), np.concatenate(decided)
    return Survey(known.name, decided.size, int(outside.sum()), int((~decided).sum()), np.concatenate(relative))


def test_the_functions_are_many_and_of_every_kind():
    assert len({f.name for f in FUNCTIONS}) == len(FUNCTIONS)
    assert min(len(OF_ONE), len(OF_MANY)) >= 30
    assert sum(a.size for f in FUNCTIONS for seed in SEEDS for a in drawn(f, seed)[0]) >= 20_000


@pytest.mark.parametrize("kind", UNDECIDED)
def test_known_derivatives_lie_within_their_bounds(kind):
    with np.errstate(all="ignore"):
        surveys = [survey(f) for f in FUNCTIONS if f.kind == kind]
    told = "\n".join(str(s) for s in surveys if s.outside or s.undecided)
    entries, outside, undecided = (sum(getattr(s, n) for s in surveys) for n in ("entries", "outside", "undecided"))
    assert outside <= OUTSIDE * (entries - undecided), told
    assert undecided <= UNDECIDED[kind] * entries, told
    if kind == "smooth":
        assert np.median(np.concatenate([s.relative for s in surveys])) <= 1e-10


def test_a_value_that_is_not_finite_is_undecided():
    with np.errstate(all="ignore"):
        found = numerical_gradient(np.log, [[0.0]], 0, [1.0])
    assert list(found.status) == ["not finite"]


LOSING = [
    # forward, point, and which entries depend on what is not finite
    (np.log, [-1.0, 1.0], [True, False]),
    (np.log, [0.0, 1.0, 2.0], [True, False, False]),
    (lambda x: np.log(x).sum(), [-1.0, 1.0], [True, True]),
    (lambda x: np.log(x).sum(axis=1), [[-1.0, 1.0], [2.0, 3.0]], [[True, True], [False, False]]),
    (lambda x: np.append(np.log(x[0] - x[1]), x * x), [1.0, 2.0, 3.0], [True, True, False]),
    (np.exp, [1000.0, 1.0], [True, False]),
    (lambda x: 1 / x, [0.0, 2.0], [True, False]),
    (lambda x: np.append(x * x, np.nan), [1.0, 2.0], [True, True]),
    (lambda x: np.exp(x) / np.exp(x).sum(), [-np.inf, 1.0, 2.0], [True, False, False]),
    (lambda x: np.append(np.log(x.sum() - 1000), x**2), [1.0, 2.0, 3.0], [True, True, True]),
]


@pytest.mark.parametrize(("forward", "point", "lost"), LOSING)
def test_only_what_depends_on_a_value_that_is_not_finite_is_undecided(forward, point, lost):
    with np.errstate(all="ignore"):
        shape = np.shape(forward(np.array(point)))
        found = numerical_gradient(forward, [point], 0, np.ones(shape))
    assert ((found.status == "not finite") == lost).all(), found
    assert np.isin(found.status, ["ok", "not finite"]).all(), found


def test_the_other_entries_are_right_where_one_is_lost():
    with np.errstate(all="ignore"):
        found = numerical_gradient(np.log, [[-1.0, 4.0, 0.0, 0.5]], 0, np.ones(4))
    assert list(found.status) == ["not finite", "ok", "not finite", "ok"]
    np.testing.assert_array_less(np.abs(found.value - [0, 0.25, 0, 2])[1::2], found.bound[1::2])


def test_arrays_come_back_in_the_input_s_shape():
    found = numerical_gradient(lambda x, w: x @ w, [np.ones((2, 3)), np.ones((3, 4))], 1, np.ones((2, 4)))
    assert {a.shape for a in (found.value, found.bound, found.status, found.method)} == {(3, 4)}
    np.testing.assert_array_less(np.abs(found.value - 2), found.bound)


def test_misuse_is_named():
    with pytest.raises(ValueError, match=r"output's shape \(2,\), got \(3,\)"):
        numerical_gradient(np.sin, [[1.0, 2.0]], 0, [1.0, 1.0, 1.0])
    with pytest.raises(TypeError, match="int64"):
        numerical_gradient(np.sin, [[1, 2]], 0, [1.0, 1.0])
    with pytest.raises(ValueError, match="index"):
        numerical_gradient(np.sin, [[1.0]], 1, [1.0])


def test_the_complex_step_sees_through_an_offset():
    x = np.random.default_rng(4).standard_normal(8)
    found = numerical_gradient(lambda x: 1e8 + np.sin(x), [x], 0, np.ones(8))
    assert set(found.method) == {"complex step"}
    assert (np.abs(found.value - np.cos(x)) <= found.bound).all()
    assert (found.bound < np.spacing(1e8)).all()  # one roundoff of the output


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: 1e8 + np.abs(x),  # real
        lambda x: 1e8 + np.sin(np.conj(x)),  # minus the derivative
        lambda x: 1e8 + np.sin(x.astype(np.float64)),  # drops the imaginary part
    ],
    ids=["abs", "conj", "float64"],
)
def test_the_complex_step_is_dropped_where_it_is_broken(forward):
    x = np.random.default_rng(4).standard_normal(8)
    found = numerical_gradient(forward, [x], 0, np.ones(8))
    assert "complex step" not in set(found.method)


STILL = [
    # forward, point: outputs that do not move with the first entry, and its derivative
    (lambda x: np.abs(x) + np.sin(x), [-2.75e-8, 0.7], -2 * np.sin(1.375e-8) ** 2),
    (lambda x: np.abs(x) + np.sin(x), [-2.75e-8], -2 * np.sin(1.375e-8) ** 2),
    (lambda x: (np.abs(x) + np.sin(x)).sum(), [-2.75e-8, 0.7], -2 * np.sin(1.375e-8) ** 2),
    (lambda x: 0.5 * (1 + np.tanh(x / 2)), [-40.0], 0.25 / np.cosh(20) ** 2),
    (lambda x: 0.5 * (1 + np.tanh(x / 2)), [-40.0, 0.3], 0.25 / np.cosh(20) ** 2),
    (lambda x: (0.5 * (1 + np.tanh(x / 2))) @ np.ones((2, 3)), [-40.0, 0.3], 0.75 / np.cosh(20) ** 2),
    (lambda x: 1 - np.cos(x), [1e-12, 0.5], 1e-12),
    (lambda x: np.sqrt(1 + x * x) - 1, [1e-9, 0.3], 1e-9),
    (lambda x: np.maximum(x, 0), [-1.0, 2.0], 0),
    (lambda x: np.maximum(x, 0), [-1.0, -2.0], 0),
    (lambda x: np.maximum(x, 0).sum(), [-1.0, -2.0], 0),
    (lambda x: np.clip(x, -1, 1), [3.0, 0.5], 0),
    (lambda x: 1.0 * (x > 0.3), [1.0, -0.5], 0),
]


@pytest.mark.parametrize(("forward", "point", "slope"), STILL)
def test_an_entry_that_moves_nothing_has_a_bound_of_roundoff(forward, point, slope):
    found = numerical_gradient(forward, [point], 0, np.ones(np.shape(forward(np.array(point)))))
    assert found.status[0] == "ok"
    assert 0 < found.bound[0] < 1e-6
    assert abs(found.value[0] - slope) <= found.bound[0]


def test_what_would_matter_is_told_where_the_output_is_zero():
    x = np.random.default_rng(0).standard_normal(8)
    probe = Probe(lambda o: ((x - o) ** 2 / 2).sum(), [x], 0)
    contraction = Contraction(probe, np.ones(1), measure_noise(probe, np.random.default_rng(0)))
    found = derivatives(contraction, np.arange(8))
    assert (found.scale > 0).all()
    assert (found.bound <= VOUCHING_ROUNDOFFS * found.roundoff).all()
    assert (VOUCHING_ROUNDOFFS * found.roundoff < VOUCHING_SHARE * found.scale).all()


@pytest.mark.parametrize(
    ("forward", "most"),
    [
        (lambda x: np.maximum(x, 0), 300),
        (lambda x: np.clip(x, -1, 1), 300),
        (lambda x: np.exp(np.maximum(x, 0)), 300),
        (lambda x: np.maximum(x, 0).sum(), 2500),
        (lambda x: np.sort(x)[-10:], 5000),
    ],
    ids=["relu", "clip", "exp of relu", "sum of relus", "ten largest"],
)
def test_entries_that_move_nothing_cost_little(forward, most):
    """A look over all scales at each of them would be ten thousand evaluations."""
    calls = 0

    def counted(x):
        nonlocal calls
        calls += 1
        return forward(x)

    x = np.random.default_rng(0).standard_normal(100)
    numerical_gradient(counted, [x], 0, np.ones(np.shape(forward(x))))
    assert calls <= most
