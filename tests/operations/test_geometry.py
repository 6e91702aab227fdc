"""Where windows stand: what the options may be, and what comes of them."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.operations.geometry import MOST, MOST_PIXELS, NONE, check_padded, edges, pair, place_windows

LENGTH = st.integers(1, 12)
EDGE = st.integers(0, 4)


def places_along(length, window, stride, before, after):
    """Count the places of a window by walking over the padded pixels."""
    return sum(start + window <= before + length + after for start in range(0, before + length + after, stride))


def message_of(kind, call, *arguments, **options):
    with pytest.raises(kind) as caught:
        call(*arguments, **options)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


@given(st.lists(st.tuples(LENGTH, LENGTH, LENGTH, EDGE, EDGE), min_size=2, max_size=2))
def test_the_windows_stand_where_the_walk_over_the_padded_pixels_finds_them(axes):
    image, size, stride, before, after = map(tuple, zip(*axes, strict=True))
    around = tuple(zip(before, after, strict=True))
    counted = tuple(places_along(*axis) for axis in axes)
    if 0 in counted:
        padded = tuple(b + n + a for n, _, _, b, a in axes)
        expected = f"the window {size} is larger than the padded image, {padded}"
        assert message_of(ValueError, place_windows, image, size, stride, around) == expected
        return
    windows = place_windows(image, size, stride, around)
    assert (windows.size, windows.stride, windows.padding, windows.places) == (size, stride, around, counted)
    assert windows.before == before
    assert windows.of_padded(image) == tuple(b + n + a for n, _, _, b, a in axes)
    assert windows.is_pointwise == (size == (1, 1) and around == NONE)


@given(st.tuples(LENGTH, LENGTH), st.tuples(LENGTH, LENGTH), st.tuples(LENGTH, LENGTH))
def test_same_gives_a_window_for_each_step_and_the_odd_pixel_at_the_end(image, size, stride):
    """TensorFlow's rule: the last window begins in the image, and the padding is as little as that needs."""
    windows = place_windows(image, size, stride, "same")
    for n, window, step, (before, after), places in zip(image, *windows, strict=True):
        assert places == math.ceil(n / step)
        assert before + after == max((places - 1) * step + window - n, 0)
        assert after - before in (0, 1)


def test_valid_is_no_padding():
    assert place_windows((5, 6), 2, 1, "valid") == place_windows((5, 6), 2, 1, 0)


def test_a_word_that_is_no_padding():
    expected = 'padding must be "valid", "same" or numbers of pixels, got \'full\''
    assert message_of(ValueError, place_windows, (5, 6), 2, 1, "full") == expected


class TestPair:
    @pytest.mark.parametrize(
        "value", [3, np.int8(3), (3, 3), [3, 3], np.array([3, 3]), (np.uint64(3), 3), (True + 2, np.int64(3))]
    )
    def test_every_spelling_of_two_integers(self, value):
        both = pair("stride", value, least=1)
        assert both == (3, 3)
        assert all(type(number) is int for number in both)

    def test_vertical_comes_first(self):
        assert pair("stride", (1, 2), least=1) == (1, 2)

    @pytest.mark.parametrize("least", [0, 1])
    def test_from_the_least_to_the_most(self, least):
        for value in (least, (least, MOST), (MOST, least), MOST):
            assert pair("stride", value, least=least) == (value if isinstance(value, tuple) else (value, value))
        for value in (least - 1, (least - 1, 5), (5, least - 1)):
            assert message_of(ValueError, pair, "stride", value, least=least) == (
                f"stride must be at least {least}, got {value!r}"
            )
        for value in (MOST + 1, (MOST + 1, 5), (5, MOST + 1)):
            assert message_of(ValueError, pair, "stride", value, least=least) == (
                f"stride must be at most {MOST}, got {value!r}"
            )

    @pytest.mark.parametrize("value", [(1.0, 2), (1, 2.0), ("1", "2"), [[1], [2]], np.array([1.0, 2.0])])
    def test_two_of_something_else(self, value):
        assert message_of(TypeError, pair, "stride", value, least=1) == (
            f"stride must be made of integers, got {value!r}"
        )

    @pytest.mark.parametrize("value", [None, 1.0, "12", {1, 2}, {1: 2}])
    def test_what_has_no_vertical_and_horizontal_part(self, value):
        assert message_of(TypeError, pair, "stride", value, least=1) == (
            f"stride must be an integer or a pair, got {value!r}"
        )

    @pytest.mark.parametrize("value", [(), (1,), [1, 2, 3], np.array(3), np.array([1]), np.ones((3, 2), int)])
    def test_more_or_fewer_than_two(self, value):
        assert message_of(ValueError, pair, "stride", value, least=1) == (
            f"stride must be an integer or a pair, got {value!r}"
        )


@pytest.mark.parametrize(
    ("padding", "around"),
    [
        (3, ((3, 3), (3, 3))),
        ((1, 2), ((1, 1), (2, 2))),
        (((1, 2), (3, 4)), ((1, 2), (3, 4))),
        ((1, (3, 4)), ((1, 1), (3, 4))),
        (np.array([[1, 2], [3, 4]]), ((1, 2), (3, 4))),
        (0, NONE),
    ],
)
def test_every_spelling_of_a_padding(padding, around):
    assert edges(padding) == around


@pytest.mark.parametrize("padding", [(-1, 0), (0, -1), ((0, 0), (0, -1)), ((-1, 0), (0, 0))])
def test_no_padding_is_below_0(padding):
    assert message_of(ValueError, edges, padding).startswith("padding must be at least 0, got ")


def test_which_option_it_is():
    assert message_of(ValueError, place_windows, (5, 6), 0, 1, 0) == "window must be at least 1, got 0"
    assert message_of(ValueError, place_windows, (5, 6), 1, 0, 0) == "stride must be at least 1, got 0"
    assert message_of(TypeError, place_windows, (5, 6), 1, 1, None) == "padding must be an integer or a pair, got None"
    assert message_of(TypeError, edges, (None, 0)) == "padding must be an integer or a pair, got None"
    assert message_of(TypeError, edges, (0, None)) == "padding must be an integer or a pair, got None"


def test_the_most_pixels_of_a_padded_image():
    most = (2**15, MOST_PIXELS // 2**15)
    assert check_padded(most, 0) == most
    wide = (most[0], most[1] + 1)
    assert message_of(ValueError, check_padded, wide, (0, 1)) == (
        f"padding must leave at most {MOST_PIXELS} pixels, got (0, 1): the image becomes {wide}"
    )
    for padding in (((2**20, 0), (0, 0)), ((0, 2**20), (0, 0)), ((0, 0), (2**20, 0)), ((0, 0), (0, 2**20))):
        assert f"got {padding!r}: the image becomes " in message_of(
            ValueError, place_windows, (1024, 1024), 1, 1, padding
        )
