from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import avg_pool2d, avg_pool2d_backward, max_pool2d, max_pool2d_backward
from scratchcnn.gradcheck import assert_gradient
from tests.assertions import FLOATS, assert_complex_step, assert_contract, assert_within, gamma
from tests.strategies import INTEGERS, pixels_of_windows, poolings, values

# Few values, so that many windows have several largest pixels. They lie in one binade, where the harness can move equal
# pixels by exactly the same step.
TIES = st.sampled_from([-1.5, -1.25, -1.0])
BOTH = pytest.mark.parametrize(
    ("forward", "backward"), [(max_pool2d, max_pool2d_backward), (avg_pool2d, avg_pool2d_backward)], ids=["max", "avg"]
)


def by_loops(case, combine):
    """Combine the pixels of each window, in row-major order."""
    windows = pixels_of_windows(case)
    output = np.empty((*case.x.shape[:2], *(1 + max(axis) for axis in zip(*windows, strict=True))), case.x.dtype)
    for (p, q), pixels in windows.items():
        seen = np.stack([case.x[:, :, h, w] for h, w in pixels])
        output[:, :, p, q] = combine(seen)
    return output


def gradient_by_loops(grad_output, case, share):
    """Add up the gradients: `share(pixels of one window, its gradient)` lists the share of each pixel."""
    grad_x = np.zeros(case.x.shape)
    for (p, q), pixels in pixels_of_windows(case).items():
        for n, c in np.ndindex(case.x.shape[:2]):
            shares = share([case.x[n, c, h, w] for h, w in pixels], grad_output[n, c, p, q])
            for (h, w), part in zip(pixels, shares, strict=True):
                grad_x[n, c, h, w] += part
    return grad_x


def to_the_first(pixels, grad):
    return [grad if k == pixels.index(max(pixels)) else 0 for k in range(len(pixels))]


def to_all(pixels, grad):
    return [grad / len(pixels) for _ in pixels]


@given(poolings())
def test_every_window_holds_a_pixel(case):
    """No window lies in the padding alone, where the maximum would be -inf and the average 0 / 0."""
    assert all(pixels_of_windows(case).values())


