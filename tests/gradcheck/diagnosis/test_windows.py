"""Mistakes in backward's slices, in the way it splits axes, in the order of a product, in what it updates."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


LABELS = np.array([1, 0, 2, 1])


def found(forward, backward, *inputs):
    return [(d.kind, d.message.partition(": `")[0]) for d in check_gradient(forward, backward, *inputs).diagnoses]


def smoothed(x):
    return x[:-2] + 2 * x[1:-1] + 3 * x[2:]


def smoothed_backward(g, x):
    d = np.zeros_like(x)
    d[:-2] += g
    d[:-2] += 2 * g  # it belongs at 1:-1
    d[2:] += 3 * g
    return d


def test_a_slice_that_is_moved_by_one_is_named():
    assert ("shifted", "right with the slice of axis 0 in `[:-2]` moved by 1") in found(
        smoothed, smoothed_backward, drawn(7)
    )


MIX = drawn(6, 6, seed=1)


def cut_backward(g, x):
    d, right = np.zeros_like(x), (g * (1 - np.tanh(x @ MIX) ** 2)) @ MIX.T
    d[1:-1, 1:-1] = right[1:-1, 1:-1]
    return d


def test_the_same_slices_on_both_sides_of_an_assignment_are_changed_at_once():
    kinds = found(lambda x: np.tanh(x @ MIX), cut_backward, drawn(5, 6))
    assert ("border", "right with `[1:-1, 1:-1]` as long as the axis along axis 0, 1") in kinds


def picked(x):
    return x[np.arange(4), LABELS] ** 2


def picked_backward(g, x):
    d = np.zeros_like(x)
    d[:, LABELS] = 2 * g * x[np.arange(4), LABELS]
    return d


def test_a_colon_in_place_of_the_numbers_of_the_rows_is_named():
    kinds = found(picked, picked_backward, drawn(4, 4))
    assert ("broadcast", "right with one entry of each row, at `[:, LABELS]`, in place of whole columns") in kinds


def enlarged(x):
    return np.repeat(np.repeat(x, 2, axis=0), 3, axis=1) ** 2


def enlarged_backward(g, x):
    rows, columns = x.shape
    d = 2 * g * np.repeat(np.repeat(x, 2, axis=0), 3, axis=1)
    return d.reshape(2, rows, 3, columns).sum(axis=(0, 2))


def test_an_axis_that_is_split_in_the_wrong_order_is_named():
    ((kind, message),) = found(enlarged, enlarged_backward, drawn(3, 4))
    assert kind == "permuted"
    assert message.startswith(
        "right with `d.reshape(2, rows, 3, columns)` made with its axes in the order (1, 0, 3, 2)"
    )


def inverse_backward(g, a):
    b = np.linalg.inv(a)
    return -(g @ b.T) @ b.T


def test_the_order_of_a_product_of_matrices_is_named():
    kinds = found(np.linalg.inv, inverse_backward, drawn(4, 4))
    assert ("permuted", "right with `g @ b.T` in the order (1, 0)") in kinds


@pytest.mark.parametrize(
    ("forward", "backward", "x"),
    [
        (lambda x: x**2, lambda g, x: 2 * g * x, drawn(5, 6)),
        (np.linalg.inv, lambda g, a: -np.linalg.inv(a).T @ g @ np.linalg.inv(a).T, drawn(4, 4)),
    ],
)
def test_a_right_gradient_gets_no_name(forward, backward, x):
    assert found(forward, backward, x) == []


def test_a_copy_that_is_updated_while_it_is_needed_is_named():
    rows = np.array([0, 2, 2, 1])

    def backward(g, x):
        d, kept = np.zeros_like(x), x.copy()
        for k, row in enumerate(rows):
            d[row] += 2 * g[k] * kept[row]
            kept[row] -= 0.1 * np.abs(g[k])
        return d

    said = dict(found(lambda x: x[rows] ** 2, backward, drawn(3, 4)))
    assert said["stale"] == "right with no update of a copy of `x`, which is needed as it was"


def pooled(x, k=3, s=2):
    rows, columns = ((length - k) // s + 1 for length in x.shape)
    starts = ((i * s, j * s) for i in range(rows) for j in range(columns))
    return np.array([x[i : i + k, j : j + k].mean() for i, j in starts]).reshape(rows, columns)


def pooled_backward(g, x, k=3, s=2):
    d = np.zeros_like(x)
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            d[i * k : i * k + k, j * k : j * k + k] += g[i, j] / (k * k)
    return d


def test_windows_at_multiples_of_their_width_in_place_of_the_stride_are_named():
    said = "right with `[i * k : i * k + k, j * k : j * k + k]` with its beginnings at multiples of `s` in place of `k`"
    assert ("option-ignored", said) in found(pooled, pooled_backward, drawn(7, 9))


def windowed(x, w):
    rows, columns = x.shape[0] - w.shape[0] + 1, x.shape[1] - w.shape[1] + 1
    out = np.zeros((rows, columns))
    for i in range(rows):
        for j in range(columns):
            top, left = 1 * i, 1 * j
            out[i, j] = (x[top : top + w.shape[0], left : left + w.shape[1]] * w).sum()
    return out


def windowed_backward(g, x, w):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            top, left = 1 * i, 1 * i
            dx[top : top + w.shape[0], left : left + w.shape[1]] += g[i, j] * w
            dw += g[i, j] * x[top : top + w.shape[0], left : left + w.shape[1]]
    return dx, dw


def test_the_counter_of_another_loop_is_named_also_where_it_is_no_index_itself():
    assert ("operand", "right with `j` in place of `i`") in found(windowed, windowed_backward, drawn(4, 4), drawn(2, 2))


def causal(x, k=3):
    padded = np.concatenate([np.zeros(k - 1), x])
    return sum((j + 1) * padded[j : j + len(x)] for j in range(k))


def causal_backward(g, x, k=3):
    d = np.zeros(len(x) + k - 1)
    for j in range(k):
        d[j : j + len(x)] += (j + 1) * g
    return d[: 1 - k]


def advanced(x, k=2):
    return np.concatenate([x[k:], np.zeros(k)]) * (1 + np.arange(len(x)))


def advanced_backward(g, x, k=2):
    d, scaled = np.zeros_like(x), g * (1 + np.arange(len(x)))
    d[k:] = scaled[k:]
    return d


@pytest.mark.parametrize(
    ("forward", "backward", "window"), [(causal, causal_backward, "[: 1 - k]"), (advanced, advanced_backward, "[k:]")]
)
def test_a_crop_at_the_wrong_end_is_named(forward, backward, window):
    first, *_ = found(forward, backward, drawn(7))
    assert first == ("border", f"right with `{window}` at the other end along axis 0")


def forgetful_of_rows(g, x, k=3, s=2):
    d = np.zeros_like(x)
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            d[i : i + k, j * s : j * s + k] += g[i, j] / (k * k)
    return d


def forgetful_of_columns(g, x, k=3, s=2):
    d = np.zeros_like(x)
    for i in range(g.shape[0]):
        for j in range(g.shape[1]):
            d[i * s : i * s + k, j : j + k] += g[i, j] / (k * k)
    return d


@pytest.mark.parametrize(
    ("backward", "window", "axis"),
    [
        (forgetful_of_rows, "[i : i + k, j * s : j * s + k]", 0),
        (forgetful_of_columns, "[i * s : i * s + k, j : j + k]", 1),
    ],
)
def test_a_stride_that_is_forgotten_along_one_axis_is_named(backward, window, axis):
    first, *_ = found(pooled, backward, drawn(7, 9))
    assert first == ("option-ignored", f"right with `{window}` with its beginnings times `s` along axis {axis}")
