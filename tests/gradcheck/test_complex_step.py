"""Complex steps for every entry: one evaluation each, held to differences along directions, never trusted alone."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.numerical.gradient import MANY_ENTRIES

SIZE = MANY_ENTRIES
POINT = np.random.default_rng(1).standard_normal(SIZE)


def layer(x):
    return np.tanh(x * np.roll(x, 1)).sum()


def layer_backward(g, x):
    before, after = np.roll(x, 1), np.roll(x, -1)
    return g * ((1 - np.tanh(x * before) ** 2) * before + (1 - np.tanh(x * after) ** 2) * after)


def counting(function):
    def counted(*arrays):
        counted.calls += 1
        return function(*arrays)

    counted.calls = 0
    return counted


def test_a_holomorphic_forward_is_run_a_few_times_an_entry():
    forward = counting(layer)
    report = check_gradient(forward, layer_backward, POINT, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert report.inputs[0].method == "complex step"
    # Its roundings, 8 directions with 13 moves each, the entries themselves, a second point, the contract.
    assert forward.calls < 45 + 8 * 13 + SIZE + 30 + 10


@pytest.mark.parametrize("entry", [0, 17, SIZE - 1])
@pytest.mark.parametrize("factor", [1 + 1e-8, 1 - 1e-9, -1, 0])
def test_a_mistake_in_one_entry_is_wrong(entry, factor):
    def wrong(g, x):
        d = layer_backward(g, x)
        d[entry] *= factor
        return d

    for seed in range(2):
        found = check_gradient(layer, wrong, POINT, seed=seed).inputs[0]
        assert (found.verdict, found.wrong, found.worst_index) == (Verdict.WRONG, 1, (entry,))


# What complex numbers pass through as if it were holomorphic, with the right derivative.
SILENT = {
    "modulus": (np.abs, np.sign),
    "conjugate": (lambda z: np.conj(z) * z, lambda z: 2 * z),
    "real part": (lambda z: np.real(z) ** 2 + 0 * z, lambda z: 2 * z),
}


@pytest.mark.parametrize("share", [1.0, 1e-6, 1e-9])
@pytest.mark.parametrize("name", SILENT)
def test_where_complex_numbers_mislead_differences_decide(name, share):
    function, slope = SILENT[name]

    def forward(x):
        return layer(x) + share * function(x[3:5]).sum()

    def backward(g, x):
        d = layer_backward(g, x)
        d[3:5] += g * share * slope(x[3:5])
        return d

    right = check_gradient(forward, backward, POINT, max_entries=None, proof=False)
    assert right.verdict is Verdict.RIGHT
    assert "the complex step was dropped" in right.inputs[0].method
    misled = check_gradient(forward, layer_backward, POINT, max_entries=None, proof=False).inputs[0]
    assert (misled.verdict, misled.wrong) == (Verdict.WRONG, 2)


def test_a_forward_that_refuses_complex_numbers_is_judged_by_differences():
    report = check_gradient(lambda x: layer(x.astype(float, casting="safe")), layer_backward, POINT, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert report.inputs[0].method == "differences"


def test_a_kink_is_seen_along_the_directions():
    point = np.append(POINT[1:], 0.0)
    report = check_gradient(
        lambda x: layer(x) + np.maximum(x, 0).sum(), lambda g, x: layer_backward(g, x) + g * (x > 0), point
    )
    assert report.verdict is Verdict.RIGHT
    assert "one-sided 1" in report.inputs[0].method
    assert not check_gradient(
        lambda x: layer(x) + np.maximum(x, 0).sum(),
        lambda g, x: layer_backward(g, x) + g * ((x > 0) + 2 * (x == 0)),
        point,
    )
