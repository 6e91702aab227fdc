"""`check_gradient`: each step of a check is given what it needs, and what it finds is in the report."""

import warnings
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check, check_gradient
from tests.gradcheck.kernels import alone_in

X = np.array([1.0, 2.0, -3.0])


def square(x):
    return x**2


def square_backward(g, x):
    return (2 * g * x,)


def sigmoid(z):
    return 1 / (1 + np.exp(-z))


def article_backward(g, z):
    o = sigmoid(z)
    return (g * o * (1 - o),)


def test_the_report_has_the_names_of_the_functions_and_its_own():
    report = check_gradient(square, square_backward, X)
    assert (report.forward, report.backward, report.name) == ("square", "square_backward", "")
    assert check_gradient(square, square_backward, X, name="layer 3").name == "layer 3"


def test_progress_is_told_of_the_gradient_by_its_name(monkeypatch):
    titles = []

    class Noted(check.Progress):
        def __init__(self, title, case):
            titles.append(title)
            super().__init__(title, case)

    monkeypatch.setattr(check, "Progress", Noted)
    check_gradient(square, square_backward, X)
    check_gradient(square, square_backward, X, name="layer 3")
    assert titles == ["square_backward", "layer 3"]


def test_the_second_point_is_shown_by_the_names_of_the_inputs():
    assert str(check_gradient(square, square_backward, X, names=["z"]).second_point).startswith("z = [")


def test_entries_go_to_the_executor():
    class Counting(ThreadPoolExecutor):
        count = 0

        def submit(self, *args, **kwargs):
            self.count += 1
            return super().submit(*args, **kwargs)

    alone = check_gradient(square, square_backward, X, proof=False)
    with Counting(2) as executor:
        spread = check_gradient(square, square_backward, X, proof=False, executor=executor)
    assert executor.count > 0
    assert str(spread) == str(alone)


def test_the_exact_check_decides_where_a_degree_is_given():
    def slightly_off(g, x):
        return (2 * g * x * (1 + 1e-15),)

    options = {"proof": False, "diagnosis": False}
    assert check_gradient(square, slightly_off, X, **options).verdict is Verdict.RIGHT
    assert check_gradient(square, slightly_off, X, degree=2, **options).verdict is Verdict.WRONG


def test_the_report_holds_the_call():
    called = check_gradient(square, square_backward, X, names=["z"]).called
    assert (called.names, [x.tolist() for x in called.inputs]) == (("z",), [X.tolist()])


def test_each_input_that_can_be_judged_has_its_notes():
    report = check_gradient(lambda x, w: x + 0 * w, lambda g, x, w: (g[:1], 0 * g), X, X + 1, diagnosis=False)
    assert "the gradient of 'w' is zero throughout: try inputs at which forward moves" in report.notes


def test_what_cannot_be_proved_is_noted():
    def narrow(x):
        return x.astype(np.float32).astype(np.float64) ** 2

    report = check_gradient(narrow, square_backward, X)
    assert report.verdict is Verdict.RIGHT
    (note,) = report.notes
    assert note.startswith("not proved: ")


def test_digits_are_a_violation_where_fewer_are_kept_than_are_asked_for():
    """The article's derivative of the sigmoid loses half of its digits at 18."""
    z = np.array([1.0, 18.0])
    for digits, kinds in ((4, []), (12, ["digits"])):
        report = check_gradient(sigmoid, article_backward, z, digits=digits)
        assert [each.kind for each in report.violations] == kinds
    (found,) = report.violations
    assert found.input == "z"
    assert found.message.endswith(" digits at z[1] = 18; asked for are 12")


def test_the_output_s_digits_are_told_by_its_places():
    def square_of_a_difference(x):
        return (x + 1e6) ** 2 - 2e6 * x - 1e12

    report = check_gradient(square_of_a_difference, square_backward, [0.1, 0.7], digits=12)
    messages = [each.message for each in report.violations if each.input is None]
    assert len(messages) == 1
    assert "at output[" in messages[0]


def test_no_digits_are_told_of_entries_that_are_not_proved():
    """At a kink."""
    digits = check_gradient(lambda x: np.maximum(x, 0), lambda g, x: g * (x > 0), [0.0, 1.0]).digits["x"]
    assert np.isnan(digits).tolist() == [True, False]


def test_a_diagnosis_is_sought_where_the_true_gradient_is_known_well_enough():
    def half(g, x):
        return g * x

    def explained(dtype, **options):
        x = X.astype(dtype)
        return bool(check_gradient(alone_in(dtype, square), alone_in(dtype, half), x, **options).diagnoses)

    assert explained(ml_dtypes.bfloat16, reference=square)
    assert not explained(ml_dtypes.bfloat16)
    assert not explained(ml_dtypes.float8_e4m3fn, reference=square)


def test_warnings_of_code_that_was_changed_are_not_heard(monkeypatch):
    def diagnose(*_):
        warnings.warn("a step was taken out", stacklevel=1)
        return SimpleNamespace()

    monkeypatch.setattr(check, "diagnose", diagnose)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        report = check_gradient(square, lambda g, x: g, X)
    assert not any("the search for a cause failed" in note for note in report.notes)


def test_a_wider_gradient_is_put_down_to_the_output_only_where_that_is_as_wide():
    report = check_gradient(square, lambda g, x: (2 * g * x).astype(np.float64), X.astype(np.float32))
    assert [each.kind for each in report.violations] == ["dtype"]
    assert not any("as the output is" in note for note in report.notes)


@pytest.mark.parametrize(("answer", "noted"), [(ml_dtypes.float8_e4m3b11fnuz, False), (ml_dtypes.bfloat16, True)])
def test_a_format_of_as_many_digits_as_the_input_s_is_not_noted(answer, noted):
    dtype = ml_dtypes.float8_e4m3fn

    def backward(g, x):
        return (2 * g.astype(np.float32) * x.astype(np.float32)).astype(answer)

    report = check_gradient(alone_in(dtype, square), backward, X.astype(dtype), reference=square, diagnosis=False)
    assert any("has dtype" in note for note in report.notes) == noted
