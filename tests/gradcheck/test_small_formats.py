"""Kernels in bfloat16, float16 and float8: with a reference in float64, and without."""

from functools import partial

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from tests.gradcheck.kernels import KERNELS, alone_in, dense, dense_backward, layer_norm, softmax

BFLOAT16, E4M3, E5M2 = ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn, ml_dtypes.float8_e5m2
FORMATS = [BFLOAT16, np.float16, np.float32, E4M3, E5M2]


def checked(name, dtype, mistake="", seed=0, size=1.0, **options):
    kernel = KERNELS[name]
    backward = alone_in(dtype, partial(kernel.backward, mistake=mistake))
    inputs = kernel.inputs(dtype, seed, size)
    options = {"diagnosis": False, "max_entries": None} | options
    return check_gradient(alone_in(dtype, kernel.forward), backward, *inputs, **options)


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("name", KERNELS)
def test_a_right_kernel_is_right_beside_its_reference(name, dtype):
    for seed, size in enumerate((1.0, 3.0, 0.25)):
        report = checked(name, dtype, seed=seed, size=size, reference=KERNELS[name].forward)
        assert report.verdict is not Verdict.WRONG, str(report)
    assert checked(name, dtype, reference=KERNELS[name].forward).verdict is Verdict.RIGHT


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(("name", "mistake"), [(name, m) for name, k in KERNELS.items() for m in k.mistakes])
def test_a_mistake_is_found_in_each_format(name, mistake, dtype):
    report = checked(name, dtype, mistake, reference=KERNELS[name].forward)
    assert report.verdict is Verdict.WRONG, str(report)


@pytest.mark.parametrize(("name", "mistake"), [(name, m) for name, k in KERNELS.items() for m in ("", *k.mistakes)])
def test_without_a_reference_bfloat16_is_judged_by_its_own_steps(name, mistake):
    report = checked(name, BFLOAT16, mistake)
    assert (report.verdict is Verdict.WRONG) == bool(mistake), str(report)
    asks = "forward was called in bfloat16 alone: give it in float64 too, as reference="
    assert (asks in report.notes) == (Verdict.UNDECIDED in [each.verdict for each in report.inputs])


def test_without_a_reference_float8_shows_too_little():
    report = checked("dense", E4M3)
    assert [each.reason for each in report.inputs] == ["the steps of float8_e4m3fn are too wide to show a slope"] * 2
    assert "forward was called in float8_e4m3fn alone: give it in float64 too, as reference=" in report.notes


def test_code_that_takes_float64_is_judged_in_it():
    report = check_gradient(dense, dense_backward, *KERNELS["dense"].inputs(BFLOAT16, 0))
    assert (report.verdict, report.inputs[0].bound < 1e-9) == (Verdict.RIGHT, True)
    assert "bfloat16[8, 5]" in report.sample


def test_a_factor_is_told():
    report = checked("layer norm", E5M2, "factor", reference=layer_norm)
    assert "taken together the entries are 0.5 times the derivative" in report.inputs[0].reason


def test_the_report_states_the_format_and_shows_what_to_paste():
    kernel = KERNELS["dense"]
    backward = alone_in(BFLOAT16, partial(dense_backward, mistake="sign"))
    inputs = kernel.inputs(BFLOAT16, 0)
    report = check_gradient(alone_in(BFLOAT16, dense), backward, *inputs, names=["x", "w"], reference=dense)
    assert "to the roundings of bfloat16" in report.inputs[1].method
    assert report.diagnoses[0].kind == "sign"
    assert report.again == (
        "import ml_dtypes",
        "rng = np.random.default_rng(0)",
        "x = rng.normal(size=(8, 5)).astype(ml_dtypes.bfloat16)",
        "w = rng.normal(size=(5, 5)).astype(ml_dtypes.bfloat16)",
        "check_gradient(kernel, kernel, x, w, names=['x', 'w'], reference=dense)",
    )


def test_a_forward_unlike_its_reference_is_told():
    report = check_gradient(
        alone_in(BFLOAT16, dense),
        alone_in(BFLOAT16, dense_backward),
        *KERNELS["dense"].inputs(BFLOAT16, 0),
        reference=lambda x, w: x @ w + 1,
    )
    assert [each.kind for each in report.violations] == ["reference"]
    assert "roundings explain less" in report.violations[0].message


