"""Attention and what stands around it: masks, heads, positions, embeddings."""

from functools import partial

import numpy as np

from tests.gradcheck.diagnosis.labelled import changed, instead
from tests.gradcheck.draws import normal
from tests.gradcheck.mistakes.planting import but
from tests.gradcheck.operations import Operation, softmax


def weights(q, k, mask):
    """How much each query attends to each key; -inf in the mask hides a key."""
    return softmax(q @ k.swapaxes(-1, -2) / np.sqrt(q.shape[-1]) + mask)


def attention(q, k, v, *, mask=0.0):
    return weights(q, k, mask) @ v


def scores_backward(g, q, k, v, mask=0.0, *, axis=-1, competition=True):
    """The gradient of the scores; `competition`: more weight on one key leaves less for the others."""
    p, grad_p = weights(q, k, mask), g @ v.swapaxes(-1, -2)
    return p * (grad_p - competition * (grad_p * p).sum(axis=axis, keepdims=True))


def attention_backward(g, q, k, v, *, mask=0.0, scaled=True, **softmax_options):
    grad_scores = scores_backward(g, q, k, v, mask, **softmax_options) / (np.sqrt(q.shape[-1]) if scaled else 1)
    return grad_scores @ k, grad_scores.swapaxes(-1, -2) @ q, weights(q, k, mask).swapaxes(-1, -2) @ g


# No axis as long as another but those that must be.
ATTENTION = Operation("attention", attention, attention_backward, normal((3, 4), (5, 4), (5, 2)))
SQUARE = normal((4, 4), (4, 4), (4, 4))
ATTENTION_MISTAKES = [
    instead(ATTENTION, "constant-factor missing-factor", "scale forgotten in backward",
            partial(attention_backward, scaled=False)),
    instead(ATTENTION, "missing-term", "softmax's derivative taken for its diagonal",
            partial(attention_backward, competition=False)),
    instead(ATTENTION, "broadcast", "softmax's derivative summed over the queries",
            partial(attention_backward, axis=-2), draw=SQUARE),
    instead(ATTENTION, "swapped", "keys' and queries' gradients exchanged",
            lambda g, *inputs: tuple(attention_backward(g, *inputs)[k] for k in (1, 0, 2)), draw=SQUARE),
    changed(ATTENTION, "transposed", "values with the weights not transposed", 2,
            lambda d, g, q, k, v: weights(q, k, 0) @ g, draw=SQUARE),
    changed(ATTENTION, "transposed", "keys with the scores not transposed", 1,
            lambda d, g, q, k, v: scores_backward(g, q, k, v) @ q / 2, draw=SQUARE),
    changed(ATTENTION, "zero-gradient", "values detached", 2, lambda d, *_: np.zeros_like(d)),
    changed(ATTENTION, "operand", "queries with the values in place of the keys", 0,
            lambda d, g, q, k, v: scores_backward(g, q, k, v) @ v / 2, draw=SQUARE),
    changed(ATTENTION, "missing-factor", "queries without the weights", 0,
            lambda d, g, q, k, v: (g @ v.T - (g @ v.T * weights(q, k, 0)).sum(axis=1, keepdims=True)) @ k / 2),
    changed(ATTENTION, "batch", "values of the first query alone", 2,
            lambda d, g, q, k, v: np.outer(weights(q, k, 0)[0], g[0])),
    changed(ATTENTION, "dtype", "keys' gradient in float32", 1, lambda d, *_: d.astype(np.float32)),
]  # fmt: skip


# Each position sees itself and those before; the mask is in the closure.
def causal_attention(count=4):
    mask = np.where(np.tri(count) > 0, 0.0, -np.inf)
    return Operation(
        "causal attention", lambda q, k, v: attention(q, k, v, mask=mask),
        lambda g, q, k, v: attention_backward(g, q, k, v, mask=mask), normal((4, 3), (4, 3), (4, 3)),
    )  # fmt: skip


