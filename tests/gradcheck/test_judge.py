"""The judgement of one input by every method that applies, in their order."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient, judge
from scratchcnn.gradcheck.all_inputs import AllInputs
from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.contract import observe
from scratchcnn.gradcheck.effort import Effort
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.judge import Check, judge_input
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.exact import exact_gradients
from scratchcnn.gradcheck.numerical.noise import STRIDES
from scratchcnn.gradcheck.points import draw_cotangent, second_point
from scratchcnn.gradcheck.proof.proofs import Proofs
from scratchcnn.gradcheck.setting import Setting
from tests.gradcheck.pairs import product, product_backward

X = np.array([[0.3, -1.7, 2.5], [0.9, -0.4, 1.1]])
W = np.array([[0.5, 2.0], [-1.0, 0.25], [3.0, -0.75]])


def judged(forward, backward, *inputs, index=0, degree=None, proof=False, second=True, entries=None, seed=0):
    """The judgement of an input; with `degree` the exact check comes first, with `proof` a proof."""
    rng = np.random.default_rng(seed)
    with quiet():
        case = prepare(forward, backward, inputs)
        cotangent, other = (draw_cotangent(case.output.shape, case.output.dtype, rng) for _ in range(2))
        there = second_point(case, other, rng)
        observed = observe(case, cotangent, other, there, 1.0, drawn=True)
        setting = Setting(case, cotangent, observed, there if second else None, rng)
        analytic = Analytic(case, cotangent, observed.gradients, unsteady=observed.unsteady)
        effort = Effort(entries, None, 2, STRIDES, 10.0)
        proofs = Proofs(setting, 5.0) if proof else None
        check = Check(setting, analytic, effort, AllInputs(setting), proofs)
        exact = None
        if degree:
            exact = exact_gradients(forward, backward, inputs, [index], degree, 1, np.random.default_rng(0))[index]
        return judge_input(check, index, exact)


def sine_backward(g, x):
    return (g * np.cos(x),)


def test_an_input_without_entries_has_nothing_to_check():
    told = judged(lambda x, w: x @ w, product_backward, np.empty((0, 3)), W)
    assert (told.report.name, told.report.verdict, told.report.size) == ("x", Verdict.UNDECIDED, 0)
    assert told.report.reason == "nothing to check: the input has no entries"


def test_of_an_output_without_entries_nothing_but_zero_is_right_and_that_says_nothing():
    told = judged(product, product_backward, np.empty((0, 3)), W, index=1)
    assert (told.report.name, told.report.verdict, told.report.size) == ("w", Verdict.UNDECIDED, 6)
    assert told.report.reason == "nothing to check: the output has no entries"
    told = judged(product, lambda g, x, w: (g @ w.T, x.T @ g + w), np.empty((0, 3)), W, index=1)
    assert (told.report.verdict, told.report.wrong) == (Verdict.WRONG, 6)


def test_entries_that_are_as_far_off_are_taken_in_their_order(monkeypatch):
    asked = []
    judge_of = SimpleNamespace(by_entries=lambda entries, proven: asked.append(entries.tolist()) or findings_of(*RIGHT))
    alike = SimpleNamespace(analytic=np.ones(300), numerical=np.zeros(300), wrong=np.ones(300, bool))
    judge._as_the_caller_sees_it("on the lattice", judge_of, alike)
    assert asked == [[0, 1, 2, 3]]


def test_a_gradient_of_another_shape_has_nothing_to_compare():
    told = judged(np.sin, lambda g, x: (np.cos(x).sum(axis=0),), X)
    assert told.report.verdict is Verdict.WRONG
    assert told.report.reason == "there is no gradient of the input's shape to compare"


class TestExact:
    def test_a_right_gradient_is_proved_on_every_entry(self):
        told = judged(product, product_backward, X, W, degree=1)
        report = told.report
        assert (report.verdict, report.method, report.checked) == (Verdict.RIGHT, "exact", 6)
        assert report.where == "on integers near the inputs"
        assert (told.at_second_point, told.ties, report.bound) == ("", "", 0)

    @pytest.mark.parametrize("error", [1.0, 1e-9])
    def test_a_wrong_one_has_the_caller_s_numbers_if_it_is_wrong_there_too(self, error):
        def backward(g, x, w):
            grad_x = g @ w.T
            grad_x[1, 2] *= 1 + error
            return grad_x, x.T @ g

        report = judged(product, backward, X, W, degree=1).report
        assert (report.verdict, report.wrong, report.checked, report.worst_index) == (Verdict.WRONG, 1, 6, (1, 2))
        assert (report.method, report.undecided, report.evidence.wrong.sum()) == ("exact", 0, 1)
        assert (report.name, report.size) == ("x", 6)
        assert abs(report.analytic) < 100  # the integers are larger
        assert report.analytic == pytest.approx(report.numerical * (1 + error), rel=1e-10)

    def test_or_those_on_integers_where_it_is_not(self):
        def backward(g, x, w):
            return g @ w.T + (np.abs(x) > 50), x.T @ g

        report = judged(product, backward, X, W, degree=1).report
        assert (report.verdict, report.where) == (Verdict.WRONG, "on integers near the inputs")
        assert report.analytic == report.numerical + 1

    def test_a_mistake_at_the_caller_s_own_point_is_seen_along_a_direction(self):
        def backward(g, x, w):
            return g @ w.T * np.where(np.abs(x) < 5, 1.5, 1), x.T @ g

        report = judged(product, backward, X, W, degree=1).report
        assert report.verdict is Verdict.WRONG
        assert report.reason.startswith("along a random direction at the inputs")

    def test_where_arithmetic_is_not_exact_differences_decide(self):
        report = judged(np.sin, sine_backward, X, degree=1).report
        assert (report.verdict, report.method) == (Verdict.RIGHT, "differences")


class TestDifferences:
    def test_all_entries_or_a_sample_and_directions(self):
        every = judged(np.sin, sine_backward, X).report
        assert (every.method, every.name, every.size) == ("differences", "x", 6)
        some = judged(np.sin, sine_backward, X, entries=2).report
        assert (some.checked, some.verdict) == (2, Verdict.RIGHT)
        assert some.method == "differences, 2 directions through all entries"

    def test_a_proof_comes_before_them(self):
        report = judged(np.sin, sine_backward, X, proof=True).report
        assert report.verdict is Verdict.RIGHT
        assert report.method.startswith("proved")
        wrong = judged(np.sin, lambda g, x: (g * np.cos(x) * 1.001,), X, proof=True).report
        assert (wrong.verdict, wrong.wrong) == (Verdict.WRONG, 6)

    def test_the_gradient_in_the_caller_s_precision_is_held_to_its_twin(self):
        def backward(g, x):
            return (g * np.cos(x) * (1.01 if x.dtype == np.float32 else 1),)

        report = judged(np.sin, backward, X.astype(np.float32)).report
        assert report.verdict is Verdict.WRONG
        assert report.reason.startswith("in float32 the gradient strays from its float64 twin")


class TestSecondPoint:
    @staticmethod
    def only_here(g, x):
        return (g * np.where(x == X, np.cos(x), 1.5 * np.cos(x)),)

    @pytest.mark.parametrize("proof", [False, True])
    def test_what_is_wrong_there_alone_is_told(self, proof):
        told = judged(np.sin, self.only_here, X, proof=proof)
        assert told.report.verdict is Verdict.RIGHT
        assert told.at_second_point != ""

    def test_nobody_asks_where_there_is_none_or_the_first_is_wrong(self):
        assert judged(np.sin, self.only_here, X, second=False).at_second_point == ""
        wrong = judged(np.sin, lambda g, x: (-2 * self.only_here(g, x)[0],), X)
        assert (wrong.report.verdict, wrong.at_second_point) == (Verdict.WRONG, "")

    def test_where_all_inputs_agree_along_one_direction_none_is_asked_alone(self):
        for index in (0, 1):
            assert judged(product, product_backward, X, W, index=index).at_second_point == ""


def test_ties_that_a_proof_finds_wrong_are_told():
    def largest(x):
        return x.max(keepdims=True)

    def to_each(g, x):
        return (g * (x == x.max()),)

    tied = np.array([1.0, 2.0, 2.0, 0.5])
    told = judged(largest, to_each, tied, proof=True)
    assert told.ties != "" or told.report.verdict is Verdict.WRONG
    first = judged(largest, lambda g, x: (g * (np.arange(4) == x.argmax()),), tied, proof=True)
    assert (first.ties, first.report.verdict) == ("", Verdict.RIGHT)


ROTATION = np.linalg.qr(np.random.default_rng(2).normal(size=(3, 3)))[0]
SYMMETRIC = X.T @ X


class TestWithoutForm:
    def told(self, backward, w):
        told = judged(lambda x, w: x @ w, backward, X, w, proof=True)
        assert (told.report.verdict, told.at_second_point) == (Verdict.RIGHT, "")
        return told.report.reason

    @pytest.mark.parametrize("w", [np.eye(3), SYMMETRIC], ids=["the identity", "symmetric"])
    def test_a_transpose_that_is_forgotten_is_told(self, w):
        told = self.told(lambda g, x, w: (g @ w, x.T @ g), w)
        assert told.startswith(
            "right only because of the form of w (symmetric, orthogonal or sorted): elsewhere along a random direction"
        )
        assert told.endswith("; structure='any' checks there")

    def test_an_inverse_in_place_of_a_transpose_is_told(self):
        told = self.told(lambda g, x, w: (g @ np.linalg.inv(w), x.T @ g), ROTATION)
        assert told.startswith("right only because of the form of w (symmetric, orthogonal or sorted)")

    @pytest.mark.parametrize("w", [np.eye(3), SYMMETRIC, ROTATION, X.T[:, :2]], ids=["I", "symmetric", "Q", "neither"])
    def test_of_a_right_gradient_nothing_is_told(self, w):
        assert self.told(product_backward, w) == ""

    def test_all_that_have_a_form_lose_it_and_others_stay(self, monkeypatch):
        points = []
        monkeypatch.setattr(
            judge, "drawn_point", lambda case, draw, inputs, cotangent: points.append((draw(), inputs, cotangent))
        )
        a, b = np.eye(3), SYMMETRIC
        second = SimpleNamespace(inputs=(a, X, b, b, a), cotangent="a cotangent")
        case = SimpleNamespace(wrt=(0, 1, 2, 4), structures={4: "symmetric"}, names=tuple("axbcd"))
        judge_of = SimpleNamespace(case=case, rng=np.random.default_rng(0), at=lambda point: "wrong")
        assert judge._without_form(judge_of, second) == ""  # there is no such point
        ((values, inputs, cotangent),) = points
        assert (inputs, cotangent) == (second.inputs, "a cotangent")
        assert [values[k] is second.inputs[k] for k in range(5)] == [False, True, False, True, True]
        monkeypatch.setattr(judge, "drawn_point", lambda *given: "a point")
        told = judge._without_form(judge_of, second)
        assert told.startswith(
            "right only because of the form of a and b (symmetric, orthogonal or sorted): elsewhere wrong;"
        )

    def test_it_is_named_whose_form_alone_hides_it(self):
        def backward(g, x, w, v):
            return (
                g @ v @ w,
                x.T @ (g @ v),
                (x @ w).T @ g,
            )  # w for its transpose; v is symmetric, and stands for its own

        told = judged(lambda x, w, v: x @ w @ v.T, backward, X, SYMMETRIC, np.eye(3)).report.reason
        assert told.startswith("right only because of the form of w (symmetric, orthogonal or sorted)")

    def test_nor_where_forward_is_finite_at_no_other(self):
        def forward(x, w):
            return x @ w + (np.nan if np.abs(w - w.T).max() > 1e-4 else 0.0)

        told = judged(forward, lambda g, x, w: (g @ w, x.T @ g), X, np.eye(3))
        assert (told.report.verdict, told.report.reason) == (Verdict.RIGHT, "")

    def test_nor_of_what_the_caller_says_is_symmetric(self):
        pair = (lambda x, w: x @ w, lambda g, x, w: (g @ w, x.T @ g))
        assert check_gradient(*pair, X, SYMMETRIC).inputs[0].reason
        assert check_gradient(*pair, X, SYMMETRIC, structure={"w": "symmetric"}).inputs[0].reason == ""


def findings_of(right, wrong=False, count=4):
    """What is found of some entries, all of them alike; the numbers are their places."""
    places, no = np.arange(count), np.zeros(count)
    each = (np.full(count, right), np.full(count, wrong), np.full(count, "noise", object))
    return Findings(places, places.astype(float), no + 9, no + 1, no, *each, "by a stub")


RIGHT, WRONG, UNDECIDED = (True, False), (False, True), (False, False)


class TestWithRepeats:
    """A table of rows that an index takes."""

    TABLE = np.arange(18.0).reshape(6, 3) ** 0.5

    def told(self, backward, *index, forward=lambda t, i: t[i]):
        told = judged(forward, backward, self.TABLE, np.array(index))
        assert (told.report.verdict, told.at_second_point) == (Verdict.RIGHT, "")
        return told.report.reason

    @staticmethod
    def add_once(g, table, index):
        gradient = np.zeros_like(table)
        gradient[index] += g
        return gradient

    @staticmethod
    def add_each(g, table, index):
        gradient = np.zeros_like(table)
        np.add.at(gradient, index, g)
        return gradient

    def test_rows_that_are_added_once_are_told(self):
        told = self.told(self.add_once, 4, 1, 2)
        assert told.startswith(
            "right only because no number in i comes twice: where one does, along a random direction the gradient gives"
        )

    def test_of_a_right_gradient_nothing_is_told(self):
        assert self.told(self.add_each, 4, 1, 2) == self.told(self.add_each, 4, 1, 1) == ""

    def test_nor_of_a_permutation_or_of_numbers_that_are_no_index(self):
        assert self.told(self.add_once, 4, 1, 2, 0, 5, 3) == self.told(self.add_once, 2) == ""
        assert self.told(lambda g, t, c: (g * c, (g * t).sum(0)), 4.0, 1.0, 2.0, forward=lambda t, c: t * c) == ""

    def test_nor_where_forward_has_no_other_output(self):
        def forward(table, index):
            assert len(set(index.tolist())) == len(index)
            return table[index]

        assert self.told(self.add_once, 4, 1, 2, forward=forward) == ""


# They refute nothing.
PROOFS = SimpleNamespace(refutes=lambda index: False, through=())


class Steps:
    """The judgement of one input where each step of it is a stub; `asked` are the steps that were taken."""

    def __init__(self, monkeypatch, judgement=RIGHT, count=4, **said):
        self.findings, self.asked = findings_of(*judgement, count=count), []
        self.said = {"proved": None, "too little": False, "ties": "", "nearby": False, "there": "", "form": ""}
        self.said |= {"repeats": "", "step": 0.0} | said
        monkeypatch.setattr(judge, "InputJudge", self._judge)
        steps = {"_proved": "proved", "wrong_at_ties": "ties", "_at_second_point": "there", "_without_form": "form"}
        steps["_with_repeats"] = "repeats"
        for name, said_as in steps.items():
            monkeypatch.setattr(judge, name, self._step(said_as))
        monkeypatch.setattr(judge, "judge_twin", lambda judge_of, findings: None)

    def _step(self, name):
        def step(*given):
            self.asked.append((name, *given[1:]))
            return self.said[name]

        return step

    def _judge(self, *given):
        self.given = given
        self.judge_of = SimpleNamespace(
            shows_too_little=self.said["too little"],
            by_sample=lambda: self.findings,
            along_directions=lambda *given: self.asked.append(("along", *given)),
            is_wrong_nearby=self._nearby,
            x=np.zeros(4),
            step=self.said["step"],
            inside=0.0,
        )
        return self.judge_of

    def _excuse(self, index, point, findings, *, proven):
        self.asked.append(("stopping", index, point, findings, proven))

    def _nearby(self, *given):
        self.asked.append(("nearby", *given))
        return self.said["nearby"]

    def told(self, proofs=PROOFS, second="second", exact=None, agree=True):
        observed = SimpleNamespace(usable=(1,), gradients=(None, np.ones(4)))
        case = SimpleNamespace(names=("a", "b"), inputs=(None, np.zeros(4)), format="float8", output=np.ones(1))
        stopping = SimpleNamespace(judge_entries=self._excuse)
        setting = SimpleNamespace(case=case, observed=observed, first="first", second=second, stopping=stopping)
        all_inputs = SimpleNamespace(agree_at_first=agree)
        check = Check(setting, "analytic", SimpleNamespace(directions=3), all_inputs, proofs, "workers")
        found = judge_input(check, 1, exact)
        assert self.given == (setting, 1, "analytic", check.effort, "workers")
        assert (found.report.name, found.report.size) == ("b", 4)
        return found

    def steps(self):
        return [name for name, *_ in self.asked]


class TestSteps:
    @pytest.mark.parametrize(("step", "asked"), [(0.0, True), (0.25, False)])
    def test_what_a_rounding_hides_is_no_iteration(self, monkeypatch, step, asked):
        steps = Steps(monkeypatch, step=step)
        steps.told()
        assert (("stopping", 1, "first", steps.findings, False) in steps.asked) is asked

    def test_what_goes_straight_through_roundings_is_no_iteration(self, monkeypatch):
        steps = Steps(monkeypatch)
        steps.told(SimpleNamespace(refutes=lambda index: False, through=(1,)))
        assert "stopping" not in steps.steps()

    @pytest.mark.parametrize(("judgement", "asked"), [(RIGHT, True), (UNDECIDED, False)])
    def test_it_is_judged_elsewhere_if_it_is_right(self, monkeypatch, judgement, asked):
        """What is undecided may mix rounded numbers with others."""
        steps = Steps(monkeypatch, judgement)
        told = steps.told(SimpleNamespace(refutes=lambda index: False, through=(1,)))
        assert ("there" in steps.steps()) is asked
        assert told.ties == ""
        steps = Steps(monkeypatch, judgement)
        steps.told(SimpleNamespace(refutes=lambda index: False, through=(0, 2)))
        assert "there" in steps.steps()

    def test_straight_through_is_asked_first(self, monkeypatch):
        asked = []
        given = "judge", "proofs", "all inputs"
        monkeypatch.setattr(judge, "by_proof", lambda *given: asked.append(given) or "proved")
        monkeypatch.setattr(judge, "straight_through", lambda *given: "through")
        assert judge._proved(*given) == "through"
        monkeypatch.setattr(judge, "straight_through", lambda *given: asked.append(given))
        assert judge._proved(*given) == "proved"
        assert asked == [("judge", "proofs"), given]

    @pytest.mark.parametrize(("refuted", "proven"), [((1,), True), ((0, 2), False)])
    def test_of_an_iteration_it_is_told_what_is_proved(self, monkeypatch, refuted, proven):
        steps = Steps(monkeypatch)
        steps.told(SimpleNamespace(refutes=refuted.__contains__, through=()))
        assert ("stopping", 1, "first", steps.findings, proven) in steps.asked

    def test_steps_that_are_too_wide_leave_it_undecided_unless_it_is_proved(self, monkeypatch):
        steps = Steps(monkeypatch, **{"too little": True})
        told = steps.told(proofs=None)
        assert (told.report.verdict, told.report.checked) == (Verdict.UNDECIDED, 0)
        assert told.report.reason == "the steps of float8 are too wide to show a slope"
        assert Steps(monkeypatch, **{"too little": True}).told().report.reason == told.report.reason
        proved = Steps(monkeypatch, **{"too little": True, "proved": findings_of(*RIGHT)})
        assert proved.told().report.verdict is Verdict.RIGHT

    def test_directions_are_asked_where_entries_are_left(self, monkeypatch):
        steps = Steps(monkeypatch, count=3)
        steps.told()
        assert ("along", steps.findings, 3) in steps.asked
        every = Steps(monkeypatch)
        every.told()
        assert "along" not in every.steps()

    @pytest.mark.parametrize("agree", [True, False])
    def test_one_direction_where_the_exact_check_says_nothing_of_the_caller_s_point(self, monkeypatch, agree):
        entries = np.arange(4)
        exact = SimpleNamespace(proven=True, wrong=entries > 9, entries=entries, analytic=entries, numerical=entries)
        steps = Steps(monkeypatch)
        told = steps.told(exact=exact, agree=agree)
        assert [given[-1] for name, *given in steps.asked if name == "along"] == [1] * (not agree)
        assert (told.report.method, told.report.bound) == ("exact", 0)
        assert not {"proved", "ties"} & set(steps.steps())

    @pytest.mark.parametrize("judgement", [RIGHT, WRONG, UNDECIDED])
    @pytest.mark.parametrize("second", ["second", None])
    def test_ties_are_told_whatever_the_entries_are(self, monkeypatch, judgement, second):
        steps = Steps(monkeypatch, judgement, ties="of all")
        assert steps.told(second=second).ties == "of all"
        assert Steps(monkeypatch, judgement, ties="of all").told(second=second, proofs=None).ties == ""
        assert ("there" in steps.steps()) == (second is not None and judgement != WRONG)

    def test_a_point_nearby_that_shows_a_mistake_is_enough(self, monkeypatch):
        steps = Steps(monkeypatch, UNDECIDED, nearby=True, ties="of all", there="elsewhere")
        told = steps.told()
        assert (told.at_second_point, told.ties, told.report.undecided) == ("", "", 4)
        assert ("nearby", steps.findings, "second") in steps.asked
        assert "there" not in steps.steps()

    @pytest.mark.parametrize("judgement", [RIGHT, UNDECIDED])
    @pytest.mark.parametrize("there", ["", "wrong there"])
    def test_a_form_is_left_out_where_all_else_is_right(self, monkeypatch, judgement, there):
        steps = Steps(monkeypatch, judgement, there=there, form="of the form")
        told = steps.told()
        assert told.at_second_point == there
        assert (told.report.reason == "of the form") == (judgement == RIGHT and not there)
        assert [given[-1] for given in steps.asked if given[0] == "there"] == [PROOFS]

    def test_a_number_that_comes_twice_is_asked_after_the_form(self, monkeypatch):
        assert Steps(monkeypatch, repeats="twice").told().report.reason == "twice"
        steps = Steps(monkeypatch, repeats="twice", form="of the form")
        assert steps.told().report.reason == "of the form"
        assert "repeats" not in steps.steps()


class TestAtSecondPoint:
    def told(self, proved, seen="", decided=True, agree=False, second="second", proofs=True, left_open=()):
        def at(point):
            assert point == "second"
            return seen

        def at_second_point(index):
            assert index == 7
            return proved

        check = SimpleNamespace(
            setting=SimpleNamespace(second=second, stopping=SimpleNamespace(leaves_open=left_open.__contains__)),
            all_inputs=SimpleNamespace(agree_at_second=agree),
        )
        judge_of = SimpleNamespace(index=7, at=at, agrees_at_other=decided)
        return judge._at_second_point(
            judge_of, check, SimpleNamespace(at_second_point=at_second_point) if proofs else None
        )

    def test_what_is_proved_right_is_asked_nothing(self):
        assert self.told("", seen="differences differ") == ""

    def test_what_agrees_along_one_direction_is_asked_nothing_unless_a_proof_says_that_it_is_wrong(self):
        assert self.told(None, seen="differences differ", agree=True) == ""
        assert self.told("proved wrong", seen="differences differ", agree=True) == "differences differ"
        assert self.told("proved wrong", seen="", decided=False, agree=True) == "proved wrong"

    def test_differences_are_heard_first(self):
        assert self.told(None, seen="differences differ") == "differences differ"
        assert self.told("anything", seen="differences differ", proofs=False) == "differences differ"
        assert self.told("proved wrong", decided=True) == ""
        assert self.told("proved wrong", decided=False) == "proved wrong"
        assert self.told(None, decided=False) == ""

    def test_what_an_iteration_leaves_open_no_proof_accuses(self):
        assert self.told("proved wrong", decided=False, left_open=[7]) == ""
        assert self.told("proved wrong", seen="differences differ", left_open=[7]) == "differences differ"
        assert self.told("proved wrong", decided=False, left_open=[6]) == "proved wrong"

    def test_nothing_is_told_where_there_is_none(self):
        assert self.told(None, seen="never asked", second=None) == ""
        assert self.told("proved wrong", seen="never asked", second=None) == ""


class TestAsTheCallerSeesIt:
    def told(self, wrong, at_the_caller_s=True, undecided=False):
        asked = []

        def by_entries(entries, *, proven):
            asked.append((entries.tolist(), proven))
            found = findings_of(False, at_the_caller_s, count=len(entries))
            found.wrong[1:] &= not undecided
            return found

        analytic, numerical = np.array([5.0, 9, -4, 2, 100, 3]), np.array([5.0, 6, 4, 2, 0, 1])
        exact = SimpleNamespace(analytic=analytic, numerical=numerical, wrong=np.isin(np.arange(6), wrong))
        judge_of = SimpleNamespace(by_entries=by_entries, x=np.zeros(6))
        on_lattice = SimpleNamespace(name="w", evidence="of all", checked=60, wrong=50, method="exact")
        return judge._as_the_caller_sees_it(on_lattice, judge_of, exact), on_lattice, asked

    def test_the_farthest_entries_that_are_wrong_are_looked_at_there(self):
        told, _, asked = self.told([1, 2, 5])
        assert asked == [([2, 1, 5], True)]
        assert (told.name, told.size, told.evidence, told.checked) == ("w", 6, "of all", 60)
        assert (told.wrong, told.undecided, told.method, told.numerical) == (50, 0, "exact", 9)
        assert self.told([1, 2], undecided=True)[0].undecided == 0
        assert self.told([0, 1, 2, 3, 5])[2] == [([2, 1, 5, 0], True)]

    def test_where_none_is_wrong_there_the_numbers_are_those_of_the_lattice(self):
        told, on_lattice, _ = self.told([1, 2], at_the_caller_s=False)
        assert told is on_lattice


def test_what_is_exact_has_no_roundoff():
    entries = np.array([0, 2])
    exact = SimpleNamespace(
        entries=entries, analytic=np.arange(3.0), numerical=np.ones(3), wrong=np.array([0, 0, 1]) > 0
    )
    found = judge._exactly(exact)
    assert (found.roundoff.tolist(), found.bound.tolist()) == ([0, 0], [0, 0])
    assert (found.analytic.tolist(), found.right.tolist(), found.wrong.tolist()) == (
        [0, 2],
        [True, False],
        [False, True],
    )
