"""What is said of roundings, of small lengths and of several outputs, and what is not said."""

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.diagnosis.sets import sets
from tests.gradcheck.diagnosis.hidden import hidden


def drawn(*shape):
    return np.random.default_rng(0).normal(size=shape)


def first(report):
    return report.diagnoses[0].message.partition(" (")[0]


@pytest.mark.parametrize("dtype", [ml_dtypes.bfloat16, np.float16, np.float32])
def test_the_precision_of_a_rounding_is_named(dtype):
    def rounded(g, x):
        return (g * np.cos(x)).astype(dtype).astype(float)

    found = first(check_gradient(np.sin, rounded, drawn(4, 5)))
    assert found == f"the true one rounded to {np.dtype(dtype).name}"


def unbiased(x):
    return ((x - 0.7) ** 2) / (x.size - 1)


def biased(g, x):
    return 2 * g * (x - 0.7) / x.size


def test_a_quotient_of_small_lengths_is_no_proof():
    report = check_gradient(unbiased, biased, drawn(3))
    assert report.diagnoses[0].message.startswith("right with `x.size - 1` in place of `x.size`: `2 * g * (x - 0.7) /")
    report = check_gradient(unbiased, hidden(biased), drawn(3))
    assert report.diagnoses[0].message.startswith("0.666667 times the true one (perhaps N and N - 1 exchanged, N = 3")


def test_where_forward_has_no_length_less_one_the_code_says_what_is_wrong():
    report = check_gradient(lambda x: x**2, lambda g, x: 3 * x * g, drawn(3))
    assert report.diagnoses[0].message.startswith("right with 2 in place of `3`: `3 * x`")


def two(x):
    return {"z": np.sin(x), "aux": np.cos(x)}


def test_an_output_is_named_by_its_path():
    report = check_gradient(two, lambda g, x: g["z"] * np.cos(x), drawn(8))
    assert first(report) == "that of output['z'] alone"
    report = check_gradient(two, lambda g, x: g["z"] * np.cos(x) - g["aux"] * np.sin(x) * (np.arange(8) < 7), drawn(8))
    assert [d.message.partition(" (")[0] for d in report.diagnoses] == [
        "the true one without entry 7 of output['aux']",
    ]


def test_no_kink_is_named_where_nothing_is_known():
    def softmax(z):
        power = np.exp(z)
        return power / power.sum()

    def softmax_backward(g, z):
        y = softmax(z)
        return y * (g - (g * y).sum())

    with np.errstate(all="ignore"):
        report = check_gradient(softmax, softmax_backward, np.array([720.0, 1, 2, 3, 4, 0]))
    assert "kink" not in {d.kind for d in report.diagnoses}


def test_the_cotangent_of_the_caller_is_handed_over_again():
    def doubled(g, x):
        return 2 * g * np.cos(x)

    alike = check_gradient(np.sin, doubled, drawn(3), grad_output=np.ones(3))
    assert alike.again[-1].endswith(", x, grad_output=np.full((3,), 1.0))")
    own = check_gradient(np.sin, doubled, drawn(3), grad_output=np.array([1.0, -2, 0.5]))
    assert own.again[-1].endswith(", x, grad_output=np.array([1.0, -2.0, 0.5]))")


def run(lines, **functions):
    """The report of lines that are to be pasted."""
    *made, last = lines
    scope = {"np": np, "check_gradient": check_gradient, **functions}
    exec("\n".join(made), scope)
    return eval(last, scope)


def test_what_the_caller_says_of_the_inputs_is_said_again():
    def log(x):
        return np.log(x)

    def back(g, x):
        return g / x * 2

    report = check_gradient(log, back, np.linspace(0.5, 5, 12), domain=(0, None))
    assert "domain={'x': '(0.0, inf)'}" in report.again[-1]
    assert run(report.again, log=log, back=back).verdict is Verdict.WRONG

    def largest(a):
        return np.linalg.eigvalsh(a)[-1]

    def largest_back(g, a):
        v = np.linalg.eigh(a)[1][:, -1]
        return -g * np.outer(v, v)

    symmetric = np.diag([1.0, 2.0, 4.0]) + 0.25
    report = check_gradient(largest, largest_back, symmetric, structure="symmetric")
    assert report.again[-1].endswith(", a, structure={'a': 'symmetric'})")
    assert run(report.again, largest=largest, largest_back=largest_back).verdict is Verdict.WRONG


