"""A check that tries a proof first: what it says, and when it is not trusted."""

import sys
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn import sigmoid
from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.proof.judge_by_proof import by_proof, wrong_at_ties
from scratchcnn.gradcheck.proof.outcome import Proof
from scratchcnn.gradcheck.proof.proofs import Proofs
from tests.gradcheck.proof.stubs import EPS, findings_of, judge_of, proofs_of, proven_of

EPS32 = float(np.finfo(np.float32).eps)
X = np.array([0.4, -1.3, 2.2, 0.9, -0.6])
FAR = np.array([40.0, 41.5, 45.0])
OUTPUT = "not proved: in floats forward gives another output than in exact arithmetic; differences decide"
GRADIENT = "not proved: in floats the gradient of 'x' is another than in exact arithmetic; differences decide"


def sine(x):
    return np.sin(x)


def sine_backward(g, x):
    return g * np.cos(x)


def logistic_backward(g, z, factor=1.0):
    s = sigmoid(-z)
    return factor * g * s * (1 - s)


def layer(x, w, b):
    return np.tanh(x @ w + b)


def layer_backward(g, x, w, b):
    inner = g * (1 - np.tanh(x @ w + b) ** 2)
    return inner @ w.T, x.T @ inner, inner.sum(axis=0)


def drawn(*shapes):
    rng = np.random.default_rng(3)
    return [rng.standard_normal(s) for s in shapes]


LAYER = drawn((3, 4), (4, 2), (2,))


def in_floats(x):
    """Whether this is the caller's run, not that of a proof."""
    return type(x) is np.ndarray


# Decided by proof.


def test_what_is_right_is_proved_and_says_to_how_many_digits():
    report = check_gradient(layer, layer_backward, *LAYER)
    assert report.verdict is Verdict.RIGHT
    assert [i.checked == i.size for i in report.inputs] == [True] * 3
    assert all(i.method.startswith("proved to 7") for i in report.inputs), report
    assert not report.notes
    assert sorted(report.digits) == ["b", "output", "w", "x"]


def test_without_a_proof_differences_decide():
    report = check_gradient(layer, layer_backward, *LAYER, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert not any("proved" in i.method for i in report.inputs)
    assert (report.digits, report.notes) == ({}, ())


def test_constants_of_sixteen_digits_are_named():
    report = check_gradient(
        lambda x: np.sin(0.7978845608028654 * x),
        lambda g, x: g * 0.7978845608028655 * np.cos(0.7978845608028655 * x),
        X,
    )
    assert report.verdict is Verdict.RIGHT
    assert ", as far as its constants are given" in report.inputs[0].method


BLIND = {
    "saturation": (sigmoid, lambda g, z: logistic_backward(g, z, 2.0), FAR),
    "an offset of 1e16": (lambda x: 1e16 + np.sin(x), lambda g, x: 1.5 * sine_backward(g, x), X),
    "an offset of 1e12": (lambda x: 1e12 + np.sin(x), lambda g, x: 1.000003 * sine_backward(g, x), X),
    "a sum that hides it": (lambda x: np.append(1e17 + x.sum(), 1e17), lambda g, x: 2 * g[0] + 0 * x, X),
}


@pytest.mark.parametrize("name", BLIND)
def test_a_mistake_is_proved_where_differences_are_blind(name):
    case = BLIND[name]
    assert check_gradient(*case, proof=False).verdict is not Verdict.WRONG
    report = check_gradient(*case)
    (found,) = report.inputs
    assert (report.verdict, found.verdict, found.method) == (Verdict.WRONG, Verdict.WRONG, "exact arithmetic"), report
    assert found.error > 1e4 * found.bound


def test_the_wrong_entries_have_their_exact_derivatives():
    planted = np.array([0, 1, 0])
    report = check_gradient(
        sigmoid, lambda g, z: logistic_backward(g, z, 1.0 + planted), FAR[[1, 0, 2]], grad_output=[1, 1, 1]
    )
    (found,) = report.inputs
    assert (found.wrong, found.worst_index) == (1, (1,))
    assert found.numerical == pytest.approx(np.exp(-40), rel=1e-14)
    assert found.analytic == pytest.approx(2 * np.exp(-40), rel=1e-14)


def test_what_is_wrong_below_a_millionth_is_noted():
    report = check_gradient(
        lambda x: 1e8 + np.sqrt((x * x).sum()), lambda g, x: g * x / (np.sqrt((x * x).sum()) + 1e-10), X
    )
    assert report.verdict is Verdict.RIGHT
    assert "too little to matter" in report.notes[0]


def test_at_kinks_differences_decide_beside_the_proof():
    x = np.array([0.0, 1.0, -2.0, 0.5])
    report = check_gradient(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), x)
    assert report.verdict is Verdict.RIGHT
    assert report.inputs[0].method.startswith("proved exactly at 3 of 4; ")
    wrong = check_gradient(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0) + 2 * g * (x == 0), x)
    assert (wrong.verdict, wrong.inputs[0].worst_index) == (Verdict.WRONG, (0,))


