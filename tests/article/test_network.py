"""The article's network: its printed shapes, its equations in loops, its derivatives, and that it learns."""

import math
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scratchcnn.article import network as article
from scratchcnn.digits.mnist import load_digits
from scratchcnn.gradcheck import assert_gradient
from scratchcnn.operations.convolution.conv2d import conv2d, patches
from scratchcnn.operations.dense import dense
from tests.article.running_error import article_network
from tests.assertions import assert_within
from tests.strategies import values

EPS = np.finfo(np.float64).eps
VARIANTS = pytest.mark.parametrize("standardized", [False, True], ids=["as printed", "as trained"])


@dataclass(frozen=True, eq=False)
class Case:
    """A small network of the article's kind, with its images and targets."""

    parameters: tuple[np.ndarray, np.ndarray, np.ndarray]
    x: np.ndarray
    y: np.ndarray

    def bound(self, function, standardized):
        return partial(function, x=self.x, y=self.y, standardized=standardized)


# Of a size that leaves most sigmoids unsaturated.
SMALL = st.integers(-512, 512).map(lambda k: k / 512)


@st.composite
def cases(draw):
    """Networks whose Z2 differ enough to be standardized, as they do for three samples and more."""
    n, k, c = draw(st.integers(3, 5)), draw(st.integers(1, 3)), draw(st.integers(1, 2))
    r, s = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    p, q = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    x = draw(values((n, c, p + r - 1, q + s - 1), SMALL))
    filters, weight = draw(values((k, c, r, s), SMALL)), draw(values((k * p * q, 1), SMALL))
    z2 = dense(article.convolution_layer(filters, x=x), weight, np.zeros(1))
    assume(z2.std() > 1e-3)
    return Case((filters, weight, draw(values((1,), SMALL))), x, draw(values((n, 1), st.sampled_from([0.0, 1.0]))))


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def drawn():
    return article.draw_parameters(np.random.default_rng(0))


# What the article prints


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
    assert output.T.shape == (1, 200)  # columns are samples there
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
    assert z2.min() > -math.log(EPS)  # from there on 1 + e^-z is 1
    assert (article.output_layer(a1, drawn.weight, drawn.bias) == 1).all()
    standardized = article.output_layer(a1, drawn.weight, drawn.bias, standardized=True)
    assert 0 < standardized.min() < 0.5 < standardized.max() < 1


# The equations, in loops


def error_in_loops(case, standardized):
    """E from the article's equations, one number at a time."""
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
    # Two computations, each within its own bound.
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
    """∂E/∂A1: what the filters are reached through."""
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
    """∂E/∂b = 0 where standardized: E does not depend on b, up to roundoff."""
    filters, weight, _ = case.parameters
    at = [article_network(filters, weight, b, case.x, case.y, True) for b in (case.parameters[2], np.array([bias]))]
    errors = [case.bound(article.error, True)(filters, weight, b) for b in (case.parameters[2], np.array([bias]))]
    assert_within(*errors, sum(bounded[0].error for bounded in at) * EPS / 2)
    grad_b = case.bound(article.error_backward, True)(np.ones(()), *case.parameters)[2]
    assert_within(grad_b, np.zeros(1), at[0][3].error * EPS / 2)


# Gradient descent


@VARIANTS
@given(case=cases())
def test_a_small_enough_step_lowers_the_error(standardized, case):
    """Halving the step leads to one that gains at least half of what the slope promises (Armijo, 1966)."""
    parameters = article.Parameters(*case.parameters)
    gradient = article.gradients(parameters, case.x, case.y, standardized=standardized)
    slope = sum(float((g**2).sum()) for g in (gradient.filters, gradient.weight, gradient.bias))
    error = case.bound(article.error, standardized)
    bounded, *_ = article_network(*case.parameters, case.x, case.y, standardized)
    start, roundoff = error(*case.parameters), 2 * bounded.error * EPS / 2
    rate = 1.0
    while rate * slope / 2 > roundoff:
        moved = article.descend(parameters, gradient, rate)
        if error(moved.filters, moved.weight, moved.bias) <= start - rate * slope / 2:
            return
        rate /= 2
    assert slope <= 2 * roundoff  # a stationary point: there is nothing to gain


def test_one_step_on_the_digits_lowers_the_error(digits, drawn):
    x, y = digits.x(), digits.y()
    gradient = article.gradients(drawn, x, y, standardized=True)
    moved = article.descend(drawn, gradient, 1e-3)
    before, after = (article.error(p.filters, p.weight, p.bias, x=x, y=y, standardized=True) for p in (drawn, moved))
    assert after < before


def test_descend_moves_against_the_gradient():
    parameters = article.Parameters(np.full((1, 1, 1, 1), 4.0), np.array([[2.0]]), np.array([1.0]))
    gradient = article.Parameters(np.full((1, 1, 1, 1), 8.0), np.array([[-2.0]]), np.array([0.5]))
    moved = article.descend(parameters, gradient, 0.5)
    assert (moved.filters.item(), moved.weight.item(), moved.bias.item()) == (0.0, 3.0, 0.75)
    assert (parameters.filters.item(), parameters.weight.item(), parameters.bias.item()) == (4.0, 2.0, 1.0)


@pytest.mark.parametrize("seed", [0, 1])
def test_training_reaches_95_percent_in_60_epochs(digits, seed):
    *_, last = article.train(digits.x(), digits.y(), seed=seed)
    assert last.number == 60
    assert last.accuracy >= 0.95


def test_an_epoch_reports_where_its_parameters_stand(digits):
    x, y = digits.x()[:20], digits.y()[:20]
    for epoch in article.train(x, y, epochs=3):
        p = epoch.parameters
        assert epoch.error == article.error(p.filters, p.weight, p.bias, x=x, y=y, standardized=True)
        output = article.output_layer(article.convolution_layer(p.filters, x=x), p.weight, p.bias, standardized=True)
        assert epoch.accuracy == sum((o > 0.5) == bool(t) for o, t in zip(output.flat, y.flat, strict=True)) / 20
    assert epoch.number == 3


def test_the_same_seed_learns_the_same(digits):
    x, y = digits.x()[:20], digits.y()[:20]
    errors = [[epoch.error for epoch in article.train(x, y, epochs=3, seed=seed)] for seed in (4, 4, 5)]
    assert errors[0] == errors[1] != errors[2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"rate": 0.0}, "rate must be a finite number above 0, got 0.0"),
        ({"rate": -1.0}, "rate must be a finite number above 0, got -1.0"),
        ({"rate": math.nan}, "rate must be a finite number above 0, got nan"),
        ({"rate": math.inf}, "rate must be a finite number above 0, got inf"),
        ({"seed": -1}, "seed must be at least 0, got -1"),
    ],
)
def test_numbers_out_of_range(digits, options, message):
    with pytest.raises(ValueError, match=message):
        article.train(digits.x()[:5], digits.y()[:5], **options)


def test_one_digit_cannot_be_standardized(digits):
    with pytest.raises(ValueError, match="at least 2 digits, got 1"):
        article.train(digits.x()[:1], digits.y()[:1])


def test_images_that_are_all_alike_cannot_be_standardized(digits):
    x, y = np.repeat(digits.x()[:1], 3, axis=0), digits.y()[:3]
    with pytest.raises(ValueError, match="spread"):
        next(article.train(x, y))


def test_a_rate_that_overflows_is_named(digits):
    with pytest.raises(ValueError, match=r"not finite any more after epoch 1: the rate 1e\+308 is too large"):
        next(article.train(digits.x(), digits.y(), rate=1e308))
