"""The operations on numbers of other rings than the floats: fractions, mpmath's numbers, decimals.

Fractions make the derivative of a polynomial exact, and the tests compare `<c, J v>` with `<Jᵀ c, v>` by `==`. If f is
linear in the input that moves, J v is `f(x + v) - f(x)`; if it is quadratic, J v is `(f(x + v) - f(x - v)) / 2`. If f
is linear only near x, as the maximum of a window without ties is, v is short.
"""

from decimal import Decimal, localcontext
from fractions import Fraction
from functools import partial

import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import scratchcnn as s
from scratchcnn.operations import _rings
from tests.strategies import convolutions, dense_inputs, poolings, shapes, values

exact = np.frompyfunc(Fraction, 1, 1)
SHORT = Fraction(1, 2**20)  # factor of a short direction: far below the distance of entries that differ
IMAGES = st.tuples(*(st.integers(1, 3) for _ in range(4)))


def fractions(array):
    """Convert the numbers to an object array of fractions."""
    return np.asarray(exact(np.asarray(array, float)), object)


def inner(a, b):
    return sum((x * y for x, y in zip(np.ravel(a), np.ravel(b), strict=True)), Fraction(0))


def assert_adjoint(data, forward, backward, *inputs, degree=1, short=False):
    """Assert `<c, J v> == <Jᵀ c, v>` for each input along a drawn direction v, exactly."""
    inputs = [fractions(a) for a in inputs]
    output = np.asarray(forward(*inputs), object)
    assert all(
        isinstance(number, int | Fraction) for number in output.flat
    )  # the integers are zeros that an operation inserts
    c = fractions(data.draw(values(output.shape)))
    gradients = backward(c, *inputs)
    assert len(gradients) == len(inputs)
    for k, (x, gradient) in enumerate(zip(inputs, gradients, strict=True)):
        v = fractions(data.draw(values(x.shape)))
        v = v * SHORT if short else v
        moved = [[*inputs[:k], np.asarray(x + side * v, object), *inputs[k + 1 :]] for side in (1, -1)]
        right, left = (np.asarray(forward(*each), object) for each in moved)
        along = right - output if degree == 1 else (right - left) / 2
        if degree == 1:
            assert np.array_equal(along, output - left)  # f is linear between x - v and x + v
        assert gradient.shape == x.shape
        assert all(isinstance(number, int | Fraction) for number in gradient.flat)
        assert inner(c, along) == inner(gradient, v)


# Polynomials, in fractions


@given(convolutions(), st.data())
def test_conv2d(case, data):
    pair = (partial(f, **case.options) for f in (s.conv2d, s.conv2d_backward))
    assert_adjoint(data, *pair, *case.inputs)


@given(convolutions(bias=st.just(True), largest=2), st.data())
def test_conv2d_in_fractions_is_that_in_floats(case, data):
    """The inputs are multiples of 1/512, and the sums have few terms, so that the floats are exact, too."""
    output = s.conv2d(*map(fractions, case.inputs), **case.options)
    assert np.array_equal(output.astype(float), s.conv2d(*case.inputs, **case.options))
    c = data.draw(values(output.shape))
    for gradient, floats in zip(
        s.conv2d_backward(fractions(c), *map(fractions, case.inputs), **case.options),
        s.conv2d_backward(c, *case.inputs, **case.options),
        strict=True,
    ):
        assert np.array_equal(gradient.astype(float), floats)


@given(convolutions(bias=st.just(False)), st.data())
def test_patches(case, data):
    options = {**case.options, "window": case.filters.shape[2:]}
    pair = (partial(f, **options) for f in (s.patches, s.patches_backward))
    assert_adjoint(data, *pair, case.x)


@given(dense_inputs(), st.data())
def test_dense(inputs, data):
    assert_adjoint(data, s.dense, s.dense_backward, *inputs)


@given(shapes(), st.data())
def test_squared_error(shape, data):
    inputs = data.draw(values(shape)), data.draw(values(shape))
    assert_adjoint(data, s.squared_error, s.squared_error_backward, *inputs, degree=2)


@given(IMAGES.flatmap(values), st.data())
def test_flatten(x, data):
    assert_adjoint(data, s.flatten, s.flatten_backward, x)


@given(convolutions(bias=st.just(False)), st.data())
def test_pad2d(case, data):
    """The padding is ((top, bottom), (left, right)), as wide as a convolution may have it."""
    pair = (partial(f, padding=case.edges) for f in (s.pad2d, s.pad2d_backward))
    assert_adjoint(data, *pair, case.x)


