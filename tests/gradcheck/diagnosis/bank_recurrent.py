"""Recurrent networks: a simple one over time, and the cells of an LSTM and a GRU."""

from functools import partial

import numpy as np

from scratchcnn import sigmoid
from tests.gradcheck.diagnosis.labelled import changed, instead, remembering
from tests.gradcheck.draws import normal
from tests.gradcheck.mistakes.planting import but, rounded
from tests.gradcheck.operations import Operation


# h[t] = tanh(x[t] wx + h[t-1] wh + b); all hidden states are the output, (T, N, H).
def simple(x, wx, wh, b):
    hidden = [np.zeros_like(x[0] @ wx)]
    for step in x:
        hidden.append(np.tanh(step @ wx + hidden[-1] @ wh + b))
    return np.stack(hidden[1:])


def simple_backward(
    g, x, wx, wh, b, *, slope=lambda h: 1 - h * h, back=lambda d, wh: d @ wh.T, before=0, steps=99, states=None
):
    """`before`: how far the state that meets wh is from the one before; `steps`: how many count for the weights."""
    states = simple(x, wx, wh, b) if states is None else states
    hidden = np.concatenate([np.zeros_like(g[:1]), states])
    grad_x, grad_wx, grad_wh, grad_b = (np.zeros_like(a) for a in (x, wx, wh, b))
    later = np.zeros_like(g[0])
    for t in reversed(range(len(x))):
        d = (g[t] + later) * slope(hidden[t + 1])
        grad_x[t] = d @ wx.T
        if t >= len(x) - steps:
            grad_wx += x[t].T @ d
            grad_wh += hidden[t + before].T @ d
            grad_b += d.sum(axis=0)
        later = back(d, wh)
    return grad_x, grad_wx, grad_wh, grad_b


SIMPLE = Operation("simple recurrence", simple, simple_backward, normal((3, 2, 3), (3, 2), (2, 2), (2,)))


def simple_that_keeps_its_states():
    """Backward takes the hidden states of the first sequence it has seen."""
    kept = []

    def backward(g, x, wx, wh, b):
        kept.append(simple(x, wx, wh, b))
        return simple_backward(g, x, wx, wh, b, states=kept[0])

    return simple, backward


def simple_that_carries_on():
    """The hidden state of one call is where the next begins."""
    last = [0.0]

    def forward(x, wx, wh, b):
        hidden = simple(x + last[-1], wx, wh, b)
        last.append(hidden.real.mean())
        return hidden

    return forward, simple_backward


SIMPLE_MISTAKES = [
    instead(SIMPLE, "missing-factor", "tanh's derivative forgotten", partial(simple_backward, slope=np.ones_like)),
    instead(SIMPLE, "operand", "tanh's derivative taken at its output",
            partial(simple_backward, slope=lambda h: 1 - np.tanh(h) ** 2)),
    instead(SIMPLE, "operand", "sigmoid's derivative in place of tanh's",
            partial(simple_backward, slope=lambda h: h * (1 - h))),
    instead(SIMPLE, "transposed", "recurrent weight not transposed",
            partial(simple_backward, back=lambda d, wh: d @ wh)),
    instead(SIMPLE, "missing-term", "nothing flows back from a step to the one before",
            partial(simple_backward, back=lambda d, wh: 0 * d)),
    instead(SIMPLE, "missing-factor", "recurrent weight left out on the way back",
            partial(simple_backward, back=lambda d, wh: d)),
    instead(SIMPLE, "shifted operand", "recurrent weight with the state of its own step",
            partial(simple_backward, before=1)),
    instead(SIMPLE, "missing-term", "weights from the last two steps", partial(simple_backward, steps=2)),
    remembering(SIMPLE, "stale", "hidden states of the first call", simple_that_keeps_its_states),
    remembering(SIMPLE, "nondeterministic stale", "hidden state carried to the next call", simple_that_carries_on),
    changed(SIMPLE, "permuted", "x in the order of the way back", 0, lambda d, *_: d[::-1].copy()),
    changed(SIMPLE, "shifted", "x one step late", 0, lambda d, *_: np.roll(d, 1, axis=0)),
    changed(SIMPLE, "transposed", "recurrent weight's gradient transposed", 2, lambda d, *_: d.T.copy()),
    changed(SIMPLE, "constant-factor", "bias averaged over time", 3, lambda d, g, x, *_: d / len(x)),
    changed(SIMPLE, "border", "first step left out", 0, lambda d, *_: but(d, 0, lambda v: 0 * v)),
    changed(SIMPLE, "precision", "input weight summed in float32", 1, lambda d, *_: rounded(d, np.float32)),
]  # fmt: skip


