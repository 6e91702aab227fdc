"""What the derivative of a function makes of a value: triangles, running sums, conjugates, slopes of activations."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.adapters import from_loss

RATE = 1.7
KERNEL = np.array([0.5, -1.0, 2.0])
EVENT = np.array([1, 0, 1, 1, 0])
FEATURES = np.random.default_rng(2).normal(size=(5, 3))


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def said(forward, backward, *inputs):
    report = check_gradient(forward, backward, *inputs)
    assert report.verdict is Verdict.WRONG
    return report.diagnoses[0].message


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_as_tanh(g, x):
    a = sigmoid(x)
    return g * (1 - a**2)


def running(x):
    return np.sin(np.cumsum(x, axis=1)).sum(axis=1)


def running_backward(g, x):
    d = g[:, None] * np.cos(np.cumsum(x, axis=1))
    return d


def lower(x):
    return np.tril(x @ x)


def lower_backward(g, x):
    d = g
    return d @ x.T + x.T @ d


def filtered(x):
    return np.fft.irfft(np.fft.rfft(x, 8) * np.fft.rfft(KERNEL, 8), 8) ** 2


def filtered_backward(g, x):
    k = np.fft.rfft(KERNEL, 8)
    y = np.fft.irfft(np.fft.rfft(x, 8) * k, 8)
    return np.fft.irfft(np.fft.rfft(2 * g * y, 8) * k, 8)[: len(x)]


def silu(z):
    return z / (1 + np.exp(-z))


def gate(x, w):
    return silu(x @ w) * w.sum()


def gate_backward(g, x, w):
    a = x @ w
    s = sigmoid(a)
    da = g * w.sum() * (s * (1 - s))
    return da @ w.T, x.T @ da + (g * a * s).sum()


def spectral(x):
    X = np.fft.rfft(x)
    return np.abs(X) ** 2


def spectral_backward(g, x):
    X = np.fft.rfft(x)
    return np.fft.irfft(2 * g * X, len(x)) * len(x)


def survival(beta):
    eta = FEATURES @ beta
    return (np.where(EVENT, eta, 0) - np.exp(eta)).sum()


def survival_backward(g, beta):
    rate = np.exp(FEATURES @ beta)
    return g * (1 - rate) @ FEATURES if EVENT.any() else None


def haar(x):
    low, high = (x[::2] + x[1::2]) / np.sqrt(2), (x[::2] - x[1::2]) / np.sqrt(2)
    return np.concatenate([low, high])


def haar_backward(g, x):
    low, high = np.split(g, 2)
    d = np.empty_like(x)
    d[::2] = (low + high) / 2
    d[1::2] = (low - high) / np.sqrt(2)
    return d


@pytest.mark.parametrize(
    ("forward", "backward", "x", "expected"),
    [
        (sigmoid, sigmoid_as_tanh, drawn(3, 4), "right with `a * (1 - a)` in place of `1 - a**2`"),
        (
            running,
            running_backward,
            drawn(3, 4),
            "right with the running sums of `np.cos(np.cumsum(x, axis=1))`",
        ),
        (lower, lower_backward, drawn(3, 3), "right with `tril(g)` in place of `g`: `d = g`"),
        (filtered, filtered_backward, drawn(6), "right with `conj(k)` in place of `k`"),
        (
            spectral,
            spectral_backward,
            drawn(8),
            "right with `2 * g * X` with all but the first and the last frequency halved, which irfft counts twice",
        ),
        (
            spectral,
            spectral_backward,
            drawn(7),
            "right with `2 * g * X` with all but the first frequency halved, which irfft counts twice",
        ),
        (survival, survival_backward, drawn(3), "right with `EVENT` in place of `1`: `1 - rate`"),
        (haar, haar_backward, drawn(8), "right with `np.sqrt(2)` in place of `2`: `(low + high) / 2`"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_what_belongs_there_is_named(forward, backward, x, expected):
    assert said(forward, backward, x).startswith(expected)


def test_the_derivative_of_the_activation_that_forward_has_is_named():
    for cause in check_gradient(gate, gate_backward, drawn(4, 3), drawn(3, 5, seed=1)).diagnoses[:2]:
        assert cause.message.startswith("right with `g * w.sum() * (s * (1 + a * (1 - s)))` in place of")


def gated_by_tanh(x, w):
    return silu(x @ w)


def gated_by_tanh_backward(g, x, w):
    a = x @ w
    slope = 1 - np.tanh(a) ** 2
    da = g * slope
    return da @ w.T, x.T @ da


def test_the_slope_of_another_activation_at_the_same_numbers_is_named():
    report = check_gradient(gated_by_tanh, gated_by_tanh_backward, drawn(4, 3), drawn(3, 5, seed=1))
    for cause in report.diagnoses[:2]:
        assert cause.message.startswith("right with the derivative of silu at `a` in place of `slope`: `g * slope`")


def sine(c):
    return np.sin(RATE * c**3)


def sine_backward(g, c):
    return g * np.cos(RATE * c**3) * 3 * c**2


def test_the_operand_that_was_left_out_is_named_where_a_number_stands_before_it():
    messages = [d.message for d in check_gradient(sine, sine_backward, drawn(3, 4)).diagnoses]
    assert any("the derivative of `RATE * c**3` (test_derived.py" in m and "by `c ** 3` (" in m for m in messages)


def hinge(w, x, y):
    """The loss and its gradient, as one function gives both."""
    rows = np.arange(len(y))
    scores = x @ w
    margins = np.maximum(0, scores - scores[rows, y][:, None] + 1)
    margins[rows, y] = 0
    loss = margins.sum() / len(y)
    mask = (margins > 0).astype(float)
    mask[rows, y] = -mask.sum(axis=1)
    rate = np.abs(mask) + 1
    dw = x.T @ (mask * rate) / len(y)
    return loss, dw


def test_the_expressions_of_a_gradient_that_comes_with_the_loss_are_told_from_those_of_the_loss():
    labels = np.array([0, 2, 1, 1, 0, 2])
    report = check_gradient(*from_loss(hinge, drawn(4, 3), drawn(6, 4), labels, returns=["w"]), wrt=["w"])
    assert report.diagnoses[0].message.startswith("right with no term `np.abs(mask)`")


def rated(U, V, users, items, ratings, *, keep=0.1):
    """A loss that returns its gradients: these are computed in a loop, after the loss."""
    error = (U[users] * V[items]).sum(axis=1) - ratings
    loss = 0.5 * (error**2).sum() + 0.5 * keep * ((U**2).sum() + (V**2).sum())
    dU, dV = keep * U, keep * V
    for e, u, i in zip(error, users, items, strict=True):
        dU[u] += e * V[i]
        dV[i] = e * U[u]
    return loss, {"U": dU, "V": dV}


def test_what_a_loss_assigns_in_a_loop_where_it_has_to_add_is_named():
    users, items = np.array([0, 1, 2, 0, 1, 2, 2]), np.array([0, 1, 3, 2, 0, 1, 3])
    given = from_loss(rated, drawn(3, 2), drawn(4, 2, seed=1), users, items, drawn(7), returns=["U", "V"])
    (first, *_) = check_gradient(*given, wrt=["U", "V"]).diagnoses
    assert (first.input, first.kind) == ("V", "overlap")
    assert first.message.startswith("right with += in place of =: `dV[i] = e * U[u]`")