def test_a_reference_of_another_shape_is_told():
    kernel = alone_in(BFLOAT16, dense), alone_in(BFLOAT16, dense_backward)
    with pytest.raises(ValueError, match=r"what forward returns, of shape \(8, 5\); got \(2, 5\)"):
        check_gradient(*kernel, *KERNELS["dense"].inputs(BFLOAT16, 0), reference=lambda x, w: (x @ w)[:2])


def test_no_overflow_counts_against_the_reference():
    with np.errstate(over="ignore", invalid="ignore"):
        report = checked("dense", E4M3, size=20.0, reference=dense)
    assert "reference" not in [each.kind for each in report.violations]


def test_one_wrong_entry_in_the_lot_is_wrong():
    def backward(g, x, w):
        dx, dw = dense_backward(g, x, w)
        dx[3, 2] *= -1
        return dx, dw

    inputs = KERNELS["dense"].inputs(BFLOAT16, 0)
    report = check_gradient(alone_in(BFLOAT16, dense), alone_in(BFLOAT16, backward), *inputs, reference=dense)
    assert (report.inputs[0].wrong, report.inputs[0].worst_index) == (1, (3, 2))


def test_trees_and_lists_may_hold_small_formats():
    params = {"w": np.ones((5, 2), BFLOAT16), "b": np.zeros(2, BFLOAT16)}
    x = KERNELS["dense"].inputs(BFLOAT16, 0)[0]
    report = check_gradient(
        lambda x, params: x @ params["w"] + params["b"],
        lambda g, x, params: (g @ params["w"].T, {"w": x.T @ g, "b": 2 * g.sum(0)}),
        x,
        params,
    )
    assert [each.verdict for each in report.inputs] == [Verdict.RIGHT, Verdict.RIGHT, Verdict.WRONG]
    assert "params['b'] bfloat16[2]" in report.sample


def test_a_reference_that_is_no_function_is_named():
    with pytest.raises(TypeError, match="reference must be a function of the inputs, got ndarray"):
        check_gradient(dense, dense_backward, np.ones((2, 2)), np.ones((2, 2)), reference=np.ones(2))


def softmax_backward(g, z):
    p = softmax(z)
    return p * (g - (g * p).sum(-1, keepdims=True))


def inside_float32(function):
    return lambda *arrays: function(*(a.astype(np.float32) for a in arrays))


def returning(dtypes):
    """A dense layer in bfloat16 whose gradients have these dtypes."""

    def backward(g, x, w):
        gradients = dense_backward(*(a.astype(np.float32) for a in (g, x, w)))
        return tuple(a.astype(dtype) for a, dtype in zip(gradients, dtypes, strict=True))

    inputs = KERNELS["dense"].inputs(BFLOAT16, 0)
    return check_gradient(alone_in(BFLOAT16, dense), backward, *inputs, names=["x", "w"], reference=dense)


def test_a_gradient_in_a_wider_dtype_is_noted_and_a_narrower_one_is_a_breach():
    report = returning([BFLOAT16, np.float32])
    assert report.verdict is Verdict.RIGHT
    assert "the gradient of 'w' has dtype float32, the input bfloat16" in report.notes
    assert [each.kind for each in returning([E5M2, BFLOAT16]).violations] == ["dtype"]


@pytest.mark.parametrize("row", [[0, -25.0, -30], [0, -26.0, -20], [0, -17.0, -27, -40]])
def test_digits_that_are_lost_inside_accuse_nobody(row):
    """Where p is nearly 1, g - Σ g p has no digits left in float32."""
    kernel = inside_float32(softmax), inside_float32(softmax_backward)
    report = check_gradient(*kernel, np.array([row], np.float32))
    assert report.verdict is not Verdict.WRONG, str(report)


def test_sums_that_lose_their_digits_in_the_format_are_told():
    def backward(g, x, w):
        total = np.zeros(w.shape, x.dtype)
        for row in g * x:
            total = total + row
        return g * w, total

    ones = np.ones((3000, 1), BFLOAT16)  # the sum stays at 256
    report = check_gradient(lambda x, w: x * w, backward, ones, ones[0], grad_output=ones)
    assert "in bfloat16 the gradient strays from its float64 twin" in report.inputs[1].reason


def test_an_overflow_in_the_format_is_told():
    with np.errstate(over="ignore"):
        report = check_gradient(lambda x: x * x, lambda g, x: 2 * g * x, np.array([1, 300.0], np.float16))
    assert report.inputs[0].reason == "in float16 forward overflows: in float64 its output is finite"
    assert report.verdict is Verdict.UNDECIDED