@given(poolings(), st.data())
def test_avg_pool2d(case, data):
    pair = (partial(f, **case.options) for f in (s.avg_pool2d, s.avg_pool2d_backward))
    assert_adjoint(data, *pair, case.x)


# Operations that are linear near a point without ties


def without_ties(data, shape):
    """Draw an array in which no two entries are equal and none is 0."""
    size = int(np.prod(shape))
    order = data.draw(st.permutations(range(size)))
    shift = data.draw(st.integers(0, size))
    return (np.array(order).reshape(shape) - shift + 0.5) / 4


@given(poolings(), st.data())
def test_max_pool2d(case, data):
    pair = (partial(f, **case.options) for f in (s.max_pool2d, s.max_pool2d_backward))
    assert_adjoint(data, *pair, without_ties(data, case.x.shape), short=True)


@given(shapes(), st.data())
def test_relu(shape, data):
    assert_adjoint(data, s.relu, s.relu_backward, without_ties(data, shape), short=True)


@given(shapes(), st.fractions(-3, 3), st.data())
def test_leaky_relu(shape, alpha, data):
    pair = (partial(f, alpha=alpha) for f in (s.leaky_relu, s.leaky_relu_backward))
    assert_adjoint(data, *pair, without_ties(data, shape), short=True)


# Functions of mpmath's numbers

NOT_POLYNOMIAL = {
    "sigmoid": (s.sigmoid, s.sigmoid_backward),
    "tanh": (s.tanh, s.tanh_backward),
    "standardize": (partial(s.standardize, axis=0), partial(s.standardize_backward, axis=0)),
    "softmax_cross_entropy": (s.softmax_cross_entropy, s.softmax_cross_entropy_backward),
}
MATRICES = st.tuples(st.integers(2, 4), st.integers(1, 3))


def drawn_call(name, shape, data):
    """Draw a point x, with forward and backward as functions of x alone."""
    forward, backward = NOT_POLYNOMIAL[name]
    if name == "softmax_cross_entropy":
        labels = np.array(data.draw(st.lists(st.integers(0, shape[1] - 1), min_size=shape[0], max_size=shape[0])))
        return data.draw(values(shape)), partial(forward, labels=labels), partial(backward, labels=labels)
    x = without_ties(data, shape) if name == "standardize" else data.draw(values(shape))
    return x, forward, backward


def mp(array):
    return np.asarray(np.frompyfunc(lambda number: mpmath.mpf(float(number)), 1, 1)(np.asarray(array)), object)


@pytest.mark.parametrize("name", NOT_POLYNOMIAL)
@given(MATRICES, st.data())
def test_mpmath_numbers_give_what_floats_give(name, shape, data):
    x, forward, backward = drawn_call(name, shape, data)
    output = forward(x)
    c = data.draw(values(output.shape))
    with mpmath.workdps(30):
        theirs, (gradient, *_) = forward(mp(x)), backward(mp(c), mp(x))
    assert type(np.ravel(theirs)[0]) is mpmath.mpf
    np.testing.assert_allclose(np.asarray(theirs, float), output, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(gradient.astype(float), backward(c, x)[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", NOT_POLYNOMIAL)
@given(MATRICES, st.data())
def test_the_derivative_to_forty_digits(name, shape, data):
    """A central difference at a step of 1e-25, computed with 100 digits, is off by about 1e-50."""
    x, forward, backward = drawn_call(name, shape, data)
    c, v = data.draw(values(np.shape(forward(x)))), data.draw(values(shape))
    with mpmath.workdps(100):
        c, x, v, step = mp(c), mp(x), mp(v), mpmath.mpf(10) ** -25
        along = (np.asarray(forward(x + step * v)) - np.asarray(forward(x - step * v))) / (2 * step)
        (gradient, *_) = backward(c, x)
        expected, found = inner(c, along), inner(gradient, v)
        assert abs(found - expected) <= mpmath.mpf(10) ** -40 * (1 + abs(expected))


@given(values((3, 2)), st.data())
def test_sigmoid_of_decimals(z, data):
    """A decimal has exp as a method, but no mpmath context."""
    c = data.draw(values(z.shape))
    to_decimal = np.frompyfunc(Decimal, 1, 1)
    with localcontext(prec=60), mpmath.workdps(60):
        output = s.sigmoid(to_decimal(z))
        (gradient,) = s.sigmoid_backward(to_decimal(c), to_decimal(z))
        for o, g, x, weight in zip(output.flat, gradient.flat, z.flat, c.flat, strict=True):
            expected = 1 / (1 + mpmath.exp(-mpmath.mpf(x)))
            assert abs(mpmath.mpf(str(o)) - expected) < 1e-50
            assert abs(mpmath.mpf(str(g)) - weight * expected * (1 - expected)) < 1e-50


# Refused arguments

BAD = np.array([[[["1", None]]]], object)
ONE = np.ones((1, 1, 1, 2))


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: s.conv2d(BAD, ONE), "x"),
        (lambda: s.conv2d(ONE, BAD), "filters"),
        (lambda: s.conv2d_backward(BAD, ONE, ONE), "grad_output"),
        (lambda: s.patches(BAD, window=1), "x"),
        (lambda: s.dense(BAD[0, 0], np.ones((2, 1)), np.ones(1)), "x"),
        (lambda: s.squared_error(ONE, BAD), "target"),
        (lambda: s.flatten(BAD), "x"),
        (lambda: s.pad2d(BAD, 1), "x"),
        (lambda: s.avg_pool2d(BAD, 1), "x"),
        (lambda: s.max_pool2d(BAD, 1), "x"),
        (lambda: s.relu(BAD), "z"),
        (lambda: s.leaky_relu_backward(BAD, ONE), "grad_output"),
        (lambda: s.sigmoid(BAD), "z"),
        (lambda: s.tanh_backward(ONE, BAD), "z"),
        (lambda: s.standardize(BAD), "z"),
        (lambda: s.softmax_cross_entropy(BAD[0, 0], [0]), "logits"),
    ],
)
def test_objects_that_are_no_numbers_are_named(call, name):
    with pytest.raises(TypeError, match=rf"{name} must hold numbers, got an array of NoneType, str"):
        call()


