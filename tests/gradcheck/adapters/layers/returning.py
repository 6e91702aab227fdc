"""Layers that return all gradients, or need more than inputs: modes, seeds, state, a first call."""

import numpy as np

from scratchcnn.gradcheck.adapters import from_layer
from tests.gradcheck.adapters.layers.row import draw, right, wrong


class Tuple:
    """bprop returns (dx, dW, db)."""

    def __init__(self, inputs, outputs):
        self.W, self.b = draw(inputs, outputs), draw(outputs)

    def fprop(self, x):
        self.x = x
        return x @ self.W + self.b

    def bprop(self, dy):
        return dy @ self.W.T, self.x.T @ dy, dy.sum(0)


class LayerNorm:
    """backward returns dx and a dict."""

    def __init__(self, width, eps=1e-5):
        self.gamma, self.beta, self.eps = draw(width), draw(width), eps

    def forward(self, x):
        centred = x - x.mean(axis=1, keepdims=True)
        self.inv = 1 / np.sqrt((centred**2).mean(axis=1, keepdims=True) + self.eps)
        self.xhat = centred * self.inv
        return self.gamma * self.xhat + self.beta

    def backward(self, dout):
        d = dout * self.gamma
        along = (d * self.xhat).mean(axis=1, keepdims=True)
        dx = self.inv * (d - d.mean(axis=1, keepdims=True) - self.xhat * along)
        return dx, {"gamma": (dout * self.xhat).sum(axis=0), "beta": dout.sum(axis=0)}


class BatchNorm:
    """A flag for training, running statistics. The standard deviation is taken for a constant."""

    def __init__(self, width):
        self.gamma, self.beta = np.ones(width), np.zeros(width)
        self.running_mean, self.running_var = np.zeros(width), np.ones(width)

    def forward(self, x, is_training):
        mean, var = x.mean(axis=0), x.var(axis=0)
        if is_training:
            self.running_mean = 0.9 * self.running_mean + 0.1 * mean
            self.running_var = 0.9 * self.running_var + 0.1 * var
        else:
            mean, var = self.running_mean, self.running_var
        self.std = np.sqrt(var + 1e-5)
        self.x_hat = (x - mean) / self.std
        return self.gamma * self.x_hat + self.beta

    def backward(self, grad):
        self.grad_gamma, self.grad_beta = (grad * self.x_hat).sum(axis=0), grad.sum(axis=0)
        d = grad * self.gamma
        return (d - d.mean(axis=0)) / self.std


class Dropout:
    """A generator of its own, and train() or eval()."""

    def __init__(self, keep):
        self.keep, self.rng, self.training = keep, np.random.default_rng(3), False

    def train(self):
        self.training = True

    def forward(self, x):
        self.mask = (self.rng.random(x.shape) < self.keep) / self.keep if self.training else 1.0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


class Cell:
    """A step of a recurrent network with two outputs and two cotangents."""

    def __init__(self, inputs, width):
        self.Wx, self.Wh, self.b = draw(inputs, 2 * width), draw(width, 2 * width), draw(2 * width)

    def forward(self, x, h, c):
        i, g = np.split(np.tanh(x @ self.Wx + h @ self.Wh + self.b), 2, axis=1)
        c_next = c + i * g
        self.kept = x, h, i, g, np.tanh(c_next)
        return self.kept[-1] * i, c_next

    def backward(self, dh, dc):
        x, h, i, g, t = self.kept
        dc = dc + dh * i * (1 - t**2)
        da = np.concatenate([(dc * g + dh * t) * (1 - i**2), dc * i * (1 - g**2)], axis=1)
        self.dWx, self.dWh, self.db = x.T @ da, h.T @ da, da.sum(axis=0)
        return da @ self.Wx.T, da @ self.Wh.T, dc


class Embedding:
    """Integers. An index that occurs twice counts once."""

    def __init__(self, words, width):
        self.W = draw(words, width)

    def forward(self, idx):
        self.idx = idx
        return self.W[idx]

    def backward(self, dout):
        self.dW = np.zeros_like(self.W)
        self.dW[self.idx] += dout


class Lazy:
    """Built by its first call."""

    W = None

    def forward(self, x):
        if self.W is None:
            self.W = draw(x.shape[1], 3)
        self.x = x
        return x @ self.W

    def backward(self, grad):
        self.W_grad = self.x.T @ grad
        return grad @ self.W.T


class Shared:
    """The cache is that of the class: two of them in a network share it."""

    cache = {}  # noqa: RUF012 - the mistake

    def forward(self, x):
        self.cache["out"] = 1 / (1 + np.exp(-x))
        return self.cache["out"]

    def backward(self, dout):
        return dout * self.cache["out"] * (1 - self.cache["out"])


class Softmax:
    """backward takes the output. It is the elementwise derivative, without the terms beside the diagonal."""

    def forward(self, z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def backward(self, output, upstream):
        return upstream * output * (1 - output)


class Averaging:
    """backward divides by the number of samples, which stand in columns."""

    def __init__(self, inputs, outputs):
        self.W, self.b = draw(outputs, inputs), draw(outputs, 1)

    def feed_forward(self, A_prev):
        self.A_prev = A_prev
        return self.W @ A_prev + self.b

    def back_propagate(self, dZ):
        m = dZ.shape[1]
        self.dW, self.db = dZ @ self.A_prev.T / m, dZ.sum(axis=1, keepdims=True) / m
        return self.W.T @ dZ


class Pool:
    """Made anew for each call: nothing but options. The gradient is shared among the maxima by the wrong count."""

    def __init__(self, size=2):
        self.size = size

    def forward(self, x):
        n, h, w = x.shape
        self.x = x.reshape(n, h // self.size, self.size, w // self.size, self.size)
        self.out = self.x.max(axis=(2, 4), keepdims=True)
        return self.out[:, :, 0, :, 0]

    def backward(self, dout):
        mask = self.x == self.out
        spread = mask * dout[:, :, None, :, None] / mask.sum(axis=(0, 2, 4), keepdims=True)
        return spread.reshape(len(dout), dout.shape[1] * self.size, -1)


ROWS = (
    right("a tuple", lambda: from_layer(Tuple(4, 3), draw(5, 4))),
    right("a dict beside dx", lambda: from_layer(LayerNorm(6), draw(4, 6))),
    wrong("a flag, statistics", lambda: from_layer(BatchNorm(3), draw(6, 3)), "x"),
    right("a generator", lambda: from_layer(Dropout(0.7), draw(6, 3), training=True, seed=0)),
    right("two outputs", lambda: from_layer(Cell(3, 2), draw(4, 3), draw(4, 2), draw(2, 4).T, output=0)),
    wrong("integers", lambda: from_layer(Embedding(5, 3), np.array([1, 4, 1, 0])), "W"),
    right("built by a call", lambda: from_layer(Lazy, draw(4, 2))),
    wrong("a cache at class level", lambda: from_layer(Shared(), draw(4, 2)), "stale"),
    wrong("the output is passed", lambda: from_layer(Softmax(), draw(4, 3)), "z"),
    right("means", lambda: from_layer(Averaging(4, 3), draw(4, 5), mean=("W", "b"), batch_axis=1)),
    wrong("made anew", lambda: from_layer(Pool, draw(2, 4, 6)), "x"),
)