class TestMaximum:
    @given(poolings(TIES) | poolings())
    def test_is_the_largest_pixel_of_each_window(self, case):
        assert np.array_equal(max_pool2d(case.x, **case.options), by_loops(case, lambda seen: seen.max(axis=0)))

    @given(poolings(TIES), st.data())
    def test_the_first_largest_pixel_gets_the_gradient(self, case, data):
        grad_output = data.draw(values(max_pool2d(case.x, **case.options).shape, INTEGERS))
        (grad_x,) = max_pool2d_backward(grad_output, case.x, **case.options)
        assert np.array_equal(grad_x, gradient_by_loops(grad_output, case, to_the_first))

    @given(poolings(), st.integers(0, 99))
    def test_the_derivative(self, case, seed):
        forward, backward = partial(max_pool2d, **case.options), partial(max_pool2d_backward, **case.options)
        different = np.random.default_rng(seed).permutation(np.linspace(-2, 2, case.x.size)).reshape(case.x.shape)
        assert_gradient(forward, backward, different, seed=seed)

    @given(poolings(TIES), st.integers(0, 99))
    def test_the_derivative_where_pixels_are_equal(self, case, seed):
        forward, backward = partial(max_pool2d, **case.options), partial(max_pool2d_backward, **case.options)
        # Every entry is looked at: directions, which stand for those that there is no time for, decide no kink.
        assert_gradient(forward, backward, case.x, max_entries=None, seed=seed)

    def test_negative_images_keep_their_maxima_at_the_border(self):
        x = -np.arange(1.0, 10.0).reshape(1, 1, 3, 3)
        assert max_pool2d(x, 2, stride=2, padding=1).tolist() == [[[[-1, -2], [-4, -5]]]]
        (grad_x,) = max_pool2d_backward(np.arange(1.0, 5.0).reshape(1, 1, 2, 2), x, 2, stride=2, padding=1)
        assert grad_x.tolist() == [[[[1, 2, 0], [3, 4, 0], [0, 0, 0]]]]

    def test_cs231n(self):
        """The case of its `max_pool_forward_naive`, to the eight digits that are printed there."""
        x = np.linspace(-0.3, 0.4, num=2 * 3 * 4 * 4).reshape(2, 3, 4, 4)
        # fmt: off
        printed = [
            -0.26315789, -0.24842105, -0.20421053, -0.18947368, -0.14526316, -0.13052632, -0.08631579, -0.07157895,
            -0.02736842, -0.01263158, 0.03157895, 0.04631579, 0.09052632, 0.10526316, 0.14947368, 0.16421053,
            0.20842105, 0.22315789, 0.26736842, 0.28210526, 0.32631579, 0.34105263, 0.38526316, 0.4,
        ]
        # fmt: on
        output = max_pool2d(x, 2, stride=2)
        assert output.shape == (2, 3, 2, 2)
        assert_within(output.ravel(), printed, 0.5e-8 + 1e-16)

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            (
                {"window": 5, "stride": 1, "padding": 2},
                [[13, 14, 15, 15, 15], [18, 19, 20, 20, 20], *[[23, 24, 25, 25, 25]] * 3],
            ),
            ({"window": 3, "stride": 2, "padding": "same"}, [[7, 9, 10], [17, 19, 20], [22, 24, 25]]),
            ({"window": 2, "stride": 2}, [[7, 9], [17, 19]]),
        ],
        ids=["pads", "same_upper", "strides"],
    )
    def test_onnx(self, options, expected):
        """`maxpool_2d_precomputed_...` of the ONNX operator MaxPool: 1 to 25 in a square."""
        assert max_pool2d(np.arange(1, 26).reshape(1, 1, 5, 5), **options).tolist() == [[expected]]

    @pytest.mark.parametrize("dtype", FLOATS)
    def test_a_window_with_a_nan_is_nan_and_passes_its_gradient_to_the_first(self, dtype):
        x = np.array([[[[1, np.nan, 3, 4], [np.nan, 9, 5, 6]]]], dtype)
        output = max_pool2d(x, 2)
        assert np.isnan(output[0, 0, 0, 0])
        assert output[0, 0, 0, 1] == 6
        (grad_x,) = max_pool2d_backward(np.array([[[[2, 7]]]], dtype), x, 2)
        assert grad_x.tolist() == [[[[0, 2, 0, 0], [0, 0, 0, 7]]]]

    def test_infinities_are_numbers_like_others(self):
        x = np.array([[[[-np.inf, -np.inf, np.inf, 1.0]]]])
        assert max_pool2d(x, (1, 2)).tolist() == [[[[-np.inf, np.inf]]]]
        assert max_pool2d_backward(np.array([[[[2.0, 3.0]]]]), x, (1, 2))[0].tolist() == [[[[2, 0, 3, 0]]]]
        with np.errstate(all="raise"):
            (grad_x,) = max_pool2d_backward(np.array([[[[np.inf, 3.0]]]]), x, (1, 2))
        assert grad_x.tolist() == [[[[np.inf, 0, 3, 0]]]]


class TestAverage:
    @given(poolings())
    def test_is_the_mean_of_the_pixels_that_are_there(self, case):
        # The sums of these multiples of 1/512 are exact; both sides round the same division.
        expected = by_loops(case, lambda seen: seen.sum(axis=0) / len(seen))
        assert np.array_equal(avg_pool2d(case.x, **case.options), expected)

    @given(poolings(), st.data())
    def test_the_pixels_share_the_gradient(self, case, data):
        grad_output = data.draw(values(avg_pool2d(case.x, **case.options).shape))
        (grad_x,) = avg_pool2d_backward(grad_output, case.x, **case.options)
        expected = gradient_by_loops(grad_output, case, to_all)
        # Each pixel adds up one quotient for each window that holds it, nine at most, in another order.
        size = gradient_by_loops(np.abs(grad_output), case, to_all)
        assert_within(grad_x, expected, 2 * gamma(10, np.float64) * size)

    @given(poolings(), st.integers(0, 99))
    def test_the_derivative(self, case, seed):
        forward, backward = partial(avg_pool2d, **case.options), partial(avg_pool2d_backward, **case.options)
        assert_gradient(forward, backward, case.x, degree=1, factor=36, seed=seed)  # 1, 2, 3, 4, 6 or 9 pixels

    @given(poolings(), st.floats(-9, 9))
    def test_an_even_image_stays_what_it_is_also_at_its_border(self, case, grey):
        output = avg_pool2d(np.full(case.x.shape, grey), **case.options)
        # Four additions (two and two) and a division.
        assert_within(output, np.full(output.shape, grey), gamma(5, np.float64) * abs(grey))

    @pytest.mark.parametrize(
        ("options", "expected"),
        [
            ({"window": 5, "stride": 1, "padding": 2}, [[7 + 2.5 * p + 0.5 * q for q in range(5)] for p in range(5)]),
            ({"window": 3, "stride": 2, "padding": "same"}, [[4, 5.5, 7], [11.5, 13, 14.5], [19, 20.5, 22]]),
            ({"window": 2, "stride": 2}, [[4, 6], [14, 16]]),
        ],
        ids=["pads", "same_upper", "strides"],
    )
    def test_onnx(self, options, expected):
        """`averagepool_2d_precomputed_...` of the ONNX operator AveragePool: 1 to 25 in a square."""
        assert avg_pool2d(np.arange(1, 26).reshape(1, 1, 5, 5), **options).tolist() == [[expected]]

    @pytest.mark.parametrize("dtype", FLOATS)
    def test_a_window_with_a_nan_is_nan_and_no_other(self, dtype):
        x = np.array([[[[1, np.nan, 3, 4]]]], dtype)
        output = avg_pool2d(x, (1, 2))
        assert np.isnan(output[0, 0, 0, 0])
        assert output[0, 0, 0, 1] == 3.5
        assert avg_pool2d_backward(np.array([[[[2, 7]]]], dtype), x, (1, 2))[0].tolist() == [[[[1, 1, 3.5, 3.5]]]]


