"""Calls of convolutions and poolings: all varies that hides a mistake, and the places are those of the operation."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import avg_pool2d, conv2d, max_pool2d
from scratchcnn.gradcheck.strategies import convolutions, dilations, paddings, poolings, strides
from tests.gradcheck.strategies.draws import drawn


def reached(case, windows, dilation=(1, 1)):
    """(H, W): how many windows look at each pixel of the image, counted place by place."""
    (top, bottom), (left, right) = case.edges
    height, width = case.x.shape[2:]
    count = np.zeros((top + height + bottom, left + width + right), int)
    rows, columns = (range(0, d * (n - 1) + 1, d) for n, d in zip(windows, dilation, strict=True))
    for p, q in product(*map(range, case.places)):
        for r, s in product(rows, columns):
            count[p * case.steps[0] + r, q * case.steps[1] + s] += 1
    return count[top : top + height, left : left + width]


def seen(case):
    windows = case.window if hasattr(case, "window") else case.filters.shape[2:]
    return reached(case, windows)


OF_ANY = {
    "an image that is not square": lambda case: case.x.shape[2] != case.x.shape[3],
    "windows that overlap": lambda case: seen(case).max() > 1,
    "a pixel that no window reaches": lambda case: seen(case).min() == 0 < seen(case).max(),
    "a gap between windows": lambda case: case.places[0] > 1 and not seen(case)[1:-1].any(axis=1).all(),
    "one sample": lambda case: case.x.shape[0] == 1,
    "several samples": lambda case: case.x.shape[0] > 1,
    "one channel": lambda case: case.x.shape[1] == 1,
    "several channels": lambda case: case.x.shape[1] > 1,
    "a stride of its own for each axis": lambda case: case.steps[0] != case.steps[1],
    "several places along both axes": lambda case: min(case.places) > 1,
    "no padding": lambda case: case.edges == ((0, 0), (0, 0)),
    "padding of another width at each side": lambda case: len({*case.edges[0], *case.edges[1]}) > 2,
    "padding 'same' that differs from side to side": lambda case: (
        case.padding == "same" and case.edges[0][0] != case.edges[0][1]
    ),
}
OF_CONVOLUTIONS = {
    "a filter that is not square": lambda case: case.filters.shape[2] != case.filters.shape[3],
    "one filter": lambda case: case.filters.shape[0] == 1,
    "several filters": lambda case: case.filters.shape[0] > 1,
    "as many filters as channels": lambda case: case.filters.shape[0] == case.filters.shape[1] > 1,
    "another number of filters": lambda case: case.filters.shape[0] != case.filters.shape[1],
    "no bias": lambda case: case.bias is None,
    "a bias of zeros": lambda case: case.bias is not None and not case.bias.any(),
    "another bias": lambda case: case.bias is not None and case.bias.all(),
}
OF_POOLINGS = {
    "a window that is not square": lambda case: case.window[0] != case.window[1],
    "the stride of the window": lambda case: case.stride is None,
    "windows side by side": lambda case: case.places[0] > 1 and (seen(case) == 1).all(),
}


@pytest.fixture(scope="module")
def some_convolutions():
    return drawn(convolutions())


@pytest.fixture(scope="module")
def some_poolings():
    return drawn(poolings())


@pytest.mark.parametrize("condition", [*OF_ANY.values(), *OF_CONVOLUTIONS.values()], ids=[*OF_ANY, *OF_CONVOLUTIONS])
def test_a_convolution_has(some_convolutions, condition):
    assert any(map(condition, some_convolutions))


@pytest.mark.parametrize("condition", [*OF_ANY.values(), *OF_POOLINGS.values()], ids=[*OF_ANY, *OF_POOLINGS])
def test_a_pooling_has(some_poolings, condition):
    assert any(map(condition, some_poolings))


@given(convolutions())
def test_the_places_of_a_convolution_are_those_of_its_output(case):
    output = conv2d(*case.inputs, **case.options)
    assert output.shape == (len(case.x), len(case.filters), *case.places)


@given(poolings())
def test_the_places_of_a_pooling_are_those_of_its_output(case):
    for pool in (max_pool2d, avg_pool2d):
        assert pool(*case.inputs, **case.options).shape == (*case.x.shape[:2], *case.places)


@given(convolutions(dilation=dilations(3)))
def test_a_dilated_filter_spans_the_pixels_that_it_leaves_out(case):
    """It is a filter with zeros between its entries."""
    d, e = np.broadcast_to(case.dilation, 2)
    spread = np.zeros((*case.filters.shape[:2], *case.windows))
    spread[:, :, ::d, ::e] = case.filters
    assert spread[:, :, -1, -1].all()  # it spans no more than it looks at
    output = conv2d(case.x, spread, case.bias, stride=case.stride, padding=case.padding)
    assert output.shape[2:] == case.places
    assert set(case.options) == {"stride", "padding", "dilation"}


@given(convolutions(padding="same"))
def test_the_padding_same_gives_a_place_for_each_step_and_its_odd_pixel_comes_last(case):
    for length, step, places, (before, after) in zip(
        case.x.shape[2:], case.steps, case.places, case.edges, strict=True
    ):
        assert places == -(-length // step)
        assert after - before in (0, 1)


def test_dilations_leave_pixels_out():
    cases = drawn(convolutions(dilation=dilations()))
    assert any(min(case.windows) > 1 and case.dilation in ((1, 2), (2, 1)) for case in cases)


@given(convolutions(stride=2, padding=((0, 1), (1, 0)), bias=False, dtype=np.float32, largest=2))
def test_what_is_asked_for_is_fixed(case):
    assert case.options == {"stride": 2, "padding": ((0, 1), (1, 0))}
    assert case.bias is None
    assert case.x.dtype == case.filters.dtype == np.float32
    assert max(*case.x.shape[:2], *case.filters.shape) <= 2


@given(poolings(stride=st.just(1), padding="same"))
def test_a_pooling_at_every_pixel(case):
    assert case.places == case.x.shape[2:]


FORMS = {
    "valid": lambda padding: padding == "valid",
    "same": lambda padding: padding == "same",
    "number": lambda padding: isinstance(padding, int),
    "pair": lambda padding: isinstance(padding, tuple) and isinstance(padding[0], int),
    "pairs": lambda padding: isinstance(padding, tuple) and isinstance(padding[0], tuple),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_of_a_padding_occurs_and_only_those_asked_for(form):
    assert any(map(FORMS[form], drawn(paddings())))
    assert all(map(FORMS[form], drawn(paddings(forms=[form]))))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: strides(0), ValueError, "largest must be at least 1, got 0"),
        (lambda: paddings(-1), ValueError, "largest must be at least 0, got -1"),
        (lambda: paddings(forms=["full"]), ValueError, "forms must be one of 'valid', 'same', .*; got 'full'"),
        (
            lambda: convolutions(padding="foo"),
            TypeError,
            "padding must be 'valid', 'same', an integer, a pair of them, or a pair of such pairs; got 'foo'",
        ),
        (lambda: convolutions(stride="2"), TypeError, "stride must be an integer, or a pair of them; got '2'"),
        (lambda: convolutions(largest=1.5), TypeError, "largest must be an integer, got 1.5"),
        (lambda: convolutions(dtype=int), TypeError, "dtype must be that of floats or complex numbers, got int64"),
        (lambda: poolings(dtype=int), TypeError, "dtype must be that of floats or complex numbers, got int64"),
    ],
)
def test_what_cannot_be_drawn_is_refused_before_a_draw(make, error, message):
    with pytest.raises(error, match=message):
        make()
