"""Straight-through gradients of quantizers, in whatever form: right ones are proved, and small mistakes are wrong."""

import math
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.proof import straight_through
from scratchcnn.gradcheck.proof.judge_by_proof import ROUNDS_NOTE
from scratchcnn.gradcheck.proof.outcome import Proof, Proven, Rounding
from scratchcnn.gradcheck.proof.straight_through import METHOD, REASON, judge_straight_through

X = np.random.default_rng(11).normal(size=6)


def one_by_one(x):
    return np.array([int(t * 100) / 100 * 2 for t in x])


def by_floor_of_math(x):
    return np.array([math.floor(t * 64 + 0.5) / 64 for t in x])


def by_round_of_python(x):
    return np.array([round(t, 2) + round(32 * t) / 32 for t in x])


def to_int8(x):
    return np.clip(np.round(x / 0.05), -128, 127) * 0.05


def to_integers(x):
    return np.floor(x * 256).astype(np.int64) / 256


def by_remainder(x):
    return x - x % 0.01


QUANTIZERS = {
    "int8": (to_int8, lambda x: 1.0),
    "whole numbers": (lambda x: np.round(4 * x), lambda x: 4.0),
    "decimals": (lambda x: np.round(np.tanh(x), 2), lambda x: 1 - np.tanh(x) ** 2),
    "few decimals": (lambda x: np.round(np.tanh(x), 1), lambda x: 1 - np.tanh(x) ** 2),
    "integers": (to_integers, lambda x: 1.0),
    "loop": (one_by_one, lambda x: 2.0),
    "math": (by_floor_of_math, lambda x: 1.0),
    "round": (by_round_of_python, lambda x: 2.0),
    "remainder": (by_remainder, lambda x: 1.0),
    "before": (lambda x: np.sin(np.rint(x * 16) / 16), lambda x: np.cos(x)),
    "after": (lambda x: np.sin(np.rint(x * 16) / 16), lambda x: np.cos(np.rint(x * 16) / 16)),
    "with a smooth part": (lambda x: np.round(x**2, 2) + np.sin(x), lambda x: 2 * x + np.cos(x)),
}


def checked(forward, derivative, x=X, factor=1.0, **options):
    return check_gradient(forward, lambda g, x: g * factor * derivative(x), x, **options)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_a_right_one_is_proved(name):
    report = checked(*QUANTIZERS[name])
    assert report.verdict is Verdict.RIGHT
    assert report.inputs[0].method == METHOD
    assert report.notes == (ROUNDS_NOTE,)


@pytest.mark.parametrize("name", QUANTIZERS)
@pytest.mark.parametrize("factor", [0.7, 1.1, -1.0])
def test_a_mistake_is_wrong_although_differences_see_little(name, factor):
    report = checked(*QUANTIZERS[name], factor=factor)
    assert report.verdict is Verdict.WRONG
    assert not report.causes  # differences could prove no name


@pytest.mark.parametrize("factor", [1.00001, 1.001, 1.02])
@pytest.mark.parametrize("name", QUANTIZERS)
def test_a_small_mistake_is_wrong(name, factor):
    assert checked(*QUANTIZERS[name], factor=factor).verdict is Verdict.WRONG


def test_between_the_rounded_numbers_and_those_before_it_is_undecided():
    forward = QUANTIZERS["before"][0]
    report = checked(forward, lambda x: np.cos((x + np.rint(x * 16) / 16) / 2))
    assert report.verdict is Verdict.UNDECIDED
    assert "rounding at 6" in report.inputs[0].reason
    assert report.inputs[0].bound < 0.02


def test_the_slope_between_the_steps_is_right_as_well():
    assert checked(to_int8, lambda x: 0.0).verdict is Verdict.RIGHT
    assert checked(QUANTIZERS["with a smooth part"][0], np.cos).verdict is Verdict.RIGHT