# Not trusted alone.


def test_a_forward_that_goes_another_way_in_floats_is_not_proved():
    def forward(x):
        return np.sin(x) if in_floats(x) else np.cos(x)

    for backward, verdict in ((sine_backward, Verdict.RIGHT), (lambda g, x: -g * np.sin(x), Verdict.WRONG)):
        report = check_gradient(forward, backward, X)
        assert (report.verdict, report.notes, report.digits) == (verdict, (OUTPUT,), {}), report
        assert "proved" not in report.inputs[0].method


@pytest.mark.parametrize(("floats", "balls", "verdict"), [(1, 2, Verdict.RIGHT), (2, 1, Verdict.WRONG)])
def test_a_backward_that_goes_another_way_in_floats_is_not_proved(floats, balls, verdict):
    report = check_gradient(sine, lambda g, x: (floats if in_floats(x) else balls) * sine_backward(g, x), X)
    assert (report.verdict, report.notes, report.digits) == (verdict, (GRADIENT,), {}), report
    assert "proved" not in report.inputs[0].method


def test_a_backward_that_is_wrong_on_balls_alone_is_not_accused_where_differences_are_blind():
    report = check_gradient(
        sigmoid, lambda g, x: logistic_backward(g, x, 1.0 if in_floats(x) else 2.0), FAR, names=["x"]
    )
    assert report.verdict is not Verdict.WRONG
    assert report.notes == (GRADIENT,)


def test_a_noisy_forward_whose_output_is_another_is_not_proved():
    report = check_gradient(lambda x: (1e12 + x * x) - 1e12, lambda g, x: 2 * g * x, X)
    assert report.notes == (OUTPUT,)


def test_what_rounds_is_named_with_its_line():
    def forward(x):
        return np.sin(x.astype(np.float32)).astype(np.float64)

    report = check_gradient(forward, sine_backward, X)
    assert "proved" not in report.inputs[0].method
    (note,) = report.notes
    assert note.startswith("not proved: `x.astype(np.float32)` at test_judge_by_proof.py:")
    assert note.endswith(" rounds to float32, which a ball cannot; differences decide")


def test_where_flint_is_missing_differences_decide_and_the_report_says_so(monkeypatch):
    monkeypatch.setitem(sys.modules, "flint", None)
    report = check_gradient(layer, layer_backward, *LAYER)
    assert report.verdict is Verdict.RIGHT
    assert report.notes == ("not proved: python-flint is not installed; differences decide",)
    assert report.inputs == check_gradient(layer, layer_backward, *LAYER, proof=False).inputs


def test_what_does_not_repeat_itself_is_not_proved():
    rng = np.random.default_rng(0)
    report = check_gradient(sine, lambda g, x: sine_backward(g, x) * (1 + 1e-3 * rng.random()), X)
    assert report.notes == ("not proved: it does not repeat itself; differences decide",)
    assert [v.kind for v in report.violations] == ["nondeterministic"]


# At the second point.


def at_x_alone(factor):
    return lambda g, x: sine_backward(g, x) * np.where((x != X).any(), factor, 1.0)


