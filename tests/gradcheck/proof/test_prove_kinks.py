"""The proof alone at kinks, at ties and where forward rounds: what is not proved is left open, all else is decided."""

from dataclasses import replace

import numpy as np
import pytest
from flint import arb

from scratchcnn.gradcheck.proof.prove import STILL, TIED
from scratchcnn.gradcheck.proof.runs import Runs
from tests.gradcheck.proof.proofs import normal, proved

SEEDS = range(3)


def test_entries_at_kinks_are_left_open_and_the_others_proved():
    x = np.array([0.0, 1.5, -2.0, 0.0, 3.0])
    proof = proved(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), x)
    (proven,) = proof.inputs.values()
    assert proven.right.tolist() == [False, True, True, False, True]
    assert not proven.wrong.any()


def test_beside_kinks_mistakes_are_found():
    x = np.array([0.0, 1.5, -2.0, 0.0, 3.0])
    proof = proved(lambda x: np.maximum(x, 0), lambda g, x: g * np.array([9, 1, 1, 9, 2]) * (x > 0), x)
    (proven,) = proof.inputs.values()
    assert proven.wrong.tolist() == [False, False, False, False, True]
    assert proven.right.tolist() == [False, True, True, False, False]


def test_kinks_of_several_entries_that_meet_are_left_open():
    proof = proved(lambda x: np.maximum(x[0] + x[1], 0), lambda g, x: g * np.array([0.5, 0.5]), np.zeros(2))
    assert (proof.inputs[0].right.any(), proof.inputs[0].wrong.any()) == (False, False)
    assert proof.reason == "kinks, or ends of its domain, at all entries"


@pytest.mark.parametrize("change", [{"met": True}, {"slopes": [arb("inf"), arb(1), arb(1)]}])
def test_what_no_entry_meets_alone_is_left_open(monkeypatch, change):
    """As of a forward that does something else in a later call."""
    along = Runs.along

    def of_two(runs, direction, *side):
        return replace(along(runs, direction, *side), **change if len(direction) == 2 else {})

    monkeypatch.setattr(Runs, "along", of_two)
    proof = proved(np.abs, lambda g, x: 2 * g * np.sign(x), np.array([0.0, 1.5, -2.0]))
    assert (proof.inputs[0].right.any(), proof.inputs[0].wrong.any()) == (False, False)
    assert proof.reason == "kinks of several entries meet"


@pytest.mark.parametrize("locate", [False, True])
def test_a_kink_is_not_wrong_with_the_others(locate):
    x = np.array([0.0, 1.5, -2.0])
    proof = proved(np.abs, lambda g, x: 2 * g * np.sign(x), x, locate=locate)
    assert proof.inputs[0].wrong.tolist() == [False, True, True]


TIES = {
    "max": (lambda x: x.max(), lambda g, x: g * (np.arange(x.size) == x.argmax())),
    "max, the last": (lambda x: x.max(), lambda g, x: g * (np.arange(x.size) == 4)),
    "max, shared": (lambda x: x.max(), lambda g, x: g * (x == x.max()) / (x == x.max()).sum()),
    "sort": (np.sort, lambda g, x: g[np.argsort(np.argsort(x, kind="stable"), kind="stable")]),
    "median": (np.median, lambda g, x: g * (np.arange(x.size) == np.argsort(x)[2])),
    "minimum": (lambda x: np.minimum(x, x[::-1]), lambda g, x: g * (x <= x[::-1]) + (g * (x > x[::-1]))[::-1]),
}


@pytest.mark.parametrize("name", TIES)
@pytest.mark.parametrize("seed", SEEDS)
def test_ties_are_never_accused(name, seed):
    x = np.array([5.0, 2.0, 1.0, 1.0, 5.0]) if name != "median" else np.array([2.0, 5.0, 1.0, 2.0, 5.0])
    proven = proved(*TIES[name], x, seed=seed).inputs[0]
    assert not proven.wrong.any()
    assert not proven.right.all()


TIED_X = np.array([2.0, 1.0, 2.0, 0.0])


@pytest.mark.parametrize("factor", [1.0, 2.0, 1 + 1e-3])
def test_where_equal_numbers_move_alike_a_wrong_factor_is_seen(factor):
    proof = proved(lambda x: 3 * x.max(), lambda g, x: 3 * factor * g * (np.arange(4) == 2), TIED_X)
    assert not proof.inputs[0].wrong.any()
    if factor == 1:
        assert proof.ties is None
    else:
        assert proof.ties[0] == pytest.approx(factor * proof.ties[1], rel=1e-12)