def test_the_outputs_and_the_convention_of_the_call_are_said_again():
    def both(z):
        return np.exp(2j * z), z * z

    def back(g, z):
        return (g[0] * 3j * np.exp(2j * z)).real

    report = check_gradient(both, back, np.array([1.0, 0.5]), outputs=[0], convention="jax")
    assert report.again[-1].endswith(", outputs=[0], convention='jax')")
    assert run(report.again, both=both, back=back).verdict is Verdict.WRONG


def test_a_threshold_of_zero_has_no_sign():
    x = np.array([-2.0, -1, 1, 2])
    report = check_gradient(lambda x: np.where(x > 0, x, np.sin(x)), lambda g, x: g * np.where(x > 0, 1, 0.3 * x), x)
    assert "but where x is below 0" in " ".join(str(report).split())


def test_a_half_has_one_reading_for_each_thing_of_length_two():
    report = check_gradient(lambda x: np.sinh(x), hidden(lambda g, x: g * np.cosh(x) / 2), np.array([1.0, 2.0]))
    assert ", or )" not in str(report)
    assert "1/2 times the true one (perhaps 2 is the length of axis 0 of x" in " ".join(str(report).split())


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def softmax_jacobian(z):
    y = softmax(z)
    return y[..., :, None] * np.eye(z.shape[-1]) - y[..., :, None] * y[..., None, :]


def affine(w, x):
    return w @ x


def affine_jacobian(w, x):
    return np.einsum("ik,j->ikj", np.eye(len(w)), x)


@pytest.mark.parametrize(
    ("forward", "jacobian", "inputs", "summed"),
    [
        (softmax, softmax_jacobian, (drawn(4),), "and summed over the output's axes"),
        (softmax, softmax_jacobian, (drawn(3, 4),), "sample by sample and summed over the output's last axis"),
        (affine, affine_jacobian, (drawn(2, 3), drawn(3)), "and summed over the output's axes"),
        (affine, lambda w, x: affine_jacobian(w, x).transpose(1, 2, 0), (drawn(2, 3), drawn(3)), "output's axes"),
    ],
    ids=["of a vector", "of each sample", "of a matrix", "the input's axes first"],
)
def test_a_jacobian_is_named(forward, jacobian, inputs, summed):
    report = check_gradient(forward, lambda g, *given: jacobian(*given), *inputs, wrt=[0])
    found = report.diagnoses[0]
    assert found.kind == "ignores-cotangent"
    assert f"the Jacobian, of shape {jacobian(*inputs).shape}: it is right if multiplied" in found.message
    assert summed in found.message


def test_a_wrong_jacobian_is_not_called_right():
    report = check_gradient(softmax, lambda g, z: 2 * softmax_jacobian(z), drawn(4))
    assert [d.message.partition(" (at")[0] for d in report.diagnoses] == [
        "an array of shape (4, 4), not (4,)",
        "the gradient has shape (4, 4), the input (4,)",
    ]


def windows(x):
    return np.stack([x[k : k + 3] for k in range(len(x) - 2)])


def folded(grad_windows, x):
    """What the windows hand back to each entry, added up."""
    total = np.zeros_like(x)
    for k, row in enumerate(grad_windows):
        total[k : k + 3] += row
    return total


def times(x):
    """In how many windows each entry is."""
    return folded(np.ones((len(x) - 2, 3)), x)


