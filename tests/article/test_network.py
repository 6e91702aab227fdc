"""The article's network: the printed shapes, the equations in loops, and the derivatives."""

import math
from functools import partial

import numpy as np
import pytest
from hypothesis import given

from scratchcnn import conv2d, patches
from scratchcnn.article import network as article
from scratchcnn.digits.mnist import load_digits
from scratchcnn.gradcheck import assert_gradient
from scratchcnn.operations.dense import dense
from tests.article.cases import EPS, SMALL, VARIANTS, cases
from tests.article.running_error import article_network
from tests.assertions import assert_within


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def drawn():
    return article.draw_parameters(np.random.default_rng(0))


# The article's figures


def test_printed_shapes(digits, drawn):
    x = digits.x()
    assert x.shape == (200, 1, 28, 28)
    assert drawn.filters.shape == (3, 1, 5, 5)
    assert drawn.weight.shape == (1728, 1)
    cut = patches(x, 5)
    assert (len(cut), cut.shape[2] * cut.shape[3], *cut.shape[4:]) == (200, 576, 5, 5)
    z1 = conv2d(x, drawn.filters)
    assert z1.reshape(200, 3, -1).shape == (200, 3, 576)
    a1 = article.convolution_layer(drawn.filters, x=x)
    assert a1.shape == (200, 1728)
    assert dense(a1, drawn.weight, drawn.bias).shape == (200, 1)
    output = article.output_layer(a1, drawn.weight, drawn.bias)
    assert output.T.shape == (1, 200)  # in the article, columns are samples
    assert article.error(drawn.filters, drawn.weight, drawn.bias, x=x, y=digits.y()).shape == ()


def test_a_side_of_n_holds_n_minus_f_plus_1_windows(digits, drawn):
    assert conv2d(digits.x(), drawn.filters).shape == (200, 3, 28 - 5 + 1, 28 - 5 + 1)
    assert article.FEATURES == 3 * (28 - 5 + 1) ** 2 == 1728


def test_uniform_draw(drawn):
    for drawn_array in (drawn.filters, drawn.weight):
        assert drawn_array.min() >= 0
        assert drawn_array.max() < 1
    assert drawn.bias.tolist() == [0.0]


def test_without_standardizing_every_sigmoid_saturates_at_the_articles_draw(digits, drawn):
    a1 = article.convolution_layer(drawn.filters, x=digits.x())
    z2 = dense(a1, drawn.weight, drawn.bias)
    assert z2.min() > -math.log(EPS)  # so that 1 + e^-z rounds to 1
    assert (article.output_layer(a1, drawn.weight, drawn.bias) == 1).all()
    standardized = article.output_layer(a1, drawn.weight, drawn.bias, standardized=True)
    assert 0 < standardized.min() < 0.5 < standardized.max() < 1


# The equations, in loops


def error_in_loops(case, standardized):
    """Compute E from the article's equations, one number at a time."""
    filters, weight, bias = case.parameters
    z2 = []
    for image in case.x:
        a1 = []
        for kernel in filters:
            (_, r, s), (_, h, w) = kernel.shape, image.shape
            for p in range(h - r + 1):
                for q in range(w - s + 1):
                    a1.append(1 / (1 + math.exp(-math.fsum((image[:, p : p + r, q : q + s] * kernel).ravel()))))
        z2.append(math.fsum(a * w for a, w in zip(a1, weight[:, 0], strict=True)) + bias[0])
    if standardized:
        mean = math.fsum(z2) / len(z2)
        deviation = math.sqrt(math.fsum((z - mean) ** 2 for z in z2) / len(z2))
        z2 = [(z - mean) / deviation for z in z2]
    output = [1 / (1 + math.exp(-z)) for z in z2]
    return math.fsum((y - o) ** 2 / 2 for y, o in zip(case.y[:, 0], output, strict=True))


@VARIANTS
@given(case=cases())
def test_error_against_loops(standardized, case):
    bounded, *_ = article_network(*case.parameters, case.x, case.y, standardized)
    actual = case.bound(article.error, standardized)(*case.parameters)
    # Both computations are within the bound of the exact value.
    assert_within(actual, error_in_loops(case, standardized), 2 * bounded.error * EPS / 2)


# The derivatives, through the whole chain


@VARIANTS
@given(case=cases())
def test_dE_dW_through_the_whole_chain(standardized, case):
    assert_whole_chain(case, "weight", standardized)


@VARIANTS
@given(case=cases())
def test_dE_db_through_the_whole_chain(standardized, case):
    assert_whole_chain(case, "bias", standardized)


@VARIANTS
@given(case=cases())
def test_dE_df_through_the_whole_chain(standardized, case):
    assert_whole_chain(case, "filters", standardized)


def assert_whole_chain(case, wrt, standardized):
    forward = case.bound(article.error, standardized)
    backward = case.bound(article.error_backward, standardized)
    assert_gradient(forward, backward, *case.parameters, names=("filters", "weight", "bias"), wrt=(wrt,))


@VARIANTS
@given(case=cases())
def test_dE_dA1_from_a1_on(standardized, case):
    """The chain rule reaches the filters through ∂E/∂A1."""
    filters, weight, bias = case.parameters
    a1 = article.convolution_layer(filters, x=case.x)
    forward = partial(article.error_from_a1, y=case.y, standardized=standardized)
    backward = partial(article.error_from_a1_backward, y=case.y, standardized=standardized)
    assert_gradient(forward, backward, a1, weight, bias, names=("a1", "weight", "bias"), wrt=("a1",))


@given(cases())
def test_convolution_layer(case):
    layer, backward = article.convolution_layer, article.convolution_layer_backward
    assert_gradient(partial(layer, x=case.x), partial(backward, x=case.x), case.parameters[0], names=("filters",))


@VARIANTS
@given(case=cases())
def test_gradients_are_the_whole_chain_with_cotangent_one(standardized, case):
    gradient = article.gradients(article.Parameters(*case.parameters), case.x, case.y, standardized=standardized)
    expected = case.bound(article.error_backward, standardized)(np.ones(()), *case.parameters)
    for actual, array in zip((gradient.filters, gradient.weight, gradient.bias), expected, strict=True):
        np.testing.assert_array_equal(actual, array)


@given(cases(), SMALL)
def test_standardizing_removes_the_bias(case, bias):
    """If Z2 is standardized, E does not depend on b, and ∂E/∂b = 0, up to roundoff."""
    filters, weight, _ = case.parameters
    at = [article_network(filters, weight, b, case.x, case.y, True) for b in (case.parameters[2], np.array([bias]))]
    errors = [case.bound(article.error, True)(filters, weight, b) for b in (case.parameters[2], np.array([bias]))]
    assert_within(*errors, sum(bounded[0].error for bounded in at) * EPS / 2)
    grad_b = case.bound(article.error_backward, True)(np.ones(()), *case.parameters)[2]
    assert_within(grad_b, np.zeros(1), at[0][3].error * EPS / 2)