def channels_last(rows, columns, channels=3):
    """TensorFlow's test images: 1, 2, 3, ... with the channels as the last axis."""
    count = rows * columns * channels
    return np.arange(1, count + 1).reshape(1, rows, columns, channels).transpose(0, 3, 1, 2)


@pytest.mark.parametrize(
    ("forward", "shape", "padding", "expected"),
    [
        (max_pool2d, (3, 3), "valid", [13, 14, 15]),
        (max_pool2d, (2, 3), "same", [13, 14, 15, 16, 17, 18]),
        (avg_pool2d, (3, 3), "valid", [7, 8, 9]),
        (avg_pool2d, (2, 4), "same", [8.5, 9.5, 10.5, 14.5, 15.5, 16.5]),
    ],
)
def test_tensorflow(forward, shape, padding, expected):
    """The cases of its `pooling_ops_test.py`: a 2x2 window, stride 2."""
    output = forward(channels_last(*shape), 2, stride=2, padding=padding)
    assert output.transpose(0, 2, 3, 1).ravel().tolist() == expected


@BOTH
def test_pixels_in_no_window_count_for_nothing(forward, backward):
    """These are the last row and column of odd sides, and the gaps between windows at a stride above their size."""
    x = np.random.default_rng(0).normal(size=(2, 1, 5, 7))
    for window, stride, unseen in ((2, None, np.s_[:, :, 4]), (1, 3, np.s_[:, :, [1, 2, 4]])):
        other = x.copy()
        other[unseen] = np.nan
        output = forward(x, window, stride=stride)
        assert np.array_equal(forward(other, window, stride=stride), output)
        assert not backward(output, x, window, stride=stride)[0][unseen].any()


@BOTH
def test_the_stride_is_that_of_the_window_unless_given(forward, backward):
    x = np.random.default_rng(0).normal(size=(2, 2, 6, 9))
    assert np.array_equal(forward(x, (2, 3)), forward(x, (2, 3), stride=(2, 3)))
    grad_output = np.random.default_rng(1).normal(size=(2, 2, 3, 3))
    (shorter,), (longer,) = backward(grad_output, x, (2, 3)), backward(grad_output, x, (2, 3), stride=(2, 3))
    assert np.array_equal(shorter, longer)


@BOTH
def test_images_in_any_memory_order(forward, backward):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 6))
    grad_output = np.random.default_rng(1).normal(size=forward(x, 3, stride=1).shape)
    for same in (np.asfortranarray(x), x[:, :, ::-1, ::-1].copy()[:, :, ::-1, ::-1]):
        assert np.array_equal(forward(same, 3, stride=1), forward(x, 3, stride=1))
        (ours,), (other,) = backward(grad_output, same, 3, stride=1), backward(grad_output, x, 3, stride=1)
        assert np.array_equal(ours, other)


