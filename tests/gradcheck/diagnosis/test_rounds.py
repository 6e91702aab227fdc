"""Mistakes in loops: a state of another round, a variable after its update, the last value in place of the sum."""

import math

import numpy as np

from tests.gradcheck.diagnosis.test_alike import drawn, kinds, named


def horner(x, c):
    y = np.zeros_like(x)
    for a in c:
        y = y * x + a
    return y


def horner_backward(g, x, c):
    y = horner(x, c)
    dx, dc = np.zeros_like(x), np.zeros_like(c)
    for k in reversed(range(len(c))):
        dc[k] = g.sum()
        dx += g * y
        g = g * x
    return dx, dc


def test_the_last_state_in_place_of_each_is_named():
    found = kinds(horner, horner_backward, drawn(6), drawn(4, seed=1))
    said = "right with `y` of each round of forward, from the last round to the first, in place of `y`: `g * y`"
    assert named(found, "stale", said)


def growth(y, r):
    for _ in range(5):
        y = y + 0.1 * r * y * (1 - y)
    return y


def growth_backward(g, y, r):
    states = [y]
    for _ in range(5):
        states.append(states[-1] + 0.1 * r * states[-1] * (1 - states[-1]))
    dr = np.zeros_like(r)
    for y in states[-2::-1]:
        g = g * (1 + 0.1 * r * (1 - 2 * y))
        dr += 0.1 * g * y * (1 - y)
    return g, dr


def test_a_value_that_is_used_after_its_update_is_named():
    found = kinds(growth, growth_backward, drawn(4), drawn(4, seed=1))
    assert named(found, "stale", "right with `g` as it was before it was assigned anew: `0.1 * g`")


def shared_scores(q, keys):
    return np.cumsum([np.tanh(k + q).sum() for k in keys])


def shared_scores_backward(g, q, keys):
    dk, after = np.zeros_like(keys), np.cumsum(g[::-1])[::-1]
    for t in range(len(keys)):
        dz = after[t] * (1 - np.tanh(keys[t] + q) ** 2)
        dk[t] = dz
    return dz, dk


def test_the_last_value_in_place_of_the_sum_is_named():
    found = kinds(shared_scores, shared_scores_backward, drawn(3), drawn(4, 3, seed=1))
    assert named(
        found, "missing-term", "right with the sum of `dz` over all rounds of the loop in place of its last value"
    )


def recurrent(x, w):
    h, all_states = np.zeros(x.shape[1]), []
    for row in x:
        h = np.tanh(row + w * h)
        all_states.append(h)
    return np.array(all_states)


def recurrent_backward(g, x, w):
    h, buffer, kept = np.zeros(x.shape[1]), np.empty(x.shape[1]), []
    for row in x:
        buffer[...] = np.tanh(row + w * h)
        kept.append((h, buffer))
        h = buffer.copy()
    dx, dw, after = np.zeros_like(x), np.zeros_like(w), np.zeros_like(w)
    for t in reversed(range(len(x))):
        before, state = kept[t]
        dz = (g[t] + after) * (1 - state**2)
        dx[t], after = dz, dz * w
        dw += dz * before
    return dx, dw


def test_a_buffer_that_later_rounds_overwrite_is_named():
    found = kinds(recurrent, recurrent_backward, drawn(4, 2), drawn(2, seed=1))
    assert named(found, "stale", "right with a copy of `buffer`, which later rounds of the loop overwrite")


def unrolled(xs, w):
    h, states = np.zeros(3), []
    for x in xs:
        h = np.tanh(x + w @ h)
        states.append(h)
    return np.array(states)


def unrolled_backward(g, xs, w):
    hs = np.vstack([np.zeros(3), unrolled(xs, w)])
    dx, dh = np.zeros_like(xs), np.zeros(3)
    for t in reversed(range(len(xs))):
        dw = np.zeros_like(w)
        dx[t] = (g[t] + dh) * (1 - hs[t + 1] ** 2)
        dw += np.outer(dx[t], hs[t])
        dh = w.T @ dx[t]
    return dx, dw


def unrolled_twice_backward(g, xs, w):
    hs = np.vstack([np.zeros(3), unrolled(xs, w)])
    dx, dh, dw = np.zeros_like(xs), np.zeros(3), np.zeros_like(w)
    for t in reversed(range(len(xs))):
        dh += g[t]
        dx[t] = dh * (1 - hs[t + 1] ** 2)
        dw += np.outer(dx[t], hs[t])
        dh += w.T @ dx[t]
    return dx, dw


