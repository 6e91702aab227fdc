from fractions import Fraction
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from scratchcnn import conv2d, conv2d_backward, conv2d_grad_filters, conv2d_grad_input, patches, patches_backward
from scratchcnn.catalogue import CATALOGUE
from scratchcnn.gradcheck import assert_gradient
from scratchcnn.gradcheck.strategies.windows import same_edges
from scratchcnn.operations.convolution.machinery.workspace import spoil
from tests.assertions import assert_complex_step, assert_contract, assert_within, gamma
from tests.strategies import INTEGERS, REALS, convolutions, values


def loops(case):
    """Yield (output index, filter index, image index or None on the padding) of every product of a convolution."""
    (top, _), (left, _) = case.edges
    (images, channels, height, width), (count, _, rows, columns) = case.x.shape, case.filters.shape
    for n, k, p, q in np.ndindex(images, count, *case.places):
        for c, r, s in np.ndindex(channels, rows, columns):
            h, w = p * case.steps[0] + r - top, q * case.steps[1] + s - left
            inside = 0 <= h < height and 0 <= w < width
            yield (n, k, p, q), (k, c, r, s), (n, c, h, w) if inside else None


def conv2d_by_loops(case):
    output = np.zeros((len(case.x), len(case.filters), *case.places))
    for at, weight, pixel in loops(case):
        if pixel is not None:
            output[at] += case.x[pixel] * case.filters[weight]
    return output if case.bias is None else output + case.bias.reshape(1, -1, 1, 1)


def gradients_by_loops(grad_output, case):
    grad_x, grad_filters = np.zeros(case.x.shape), np.zeros(case.filters.shape)
    for at, weight, pixel in loops(case):
        if pixel is not None:
            grad_x[pixel] += grad_output[at] * case.filters[weight]
            grad_filters[weight] += grad_output[at] * case.x[pixel]
    return grad_x, grad_filters


class TestArticle:
    def test_the_3x3_example(self):
        image = np.array([[1, 7, 2], [11, 1, 23], [2, 2, 2]])
        turned_by_nothing = np.array([[1, 1], [0, 1]])
        output = conv2d(image[np.newaxis, np.newaxis], turned_by_nothing[np.newaxis, np.newaxis])
        assert output.tolist() == [[[[9, 32], [14, 26]]]]

    @given(st.integers(1, 12), st.integers(1, 12))
    def test_an_image_of_n_and_a_filter_of_f_give_n_minus_f_plus_1(self, n, f):
        f = min(n, f)
        assert conv2d(np.zeros((2, 1, n, n)), np.zeros((3, 1, f, f))).shape == (2, 3, n - f + 1, n - f + 1)

    def test_its_own_shapes(self):
        assert conv2d(np.zeros((200, 1, 28, 28)), np.zeros((3, 1, 5, 5))).shape == (200, 3, 24, 24)


class TestPatches:
    @given(convolutions(INTEGERS))
    def test_are_what_the_filter_sees(self, case):
        seen = patches(case.x, case.filters.shape[2:], **case.options)
        assert seen.shape == (*case.x.shape[:2], *case.places, *case.filters.shape[2:])
        for (n, _, p, q), (_, c, r, s), pixel in loops(case):
            assert seen[n, c, p, q, r, s] == (0 if pixel is None else case.x[pixel])

    @given(convolutions(), st.data())
    def test_the_backward_pass_adds_up_the_copies_of_each_pixel(self, case, data):
        seen = patches(case.x, case.filters.shape[2:], **case.options)
        grad_output = data.draw(values(seen.shape, INTEGERS))
        expected = np.zeros(case.x.shape)
        for (n, k, p, q), (_, c, r, s), pixel in loops(case):
            if pixel is not None and k == 0:
                expected[pixel] += grad_output[n, c, p, q, r, s]
        (grad_x,) = patches_backward(grad_output, case.x, case.filters.shape[2:], **case.options)
        assert np.array_equal(grad_x, expected)

    def test_are_a_view_that_nobody_can_write_to(self):
        x = np.arange(2.0 * 3 * 5 * 6).reshape(2, 3, 5, 6)
        seen = patches(x, (3, 2), stride=(2, 1))
        assert np.shares_memory(seen, x)
        assert not seen.flags.writeable
        assert not patches(x, 2, padding=1).flags.writeable

    def test_of_an_image_in_any_memory_order(self):
        x = np.arange(2.0 * 3 * 5 * 6).reshape(2, 3, 5, 6)
        for same in (np.asfortranarray(x), x[:, :, ::-1, ::-1].copy()[:, :, ::-1, ::-1]):
            assert np.array_equal(patches(same, (2, 3)), patches(x, (2, 3)))

    @given(convolutions(largest=2), st.integers(0, 99))
    def test_the_derivative(self, case, seed):
        options = {"window": case.filters.shape[2:], **case.options}
        forward, backward = partial(patches, **options), partial(patches_backward, **options)
        assert_gradient(forward, backward, case.x, degree=1, seed=seed)

    def test_the_contract(self):
        x = np.random.default_rng(0).integers(0, 2, size=(2, 3, 4, 5))
        options = {"window": (2, 3), "stride": (1, 2), "padding": ((0, 1), (2, 1))}
        forward, backward = partial(patches, **options), partial(patches_backward, **options)
        assert_contract(forward, backward, x)
        assert_complex_step(forward, backward, np.random.default_rng(1).normal(size=x.shape))


