"""`check_gradient` and `assert_gradient`: verdicts, reports, and how they answer misuse."""

import json
from dataclasses import replace
from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import (
    CallerError,
    GradientMismatch,
    GradientUndecided,
    Verdict,
    assert_gradient,
    check,
    check_gradient,
)
from scratchcnn.gradcheck.judge import Judged
from scratchcnn.gradcheck.proof.some_samples import Part
from tests.assertions import assert_within
from tests.gradcheck.pairs import product, product_backward


def square(x):
    return x**2


def square_backward(g, x):
    return (2 * g * x,)


@pytest.fixture
def matrices():
    rng = np.random.default_rng(1)
    return rng.standard_normal((3, 4)), rng.standard_normal((4, 2))


def test_a_right_gradient_is_right_and_true(matrices):
    report = check_gradient(product, product_backward, *matrices)
    assert report.verdict is Verdict.RIGHT
    assert report.ok
    assert bool(report)
    assert [(i.name, i.size, i.checked, i.wrong, i.undecided) for i in report.inputs] == [
        ("x", 12, 12, 0, 0),
        ("w", 8, 8, 0, 0),
    ]
    assert_gradient(product, product_backward, *matrices)


def test_a_wrong_report_names_input_entry_values_bound_and_counts(matrices):
    def backward(g, x, w):
        grad_w = x.T @ g
        grad_w[2, 1] *= 1 + 1e-8
        return g @ w.T, grad_w

    report = check_gradient(product, backward, *matrices)
    assert report.verdict is Verdict.WRONG
    assert not report
    x, w = report.inputs
    assert (x.verdict, w.verdict) == (Verdict.RIGHT, Verdict.WRONG)
    assert (w.wrong, w.worst_index) == (1, (2, 1))
    assert_within(w.analytic / (1 + 1e-8), w.numerical, w.bound)
    assert w.error > w.bound
    with pytest.raises(GradientMismatch) as caught:
        assert_gradient(product, backward, *matrices)
    text = str(caught.value)
    assert "WRONG" in text
    assert "w: wrong (8 of 8 entries checked, 1 wrong" in text
    assert "w[2, 1]: analytic" in text
    assert "±" in text
    assert caught.value.report.inputs[1].worst_index == (2, 1)


def test_what_cannot_be_decided_does_not_pass():
    report = check_gradient(np.floor, lambda g, x: 0 * g * x, [1.0, 2.5], names=["x"])
    assert report.verdict is Verdict.UNDECIDED
    assert not report
    assert report.inputs[0].undecided == 1
    assert "jump" in report.inputs[0].reason
    with pytest.raises(GradientUndecided):
        assert_gradient(np.floor, lambda g, x: 0 * g * x, [1.0, 2.5])


def test_nothing_but_empty_inputs_is_undecided():
    report = check_gradient(square, square_backward, np.zeros((0, 3)))
    assert report.verdict is Verdict.UNDECIDED
    assert "nothing to check" in report.inputs[0].reason


def test_an_empty_input_beside_others_does_not_count():
    report = check_gradient(lambda x, b: x.sum() + b.sum(), lambda g, x, b: (g + 0 * x, g + 0 * b), [1.0, 2.0], [])
    assert report.verdict is Verdict.RIGHT


def test_zero_dimensional_inputs_and_a_bare_array():
    assert check_gradient(square, lambda g, x: 2 * g * x, 3.0).ok
    assert not check_gradient(square, lambda g, x: 3 * g * x, 3.0).ok


def test_the_same_array_twice_and_functions_that_write_in_place():
    x = np.array([1.0, -2.0, 3.0])
    assert check_gradient(lambda a, b: a * b, lambda g, a, b: (g * b, g * a), x, x).ok

    def forward(x):
        x *= 2
        return x.sum()

    report = check_gradient(forward, lambda g, x: 2 * g + 0 * x, x, allow=["mutation"])
    assert report.ok
    np.testing.assert_array_equal(x, [1, -2, 3])