def balanced(x, y):
    u = np.ones(3)
    for _ in range(4):
        v = x / (1 + u * y)
        u = y / (1 + v * x)
    return u + v


def balanced_backward(g, x, y):
    kept, u = [], np.ones(3)
    for _ in range(4):
        before, v = u, x / (1 + u * y)
        u = y / (1 + v * x)
        kept.append((before, u, v))
    dx, dy, du, dv = np.zeros(3), np.zeros(3), g, g
    for before, u, v in reversed(kept):
        dx -= du * u * v / (1 + v * x)
        dy += du / (1 + v * x)
        dv = dv - du * u * x / (1 + v * x)
        dx += dv / (1 + before * y)
        dy -= dv * v * before / (1 + before * y)
        du = -dv * v * y / (1 + before * y)
    return dx, dy


def test_a_sum_that_is_begun_anew_in_each_round_is_named():
    found = kinds(unrolled, unrolled_backward, drawn(4, 3), drawn(3, 3, seed=1))
    said = "right with `np.zeros_like(w)` in the first round alone: later ones begin the sum `dw` anew"
    assert named(found, "overlap", said)


def test_what_is_added_where_it_has_to_be_assigned_is_named():
    found = kinds(unrolled, unrolled_twice_backward, drawn(4, 3), drawn(3, 3, seed=1))
    assert named(found, "overlap", "right with = in place of +=: `dh += w.T @ dx[t]`")


def test_a_sum_that_is_not_set_back_in_each_round_is_named():
    found = kinds(balanced, balanced_backward, 1 + drawn(3) ** 2, 1 + drawn(3, seed=1) ** 2)
    assert named(found, "stale", "right with `dv` set back to zero before `dv - du * u * x / (1 + v * x)` in every")


def decayed(x, a):
    y, out = np.zeros(x.shape[1]), []
    for row in x:
        y = a * y + row
        out.append(y)
    return np.array(out)


def decayed_backward(g, x, a):
    dx, da, carry, y = np.zeros_like(x), np.zeros_like(a), np.zeros_like(a), decayed(x, a)
    for t in range(len(x) - 1, -1, -1):
        carry = carry + g[t]
        dx[t] = carry
        da += carry * y[t]
        carry = carry * a
    return dx, da


def test_the_state_of_the_step_after_is_named():
    found = kinds(decayed, decayed_backward, drawn(5, 2), drawn(2, seed=1))
    assert named(found, "stale", "right with `y` of each round of forward, from the last round to the first")


def shifted(x, w):
    y = np.zeros_like(x)
    for k in range(len(w)):
        y[k:] += w[k] * x[: len(x) - k]
    return y


