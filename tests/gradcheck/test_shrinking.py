"""What mistakes shrink to: the smallest layer that still shows them, wherever Hypothesis begins.

A layer is the smaller the simpler its options are, then the fewer samples, channels and filters it has, then the
smaller its filters and its images are. Of its entries the first are 1, 2, 3, ...
"""

from dataclasses import dataclass, fields
from functools import partial
from random import Random

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis import strategies as st

from scratchcnn import conv2d, conv2d_backward, dense, dense_backward
from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.strategies import Convolution, Dense, arrays, convolutions, dense_layers

SEEDS = range(2)
NO_OPTIONS = {"stride": 1, "padding": "valid"}


# The mistakes. Each gives the wrong backward of a convolution that was drawn.


def filter_not_turned(case):
    """∂E/∂X is the cotangent, full-convolved with the filter turned by 180°; this one leaves the filter as it is."""

    def backward(g, x, filters, *bias):
        grad_x, *_ = conv2d_backward(g, x, filters[..., ::-1, ::-1], *bias, **case.options)
        return grad_x, *conv2d_backward(g, x, filters, *bias, **case.options)[1:]

    return backward


def batch_not_summed(case):
    """∂E/∂b is a sum over the samples and places; this one takes the first sample."""

    def backward(g, x, filters, *bias):
        gradients = conv2d_backward(g, x, filters, *bias, **case.options)
        return (*gradients[:2], *(g[0].sum((1, 2)) for _ in bias))

    return backward


def stride_ignored(case):
    """The share of a window in ∂E/∂X is added where the window would stand at stride 1."""
    return scattered(case, steps=(1, 1), into=np.add)


def overlap_assigned(case):
    """The share of a window in ∂E/∂X is assigned, so that it takes the place of those before."""
    return scattered(case, steps=case.steps, into=lambda before, share: share)


def scattered(case, steps, into):
    """∂E/∂X window by window: `into` says what becomes of the pixels that a window covers."""

    def backward(g, x, filters, *bias):
        (top, bottom), (left, right) = case.edges
        padded = np.pad(np.zeros_like(x), ((0, 0), (0, 0), (top, bottom), (left, right)))
        for p, q in np.ndindex(g.shape[2:]):
            y, z = p * steps[0], q * steps[1]
            window = np.s_[:, :, y : y + filters.shape[2], z : z + filters.shape[3]]
            padded[window] = into(padded[window], np.tensordot(g[:, :, p, q], filters, 1))
        grad_x = padded[:, :, top : top + x.shape[2], left : left + x.shape[3]]
        return grad_x, *conv2d_backward(g, x, filters, *bias, **case.options)[1:]

    return backward


def weight_not_transposed(g, x, weight, bias):
    """∂E/∂x is g Wᵀ; this one takes W, reshaped to the shape of Wᵀ."""
    return g @ weight.reshape(weight.shape[::-1]), *dense_backward(g, x, weight, bias)[1:]


@dataclass(frozen=True)
class Shrunk:
    """A mistake, the layer that it shrinks to, and why none is smaller."""

    planted: object
    to: object
    why: str


def one_row(*pixels):
    return np.array([[[pixels]]])


CONVOLUTIONS = {
    "filter not turned": Shrunk(
        filter_not_turned,
        Convolution(one_row(1.0, 2.0), one_row(1.0, 2.0), None, **NO_OPTIONS),
        "A filter of one pixel is the same when it is turned. One of two needs an image as large.",
    ),
    "batch not summed": Shrunk(
        batch_not_summed,
        Convolution(np.array([[[[1.0]]], [[[2.0]]]]), one_row(1.0), np.zeros(1), **NO_OPTIONS),
        "The sum over one sample is that sample; and only the bias is wrong.",
    ),
    "stride ignored": Shrunk(
        stride_ignored,
        Convolution(one_row(1.0, 2.0, 3.0), one_row(1.0), None, **NO_OPTIONS | {"stride": 2}),
        "The first window stands at 0 at any stride. The second stands at 2, in a row of three pixels.",
    ),
    "overlap assigned": Shrunk(
        overlap_assigned,
        Convolution(one_row(1.0, 2.0, 3.0), one_row(1.0, 2.0), None, **NO_OPTIONS),
        "Two windows overlap if they are two pixels wide and one apart. Without padding that takes three pixels.",
    ),
}


def is_wrong(forward, backward, case):
    return check_gradient(forward, backward, *case.inputs, diagnosis=False).verdict is Verdict.WRONG


# Nobody reads what Hypothesis explains of an example.
FEW = settings(max_examples=300, database=None, deadline=None, phases=[Phase.generate, Phase.shrink])


def smallest(strategy, condition, seed):
    return find(strategy, condition, settings=FEW, random=Random(seed))


def assert_same(found, expected):
    """Two layers are the same: their arrays to the last bit, and their options."""
    for field in fields(expected):
        one, other = getattr(found, field.name), getattr(expected, field.name)
        if isinstance(other, np.ndarray):
            np.testing.assert_array_equal(one, other, strict=True)
        else:
            assert one == other, found


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("mistake", CONVOLUTIONS.values(), ids=CONVOLUTIONS)
def test_a_wrong_convolution_shrinks_to_the_smallest_that_shows_the_mistake(mistake, seed):
    def wrong(case):
        return is_wrong(partial(conv2d, **case.options), mistake.planted(case), case)

    assert_same(smallest(convolutions(), wrong, seed), mistake.to)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_weight_that_is_not_transposed_shrinks_to_two_by_two(seed):
    """A row, or a column, has its entries in the same order when it is transposed."""
    found = smallest(dense_layers(bias=True), partial(is_wrong, dense, weight_not_transposed), seed)
    assert_same(found, Dense(np.array([[1.0, 2.0]]), np.array([[1.0, 2.0], [3.0, 4.0]]), np.zeros(2)))


@pytest.mark.parametrize("seed", SEEDS)
def test_a_mistake_that_depends_on_a_value_shrinks_to_that_value(seed):
    """The slope of a leaky relu, forgotten: one negative entry, of whatever shape the array was at first."""

    def wrong(x):
        forward, backward = (lambda x: np.maximum(x, 0.25 * x)), (lambda g, x: g * (x > 0))
        return check_gradient(forward, backward, x, diagnosis=False).verdict is Verdict.WRONG

    assert_same_array(smallest(arrays(away_from=0), wrong, seed), np.array(-1.0))


def assert_same_array(found, expected):
    np.testing.assert_array_equal(found, expected, strict=True)


@given(convolutions(largest=2), st.sampled_from(list(CONVOLUTIONS)), dense_layers(bias=True))
def test_the_same_call_gives_the_same_report_in_any_order(convolution, mistake, layer):
    """What Hypothesis finds wrong once has to be wrong when it looks again, after other examples."""
    backward = CONVOLUTIONS[mistake].planted(convolution)
    wrong = (partial(conv2d, **convolution.options), backward, *convolution.inputs)
    calls = [wrong, (dense, weight_not_transposed, *layer.inputs)]
    first = [check_gradient(*call).to_dict() for call in calls]
    again = [check_gradient(*call).to_dict() for call in reversed(calls)]
    assert first == again[::-1]