CAUSAL = causal_attention()
TOO_SHORT = np.where(np.tri(4, k=-1) + np.eye(1, 16).reshape(4, 4) > 0, 0.0, -np.inf)
CAUSAL_MISTAKES = [
    instead(CAUSAL, "option-ignored", "mask forgotten in backward", attention_backward),
    instead(CAUSAL, "shifted", "mask moved by one position in backward", partial(attention_backward, mask=TOO_SHORT)),
    changed(CAUSAL, "sign", "queries' gradient negative", 0, lambda d, *_: -d),
    changed(CAUSAL, "single-entry", "the first value's first feature left out", 2,
            lambda d, *_: but(d, (0, 0), lambda v: 0 * v)),
    changed(CAUSAL, "permuted", "values in the order of time reversed", 2, lambda d, *_: d[::-1].copy()),
    changed(CAUSAL, "mutation", "cotangent masked in place", 2, lambda d, g, *_: mask_in_place(d, g)),
]  # fmt: skip


def mask_in_place(d, g):
    g[0] = 0
    return d


# Several heads, (T, D) with D cut into equal parts, and a linear map of what they give.
def split(a, heads):
    return a.reshape(len(a), heads, -1).swapaxes(0, 1)


def join(a):
    return a.swapaxes(0, 1).reshape(a.shape[1], -1)


def multi_head(q, k, v, w, *, heads):
    return join(attention(split(q, heads), split(k, heads), split(v, heads))) @ w


def multi_head_backward(g, q, k, v, w, *, heads, back=lambda g, w: g @ w.T):
    parts = [split(a, heads) for a in (q, k, v)]
    gradients = attention_backward(split(back(g, w), heads), *parts)
    return *(join(d) for d in gradients), join(attention(*parts)).T @ g


def multi_head_backward_of_one(g, q, k, v, w, *, heads):
    return multi_head_backward(g, q, k, v, w, heads=1)


MULTI_HEAD = Operation(
    "multi-head attention", partial(multi_head, heads=2), partial(multi_head_backward, heads=2),
    normal((3, 4), (5, 4), (5, 4), (4, 4)),
)  # fmt: skip
MULTI_HEAD_MISTAKES = [
    instead(MULTI_HEAD, "option-ignored", "one head in backward", multi_head_backward_of_one),
    instead(MULTI_HEAD, "transposed", "output weight not transposed",
            partial(multi_head_backward, back=lambda g, w: g @ w)),
    instead(MULTI_HEAD, "missing-factor", "output weight left out on the way back",
            partial(multi_head_backward, back=lambda g, w: g)),
    changed(MULTI_HEAD, "permuted", "keys' heads joined in the wrong order", 1, lambda d, *_: d[:, [2, 3, 0, 1]]),
    changed(MULTI_HEAD, "permuted", "values' heads joined feature by feature", 2, lambda d, *_: d[:, [0, 2, 1, 3]]),
    changed(MULTI_HEAD, "constant-factor", "queries scaled by all features, not those of a head", 0,
            lambda d, *_: d / np.sqrt(2)),
    changed(MULTI_HEAD, "transposed", "output weight's gradient transposed", 3, lambda d, *_: d.T.copy()),
]  # fmt: skip


# One sequence attends to itself.
def self_attention(x, wq, wk, wv):
    return attention(x @ wq, x @ wk, x @ wv)


def self_attention_backward(g, x, wq, wk, wv, *, through=(True, True, True)):
    """`through`: which of queries, keys and values hand their gradient on to x."""
    gradients = attention_backward(g, x @ wq, x @ wk, x @ wv)
    back = [d @ w.T for d, w in zip(gradients, (wq, wk, wv), strict=True)]
    return sum(d for d, on in zip(back, through, strict=True) if on), *(x.T @ d for d in gradients)


SELF_ATTENTION = Operation(
    "self-attention", self_attention, self_attention_backward, normal((4, 3), (3, 3), (3, 3), (3, 3))
)
SELF_ATTENTION_MISTAKES = [
    instead(SELF_ATTENTION, "missing-term", "x through the values alone",
            partial(self_attention_backward, through=(False, False, True))),
    instead(SELF_ATTENTION, "missing-term", "x not through the keys",
            partial(self_attention_backward, through=(True, False, True))),
    instead(SELF_ATTENTION, "swapped", "weights of queries and keys exchanged",
            lambda g, *inputs: tuple(self_attention_backward(g, *inputs)[k] for k in (0, 2, 1, 3))),
    changed(SELF_ATTENTION, "transposed", "values' weight transposed", 3, lambda d, *_: d.T.copy()),
    changed(SELF_ATTENTION, "constant-factor", "keys' weight averaged over the sequence", 2,
            lambda d, g, x, *_: d / len(x)),
]  # fmt: skip