@pytest.mark.parametrize(("size", "factor"), [(1e16, 1.5), (1e9, 1.000005)])
def test_a_mistake_at_the_second_point_is_proved_where_differences_are_blind(size, factor):
    offset = lambda x: size + np.sin(x)  # noqa: E731
    assert check_gradient(offset, at_x_alone(factor), X, proof=False).verdict is Verdict.RIGHT
    report = check_gradient(offset, at_x_alone(factor), X)
    assert (report.verdict, report.inputs[0].verdict) == (Verdict.WRONG, Verdict.RIGHT)
    (violation,) = report.violations
    assert violation.kind == "elsewhere"
    assert "the gradient gives" in violation.message
    assert "forward in exact arithmetic" in violation.message
    assert check_gradient(offset, at_x_alone(1.0), X).verdict is Verdict.RIGHT


def test_at_the_second_point_floats_have_to_follow_the_proof():
    def backward(g, x):
        return sine_backward(g, x) * np.where((x != X).any() and in_floats(x), 1.5, 1.0)

    report = check_gradient(sine, backward, X)
    assert [v.kind for v in report.violations] == ["elsewhere"]
    assert "differences" in report.violations[0].message

    def on_balls(g, x):
        return sine_backward(g, x) * np.where((x != X).any() and not in_floats(x), 1.5, 1.0)

    assert check_gradient(lambda x: 1e16 + np.sin(x), on_balls, X).verdict is Verdict.RIGHT


# The contract, and other forms.


def test_a_forward_that_writes_into_its_input_is_proved_and_reported():
    def forward(x):
        x *= 2
        return np.sin(x)

    report = check_gradient(forward, lambda g, x: 2 * g * np.cos(2 * x), X)
    assert [v.kind for v in report.violations] == ["mutation"]
    assert report.inputs[0].verdict is Verdict.RIGHT
    assert report.inputs[0].method.startswith("proved")


def test_only_what_is_asked_for_is_proved():
    report = check_gradient(layer, layer_backward, *LAYER, wrt="w")
    assert [(i.name, i.method[:6]) for i in report.inputs] == [("w", "proved")]
    assert sorted(report.digits) == ["output", "w"]


def test_backward_may_return_the_named_gradients_alone():
    report = check_gradient(layer, lambda *a: layer_backward(*a)[1:], *LAYER, wrt=["w", "b"])
    assert [(i.name, i.method[:6], i.verdict) for i in report.inputs] == [
        ("w", "proved", Verdict.RIGHT),
        ("b", "proved", Verdict.RIGHT),
    ]


def test_low_precision_is_proved_and_judged_in_floats_as_well():
    inputs = [a.astype(np.float32) for a in LAYER]
    assert check_gradient(layer, layer_backward, *inputs).inputs[0].method.startswith("proved")

    def in_single(g, *inputs):
        given = layer_backward(g, *inputs)
        return tuple(d * np.float32(1.01) if d.dtype == np.float32 and in_floats(d) else d for d in given)

    assert check_gradient(layer, in_single, *inputs).verdict is Verdict.WRONG


CHECKS = [
    (layer, layer_backward, *LAYER),
    (sigmoid, lambda g, z: g * sigmoid(z) * (1 - sigmoid(z)), np.array([0.5, 30.0, 38.0])),
    (sigmoid, lambda g, z: logistic_backward(g, z, 2.0), FAR),
    (lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), np.array([0.0, 1.0, -1.0])),
    (lambda x: np.where(x + 1e-200 * x * x > x, x, -x), lambda g, x: g, np.array([1.0, 2.0])),  # asks for more bits
    (sine, lambda g, x: g * np.cos(x.astype(np.float32)), X),
]


def test_eight_threads_give_the_same_reports_as_one():
    alone = [check_gradient(*case, seed=5) for case in CHECKS]
    assert len({r.verdict for r in alone}) >= 2
    with ThreadPoolExecutor(8) as pool:
        jobs = [pool.submit(check_gradient, *case, seed=5) for _ in range(3) for case in CHECKS]
        found = [job.result() for job in jobs]
    for k, report in enumerate(found):
        assert report == alone[k % len(CHECKS)]
        for name, digits in report.digits.items():
            assert np.array_equal(digits, alone[k % len(CHECKS)].digits[name], equal_nan=True)


def test_what_matters_to_a_small_entry_is_wrong_though_it_is_little_beside_the_largest():
    def backward(g, x):
        return 2 * g * x * (np.arange(3) > 0)

    report = check_gradient(lambda x: (x**2).sum(), backward, np.array([1.0, 2, 1e8]))
    assert report.verdict is Verdict.WRONG
    assert (report.inputs[0].worst_index, report.inputs[0].wrong) == ((0,), 1)


