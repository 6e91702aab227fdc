"""Everyday layers and losses written out step by step, and their backward passes with a slip of the keyboard."""

from functools import partial

import numpy as np

from tests.gradcheck.diagnosis.edited import edited
from tests.gradcheck.draws import normal
from tests.gradcheck.operations import Operation


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softmax(z, axis=-1):
    power = np.exp(z - z.max(axis=axis, keepdims=True))
    return power / power.sum(axis=axis, keepdims=True)


def swish(x, *, beta=1.5):
    return x * sigmoid(beta * x)


def swish_backward(g, x, *, beta=1.5):
    s = sigmoid(beta * x)
    return (g * (s + beta * x * s * (1 - s)),)


SWISH = edited(
    Operation("swish", partial(swish, beta=1.5), partial(swish_backward, beta=1.5), normal((7,))),
    ("missing-factor option-ignored", "beta forgotten in the second term", "beta * x * s", "x * s"),
    ("missing-factor", "without 1 - s", " * s * (1 - s)", " * s"),
    ("operand missing-factor", "x (1 - s)", "x * s * (1 - s)", "x * (1 - s)"),
    ("operand", "sigmoid's derivative at x", "s * (1 - s)", "s * (1 - x)"),
)  # fmt: skip


def elu(x, *, alpha=0.7):
    return np.where(x > 0, x, alpha * (np.exp(x) - 1))


def elu_backward(g, x, *, alpha=0.7):
    y = np.where(x > 0, x, alpha * (np.exp(x) - 1))
    return (g * np.where(x > 0, 1.0, y + alpha),)


ELU = edited(
    Operation("elu", partial(elu, alpha=0.7), partial(elu_backward, alpha=0.7), normal((4, 3))),
    ("missing-term subset", "alpha not added to the output", "y + alpha", "y"),
    ("subset operand sign", "branches exchanged", "1.0, y + alpha", "y + alpha, 1.0"),
)  # fmt: skip


def smoothed(z, y, *, eps=0.1):
    q = np.full(z.shape, eps / z.shape[1])
    q[np.arange(len(y)), y] += 1 - eps
    return -(q * np.log(softmax(z))).sum() / len(y)


def smoothed_backward(g, z, y, *, eps=0.1):
    n, k = z.shape
    p = softmax(z)
    p[np.arange(n), y] -= 1 - eps
    p -= eps / k
    return g * p / n, None


SMOOTHED = edited(
    Operation(
        "label smoothing", partial(smoothed, eps=0.1), partial(smoothed_backward, eps=0.1),
        lambda rng: (rng.normal(size=(4, 3)), np.array([2, 0, 1, 1])),
    ),
    ("option-ignored missing-term operand", "one in place of 1 - eps", "-= 1 - eps", "-= 1"),
    ("constant-factor", "divided by the classes", "g * p / n", "g * p / k"),
    ("shifted", "class counted from one", "np.arange(n), y]", "np.arange(n), y - 1]"),
    ("constant-factor missing-factor operand", "eps not divided by the classes", "eps / k", "eps"),
)  # fmt: skip


def huber(y, t, *, delta=0.8):
    r = y - t
    return np.where(np.abs(r) <= delta, 0.5 * r * r, delta * (np.abs(r) - 0.5 * delta)).sum()


def huber_backward(g, y, t, *, delta=0.8):
    r = y - t
    d = np.where(np.abs(r) <= delta, r, delta * np.sign(r))
    return g * d, -g * d


HUBER = edited(
    Operation("huber", partial(huber, delta=0.8), partial(huber_backward, delta=0.8), normal((3, 4), (3, 4))),
    ("missing-factor subset", "sign forgotten", "delta * np.sign(r)", "delta"),
    ("option-ignored missing-factor subset", "delta forgotten in the slope", "delta * np.sign(r)", "np.sign(r)"),
    ("option-ignored subset", "limit of one", "<= delta", "<= 1.0"),
    ("missing-factor subset operand", "absolute value forgotten", "np.abs(r) <=", "r <="),
)  # fmt: skip


