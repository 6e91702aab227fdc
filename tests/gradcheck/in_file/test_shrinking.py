"""A smaller call at which the same is wrong."""

import types
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict
from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.checking import PairCheck
from scratchcnn.gradcheck.harvest.pairs import find_pairs
from scratchcnn.gradcheck.in_file import shrinking
from scratchcnn.gradcheck.in_file.shrinking import _rounder, _same, _shorter, shrunk

SOURCE = """
def square(x):
    if len(x) < 3:
        raise ValueError("x must have at least 3 entries")
    return x**2

def square_backward(grad, x):
    return 3 * grad * x
"""


def test_calls_that_forward_refuses_are_passed_over():
    module = types.ModuleType("made")
    exec(SOURCE, vars(module))
    (pair,) = find_pairs(module)
    call = Call({"x": np.linspace(0.123, 0.987, 7)}, ("", ""), "", 0, ())
    found = shrunk(PairCheck(pair, {}), call, 60.0)
    assert found.arguments["x"].tolist() == [0.1, 0.3, 0.4]


def call_of(**arguments):
    return Call(arguments, ("", ""), "", 0, ())


def test_all_axes_of_a_length_are_cut_together_the_longest_first():
    call = call_of(x=np.arange(10).reshape(5, 2), n=7, y=np.arange(5), z=np.ones(1))
    found = [[given.arguments[name].shape for name in "xyz"] for given in _shorter(call)]
    assert found == [
        *([(n, 2), (n,), (1,)] for n in (1, 2, 3, 4)),
        [(5, 1), (5,), (1,)],
    ]
    last = list(_shorter(call))[-2]
    assert last.arguments["x"].tolist() == [[0, 1], [2, 3], [4, 5], [6, 7]]
    assert (last.arguments["n"], last.arguments["y"].base) == (7, None)


def test_a_long_axis_is_halved_too():
    assert [given.arguments["x"].size for given in _shorter(call_of(x=np.ones(20)))] == [1, 2, 3, 10, 19]


@pytest.mark.parametrize(
    ("numbers", "rounded"),
    [
        ([0.123, 0.987], [[0, 1], [0.1, 1.0]]),
        ([0.123, 0.187], [[0.1, 0.2]]),  # as whole numbers they would be equal
        ([0.123, 0.124], []),
        ([0.2, 0.7], [[0, 1]]),
        ([1.0, 2.0], []),
    ],
)
def test_numbers_are_rounded_as_long_as_they_differ(numbers, rounded):
    found = [given.arguments["x"].tolist() for given in _rounder(call_of(x=np.array(numbers), y=np.ones(2)))]
    assert found == rounded


def test_zero_has_no_sign():
    (whole, _) = _rounder(call_of(x=np.array([-0.4, 1.234])))
    assert str(whole.arguments["x"]) == "[0. 1.]"


def report_of(*messages, verdict=Verdict.WRONG, wrong=("x",), kinds=()):
    return SimpleNamespace(
        verdict=verdict,
        inputs=[SimpleNamespace(name=n, verdict=Verdict.WRONG if n in wrong else Verdict.RIGHT) for n in ("x", "y")],
        diagnoses=[SimpleNamespace(kind="sign", message=message) for message in messages],
        violations=[SimpleNamespace(kind=kind) for kind in kinds],
    )


FACTOR = "2 times (2 is the length of axis 0 of x, and 3 others)"


@pytest.mark.parametrize(
    ("found", "same"),
    [
        (report_of(FACTOR), True),
        (report_of("5 times (the length)"), True),  # numbers and what stands in brackets do not count
        (report_of("2 times (2 is the length of axis 0 of x, and 4 others)"), False),  # but it is less clear
        (report_of(FACTOR.replace("times", "divided")), False),
        (report_of(), False),
        (report_of(FACTOR, wrong=("x", "y")), False),
        (report_of(FACTOR, kinds=["mutation"]), False),
        (report_of(FACTOR, verdict=Verdict.RIGHT), False),
    ],
)
def test_the_same_is_wrong_where_inputs_diagnoses_and_violations_are_the_same_and_no_less_clear(found, same):
    assert _same(found, report_of(FACTOR)) == same


def test_only_some_calls_are_tried_and_no_longer_than_there_is_time(monkeypatch):
    monkeypatch.setattr(shrinking, "TRIES", 4)
    tried = []

    def report(check, call):
        tried.append(call.arguments["x"].size)
        return report_of() if call.arguments["x"].size == 20 else report_of("another")

    monkeypatch.setattr(PairCheck, "report", report)
    monkeypatch.setattr(shrinking, "refusal", lambda pair, call: "")
    call = call_of(x=np.linspace(0.1, 0.9, 20))
    assert shrunk(PairCheck(None, {}), call, 60.0) is call
    assert [size for size in tried if size < 20] == [1, 2, 3, 10]
    tried.clear()
    assert shrunk(PairCheck(None, {}), call, 0.0) is call
    assert tried == []
