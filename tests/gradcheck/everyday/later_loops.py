"""Written after the rules were fixed: forward passes that cost more than their sizes tell."""

import numpy as np

from tests.gradcheck.everyday.case import WRONG, Everyday, normal, sigmoid


def gru_steps(x, w, u):
    """The steps of a GRU: gates r and z, the candidate n, and the hidden states before and after."""
    size = u.shape[0]
    h, steps = np.zeros((x.shape[1], size)), []
    for inner in x @ w:
        rz = sigmoid(inner[:, : 2 * size] + h @ u[:, : 2 * size])
        r, z = rz[:, :size], rz[:, size:]
        reset = h @ u[:, 2 * size :]
        n = np.tanh(inner[:, 2 * size :] + r * reset)
        steps.append((r, z, n, reset, h))
        h = (1 - z) * n + z * h
    return h, steps


def gru(x, w, u):
    return gru_steps(x, w, u)[0]


def gru_backward(through_reset):
    def backward(g, x, w, u):
        grad_x, grad_w, grad_u = np.zeros_like(x), np.zeros_like(w), np.zeros_like(u)
        for t, (r, z, n, reset, h) in reversed(list(enumerate(gru_steps(x, w, u)[1]))):
            dn = g * (1 - z) * (1 - n * n)
            dz = g * (h - n) * z * (1 - z)
            dr = through_reset * dn * reset * r * (1 - r)
            outer, inner = np.concatenate([dr, dz, dn], axis=1), np.concatenate([dr, dz, dn * r], axis=1)
            grad_x[t] = outer @ w.T
            grad_w += x[t].T @ outer
            grad_u += h.T @ inner
            g = g * z + inner @ u.T
        return grad_x, grad_w, grad_u

    return backward


def depthwise(x, w):
    out = np.zeros((len(x), x.shape[1] - w.shape[1] + 1))
    for c, i in np.ndindex(out.shape):
        out[c, i] = x[c, i : i + w.shape[1]] @ w[c]
    return out


def depthwise_backward(turn):
    def backward(g, x, w):
        grad_x, grad_w = np.zeros_like(x), np.zeros_like(w)
        for c, i in np.ndindex(g.shape):
            grad_x[c, i : i + w.shape[1]] += g[c, i] * w[c, ::turn]
            grad_w[c] += g[c, i] * x[c, i : i + w.shape[1]]
        return grad_x, grad_w

    return backward


def log_sum_exp(z, axis=None):
    m = z.max(axis=axis, keepdims=True)
    return np.log(np.exp(z - m).sum(axis=axis)) + np.squeeze(m, axis)


def chain(scores, moves):
    """The logarithm of the sum over all paths of a linear-chain random field."""
    alpha = scores[0]
    for row in scores[1:]:
        alpha = row + log_sum_exp(alpha[:, None] + moves, axis=0)
    return log_sum_exp(alpha)


def chain_backward(back):
    """From the marginals, by the forward and the backward recursion; `back` weighs the latter."""

    def backward(g, scores, moves):
        alphas, betas = [scores[0]], [np.zeros(scores.shape[1])]
        for row in scores[1:]:
            alphas.append(row + log_sum_exp(alphas[-1][:, None] + moves, axis=0))
        for row in scores[:0:-1]:
            betas.insert(0, log_sum_exp(moves + row + betas[0], axis=1))
        total = log_sum_exp(alphas[-1])
        grad_moves = np.zeros_like(moves)
        for alpha, row, beta in zip(alphas[:-1], scores[1:], betas[1:], strict=True):
            grad_moves += np.exp(alpha[:, None] + moves + row + back * beta - total)
        return g * np.exp(np.array(alphas) + np.array(betas) - total), g * grad_moves

    return backward


SEQUENCE = (normal(601, 4, 2, 3), normal(602, 3, 9, scale=0.5), normal(603, 3, 9, scale=0.5))
SIGNAL, FIELD = (normal(604, 3, 8), normal(605, 3, 3)), (normal(606, 5, 3), normal(607, 3, 3))
CASES = [
    Everyday("a GRU by loops", gru, gru_backward(1), SEQUENCE),
    Everyday("a GRU by loops, its reset gate not learnt", gru, gru_backward(0), SEQUENCE, WRONG),
    Everyday("depthwise convolution by loops", depthwise, depthwise_backward(1), SIGNAL),
    Everyday("depthwise convolution by loops, the filter turned", depthwise, depthwise_backward(-1), SIGNAL, WRONG),
    Everyday("a random field by loops", chain, chain_backward(1), FIELD),
    Everyday("a random field by loops, what follows forgotten", chain, chain_backward(0), FIELD, WRONG),
]