def cosine(a, b):
    return (a * b).sum(1) / np.sqrt((a * a).sum(1) * (b * b).sum(1))


def cosine_backward(g, a, b):
    na, nb = np.sqrt((a * a).sum(1, keepdims=True)), np.sqrt((b * b).sum(1, keepdims=True))
    ua, ub = a / na, b / nb
    c = (ua * ub).sum(1, keepdims=True)
    return g[:, None] * (ub - c * ua) / na, g[:, None] * (ua - c * ub) / nb


COSINE = edited(
    Operation("cosine", cosine, cosine_backward, normal((4, 3), (4, 3))),
    ("missing-term", "length taken for a constant", "(ub - c * ua) / na", "ub / na"),
    ("swapped operand missing-factor", "the other's length", "(ub - c * ua) / na", "(ub - c * ua) / nb"),
    ("operand missing-factor", "not normalised in the projection", "c * ua)", "c * a)"),
    ("broadcast", "cosine over the samples", "(ua * ub).sum(1, keepdims=True)", "(ua * ub).sum(0, keepdims=True)"),
)  # fmt: skip


def embedding_bag(w, i):
    return w[i].sum(1)


def embedding_bag_backward(g, w, i):
    d = np.zeros_like(w)
    np.add.at(d, i, g[:, None, :])
    return d, None


EMBEDDING = edited(
    Operation(
        "embedding bag", embedding_bag, embedding_bag_backward,
        lambda rng: (rng.normal(size=(5, 3)), np.array([[0, 1, 1], [3, 1, 4], [2, 2, 0], [4, 3, 3]])),
    ),
    ("overlap", "repeated rows counted once", "np.add.at(d, i, g[:, None, :])", "d[i] += g[:, None, :]"),
    ("shifted", "the row before", "np.add.at(d, i,", "np.add.at(d, i - 1,"),
)  # fmt: skip


def layer_norm(x, w, b, *, eps=1e-2):
    return (x - x.mean(-1, keepdims=True)) / np.sqrt(x.var(-1, keepdims=True) + eps) * w + b


def layer_norm_backward(g, x, w, b, *, eps=1e-2):
    m, v = x.mean(axis=-1, keepdims=True), x.var(axis=-1, keepdims=True)
    r = 1 / np.sqrt(v + eps)
    h, gh = (x - m) * r, g * w
    dx = r * (gh - gh.mean(axis=-1, keepdims=True) - h * (gh * h).mean(axis=-1, keepdims=True))
    return dx, (g * h).sum(axis=0), g.sum(axis=0)


LAYER_NORM = edited(
    Operation(
        "layer norm in steps", partial(layer_norm, eps=1e-2), partial(layer_norm_backward, eps=1e-2),
        normal((4, 5), (5,), (5,)),
    ),
    ("option-ignored operand", "eps outside the root", "1 / np.sqrt(v + eps)", "1 / (np.sqrt(v) + eps)"),
    ("broadcast", "second mean over the samples", "(gh * h).mean(axis=-1", "(gh * h).mean(axis=0"),
    ("missing-factor", "scale forgotten in the second mean", "(gh * h).mean", "(g * h).mean"),
    ("operand", "x in place of the normalised", "h * (gh * h)", "h * (gh * x)"),
    ("broadcast", "deviation over the samples", "x.var(axis=-1", "x.var(axis=0"),
    ("constant-factor", "unbiased variance", "x.var(axis=-1", "x.var(ddof=1, axis=-1"),
    ("missing-factor operand", "scale's gradient with x - m", "(g * h).sum", "(g * (x - m)).sum"),
)  # fmt: skip


def rms_norm(x, w):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-3) * w