def test_read_only_and_strided_inputs():
    x = np.arange(12.0).reshape(3, 4).T[::2]
    x.flags.writeable = False
    assert check_gradient(square, square_backward, x).ok


def test_the_same_call_gives_the_same_report(matrices):
    assert check_gradient(product, product_backward, *matrices, seed=3) == check_gradient(
        product, product_backward, *matrices, seed=3
    )


def test_wrt_chooses_and_integers_have_no_gradient():
    def pick(x, labels):
        return x[labels]

    def pick_backward(g, x, labels):
        grad = np.zeros_like(x)
        np.add.at(grad, labels, g)
        return grad, None

    report = check_gradient(pick, pick_backward, np.ones(4), np.array([1, 1, 3]))
    assert report.ok
    assert [i.name for i in report.inputs] == ["x"]
    assert check_gradient(pick, lambda g, x, labels: pick_backward(g, x, labels)[0], np.ones(4), np.array([1, 1, 3]))
    with pytest.raises(TypeError, match="only floating inputs"):
        check_gradient(pick, pick_backward, np.ones(4), np.array([1, 1, 3]), wrt=["labels"])


def test_a_given_cotangent_is_used():
    seen = []

    def backward(g, x):
        seen.append(g.copy())
        return 2 * g * x

    check_gradient(square, backward, [1.0, 2.0], grad_output=[3.0, 4.0])
    assert any(np.array_equal(g, [3, 4]) for g in seen)


def test_entries_are_sampled_and_directions_see_the_rest():
    x = np.random.default_rng(0).standard_normal(500)

    def backward(g, x):
        grad = 2 * g * x
        grad[250] += 1e-3
        return grad

    right = check_gradient(square, square_backward, x, max_entries=10, proof=False)
    assert (right.verdict, right.inputs[0].checked, right.inputs[0].size) == (Verdict.RIGHT, 10, 500)
    wrong = check_gradient(square, backward, x, max_entries=10, proof=False)
    assert wrong.verdict is Verdict.WRONG
    assert "random direction" in wrong.inputs[0].reason


def test_a_millionth_of_the_norm_at_one_of_all_entries_is_seen():
    rng = np.random.default_rng(0)
    x, first, second = rng.normal(size=(16, 784)), rng.normal(size=(784, 200)) / 20, rng.normal(size=(200, 10)) / 10

    def network(x, first, second):
        return np.tanh(np.tanh(x @ first) @ second)

    def backward(g, x, first, second, off=0.0):
        hidden = np.tanh(x @ first)
        grad_hidden = (grad_output := g * (1 - np.tanh(hidden @ second) ** 2)) @ second.T * (1 - hidden**2)
        grad_first = x.T @ grad_hidden
        grad_first[12, 34] += off * np.linalg.norm(grad_first)
        return grad_hidden @ first.T, grad_first, hidden.T @ grad_output

    def wrong(*arguments):
        return backward(*arguments, off=1e-6)

    for seed in range(5):
        options = {"max_entries": 10, "seed": seed, "proof": False, "diagnosis": seed == 0}
        assert check_gradient(network, backward, x, first, second, **options)
        report = check_gradient(network, wrong, x, first, second, **options)
        assert [i.verdict is Verdict.WRONG for i in report.inputs] == [False, True, False]


def test_a_mistake_that_the_given_point_hides_is_found_at_the_second():
    """x squared and its derivative agree with 2 x |x| / |x| where all are positive, as a cube's does at one."""
    report = check_gradient(lambda x: x**3, lambda g, x: 3 * g * x, np.ones(4), names=["x"])
    assert report.verdict is Verdict.WRONG
    assert [(v.kind, v.input) for v in report.violations] == [("elsewhere", "x")]
    assert "second point" in report.violations[0].message


def test_float32_is_judged_in_both_precisions():
    x = np.random.default_rng(0).standard_normal(20).astype(np.float32)
    assert check_gradient(square, square_backward, x).ok
    assert not check_gradient(square, lambda g, x: 2 * g * x * np.float32(1.001), x)

    def wrong_in_float32_only(g, x):
        return 2 * g * x * (np.float32(1.001) if x.dtype == np.float32 else 1)

    report = check_gradient(square, wrong_in_float32_only, x)
    assert report.verdict is Verdict.WRONG
    assert "float32" in report.inputs[0].reason