def test_differences_decide_where_there_is_no_time_to_find_the_wrong_entries(monkeypatch):
    whole, sought = Proofs._proof, []

    def hurried(self, point, wrt=None, *, locate=False):
        sought.append(locate)
        return Proof({}, reason="it takes too long") if locate else whole(self, point, wrt)

    monkeypatch.setattr(Proofs, "_proof", hurried)
    report = check_gradient(sine, lambda g, x: sine_backward(g, x) * (1 + 1e-13), X, seed=3)
    assert any(sought)
    assert report.inputs[0].method == "differences"


# The steps, by themselves.


AGREE = SimpleNamespace(agree_at_first=True)
DISAGREE = SimpleNamespace(agree_at_first=False)


class TestRight:
    def found(self, proven, judge, together=AGREE):
        proofs = proofs_of(Proof({0: proven}, judge.probe.y0))
        return by_proof(judge, proofs, together), proofs.notes

    def test_all_entries(self):
        found, notes = self.found(proven_of([1, -2], digits=70.9, bound=1e-3), judge_of([1.0, -2.0]))
        assert (found.entries.tolist(), found.right.tolist(), found.wrong.tolist()) == ([0, 1], [True] * 2, [False] * 2)
        assert (found.value.tolist(), found.analytic.tolist()) == ([1, -2], [1, -2])
        assert found.bound == pytest.approx([1e-3, 1e-3])
        assert (found.method, notes) == ("proved to 70 digits", [])
        assert np.isnan(found.roundoff).all()
        assert set(found.reason) == {""}

    @pytest.mark.parametrize(
        ("digits", "method"),
        [
            (np.inf, "proved exactly"),
            (25.0, "proved to 25 digits"),
            (16.25, "proved to 16.2 digits, as far as its constants are given"),
        ],
    )
    def test_the_digits_are_told(self, digits, method):
        assert self.found(proven_of([1.0], digits=digits), judge_of([1.0]))[0].method == method

    @pytest.mark.parametrize(
        ("off", "own", "precision", "sure"),
        [
            (60 * EPS, 0, np.float64, True),
            (80 * EPS, 0, np.float64, False),
            (80 * EPS, 20 * EPS, np.float64, True),
            (60 * EPS32, 0, np.float32, True),
            (80 * EPS32, 0, np.float32, False),
        ],
    )
    def test_floats_must_follow_to_their_roundoff(self, off, own, precision, sure):
        found, notes = self.found(proven_of([1.0]), judge_of([1 + off], own=own, precision=precision))
        assert (found is not None) is sure
        assert notes == ([] if sure else [GRADIENT])

    def test_an_input_that_does_not_follow_goes_astray(self):
        judge = judge_of([1.5])
        proofs = proofs_of(Proof({0: proven_of([1.0])}, judge.probe.y0))
        assert by_proof(judge, proofs, AGREE) is None
        assert proofs.strays == {0}

    def test_differences_must_agree_along_a_direction(self):
        assert self.found(proven_of([1.0]), judge_of([1.0], along=Verdict.WRONG), DISAGREE)[0] is None
        for judge, together in ((judge_of([1.0], along=Verdict.WRONG), AGREE), (judge_of([1.0]), DISAGREE)):
            assert self.found(proven_of([1.0]), judge, together)[0].right.all()

    def moved(self, along=None, value=1.0, right=None):
        """What is found of [1, 2] where roundoff may move the first entry by 1e-6, and how far that was asked."""
        judge = judge_of([value, 2.0], findings=findings_of([0]))
        if along is not None:
            judge.along = along
        proofs, asked = proofs_of(Proof({0: proven_of([1.0, 2.0], right=right)}, judge.probe.y0)), []
        proofs.widths = lambda *given: asked.append(given) or np.array([1e-6, 0.0])
        return by_proof(judge, proofs, AGREE if along is None else DISAGREE), asked

    def test_roundoff_may_move_a_gradient_that_is_proved(self):
        found, asked = self.moved(value=1 + 0.9e-6)
        assert found.right.all()
        assert found.bound == pytest.approx([1e-6, 128 * EPS])
        assert asked == [(0, np.float64)]
        assert self.moved(value=1 + 1.1e-6, right=[True, False])[0] is None

    def test_how_far_is_not_asked_where_floats_follow_or_nothing_is_proved(self):
        assert self.moved()[1] == []
        assert self.moved(value=1.5, right=[False, True])[1] == []

    @pytest.mark.parametrize(("exact", "found"), [(Verdict.RIGHT, True), (Verdict.WRONG, False)])
    def test_differences_may_agree_with_the_gradient_that_roundoff_has_not_moved(self, exact, found):
        def along(values=None):
            assert values is None or values.tolist() == [1.0, 2.0]
            return SimpleNamespace(verdict=Verdict.WRONG if values is None else exact)

        assert (self.moved(along=along, value=1 + 0.9e-6)[0] is not None) is found
        assert self.moved(along=along)[0] is None  # it was not moved at all

    def test_entries_that_are_left_open_are_judged_by_differences(self):
        findings = findings_of([2, 0, 1], wrong=[False, True, False])
        proven = proven_of([1.0, 2.0, 3.0], right=[True, False, True], bound=0.5)
        found, _ = self.found(proven, judge_of([1.0, 2.0, 3.0], findings=findings))
        assert found.right.tolist() == [True, True, False]  # differences see nothing below the roundoff of an output
        assert found.wrong.tolist() == [False, False, False]
        assert found.reason.tolist() == ["", "", "noise"]
        assert found.value.tolist() == [3, 1, 1]
        assert found.bound == pytest.approx([0.5, 0.5, 1e-9])
        assert found.method == "proved exactly at 2 of 3; differences"

    def test_nothing_is_found_without_a_proof_or_on_another_path(self):
        judge = judge_of([1.0])
        assert by_proof(judge, proofs_of(None), AGREE) is None
        assert by_proof(judge, proofs_of(Proof({}, judge.probe.y0)), AGREE) is None
        for proof, y, notes in (
            (Proof({0: proven_of([1.0])}, np.zeros(2)), (1.0, -4.0), [OUTPUT]),
            (Proof({0: proven_of([1.0])}, np.zeros(2), reason="why"), (1.0, -4.0), []),
            (Proof({0: proven_of([1.0])}, np.zeros(2)), (np.nan, -4.0), []),
        ):
            proofs = proofs_of(proof)
            assert by_proof(judge_of([1.0], y), proofs, AGREE) is None
            assert proofs.notes == notes


