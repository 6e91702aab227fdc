"""What a report says besides the verdicts."""

from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.notes import notes_on
from tests.gradcheck.pairs import product, product_backward

RIGHT, UNDECIDED = Verdict.RIGHT, Verdict.UNDECIDED


@pytest.fixture
def matrices():
    rng = np.random.default_rng(1)
    return rng.standard_normal((3, 4)), rng.standard_normal((4, 2))


def square(x):
    return x**2


def square_backward(g, x):
    return (2 * g * x,)


def test_the_exact_check_applies_or_not(matrices):
    def writing(x, w):
        x *= 2
        return x @ w

    def writing_backward(g, x, w):
        return 2 * g @ w.T, 2 * x.T @ g

    other = "the exact check of degree 1 does not apply: forward is of another, or does not compute exactly"
    assert check_gradient(product, product_backward, *matrices, degree=1).notes == ()
    written = check_gradient(writing, writing_backward, *matrices, degree=1, allow="mutation")
    assert other not in written.notes
    assert [each.verdict for each in written.inputs] == [RIGHT, RIGHT]
    assert other in check_gradient(square, square_backward, [1.0, 2.0], degree=1).notes
    assert check_gradient(square, square_backward, [1.0, 2.0], degree=2).notes == ()


def test_a_gradient_in_the_output_s_dtype():
    x = np.array([1.0, 2.0], np.float32)
    report = check_gradient(lambda x: x.astype(np.float64) ** 2, lambda g, x: 2 * g * x, x)
    assert "the gradient of 'x' has dtype float64, as the output is; the input is float32" in report.notes
    same = check_gradient(lambda x: x.astype(np.float64) ** 2, lambda g, x: (2 * g * x).astype(x.dtype), x)
    assert not any("has dtype" in note for note in same.notes)


def test_a_gradient_of_zeros():
    report = check_gradient(lambda x: 0 * x, lambda g, x: 0 * g, [1.0, 2.0])
    assert "the gradient of 'x' is zero throughout: try inputs at which forward moves" in report.notes
    report = check_gradient(lambda x, y: 0 * (x + y), lambda g, x, y: (g.sum(), 0 * g), [1.0, 2.0], [3.0, 4.0])
    assert any("the gradient of 'y' is zero throughout" in note for note in report.notes)  # that of x has another shape


@pytest.mark.parametrize(("eps", "told"), [(0.5, True), (1.0, False), (2.0, False)])
def test_the_format_of_an_answer_that_is_finer(eps, told):
    answer = type("Format", (), {"eps": eps, "__str__": lambda self: "finer"})()
    case = SimpleNamespace(
        format=None, reference=False, symmetric=(), wrt=(0,), names=("x",), inputs=(np.ones(2),), output=np.ones(2),
        strange_answer=lambda index: answer, own_eps=lambda index: 1.0, dtype=lambda index: "coarse",
    )  # fmt: skip
    observed = SimpleNamespace(remarks=("said",), usable=(0,), gradients=[np.ones(2)])
    setting = SimpleNamespace(case=case, observed=observed, second=object())
    notes = notes_on(setting, [SimpleNamespace(verdict=RIGHT)], {}, None, narrow=False)
    assert notes == ("said", *["the gradient of 'x' has dtype finer, the input coarse"] * told)


def test_one_triangle():
    def forward(x, a):
        return x * np.tril(a) ** 2

    def backward(g, x, a):
        return g * np.tril(a) ** 2, 2 * g * x * np.tril(a)

    x, a = np.random.default_rng(0).normal(size=(2, 3, 3))
    note = "forward reads one triangle of 'a' alone: symmetric changes were looked at"
    assert check_gradient(forward, backward, x, a + a.T).notes == (note,)
    assert check_gradient(forward, backward, x, a).notes == ()


def test_no_second_point():
    point = np.array([2.0, 1.0, 3.0])

    def forward(x):
        return x**2 if np.abs(x - point).max() < 1e-3 else np.full(3, np.nan)

    second = check_gradient(square, square_backward, point).second_point
    assert [x.shape for x in second.inputs] == [second.grad_output.shape] == [(3,)]
    report = check_gradient(forward, square_backward, point)
    assert report.second_point is None
    note = "no second point was checked: forward has no finite output at the one that was drawn"
    assert note in report.notes


def test_a_format_that_is_finer_than_that_of_the_input():
    x = np.array([1.0, 2.0], ml_dtypes.bfloat16)

    def alone(x):
        return (x.astype(np.float32) ** 2).astype(ml_dtypes.bfloat16)

    def backward(g, x):
        return (2 * g.astype(np.float32) * x.astype(np.float32)).astype(np.float16)

    report = check_gradient(alone, backward, x, reference=square, seconds=0.2)
    assert "the gradient of 'x' has dtype float16, the input bfloat16" in report.notes
    same = check_gradient(alone, lambda g, x: backward(g, x).astype(x.dtype), x, reference=square, seconds=0.2)
    assert not any("has dtype" in note for note in same.notes)


@pytest.mark.parametrize("verdict", [UNDECIDED, RIGHT])
@pytest.mark.parametrize("narrow", [True, False])
@pytest.mark.parametrize("given", [{"format": "bfloat16"}, {"format": None}, {"reference": True}])
def test_a_reference_is_asked_for_where_nothing_can_be_decided_without(verdict, narrow, given):
    case = SimpleNamespace(
        **{"format": "bfloat16", "reference": False, "wrt": (0,), "names": ("x",), "symmetric": ()} | given
    )
    setting = SimpleNamespace(case=case, observed=SimpleNamespace(usable=(), remarks=()), second=object())
    notes = notes_on(setting, [SimpleNamespace(verdict=verdict)], {}, None, narrow=narrow)
    note = "forward was called in bfloat16 alone: give it in float64 too, as reference="
    assert notes == (note,) * (verdict is UNDECIDED and narrow and given == {"format": "bfloat16"})