def test_the_dictionary_is_plain_json(matrices):
    data = json.loads(json.dumps(check_gradient(product, product_backward, *matrices).to_dict(), allow_nan=False))
    assert data["schema"] == 2
    assert data["verdict"] == "right"
    assert data["inputs"][1]["name"] == "w"
    assert data["inputs"][1]["worst_index"] is not None


def test_an_exception_in_the_caller_s_code_is_reported_with_name_and_shapes():
    def broken_backward(g, x):
        raise KeyError("missing")

    with pytest.raises(CallerError, match=r"backward .*broken_backward.* raised KeyError.*\n.*float64\[2\]") as caught:
        check_gradient(square, broken_backward, [1.0, 2.0])
    assert isinstance(caught.value.__cause__, KeyError)
    with pytest.raises(CallerError, match="forward"):
        check_gradient(lambda x: x @ np.ones((7, 7)), square_backward, [1.0, 2.0])


@pytest.mark.parametrize(
    ("inputs", "options", "error", "text"),
    [
        ((), {}, ValueError, "no inputs"),
        ((None,), {}, TypeError, "input 0 is None"),
        (("words",), {}, TypeError, "input 0 is a str, not an array of numbers: bind it to both functions"),
        ((np.array(["words"]),), {}, TypeError, "real numbers"),
        (([1, 2],), {}, TypeError, "no floating input"),
        (([[1.0, 2.0], [3.0]],), {}, ValueError, "input 0 is a ragged list"),
        (([1.0], [[1.0, 2.0], [3.0]]), {}, ValueError, "input 1 is a ragged list"),
        (([1.0],), {"names": ["x", "y"]}, ValueError, "1 inputs"),
        (([1.0],), {"names": 1}, ValueError, "1 inputs, got 1"),
        (([1.0],), {"wrt": ["y"]}, ValueError, "'y'"),
        (([1.0],), {"wrt": [1]}, ValueError, "index 1"),
        (([1.0],), {"wrt": -1}, ValueError, r"index -1, but there is 1 input: 0$"),
        (([1.0],), {"wrt": []}, ValueError, "empty"),
        (
            ([1.0],),
            {"wrt": (0.9,)},
            TypeError,
            r"names or indices of inputs, as in wrt=\('x',\) or wrt=\(0,\); got 0\.9",
        ),
        (([1.0],), {"wrt": 0.0}, TypeError, "got 0.0"),
        (([1.0],), {"wrt": True}, TypeError, "got True"),
        (([1.0],), {"wrt": [False]}, TypeError, "got False"),
        (([1.0],), {"wrt": [np.False_]}, TypeError, "got np.False_"),
        (([1.0],), {"wrt": [None]}, TypeError, "got None"),
        (([1.0],), {"degree": 3}, ValueError, "degree must be 1, 2 or None, got 3"),
        (([1.0],), {"degree": True}, TypeError, "degree must be 1, 2 or None, got True"),
        (([1.0],), {"degree": "1"}, TypeError, "degree must be 1, 2 or None, got '1'"),
        (([1.0],), {"factor": 0}, ValueError, "factor must be a positive integer, got 0"),
        (([1.0],), {"factor": 1.5}, TypeError, "factor must be a positive integer, got 1.5"),
        (([1.0],), {"max_entries": 0}, ValueError, "max_entries must be a positive integer, or None .* got 0"),
        (([1.0],), {"max_entries": 2.0}, TypeError, "max_entries must be a positive integer, or None .* got 2.0"),
        (([1.0],), {"max_entries": "all"}, TypeError, "max_entries must be .* got 'all'"),
        (([1.0],), {"max_entries": True}, TypeError, "max_entries must be .* got True"),
        (([1.0],), {"seed": -1}, ValueError, "seed must be an integer that is not negative, got -1"),
        (([1.0],), {"seed": 0.5}, TypeError, "seed must be .* got 0.5"),
        (([1.0],), {"seed": None}, TypeError, "seed must be .* got None"),
        (([1.0],), {"seconds": 0}, ValueError, "seconds must be a positive number, got 0"),
        (([1.0],), {"seconds": -2.5}, ValueError, "seconds must be a positive number, got -2.5"),
        (([1.0],), {"seconds": float("nan")}, ValueError, "seconds must be .* got nan"),
        (([1.0],), {"seconds": "1"}, TypeError, "seconds must be a positive number, got '1'"),
        (([1.0],), {"seconds": True}, TypeError, "seconds must be a positive number, got True"),
        (([1.0],), {"name": 3}, TypeError, "name must be a string, got 3"),
        (([1.0],), {"allow": ["mutations"]}, ValueError, "kinds out of count, .*; got 'mutations'"),
        (([1.0],), {"allow": "mutations"}, ValueError, "got 'mutations'"),
        (([1.0],), {"allow": None}, TypeError, r"as in allow=\('dtype',\); got None"),
        (([1.0],), {"allow": [3]}, TypeError, "got 3"),
        (([1.0],), {"grad_output": [1.0, 2.0]}, ValueError, r"shape \(1,\), got \(2,\)"),
        (([1.0],), {"grad_output": [[1.0, 2.0], [1.0]]}, ValueError, "grad_output is a ragged list"),
        (([1.0],), {"grad_output": ["a"]}, TypeError, "grad_output must be an array of real numbers"),
        (([1.0],), {"grad_output": [np.nan]}, ValueError, "grad_output must be finite in float64"),
        ((np.ones(1, np.float16),), {"grad_output": [1e6]}, ValueError, "grad_output must be finite in float16"),
    ],
)
def test_misuse_is_named(inputs, options, error, text):
    with pytest.raises(error, match=text):
        check_gradient(square, square_backward, *inputs, **options)


