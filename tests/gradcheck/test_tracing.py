"""Which of the ways to trace is paused within the harness; an interpreter that only notes what it is told stands in."""

import sys
from types import SimpleNamespace

import pytest

from scratchcnn.gradcheck import tracing
from scratchcnn.gradcheck.tracing import traced, untraced

EVENTS = 33


@pytest.fixture
def traces_itself(monkeypatch):
    """Hypothesis traces by `sys.settrace`; gives what says whether it sees what runs."""

    def tracer(frame, event, argument):
        raise AssertionError("the interpreter only notes who traces")

    tracer.__module__ = tracing.TRACER
    now = [tracer]
    monkeypatch.setattr(sys, "gettrace", lambda: now[0])
    monkeypatch.setattr(sys, "settrace", lambda trace: now.append(trace) or now.pop(0))
    return lambda: now == [tracer]


@pytest.fixture
def is_told(monkeypatch):
    """`sys.monitoring` tells Hypothesis and a debugger; gives what says whether Hypothesis is told."""
    tools, events = {2: "debugger", 4: tracing.MONITOR}, {2: EVENTS, 4: EVENTS}
    monitoring = SimpleNamespace(get_tool=tools.get, get_events=events.get, set_events=events.__setitem__)
    monkeypatch.setattr(sys, "gettrace", lambda: None)
    monkeypatch.setattr(sys, "monitoring", monitoring, raising=False)

    def sees():
        assert events[2] == EVENTS  # the debugger is left alone
        assert events[4] in (0, EVENTS)
        return events[4] == EVENTS

    return sees


@pytest.fixture(params=["traces_itself", "is_told"])
def sees(request):
    return request.getfixturevalue(request.param)


@untraced
def check(function):
    """What the function returns before, within and after what is the caller's."""
    return function(), traced(function), function()


def test_hypothesis_sees_what_is_the_caller_s_alone(sees):
    assert sees()
    assert check(sees) == (False, True, False)
    assert sees()


def test_a_check_within_a_check_is_one(sees):
    @untraced
    def outer():
        return check(sees), sees()

    assert outer() == ((False, True, False), False)
    assert sees()


def test_an_exception_leaves_it_as_it_was(sees):
    def bad():
        raise ArithmeticError

    @untraced
    def outer():
        with pytest.raises(ArithmeticError):
            traced(bad)
        return sees()

    assert not outer()
    with pytest.raises(ArithmeticError):
        untraced(bad)()
    assert sees()


def test_another_tracer_stays(monkeypatch):
    told = []
    monkeypatch.setattr(sys, "gettrace", lambda: lambda *_: None)
    monkeypatch.setattr(sys, "settrace", told.append)
    assert check(lambda: len(told)) == (0, 0, 0)


@pytest.mark.parametrize("monitoring", [None, SimpleNamespace(get_tool={2: "debugger"}.get)], ids=["old", "new"])
def test_where_nothing_of_hypothesis_s_traces_nothing_is_changed(monkeypatch, monitoring):
    monkeypatch.setattr(sys, "gettrace", lambda: None)
    monkeypatch.setattr(sys, "settrace", None)
    monkeypatch.setattr(sys, "monitoring", monitoring, raising=False)
    assert check(lambda: "run") == ("run", "run", "run")