def test_one_wrong_entry_of_a_product_in_fixed_point():
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))

    def forward(x, w):
        return np.round(x @ w * 128) / 128

    def backward(g, x, w, factor):
        dw = x.T @ g
        dw[1, 1] *= factor
        return g @ w.T, dw

    assert check_gradient(forward, lambda g, x, w: backward(g, x, w, 1.0), x, w).verdict is Verdict.RIGHT
    report = check_gradient(forward, lambda g, x, w: backward(g, x, w, 1.001), x, w)
    assert [entry.verdict for entry in report.inputs] == [Verdict.RIGHT, Verdict.WRONG]
    assert report.inputs[1].worst_index == (1, 1)
    assert report.inputs[1].wrong == 1


def layer(x, w, v):
    return np.round(np.tanh(x @ w) * 64) / 64 @ v


def layer_backward(g, x, w, v, factors=(1.0, 1.0, 1.0)):
    t = np.tanh(x @ w)
    h = np.round(t * 64) / 64
    d = (g @ v.T) * (1 - t**2)
    return [f * a for f, a in zip(factors, (d @ w.T, x.T @ d, h.T @ g), strict=True)]


class TestALayerThatIsTrainedWithAQuantizer:
    """Its gradient by the weights behind the quantizer is that of a smooth function, and the others go through it."""

    @pytest.fixture
    def inputs(self):
        rng = np.random.default_rng(5)
        return rng.normal(size=(3, 4)), rng.normal(size=(4, 3)), rng.normal(size=(3, 2))

    def test_all_are_right(self, inputs):
        assert check_gradient(layer, layer_backward, *inputs).verdict is Verdict.RIGHT

    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_a_small_mistake_in_each_is_wrong(self, inputs, which):
        factors = np.ones(3)
        factors[which] = 1.0001
        report = check_gradient(layer, lambda *given: layer_backward(*given, factors), *inputs)
        assert [entry.verdict is Verdict.WRONG for entry in report.inputs] == [k == which for k in range(3)]
        assert bool(report.causes) == (which == 2)  # differences see that one, so that its name is proved


def test_without_a_proof_no_coarse_step_vouches():
    for factor in (1.0, 1.3):
        assert checked(to_int8, lambda x: 1.0, factor=factor, proof=False).verdict is Verdict.UNDECIDED


def test_what_differences_refute_stays_wrong():
    """The derivative of `x - floor(x)` is 1, and 0 straight through the rounding."""
    assert checked(lambda x: x - np.floor(x), lambda x: 0.0).verdict is Verdict.WRONG
    assert checked(lambda x: x - np.floor(x), lambda x: 1.0).verdict is Verdict.RIGHT


# The steps, by themselves.