def test_a_list_of_numbers_is_an_array():
    numbers = [[1.0, np.float64(2.0)], (3, np.int64(4))]
    assert check_gradient(square, square_backward, numbers).inputs[0].size == 4
    assert check_gradient(square, square_backward, [np.array(1.0), np.array(2.0)]).inputs[0].size == 2


def test_integers_of_numpy_are_integers(matrices):
    integers = {"factor": 1, "seed": 3, "max_entries": 5, "degree": 1, "wrt": (1, 0)}

    def typed(kind):
        return {key: tuple(map(kind, v)) if key == "wrt" else kind(v) for key, v in integers.items()}

    expected = check_gradient(product, product_backward, *matrices, **integers)
    assert check_gradient(product, product_backward, *matrices, **typed(np.int64)) == expected
    assert check_gradient(product, product_backward, *matrices, **typed(np.uint8)) == expected
    assert [i.name for i in expected.inputs] == ["w", "x"]


def test_one_name_or_index_will_do_for_wrt(matrices):
    for wrt in ("w", 1, np.int64(1), np.array(1), ["w"], (1,), np.array([1]), {"w"}, ["w", 1]):
        report = check_gradient(product, product_backward, *matrices, wrt=wrt)
        assert [i.name for i in report.inputs] == ["w"]


def test_one_kind_will_do_for_allow():
    def writes(g, x):
        g *= 2 * x
        return g.copy()

    for allow in ("mutation", ["mutation"], {"mutation"}, ("dtype", "mutation")):
        assert check_gradient(square, writes, [1.0, 2.0], allow=allow).ok
    assert not check_gradient(square, writes, [1.0, 2.0], allow="dtype")


def test_backward_may_answer_for_the_inputs_alone_that_wrt_names():
    """In the order of the inputs, whatever the order of the names."""
    x, y, z = np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])

    def product_of_three(x, y, z):
        return x * y * z

    right = {
        ("x",): lambda g, x, y, z: g * y * z,
        ("z", "x"): lambda g, x, y, z: (g * y * z, g * x * y),
        ("y", "z"): lambda g, x, y, z: [g * x * z, g * x * y],
    }
    for wrt, backward in right.items():
        report = check_gradient(product_of_three, backward, x, y, z, wrt=wrt)
        assert report.ok
        assert tuple(i.name for i in report.inputs) == wrt
        assert not check_gradient(product_of_three, backward, x, y, z)
    swapped = check_gradient(product_of_three, lambda g, x, y, z: (g * x * y, g * y * z), x, y, z, wrt=("x", "z"))
    assert swapped.verdict is Verdict.WRONG


