"""The published gradient: it is that of the article's code, and it has the known cosines, lengths and accuracies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.article import network as article
from scratchcnn.article import published, training
from scratchcnn.article.published import DESCENTS, Cause
from scratchcnn.digits.mnist import load_digits
from scratchcnn.operations.dense import dense
from tests.article.cases import EPS, cases
from tests.assertions import assert_within

SEEDS = range(10)


def in_loops(parameters, x, y, causes):
    """Compute the gradients by f and W, one number at a time, in the order of the article's arrays."""
    filters, weight, bias = parameters
    (n, _, h, w), (k, _, r, s) = x.shape, filters.shape
    p, q = h - r + 1, w - s + 1
    z2, slopes, features = np.zeros(n), [], []
    for i in range(n):
        z1 = [
            (x[i, :, a : a + r, b : b + s] * filters[each]).sum()
            for each in range(k)
            for a in range(p)
            for b in range(q)
        ]
        features.append([1 / (1 + np.exp(-z)) for z in z1])
        slopes.append([o * (1 - o) for o in features[-1]])
        z2[i] = sum(o * each for o, each in zip(features[-1], weight[:, 0], strict=True)) + bias[0]
    output = 1 / (1 + np.exp(-(z2 - z2.mean()) / z2.std()))
    errors = (output - y[:, 0]) * output * (1 - output)
    if Cause.JACOBIAN not in causes:
        hat = (z2 - z2.mean()) / z2.std()
        errors = (errors - errors.mean() - hat * (errors * hat).mean()) / z2.std()
    grad_weight = [sum(errors[i] * features[i][m] for i in range(n)) for m in range(len(weight))]

    # ∂E/∂Z1 is a vector for each image; it begins with all places of the first filter.
    vectors = [[errors[i] * weight[m, 0] * slopes[i][m] for m in range(len(weight))] for i in range(n)]
    grad_filters = np.zeros(filters.shape)
    for each, channel, a, b in np.ndindex(filters.shape):
        for row, column in np.ndindex(p, q):
            place = row * q + column
            at = place * k + each if Cause.ORDER in causes else each * p * q + place
            seen = [x[i, channel, row + a, column + b] for i in range(n)]
            back = [vectors[i][at] for i in range(n)]
            if Cause.MEANS in causes:
                mean = np.mean(seen) * np.mean(back)
            else:
                mean = np.mean([s * d for s, d in zip(seen, back, strict=True)])
            grad_filters[each, channel, a, b] += mean if Cause.AVERAGE in causes else n * mean
    return grad_filters, np.array(grad_weight)[:, np.newaxis]


@given(cases(), st.sets(st.sampled_from(Cause)))
def test_is_what_the_articles_code_computes(case, causes):
    gradient = published.published(article.Parameters(*case.parameters), case.x, case.y, causes=causes)
    grad_filters, grad_weight = in_loops(case.parameters, case.x, case.y, causes)
    # The sums have a hundred terms of order 1 at most. Z2 is divided by its deviation, and so is the gradient.
    deviation = dense(article.convolution_layer(case.parameters[0], x=case.x), *case.parameters[1:]).std()
    roundoff = 1e3 * EPS * (1 + 1 / deviation**2)
    assert_within(gradient.filters, grad_filters, roundoff)
    assert_within(gradient.weight, grad_weight, roundoff)


@given(cases())
def test_without_a_cause_it_is_the_derivative(case):
    parameters = article.Parameters(*case.parameters)
    ours = published.published(parameters, case.x, case.y, causes=frozenset())
    exact = training.exact(parameters, case.x, case.y)
    for name in ("filters", "weight", "bias"):
        assert np.array_equal(getattr(ours, name), getattr(exact, name))


# The known figures, at the draws of the article's code


@pytest.fixture(scope="module")
def digits():
    loaded = load_digits()
    return published.images_as_published(loaded), loaded.y()


@pytest.fixture(scope="module")
def truths(digits):
    return [(drawn, training.exact(drawn, *digits)) for drawn in map(published.draw_as_published, SEEDS)]