class TestSteps:
    """Of five entries the first is wrong already, and the second is right within a bound that vouches."""

    @pytest.fixture
    def run(self, monkeypatch):
        return SimpleNamespace(
            told=[],
            asked=[],
            enclosures={},
            same=True,
            inside=2.0**-7,
            first=Proof({}, rounds=True),
            proofs={Rounding.ROUNDED: self.proof([]), Rounding.UNROUNDED: self.proof([])},
            monkeypatch=monkeypatch,
        )

    @staticmethod
    def proof(right):
        flags = np.isin(np.arange(5), right)
        return Proof({7: Proven(np.full(5, 2.0), flags, ~flags, np.full(5, 0.25))})

    def judged(self, run, analytic=2.0, size=1.0):
        findings = Findings(
            entries=np.arange(5),
            analytic=np.full(5, analytic),
            value=size * np.array([3.0, 2, 2, 2, 2]),
            bound=np.array([0.5, 1e-9, 0.5, 0.5, 0.5]),
            roundoff=np.zeros(5),
            right=np.array([False, True, True, False, True]),
            wrong=np.array([True, False, False, False, False]),
            reason=np.full(5, "noise", object),
            method="steps",
        )
        judge = SimpleNamespace(
            inside=run.inside,
            index=7,
            analytic=SimpleNamespace(values=lambda index: findings.analytic if index == 7 else None),
        )

        def enclosures_of(case, point, index, entries, seconds):
            run.asked.append((case, point, index, entries, seconds))
            return {e: ends for e, ends in run.enclosures.items() if e in entries}

        run.monkeypatch.setattr(straight_through, "is_as_in_balls", lambda *given: run.same)
        run.monkeypatch.setattr(straight_through, "own_roundoff", lambda judge, gradient, proven: proven.bound)
        run.monkeypatch.setattr(straight_through, "enclosures_of", enclosures_of)
        proofs = SimpleNamespace(
            first=run.first,
            told_through=run.told.append,
            straight_through=run.proofs.__getitem__,
            setting=SimpleNamespace(case="case", first="point"),
            seconds=9,
        )
        judge_straight_through(judge, proofs, findings)
        return findings

    def test_what_is_proved_either_way_is_right_and_the_others_are_enclosed(self, run):
        run.proofs = {Rounding.ROUNDED: self.proof([0, 1, 2]), Rounding.UNROUNDED: self.proof([3])}
        run.enclosures = {k: (5.0, 6.0) for k in range(5)}
        found = self.judged(run)
        assert found.right.tolist() == [False, True, True, True, False]
        assert found.wrong.tolist() == [True, False, False, False, True]
        assert found.reason[2:].tolist() == ["", "", REASON]
        assert found.bound.tolist() == [0.5, 1e-9, 0.25, 0.25, 0.5]
        assert found.value.tolist() == [3, 2, 2, 2, 5.5]
        assert run.asked == [("case", "point", 7, [4], 9)]
        assert run.told == [7]
        assert found.method == f"{METHOD} at 1 of 5; steps"

    def test_what_is_near_the_number_that_is_proved_is_right(self, run):
        run.proofs = {Rounding.ROUNDED: self.proof(range(5)), Rounding.UNROUNDED: self.proof([])}
        assert self.judged(run, analytic=2.25).right[1:].all()
        run.enclosures = {2: (1.9, 2.1)}
        found = self.judged(run, analytic=2.26)
        assert found.right.tolist() == [False, True, False, False, True]
        assert found.wrong.tolist() == [True, False, True, False, False]

    @pytest.mark.parametrize(("ends", "wrong"), [((2.0, 3.0), False), ((1.0, 2.0), False), ((2.1, 3.0), True)])
    def test_within_the_ends_it_is_undecided(self, run, ends, wrong):
        run.enclosures = {3: ends}
        found = self.judged(run)
        assert (found.right[3], found.wrong[3], found.reason[3]) == (False, wrong, REASON)
        assert found.bound[3] == pytest.approx((ends[1] - ends[0]) / 2)

    def test_a_trifle_beyond_them_is_no_mistake(self, run):
        for apart, wrong in ((0.9e-6, False), (1.1e-6, True)):
            run.enclosures = {3: (2 * (1 + apart), 2 * (1 + apart))}
            assert self.judged(run).wrong[3] == wrong

    @pytest.mark.parametrize(("size", "enclosed"), [(1e-2, [2, 3, 4]), (2e-4, [1, 2, 3, 4]), (1e6, [3])])
    def test_a_bound_vouches_beside_the_largest_entry(self, run, size, enclosed):
        """One of 1e-9, and one of 0.5 where entries are large; what is not right is asked for in any case."""
        self.judged(run, size=size)
        assert run.asked[0][3] == enclosed

    @pytest.mark.parametrize(
        "change",
        [
            {"inside": 2.0**-52},
            {"first": None},
            {"first": Proof({}, rounds=False)},
            {"same": False},
        ],
    )
    def test_nothing_changes_where_forward_does_not_round_as_in_balls(self, run, change):
        run.proofs = {kind: self.proof(range(5)) for kind in run.proofs}
        vars(run).update(change)
        assert self.judged(run).right.tolist() == [False, True, True, False, True]
        assert run.told == []

    def test_no_ends_are_sought_where_nothing_is_left_or_forward_did_not_run(self, run):
        run.proofs = {Rounding.ROUNDED: self.proof(range(5)), Rounding.UNROUNDED: self.proof([])}
        self.judged(run)
        run.proofs = {kind: Proof({}, reason="takes too long") for kind in run.proofs}
        assert self.judged(run).right.tolist() == [False, True, True, False, True]
        assert run.asked == []
        assert run.told == [7, 7]


def test_without_proofs_nothing_changes():
    judge_straight_through(SimpleNamespace(inside=1.0), None, "findings")