def test_a_given_cotangent_is_cast_to_the_output_s_dtype():
    seen = []

    def backward(g, x):
        seen.append(g.dtype)
        return 2 * g * x

    check_gradient(square, backward, np.array([1, 2], np.float32), grad_output=[1, 2])
    assert seen[0] == np.float32


def test_a_forward_without_an_output_of_floats_is_told_so():
    with pytest.raises(TypeError, match="none of forward's outputs holds floats"):
        check_gradient(lambda x: (np.argsort(x), x > 0), square_backward, [1.0])
    with pytest.raises(TypeError, match="must be a function"):
        check_gradient(square, np.ones(3), [1.0])


def test_a_large_input_is_sampled_by_default_and_checked_whole_on_demand():
    x = np.random.default_rng(0).standard_normal(8000)
    assert check_gradient(lambda x: (x**2).sum(), square_backward, x, proof=False).inputs[0].checked < x.size
    assert check_gradient(square, square_backward, x, max_entries=None, proof=False).inputs[0].checked == x.size


def test_a_search_for_a_cause_that_fails_leaves_the_verdict_and_says_so(monkeypatch):
    def fails(*_):
        raise ValueError("no such axis")

    monkeypatch.setattr("scratchcnn.gradcheck.check.diagnose", fails)
    report = check_gradient(np.sin, lambda g, x: g, np.array([0.5, 1.0]))
    assert report.verdict is Verdict.WRONG
    assert report.notes[-1] == (
        "the search for a cause failed, which is a fault of the harness: ValueError: no such axis"
    )


# What the report says besides the verdicts.

RIGHT, WRONG, UNDECIDED = Verdict.RIGHT, Verdict.WRONG, Verdict.UNDECIDED


def judged(verdict, **fields):
    report = check_gradient(square, square_backward, [1.0, 2.0]).inputs[0]
    return Judged(replace(report, verdict=verdict), **fields)


@pytest.mark.parametrize(("verdict", "here"), [(RIGHT, "every entry agrees"), (UNDECIDED, "no entry is wrong")])
def test_what_is_wrong_at_the_second_point_alone_is_a_violation(verdict, here):
    case = SimpleNamespace(wrt=(0, 2), names=("x", "n", "w"))
    (found,) = check._elsewhere(case, [judged(RIGHT), judged(verdict, at_second_point="it is twice as large")])
    assert (found.kind, found.input) == ("elsewhere", "w")
    assert found.message == (
        f"{here} at your inputs; at a second point, with another cotangent, it is twice as large; waive it with"
        " allow=('elsewhere',) if backward relies on something that your inputs fulfil and these do not;"
        " report.second_point has them"
    )


def test_what_is_wrong_at_ties_is_wrong_unless_an_input_is():
    tied = judged(RIGHT, ties="where equal numbers move alike"), judged(UNDECIDED)
    reports = check._at_ties(tied)
    assert [(each.verdict, each.reason) for each in reports] == [
        (WRONG, "where equal numbers move alike"),
        (UNDECIDED, ""),
    ]
    assert check._at_ties((*tied, judged(WRONG)))[0] is tied[0].report


