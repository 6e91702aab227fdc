"""The fixture `gradcheck`: with which options it checks, what it keeps of a report, and what a reader sees."""

import contextlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis.errors import UnsatisfiedAssumption

from scratchcnn.gradcheck import CallerError, GradientMismatch, GradientUndecided, Verdict, check_gradient
from scratchcnn.gradcheck.in_pytest import fixture
from scratchcnn.gradcheck.in_pytest.fixture import GradientCheck, broken, record
from scratchcnn.gradcheck.in_pytest.settings import Settings
from tests.gradcheck.in_pytest.stand_ins import Config, Item, Subtests, request_of

X = np.array([1.0, 2.0])


def square(x):
    return x**2


def square_backward(g, x):
    return 2 * g * x


def wrong_backward(g, x):
    return g * x


def mark(name="gradient", **options):
    return SimpleNamespace(name=name, kwargs=options)


class TestOptions:
    @pytest.fixture
    def given(self, monkeypatch):
        """The options of each check."""
        found, right = [], check_gradient(square, square_backward, X)
        monkeypatch.setattr(fixture, "check_gradient", lambda *_, **options: found.append(options) or right)
        return found

    def test_the_call_goes_before_the_nearest_mark_and_this_before_others_and_those_of_pytest(self, given):
        config = Config(Settings(check={"seed": 1, "seconds": 1.0, "executor": None, "degree": 1}))
        marks = mark(seed=3, seconds=3.0), mark("other", seed=9), mark(seed=2, seconds=2.0, degree=2)
        GradientCheck(request_of(config, *marks))(square, square_backward, X, seed=4)
        assert given == [{"seed": 4, "seconds": 3.0, "degree": 2, "executor": None}]

    def test_without_settings_there_are_none(self, given):
        GradientCheck(request_of(Config()))(square, square_backward, X)
        assert given == [{}]


class TestOutcome:
    def test_what_is_right_is_recorded(self):
        request = request_of()
        GradientCheck(request)(square, square_backward, X)
        (entry,) = request.node.gradients
        assert (entry.name, entry.where) == ("square_backward", "test_file.py::test_it[1]")
        ((name, text),) = request.node.user_properties
        assert name == "gradient square_backward"
        assert text == "right: 2 of 2 entries checked, margin inf"

    def test_what_is_wrong_is_recorded_and_raised(self):
        request = request_of()
        with pytest.raises(GradientMismatch, match="wrong_backward is WRONG"):
            GradientCheck(request)(square, wrong_backward, X)
        ((_, text),) = request.node.user_properties
        assert text.startswith("wrong: 2 of 2 entries checked, margin ")
        assert "; the gradient of x is the true one without the factor 2 of the derivative of" in text

    def test_what_is_undecided_is_raised_or_dropped(self, monkeypatch):
        def drop(report):
            assert report.verdict is Verdict.UNDECIDED
            raise UnsatisfiedAssumption

        monkeypatch.setattr(fixture, "drop_if_undecided", drop)
        for how, raised, kept in (("raise", GradientUndecided, 1), ("assume", UnsatisfiedAssumption, 0)):
            request = request_of()
            with pytest.raises(raised):
                GradientCheck(request)(np.floor, lambda g, x: 0 * g, X, on_undecided=how)
            assert len(vars(request.node).get("gradients", [])) == kept
        with pytest.raises(ValueError, match="on_undecided"):
            GradientCheck(request_of())(square, square_backward, X, on_undecided="skip")

    def test_what_raises_is_recorded_as_wrong(self):
        def raises(g, x):
            raise KeyError("missing")

        request = request_of()
        with pytest.raises(CallerError, match="KeyError"):
            GradientCheck(request)(square, raises, X)
        (entry,) = request.node.gradients
        assert (entry.report.forward, entry.report.backward) == ("square", raises.__name__)
        assert (entry.report.verdict, entry.report.inputs) == (Verdict.WRONG, ())
        (violation,) = entry.report.violations
        assert (violation.kind, violation.message[:8]) == ("raises", "backward")

    def test_a_report_that_was_made_elsewhere_is_demanded_by_its_name(self):
        request = request_of()
        GradientCheck(request).demand(check_gradient(square, square_backward, X), "mine")
        assert [entry.name for entry in request.node.gradients] == ["mine"]
        with pytest.raises(GradientUndecided):
            GradientCheck(request).demand(broken(square, square_backward, "no", Verdict.UNDECIDED))

    def test_functions_without_names_are_called_forward_and_backward(self):
        report = broken(lambda x: x, lambda g, x: g, "no")
        assert (report.forward, report.backward) == ("forward", "backward")

    def test_several_are_recorded_where_they_were_called(self):
        item, report = Item(Config(Settings())), check_gradient(square, square_backward, X)
        record(item, report)
        record(item, report, "another", "elsewhere.py::test")
        assert [(entry.name, entry.where) for entry in item.gradients] == [
            ("square_backward", "test_file.py::test_it[1]"),
            ("another", "elsewhere.py::test"),
        ]