@pytest.mark.parametrize(
    ("backward", "named"),
    [
        ("folded(g, x) / times(x)", "divided by a whole number of its own, up to 3: averaged, not added"),
        ("folded(g, x) * times(x)", "times a whole number of its own, up to 3: added several times"),
    ],
)
def test_overlaps_that_are_averaged_or_counted_are_named(backward, named):
    without_source = eval(f"lambda g, x: {backward}")  # else the expression would be named
    assert first(check_gradient(windows, without_source, drawn(6))) == f"the true one with each entry {named}"


def test_other_numbers_for_each_entry_are_not_called_whole():
    shares = np.array([0.5, 1.25, 3.0, 2.0, 1.5, 0.75])
    report = check_gradient(windows, lambda g, x: folded(g, x) * shares, drawn(6))
    assert not report.ok
    assert "whole number" not in str(report)


@pytest.mark.parametrize("shape", [(9, 9), (64, 64), (2, 3, 128, 100)])
def test_the_sets_that_are_looked_at_grow_no_faster_than_the_lengths_of_the_axes(shape):
    assert len({said for said, _, _ in sets(shape)}) == sum(1 for _ in sets(shape)) < 1000 + sum(shape)


def softplus_gate(x):
    return x * np.tanh(np.log1p(np.exp(x)))


def softplus_gate_backward(g, x):
    t = np.tanh(np.log1p(np.exp(x)))
    return g * (t + x * (1 - t * t))


def test_a_chain_of_functions_that_is_left_out_is_named():
    found = check_gradient(softplus_gate, softplus_gate_backward, drawn(3, 5)).diagnoses
    assert found[0].kind == "missing-factor"
    assert "the true one without the derivative of `np.log1p(np.exp(x))` (test_further.py:" in found[0].message
    assert " by `x` (" in found[0].message


def weighted_losses(x, t, weight=2.5):
    return np.where(t == 1, weight, 1.0) * np.logaddexp(0, np.where(t == 1, -x, x))


def weighted_losses_backward(g, x, t, weight=2.5):
    return g * weight * (1 / (1 + np.exp(-x)) - t), None


def test_a_weight_at_the_wrong_labels_is_named_with_them():
    t = np.array([[0, 1, 1], [0, 0, 1]])
    (found, *_) = check_gradient(weighted_losses, weighted_losses_backward, drawn(2, 3), t).diagnoses
    assert found.kind == "subset"
    assert "the true one but where t is 0: there it is 2.5 times as large (2.5 is the option weight)" in found.message


def test_an_order_that_is_not_undone_is_no_missing_factor():
    (found,) = check_gradient(lambda x: np.sort(x, axis=1), lambda g, x: g.copy(), drawn(3, 5)).diagnoses
    assert found.kind == "permuted"
    assert "made of the true one's numbers, each at the place of another one" in found.message


def test_a_crop_in_the_right_place_is_not_called_a_wrong_one():
    report = check_gradient(
        lambda x: np.pad(x, ((0, 0), (2, 2)), mode="reflect"), lambda g, x: g[:, 2:-2].copy(), drawn(3, 6)
    )
    assert report.diagnoses
    assert not any("cropped in the wrong place" in d.message for d in report.diagnoses)


class Standardized:
    """Batch normalization that keeps running statistics, which backward takes for those of the batch."""

    def __init__(self):
        self.mean, self.deviation = np.zeros(3), np.ones(3)

    def forward(self, x):
        centred = x - x.mean(axis=0, keepdims=True)
        return centred / np.sqrt((centred**2).mean(axis=0, keepdims=True))

    def backward(self, g, x):
        h = (x - self.mean) / self.deviation
        return (g - g.mean(axis=0) - h * (g * h).mean(axis=0)) / self.deviation


def test_running_statistics_in_place_of_those_of_the_batch_are_named():
    layer = Standardized()
    found = check_gradient(layer.forward, layer.backward, drawn(5, 3)).diagnoses
    assert any(
        d.kind == "stale"
        and "`x.mean(axis=0, keepdims=True)` in place of `self.mean`" in d.message
        and "`np.sqrt((centred**2).mean(axis=0, keepdims=True))` in place of `self.deviation`" in d.message
        for d in found
    )
