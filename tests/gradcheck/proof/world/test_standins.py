"""What stands in for types and functions of Python and NumPy in the caller's code."""

import types
from collections import defaultdict

import numpy as np
import pytest

from scratchcnn.gradcheck.proof.balls.ball import precision
from scratchcnn.gradcheck.proof.world.run import NotRun, run
from scratchcnn.gradcheck.proof.world.world import World
from tests.gradcheck.proof.world.worlds import middle, same

X = np.array([0.5, 2.25])
SETTINGS = types.ModuleType("settings")
OBJECTS = np.array([0.5, 3], object)
DRAWS = np.random.RandomState(5)


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
        out[k] = out[k] * k
    return out


def later(x):
    def recursive(depth):
        return factor if depth == 0 else recursive(depth - 1)

    factor = 3.0
    return x * recursive(2)


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
        number_of_two,
        by_iterator,
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
        (lambda x: np.ndarray((2,), np.float32) * x, "cannot hold it"),
    ],
)
def test_what_has_no_stand_in_is_refused(function, why):
    function(X)
    with pytest.raises(NotRun, match=why):
        run(World(), function, X)
