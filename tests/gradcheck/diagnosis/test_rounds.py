"""Mistakes in loops: a state of another round, a variable after its update, the last value in place of the sum."""

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
