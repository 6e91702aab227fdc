"""Factors and terms of the whole gradient that are values which the code computes on its way."""

import numpy as np

from scratchcnn.gradcheck import check_gradient


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def softmax(x):
    power = np.exp(x - x.max(axis=-1, keepdims=True))
    return power / power.sum(axis=-1, keepdims=True)


def entropy(x):
    return -np.log(softmax(x)[np.arange(4), [0, 2, 1, 2]]).mean()


def test_a_factor_that_the_code_computes_on_its_way_is_named():
    def backward(g, x):
        p = softmax(x)
        return p * g * (p - np.eye(3)[[0, 2, 1, 2]]) * (1 - p) / 4

    diagnoses = check_gradient(entropy, backward, drawn(4, 3)).diagnoses
    p = "`power / power.sum(axis=-1, keepdims=True)`"
    assert ("missing-factor", f"the true one times {p} (1 - {p}) once more") in {
        (d.kind, d.message.partition(" (at")[0]) for d in diagnoses
    }


def test_a_term_that_the_code_computes_on_its_way_is_named():
    def forward(x):
        same = np.fft.ifft(np.fft.fft(x)).real  # of which there is no record
        return (same * same * same + np.sin(x)).sum()

    def backward(g, x):
        square = x**2
        return g * (np.cos(x) + x.mean() * square)

    messages = [d.message for d in check_gradient(forward, backward, drawn(4, 3)).diagnoses]
    assert any(m.startswith("the true one less a multiple of `same * same`") for m in messages)
