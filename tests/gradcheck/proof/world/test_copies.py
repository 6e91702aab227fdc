"""Copies of the caller's objects behave as the objects do, and what they write is never seen outside."""

import json
import threading
import types
from abc import ABC, abstractmethod
from collections import defaultdict, deque
from functools import partial
from typing import Protocol

import numpy as np
import pytest

from scratchcnn.gradcheck.proof.balls.ball import precision
from scratchcnn.gradcheck.proof.world.run import NotRun, run
from scratchcnn.gradcheck.proof.world.world import World
from tests.gradcheck.proof import helpers
from tests.gradcheck.proof.world.worlds import middle, same

X = np.array([0.5, 2.25])


@pytest.fixture(autouse=True)
def at_256_bits():
    with precision(256):
        yield


def tripled(x):
    out = np.zeros(2)  # only in a translated function it can hold balls
    out += 3 * x
    return out


class _Xed_:  # a private name drops the underscores in front
    """All its attributes are in slots, and one of them is not set."""

    __slots__ = ("__both__", "__factor", "unset")

    def __init__(self, factor):
        self.__factor = self.__both__ = factor

    def times(self, x):
        return tripled(x) * self.__factor + self.__both__ + hasattr(self, "unset")


class Open(_Xed_):
    """Slots, and a dict."""

    def __init__(self, factor):
        super().__init__(factor)
        self.more = 2.0

    def times(self, x):
        return super().times(x) * self.more


class Made:
    """Python makes no instance of it without an argument."""

    def __new__(cls, factor):
        made = super().__new__(cls)
        made.factor = factor
        return made

    def times(self, x):
        return tripled(x) * self.factor


class OfThread(threading.local):
    """An object with a compiled base."""

    factor = 0.0

    def times(self, x):
        return tripled(x) * self.factor


class Set:
    """A property that is set."""

    inner = 1.0

    @property
    def factor(self):
        """What was set, twice."""
        return self.inner

    @factor.setter
    def factor(self, value):
        self.inner = 2 * value

    def times(self, x):
        self.factor = x[0]
        return tripled(x) * self.factor * len(type(self).factor.__doc__)


class Scaling(Protocol):
    """A class whose class is one of Python's library."""

    def times(self, x): ...


class Scaled(Scaling):
    factor = 4.0

    def times(self, x):
        return tripled(x) * self.factor


class Abstract(ABC):
    """A class that cannot be made."""

    @abstractmethod
    def times(self, x): ...


class Concrete(Abstract):
    def times(self, x):
        try:
            Abstract()
        except TypeError:
            return tripled(x) * isinstance(self, Abstract) * (1 + isinstance(x, Abstract))


class Named:
    """A descriptor, which counts how often it was named."""

    def __set_name__(self, owner, name):
        self.named = getattr(self, "named", 0) + 1

    def __get__(self, owner, kind):
        return self.named


class Described:
    factor = Named()

    def times(self, x):
        return tripled(x) * self.factor


class OneSlot:
    """A single slot, by its name alone."""

    __slots__ = "factor"

    def times(self, x):
        return tripled(x) * self.factor


class Weak(OneSlot):
    """Other objects may know it without keeping it."""

    __slots__ = ("__weakref__",)


class Degrees(float):
    """A number of the caller's kind."""

    def __new__(cls, value, more):
        made = super().__new__(cls, value)
        made.more = more
        return made

    def times(self, x):
        return tripled(x) * (self / 2) * self.more


class Word(str):
    def times(self, x):
        return tripled(x) * len(self)


class Table(dict):
    """A dict with a method and an attribute."""

    def times(self, x):
        return tripled(x) * self["factor"] * self.more


class Counted:
    """A counter in the class itself."""

    seen = np.zeros(2)
    count = 0

    def times(self, x):
        Counted.count += 1
        self.seen += x
        return tripled(x) + self.seen * Counted.count


OF_THREAD = OfThread()
OF_THREAD.factor = 1.5
TABLE = Table(factor=3.0)
TABLE.more = 2.0
ONE_SLOT, WEAK = OneSlot(), Weak()
ONE_SLOT.factor = WEAK.factor = 2.5
OBJECTS = [_Xed_(2.5), Open(2.5), Made(1.5), OF_THREAD, Set(), Scaled(), Concrete(), Described(), TABLE, Counted()]
OBJECTS += [Degrees(3.0, 2.0), Word("four"), ONE_SLOT, WEAK]
SIZES, HISTORY, SUMS = (2, 3.5), deque([1.0, 2.0], maxlen=2), defaultdict(lambda: np.zeros(2))
PAIRS, MASKED = np.array([[0.5], [3]], object), np.ma.array([1.0, 2.0], mask=[True, False])
MASKED_WHOLE, FUNCTIONS = np.ma.array([1, 2], mask=[True, False]), np.array([tripled], object)
SHARED = np.zeros(2)
HOLDERS = [SHARED], {"shared": SHARED}
BOUND = partial(tripled)