@pytest.mark.parametrize("function", [s.sigmoid, s.tanh, s.standardize])
def test_a_function_that_a_ring_has_not_is_named(function):
    with pytest.raises(TypeError, match=r"a Fraction has no (exp|tanh|sqrt)"):
        function(fractions([1, 2]))


def test_equal_numbers_have_no_spread_in_any_ring():
    with pytest.raises(ValueError, match="z must have a spread"):
        s.standardize(mp([2, 2]))


@pytest.mark.parametrize("function", [s.relu, s.leaky_relu, partial(s.max_pool2d, window=1)])
def test_complex_numbers_among_objects_cannot_be_compared(function):
    with pytest.raises(TypeError, match="must be real"):
        function(np.array([[[[mpmath.mpc(1, 2)]]]], object))


# The functions themselves


def test_a_zero_that_an_operation_inserted_is_an_integer_and_stays_one():
    found = _rings.apply(np.exp, np.array([[0], [0]], object))
    assert (found.dtype, found.tolist()) == (object, [[1], [1]])
    assert all(type(number) is int for number in found.flat)


def test_what_floats_know_of_themselves():
    for dtype in (np.float16, np.float32, np.float64, np.longdouble):
        values = np.array([1, np.nan, np.inf], dtype)
        assert _rings.is_nan(values).tolist() == [False, True, False]
        assert [_rings.all_finite(values[chosen]) for chosen in ([0], [0, 1], [0, 2])] == [True, False, False]
        assert _rings.roundoff(values) == float(np.finfo(dtype).eps)


def test_what_objects_are_taken_for():
    values = np.array([Fraction(1), mpmath.mpf("nan")])
    assert _rings.is_nan(values).tolist() == [False, True]
    assert not _rings.all_finite(values[:1])
    assert _rings.roundoff(values) == 0


class TestContract:
    A, B = np.array([[Fraction(1, 2), Fraction(3)]] * 40), np.array([[1, 2], [3, 4]], np.clongdouble)

    def test_is_the_tensor_product(self):
        found = _rings.contract(self.A, self.A.T, (1, 0))
        assert (found == np.tensordot(self.A, self.A.T, axes=(1, 0))).all()
        assert np.array_equal(_rings.contract(self.B, self.B, ((0,), (1,))), np.tensordot(self.B, self.B, ((0,), (1,))))
        assert _rings.contract(self.A[:0], self.A.T, (1, 0)).shape == (0, 40)

    def test_numbers_that_do_not_multiply_are_a_type_error(self):
        """Of NumPy alone a `SystemError`, where Python notices the exception that is set."""
        with pytest.raises(TypeError, match="unsupported operand"):
            _rings.contract(self.A, self.B, (1, 0))
        with pytest.raises(TypeError, match="unsupported operand"):
            s.conv2d(self.A[None, None], self.B[None, None])
