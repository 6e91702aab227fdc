"""How far roundoff may move a gradient, and the outputs that round to a constant."""

from time import thread_time

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.widths import widths


def softmax(x):
    power = np.exp(x - x.max(1, keepdims=True))
    return power / power.sum(1, keepdims=True)


def softmax_backward(g, x):
    p = softmax(x)
    return p * (g - (g * p).sum(1, keepdims=True))


def width_of(backward, x, bits=53, seconds=10.0):
    point = Point([x], np.ones_like(x))
    return widths((np.sin, backward), point, [0], [0], bits, thread_time() + seconds)


def test_it_is_some_roundoffs_of_the_largest_number_on_the_way():
    (wide,) = width_of(lambda g, x: g * ((x + 2.0**20) - 2.0**20), np.array([1.1])).values()
    assert 2.0**-33 <= wide[0] <= 2.0**-28
    (narrow,) = width_of(lambda g, x: g * ((x + 2.0**20) - 2.0**20), np.array([1.1]), bits=24).values()
    assert narrow[0] == pytest.approx(2.0**29 * wide[0], rel=0.5)


def test_of_one_operation_it_is_as_far_as_two_results_may_be_apart():
    """Each of them may be off by a unit in the last place, to either side."""
    (wide,) = width_of(lambda g, x: x + 1, np.array([2.0**-70])).values()
    assert wide[0] == pytest.approx(2 * 2.0**-52, rel=2.0**-20, abs=0)  # a radius has 30 bits


def test_where_balls_decide_nothing_or_time_is_over_nothing_is_known():
    x = np.array([1.0, 2.0])
    assert width_of(lambda g, x: g if (x / 3 * 3 == x).all() else 0 * g, x) == {}
    assert width_of(lambda g, x: g * np.cos(x), x, seconds=-1.0) == {}


@pytest.mark.parametrize("gap", [20, 38, 50, 55, 72, 120, 300])
def test_a_softmax_whose_largest_output_rounds_to_one_is_right(gap):
    """By one such entry, that output moves by less than its roundoff: differences take it for a constant."""
    x = np.array([[gap, 0.3, 0.1]])
    assert check_gradient(softmax, softmax_backward, x).verdict is Verdict.RIGHT
    assert check_gradient(softmax, softmax_backward, x, proof=False).verdict is not Verdict.WRONG
    wrong = check_gradient(softmax, lambda g, x: softmax_backward(g, x) + softmax(x) / 2, x)
    assert wrong.verdict is Verdict.WRONG


def test_a_softmax_in_float32_that_loses_digits_is_right_and_says_so():
    def single(g, x):
        return softmax_backward(g, x).astype(np.float32)

    x = np.array([[12.245514869689941, -15.333990097045898, 2.5085930824279785, -3.4066176414489746]], np.float32)
    report = check_gradient(softmax, single, x)
    assert report.verdict is Verdict.RIGHT
    assert "keeps 3 of 7 digits" in " ".join(report.notes)
    for factor in (1.01, 0.99):
        assert check_gradient(softmax, lambda g, x, f=factor: f * single(g, x), x).verdict is Verdict.WRONG