def shifted_backward(g, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(len(w)):
        dx[k:] += w[k] * g[: len(x) - k]
        dw[k] = g[k:] @ x[: len(x) - k]
    return dx, dw


def test_two_slices_exchanged_are_named():
    found = kinds(shifted, shifted_backward, drawn(7), drawn(3, seed=1))
    assert named(
        found, "shifted", "right with `[k:]` and `[: len(x) - k]` exchanged: `dx[k:] += w[k] * g[: len(x) - k]`"
    )


def mirrored(x):
    return np.pad(x, (2, 2), mode="reflect")


def mirrored_backward(g, x):
    dx = np.array(g[2:-2])
    dx[1:3] += g[:2]
    dx[-3:-1] += g[-2:]
    return dx


def test_what_is_added_to_an_array_is_reversed_in_both_statements():
    found = kinds(mirrored, mirrored_backward, drawn(6))
    assert any("right with `g[:2]` in reverse along axis 0: `dx[1:3] += g[:2]` (test_rounds.py:" in m for _, m in found)
    assert any(", and 1 more like it)" in message for _, message in found)


def means(x, group):
    total, count = np.zeros((2, x.shape[1])), np.bincount(group, minlength=2)
    np.add.at(total, group, x)
    return total / count[:, None]


def means_backward(g, x, group):
    dx, count = np.zeros_like(x), np.bincount(group, minlength=2)
    for r in range(len(x)):
        dx[r] = g[group[r]] / count[r % 2]
    return dx, None


def test_the_index_of_another_array_is_named():
    found = kinds(means, means_backward, drawn(5, 2), np.array([0, 1, 1, 0, 1]))
    assert named(found, "operand", "right with index `group[r]` in place of `r`: `r % 2`")


def blended(a, b):
    ma, mb = a.mean(axis=1, keepdims=True), b.mean(axis=1, keepdims=True)
    return ma**2 / (1 + mb**2) + 0 * (a + b)


def blended_backward(g, a, b):
    ma, mb = a.mean(axis=1, keepdims=True), b.mean(axis=1, keepdims=True)
    total, n = g.sum(axis=1, keepdims=True), a.shape[1]
    da = np.zeros_like(a) + total * 2 * mb / (1 + ma**2) / n
    db = np.zeros_like(b) - total * ma**2 * 2 * mb / (1 + mb**2) ** 2 / n
    return da, db


def test_two_variables_exchanged_are_named():
    found = kinds(blended, blended_backward, drawn(3, 4), drawn(3, 4, seed=1))
    assert named(found, "operand", "right with `mb` and `ma` exchanged: `da = np.zeros_like(a) + total * 2 * mb")


def spread_weights(x, f):
    return np.array([x[0] * (1 - f) + x[1] * f, x[1] * (1 - f) + x[2] * f])


def spread_weights_backward(g, x, f):
    dx = np.zeros_like(x)
    np.add.at(dx, [0, 1], g * f)
    np.add.at(dx, [1, 2], g * (1 - f))
    return dx, g[0] * (x[1] - x[0]) + g[1] * (x[2] - x[1])


def test_what_two_statements_add_is_exchanged():
    found = kinds(spread_weights, spread_weights_backward, drawn(3), np.array(0.3))
    assert any("`g * f` and `g * (1 - f)` exchanged" in message for _, message in found)


def hinges(x):
    return np.array([a**2 if a > 0 else np.sin(a) for a in x])


def hinges_backward(g, x):
    dx = np.zeros_like(x)
    for k in range(len(x)):
        if x[k] > 0:
            dx[k] = g[k] * np.cos(x[k])
        else:
            dx[k] = g[k] * 2 * x[k]
    return dx


def test_the_other_branch_is_named():
    found = kinds(hinges, hinges_backward, drawn(5))
    assert named(found, "subset", "right with `x[k] < 0` in place of `x[k] > 0`")


def scaled(x, theta):
    return np.tanh(x * theta[:3] + theta[3:])


def scaled_backward(g, x, theta):
    d = g * (1 - np.tanh(x * theta[:3] + theta[3:]) ** 2)
    return d * theta[:3], np.concatenate([(d * x).sum(axis=0), d[0]])


def test_a_row_in_place_of_the_sum_is_named():
    found = kinds(scaled, scaled_backward, drawn(4, 3), drawn(6, seed=1))
    assert named(found, "batch", "right with `d.sum(axis=0)` in place of `d[0]`")


def filtered(x, k):
    h = x[0]
    for z in x[1:]:
        h = h + k * (z - h)
    return h


def filtered_backward(g, x, k):
    states = [x[0]]
    for z in x[1:]:
        states.append(states[-1] + k * (z - states[-1]))
    dx, dk, dh = np.zeros_like(x), 0.0, g
    for t in range(len(x) - 1, 0, -1):
        dk += dh * (x[t] - states[t - 1])
        dx[t] = dh * k
        dh = -dh * k
    dx[0] = dh
    return dx, np.array(dk)


def test_a_number_that_is_assigned_and_not_added_is_named():
    found = kinds(filtered, filtered_backward, drawn(5), np.array(0.3))
    assert named(found, "overlap", "right with += in place of =: `dh = -dh * k`")


def lazily(x):
    p = x
    while len(p) > 1:
        p = 0.3 * p[:-1] + 0.7 * p[1:]
    return p[0]


def lazily_backward(g, x):
    n, d = len(x) - 1, np.zeros_like(x)
    for k in range(n + 1):
        d[k] = g * math.comb(n, k) * 0.3**k * 0.7 ** (n - k)
    return d


def test_the_search_ends_where_another_constant_would_give_a_loop_without_an_end():
    found = kinds(lazily, lazily_backward, drawn(5, 2))
    assert named(found, "permuted", "the true one in reverse along axis 0")


def weighed(x, a):
    return np.array([row * a for row in x])


def weighed_backward(g, x, a):
    dx, da = np.zeros_like(x), np.zeros_like(a)
    padded = np.ones((len(x) + 1, len(a)))
    padded[: len(x)] = x
    for t in range(len(x)):
        dx[t] = g[t] * a
        da += g[t] * padded[t + 1]
    return dx, da


def test_an_index_that_is_one_too_large_is_said_without_it():
    found = kinds(weighed, weighed_backward, drawn(4, 3), drawn(3, seed=1))
    assert named(found, "shifted", "right with `t` in place of `t + 1`: `padded[t + 1]`")
