"""What stands in for types and functions of Python and NumPy in the caller's code."""

import math
import types
from collections import defaultdict
from math import exp, floor, sqrt

import numpy as np
import pytest

from scratchcnn.gradcheck.proof.balls.arrays import lift
from scratchcnn.gradcheck.proof.balls.ball import precision
from scratchcnn.gradcheck.proof.world.run import NotRun, run
from scratchcnn.gradcheck.proof.world.standins import numeric
from scratchcnn.gradcheck.proof.world.world import World
from tests.gradcheck.proof.world.worlds import middle, same

X = np.array([0.5, 2.25])
SETTINGS = types.ModuleType("settings")
OBJECTS = np.array([0.5, 3], object)
POLYNOMIAL = np.poly1d([1.0, 2.0])
GENERATOR = np.random.default_rng(5)
SINGLE = np.ones(2, np.float32)
UNIFORM = np.random.RandomState(5).uniform


@pytest.fixture(autouse=True)
def at_256_bits():
    with precision(256):
        yield


def number_of_two(x):
    try:
        return x * float(x)
    except TypeError:
        return x * 2


def by_iterator(x):
    out = x.copy()
    for k, _ in enumerate(np.nditer(x)):
        out[k] = out[k] * (k + 2)
    return out


def in_fortrans_order(x):
    table = np.array([x, 2 * x])
    for value in np.nditer(table, [], [["readwrite"]]):
        value[...] = 3 * value
    return np.array([value.item() for value in np.nditer(table, order="F")])


def later(x):
    def recursive(depth):
        return factor if depth == 0 else recursive(depth - 1)

    factor = 3.0
    return x * recursive(2)


def same_types(one, other):
    return one == other


def with_tables(x):
    """Arrays made by methods of ufuncs, into which balls are written."""
    pairs, sums = np.add.outer([1.0, 2.0], [0.5]), np.add.reduce([[1.0, 2.0], [3.0, 4.0]], axis=1)
    steps, parts = np.add.accumulate([1.0, 2.0]), np.add.reduceat([1.0, 2.0, 4.0], [0, 1])
    pairs[0] = x[0]
    for place in (sums, steps, parts):
        place += x
    return pairs[:, 0] + sums * steps * parts


def set_in_a_module(x):
    SETTINGS.factor = x[0]
    return x * SETTINGS.factor


def counted(x):
    counts = defaultdict(float)
    counts["sum"] += x[0]
    return x * counts["sum"] + counts["nothing"]


def around_itself(x):
    inner = [x]
    both = (inner, 2.0)
    inner.append(both)
    return both[0][0] * both[1]


@pytest.mark.parametrize(
    "function",
    [
        lambda x: x * {float: 2.0, int: 3.0}[float],
        lambda x: x * issubclass(np.float64, float),
        lambda x: x * (len(repr(float)) + len(float.__name__)),
        lambda x: x * (list[float] is not None),
        lambda x: x * np.ndarray((2,), float).size,
        lambda x: x * np.float64(x[:1]),
        lambda x: np.float64(x) * 2,
        lambda x: x * np.add.identity + np.add.nin,
        lambda x: x * np.power(2, 3),
        lambda x: np.array([[x[0], x[1]], x]),
        lambda x: np.arange(0, 3) * x[0],
        lambda x: np.arange(0, x[1]),
        lambda x: np.arange(x[0], 3, x[0]),
        lambda x: np.linspace(0, x[1], 3),
        lambda x: np.linspace(x, x + 1, 3),
        lambda x: np.vectorize(lambda number: number**2)(x),
        lambda x: np.vectorize(lambda number: number**2)(x[0]),
        lambda x: x * OBJECTS,
        lambda x: x * np.random.RandomState(3).normal(size=2),
        lambda x: x * np.float64(2) * np.float64("0.5") * float("2.5") * float.fromhex("0x1p1"),
        lambda x: x * int("11", 2) * int("7") * int("11", base=4) + np.int64() + np.float64(),
        lambda x: x * isinstance(np.float64(x[:1].reshape(())), float),
        lambda x: np.int64(4.5 * x) * int(x[1:].reshape(())) * x,
        lambda x: x * sum(np.dtype(t).itemsize for t in (float, int, np.float32, np.int8, np.uint16)),
        lambda x: x * len(float.__doc__) * (x.dtype.type == np.float64) * (np.float64 == x.dtype.type),
        lambda x: x * np.ndarray((2,), np.int64, np.arange(3, 6), offset=8),
        lambda x: np.array([[x[0], 1.0], [2.0, x[1]]]) + np.array([1.0, x[0]]) + np.array([1.0, 2.0]),
        lambda x: np.exp([1.0, x[0]]) + np.exp([[1.0, x[0]], [x[1], 1.0]]) + np.exp([x[0], 1.0]),
        lambda x: x * same_types(float, float) * {np.float64: 2.0}[x.dtype.type] + same_types(float, int),
        lambda x: x * (1 + isinstance("a", float)) + issubclass(str, float) + issubclass(int, (str, int)),
        lambda x: x[np.array([1, 0])],
        lambda x: np.concatenate([np.arange(2 * x[1]), np.arange(x[1], 0)]),
        lambda x: np.linspace(0, x[1], 4, endpoint=False) * np.linspace(0, x[1], 2)[1],
        lambda x: x * len(GENERATOR.bit_generator.state),
        lambda x: np.linspace(0, x[1]) + np.linspace(x[0], x[1]),
        lambda x: x * np.linspace(0, 1, 3, True, True)[0][2] * len(np.__doc__),
        lambda x: x * np.issubdtype(x.dtype.type, np.floating) + np.issubdtype(np.int64, float),
        lambda x: POLYNOMIAL(x),
        lambda x: np.linspace(x, 1, 3) + np.linspace(1, x, 3),
        lambda x: x[np.vectorize(lambda n: int(n > 1))(x[None])[0]],
        lambda x: np.array([exp(v) for v in x]) * floor(x[1]),
        lambda x: x * np.logaddexp.reduce([x[0], x[1]]) + np.hypot.reduce([3.0, 4.0]),
        with_tables,
        lambda x: np.add.reduce(np.array([x, 3 * x]), axis=1) * np.linspace(0, 5, 3, dtype=int)[1],
        lambda x: sum(x for _ in range(np.power(2, 1))),
        lambda x: x * UNIFORM(2.0, 2.0, size=2),
        number_of_two,
        by_iterator,
        in_fortrans_order,
        later,
        set_in_a_module,
        counted,
        around_itself,
    ],
)
def test_the_callers_code_gives_what_it_gives_on_floats(function):
    expected = function(X)
    assert same(middle(run(World(), function, X)), expected)


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda x: np.vectorize(np.sum, signature="(n)->()")(x), "vectorizes more than a function of numbers"),
        (lambda x: np.vectorize(np.add, excluded=[1])(x, 1.0), "vectorizes more than a function of numbers"),
        (lambda x: np.ndarray((2,), np.float32) * x, "cannot hold it"),
        (lambda x: np.arange(0, 2, 1, np.float32) * x, "cannot hold it"),
        (lambda x: np.arange(2, dtype=np.float32) * x, "cannot hold it"),
        (lambda x: np.float32(x[0]) * x, "rounds to float32, which a ball cannot"),
    ],
)
def test_what_has_no_stand_in_is_refused(function, why):
    function(X)
    with pytest.raises(NotRun, match=f"{why}$"):
        run(World(), function, X)


