"""What backward answers at a point, and in which precision."""

import numpy as np

from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.diagnosis.answers import FEWER, gradients_at
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.points import Point

NUMBERS = np.array([1.5, -0.5])


def test_gradients_are_those_that_backward_answers_in_a_dtype():
    asked = []

    def backward(g, x, rows):
        asked.append((g.dtype, x.dtype, rows.dtype))
        x[...] = 0
        return g, None

    case = prepare(lambda x, rows: 2 * x, backward, [NUMBERS.astype(np.float32), np.array([0, 1])], wrt=[0])
    here = Point(case.inputs, NUMBERS.astype(np.float32))
    gradients, eps = gradients_at(case, here, np.float64)
    assert (gradients[0].dtype, eps) == (np.float64, EPS)
    gradients, eps = gradients_at(case, here, None)
    assert (gradients[0].dtype, eps) == (np.float32, np.finfo(np.float32).eps)
    assert asked == [(np.float64, np.float64, case.inputs[1].dtype), (np.float32, np.float32, case.inputs[1].dtype)]
    np.testing.assert_array_equal(case.inputs[0], NUMBERS)  # what it writes into are copies
    assert gradients[1] is None


def test_forward_is_called_before_backward():
    kept = {}

    def forward(x):
        kept["x"] = x
        return 2 * x

    case = prepare(forward, lambda g, x: g * kept["x"], [NUMBERS])
    (gradient,), _ = gradients_at(case, Point([NUMBERS + 1], np.ones(2)), np.float64)
    np.testing.assert_array_equal(gradient, NUMBERS + 1)


def test_in_a_small_format_fewer_roundoffs_count():
    class Half:
        eps = 0.25

    case = prepare(lambda x: x, lambda g, x: g, [NUMBERS])
    object.__setattr__(case, "output_format", Half())
    assert gradients_at(case, Point([NUMBERS], NUMBERS), None)[1] == 0.25 / FEWER
