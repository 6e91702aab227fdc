"""Functions that hand a cache on, and losses."""

from functools import partial

import numpy as np

from scratchcnn.gradcheck.adapters import from_cache, from_loss
from tests.gradcheck.adapters.layers.row import draw, right, wrong


def affine_forward(x, w, b):
    return x.reshape(len(x), -1) @ w + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, _ = cache
    return (dout @ w.T).reshape(x.shape), x.reshape(len(x), -1).T @ dout, dout.sum(axis=0)


def rnn_cell_forward(xt, a_prev, parameters):
    a_next = np.tanh(parameters["Wax"] @ xt + parameters["Waa"] @ a_prev + parameters["ba"])
    y = parameters["Wya"] @ a_next
    return a_next, y, (a_next, a_prev, xt, parameters)


def rnn_cell_backward(da_next, cache):
    a_next, a_prev, xt, parameters = cache
    dtanh = (1 - a_next**2) * da_next
    return {
        "dxt": parameters["Wax"].T @ dtanh,
        "da_prev": parameters["Waa"].T @ dtanh,
        "dWax": dtanh @ xt.T,
        "dWaa": dtanh @ a_prev.T,
        "dba": dtanh.sum(axis=1, keepdims=True),
        "dWya": np.zeros_like(parameters["Wya"]),
    }


def linear_forward(A, W, b):
    return W @ A + b, (A, W, b)


def linear_backward(dZ, cache):
    """b is summed over the samples, though W is averaged."""
    A_prev, W, _ = cache
    return W.T @ dZ, dZ @ A_prev.T / A_prev.shape[1], dZ.sum(axis=1, keepdims=True)


def conv_forward(x, w, stride=1):
    steps = (x.shape[1] - len(w)) // stride + 1
    out = np.stack([x[:, k * stride : k * stride + len(w)] @ w for k in range(steps)], axis=1)
    return out, (x, w)


def conv_backward(cache, dout, stride=1):
    x, w = cache
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(dout.shape[1]):
        window = slice(k * stride, k * stride + len(w))
        dx[:, window] += dout[:, k, None] * w
        dw += dout[:, k] @ x[:, window]
    return dx, dw


def svm_loss(x, y):
    margins = np.maximum(0, x - x[np.arange(len(x)), y][:, None] + 1)
    margins[np.arange(len(x)), y] = 0
    dx = (margins > 0).astype(x.dtype)
    dx[np.arange(len(x)), y] -= dx.sum(axis=1)
    return margins.sum() / len(x), dx / len(x)


def ridge(W, X, y, reg):
    """The gradient of the regulariser lacks its factor of 2."""
    error = X @ W - y
    return (error**2).mean() + reg * (W**2).sum(), 2 * X.T @ error / len(y) + reg * W


def mse(y_true, y_pred):
    return np.mean((y_true - y_pred) ** 2)


def mse_prime(y_true, y_pred):
    return 2 * (y_pred - y_true) / np.size(y_true)


class CrossEntropy:
    """For each entry. The gradient forgets the classes that the sample is not in."""

    def loss(self, y, p):
        return -y * np.log(p) - (1 - y) * np.log(1 - p)

    def gradient(self, y, p):
        return -y / p


class SoftmaxCrossEntropy:
    """forward remembers, backward takes nothing."""

    def forward(self, logits, labels):
        e = np.exp(logits - logits.max(axis=1, keepdims=True))
        self.p, self.labels = e / e.sum(axis=1, keepdims=True), labels
        return -np.log(self.p[np.arange(len(labels)), labels]).mean()

    def backward(self):
        d = self.p.copy()
        d[np.arange(len(d)), self.labels] -= 1
        return d / len(d)


RNN = {"Wax": draw(3, 2), "Waa": draw(3, 3), "ba": draw(3, 1), "Wya": draw(2, 3)}
LABELS = np.array([2, 0, 1, 2])
ONES = (draw(4, 3) > 0).astype(float)
SHARES = 1 / (1 + np.exp(-draw(4, 3)))

ROWS = (
    right("(out, cache)", lambda: from_cache(affine_forward, affine_backward, draw(5, 2, 2), draw(4, 3), draw(3))),
    right(
        "a dict for a dict",
        lambda: from_cache(rnn_cell_forward, rnn_cell_backward, draw(2, 4), draw(3, 4), RNN, output=0),
    ),
    wrong(
        "means, but one",
        lambda: from_cache(
            linear_forward, linear_backward, draw(4, 5), draw(3, 4), draw(3, 1), mean=("W", "b"), batch_axis=1
        ),
        "b",
    ),
    right("(cache, dout)", lambda: from_cache(conv_forward, conv_backward, draw(3, 6), draw(2))),
    wrong(
        "another stride",
        lambda: from_cache(partial(conv_forward, stride=2), conv_backward, draw(3, 6), draw(2)),
        "x",
        "w",
    ),
    right("(loss, gradient)", lambda: from_loss(svm_loss, draw(4, 3), fixed={"y": LABELS})),
    wrong("a regulariser", lambda: from_loss(ridge, draw(3), fixed={"X": draw(5, 3), "y": draw(5), "reg": 0.1}), "W"),
    right("two functions", lambda: from_loss(mse, draw(5, 2), gradient=mse_prime, fixed={"y_true": draw(2, 5).T})),
    wrong("an object, for each entry", lambda: from_loss(CrossEntropy(), SHARES, fixed={"y": ONES}), "p"),
    right("an object that remembers", lambda: from_loss(SoftmaxCrossEntropy(), draw(4, 3), LABELS)),
)