def test_the_draw_is_that_of_the_articles_code():
    """The article has filters (5, 5, 3), weights (1728, 1) and X (28, 28, 200); only the order of axes differs."""
    rng = np.random.RandomState(3)
    filters = rng.uniform(0, 1, size=(3, 5, 5)).T
    weight = rng.uniform(0, 1, size=(1728, 1))
    drawn = published.draw_as_published(3)
    assert np.array_equal(drawn.filters[:, 0].transpose(1, 2, 0), filters)
    assert np.array_equal(drawn.weight, weight)
    loaded = load_digits(2)
    assert np.array_equal(published.images_as_published(loaded)[:, 0].transpose(1, 2, 0), loaded.images.T / 255)


def alike(digits, truths, causes, name):
    """Compute the cosine with the derivative, and the quotient of the lengths, at each draw."""
    pairs = [
        (getattr(published.published(drawn, *digits, causes=causes), name).ravel(), getattr(truth, name).ravel())
        for drawn, truth in truths
    ]
    norm = np.linalg.norm
    return np.array([(a @ b / norm(a) / norm(b), norm(a) / norm(b)) for a, b in pairs]).T


def test_the_published_gradient_of_the_weights_is_68_times_too_long(digits, truths):
    cosines, lengths = alike(digits, truths, set(Cause), "weight")
    assert (round(cosines.mean(), 2), round(lengths.mean())) == (0.79, 68)


def test_the_published_gradient_of_the_filters_leads_uphill(digits, truths):
    cosines, _ = alike(digits, truths, set(Cause), "filters")
    assert (round(cosines.mean(), 2), round(cosines.min(), 2), round(cosines.max(), 2)) == (-0.44, -0.54, -0.29)


def test_it_is_the_product_of_means_that_turns_them(digits, truths):
    alone, _ = alike(digits, truths, {Cause.JACOBIAN}, "filters")
    together, _ = alike(digits, truths, {Cause.JACOBIAN, Cause.MEANS}, "filters")
    assert (round(alone.mean(), 2), round(together.mean(), 2)) == (0.77, -0.38)


def test_a_mean_for_a_sum_changes_the_length_only(digits, truths):
    cosines, lengths = alike(digits, truths, {Cause.AVERAGE}, "filters")
    # There are a dozen roundings in each of 75 entries.
    assert_within(cosines, np.ones(10), 100 * EPS)
    assert_within(lengths, np.full(10, 1 / 200), 100 * EPS)


@pytest.mark.parametrize("cause", [Cause.MEANS, Cause.ORDER, Cause.AVERAGE])
def test_only_standardizing_concerns_the_weights(digits, truths, cause):
    drawn, truth = truths[0]
    gradient = published.published(drawn, *digits, causes={cause})
    assert np.array_equal(gradient.weight, truth.weight)
    assert not np.array_equal(gradient.filters, truth.filters)


def accuracies(digits, name, epochs):
    """Compute the accuracy after these epochs, from each draw; in float32, which takes half the time."""
    gradient, rate = DESCENTS[name]
    digits, reached = [a.astype(np.float32) for a in digits], []
    for drawn in map(published.draw_as_published, SEEDS):
        parameters = article.Parameters(*(a.astype(np.float32) for a in (drawn.filters, drawn.weight, drawn.bias)))
        for epoch in range(1, epochs[-1] + 1):
            parameters = training.descend(parameters, gradient(parameters, *digits), rate)
            if epoch in epochs:
                reached.append(training.evaluate(epoch, parameters, *digits).accuracy)
    return np.reshape(reached, (len(SEEDS), len(epochs)))


# The tolerance is one of 200 digits, since roundoff differs between machines and grows with the epochs.
DIGIT = 1 / 200


def test_the_published_gradient_learns_three_quarters_and_forgets_again(digits):
    mean = accuracies(digits, "published", range(10, 101, 10)).mean(axis=0)
    assert_within(mean[[4, 9]], [0.7235, 0.691], DIGIT)
    assert mean.max() <= 0.74 + DIGIT


def test_the_derivative_learns_them_all(digits):
    mean = accuracies(digits, "exact", [50, 100]).mean(axis=0)
    assert_within(mean, [0.9845, 1.0], DIGIT)


def test_the_first_steps_of_the_weights_are_of_equal_length(digits, truths):
    for drawn, _ in truths:
        lengths = [rate * np.linalg.norm(gradient(drawn, *digits).weight) for gradient, rate in DESCENTS.values()]
        assert lengths[0] == pytest.approx(lengths[1], rel=0.1)
