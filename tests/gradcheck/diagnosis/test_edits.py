"""Mistakes typed into backward's code: they are named with the change that undoes them, and its line."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.diagnosis.edits.arrangement import diagonals
from scratchcnn.gradcheck.diagnosis.edits.change import is_mask
from scratchcnn.gradcheck.diagnosis.edits.places import Place
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from tests.gradcheck.diagnosis.bank_edited import EDITED
from tests.gradcheck.diagnosis.hidden import hidden

PLANTED_IN = {m.right.name: m for m in EDITED}


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


@pytest.mark.parametrize("mistake", PLANTED_IN.values(), ids=lambda m: m.right.name)
def test_the_right_gradient_is_right(mistake):
    inputs = mistake.draw(np.random.default_rng(0))
    report = check_gradient(mistake.right.forward, mistake.right.backward, *inputs)
    assert report.verdict is Verdict.RIGHT, report
    assert report.diagnoses == ()


@pytest.mark.parametrize("mistake", EDITED, ids=lambda m: m.name)
def test_its_own_kind_is_among_the_first_two(mistake):
    report = check_gradient(*mistake.pair(), *mistake.draw(np.random.default_rng(1)))
    assert report.verdict is Verdict.WRONG
    first = list(dict.fromkeys(d.kind for d in report.diagnoses))[:2]
    assert {*first} & {*mistake.kinds}, report


def forward(x, w):
    return np.tanh(x @ w).sum(axis=1)


def backward_over_the_samples(g, x, w):
    d = g[:, None] * (1 - np.tanh(x @ w) ** 2)
    scale = d.sum(axis=0) / d.sum(axis=0)
    return (d * scale) @ w.T, x.T @ (d * (d / d).mean(axis=0) + d.mean(axis=1, keepdims=True))


def test_a_term_too_many_is_named_with_its_line():
    report = check_gradient(forward, backward_over_the_samples, drawn(4, 3), drawn(3, 3, seed=1))
    assert [d.input for d in report.diagnoses] == ["w"]
    first = report.diagnoses[0]
    assert first.kind == "missing-term"
    assert first.message.startswith("right with no term `d.mean(axis=1, keepdims=True)`: `d * ")
    assert "(test_edits.py:" in first.message
    assert first.message.endswith("(at 9 of 9 entries, and at a second point)")


def lp_pool(x, p=3):
    return (np.abs(x) ** p).mean(axis=-1) ** (1 / p)


def lp_pool_backward(g, x, p=3):
    y = np.mean(np.abs(x) ** p, axis=-1) ** (1 / p)
    return g[:, None] * np.abs(x) ** (p - 1) * np.sign(x) * y[:, None] ** (p - 1) / x.shape[1]


def test_what_computes_a_value_of_forward_is_hardly_wrong():
    """With -1/p for 1/p, y would be its reciprocal: that repairs the gradient, too, by a coincidence."""
    first = check_gradient(lp_pool, lp_pool_backward, drawn(4, 3)).diagnoses[0]
    assert first.message.startswith("right with the exponent `1 - p` in place of `p - 1`: `y[:, None] ** (p - 1)`")


class Gate:
    def __init__(self, scale):
        self.scale = scale

    def forward(self, x):
        self.x, self.a = x, np.tanh(x)
        self.b = self.a * x + self.scale
        return self.b**2

    def backward(self, g):
        return 2 * g * self.a * (self.a + self.x * (1 - self.a**2))


def test_another_attribute_that_belongs_there_is_named():
    gate = Gate(0.5)
    first = check_gradient(gate.forward, lambda g, x: (gate.forward(x), gate.backward(g))[1], drawn(5)).diagnoses[0]
    assert first.message.startswith("right with `self.b` in place of `self.a`: `2 * g * self.a`")


def test_a_factor_that_is_one_of_several_things_is_said_where_forward_has_it():
    def forward(x, w):
        return np.tanh(x @ w) * SETTINGS["sharpness"]

    def backward(g, x, w):
        d = g * (1 - np.tanh(x @ w) ** 2)
        return d @ w.T, x.T @ d * SETTINGS["sharpness"]

    report = check_gradient(forward, backward, drawn(4, 3), drawn(3, 2, seed=1))
    assert report.diagnoses[0].message.startswith(
        'the true one without the derivative of `np.tanh(x @ w) * SETTINGS["sharpness"]`'
    )


SETTINGS = {"sharpness": 4.0}


def test_code_without_a_source_is_left_alone():
    report = check_gradient(forward, hidden(backward_over_the_samples), drawn(4, 3), drawn(3, 3, seed=1))
    assert report.verdict is Verdict.WRONG
    assert not any(d.message.startswith("right with") for d in report.diagnoses)


class Layer:
    """A layer that keeps what its backward needs."""

    def __call__(self, x):
        self.x = x
        return np.sin(x).sum(axis=0)

    def backward(self, g):
        return g * np.cos(np.roll(self.x, 1, axis=1))


def test_a_method_of_a_layer_is_looked_into():
    layer = Layer()
    x = drawn(4, 3)
    report = check_gradient(layer, lambda g, x: layer.backward(g), x, allow=("stale",))
    assert report.verdict is Verdict.WRONG
    assert report.diagnoses[0].kind == "shifted"
    assert report.diagnoses[0].message.startswith("right with ")


def keeping():
    """Backward takes the states of the first call: they are kept in a list."""
    kept = []

    def backward(g, x):
        kept.append(np.cos(x))
        return g * kept[0]

    return backward


def test_what_a_list_keeps_from_the_first_call_is_named():
    report = check_gradient(np.sin, keeping(), drawn(4, 3), names=("x",))
    assert report.diagnoses[0].kind == "stale"


def test_a_change_that_makes_a_loop_endless_is_given_up():
    def recurrent(x):
        states = [np.zeros(3)]
        for row in x:
            states.append(np.tanh(0.5 * states[-1] + row))
        return np.stack(states[1:])

    def back(g, x):
        states, found, passed, row = recurrent(x), np.zeros_like(x), np.zeros(3), len(x) - 1
        while row >= 0:
            found[row] = (passed + g[row]) * (1 - states[row] ** 2)
            passed = 0.7 * found[row]
            row = row - 1
        return found

    assert not check_gradient(recurrent, back, drawn(4, 3)).ok


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.array([0.0, 1.0, 1.0]), True),
        (np.array([[1, 0], [0, 1]]), True),
        (np.array([True, True]), True),  # whatever it says, it is a mask
        (np.array([1.0, 1.0]), False),
        (np.array([0.0, 0.0]), False),
        (np.array([0.0, 1.0, 2.0]), False),
        (np.array([0.0, 1.0, np.nan]), False),
        (np.array([2.0, 1.0, 0.0]), False),
        (np.array([1.0]), False),
        (np.array(["0", "1"]), False),
        ([0.0, 1.0], False),
    ],
)
def test_a_mask_holds_truth_values_or_zeros_and_ones(value, expected):
    assert is_mask(value) is expected


@pytest.mark.parametrize("where", [0, 1, -1])
def test_a_triangle_that_ends_a_diagonal_too_early_is_moved(where):
    triangle = 3 * np.tri(4, 5, where) - 1
    site = Site(0, Place(True, ""), "mask", "mask * g", "layers.py", 1)
    found = [change.edit(triangle, {}) for change in diagonals(site, Seen(triangle, {}, 1))]
    assert any(np.array_equal(moved, 3 * np.tri(4, 5, where + 1) - 1) for moved in found)
    for other in (np.ones((4, 5)), np.arange(20.0).reshape(4, 5), np.full((4, 5), np.nan), np.ones(4)):
        assert not list(diagonals(site, Seen(other, {}, 1)))


def gated(x):
    return np.tanh(x) * np.exp(x)


def gated_backward(g, x):
    e = np.exp(x)
    h = e * e
    return g * ((1 - np.tanh(h) ** 2) * e + np.tanh(x) * e)


class Wrapped:
    """A layer whose methods are called like the functions that they call."""

    def gated(self, x):
        return gated(x)

    def gated_backward(self, g, x):
        return gated_backward(g, x)


def test_a_method_that_is_called_like_the_function_that_it_calls_hides_no_mistake():
    layer = Wrapped()
    report = check_gradient(layer.gated, layer.gated_backward, drawn(3, 5))
    assert report.diagnoses[0].message.startswith("right with `x` in place of `h`: `np.tanh(h)` (test_edits.py:")


def sampled(line, u):
    """Linear interpolation, with zeros outside."""
    below, out = np.floor(u).astype(int), 0.0
    for d in (0, 1):
        k = below + d
        ok = (k >= 0) & (k < line.size)
        share = (1 - np.abs(u - k)) * ok
        out = out + line[np.clip(k, 0, line.size - 1)] * share
    return out


def sampled_backward(g, line, u):
    d_line, d_u, below = np.zeros_like(line), np.zeros_like(u), np.floor(u).astype(int)
    for d in (0, 1):
        k = below + d
        ok, place = (k >= 0) & (k < line.size), np.clip(k, 0, line.size - 1)
        np.add.at(d_line, place, g * (1 - np.abs(u - k)))
        d_u += g * line[place] * np.sign(k - u) * ok
    return d_line, d_u


def test_a_mask_that_is_forgotten_in_a_loop_is_named():
    report = check_gradient(sampled, sampled_backward, drawn(5), np.array([0.3, -0.6, 1.5, 4.4, 3.7, 2.2]))
    told = [d.message for d in report.diagnoses if d.kind == "subset"]
    assert any("* ok` in place of `g * (1 - np.abs(u - k))`" in each for each in told), report
