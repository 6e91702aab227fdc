"""The true gradient's numbers in another order."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.reordered import only_moves, reordered
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(4, 6)
ORDER = np.random.default_rng(5).permutation(24)
SAID = {"made of the true one's numbers, each at the place of another one": "permuted"}


def said(change, x=X):
    return held(reordered, scene_of(lambda x: np.sin(x), lambda g, x: change(g * np.cos(x)), x))


def test_any_order_is_told():
    assert said(lambda d: d.reshape(-1)[ORDER].reshape(4, 6)) == SAID
    assert said(lambda d: d[[1, 0, 2, 3]]) == SAID
    assert said(lambda d: d[::-1] * (1 + 2.0**-51)) == SAID  # but for roundoff
    assert said(lambda d: d[::-1] * (1 + 2.0**-30)) == {}


@pytest.mark.parametrize(
    "change",
    [
        lambda d: d,
        lambda d: 2 * d[::-1],
        lambda d: d[::-1] + 1e-6,
        lambda d: d[1:],
        lambda d: np.where(d == d.max(), np.nan, d[::-1]),
        lambda d: d.T,
    ],
)
def test_not_other_numbers(change):
    assert said(change) == {}


def test_not_where_the_true_one_is_not_known():
    """At a kink, or where it would take too many calls."""

    def flipped(x):  # of which there is no record
        return np.frombuffer(x.tobytes()).reshape(x.shape)[::-1]

    def backward(g, x):
        return g * np.where(x < 0, -1, 1)[::-1]

    for x, known in ((X, True), (np.where(np.arange(24).reshape(4, 6) % 5, X, 0), False)):
        scene = scene_of(lambda x: np.abs(flipped(x)), backward, x)
        assert np.isfinite(scene.truth(0).error).all() == known
        assert held(reordered, scene) == (SAID if known else {})
    for calls, moves in ((5, False), (1000, True)):
        assert only_moves(scene_of(flipped, lambda g, x: g, X, calls=calls), 0) is moves


def test_of_few_numbers_it_may_be_an_accident():
    for count, told in ((3, {}), (4, SAID)):
        assert said(lambda d: np.roll(d, 1), X[0, :count]) == told
    assert said(lambda d: 2 * d, np.array(0.5)) == {}


@pytest.mark.parametrize(
    ("forward", "backward", "moves"),
    [
        (lambda x: x[::-1].copy(), lambda g, x: g, True),
        (lambda x: x.T.copy(), lambda g, x: g.reshape(4, 6), True),
        (lambda x: x.reshape(-1)[ORDER], lambda g, x: g.reshape(4, 6), True),
        (lambda x: 1.0 * x, lambda g, x: 2 * g, False),
        (lambda x: 2 * x[::-1], lambda g, x: g, False),
        (lambda x: x[::-1, :3].copy(), lambda g, x: np.repeat(g, 2, axis=1), False),
        (lambda x: x[::-1].copy(), lambda g, x: g.T, False),
    ],
    ids=["flipped", "transposed", "any order", "all in place", "doubled", "some left out", "of another shape"],
)
def test_whether_forward_only_moves_entries(forward, backward, moves):
    assert only_moves(scene_of(forward, backward, X), 0) is moves