@pytest.mark.parametrize(
    "root",
    [
        lambda: np.sqrt(2.0),
        lambda: np.sqrt(2),
        lambda: np.power(2.0, 0.5),
        lambda: np.hypot(1.0, 1.0),
        lambda: math.sqrt(2),
        lambda: sqrt(2),
        lambda: math.pow(2, 0.5),
        lambda: np.exp2([0.5])[0],
        lambda: np.exp(np.log(2.0) / 2),
        lambda: np.sqrt(np.full(2, 2.0))[0],
        lambda: np.sqrt(np.arange(3))[2],
    ],
)
def test_roots_and_powers_of_numbers_are_enclosed(root):
    found = run(World(), lambda x: x * root(), X)[0] * 2
    assert (found * found).value.contains(2)
    assert found.value.rel_accuracy_bits() > 200


@pytest.mark.parametrize("fill", [-1e9, -1e18, -1e30, -1e300, float(np.finfo(np.float32).min)])
def test_the_exponential_of_what_hides_a_number_is_tiny(fill):
    """FLINT ended the process where it was asked whether e^(-1e30) is an integer."""
    (hidden,) = run(World(), lambda x: np.exp(fill) + math.exp(fill) + 0 * x[:1], X)
    assert 0 <= hidden.value < 1e-300


def test_a_view_of_integers_makes_balls_where_it_is_divided():
    whole = np.arange(1, 3)
    for view in (np.ravel, np.atleast_1d, lambda a: np.reshape(a, (2,)), lambda a: np.moveaxis(a, 0, 0)):
        (third, _) = run(World(), lambda x, view=view: view(whole) / 3, X)
        assert (third * 3).value.contains(1)


@pytest.mark.parametrize(
    "made",
    [
        lambda: np.cumsum([1, 1]),
        lambda: UNIFORM(1.0, 1.0, 2),
        lambda: np.cumsum(SINGLE, dtype=float),
    ],
    ids=["integers", "floats", "floats of less precise ones"],
)
def test_arrays_that_numpy_makes_of_plain_numbers_are_divided_without_rounding(made):
    (third, _) = run(World(), lambda x: made() / 3, X)
    assert (third * 3).value.contains(1)


@pytest.mark.parametrize("value", [3.5, "text", None, [1.0], print])
def test_what_is_not_of_numpy_needs_no_stand_in(value):
    assert numeric(value, World().translated) is value


def test_arrays_that_methods_of_ufuncs_make_hold_balls():
    moving = lift(X, np.ones(2))
    found = run(World(), with_tables, moving)
    assert same(middle(found), with_tables(X))
    assert all(b.slope is not None for b in found)


def test_a_range_moves_with_its_ends():
    found = run(World(), lambda x: np.arange(x[0], 3 + x[0]), lift(X, np.ones(2)))
    assert [(float(b.value), float(b.slope)) for b in found] == [(0.5, 1), (1.5, 1), (2.5, 1)]


def logsumexp(x):
    raise AssertionError("its stand-in is called")


def test_functions_of_scipy_have_stand_ins_by_their_module_and_name():
    logsumexp.__module__ = "scipy.special._of_sums"
    with precision(256):
        found = numeric(logsumexp, World().translated)([lift(X)[0], lift(X)[1]])
        assert same(middle(found), np.log(np.exp(X).sum()))
    for name, module in [("logsumexp", "scipy.stats"), ("other", "scipy.special")]:
        other = types.FunctionType(logsumexp.__code__, {}, name)
        other.__module__ = module
        assert numeric(other, World().translated) is other


def test_an_array_of_several_numbers_is_no_number():
    with pytest.raises(NotRun, match=r"\(TypeError: only arrays of size 1 can be converted to Python scalars\)$"):
        run(World(), lambda x: float(x), X)