# LSTM: gates side by side in the order input, forget, candidate, output; new hidden and new cell state side by side.
def lstm_gates(x, h, w, u, b):
    i, f, a, o = np.split(x @ w + h @ u + b, 4, axis=1)
    return sigmoid(i), sigmoid(f), np.tanh(a), sigmoid(o)


def lstm(x, h, c, w, u, b):
    i, f, a, o = lstm_gates(x, h, w, u, b)
    cell = f * c + i * a
    return np.concatenate([o * np.tanh(cell), cell], axis=1)


def sigmoid_slope(s):
    return s * (1 - s)


def lstm_backward(
    g, x, h, c, w, u, b, *, direct=True, slope=sigmoid_slope, cell_slope=lambda cell: 1 - np.tanh(cell) ** 2,
    order=(0, 1, 2, 3),
):  # fmt: skip
    """`direct`: the cell state's own cotangent counts; `order`: in which the gates' gradients are joined."""
    i, f, a, o = lstm_gates(x, h, w, u, b)
    cell = f * c + i * a
    grad_h, grad_c = np.split(g, 2, axis=1)
    grad_cell = direct * grad_c + grad_h * o * cell_slope(cell)
    gates = [
        grad_cell * a * sigmoid_slope(i),
        grad_cell * c * slope(f),
        grad_cell * i * (1 - a * a),
        grad_h * np.tanh(cell) * sigmoid_slope(o),
    ]
    d = np.concatenate([gates[k] for k in order], axis=1)
    return d @ w.T, d @ u.T, grad_cell * f, x.T @ d, h.T @ d, d.sum(axis=0)


LSTM = Operation("lstm cell", lstm, lstm_backward, normal((2, 2), (2, 2), (2, 2), (2, 8), (2, 8), (8,)))
LSTM_MISTAKES = [
    instead(LSTM, "permuted", "gates' gradients joined in another order", partial(lstm_backward, order=(1, 0, 2, 3))),
    instead(LSTM, "missing-factor operand", "forget gate without its derivative",
            partial(lstm_backward, slope=np.ones_like)),
    instead(LSTM, "operand", "forget gate's derivative taken at its output",
            partial(lstm_backward, slope=lambda s: sigmoid_slope(sigmoid(s)))),
    instead(LSTM, "missing-term operand", "cell state's own cotangent forgotten", partial(lstm_backward, direct=False)),
    instead(LSTM, "operand", "tanh's derivative by the cell state", partial(lstm_backward,
            cell_slope=lambda cell: 1 - cell**2)),
    instead(LSTM, "missing-factor", "tanh of the cell state without its derivative",
            partial(lstm_backward, cell_slope=np.ones_like)),
    changed(LSTM, "swapped", "x through the recurrent weight", 0,
            lambda d, g, *inputs: lstm_backward(g, *inputs)[1]),
    changed(LSTM, "missing-factor", "old cell state without the forget gate", 2,
            lambda d, g, x, h, c, w, u, b: d / lstm_gates(x, h, w, u, b)[1]),
    changed(LSTM, "operand swapped", "recurrent weight with the input", 4,
            lambda d, g, *inputs: lstm_backward(g, *inputs)[3]),
    changed(LSTM, "constant-factor", "bias averaged over the batch", 5, lambda d, g, x, *_: d / len(x)),
    changed(LSTM, "batch", "input weight of the first sample", 3,
            lambda d, g, x, h, c, w, u, b: lstm_backward(g[:1], x[:1], h[:1], c[:1], w, u, b)[3]),
    changed(LSTM, "subset", "bias of the candidate left out", 5,
            lambda d, *_: but(d, slice(4, 6), lambda v: 0 * v)),
    changed(LSTM, "zero-gradient", "hidden state detached", 1, lambda d, *_: np.zeros_like(d)),
]  # fmt: skip