# Positions: rotated pairs of features, and features that fade with their distance from the start.
def angles(count, base):
    return np.arange(count)[:, None] / base ** np.arange(2)


def turn(x, angle):
    """Each pair of features (k, k + 2) turned by its angle."""
    a, b = x[:, :2], x[:, 2:]
    return np.concatenate([a * np.cos(angle) - b * np.sin(angle), a * np.sin(angle) + b * np.cos(angle)], axis=1)


def rotary(x, *, base):
    return turn(x, angles(len(x), base))


def rotary_backward(g, x, *, base):
    return (turn(g, -angles(len(x), base)),)


ROTARY = Operation("rotary positions", partial(rotary, base=3), partial(rotary_backward, base=3), normal((4, 4)))
FADING = 0.75 ** np.arange(4)[:, None]
FADE = Operation(
    "fading positions", lambda x, s: x * s * FADING,
    lambda g, x, s: (g * s * FADING, (g * x * FADING).sum(axis=0)), normal((4, 4), (4,)),
)  # fmt: skip
POSITION_MISTAKES = [
    changed(ROTARY, "transposed sign", "turned forward on the way back", 0, lambda d, g, x: rotary(g, base=3)),
    changed(ROTARY, "shifted", "positions counted from one", 0, lambda d, g, x: turn(g, -angles(5, 3)[1:])),
    changed(ROTARY, "option-ignored", "the usual base in backward", 0, lambda d, g, x: turn(g, -angles(4, 10000))),
    changed(ROTARY, "permuted", "pairs of neighbours", 0, lambda d, *_: d[:, [0, 2, 1, 3]]),
    changed(FADE, "missing-factor option-ignored", "fading forgotten for x", 0, lambda d, g, x, s: g * s),
    changed(FADE, "constant-factor shifted", "fading counted from one", 1, lambda d, *_: 0.75 * d),
    changed(FADE, "missing-factor", "scale forgotten for x", 0, lambda d, g, x, s: g * FADING),
    changed(FADE, "broadcast", "scale's gradient summed over the features", 1,
            lambda d, g, x, s: (g * x * FADING).sum(axis=1)),
    changed(FADE, "swapped", "x multiplied with itself", 0, lambda d, g, x, s: g * x * FADING),
]  # fmt: skip


# Rows of a table, multiplied by the root of their length; some are asked for twice, one never.
IDS = np.array([1, 3, 1, 0, 3])


def gathered(g, table, ids=IDS):
    d = np.zeros_like(table)
    np.add.at(d, ids, 2 * g)
    return (d,)


def assigned(g, table):
    d = np.zeros_like(table)
    d[IDS] = 2 * g
    return (d,)


EMBEDDING = Operation("scaled embedding", lambda table: 2 * table[IDS], gathered, normal((5, 4)))
EMBEDDING_MISTAKES = [
    instead(EMBEDDING, "overlap", "rows assigned, not added", assigned),
    instead(EMBEDDING, "shifted", "rows counted from one", partial(gathered, ids=IDS + 1)),
    instead(EMBEDDING, "shape", "cotangent handed on as it is", lambda g, table: (2 * g[:, :3],)),
    changed(EMBEDDING, "constant-factor missing-factor", "scale forgotten", 0, lambda d, *_: d / 2),
    changed(EMBEDDING, "subset", "first row held for padding", 0, lambda d, *_: but(d, 0, lambda v: 0 * v)),
    changed(EMBEDDING, "overlap constant-factor", "repeated rows averaged", 0,
            lambda d, *_: d / np.maximum(1, np.bincount(IDS, minlength=5))[:, None]),
]  # fmt: skip

ATTENTIONS = [
    *ATTENTION_MISTAKES, *CAUSAL_MISTAKES, *MULTI_HEAD_MISTAKES, *SELF_ATTENTION_MISTAKES, *POSITION_MISTAKES,
    *EMBEDDING_MISTAKES,
]  # fmt: skip