def rms_norm_backward(g, x, w):
    r = np.sqrt((x * x).mean(axis=-1, keepdims=True) + 1e-3)
    d = g * w
    return d / r - x * (d * x).mean(axis=-1, keepdims=True) / r**3, (g * x / r).sum(axis=0)


RMS_NORM = edited(
    Operation("rms norm with a cube", rms_norm, rms_norm_backward, normal((4, 5), (5,))),
    ("operand missing-factor", "square in place of the cube", "r**3", "r**2"),
    ("broadcast", "mean over the samples", "(d * x).mean(axis=-1", "(d * x).mean(axis=0"),
)  # fmt: skip


def heads(q, k, v):
    scores = np.einsum("hid,hjd->hij", q, k) / np.sqrt(q.shape[-1])
    return np.einsum("hij,hjd->hid", softmax(scores), v)


def heads_backward(g, q, k, v):
    scale = 1 / np.sqrt(q.shape[-1])
    p = softmax(np.einsum("hid,hjd->hij", q, k) * scale)
    dp = np.einsum("hid,hjd->hij", g, v)
    ds = p * (dp - (dp * p).sum(axis=-1, keepdims=True)) * scale
    dk = np.einsum("hij,hid->hjd", ds, q)
    return np.einsum("hij,hjd->hid", ds, k), dk, np.einsum("hij,hid->hjd", p, g)


HEADS = edited(
    Operation("heads of attention", heads, heads_backward, normal((2, 4, 4), (2, 4, 4), (2, 4, 4))),
    ("transposed", "scores not transposed for k", '"hij,hid->hjd", ds', '"hij,hjd->hid", ds'),
    ("broadcast", "softmax's sum over the queries", "(dp * p).sum(axis=-1", "(dp * p).sum(axis=-2"),
    ("swapped operand", "k's with k", "ds, q)", "ds, k)"),
    ("missing-factor missing-term operand", "p forgotten in the sum", "(dp * p).sum", "dp.sum"),
)  # fmt: skip


def causal(q, k, v):
    return softmax(np.where(np.tril(np.ones((len(q), len(k)), bool)), q @ k.T / 2, -1e9)) @ v


def causal_backward(g, q, k, v):
    mask = np.tril(np.ones((len(q), len(k)), bool))
    p = softmax(np.where(mask, q @ k.T / 2, -1e9))
    dp = g @ v.T
    ds = p * (dp - (p * dp).sum(axis=1, keepdims=True)) / 2
    return ds @ k, ds.T @ q, p.T @ g


CAUSAL = edited(
    Operation("causal attention in steps", causal, causal_backward, normal((4, 4), (4, 4), (4, 4))),
    ("option-ignored subset shifted", "mask upside down", "np.tril(", "np.triu("),
    ("shifted option-ignored", "mask one later", "bool))\n", "bool), 1)\n"),
)  # fmt: skip


def lstm(x, h, c, w, u):
    i, f, o, n = np.split(x @ w + h @ u, 4, axis=1)
    return sigmoid(o) * np.tanh(sigmoid(f) * c + sigmoid(i) * np.tanh(n))


def lstm_backward(g, x, h, c, w, u):
    i, f, o, n = np.split(x @ w + h @ u, 4, axis=1)
    i, f, o, n = sigmoid(i), sigmoid(f), sigmoid(o), np.tanh(n)
    cell = f * c + i * n
    t = np.tanh(cell)
    do, dc = g * t, g * o * (1 - t**2)
    di, df, dn = dc * n, dc * c, dc * i
    parts = [di * i * (1 - i), df * f * (1 - f), do * o * (1 - o), dn * (1 - n**2)]
    dz = np.concatenate(parts, axis=1)
    return dz @ w.T, dz @ u.T, dc * f, x.T @ dz, h.T @ dz


