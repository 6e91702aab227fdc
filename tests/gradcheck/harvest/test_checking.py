"""The check of a pair at a call: which calls can be checked, which is the best, and what the report says."""

import types
import warnings

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict
from scratchcnn.gradcheck.harvest.calls import EACH, Call
from scratchcnn.gradcheck.harvest.checking import PairCheck, not_checked, refusal
from scratchcnn.gradcheck.harvest.pairs import find_pairs

TEXT = """
import numpy as np
import warnings

def f(x, power=2, *, name="f"):
    if power < 0:
        raise ValueError("power must not be negative")
    warnings.warn("slow")
    return np.log(x) ** power

def f_backward(g, x, power=2):
    return g * power * np.log(x) ** (power - 1) / x
"""


def pair_of(text=TEXT):
    module = types.ModuleType("made")
    exec(text, vars(module))
    (pair,) = find_pairs(module)
    return pair


def call(x=(1.5, 3.0), **options):
    return Call({"x": np.array(x), "power": 2, "name": "f", **options}, ("", ""), "", 0, ())


@pytest.fixture
def check():
    return PairCheck(pair_of(), {"diagnosis": False})


class TestRefusal:
    def test_is_empty_where_forward_can_be_called(self):
        assert refusal(pair_of(), call()) == ""

    def test_says_what_forward_raises_and_that_it_is_not_finite(self):
        assert refusal(pair_of(), call(power=-1)) == "forward raises ValueError: power must not be negative"
        assert refusal(pair_of(), call([0.0, 1.0])) == "forward is not finite"

    def test_warnings_are_nobody_s_business(self):
        with warnings.catch_warnings(), np.errstate(all="raise"):
            warnings.simplefilter("error")
            assert refusal(pair_of(), call()) == ""
            assert refusal(pair_of(), call([0.0, 1.0])) == "forward is not finite"

    @pytest.mark.parametrize(
        ("output", "reason"),
        [
            ("(x, [np.array([np.nan])])", ""),  # what is handed on to backward may be anything
            ("(x / 0, x)", "forward is not finite"),
            ("()", ""),
            ("[x, np.float32('inf')]", "forward is not finite"),
            ("[x, np.arange(3), 'word', float('nan')]", ""),
        ],
    )
    def test_of_several_outputs_the_first_counts_and_of_trees_all_floats(self, output, reason):
        text = f"import numpy as np\ndef f(x): return {output}\ndef f_backward(g, x): return g"
        assert refusal(pair_of(text), Call({"x": np.ones(2)}, ("", ""), "", 0, ())) == reason

    def test_forward_gets_a_copy(self):
        text = "def f(x):\n    x *= 2\n    return x\ndef f_backward(g, x): return g"
        x = np.ones(2)
        refusal(pair_of(text), Call({"x": x}, ("", ""), "", 0, ()))
        assert x.tolist() == [1, 1]


class TestBest:
    def test_a_call_at_which_something_is_decided_goes_before_others(self, check, monkeypatch):
        calls = [call([1.0, 1.0]), call([1.5, 2.0])]
        verdicts = dict(zip(calls, (Verdict.UNDECIDED, Verdict.WRONG), strict=True))
        monkeypatch.setattr(PairCheck, "report", lambda self, at: types.SimpleNamespace(verdict=verdicts[at]))
        assert check.best(calls) is calls[1]
        assert check.best(calls[:1]) is calls[0]
        assert check.best([]) is None

    def test_calls_that_forward_refuses_are_passed_over_and_only_few_are_tried(self, check, monkeypatch):
        asked = []

        def report(self, at):
            asked.append(at)
            return types.SimpleNamespace(verdict=Verdict.UNDECIDED)

        monkeypatch.setattr(PairCheck, "report", report)
        refused, usable = [call(power=-1)] * 3, [call() for _ in range(EACH + 2)]
        assert check.best([*refused, *usable]) is usable[0]
        assert asked == usable[:EACH]
        assert check.best(refused) is None


class TestReport:
    def test_says_with_which_options_and_is_made_once(self, check):
        at = call(power=3)
        report = check.report(at)
        assert report.verdict is Verdict.RIGHT
        assert report.sample == "x float64[2]; options: power=3, name='f'"
        assert check.report(at) is report
        assert check.report(call(power=3)) is not report

    def test_warnings_do_not_stop_it(self, check):
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            assert check.report(call()).verdict is Verdict.RIGHT

    def test_the_options_are_those_of_the_check(self):
        report = PairCheck(pair_of(), {"name": "mine", "seed": 5}).report(call())
        assert report.name == "mine"

    def test_an_input_that_backward_does_not_answer_for_is_not_checked(self):
        text = "def f(x, y): return x * y\ndef f_backward(g, x, y): return g * y"
        report = PairCheck(pair_of(text), {}).report(Call({"x": np.ones(2), "y": np.ones(2)}, ("", ""), "", 0, ()))
        assert (report.verdict, [each.name for each in report.inputs]) == (Verdict.RIGHT, ["x"])

    def test_lines_to_paste_are_those_of_functions_that_are_called_as_they_are(self):
        text = "def f(x): return x**2\ndef f_backward(g, x): return g * x"
        own = PairCheck(pair_of(text), {}).report(Call({"x": np.ones(2)}, ("", ""), "", 0, ()))
        assert own.again
        assert own.sample == "x float64[2]"
        bound = PairCheck(pair_of(TEXT.replace("g * power", "g")), {}).report(call(power=3))
        assert "partial(f_backward, power=3)" in bound.again[-1]
        text = "def f(x, y): return x * y\ndef f_backward(g, y, x): return g * y, g"
        other = PairCheck(pair_of(text), {}).report(Call({"x": np.ones(2), "y": np.ones(2) * 3}, ("", ""), "", 0, ()))
        assert (other.verdict, other.again) == (Verdict.WRONG, ())

    def test_the_class_is_no_option(self):
        text = "class Layer:\n    @classmethod\n    def forward(cls, x): return 2 * x\n"
        pair = pair_of(text + "    @classmethod\n    def backward(cls, g): return 2 * g")
        report = PairCheck(pair, {}).report(Call({"cls": pair.owner, "x": np.ones(2)}, ("", ""), "", 0, ()))
        assert (report.verdict, report.sample) == (Verdict.RIGHT, "x float64[2]")

    def test_the_object_is_no_option(self):
        text = "class Layer:\n    def forward(me, x): return 2 * x\n    def backward(me, g): return 2 * g"
        pair = pair_of(text)
        report = PairCheck(pair, {}).report(Call({"me": pair.owner(), "x": np.ones(2)}, ("", ""), "", 0, ()))
        assert (report.verdict, report.sample) == (Verdict.RIGHT, "x float64[2]")

    @pytest.mark.parametrize(
        ("raised", "said"),
        [
            ("ValueError('no such axis')", "not checked: no such axis"),
            ("KeyError('x')", "not checked: KeyError: 'x'"),
        ],
    )
    def test_what_cannot_be_checked_is_undecided(self, raised, said):
        text = f"def f(x): return x\ndef f_backward(g, x): raise {raised}"
        report = PairCheck(pair_of(text), {}).report(Call({"x": np.ones(2)}, ("", ""), "", 0, ()))
        assert (report.verdict, report.inputs, report.notes) == (Verdict.UNDECIDED, (), (said,))

    def test_what_was_not_checked_is_named(self):
        report = not_checked(pair_of(), "no call was kept")
        assert (report.forward, report.backward, report.notes) == (
            *("f", "f_backward"),
            ("not checked: no call was kept",),
        )
        assert report.verdict is Verdict.UNDECIDED