# GRU: the new state lies between the candidate (at z = 0) and the old one (at z = 1).
def gru_gates(x, h, w, u, b):
    (wz, wr, wn), (uz, ur, un) = np.split(w, 3, axis=1), np.split(u, 3, axis=1)
    z = sigmoid(x @ wz + h @ uz + b[:2])
    r = sigmoid(x @ wr + h @ ur + b[2:4])
    return z, r, np.tanh(x @ wn + (r * h) @ un + b[4:])


def gru(x, h, w, u, b):
    z, _, n = gru_gates(x, h, w, u, b)
    return (1 - z) * n + z * h


def gru_backward(
    g, x, h, w, u, b, *, direct=True, reset_moves=True, update=lambda h, n: h - n, slope=lambda n: 1 - n * n,
    kept=lambda z: 1 - z, reset_state=np.multiply,
):  # fmt: skip
    """`direct`: the old state hands its part on; `reset_state`: the state that the candidate sees."""
    z, r, n = gru_gates(x, h, w, u, b)
    uz, ur, un = np.split(u, 3, axis=1)
    grad_n = g * kept(z) * slope(n)
    grad_z = g * update(h, n) * sigmoid_slope(z)
    grad_r = (grad_n @ un.T) * h * sigmoid_slope(r) * reset_moves
    d = np.concatenate([grad_z, grad_r, grad_n], axis=1)
    grad_h = direct * g * z + grad_z @ uz.T + grad_r @ ur.T + (grad_n @ un.T) * r
    grad_u = np.concatenate([h.T @ grad_z, h.T @ grad_r, reset_state(r, h).T @ grad_n], axis=1)
    return d @ w.T, grad_h, x.T @ d, grad_u, d.sum(axis=0)


GRU = Operation("gru cell", gru, gru_backward, normal((2, 3), (2, 2), (3, 6), (2, 6), (6,)))
GRU_MISTAKES = [
    instead(GRU, "missing-term", "old state's direct way forgotten", partial(gru_backward, direct=False)),
    instead(GRU, "missing-term", "reset gate taken for a constant", partial(gru_backward, reset_moves=False)),
    instead(GRU, "sign swapped", "update gate's difference the wrong way round",
            partial(gru_backward, update=lambda h, n: n - h)),
    instead(GRU, "missing-term", "update gate's difference without the candidate",
            partial(gru_backward, update=lambda h, n: h)),
    instead(GRU, "operand", "tanh's derivative taken at its output",
            partial(gru_backward, slope=lambda n: 1 - np.tanh(n) ** 2)),
    instead(GRU, "operand", "candidate with z in place of 1 - z", partial(gru_backward, kept=lambda z: z)),
    instead(GRU, "missing-factor operand", "recurrent weight with the state before the reset",
            partial(gru_backward, reset_state=lambda r, h: h)),
    changed(GRU, "permuted", "gates of the bias in another order", 4, lambda d, *_: d[[2, 3, 0, 1, 4, 5]]),
    changed(GRU, "batch", "bias of the first sample", 4,
            lambda d, g, x, h, *weights: gru_backward(g[:1], x[:1], h[:1], *weights)[4]),
    changed(GRU, "sign", "input's gradient negative", 0, lambda d, *_: -d),
    changed(GRU, "small-relative", "recurrent weight clipped to a norm, with 1e-7 in the denominator", 3,
            lambda d, *_: d / (1 + 1e-7)),
]  # fmt: skip

RECURRENT = [*SIMPLE_MISTAKES, *LSTM_MISTAKES, *GRU_MISTAKES]