LSTM = edited(
    Operation("lstm step", lstm, lstm_backward, normal((3, 2), (3, 2), (3, 2), (2, 8), (2, 8))),
    ("operand", "cell in place of its tanh", "do, dc = g * t", "do, dc = g * cell"),
    ("swapped operand", "wrong gate for the candidate", "dc * c, dc * i", "dc * c, dc * f"),
    ("permuted", "gates in another order", "do * o * (1 - o), dn * (1 - n**2)]", "dn * (1 - n**2), do * o * (1 - o)]"),
    ("operand", "new cell in the forget gate", "dc * n, dc * c", "dc * n, dc * cell"),
    ("operand", "another gate's slope", "do * o * (1 - o)", "do * o * (1 - f)"),
    ("swapped operand", "h's weight with x", "h.T @ dz", "x.T @ dz"),
)  # fmt: skip


def rnn(x, w, u):
    states = [np.zeros((x.shape[1], len(u)))]
    for step in x:
        states.append(np.tanh(step @ w + states[-1] @ u))
    return np.stack(states[1:])


def rnn_backward(g, x, w, u):
    states = [np.zeros((x.shape[1], len(u)))]
    for step in x:
        states.append(np.tanh(step @ w + states[-1] @ u))
    dx, dw, du, dh = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u), np.zeros_like(states[0])
    for t in reversed(range(len(x))):
        da = (dh + g[t]) * (1 - states[t + 1] ** 2)
        dx[t] = da @ w.T
        dw += x[t].T @ da
        du += states[t].T @ da
        dh = da @ u.T
    return dx, dw, du


RNN = edited(
    Operation("rnn over time", rnn, rnn_backward, normal((3, 2, 3), (3, 3), (3, 3))),
    ("shifted operand stale", "state of the same step", "states[t].T", "states[t + 1].T"),
    ("overlap batch subset", "the last step's weight alone", "dw += x", "dw = x"),
    ("permuted rotated", "not in reverse", "reversed(range(len(x)))", "range(len(x))"),
)  # fmt: skip


def running(x, w):
    return np.cumsum(x * w, axis=1)


def running_backward(g, x, w):
    later = np.cumsum(g[:, ::-1], axis=1)[:, ::-1]
    return later * w, (later * x).sum(axis=0)


RUNNING = edited(
    Operation("weighted cumulative sum", running, running_backward, normal((3, 4), (4,))),
    ("transposed permuted", "not reversed", "np.cumsum(g[:, ::-1], axis=1)[:, ::-1]", "np.cumsum(g, axis=1)"),
    ("permuted rotated", "not turned back", "axis=1)[:, ::-1]", "axis=1)"),
    ("missing-factor", "weight forgotten", "later * w", "later"),
)  # fmt: skip

KEEP = np.array([[1, 0, 1, 1], [0, 1, 1, 1], [1, 1, 0, 1.0]])


def residual(x, w, v):
    return x + np.maximum(x @ w, 0) * KEEP / 0.75 @ v


def residual_backward(g, x, w, v):
    a = x @ w
    h = np.maximum(a, 0) * KEEP / 0.75
    da = g @ v.T * KEEP / 0.75 * (a > 0)
    return g + da @ w.T, x.T @ da, h.T @ g


RESIDUAL = edited(
    Operation("residual block", residual, residual_backward, normal((3, 4), (4, 4), (4, 4))),
    ("operand missing-factor", "without the activation", "h.T @ g", "a.T @ g"),
    ("option-ignored missing-factor subset", "mask forgotten", "v.T * KEEP / 0.75", "v.T / 0.75"),
    ("operand subset", "mask of the input", "(a > 0)", "(x > 0)"),
    ("transposed", "v not transposed", "g @ v.T", "g @ v"),
)  # fmt: skip

EDITED = [
    *SWISH, *ELU, *SMOOTHED, *HUBER, *COSINE, *EMBEDDING, *LAYER_NORM, *RMS_NORM, *HEADS, *CAUSAL, *LSTM, *RNN,
    *RUNNING, *RESIDUAL,
]  # fmt: skip
