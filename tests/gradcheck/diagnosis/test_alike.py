"""Mistakes that are made in several places at once, in what belongs to another forward, and what flows back wrongly."""

import functools

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def kinds(forward, backward, *inputs, **options):
    report = check_gradient(forward, backward, *inputs, **options)
    return [(d.kind, d.message) for d in report.diagnoses]


def named(found, kind, part):
    return any(k == kind and part in message for k, message in found)


def scaled_rows(x):
    c = x - x.mean(axis=1, keepdims=True)
    return c / np.sqrt((c * c).mean(axis=1, keepdims=True) + 0.1)


def scaled_rows_backward(g, x):
    sd = np.sqrt(x.var(axis=1, keepdims=True) + 0.1)
    h = (x - x.mean(axis=1, keepdims=True)) / sd
    return (g - g.mean(axis=0) - h * (g * h).mean(axis=0)) / sd


def test_the_axis_of_several_means_is_changed_at_once():
    found = kinds(scaled_rows, scaled_rows_backward, drawn(4, 6))
    assert named(found, "broadcast", "right with mean over axis 1 (keepdims=True): `g.mean(axis=0)` (test_alike.py:")
    assert named(found, "broadcast", ", and 1 more like it)")


def pairs(x, i, j):
    return ((x[i] - x[j]) ** 2).sum()


def pairs_backward(g, x, i, j):
    d, both = np.zeros_like(x), 2 * (x[i] - x[j])
    d[i] += g * both
    d[j] -= g * both
    return d, None, None


def test_indices_that_come_several_times_are_named_in_all_statements():
    i, j = np.array([0, 0, 1, 2]), np.array([1, 2, 3, 3])
    found = kinds(pairs, pairs_backward, drawn(4, 2), i, j)
    assert named(found, "overlap", "right with np.add.at in its place, as an index comes several times: `d[i] += g")


