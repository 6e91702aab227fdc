"""Seeing the calls of a function that stays as it is."""

import asyncio
import inspect
import sys
import traceback
from types import SimpleNamespace

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


def test_a_call_that_fails_at_its_first_step_is_seen(watched):
    def call():
        def early(x):
            return rate * x

        seen = watched(early)
        with pytest.raises(NameError, match="rate"):
            early(3)
        rate = 2
        return early(4), seen

    assert call() == (8, [3, 4])


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


class Monitoring:
    """Stands in for `sys.monitoring` of Python 3.12, where other tools have some numbers."""

    events = SimpleNamespace(PY_START=1, PY_RETURN=4)

    def __init__(self, names):
        self.names, self.callbacks, self.asked = dict(names), {}, []

    def get_tool(self, tool):
        return self.names.get(tool)

    def use_tool_id(self, tool, name):
        assert tool not in self.names
        self.names[tool] = name

    def register_callback(self, tool, event, call):
        assert ((tool, event) in self.callbacks) == (call is None)
        self.callbacks[tool, event] = call

    def free_tool_id(self, tool):
        del self.names[tool]

    def set_local_events(self, tool, code, events):
        self.asked.append((tool, code, events))


@pytest.mark.parametrize(
    ("others", "number"), [({0: "debugger"}, 4), ({3: "another"}, 4), ({0: "debugger", 4: "another"}, 3)]
)
def test_the_interpreter_is_asked_for_the_starts_of_calls_by_one_tool_that_has_a_free_number(
    monkeypatch, others, number
):
    monitoring = Monitoring(others)
    monkeypatch.setattr(sys, "monitoring", monitoring, raising=False)
    monkeypatch.setattr(sys, "version_info", (3, 12))
    monkeypatch.setattr(watching, "_SEEN", {})
    functions, seen = (double, Monitoring.get_tool), ([].append, [].append)
    before = [function.__code__ for function in functions]
    ends = [watch(function, each) for function, each in zip(functions, seen, strict=True)]
    codes = [function.__code__ for function in functions]
    assert not any(code is old for code, old in zip(codes, before, strict=True))
    assert dict(zip(map(id, codes), seen, strict=True)) == watching._SEEN
    assert monitoring.names == others | {number: watching.__name__}
    assert monitoring.callbacks == {(number, monitoring.events.PY_START): watching._started}
    assert monitoring.asked == [(number, code, monitoring.events.PY_START) for code in codes]
    ends[0]()
    assert monitoring.names == others | {number: watching.__name__}
    ends[1]()
    assert watching._SEEN == {}
    assert monitoring.names == others
    assert monitoring.callbacks == {(number, monitoring.events.PY_START): None}


def test_each_of_two_who_watch_a_function_sees_its_calls(watched):
    one, other = watched(double), watched(double)
    double(3)
    assert (one, other) == ([3], [3])


def test_those_who_watch_a_function_that_the_interpreter_tells_of_are_told_one_after_another(monkeypatch):
    monkeypatch.setattr(sys, "monitoring", Monitoring({}), raising=False)
    monkeypatch.setattr(sys, "version_info", (3, 12))
    monkeypatch.setattr(watching, "_SEEN", {})
    told = []
    ends = [watch(double, lambda frame, name=name: told.append((name, frame))) for name in ("one", "other")]
    watching._SEEN[id(double.__code__)]("a frame")
    assert told == [("one", "a frame"), ("other", "a frame")]
    ends[1]()
    watching._SEEN[id(double.__code__)]("another")
    assert told[2:] == [("one", "another")]
    ends[0]()


def test_of_what_the_interpreter_tells_only_the_calls_that_are_watched_are_seen(monkeypatch):
    """The function that it calls, called here: tools that measure coverage do not see the interpreter call it."""
    seen, started = [], inspect.unwrap(watching._started)  # mutmut wraps a function, in further frames

    def told(x):
        started(double.__code__, 0)
        started(told.__code__, 0)
        return x

    monkeypatch.setitem(watching._SEEN, id(told.__code__), lambda frame: seen.append(frame.f_locals["x"]))
    assert told(7) == 7
    assert seen == [7]