@pytest.mark.parametrize(
    ("calls", "seconds", "budget", "expected"),
    [
        (10, 1e-6, 1.0, check.LEAST_CALLS),
        (check.LEAST_CALLS + 5, 1e-6, 1.0, check.LEAST_CALLS + 5),
        (10**9, 1e-6, 1e9, check.DIAGNOSIS_CALLS),
        (10, 1.0, 100.0, max(10, int(check.LEAST_SECONDS))),
        (10**6, 1e-3, 0.25, int(check.DIAGNOSIS_SHARE * 0.25 / 1e-3)),
    ],
)
def test_a_diagnosis_has_as_many_calls_as_the_check_took_within_limits(monkeypatch, calls, seconds, budget, expected):
    asked = []
    monkeypatch.setattr(check, "diagnose", lambda *given: asked.append(given[-2:]) or SimpleNamespace())
    report = check_gradient(square, square_backward, [1.0])
    written = SimpleNamespace(functions="the functions")
    case = SimpleNamespace(forward=SimpleNamespace(seconds=seconds, calls=calls), format=None, written=written)
    check._explained(report, SimpleNamespace(case=case), budget, narrow=False)
    assert asked == [("the functions", expected)]


def test_workers_know_how_long_forward_takes_and_tell_it_their_calls():
    forward = SimpleNamespace(seconds=0.5, count=print)
    workers = check._workers(SimpleNamespace(executor="an executor"), SimpleNamespace(forward=forward))
    assert (workers.executor, workers.count) == ("an executor", print)
    assert 0.5 < workers.seconds < 0.51
    assert check._workers(SimpleNamespace(executor=None), SimpleNamespace(forward=forward)) is None


def test_a_part_of_the_batch_is_proved_where_the_whole_is_not(monkeypatch):
    asked = []

    def some_samples(case, samples, usable, rng, seconds):
        asked.append((case.names, samples, usable, seconds))
        return Part(note="a part was looked at")

    monkeypatch.setattr(check, "on_some_samples", some_samples)
    x = np.ones((4, 2))
    options = {"batch": "x", "laws": True, "seconds": 2.5}
    assert check_gradient(square, square_backward, x, **options).notes == ()
    assert not asked
    report = check_gradient(lambda x: x.astype(np.float32).astype(float) ** 2, square_backward, x, **options)
    assert asked == [(("x",), (0,), (0,), 2.5)]
    assert "a part was looked at" in report.notes


class TestReport:
    def test_digits_are_kept_of_what_is_right_and_proved(self, matrices):
        def half_wrong(g, x, w):
            return product_backward(g, x, w)[0], 2 * x.T @ g

        assert sorted(check_gradient(product, product_backward, *matrices).digits) == ["output", "w", "x"]
        assert sorted(check_gradient(product, half_wrong, *matrices).digits) == ["output", "x"]
        assert check_gradient(square, lambda g, x: g, [1.0, 2.0]).digits == {}
        note = "digits were not looked at: nothing is proved"
        assert note in check_gradient(product, product_backward, *matrices, proof=False, digits=10).notes
        for options in ({"digits": 10}, {"proof": False}):
            assert note not in check_gradient(product, product_backward, *matrices, **options).notes

    def test_what_explains_a_wrong_gradient(self):
        report = check_gradient(square, lambda g, x: g * x, [1.0, 2.0, 3.0])
        assert "the gradient of x is the true one without the factor 2 of the derivative of" in " ".join(
            str(report).split()
        )

    def test_what_it_was_checked_with(self):
        assert check_gradient(square, square_backward, [1.0, 2.0]).sample == "x float64[2]"

    def test_a_reference_that_is_another_function(self):
        for reference, kinds in ((lambda x: x**2 + x, ["reference"]), (square, [])):
            report = check_gradient(square, square_backward, np.ones(2, np.float32), reference=reference)
            assert [violation.kind for violation in report.violations] == kinds


class TestLaws:
    def test_are_asked_of_gradients_that_can_be_used(self):
        def bent(g, x):
            return (2 * np.clip(g, -1, 1) * x,)

        kinds = [each.kind for each in check_gradient(square, bent, [1.0, 2.0], laws=True, diagnosis=False).violations]
        assert "linear" in kinds
        for backward in (lambda g, x: np.append(2 * g * x, 0), partial(lambda g, x: None if g.size > 9 else (None,))):
            report = check_gradient(square, backward, [1.0, 2.0], laws=True, diagnosis=False)
            assert "linear" not in [each.kind for each in report.violations]