@BOTH
def test_the_contract(forward, backward):
    x = np.random.default_rng(0).integers(0, 2, size=(2, 3, 4, 5))
    options = {"window": (2, 3), "stride": (1, 2), "padding": ((0, 1), (2, 1))}
    forward, backward = partial(forward, **options), partial(backward, **options)
    average = forward.func is avg_pool2d
    assert_contract(forward, backward, x, holomorphic=average)
    if average:
        assert_complex_step(forward, backward, np.random.default_rng(1).normal(size=x.shape))


def test_the_gradient_of_an_average_keeps_the_digits_and_the_imaginary_parts_of_the_cotangent():
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    for dtype, number in ((np.longdouble, 1 + np.finfo(np.longdouble).eps), (np.complex128, 2 + 3j)):
        (grad_x,) = avg_pool2d_backward(np.full((1, 1, 2, 3), number, dtype), x.astype(dtype), 1)
        assert grad_x.ravel().tolist() == [number] * 6


def test_the_gradient_of_a_maximum_keeps_the_digits_and_the_ring_of_the_cotangent():
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    digits, third = 1 + np.finfo(np.longdouble).eps, Fraction(1, 3)
    (grad_x,) = max_pool2d_backward(np.full((1, 1, 2, 3), digits), x.astype(np.longdouble), 1)
    assert grad_x.ravel().tolist() == [digits] * 6
    (grad_x,) = max_pool2d_backward(np.full((1, 1, 1, 1), third), x, (2, 3))
    assert grad_x.ravel().tolist() == [0, 0, 0, 0, 0, third]


@BOTH
def test_a_window_far_larger_than_the_image_takes_no_time(forward, backward):
    """Each of four windows sees all pixels, and the first pixel at another place in the window."""
    x, options = (
        np.array([[[[5.0, 1.0, 3.0]]]]),
        {"window": (1, 2**28), "stride": 1, "padding": ((0, 0), (2**27, 2**27))},
    )
    output = 5 if forward is max_pool2d else 3
    assert forward(x, **options).tolist() == [[[[output] * 4]]]
    share = [4, 0, 0] if forward is max_pool2d else [4 / 3] * 3
    (grad_x,) = backward(np.ones((1, 1, 1, 4)), x, **options)
    assert grad_x.ravel() == pytest.approx(share, rel=1e-15)


@BOTH
def test_an_empty_batch_is_fine(forward, backward):
    for shape in (0, 2, 4, 5), (2, 0, 4, 5):
        x = np.ones(shape)
        assert forward(x, 2).shape == (*shape[:2], 2, 2)
        assert backward(np.ones((*shape[:2], 2, 2)), x, 2)[0].shape == shape


@BOTH
def test_bad_arguments_are_named(forward, backward):
    x = np.ones((2, 3, 4, 5))
    for call in (forward, partial(backward, x)):
        with pytest.raises(ValueError, match=r"^x must have 4 axes \(N, C, H, W\), got shape \(4, 5\)"):
            call(x[0, 0], 2)
        with pytest.raises(TypeError, match=r"^x must hold numbers, got dtype <U1"):
            call([[[["1"]]]], 1)
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        forward(x, 0)
    with pytest.raises(TypeError, match=r"window must be an integer or a pair, got 2\.0"):
        forward(x, 2.0)
    with pytest.raises(ValueError, match="stride must be at least 1, got 0"):
        forward(x, 2, stride=0)
    with pytest.raises(ValueError, match=r"the window \(5, 5\) is larger than the padded image, \(4, 5\)"):
        forward(x, 5)
    for padding in (2, (0, 2), ((0, 0), (0, 2))):
        with pytest.raises(ValueError, match=r"padding must be narrower than the window \(2, 2\), got .*2"):
            forward(x, 2, padding=padding)
    with pytest.raises(ValueError, match=r"x must have pixels to pool, got shape \(2, 3, 0, 5\)"):
        forward(x[:, :, :0], 3, padding=2)
    with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(2, 3, 2, 2\), got shape"):
        backward(x, x, 2)
    with pytest.raises(ValueError, match="padding must be narrower than the window"):
        backward(x, x, 2, padding=2)


def test_the_largest_of_complex_numbers_is_refused():
    with pytest.raises(TypeError, match="x must be real, since complex numbers are neither larger nor smaller, got c"):
        max_pool2d(np.ones((1, 1, 2, 2), complex), 2)
