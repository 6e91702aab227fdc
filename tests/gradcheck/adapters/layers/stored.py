"""Layers that keep their gradients: in attributes, dicts, lists, beside the values."""

from itertools import pairwise

import numpy as np

from scratchcnn.gradcheck.adapters import from_layer
from tests.gradcheck.adapters.layers.row import draw, right, wrong


class Dense:
    """W, b; dW, db."""

    def __init__(self, inputs, outputs):
        self.W, self.b = draw(inputs, outputs), draw(outputs)
        self.dW = self.db = None

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(axis=0)
        return dout @ self.W.T


class Affine:
    """params['W'], grads['W']; images are flattened."""

    def __init__(self, inputs, outputs):
        self.params = {"W": draw(inputs, outputs), "b": np.zeros(outputs)}
        self.grads = {}

    def forward(self, x):
        self.shape, self.flat = x.shape, x.reshape(len(x), -1)
        return np.dot(self.flat, self.params["W"]) + self.params["b"]

    def backward(self, dout):
        self.grads["W"] = np.dot(self.flat.T, dout)
        self.grads["b"] = np.sum(dout, axis=0)
        return np.dot(dout, self.params["W"].T).reshape(self.shape)


class Convolution:
    """W['val'], W['grad']. The gradient of the image is assigned where windows overlap, not added."""

    def __init__(self, filters, channels, size):
        self.W = {"val": draw(filters, channels, size, size), "grad": 0}
        self.b = {"val": draw(filters), "grad": 0}

    def windows(self, x):
        size = self.W["val"].shape[-1]
        for i in range(x.shape[2] - size + 1):
            for j in range(x.shape[3] - size + 1):
                yield i, j, (slice(None), slice(None), slice(i, i + size), slice(j, j + size))

    def forward(self, X):
        self.X, size = X, self.W["val"].shape[-1]
        out = np.zeros((len(X), len(self.b["val"]), X.shape[2] - size + 1, X.shape[3] - size + 1), X.dtype)
        for i, j, window in self.windows(X):
            out[:, :, i, j] = np.tensordot(X[window], self.W["val"], ((1, 2, 3), (1, 2, 3))) + self.b["val"]
        return out

    def backward(self, dout):
        dX = np.zeros_like(self.X)
        self.W["grad"] = np.zeros_like(self.W["val"])
        self.b["grad"] = dout.sum(axis=(0, 2, 3))
        for i, j, window in self.windows(self.X):
            dX[window] = np.tensordot(dout[:, :, i, j], self.W["val"], (1, 0))
            self.W["grad"] += np.tensordot(dout[:, :, i, j], self.X[window], (0, 0))
        return dX


class Parameter:
    """A value with its gradient."""

    def __init__(self, data):
        self.data, self.grad = data, np.zeros_like(data)


class Bilinear:
    """Parameters that are objects; gradients add up until zero_grad; __call__ is forward."""

    def __init__(self, first, second, outputs):
        self.weight = Parameter(draw(outputs, first, second))
        self.bias = Parameter(draw(outputs))

    def parameters(self):
        return [self.weight, self.bias]

    def zero_grad(self):
        for p in self.parameters():
            p.grad = np.zeros_like(p.data)

    def __call__(self, a, b):
        self.a, self.b = a, b
        return np.einsum("ni,kij,nj->nk", a, self.weight.data, b) + self.bias.data

    def backward(self, grad):
        self.weight.grad += np.einsum("nk,ni,nj->kij", grad, self.a, self.b)
        self.bias.grad += grad.sum(axis=0)
        w = self.weight.data
        return np.einsum("nk,kij,nj->ni", grad, w, self.b), np.einsum("nk,kij,ni->nj", grad, w, self.a)