@pytest.mark.parametrize(
    ("forward", "backward", "x"),
    [
        # Where forward rounds, a straight line through its steps is no mistake.
        (lambda x: np.sort(x) + np.round(x), lambda g, x: 2 * g, np.array([1.2, 1.2, 0.3])),
        # An entry whose gradient is no number has no side to compare.
        (lambda x: 3 * x.max(), lambda g, x: np.where(x == 0, np.nan, 0 * g), TIED_X),
    ],
)
def test_where_that_is_not_the_question_ties_tell_nothing(forward, backward, x):
    assert proved(forward, backward, x).ties is None


def test_without_ties_the_same_are_proved():
    for name, pair in TIES.items():
        if name != "max, the last":
            assert proved(*pair, np.array([2.0, 5.5, 1.0, 1.5, 5.0])).inputs[0].right.all(), name


def squared_hinge(x):
    return np.maximum(x, 0) ** 2


@pytest.mark.parametrize(
    ("factor", "right", "wrong"), [(1, [1, 1, 1, 1], [0, 0, 0, 0]), (2, [1, 0, 1, 1], [0, 1, 0, 0])]
)
def test_beside_a_smooth_tie_mistakes_are_found(factor, right, wrong):
    x = np.array([0.0, 1.5, -2.0, 0.0])
    proven = proved(squared_hinge, lambda g, x: g * 2 * factor * np.maximum(x, 0), x).inputs[0]
    assert proven.right.tolist() == [bool(k) for k in right]
    assert proven.wrong.tolist() == [bool(k) for k in wrong]


def test_at_a_smooth_tie_a_mistake_is_left_open():
    proof = proved(squared_hinge, lambda g, x: g * (2 * np.maximum(x, 0) + (x == 0)), np.array([0.0, 1.5]))
    assert (proof.inputs[0].right.tolist(), proof.inputs[0].wrong.any()) == ([False, True], False)
    assert proof.reason == TIED


@pytest.mark.parametrize("rounding", [np.round, np.floor, np.ceil, np.trunc, np.rint])
def test_rounding_is_never_accused_and_right_where_it_is(rounding):
    x = np.array([0.3, 1.6, -2.4])
    assert proved(lambda x: x + rounding(x), lambda g, x: g, x).inputs[0].right.all()
    straight = proved(lambda x: 2 * x + rounding(x), lambda g, x: 3 * g, x)  # as if it were not there
    assert not straight.inputs[0].wrong.any()
    assert "rounds to whole numbers" in straight.reason


def test_what_is_not_rounded_beside_it_is_found_wrong():
    proof = proved(lambda x, s: np.round(x) * s, lambda g, x, s: (g * s, 2 * g * np.round(x)), normal(3) + 2, normal(3))
    assert (proof.inputs[0].wrong.any(), proof.inputs[1].wrong.all()) == (False, True)


def test_not_each_of_many_rounded_entries_is_looked_at(monkeypatch):
    runs = []
    along = Runs.along
    monkeypatch.setattr(Runs, "along", lambda *arguments: runs.append(1) or along(*arguments))
    proof = proved(lambda x: x + np.round(x), lambda g, x: 2 * g, normal(1000))
    assert not proof.inputs[0].wrong.any()
    assert len(runs) < 400


def by_bisection(x):
    low, high = np.full(x.shape, -4.0), np.full(x.shape, 4.0)
    for _ in range(20):
        y = (low + high) / 2
        low, high = np.where(y + y**3 < x, y, low), np.where(y + y**3 < x, high, y)
    return low


def test_what_chooses_between_constants_is_not_accused():
    proof = proved(by_bisection, lambda g, x: g / (1 + 3 * by_bisection(x) ** 2), normal(3))
    assert not proof.inputs[0].wrong.any()
    assert proof.reason == STILL


def test_a_slope_at_a_minimum_is_wrong_all_the_same():
    o = normal(4)
    proof = proved(lambda o, t: ((o - t) ** 2).sum(), lambda g, o, t: (2 * g * (o + t), -2 * g * (o + t)), o, o.copy())
    assert all(p.wrong.all() for p in proof.inputs.values())
