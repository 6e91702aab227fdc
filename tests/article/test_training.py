"""Gradient descent on the article's network: a step lowers the error, the digits are learnt, misuse is refused."""

import math

import numpy as np
import pytest
from hypothesis import given

from scratchcnn.article import network as article
from scratchcnn.article import training
from scratchcnn.digits.mnist import load_digits
from tests.article.cases import EPS, VARIANTS, cases
from tests.article.running_error import article_network


@pytest.fixture(scope="module")
def digits():
    return load_digits()


@pytest.fixture(scope="module")
def drawn():
    return article.draw_parameters(np.random.default_rng(0))


@VARIANTS
@given(case=cases())
def test_a_small_enough_step_lowers_the_error(standardized, case):
    """Halving the step finally gives a decrease of at least half of what the slope predicts (Armijo, 1966)."""
    parameters = article.Parameters(*case.parameters)
    gradient = article.gradients(parameters, case.x, case.y, standardized=standardized)
    slope = sum(float((g**2).sum()) for g in (gradient.filters, gradient.weight, gradient.bias))
    error = case.bound(article.error, standardized)
    bounded, *_ = article_network(*case.parameters, case.x, case.y, standardized)
    start, roundoff = error(*case.parameters), 2 * bounded.error * EPS / 2
    rate = 1.0
    while rate * slope / 2 > roundoff:
        moved = training.descend(parameters, gradient, rate)
        if error(moved.filters, moved.weight, moved.bias) <= start - rate * slope / 2:
            return
        rate /= 2
    assert slope <= 2 * roundoff  # only a stationary point has no such step


def test_one_step_on_the_digits_lowers_the_error(digits, drawn):
    x, y = digits.x(), digits.y()
    gradient = article.gradients(drawn, x, y, standardized=True)
    moved = training.descend(drawn, gradient, 1e-3)
    before, after = (article.error(p.filters, p.weight, p.bias, x=x, y=y, standardized=True) for p in (drawn, moved))
    assert after < before


def test_descend_moves_against_the_gradient():
    parameters = article.Parameters(np.full((1, 1, 1, 1), 4.0), np.array([[2.0]]), np.array([1.0]))
    gradient = article.Parameters(np.full((1, 1, 1, 1), 8.0), np.array([[-2.0]]), np.array([0.5]))
    moved = training.descend(parameters, gradient, 0.5)
    assert (moved.filters.item(), moved.weight.item(), moved.bias.item()) == (0.0, 3.0, 0.75)
    assert (parameters.filters.item(), parameters.weight.item(), parameters.bias.item()) == (4.0, 2.0, 1.0)


@pytest.mark.parametrize("seed", [0, 1])
def test_training_reaches_95_percent_in_60_epochs(digits, seed):
    *_, last = training.train(digits.x(), digits.y(), seed=seed)
    assert last.number == 60
    assert last.accuracy >= 0.95


def test_an_epoch_reports_where_its_parameters_stand(digits):
    x, y = digits.x()[:20], digits.y()[:20]
    for epoch in training.train(x, y, epochs=3):
        p = epoch.parameters
        assert epoch.error == article.error(p.filters, p.weight, p.bias, x=x, y=y, standardized=True)
        output = article.output_layer(article.convolution_layer(p.filters, x=x), p.weight, p.bias, standardized=True)
        assert epoch.accuracy == sum((o > 0.5) == bool(t) for o, t in zip(output.flat, y.flat, strict=True)) / 20
    assert epoch.number == 3


def test_the_same_seed_learns_the_same(digits):
    x, y = digits.x()[:20], digits.y()[:20]
    errors = [[epoch.error for epoch in training.train(x, y, epochs=3, seed=seed)] for seed in (4, 4, 5)]
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
        training.train(digits.x()[:5], digits.y()[:5], **options)


def test_one_digit_cannot_be_standardized(digits):
    with pytest.raises(ValueError, match="at least 2 digits, got 1"):
        training.train(digits.x()[:1], digits.y()[:1])


def test_images_that_are_all_alike_cannot_be_standardized(digits):
    x, y = np.repeat(digits.x()[:1], 3, axis=0), digits.y()[:3]
    with pytest.raises(ValueError, match="spread"):
        next(training.train(x, y))


def test_a_rate_that_overflows_is_named(digits):
    with pytest.raises(ValueError, match=r"not finite any more after epoch 1: the rate 1e\+308 is too large"):
        next(training.train(digits.x(), digits.y(), rate=1e308))