def strided(x, w, stride=2):
    return np.array([x[k * stride : k * stride + len(w)] @ w for k in range((len(x) - len(w)) // stride + 1)])


def strided_backward(g, x, w, stride=2):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(len(g)):
        dx[k : k + len(w)] += g[k] * w
        dw += g[k] * x[k : k + len(w)]
    return dx, dw


def test_a_stride_that_slices_do_not_have_is_named():
    found = kinds(strided, strided_backward, drawn(9), drawn(3, seed=1))
    assert named(found, "option-ignored", "`[k : k + len(w)]` with its beginnings times `stride`")


def summed_backward(g, x):
    d = np.zeros_like(x)
    for n in range(x.shape[0]):
        for c in range(x.shape[1]):
            d[n, 0] += g[n, c] * 2 * x[n, c]
    return d


def test_a_counter_that_an_index_should_be_is_named():
    found = kinds(lambda x: x**2, summed_backward, drawn(3, 4))
    assert named(found, "subset", "right with index `c` in place of `0`")


def counted_backward(g, x):
    n = x.shape[0]
    sd = np.sqrt(x.var(axis=1, keepdims=True) + 0.1)
    h = (x - x.mean(axis=1, keepdims=True)) / sd
    return (g - g.sum(axis=1, keepdims=True) / n - h * (g * h).sum(axis=1, keepdims=True) / n) / sd


def test_a_number_of_entries_that_is_another_one_is_named():
    found = kinds(scaled_rows, counted_backward, drawn(4, 6))
    assert named(found, "constant-factor", "right with 1 in place of `0`: `x.shape[0]`")


def after(x, w):
    h, kept = np.zeros_like(x[0]), []
    for row in x:
        h = np.tanh(row + h * w)
        kept.append(h)
    return np.array(kept)


def after_backward(g, x, w):
    hs = after(x, w)
    start = np.zeros_like(w)
    dx, dw, back = np.zeros_like(x), np.zeros_like(w), np.zeros_like(w)
    for t in reversed(range(len(x))):
        dz = (g[t] + back) * (1 - hs[t] ** 2)
        dx[t] = dz
        dw += dz * hs[t]
        back = dz * w
    return dx, dw + start


def test_the_state_after_a_step_in_place_of_the_one_before_is_named():
    found = kinds(after, after_backward, drawn(5, 3), drawn(3, seed=1))
    assert named(found, "stale", "right with `hs[t - 1]` in place of `hs[t]`, `start` where t is 0")


def hinge(x, y, margin=0.7):
    return np.maximum(x - y + margin, 0).sum()


def hinge_backward(g, x, y, margin=0.7):
    on = np.where(x > y, g, 0.0)
    return on, -on


def test_a_margin_that_a_comparison_lacks_is_named():
    found = kinds(hinge, hinge_backward, drawn(4, 6), drawn(4, 6, seed=1))
    assert named(found, "option-ignored", "right with `x + margin` in place of `x`: `x > y`")


@pytest.mark.parametrize(("wrong", "said"), [("edge", "edge"), ("constant", "constant")])
def test_the_mode_of_another_padding_is_named(wrong, said):
    def forward(x):
        p = np.pad(x, 2, mode="reflect")
        return p[:-4] + 3 * p[2:-2] + p[4:]

    def backward(g, x):
        d = np.zeros(len(x) + 4)
        d[:-4] += g
        d[2:-2] += 3 * g
        d[4:] += g
        inner = d[2:-2].copy()
        if wrong == "edge":
            inner[0] += d[0] + d[1]
            inner[-1] += d[-1] + d[-2]
        return inner

    found = kinds(forward, backward, drawn(8))
    assert named(found, "border", f"that of a forward with mode '{said}' in place of 'reflect'")


def windows(x):
    return x.reshape(4, 2).max(axis=1)


def test_a_mean_that_backward_takes_for_a_maximum_is_named():
    found = kinds(windows, lambda g, x: np.repeat(g, 2) / 2, drawn(8))
    assert named(found, "operand", "that of a forward with mean in place of max: `x.reshape(4, 2).max(axis=1)`")


def normalized(x):
    return (x - x.mean(axis=0)) / x.std(axis=0)


def test_several_statistics_taken_for_constants_are_named_together():
    found = kinds(normalized, lambda g, x: g / x.std(axis=0), drawn(6, 3))
    assert any(k == "missing-term" and "constant" in message for k, message in found)


def divergence(a, b):
    p, q = np.exp(a), np.exp(b)
    return (p * (a - b) + q * np.tanh(b)).sum()


def divergence_backward(g, a, b):
    return g * -np.exp(b), g * (np.exp(b) * (b - a + 1) + np.exp(a) * (np.tanh(a) + 1 - np.tanh(a) ** 2))


def test_inputs_that_are_taken_for_each_other_are_named():
    def swapped(g, a, b):
        db, da = right(g, b, a)
        return da, db

    def right(g, a, b):
        p, q = np.exp(a), np.exp(b)
        return g * p * (a - b + 1), g * (q * np.tanh(b) + q * (1 - np.tanh(b) ** 2) - p)

    found = kinds(divergence, swapped, drawn(2, 3), drawn(2, 3, seed=1))
    assert named(found, "swapped", "that of a forward with a and b exchanged")


def attention(q, k):
    z = q @ k.T
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True) @ k


def attention_backward(g, q, k):
    z = q @ k.T
    p = np.exp(z - z.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    dp = g @ k.T
    dz = dp * p * (1 - p)
    return dz @ k, dz.T @ q + p.T @ g


def test_the_diagonal_of_a_jacobian_is_named_with_what_should_flow_back():
    found = kinds(attention, attention_backward, drawn(4, 3), drawn(4, 3, seed=1))
    assert named(found, "missing-term", "in place of `dz = dp * p * (1 - p)`")
    assert named(found, "missing-term", "to depend on its own alone (a diagonal Jacobian)")


def gated(x, p):
    g, s = np.tanh(x @ p["g"]), 1 / (1 + np.exp(-(x @ p["s"])))
    return {"out": g * s, "gate": s}


def gated_backward(d, x, p):
    g, s = np.tanh(x @ p["g"]), 1 / (1 + np.exp(-(x @ p["s"])))
    dg, ds = d["out"] * s * (1 - g), (d["out"] * g + d["gate"]) * s * (1 - s)
    return dg @ p["g"].T + ds @ p["s"].T, {"g": x.T @ dg, "s": x.T @ ds}


def test_trees_and_several_outputs_hide_no_expression():
    found = kinds(gated, gated_backward, drawn(4, 3), {"g": drawn(3, 2, seed=1), "s": drawn(3, 2, seed=2)})
    assert named(found, "operand", "right with `g ** 2` in place of `g`: `1 - g` (test_alike.py:")


def test_a_domain_hides_no_expression():
    def backward(g, p):
        return g * (np.log(p) + 1) * p

    found = kinds(lambda p: p * np.log(p), backward, np.abs(drawn(3, 4)) / 4, domain=(0, 1))
    assert named(found, "missing-factor", "p")


def test_where_a_gradient_becomes_wrong_is_said_if_nothing_explains_it():
    def backward(g, q, k):
        z = q @ k.T
        p = np.exp(z - z.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        dp = g @ k.T
        dz = dp * np.cos(3 * z) + p * (dp @ np.sin(z).T @ z)
        return dz @ k, dz.T @ q + p.T @ g

    report = check_gradient(attention, backward, drawn(4, 3), drawn(4, 3, seed=1))
    assert report.diagnoses == ()
    assert report.unexplained[0].startswith("the gradient of q becomes wrong at `dz = dp * np.cos(3 * z)")
    why = "no cause was found before the calls of forward for the search ran out"
    assert report.unexplained[0].endswith(f", where ∂E/∂(`q @ k.T`) belongs; {why}")


@pytest.mark.parametrize(
    ("forward", "backward", "inputs"),
    [
        (strided, lambda g, x, w: strided_right(g, x, w), (drawn(9), drawn(3, seed=1))),
        (windows, lambda g, x: np.where(x == np.repeat(windows(x), 2), np.repeat(g, 2), 0.0), (drawn(8),)),
    ],
    ids=["strided", "windows"],
)
def test_a_right_gradient_gets_no_name(forward, backward, inputs):
    report = check_gradient(forward, backward, *inputs)
    assert report.ok, report
    assert report.diagnoses == ()


def strided_right(g, x, w, stride=2):
    dx, dw = np.zeros_like(x), np.zeros_like(w)
    for k in range(len(g)):
        dx[k * stride : k * stride + len(w)] += g[k] * w
        dw += g[k] * x[k * stride : k * stride + len(w)]
    return dx, dw


def as_it_is(function):
    return function


def wrapped(function):
    @functools.wraps(function)
    def call(*arguments):
        return function(*arguments)

    return call


@as_it_is
def decorated_backward(g, x):
    return g * (2 * x + x) * np.exp(x)


@wrapped
def wrapped_backward(g, x):
    return g * (2 * x + x) * np.exp(x)


class Layer:
    @staticmethod
    def static_backward(g, x):
        return g * (2 * x + x) * np.exp(x)

    @classmethod
    def class_backward(cls, g, x):
        return g * (2 * x + x) * np.exp(x)


@pytest.mark.parametrize(
    "backward", [decorated_backward, wrapped_backward, Layer.static_backward, Layer.class_backward]
)
def test_code_behind_a_decorator_is_searched(backward):
    found = kinds(lambda x: x**2 * np.exp(x), backward, drawn(4))
    assert any("right with `x ** 2` in place of `x`: `2 * x + x`" in message for _, message in found)
