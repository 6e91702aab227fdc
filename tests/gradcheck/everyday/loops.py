"""Forward passes that cost more than their sizes tell: loops in Python, and blocks of many small calls."""

import numpy as np

from tests.gradcheck.everyday.case import WRONG, Everyday, batch_norm, batch_norm_backward, normal, sigmoid


def convolution(x, w):
    (n, height, width), (r, s) = x.shape, w.shape
    out = np.zeros((n, height - r + 1, width - s + 1))
    for k, i, j in np.ndindex(out.shape):
        for p in range(r):
            for q in range(s):
                out[k, i, j] += x[k, i + p, j + q] * w[p, q]
    return out


def convolution_backward(turned):
    def backward(g, x, w):
        grad_x, grad_w = np.zeros_like(x), np.zeros_like(w)
        for k, i, j in np.ndindex(g.shape):
            for p, q in np.ndindex(w.shape):
                grad_x[k, i + p, j + q] += g[k, i, j] * (w[-1 - p, -1 - q] if turned else w[p, q])
                grad_w[p, q] += g[k, i, j] * x[k, i + p, j + q]
        return grad_x, grad_w

    return backward


def pooling(x):
    n, height, width = x.shape
    out = np.empty((n, height // 2, width // 2))
    for k, i, j in np.ndindex(out.shape):
        out[k, i, j] = max(
            x[k, 2 * i, 2 * j], x[k, 2 * i, 2 * j + 1], x[k, 2 * i + 1, 2 * j], x[k, 2 * i + 1, 2 * j + 1]
        )
    return out


def pooling_backward(g, x):
    gradient = np.zeros_like(x)
    for k, i, j in np.ndindex(g.shape):
        window = x[k, 2 * i : 2 * i + 2, 2 * j : 2 * j + 2]
        p, q = np.unravel_index(window.argmax(), (2, 2))
        gradient[k, 2 * i + p, 2 * j + q] = g[k, i, j]
    return gradient


def lstm_course(x, w, u, b):
    """What each step leaves: its gates, the cell's state and the hidden state before it, and the new state's tanh."""
    hidden, cell, course = np.zeros(len(u)), np.zeros(len(u)), []
    for row in x:
        i, f, o, c = np.split(row @ w + hidden @ u + b, 4)
        i, f, o, c = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(c)
        before = hidden, cell
        cell = f * cell + i * c
        hidden = o * np.tanh(cell)
        course.append((i, f, o, c, *before, np.tanh(cell), hidden))
    return course


def lstm(x, w, u, b):
    return np.array([step[-1] for step in lstm_course(x, w, u, b)])


def lstm_backward(keeps_cell=True):
    def backward(g, x, w, u, b):
        grads = [np.zeros_like(a) for a in (x, w, u, b)]
        grad_hidden, grad_cell = np.zeros(len(u)), np.zeros(len(u))
        course = lstm_course(x, w, u, b)
        for t in range(len(x) - 1, -1, -1):
            i, f, o, c, hidden, cell, squashed, _ = course[t]
            grad_hidden = grad_hidden + g[t]
            grad_cell = grad_cell + grad_hidden * o * (1 - squashed**2)
            z = np.concatenate([
                grad_cell * c * i * (1 - i), grad_cell * cell * f * (1 - f),
                grad_hidden * squashed * o * (1 - o), grad_cell * i * (1 - c**2),
            ])  # fmt: skip
            grads[0][t] = w @ z
            grads[1] += np.outer(x[t], z)
            grads[2] += np.outer(hidden, z)
            grads[3] += z
            grad_hidden, grad_cell = u @ z, grad_cell * f * keeps_cell
        return tuple(grads)

    return backward


def block(x, w, gamma, beta):
    return np.maximum(batch_norm(x @ w, gamma, beta), 0)


def block_backward(through_mean=True):
    def backward(g, x, w, gamma, beta):
        z = x @ w
        g = g * (batch_norm(z, gamma, beta) > 0)
        grad_z, grad_gamma, grad_beta = batch_norm_backward(g, z, gamma, beta)
        if not through_mean:
            grad_z = grad_z + gamma / np.sqrt(z.var(axis=0) + 1e-5) * g.mean(axis=0)
        return grad_z @ w.T, x.T @ grad_z, grad_gamma, grad_beta

    return backward


IMAGES = (normal(260, 2, 5, 5), normal(261, 3, 2))
SEQUENCE = (normal(262, 4, 3), normal(263, 3, 8, scale=0.7), normal(264, 2, 8, scale=0.7), normal(265, 8))
BATCH = (normal(266, 8, 5), normal(267, 5, 4), np.array([1, 0.5, -1.5, 2]), normal(268, 4, scale=0.3))
CASES = [
    Everyday("convolution by loops", convolution, convolution_backward(False), IMAGES),
    Everyday("convolution by loops, the filter turned", convolution, convolution_backward(True), IMAGES, WRONG),
    Everyday("pooling by loops", pooling, pooling_backward, (normal(269, 2, 6, 4),)),
    Everyday("pooling by loops, spread evenly", pooling, lambda g, x: g.repeat(2, axis=1).repeat(2, axis=2) / 4,
             (normal(269, 2, 6, 4),), WRONG),
    Everyday("an LSTM by loops", lstm, lstm_backward(), SEQUENCE),
    Everyday("an LSTM by loops, the cell's gradient not kept", lstm, lstm_backward(False), SEQUENCE, WRONG),
    Everyday("affine, batch normalisation, relu", block, block_backward(), BATCH),
    Everyday("affine, batch normalisation, relu, the mean forgotten", block, block_backward(False), BATCH, WRONG),
]  # fmt: skip