class Scale:
    """Gradients add up and nothing clears them. That of the shift is a mean over the batch, where it is a sum."""

    def __init__(self, width):
        self.gamma, self.beta = draw(width), draw(width)
        self.d_gamma, self.d_beta = np.zeros(width), np.zeros(width)

    def forward(self, x):
        self.x = x
        return x * self.gamma + self.beta

    def backward(self, d_out):
        self.d_gamma += (d_out * self.x).sum(axis=0)
        self.d_beta += d_out.mean(axis=0)
        return d_out * self.gamma


class Perceptrons:
    """Lists: weights[k], biases[k]; d_weights[k], d_biases[k]."""

    def __init__(self, sizes):
        self.weights = [draw(m, n) for m, n in pairwise(sizes)]
        self.biases = [draw(n, 1)[:, 0] for n in sizes[1:]]

    def feedforward(self, x):
        self.activations = [x]
        for w, b in zip(self.weights, self.biases, strict=True):
            self.activations.append(np.tanh(self.activations[-1] @ w + b))
        return self.activations[-1]

    def backprop(self, delta):
        self.d_weights, self.d_biases = [], []
        for k in reversed(range(len(self.weights))):
            delta = delta * (1 - self.activations[k + 1] ** 2)
            self.d_weights.insert(0, self.activations[k].T @ delta)
            self.d_biases.insert(0, delta.sum(axis=0))
            delta = delta @ self.weights[k].T
        return delta


class Buffers:
    """params = [W, b]; grads are written into buffers; the cotangent has a default."""

    def __init__(self, W, b):
        self.params, self.grads = [W, b], [np.zeros_like(W), np.zeros_like(b)]

    def forward(self, x):
        W, b = self.params
        self.x = x
        return np.dot(x, W) + b

    def backward(self, dout=1):
        W, _ = self.params
        self.grads[0][...] = np.dot(self.x.T, dout)
        self.grads[1][...] = np.sum(dout, axis=0)
        return np.dot(dout, W.T)


class Relu:
    """No parameters; a mask."""

    def forward(self, x):
        self.mask = x <= 0
        out = x.copy()
        out[self.mask] = 0
        return out

    def backward(self, dout):
        dout = dout.copy()
        dout[self.mask] = 0
        return dout


class Network:
    """Layers in a list."""

    def __init__(self, *layers):
        self.layers = layers

    def forward(self, x):
        for layer in self.layers:
            x = layer.forward(x)
        return x

    def backward(self, dout):
        for layer in reversed(self.layers):
            dout = layer.backward(dout)
        return dout


class PRelu:
    """A slope that is learnt. Its gradient leaves the cotangent out where the input is negative."""

    def __init__(self):
        self.alpha = np.array([0.25])

    def forward(self, x):
        self.x = x
        return np.where(x > 0, x, self.alpha * x)

    def backward(self, grad_output):
        self.alpha_grad = np.array([np.sum(np.where(self.x > 0, 0, self.x))])
        return np.where(self.x > 0, 1, self.alpha) * grad_output


ROWS = (
    right("attributes", lambda: from_layer(Dense(4, 3), draw(5, 4))),
    right("params and grads", lambda: from_layer(Affine(8, 3), draw(5, 2, 2, 2))),
    wrong("val and grad", lambda: from_layer(Convolution(2, 2, 2), draw(2, 2, 4, 3)), "X"),
    right("objects that add up", lambda: from_layer(Bilinear(3, 2, 4), draw(5, 3), draw(5, 2))),
    wrong("sums without a reset", lambda: from_layer(Scale(4), draw(5, 4), reset=True), "beta"),
    right("lists", lambda: from_layer(Perceptrons((4, 5, 2)), draw(3, 4))),
    right("buffers", lambda: from_layer(Buffers(draw(4, 3), draw(3)), draw(5, 4))),
    right("a mask", lambda: from_layer(Relu(), draw(4, 5))),
    right("a network", lambda: from_layer(Network(Dense(4, 5), Relu(), Dense(5, 2)), draw(3, 4))),
    wrong("a learnt slope", lambda: from_layer(PRelu(), draw(4, 5)), "alpha", "ignores-cotangent"),
)
