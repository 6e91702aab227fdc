"""The runs of a proof: their directions, and the caller's state that they leave as it was."""

import math

import numpy as np
from flint import ctx

from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.prove import prove
from scratchcnn.gradcheck.proof.runs import WEIGHT_BITS, Runs
from tests.gradcheck.proof.proofs import cotangent_of, normal, proved


def runs_of(*sizes):
    inputs = [np.ones(n) for n in sizes]
    return Runs(
        (lambda *x: x[0], lambda g, *x: x),
        Point(inputs, np.ones(sizes[0])),
        range(len(sizes)),
        range(len(sizes)),
        np.random.default_rng(0),
        math.inf,
    )


def test_weights_are_of_sixty_bits_and_both_signs_and_no_two_alike():
    drawn = runs_of(200, 100).drawn(np.arange(50, 250))
    assert list(drawn) == list(range(50, 250))
    assert all(1 << (WEIGHT_BITS - 1) <= abs(w) < 1 << WEIGHT_BITS for w in drawn.values())
    assert len({abs(w) for w in drawn.values()}) == 200
    assert 60 < sum(w > 0 for w in drawn.values()) < 140


def test_directions_differ_from_each_other():
    runs = runs_of(5)
    assert runs.drawn(np.arange(5)) != runs.drawn(np.arange(5))


def test_the_slopes_are_those_along_the_direction():
    moved = runs_of(4).along({0: 3, 2: -5})
    assert [int(float(s)) for s in moved.slopes] == [3, 0, -5, 0]
    assert (moved.met, moved.rounded, moved.still) == (False, False, False)


# The caller's state.


class Layer:
    """Remembers what forward saw, and counts."""

    def __init__(self):
        self.cache, self.calls = None, 0

    def forward(self, x):
        self.cache, self.calls = np.tanh(x), self.calls + 1
        return self.cache.copy()

    def backward(self, g, x):
        self.forward(x)
        return g * (1 - self.cache**2)


def test_caches_inputs_and_the_precision_are_left_as_they_were():
    layer, x = Layer(), normal(4)
    layer.forward(x)
    cache, kept, bits = layer.cache, x.copy(), ctx.prec
    g = np.ones(4)
    proof = prove(layer.forward, layer.backward, Point([x], g), [0], np.random.default_rng(0), 10.0)
    assert proof.inputs[0].right.all()
    assert layer.cache is cache
    assert (layer.calls, ctx.prec) == (1, bits)
    assert np.array_equal(x, kept)
    assert np.array_equal(g, np.ones(4))


def test_writing_into_arguments_spoils_neither_the_proof_nor_the_caller_s_arrays():
    def forward(x):
        x *= 2
        return np.sin(x)

    def backward(g, x):
        x *= 2
        g *= 2
        return g * np.cos(x)

    x = normal(4)
    kept = x.copy()
    assert proved(forward, backward, x.copy()).inputs[0].right.all()
    g = cotangent_of(forward, [x.copy()])
    prove(forward, backward, Point([x], g), [0], np.random.default_rng(0), 10.0)
    assert np.array_equal(x, kept)


def test_what_forward_writes_into_is_whole_again_in_the_next_run():
    def forward(x, s):
        s *= 2
        return x * s

    proof = proved(forward, lambda g, x, s: (2 * g * s * np.array([1, 1, 3, 1]), None), normal(4), normal(4), wrt=[0])
    assert proof.inputs[0].wrong.tolist() == [False, False, True, False]
    assert proof.inputs[0].right.tolist() == [True, True, False, True]