class TestRefuted:
    """Entry 1 is proved wrong: it is 2.5 in place of 2."""

    def found(self, located, findings, values=(1.0, 2.5, 3.0), **judge):
        judge = judge_of(values, findings=findings, **judge)
        proofs = proofs_of(Proof({0: proven_of(values, wrong=[False, True, False])}, judge.probe.y0), located)
        return by_proof(judge, proofs, AGREE), proofs.notes

    LOCATED = proven_of([1.0, 2.5, 3.0], wrong=[False, True, False], exact={1: 2.0})

    def test_differences_that_see_it_say_it(self):
        findings = findings_of([0, 1], wrong=[False, True])
        assert self.found(self.LOCATED, findings) == (findings, [])

    def test_else_the_exact_derivatives_do(self):
        found, notes = self.found(self.LOCATED, findings_of([0, 1]))
        assert (found.entries.tolist(), found.wrong.tolist(), found.right.tolist()) == ([1], [True], [False])
        assert (found.analytic.tolist(), found.value.tolist()) == ([2.5], [2.0])
        assert found.bound == pytest.approx([64 * EPS * 2])
        assert (found.method, notes) == ("exact arithmetic", [])

    def test_not_where_the_entries_are_not_known(self):
        findings = findings_of([0, 1])
        assert self.found(proven_of([1.0, 2.5, 3.0], wrong=[False, True, False]), findings)[0] is findings

    def test_also_where_nobody_has_looked_at_the_entry(self):
        assert self.found(self.LOCATED, findings_of([0, 2], right=True))[0].wrong.tolist() == [True]

    def test_not_where_floats_are_others(self):
        findings = findings_of([0, 1])
        assert self.found(self.LOCATED, findings, (1.0, 2.0, 3.0)) == (findings, [GRADIENT])
        judge = judge_of([1.0, 2.0], findings=findings)
        proofs = proofs_of(Proof({0: proven_of([1, 2.5], wrong=[False, True])}, judge.probe.y0), self.LOCATED)
        proofs.located = lambda index: proven_of([1.0, 2.5], wrong=[False, True], exact={1: 2.0})
        by_proof(judge, proofs, AGREE)
        assert proofs.strays == {0}

    @pytest.mark.parametrize(("bound", "dropped"), [(0.4, True), (0.6, False)])
    def test_not_where_differences_say_that_it_is_right(self, bound, dropped):
        findings = findings_of([0, 1], right=True, bound=bound)
        found, notes = self.found(self.LOCATED, findings)
        assert (found is findings) is dropped
        assert notes == ["the proof that the gradient of 'x' is wrong was dropped: differences disagree"] * dropped

    def test_not_where_forward_moves_in_steps_that_balls_make_too(self):
        findings = findings_of([0, 1])
        found, notes = self.found(self.LOCATED, findings, step=0.1)
        assert found is findings
        assert notes == [
            "the proof that the gradient of 'x' is wrong was dropped: forward moves in steps of its own, and the slope"
            " of a step is not what is meant"
        ]
        judge = judge_of([1.0, 2.5, 3.0], (1.0, -4.0 + 1e-6), 1e-6, findings=findings, step=0.1)
        proofs = proofs_of(Proof({0: proven_of([1, 2.5, 3], wrong=[False, True, False])}, np.array([1, -4.0])))
        proofs.located = lambda index: self.LOCATED
        assert by_proof(judge, proofs, AGREE).wrong.tolist() == [True]  # it rounds to a format, as balls do not

    @pytest.mark.parametrize(("bound", "right"), [(3.9e-6, True), (4.1e-6, False)])
    def test_there_a_wide_bound_vouches_for_nothing(self, bound, right):
        findings = findings_of([0, 1], right=[True, False], bound=bound)
        findings.value[:] = [0.25, -4.0]
        found, _ = self.found(self.LOCATED, findings, step=0.1)
        assert found.right.tolist() == [right, False]
        assert found.reason.tolist() == ["noise" if right else "stops", "noise"]

    def test_what_is_too_little_to_matter_is_noted(self):
        values = [1.0, 2 + 1e-13, 3.0]
        located = proven_of(values, wrong=[False, True, False], exact={1: 2.0})
        found, notes = self.found(located, findings_of([0, 1]), values)
        assert (found.right.tolist(), found.method) == ([True] * 3, "exact arithmetic")
        assert found.value.tolist() == [1, 2, 3]
        assert found.bound == pytest.approx([64 * EPS, 2e-13, 192 * EPS], rel=0.01)
        assert notes == [
            "in exact arithmetic the gradient of 'x' is off by up to 1e-13, as by a guard such as 1e-12 or a constant"
            " of few digits: too little to matter"
        ]
        open_entry = proven_of(values, wrong=[False, True, False], right=[False] * 3, exact={1: 2.0})
        assert self.found(open_entry, findings_of([0, 1]), values)[0].wrong.tolist() == [True]


class TestTies:
    def told(self, values=(1.0, -2.0), ties=(3.0, 4.0), y=(1.0, -4.0), size=1.0):
        values = size * np.array(values)
        proof = Proof({0: proven_of(size * np.array([1.0, -2.0]))}, np.array([1.0, -4.0]), ties=ties)
        return wrong_at_ties(judge_of(values, y), proofs_of(proof))

    def test_both_sides_are_told(self):
        assert self.told() == (
            "where equal numbers move alike, so that ties stay ties, the gradients of all inputs give 3,"
            " forward in exact arithmetic 4"
        )
        assert self.told((1.0, -2.0 + 1.9e-6)) != ""

    def test_only_where_floats_follow(self):
        assert self.told((1.0, -2.0 + 2.1e-6), size=1e-3) == ""
        assert self.told(ties=None) == self.told(y=(2.0, -4.0)) == self.told((1.0, -2.0 + 2.1e-6)) == ""
        assert wrong_at_ties(judge_of([1.0]), proofs_of(None)) == ""
