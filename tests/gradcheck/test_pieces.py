"""Whether a gradient is that of a smooth piece beside the point."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.numerical.noise import STRIDES, least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.pieces import MOST_PIECE_POINTS, Claim, as_a_piece

EPS = float(np.finfo(float).eps)


def piece(forward, backward, *inputs, gradient, index=0, cotangent=None, seed=0, climbs=None, points=None):
    """The error to which the gradient is that of a piece; `points` collects where backward is asked."""
    inputs = [np.array(a, float) for a in inputs]
    probe = Probe(forward, inputs, index)
    weights = np.ones(probe.outputs) if cotangent is None else np.array(cotangent, float)
    contraction = Contraction(probe, weights, least_noise(probe))
    cone = Cone(contraction, range(len(inputs)), np.random.default_rng(seed), STRIDES, climbs)

    def at(arrays, outputs=None):
        if points is not None:
            points.append([a.copy() for a in arrays])
        return backward(*arrays)

    with quiet():
        return as_a_piece(Claim(np.array(gradient, float), EPS, at), cone)


def largest(x):
    return x.max(keepdims=True)


def first(x):
    """The gradient of the largest, by the first of equals."""
    return np.eye(x.size)[x.argmax()]


@pytest.mark.parametrize("seed", range(3))
class TestTies:
    def test_the_gradient_of_one_of_the_tied_is_that_of_a_piece(self, seed):
        for k in range(3):
            error = piece(largest, first, [2.0, 2.0, 2.0], gradient=np.eye(3)[k], seed=seed)
            assert error < 1e-6

    def test_a_mean_of_pieces_and_what_is_no_piece_is_of_none(self, seed):
        for gradient in ([0.5, 0.5, 0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0]):
            assert piece(largest, first, [2.0, 2.0, 2.0], gradient=gradient, seed=seed) == np.inf

    def test_backward_that_answers_the_same_wrong_number_close_by_is_not_confirmed(self, seed):
        wrong = np.array([1.0, 1e-4, 0.0])
        assert piece(largest, lambda x: wrong, [2.0, 2.0, 2.0], gradient=wrong, seed=seed) == np.inf


def test_pieces_that_show_where_both_inputs_move():
    """Along one input alone the function is flat; a few of the points are looked at, so that a piece may be missed."""

    def forward(x, y):
        return np.maximum(x, 0) - np.maximum(x - y, 0)

    def backward(x, y):
        return (x > 0) * 1.0 - (x - y > 0)

    for gradient, held in ((1.0, True), (-1.0, True), (0.5, False), (2.0, False)):
        errors = [piece(forward, backward, [0.0], [0.0], gradient=[gradient], seed=seed) for seed in range(6)]
        assert bool(min(errors) < 1e-12) is held


def test_only_outputs_with_a_cotangent_count():
    def forward(x):
        return np.concatenate([largest(x), np.abs(x)])

    assert piece(forward, lambda x: -3 * first(x), [2.0, 2.0], gradient=[0, -3.0], cotangent=[-3.0, 0, 0]) < 1e-6


def test_backward_may_have_no_answer_and_is_asked_so_often_at_most():
    points = []
    assert piece(largest, lambda x: None, [2.0, 2.0], gradient=[1.0, 0.0], points=points) == np.inf
    assert len(points) == MOST_PIECE_POINTS


def test_where_there_is_no_time_nothing_is_confirmed():
    assert piece(largest, first, [2.0, 2.0], gradient=[1.0, 0.0], climbs=1) == np.inf


def test_the_input_itself_moves_first_wherever_it_stands():
    points = []
    piece(lambda x, y: x + largest(y), lambda x, y: None, [0.0], [2.0, 2.0], index=1, gradient=[9, 9], points=points)
    assert all(not x.any() and (y != 2.0).all() for x, y in points[:4])
    assert all(x.any() and (y == 2.0).all() for x, y in points[4:6])


def test_points_close_by_break_ties_in_the_order_of_entries_and_against_it_and_move_other_inputs_too():
    points = []
    piece(
        lambda x, y: largest(x) + y, lambda x, y: None, [2.0, 2.0, 2.0], [0.0, 0.0], gradient=[9, 9, 9], points=points
    )
    moves = [np.sign(np.diff(x)).tolist() for x, _ in points[:4]]
    assert moves == [[-1, -1], [1, 1], [-1, -1], [1, 1]]
    signs = [np.sign(x - 2.0).tolist() for x, _ in points[:4]]
    assert signs == [[-1] * 3, [1] * 3, [1] * 3, [-1] * 3]
    assert all(not y.any() for _, y in points[:4])
    assert all((x == 2.0).all() and y.any() for x, y in points[4:6])
    assert max(np.abs(x - 2.0).max() for x, _ in points) <= 2 * 2.0**-26 * 2
    later = points[6:]
    assert any((x == 2.0).all() for x, _ in later)
    assert any(not y.any() for _, y in later)
    assert any((x != 2.0).any() and y.any() for x, y in later)