class TestKept:
    @pytest.mark.parametrize(
        ("settings", "backward", "kept"),
        [
            (Settings(), square_backward, False),
            (None, square_backward, False),
            (Settings(report=Path("found.json")), square_backward, False),
            (Settings(report=Path("found.html")), square_backward, True),
            (Settings(), wrong_backward, True),
        ],
    )
    def test_arrays_of_a_right_report_are_kept_for_a_page_alone(self, settings, backward, kept):
        item, report = Item(Config(settings)), check_gradient(square, backward, X)
        record(item, report)
        found = item.gradients[0].report
        assert (found is report) == kept
        if not kept:
            assert (found.second_point, found.digits, found.compared) == (None, {}, {})
            assert (found.verdict, found.inputs) == (report.verdict, report.inputs)


@pytest.mark.parametrize(
    ("forward", "backward", "options", "name"),
    [
        (square, square_backward, {}, "square_backward"),
        (square, square_backward, {"name": "mine"}, "mine"),
        (square, lambda g, x: 2 * g * x, {}, "derivative of square"),
        (lambda x: x**2, lambda g, x: 2 * g * x, {}, "test_it[1]"),
    ],
)
def test_a_derivative_without_a_name_has_that_of_forward_or_of_the_test(forward, backward, options, name):
    request = request_of()
    GradientCheck(request)(forward, backward, X, **options)
    assert [entry.name for entry in request.node.gradients] == [name]


class TestSubtests:
    @staticmethod
    def seen(backward, *, drawn=False, plugins=("subtests",), forward=lambda x, w: x * w, inputs=(X, X + 1)):
        subtests = Subtests()
        request = request_of(Config(Settings(), plugins=plugins), drawn=drawn, subtests=subtests)
        with contextlib.suppress(GradientMismatch):
            GradientCheck(request)(forward, backward, *inputs, diagnosis=False)
        notes = getattr(request.node, "notes_of_failure", [])
        assert not (notes and subtests.seen)  # what is wrong is noted when the test has failed
        for note in notes:
            note()
        return subtests.seen

    def test_each_input_is_one_and_says_what_is_wrong_with_it(self):
        assert self.seen(lambda g, x, w: (g * w, g * x)) == [("x", "", None), ("w", "", None)]
        assert self.seen(lambda g, x, w: (g * w, 2 * g * x)) == [
            ("x", "", None),
            ("w", "the gradient of w is wrong (2 wrong of 2 entries)", False),
        ]

    def test_an_input_without_entries_is_none_of_a_failure_of_a_right_report(self):
        empty = np.ones((0, 2))
        forward, backward = (lambda x, w: np.append(x.reshape(-1), w)), (lambda g, x, w: (0 * x, g))
        assert self.seen(backward, forward=forward, inputs=(empty, X)) == [("x", "", None), ("w", "", None)]

    def test_an_undecided_one_says_so(self):
        seen = self.seen(lambda g, x: 0 * g, forward=np.floor, inputs=(np.array([1.0, 2.5]),))
        assert seen == [("x", "the gradient of x is undecided (1 undecided of 2 entries)", False)]

    def test_counts_of_both_kinds_are_said(self):
        def forward(x):
            return np.where(x > 2, np.floor(x), x**2)

        seen = self.seen(lambda g, x: g * x, forward=forward, inputs=(np.array([0.5, 3.0]),))
        assert seen == [("x", "the gradient of x is wrong (1 wrong, 1 undecided of 2 entries)", False)]

    def test_an_input_without_entries_beside_a_wrong_one_says_no_numbers(self):
        forward, backward = (lambda x, w: np.append(x.reshape(-1), w)), (lambda g, x, w: (0 * x, 2 * g))
        (empty, _) = self.seen(backward, forward=forward, inputs=(np.ones((0, 2)), X))
        assert empty == ("x", "the gradient of x is undecided", False)

    def test_a_test_without_a_function_is_no_drawn_one(self):
        subtests = Subtests()
        for missing in ("function", "is_hypothesis_test"):
            request = request_of(Config(Settings(), plugins=["subtests"]), subtests=subtests)
            delattr(request if missing == "function" else request.function, missing)
            GradientCheck(request)(square, square_backward, X)
        assert [name for name, *_ in subtests.seen] == ["x", "x"]

    def test_there_are_none_of_drawn_tests_and_without_pytest_s_subtests(self):
        assert self.seen(lambda g, x, w: (g * w, g * x), drawn=True) == []
        assert self.seen(lambda g, x, w: (g * w, g * x), plugins=()) == []
