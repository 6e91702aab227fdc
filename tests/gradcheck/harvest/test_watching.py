"""Seeing the calls of a function that stays as it is."""

import asyncio
import inspect
import sys
import traceback

import pytest

from scratchcnn.gradcheck.harvest import watching
from scratchcnn.gradcheck.harvest.watching import watch


@pytest.fixture
def watched():
    """Watches a function until the test ends; gives the list of the arguments `x` of its calls."""
    ends = []

    def start(function):
        seen = []
        ends.append(watch(function, lambda frame: seen.append(frame.f_locals["x"])))
        return seen

    yield start
    for end in ends:
        end()


def double(x, *, times=2):
    """Twice x."""
    if x is None:
        raise ValueError("no number")
    return times * x


def test_calls_are_seen_whoever_holds_the_function(watched):
    held = [double]
    seen = watched(double)
    assert (held[0](3), double(x=4), double(5, times=1)) == (6, 8, 5)
    assert seen == [3, 4, 5]


def test_the_function_looks_as_before(watched):
    before = inspect.signature(double), double.__doc__, inspect.getsource(double), double.__code__.co_varnames
    watched(double)
    assert (inspect.signature(double), double.__doc__, inspect.getsource(double), double.__code__.co_varnames) == before


def test_an_exception_has_the_traceback_that_it_had(watched):
    def lines():
        with pytest.raises(ValueError, match="no number") as caught:
            double(None)
        return traceback.extract_tb(caught.value.__traceback__).format()[1:]

    before = lines()
    watched(double)
    assert lines() == before
    assert len(before) == 1


def test_recursion_generators_coroutines_and_closures(watched):
    rate = 3

    def factorial(x):
        return 1 if x == 0 else x * factorial(x - 1)

    def counting(x):
        yield x
        yield x * rate

    async def later(x):
        return x * rate

    seen = [watched(function) for function in (factorial, counting, later)]
    assert factorial(3) == 6
    assert list(counting(2)) == [2, 6]
    assert asyncio.run(later(4)) == 12
    assert seen == [[3, 2, 1, 0], [2], [4]]


def test_a_call_that_is_no_deeper_than_the_limit_stays_possible(watched):
    def depth(x):
        return x if x == 0 else depth(x - 1)

    watched(depth)
    left = sys.getrecursionlimit() - len(inspect.stack(0)) - 20
    assert depth(left) == 0


def test_functions_of_one_def_are_told_apart(watched):
    def make(factor):
        def scale(x):
            return factor * x

        return scale

    two, three = make(2), make(3)
    seen = watched(two)
    assert (two(1), three(1)) == (2, 3)
    assert seen == [1]


def test_after_the_end_the_function_is_what_it_was():
    code, seen = double.__code__, []
    end = watch(double, seen.append)
    assert double.__code__ is not code
    end()
    assert double.__code__ is code
    double(1)
    assert seen == []


def test_of_what_the_interpreter_tells_only_the_calls_that_are_watched_are_seen(monkeypatch):
    """The function that it calls, called here: tools that measure coverage do not see the interpreter call it."""
    seen = []

    def told(x):
        watching._started(double.__code__, 0)
        watching._started(told.__code__, 0)
        return x

    monkeypatch.setitem(watching._SEEN, id(told.__code__), lambda frame: seen.append(frame.f_locals["x"]))
    assert told(7) == 7
    assert seen == [7]