class Compiled:
    """As a function that Numba has compiled."""

    py_func = staticmethod(tripled)

    def __call__(self, x):
        return 3 * np.asarray(x)


COMPILED = Compiled()


def counter():
    """Two functions that share a variable."""
    total = 1.0

    def add(x):
        nonlocal total
        total = total + tripled(x)

    return add, lambda: total


ADD, TOTAL = counter()


def remembered(x):
    HISTORY.append(tripled(x))
    return HISTORY[0] + HISTORY[1] + len(HISTORY)


def summed(x):
    SUMS["x"] += x
    return SUMS["x"] * len(SUMS)


def renamed(x):
    return x * len(renamed.__name__)


renamed.__name__ = "a name of twenty-one."


@pytest.mark.parametrize("thing", OBJECTS, ids=lambda thing: type(thing).__name__)
def test_methods_of_a_copy_give_what_they_give_on_floats_and_change_nothing(thing):
    first = middle(run(World(), thing.times, X))
    again = middle(run(World(), thing.times, X))
    assert same(first, again)
    assert same(first, thing.times(X))
    Counted.seen[:], Counted.count = 0, 0


@pytest.mark.parametrize(
    "function",
    [
        *(remembered, summed, renamed, COMPILED.py_func, lambda x: x * SIZES[0] + SIZES[1], lambda x: x * PAIRS),
        *(lambda x: x * MASKED.filled(3.0) * MASKED_WHOLE.filled(3), lambda x: FUNCTIONS[0](x)),
        *(lambda x: x * len(helpers.__doc__), lambda x: COMPILED(x) + BOUND(x)),
    ],
)
def test_containers_are_copied_with_what_they_are(function):
    world = World()
    first = middle(run(world, function, X))
    assert (list(HISTORY), dict(SUMS)) == ([1.0, 2.0], {})
    assert same(first, function(X))
    HISTORY.extend([1.0, 2.0])
    SUMS.clear()


def test_an_array_that_is_in_two_places_is_one_array_in_the_copies():
    function = lambda x: (HOLDERS[0][0].__iadd__(x), HOLDERS[1]["shared"] * 2)[1]  # noqa: E731
    assert same(middle(run(World(), function, X)), 2 * X)
    assert not SHARED.any()


def test_functions_that_share_a_variable_share_its_copy():
    function = lambda x: (ADD(x), ADD(x), TOTAL())[2]  # noqa: E731
    assert same(middle(run(World(), function, X)), 1 + 6 * X)
    assert TOTAL() == 1


def test_things_have_one_copy_each():
    world = World()
    for thing in (TABLE, HISTORY, OBJECTS[0], tripled, PAIRS, types.SimpleNamespace(x=tripled), BOUND, COMPILED):
        assert world.translated(thing) is world.translated(thing)
        assert world.translated(thing) is not thing
    for plain in (SIZES, 3, "text", None, np.float64(2), slice(1), json):
        assert world.translated(plain) is plain


@pytest.mark.parametrize(
    ("name", "callers"),
    [
        *[("scratchcnn", True), ("scratchcnn.operations.dense", True), ("scratchcnn.gradcheck", False)],
        *[("scratchcnn.gradcheck.judge", False), ("scratchcnn.gradcheck.adapters.layer", True)],
        *[("scratchcnn.gradcheck.leaves", True), ("scratchcnn.gradchecks", True), ("numpy.linalg", False)],
        *[("json.decoder", False), ("__main__", True), ("hypothesis.strategies", False), ("no.such.module", True)],
        *[("math", False), (__name__, True)],
    ],
)
def test_whose_code_a_module_is(name, callers):
    assert World().is_callers(name) is callers


def test_a_package_is_the_callers_if_the_function_comes_from_it():
    inside, given = pytest.approx.__module__.partition(".")[0], pytest.approx
    for thing in (given, partial(partial(given, 1), 2), pytest.approx(1.0)):
        assert not World().is_callers(inside)
        assert World().at_home(thing).is_callers(f"{inside}.mark")
    for thing in (np.exp, np.linalg.norm, json.dumps, tripled, World, 3.0):
        world = World().at_home(thing)
        assert not any(map(world.is_callers, ("numpy", "json", "builtins", "scratchcnn.gradcheck", inside)))


def test_what_cannot_be_copied_is_named_and_nothing_half_made_is_used():
    class Stubborn:
        def __getattribute__(self, name):
            if name == "__dict__":
                raise RuntimeError("not mine")
            return object.__getattribute__(self, name)

    stubborn, world = Stubborn(), World()
    for _ in range(2):
        with pytest.raises(NotRun, match=r"cannot be copied \(.*not mine"):
            run(world, lambda x: (stubborn, x)[1], X)
