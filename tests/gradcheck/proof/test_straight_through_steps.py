"""The steps in which straight-through gradients are judged, each by itself."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.proof import straight_through as module
from scratchcnn.gradcheck.proof.outcome import STRAIGHT_THROUGH, Proof, Rounding
from scratchcnn.gradcheck.proof.straight_through import METHOD, REASON
from tests.gradcheck.proof.stubs import EPS, findings_of, judge_of, proven_of

ROUNDED, UNROUNDED = STRAIGHT_THROUGH


def open_of(value=(0.0, 0.0, 0.0), **fields):
    """A proof that leaves all entries open."""
    return proven_of(value, right=[False] * 3, **fields)


class Stand:
    """A judge and proofs: what they say, and what they were asked."""

    def __init__(
        self, monkeypatch, values, kinds=(None, None), located=(None, None), first=None, ends=None, inside=0.0
    ):
        self.asked = []
        self.judge = judge_of(values)
        self.judge.inside, self.judge.x, self.judge.rng = inside, np.zeros(len(values)), np.random.default_rng(0)
        self.judge.by_entries = self._by_entries
        self.seen = None
        self.first = Proof({0: open_of()}, self.judge.probe.y0, rounds=True) if first is None else first
        self.kinds, self.located, self.ends = kinds, located, ends or {}
        self.proofs = SimpleNamespace(
            first=self.first,
            straight_through=lambda kind: self._proof("whole", self.kinds, kind),
            located_straight_through=lambda index, kind: self._proof(f"located {index}", self.located, kind),
            setting=SimpleNamespace(case="case", first="here"),
            seconds=7.0,
            told_through=lambda index: self.asked.append(("told", index)),
        )
        monkeypatch.setattr(module, "enclosures_of", self._enclosures)

    def _by_entries(self, entries):
        self.asked.append(("differences", np.asarray(entries).tolist()))
        return findings_of(entries) if self.seen is None else self.seen

    def _proof(self, how, proven, kind):
        self.asked.append((how, kind))
        found = proven[STRAIGHT_THROUGH.index(kind)]
        return Proof({} if found is None else {0: found})

    def _enclosures(self, *given):
        self.asked.append(("ends", *given))
        known = self.ends.get(given[4], {})
        return {entry: known[entry] for entry in given[3] if entry in known}

    def proved(self, between=None):
        between = open_of() if between is None else between
        return module._proved(self.judge, self.proofs, between)


class TestProved:
    """The entries 0, 1 and 2, of which the slopes between the steps are 0."""

    def test_with_rounded_numbers(self, monkeypatch):
        stand = Stand(monkeypatch, [1.0, 2.0, 3.0], (proven_of([1.0, 2.0, 3.0], bound=0.5), None))
        found = stand.proved()
        assert (found.entries.tolist(), found.analytic.tolist()) == ([0, 1, 2], [1, 2, 3])
        assert (found.right.tolist(), found.wrong.tolist(), set(found.reason)) == ([True] * 3, [False] * 3, {""})
        assert (found.value.tolist(), found.method) == ([1, 2, 3], METHOD)
        assert found.bound == pytest.approx([0.5, 0.5, 0.5])
        assert np.isnan(found.roundoff).all()
        assert stand.asked == [("whole", ROUNDED)]  # nothing else is needed

    def test_each_by_either_kind(self, monkeypatch):
        kinds = proven_of([1.0, 9.0, 9.0], right=[True, False, False]), proven_of([5.0, 2.0, 9.0], bound=0.25)
        stand = Stand(monkeypatch, [1.0, 2.0, 3.0], kinds)
        found = stand.proved()
        assert (found.right.tolist(), found.wrong.tolist()) == ([True, True, False], [False] * 3)
        assert found.value.tolist()[:2] == [1.0, 2.0]
        assert found.bound[1] == pytest.approx(0.25)
        assert found.reason.tolist() == ["", "", REASON]
        assert np.isnan(found.value[2])
        assert stand.asked == [(how, kind) for how in ("whole", "located 0") for kind in STRAIGHT_THROUGH]

    def test_floats_have_to_follow(self, monkeypatch):
        stand = Stand(monkeypatch, [1 + 70 * EPS, 2.0, 3.0], (proven_of([1.0, 2.0, 3.0]), None))
        assert stand.proved().right.tolist() == [False, True, True]

    def refuted(self, monkeypatch, both=True, between=None, rounded=None):
        known = proven_of([1.0, 9.0, 9.0], right=[True, False, False]) if rounded is None else rounded
        each = [
            proven_of([1.0, 2.0, 3.0], right=[True, False, False], wrong=[False, True, False], exact={1: exact})
            for exact in (2.5, 2.75)
        ]
        located = each if both else (each[0], None)
        return Stand(monkeypatch, [1.0, 2.0, 3.0], (known, None), located).proved(between)

    def test_what_both_kinds_refute_is_wrong(self, monkeypatch):
        found = self.refuted(monkeypatch)
        assert (found.right.tolist(), found.wrong.tolist()) == ([True, False, False], [False, True, False])
        assert found.value.tolist()[:2] == [1.0, 2.75]
        assert found.bound[1] == pytest.approx(128 * EPS)
        assert found.reason.tolist() == ["", REASON, REASON]

    def test_not_what_one_refutes(self, monkeypatch):
        assert not self.refuted(monkeypatch, both=False).wrong.any()

    def test_nor_where_no_entry_goes_straight_through(self, monkeypatch):
        between = proven_of([1.0, 0.0, 0.0], right=[True, False, False])
        found = self.refuted(monkeypatch, between=between)
        assert (found.right.tolist(), found.wrong.any()) == ([True, False, False], False)


class TestMeant:
    def is_meant(self, monkeypatch, kinds, between):
        stand = Stand(monkeypatch, [1.0, 2.0, 3.0], kinds)
        return module._is_meant(stand.proofs, Proof({0: between}))

    def test_where_an_entry_is_right_that_is_no_slope_between_the_steps(self, monkeypatch):
        some, none = proven_of([1.0, 2.0, 3.0], right=[False, True, False]), open_of()
        for kinds in ((some, none), (none, some), (some, None), (None, some)):
            assert self.is_meant(monkeypatch, kinds, open_of())
            assert not self.is_meant(monkeypatch, kinds, some)
        assert not self.is_meant(monkeypatch, (none, none), open_of())


class TestMissingSlope:
    def misses(self, monkeypatch, least, most, right=(True, False, False), analytic=(0.0, 1.0, 0.0), between=None):
        stand = Stand(monkeypatch, analytic, ends={Rounding.CONSTANT: {0: (least, most)}})
        findings = findings_of(range(3), right=list(right))
        findings.analytic[:] = analytic
        between = open_of() if between is None else between
        return module._misses_a_slope(stand.judge, stand.proofs, findings, between), stand.asked

    @pytest.mark.parametrize(
        ("least", "most", "misses"), [(1.0, 1.0, True), (-2.0, -1.0, True), (0.0, 1.0, False), (-1.0, 0.0, False)]
    )
    def test_where_zero_is_right_and_forward_surely_moves_between_the_steps(self, monkeypatch, least, most, misses):
        found, asked = self.misses(monkeypatch, least, most)
        assert found is misses
        assert asked == [("ends", "case", "here", 0, [0], Rounding.CONSTANT, 7.0)]

    def test_only_zeros_that_are_right_and_no_slopes_are_looked_at(self, monkeypatch):
        assert self.misses(monkeypatch, 1.0, 1.0, right=(False, True, False)) == (False, [])
        assert self.misses(monkeypatch, 1.0, 1.0, analytic=(1.0, 0.0, 0.0)) == (False, [])
        between = proven_of([0.0, 0.0, 0.0], right=[True, False, False])
        assert self.misses(monkeypatch, 1.0, 1.0, between=between) == (False, [])


class TestKinks:
    def settled(self, monkeypatch, values, ends, **fields):
        stand = Stand(monkeypatch, values, ends={Rounding.ROUNDED: ends})
        findings = findings_of(range(3), **fields)
        findings.analytic[:] = values
        module._settle_kinks(stand.judge, stand.proofs, findings)
        return findings, stand.asked

    def test_the_derivative_to_one_side_is_right(self, monkeypatch):
        values = [3 * (1 + 60 * EPS), 1.0, 2.0]
        found, asked = self.settled(monkeypatch, values, dict.fromkeys(range(3), (1.0, 3.0)))
        assert found.right.tolist() == [True, True, False]
        assert found.value.tolist()[:2] == [3.0, 1.0]
        assert found.bound.tolist()[:2] == [64 * EPS * 3] * 2
        assert found.reason.tolist() == ["", "", "noise"]
        assert asked == [("ends", "case", "here", 0, [0, 1, 2], Rounding.ROUNDED, 7.0)]
        assert not self.settled(monkeypatch, [3 * (1 + 70 * EPS), 9.0, 9.0], {0: (1.0, 3.0)})[0].right.any()

    def test_only_of_what_is_open(self, monkeypatch):
        fields = {"right": [True, False, False], "wrong": [False, True, False]}
        assert self.settled(monkeypatch, [1.0, 1.0, 1.0], {}, **fields)[1][0][4] == [2]
        fields = {"right": [True, False, True], "wrong": [False, True, False]}
        assert self.settled(monkeypatch, [1.0, 1.0, 1.0], {}, **fields)[1] == []


class TestEnclosed:
    def test_what_lies_outside_is_told_and_the_others_get_their_bounds(self, monkeypatch):
        ends = {0: (1.0, 2.0), 2: (-4.0, -2.0)}
        stand = Stand(monkeypatch, [1.75, 9.0, -1.9], ends={Rounding.BETWEEN: ends})
        findings = findings_of(range(3))
        findings.analytic[:] = [1.75, 9.0, -1.9]
        outside = module._enclose(stand.judge, stand.proofs, findings, np.arange(3))
        assert outside.tolist() == [2]
        assert findings.value.tolist() == [1.5, 1.0, -3.0]
        assert findings.bound.tolist() == [0.5, 1e-9, 1.0]
        assert stand.asked == [("ends", "case", "here", 0, [0, 1, 2], Rounding.BETWEEN, 7.0)]

    @pytest.mark.parametrize(("off", "outside"), [(0.9e-6, []), (1.1e-6, [0])])
    def test_a_trifle_does_not_matter(self, monkeypatch, off, outside):
        stand = Stand(monkeypatch, [1 + off, 0, 0], ends={Rounding.BETWEEN: {0: (1.0, 1.0)}})
        findings = findings_of(range(3))
        findings.analytic[0] = 1 + off
        assert module._enclose(stand.judge, stand.proofs, findings, np.array([0])).tolist() == outside

    def test_of_nothing_nothing_is_asked(self, monkeypatch):
        stand = Stand(monkeypatch, [1.0, 2.0, 3.0])
        assert module._enclose(stand.judge, stand.proofs, findings_of(range(3)), np.array([], int)).size == 0
        assert stand.asked == []


class TestAccused:
    """The entries 1 and 2 are outside of what straight-through gradients can be."""

    def accused(self, monkeypatch, inside, right=False, wrong=False, bound=1e-9, size=3):
        stand = Stand(monkeypatch, np.zeros(size), inside=inside)
        which = np.arange(1, size)
        stand.seen = findings_of(which[: module.SAMPLES], right, wrong, bound)
        findings = findings_of(range(size))
        findings.reason[:] = REASON
        module._accuse(stand.judge, findings, which)
        ((_, entries),) = stand.asked
        assert entries == which[: module.SAMPLES].tolist()
        return findings

    def test_where_differences_see_steps_all_are_wrong(self, monkeypatch):
        found = self.accused(monkeypatch, 2 * EPS)
        assert (found.wrong.tolist(), found.right.any(), found.method) == ([False, True, True], False, "differences")

    def test_of_many_only_some_are_looked_at(self, monkeypatch):
        assert self.accused(monkeypatch, 2 * EPS, size=40).wrong.tolist() == [False] + [True] * 39

    def test_where_they_see_none_they_have_to_see_the_mistake(self, monkeypatch):
        assert self.accused(monkeypatch, EPS, wrong=[True, False]).wrong.tolist() == [False, True, False]

    @pytest.mark.parametrize("inside", [EPS, 2 * EPS])
    def test_they_vouch_by_a_small_bound(self, monkeypatch, inside):
        found = self.accused(monkeypatch, inside, right=[True, False], bound=[0.9e-6, 1])
        assert (found.right.tolist(), found.reason.tolist()) == ([False, True, False], [REASON, "", REASON])
        assert (found.value[1], found.bound[1]) == (1.0, 0.9e-6)
        assert found.wrong.tolist() == [False, False, inside > EPS]
        assert found.method == f"{METHOD}; differences at 1"
        assert not self.accused(monkeypatch, inside, right=True, bound=1.1e-6).right.any()


class TestAll:
    RIGHT = proven_of([1.0, 2.0, 3.0])

    def judged(self, monkeypatch, values=(1.0, 2.0, 3.0), kinds=(RIGHT, None), **fields):
        stand = Stand(monkeypatch, values, kinds, **fields)
        return module.straight_through(stand.judge, stand.proofs), stand.asked

    def test_a_right_one_is_told_to_go_through(self, monkeypatch):
        found, asked = self.judged(monkeypatch)
        assert found.right.all()
        assert asked[-1] == ("told", 0)
        assert not [each for each in asked if each[0] in ("ends", "differences")]

    @pytest.mark.parametrize(
        "first",
        [
            Proof({}, np.array([1.0, -4.0]), rounds=True),
            Proof({0: open_of()}, np.array([1.0, -4.0])),
            Proof({0: open_of()}, np.array([1.0, -4.1]), rounds=True),
            Proof({0: proven_of([0.0, 0.0, 0.0])}, np.array([1.0, -4.0]), rounds=True),
            Proof({0: open_of(wrong=[True, False, False])}, np.array([1.0, -4.0]), rounds=True),
        ],
        ids=["no proof", "no roundings", "another path", "all right", "wrong"],
    )
    def test_where_the_slopes_decide_it_is_not_asked(self, monkeypatch, first):
        assert self.judged(monkeypatch, first=first) == (None, [])

    def test_nor_without_a_proof(self, monkeypatch):
        stand = Stand(monkeypatch, [1.0])
        stand.proofs.first = None
        assert module.straight_through(stand.judge, stand.proofs) is None
        assert self.judged(monkeypatch, kinds=(None, self.RIGHT))[0] is None  # forward does not run straight through

    OPEN = (open_of(), open_of())

    @pytest.mark.parametrize(("inside", "meant"), [(EPS, False), (2 * EPS, True)])
    def test_where_nothing_is_proved_differences_have_to_see_steps(self, monkeypatch, inside, meant):
        found, asked = self.judged(monkeypatch, kinds=self.OPEN, inside=inside)
        assert ("differences", [0, 1, 2]) in asked
        assert (found is not None) is meant
        assert (("told", 0) in asked) is meant

    def test_a_slope_between_the_steps_that_is_missed(self, monkeypatch):
        kinds = (proven_of([0.0, 2.0, 3.0], right=[True, False, False]), None)
        for slope, meant in ((1.0, False), (0.0, True)):
            ends = {Rounding.CONSTANT: {0: (slope, slope)}}
            assert (self.judged(monkeypatch, (0.0, 2.0, 3.0), kinds, ends=ends)[0] is not None) is meant

    MEANT = (proven_of([1.0, 0.0, 0.0], right=[True, False, False]), None)

    def test_what_lies_outside_is_wrong(self, monkeypatch):
        found, _ = self.judged(
            monkeypatch, kinds=self.MEANT, ends={Rounding.BETWEEN: {1: (4.0, 5.0), 2: (2.5, 3.5)}}, inside=1.0
        )
        assert (found.right.tolist(), found.wrong.tolist()) == ([True, False, False], [False, True, False])
        assert found.value.tolist() == [1.0, 4.5, 3.0]

    def test_unless_it_is_the_slope_between_the_steps(self, monkeypatch):
        first = Proof({0: proven_of([0.0, 2.0, 0.0], right=[False, True, False])}, np.array([1.0, -4.0]), rounds=True)
        found, asked = self.judged(
            monkeypatch, kinds=self.MEANT, first=first, ends={Rounding.BETWEEN: {1: (4.0, 5.0)}}, inside=1.0
        )
        assert found is None
        assert ("told", 0) not in asked

    @pytest.mark.parametrize(("kinds", "wrong"), [(OPEN, False), (MEANT, True)])
    def test_zero_outside_is_wrong_where_a_gradient_is_meant_to_go_through(self, monkeypatch, kinds, wrong):
        ends = {Rounding.BETWEEN: {1: (4.0, 5.0)}}
        found, _ = self.judged(monkeypatch, (1.0, 0.0, 3.0), kinds, ends=ends, inside=1.0)
        assert found.wrong.tolist() == [False, wrong, False]

    def test_kinks_are_settled_first(self, monkeypatch):
        found, _ = self.judged(monkeypatch, kinds=self.MEANT, ends={Rounding.ROUNDED: {1: (0.0, 2.0), 2: (3.0, 7.0)}})
        assert found.right.all()
