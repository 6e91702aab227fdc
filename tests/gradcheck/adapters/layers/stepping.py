"""Layers that take their step themselves: at a rate, or by an optimiser."""

import copy

import numpy as np

from scratchcnn.gradcheck.adapters import from_layer
from tests.gradcheck.adapters.layers.row import draw, right, wrong


class InPlace:
    """backward(output_gradient, learning_rate) changes weights and bias."""

    def __init__(self, inputs, outputs):
        self.weights, self.bias = draw(outputs, inputs), draw(outputs, 1)

    def forward(self, input):
        self.input = input
        return np.dot(self.weights, self.input) + self.bias

    def backward(self, output_gradient, learning_rate):
        weights_gradient = np.dot(output_gradient, self.input.T)
        input_gradient = np.dot(self.weights.T, output_gradient)
        self.weights -= learning_rate * weights_gradient
        self.bias -= learning_rate * output_gradient.sum(axis=1, keepdims=True)
        return input_gradient


class TooEarly(InPlace):
    """The gradient of the input is that with the weights after the step."""

    def backward(self, output_gradient, learning_rate):
        self.weights -= learning_rate * np.dot(output_gradient, self.input.T)
        self.bias -= learning_rate * output_gradient.sum(axis=1, keepdims=True)
        return np.dot(self.weights.T, output_gradient)


class OwnRate:
    """The rate is an attribute; backward changes w by it."""

    def __init__(self, inputs, outputs, lr=0.1):
        self.w, self.lr = draw(inputs, outputs), lr

    def forward(self, x):
        self.x = x
        return np.tanh(x @ self.w)

    def backward(self, err):
        err = err * (1 - np.tanh(self.x @ self.w) ** 2)
        back = err @ self.w.T
        self.w = self.w - self.lr * (self.x.T @ err)
        return back


class TwoSteps:
    """backward keeps the parts, and update(lr) makes the gradient of them."""

    def __init__(self, inputs, outputs):
        self.kernel = draw(inputs, outputs)

    def call(self, inputs):
        self.inputs = inputs
        return np.sin(inputs @ self.kernel)

    def backward(self, upstream):
        self.error = upstream * np.cos(self.inputs @ self.kernel)
        return self.error @ self.kernel.T

    def update(self, lr):
        self.kernel = self.kernel - lr * self.inputs.T @ self.error


class Adam:
    """An optimiser: a copy for each parameter, which it is handed with its gradient."""

    def __init__(self):
        self.m = self.v = 0

    def update(self, w, grad_wrt_w):
        self.m, self.v = 0.9 * self.m + 0.1 * grad_wrt_w, 0.99 * self.v + 0.01 * grad_wrt_w**2
        return w - 0.01 * self.m / (np.sqrt(self.v) + 1e-8)


class WithOptimizers:
    """initialize(optimizer) makes parameters; backward_pass hands them to W_opt and w0_opt."""

    def __init__(self, inputs, units):
        self.inputs, self.units = inputs, units

    def initialize(self, optimizer):
        self.W, self.w0 = draw(self.inputs, self.units), np.zeros((1, self.units))
        self.W_opt, self.w0_opt = copy.copy(optimizer), copy.copy(optimizer)

    def forward_pass(self, X, training=True):
        self.layer_input = X
        return X.dot(self.W) + self.w0

    def backward_pass(self, accum_grad):
        W = self.W
        self.W = self.W_opt.update(self.W, self.layer_input.T.dot(accum_grad))
        self.w0 = self.w0_opt.update(self.w0, np.sum(accum_grad, axis=0, keepdims=True))
        return accum_grad.dot(W.T)


class HandsOver:
    """backward(grad, optimizer) hands dicts over. The gradient of the weights is that of their transpose."""

    def __init__(self, width):
        self.params = {"W": draw(width, width), "b": draw(width)}

    def forward(self, x):
        self.x = x
        return x @ self.params["W"] + self.params["b"]

    def backward(self, grad, optimizer):
        grads = {"W": grad.T @ self.x, "b": grad.sum(axis=0)}
        back = grad @ self.params["W"].T
        optimizer.step(self.params, grads)
        return back


ROWS = (
    right("at a rate, columns are samples", lambda: from_layer(InPlace(4, 3), draw(4, 5))),
    wrong("at a rate, too early", lambda: from_layer(TooEarly(4, 3), draw(4, 5)), "input", "ignores-cotangent"),
    right("at a rate of its own", lambda: from_layer(OwnRate(4, 3), draw(5, 4))),
    right("in a second step", lambda: from_layer(TwoSteps(4, 3), draw(5, 4))),
    right(
        "an optimiser a parameter",
        lambda: from_layer(WithOptimizers(4, 3), draw(5, 4), warm=lambda layer: layer.initialize(Adam())),
    ),
    wrong("an optimiser is handed in", lambda: from_layer(HandsOver(3), draw(5, 3)), "params['W']"),
)