class TestForward:
    @given(convolutions(INTEGERS))
    def test_is_the_nested_loops_exactly_on_integers(self, case):
        assert np.array_equal(conv2d(*case.inputs, **case.options), conv2d_by_loops(case))

    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
    @given(data=st.data())
    def test_is_the_nested_loops_within_roundoff(self, dtype, data):
        case = data.draw(convolutions(dtype=dtype))
        output = conv2d(*case.inputs, **case.options)
        terms = case.filters[0].size + 1  # a product and an addition each, and the bias
        magnitude = conv2d(*(np.abs(a, dtype=np.float64) for a in case.inputs), **case.options)
        assert output.dtype == dtype
        # The loops run in float64, where sums of few multiples of 2^-18 are exact.
        assert_within(output.astype(np.float64), conv2d_by_loops(case), gamma(terms + 1, dtype) * magnitude)

    @given(st.integers(1, 12), st.integers(1, 5), st.integers(1, 4))
    def test_same_gives_as_many_outputs_as_there_are_strides_in_the_image(self, length, window, stride):
        x, filters = np.ones((1, 1, length, length + 1)), np.ones((1, 1, window, window))
        output = conv2d(x, filters, stride=stride, padding="same")
        assert output.shape[2:] == (-(-length // stride), -(-(length + 1) // stride))
        edges = tuple(same_edges(n, window, stride) for n in x.shape[2:])
        assert np.array_equal(output, conv2d(x, filters, stride=stride, padding=edges))

    def test_an_empty_batch_is_fine(self):
        x, filters, bias = np.ones((0, 2, 4, 5)), np.ones((3, 2, 2, 2)), np.ones(3)
        assert conv2d(x, filters, bias, padding=1).shape == (0, 3, 5, 6)
        grads = conv2d_backward(np.ones((0, 3, 5, 6)), x, filters, bias, padding=1)
        assert [g.shape for g in grads] == [x.shape, filters.shape, bias.shape]
        assert not grads[1].any()
        assert patches(x, 2).shape == (0, 2, 3, 4, 2, 2)
        assert patches_backward(np.ones((0, 2, 3, 4, 2, 2)), x, 2)[0].shape == x.shape


class TestBackward:
    @given(convolutions(INTEGERS), st.data())
    def test_is_the_nested_loops_exactly_on_integers(self, case, data):
        grad_output = data.draw(values(conv2d(*case.inputs, **case.options).shape, INTEGERS))
        grad_x, grad_filters, *grad_bias = conv2d_backward(grad_output, *case.inputs, **case.options)
        expected_x, expected_filters = gradients_by_loops(grad_output, case)
        assert np.array_equal(grad_x, expected_x)
        assert np.array_equal(grad_filters, expected_filters)
        assert len(grad_bias) == (0 if case.bias is None else 1)
        for grad in grad_bias:
            assert grad.tolist() == [grad_output[:, k].sum() for k in range(len(case.filters))]

    @given(convolutions(largest=2, bias=st.just(False)), st.integers(0, 99))
    def test_dE_df(self, case, seed):
        """∂E/∂f is the convolution of X with ∂E/∂Z."""

        def forward(filters):
            return conv2d(case.x, filters, **case.options)

        def backward(grad_output, filters):
            return (conv2d_grad_filters(grad_output, case.x, filters.shape[2:], **case.options),)

        assert_gradient(forward, backward, case.filters, degree=1, seed=seed)

    @given(convolutions(largest=2, bias=st.just(False)), st.integers(0, 99))
    def test_dE_dX(self, case, seed):
        """∂E/∂X is the convolution of ∂E/∂Z with the filters, turned by 180 degrees."""

        def forward(x):
            return conv2d(x, case.filters, **case.options)

        def backward(grad_output, x):
            return (conv2d_grad_input(grad_output, case.filters, x.shape[2:], **case.options),)

        assert_gradient(forward, backward, case.x, degree=1, seed=seed)

    @given(convolutions(largest=2), st.integers(0, 99))
    def test_all_derivatives_together(self, case, seed):
        forward, backward = partial(conv2d, **case.options), partial(conv2d_backward, **case.options)
        names = ("x", "filters", "bias")[: len(case.inputs)]
        assert_gradient(forward, backward, *case.inputs, names=names, degree=1, seed=seed)

    @given(values((2, 3, 5, 6), INTEGERS), values((2, 4, 3, 5), INTEGERS))
    def test_dE_df_is_the_convolution_of_the_images_with_dE_dZ(self, x, grad_output):
        """As the article has it: the images' channels and the outputs' filters become batch and filters."""
        as_convolution = conv2d(x.transpose(1, 0, 2, 3), grad_output.transpose(1, 0, 2, 3)).transpose(1, 0, 2, 3)
        assert np.array_equal(conv2d_grad_filters(grad_output, x, (3, 2)), as_convolution)

    @given(values((2, 4, 3, 5), INTEGERS), values((4, 3, 3, 2), INTEGERS))
    def test_dE_dX_is_the_full_convolution_of_dE_dZ_with_the_turned_filters(self, grad_output, filters):
        turned = filters[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        assert np.array_equal(
            conv2d_grad_input(grad_output, filters, (5, 6)), conv2d(grad_output, turned, padding=(2, 1))
        )

    def test_the_contract(self):
        rng = np.random.default_rng(0)
        shapes = (2, 3, 4, 5), (2, 3, 2, 3), (2,)
        options = {"stride": (1, 2), "padding": ((0, 1), (2, 1))}
        forward, backward = partial(conv2d, **options), partial(conv2d_backward, **options)
        for count in (2, 3):  # without and with a bias
            assert_contract(forward, backward, *(rng.integers(0, 2, size=s) for s in shapes[:count]))
            assert_complex_step(forward, backward, *(rng.normal(size=s) for s in shapes[:count]))

    def test_a_complex_gradient_of_a_real_image_is_refused(self):
        with pytest.raises(TypeError, match="must be all real or all complex"):
            conv2d_backward(np.ones((1, 1, 2, 2)), np.ones((1, 1, 3, 3)), np.full((1, 1, 2, 2), 1j))


(ROW,) = (operation for operation in CATALOGUE if operation.name == "conv2d")


@pytest.mark.parametrize("sample", list(ROW.samples(np.random.default_rng(0))))
def test_every_lowering_is_the_definition_by_patches_exactly_on_integers(sample):
    """At the samples of the catalogue, which reach all of them, and with two threads, the shares of each."""
    x, filters, *bias = (np.rint(8.0 * a).astype(a.dtype) for a in sample.inputs)
    seen = patches(x, filters.shape[2:], **sample.options)
    expected = np.tensordot(seen, filters, axes=((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2)
    grad_output = np.random.default_rng(1).integers(-9, 10, expected.shape).astype(np.float64)
    by_patches = np.tensordot(grad_output, filters, axes=(1, 0)).transpose(0, 3, 1, 2, 4, 5)
    with threadpool_limits(2, "blas"):
        spoil()
        output = conv2d(x, filters, *bias, **sample.options)
        spoil()
        gradients = conv2d_backward(grad_output, x, filters, *bias, **sample.options)
    assert np.array_equal(output, expected + (bias[0].reshape(-1, 1, 1) if bias else 0))
    assert np.array_equal(gradients[0], patches_backward(by_patches, x, filters.shape[2:], **sample.options)[0])
    assert np.array_equal(gradients[1], np.tensordot(grad_output, seen, axes=((0, 2, 3), (0, 2, 3))))
    assert not bias or np.array_equal(gradients[2], grad_output.sum(axis=(0, 2, 3)))


IMAGES, FILTERS, BIAS = np.ones((2, 3, 5, 6)), np.ones((4, 3, 2, 3)), np.ones(4)


@pytest.mark.parametrize(
    ("arguments", "options", "error", "message"),
    [
        ([np.ones((5, 6)), FILTERS], {}, ValueError, r"x must have 4 axes \(N, C, H, W\), got shape \(5, 6\)"),
        ([IMAGES, np.ones((2, 3))], {}, ValueError, r"filters must have 4 axes \(K, C, R, S\), got shape \(2, 3\)"),
        (
            [IMAGES, np.ones((4, 2, 2, 3))],
            {},
            ValueError,
            r"x and filters must have as many channels \(axis 1\): x has 3 of shape \(2, 3, 5, 6\), filters 2 of",
        ),
        ([IMAGES, FILTERS[:, :, :0]], {}, ValueError, r"filters must not be empty, got shape \(4, 3, 0, 3\)"),
        ([IMAGES, FILTERS[:0]], {}, ValueError, r"filters must not be empty, got shape \(0, 3, 2, 3\)"),
        ([IMAGES, FILTERS, np.ones((4, 1))], {}, ValueError, r"bias must have 1 axis \(K\), got shape \(4, 1\)"),
        (
            [IMAGES, FILTERS, np.ones(3)],
            {},
            ValueError,
            r"bias must be one number a filter, shape \(4,\), got .*\(3,\)",
        ),
        (
            [IMAGES, np.ones((4, 3, 6, 3))],
            {},
            ValueError,
            r"the window \(6, 3\) is larger than the padded image, \(5, 6\)",
        ),
        (
            [IMAGES, np.ones((4, 3, 1, 9))],
            {"padding": (0, 1)},
            ValueError,
            r"the window \(1, 9\) is larger than the padded image, \(5, 8\)",
        ),
        ([IMAGES, FILTERS], {"stride": 0}, ValueError, "stride must be at least 1, got 0"),
        ([IMAGES, FILTERS], {"stride": (1, 0)}, ValueError, r"stride must be at least 1, got \(1, 0\)"),
        ([IMAGES, FILTERS], {"stride": (1, 2, 3)}, ValueError, r"stride must be an integer or a pair, got \(1, 2, 3\)"),
        ([IMAGES, FILTERS], {"stride": 1.5}, TypeError, "stride must be an integer or a pair, got 1.5"),
        ([IMAGES, FILTERS], {"stride": (1, 1.5)}, TypeError, r"stride must be made of integers, got \(1, 1.5\)"),
        ([IMAGES, FILTERS], {"padding": -1}, ValueError, "padding must be at least 0, got -1"),
        ([IMAGES, FILTERS], {"padding": ((0, 1), (0, -2))}, ValueError, r"padding must be at least 0, got \(0, -2\)"),
        ([IMAGES, FILTERS], {"padding": "full"}, ValueError, 'padding must be "valid", "same" or .*, got \'full\''),
        ([IMAGES, FILTERS], {"padding": None}, TypeError, "padding must be an integer or a pair, got None"),
        ([None, FILTERS], {}, TypeError, "x must hold numbers, got an array of NoneType"),
        ([IMAGES, FILTERS.astype(str)], {}, TypeError, "filters must hold numbers, got dtype <U"),
        ([IMAGES, FILTERS, [None] * len(BIAS)], {}, TypeError, "bias must hold numbers, got an array of NoneType"),
        ([[[1, 2], [3]], FILTERS], {}, ValueError, "x must be an array, but its rows differ in length"),
    ],
)
def test_bad_arguments_are_named(arguments, options, error, message):
    with pytest.raises(error, match=message):
        conv2d(*arguments, **options)
    with pytest.raises(error, match=message):
        conv2d_backward(np.ones((2, 4, 4, 4)), *arguments, **options)


@pytest.mark.parametrize("shape", [(3, 4, 4, 4), (2, 5, 4, 4), (2, 4, 5, 4), (2, 4, 4, 3)])
def test_a_cotangent_that_does_not_fit_is_named(shape):
    message = rf"grad_output must have the shape of the output, \(.*\), got shape \({', '.join(map(str, shape))}\)"
    with pytest.raises(ValueError, match=message):
        conv2d_backward(np.ones(shape), IMAGES, FILTERS)


def test_fractions_are_convolved_exactly_also_beside_floats():
    third = np.frompyfunc(lambda number: Fraction(int(number), 3), 1, 1)
    x, filters, g = (
        np.arange(1.0, 1 + np.prod(shape)).reshape(shape) for shape in ((2, 5, 3, 6), (4, 5, 2, 3), (2, 4, 2, 4))
    )
    for call, a, b, *image in (
        (conv2d, x, filters),
        (conv2d_grad_input, g, filters, (3, 6)),
        (conv2d_grad_filters, g, x, (2, 3)),
    ):
        exact = call(third(a), third(b), *image)
        assert (9 * exact).tolist() == call(a, b, *image).tolist()
        assert all(type(number) is Fraction for number in exact.flat)
        for mixed in (call(third(a), b, *image), call(a, third(b), *image)):
            assert mixed.dtype == object
            assert mixed.astype(float) == pytest.approx(3 * exact.astype(float), rel=1e-14)


def test_an_image_may_have_no_pixels_and_no_fewer():
    grad_x = conv2d_grad_input(np.ones((1, 1, 1, 2)), np.ones((1, 1, 1, 1)), (0, 1), padding=((0, 1), (0, 1)))
    assert grad_x.shape == (1, 1, 0, 1)
    with pytest.raises(ValueError, match=r"^image must be at least 0, got -1"):
        conv2d_grad_input(np.ones((1, 1, 1, 1)), np.ones((1, 1, 1, 1)), -1)


def test_each_part_names_what_it_is_given():
    for backward, *others in (
        (conv2d_backward, IMAGES, FILTERS),
        (conv2d_grad_filters, IMAGES, (2, 3)),
        (conv2d_grad_input, FILTERS, (5, 6)),
    ):
        with pytest.raises(ValueError, match=r"^grad_output must have 4 axes \(N, K, P, Q\), got shape \(4,\)"):
            backward(np.ones(4), *others)
    with pytest.raises(ValueError, match=r"^x must have 4 axes \(N, C, H, W\), got shape \(3, 5, 6\)"):
        conv2d_grad_filters(np.ones((2, 4, 4, 4)), IMAGES[0], (2, 3))
    with pytest.raises(ValueError, match=r"^filters must have 4 axes \(K, C, R, S\), got shape \(3, 2, 3\)"):
        conv2d_grad_input(np.ones((2, 4, 4, 4)), FILTERS[0], (5, 6))


def test_each_part_names_a_cotangent_that_does_not_fit():
    with pytest.raises(ValueError, match=r"the shape of the output, \(2, 4, 4, 4\), got shape \(2, 4, 4, 5\)"):
        conv2d_grad_filters(np.ones((2, 4, 4, 5)), IMAGES, (2, 3))
    with pytest.raises(ValueError, match=r"the shape of the output, \(2, 4, 4, 4\), got shape \(2, 1, 4, 4\)"):
        conv2d_grad_input(np.ones((2, 1, 4, 4)), FILTERS, (5, 6))
    with pytest.raises(ValueError, match=r"image must be an integer or a pair, got \(3, 5, 6\)"):
        conv2d_grad_input(np.ones((2, 4, 4, 4)), FILTERS, (3, 5, 6))
    with pytest.raises(
        ValueError, match=r"the shape of the output, \(2, 3, 4, 4, 2, 3\), got shape \(2, 3, 4, 4, 3, 2\)"
    ):
        patches_backward(np.ones((2, 3, 4, 4, 3, 2)), IMAGES, (2, 3))
    with pytest.raises(ValueError, match=r"x must have 4 axes \(N, C, H, W\), got shape \(3, 5, 6\)"):
        patches_backward(np.ones((2, 3, 4, 4, 3, 2)), IMAGES[0], (2, 3))
    with pytest.raises(ValueError, match="window must be at least 1, got 0"):
        patches(IMAGES, 0)


@given(convolutions(elements=REALS))
def test_a_window_or_stride_of_two_alike_may_be_one_number(case):
    assert np.array_equal(patches(case.x, 1, stride=2), patches(case.x, (1, 1), stride=(2, 2)))
    assert np.array_equal(patches(case.x, np.int64(1), padding=[1, 2]), patches(case.x, 1, padding=((1, 1), (2, 2))))
