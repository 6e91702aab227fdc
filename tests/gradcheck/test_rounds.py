"""Rounds of loops and calls are counted, and branches are not."""

import gc
import operator
import sys

import pytest

from scratchcnn.gradcheck.rounds import REPEATS, are_as_many_rounds


def loop(times):
    x = 0.0
    while x < times:
        x += 1
    return x


def loop_on_one_line(times):
    return [k for k in range(times)]


def jump_back(times):
    for k in range(10):
        if k < times:
            continue
        abs(k)


def branch(side):
    x = 1.0
    if side > 1:
        x = x + 1
    else:
        x = x - 1
        x = x * 2
    return x


def branches(side):
    return [k * 2 if k < side else (k - 1) for k in range(5)]


def recursion(depth):
    return 0 if depth == 0 else 1 + recursion(depth - 1)


def callback(times):
    return sorted(range(times), key=lambda k: -k)


@pytest.mark.parametrize("function", [loop, loop_on_one_line, recursion, callback])
def test_another_round_or_call_is_seen(function):
    assert are_as_many_rounds(function, [(3,), (3,)])
    assert not are_as_many_rounds(function, [(3,), (4,)])
    assert not are_as_many_rounds(function, [(3,), (3,), (2,)])


@pytest.mark.parametrize("function", [branch, branches, jump_back])
def test_another_branch_is_no_round(function):
    assert are_as_many_rounds(function, [(1,), (3,)])


def test_what_is_called_when_garbage_is_collected_does_not_count():
    phases = []

    def callback(phase, info):
        phases.append(phase)

    def function(times):
        if times > 1:
            gc.collect(0)

    added = [callback, operator.is_]  # that of C has no code
    gc.callbacks.extend(added)
    try:
        assert are_as_many_rounds(function, [(1,), (2,)])
    finally:
        for each in added:
            gc.callbacks.remove(each)
    assert "start" in phases


@pytest.mark.parametrize("added", [[1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 0, 0, 1, 1, 1, 0]])
def test_what_comes_in_between_at_some_calls_does_not_count(added):
    left = list(added)

    def function(place):
        loop(2 + (left.pop(0) if left else 0))

    assert are_as_many_rounds(function, [(1,), (2,)])
    assert not are_as_many_rounds(loop, [(1,), (2,)])


def test_what_comes_in_between_may_be_something_else_each_time():
    def function(place):
        eval("(lambda: None)()")  # another function at each call

    assert are_as_many_rounds(function, [(1,), (2,)])


@pytest.mark.parametrize(("places", "calls"), [([1, 1], REPEATS + 1), ([1, 2], 2 * REPEATS), ([1, 2, 3], 2 * REPEATS)])
def test_a_call_is_made_again_only_where_it_differs(places, calls):
    made = []

    def function(times):
        made.append(times)
        loop(times)

    assert are_as_many_rounds(function, [(times,) for times in places]) is (places == [1, 1])
    assert len(made) == calls


def test_the_tracer_of_others_is_put_back_also_after_an_error():
    def trace(frame, event, argument):
        return None

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        are_as_many_rounds(loop, [(2,)])
        assert sys.gettrace() is trace
        with pytest.raises(ValueError, match="invalid literal"):
            are_as_many_rounds(int, [("x",)])
        assert sys.gettrace() is trace
    finally:
        sys.settrace(before)
