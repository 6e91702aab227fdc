import mpmath
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import (
    gradient_descent,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
    squared_error,
    squared_error_backward,
)
from scratchcnn.gradcheck import assert_gradient
from scratchcnn.operations.losses import softmax
from tests.assertions import FLOATS, assert_complex_step, assert_contract, assert_within, gamma
from tests.strategies import INTEGERS, REALS, shapes, values


def pairs(elements=REALS):
    """Draw an output and a target of the same shape."""
    return shapes().flatmap(lambda shape: st.tuples(values(shape, elements), values(shape, elements)))


@given(pairs())
def test_is_half_the_sum_of_the_squares(pair):
    # float64 adds these multiples of 2^-18 exactly, in any order.
    total = sum((y - o) ** 2 / 2 for o, y in zip(*(a.ravel().tolist() for a in pair), strict=True))
    assert squared_error(*pair) == total
    assert squared_error(*pair).shape == ()


@given(pairs(INTEGERS), st.integers(-9, 9))
def test_the_backward_pass_exactly_on_integers(pair, grad_output):
    output, target = pair
    grad_o, grad_y = squared_error_backward(grad_output, output, target)
    assert np.array_equal(grad_o, -grad_output * (target - output))
    assert np.array_equal(grad_y, grad_output * (target - output))


@given(pairs(), st.integers(0, 99))
def test_dE_dO(pair, seed):
    """∂E/∂O = -(y - O)."""
    output, target = pair
    assert_gradient(
        lambda output: squared_error(output, target),
        lambda grad_output, output: squared_error_backward(grad_output, output, target)[:1],
        output,
        degree=2,
        seed=seed,
    )


@given(pairs(), st.integers(0, 99))
def test_both_derivatives_together(pair, seed):
    assert_gradient(squared_error, squared_error_backward, *pair, degree=2, seed=seed)


@given(pairs(), st.floats(0.01, 1.99))
def test_a_small_enough_step_against_the_gradient_lowers_the_error(pair, rate):
    """E is a parabola of curvature 1: any step below 2 lowers it, and a step of 1 reaches the minimum."""
    output, target = pair
    before = squared_error(output, target)
    gradient, _ = squared_error_backward(1.0, output, target)
    after = squared_error(gradient_descent(output, gradient, rate=rate), target)
    assert after < before or before == after == 0


def test_the_contract():
    rng = np.random.default_rng(0)
    assert_contract(squared_error, squared_error_backward, *(rng.integers(0, 2, size=(3, 4)) for _ in range(2)))
    assert_complex_step(squared_error, squared_error_backward, *(rng.normal(size=(3, 4)) for _ in range(2)))


def test_nothing_has_no_error():
    assert squared_error(np.ones((0, 1)), np.ones((0, 1))) == 0
    assert [g.shape for g in squared_error_backward(1.0, np.ones((0, 1)), np.ones((0, 1)))] == [(0, 1), (0, 1)]


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"the same shape, got output \(5, 1\) and target \(5,\)"):
        squared_error(np.ones((5, 1)), np.ones(5))
    with pytest.raises(ValueError, match=r"the same shape, got output \(5, 1\) and target \(5,\)"):
        squared_error_backward(1.0, np.ones((5, 1)), np.ones(5))
    with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(\), got shape \(5,\)"):
        squared_error_backward(np.ones(5), np.ones(5), np.ones(5))
    with pytest.raises(TypeError, match=r"^target must hold numbers, got an array of NoneType"):
        squared_error(np.ones(5), None)
    with pytest.raises(TypeError, match=r"^output must hold numbers, got an array of NoneType"):
        squared_error(None, np.ones(5))


@st.composite
def predictions(draw, elements=REALS):
    """Draw logits and labels; the larger the logits, the more certain the predictions."""
    samples, classes = draw(st.integers(1, 4)), draw(st.integers(1, 5))
    logits = draw(values((samples, classes), elements)) * draw(st.sampled_from([1, 8, 1e4]))
    labels = draw(st.lists(st.integers(0, classes - 1), min_size=samples, max_size=samples))
    return logits, np.array(labels)


def exact_cross_entropy(logits, labels):
    """Compute E, the mean size of its terms, and ∂E/∂z, with 50 digits."""
    with mpmath.workdps(50):
        error, size, gradient = mpmath.mpf(0), mpmath.mpf(0), np.empty(logits.shape)
        for n, (row, label) in enumerate(zip(logits.tolist(), labels.tolist(), strict=True)):
            total = mpmath.fsum(mpmath.exp(z) for z in row)
            others = mpmath.fsum(mpmath.exp(z) for k, z in enumerate(row) if k != label)
            cost = mpmath.log1p(others / mpmath.exp(row[label]))  # exactly 0 for a single class
            error += cost / len(labels)
            size += (cost + max(row) - row[label]) / len(labels)
            for k, z in enumerate(row):
                others = mpmath.fsum(mpmath.exp(each) for j, each in enumerate(row) if j != k)
                p = mpmath.exp(z) / total
                gradient[n, k] = (p if k != label else -others / total) / len(labels)
        return float(error), float(size), gradient


@given(predictions())
def test_the_cross_entropy_keeps_its_digits_at_any_logits(prediction):
    logits, labels = prediction
    expected, size, gradient = exact_cross_entropy(logits, labels)
    # The roundoff of a difference x of logits changes its power e^-x by x roundoffs; x is below 745 unless the power is
    # 0. The rest counts the roundings of the powers, the sums, the logarithm or the quotient, and the mean.
    roundoff = gamma(745 + logits.size + 10, np.float64)
    tiny = np.finfo(np.float64).smallest_normal
    assert_within(softmax_cross_entropy(logits, labels), expected, roundoff * size + tiny)
    grad_logits, nothing = softmax_cross_entropy_backward(1.0, logits, labels)
    assert nothing is None
    assert_within(grad_logits, gradient, roundoff * np.abs(gradient) + tiny)


@given(predictions(), st.integers(0, 99))
def test_the_derivative_of_the_cross_entropy(prediction, seed):
    assert_gradient(softmax_cross_entropy, softmax_cross_entropy_backward, *prediction, seed=seed)


@given(st.integers(1, 4), st.integers(1, 9), st.floats(-1e4, 1e4))
def test_equal_logits_cost_the_logarithm_of_the_classes(samples, classes, logit):
    """CS231n's first check of a softmax: an untrained network of ten classes starts near log 10 = 2.3."""
    cost = softmax_cross_entropy(np.full((samples, classes), logit), np.zeros(samples, int))
    assert_within(cost, np.log(classes), gamma(samples + 3, np.float64) * np.log(classes))


def test_the_probabilities_by_hand():
    # Each row adds up to 1; also where the powers themselves would overflow.
    logits = np.log([[1.0, 2.0, 5.0], [3.0, 3.0, 3.0]]) + np.array([[0.0], [800.0]])
    assert_within(softmax(logits), [[1 / 8, 2 / 8, 5 / 8], [1 / 3] * 3], 1e-15)


def test_a_case_by_hand():
    # p is (1, 2, 5, 0) / 8 in the first row and 1/4 throughout the second: E = (log 4 + log 4) / 2.
    logits = np.log([[1.0, 2.0, 5.0, 1e-300], [3.0, 3.0, 3.0, 3.0]])
    labels = [1, 3]
    assert_within(softmax_cross_entropy(logits, labels), np.log(4), 1e-15)
    grad_logits, _ = softmax_cross_entropy_backward(2.0, logits, labels)
    assert_within(grad_logits, [[1 / 8, -6 / 8, 5 / 8, 0], [1 / 4, 1 / 4, 1 / 4, -3 / 4]], 1e-15)


@pytest.mark.parametrize("dtype", FLOATS)
def test_it_is_stable_at_logits_of_ten_thousand(dtype):
    logits = np.array([[10_000, -10_000, 0], [-10_000, 10_000, 0]], dtype)
    with np.errstate(over="raise", invalid="raise", divide="raise"):
        tail = np.exp(dtype(-10_000))  # 0, except in longdouble
        assert softmax_cross_entropy(logits, [0, 1]) == tail
        assert softmax_cross_entropy(logits, [1, 1]) == 10_000
        grad_logits, _ = softmax_cross_entropy_backward(dtype(1), logits, [1, 1])
    assert grad_logits.tolist() == [[0.5, -0.5, tail / 2], [np.exp(dtype(-20_000)), -tail / 2, tail / 2]]


@given(predictions(), st.integers(-1000, 1000))
def test_a_constant_added_to_a_row_changes_nothing(prediction, constant):
    logits, labels = np.rint(prediction[0]), prediction[1]
    assert softmax_cross_entropy(logits + constant, labels) == softmax_cross_entropy(logits, labels)


def test_a_nan_is_a_nan_and_infinity_a_certainty():
    assert np.isnan(softmax_cross_entropy([[np.nan, 1.0]], [1]))
    assert np.isnan(softmax_cross_entropy_backward(1.0, [[np.nan, 1.0]], [1])[0]).all()
    impossible = np.array([[-np.inf, 1.0]])
    assert softmax_cross_entropy(impossible, [1]) == 0
    assert softmax_cross_entropy(impossible, [0]) == np.inf
    assert softmax_cross_entropy_backward(1.0, impossible, [0])[0].tolist() == [[-1, 1]]


def test_the_contract_of_the_cross_entropy():
    labels = np.array([0, 3, 1])

    def forward(logits):
        return softmax_cross_entropy(logits, labels)

    def backward(grad_output, logits):
        return softmax_cross_entropy_backward(grad_output, logits, labels)[:1]

    assert_contract(forward, backward, np.random.default_rng(0).integers(0, 2, size=(3, 4)))
    assert_complex_step(forward, backward, np.random.default_rng(1).normal(size=(3, 4)))
    for dtype in (np.uint8, np.int8, np.uint64):
        assert softmax_cross_entropy(np.eye(3, 4), labels.astype(dtype)) == forward(np.eye(3, 4))


@pytest.mark.parametrize(
    ("logits", "labels", "error", "message"),
    [
        (np.ones((2, 3)), [0.0, 1.0], TypeError, "labels must be integers, .*, got dtype float64"),
        (np.ones((2, 3)), [True, False], TypeError, "labels must be integers, .*, got dtype bool"),
        (
            np.ones((2, 3)),
            np.eye(2, 3, dtype=int),
            ValueError,
            r"one number a sample, shape \(2,\), got shape \(2, 3\)",
        ),
        (np.ones((2, 3)), [0, 1, 2], ValueError, r"one number a sample, shape \(2,\), got shape \(3,\)"),
        (np.ones((2, 3)), [0, 3], ValueError, "labels must be from 0 to 2, got 3"),
        (np.ones((2, 3)), [-1, 0], ValueError, "labels must be from 0 to 2, got -1"),
        (np.ones(3), [0], ValueError, r"logits must have 2 axes \(N, K\), got shape \(3,\)"),
        (np.ones((0, 3)), np.ones(0, int), ValueError, r"a sample and a class at least, got shape \(0, 3\)"),
        (np.ones((2, 0)), [0, 0], ValueError, r"a sample and a class at least, got shape \(2, 0\)"),
        (None, [0], TypeError, "logits must hold numbers, got an array of NoneType"),
        (np.ones((2, 3)), [[0], [0, 1]], ValueError, "labels must be an array, but its rows differ in length"),
    ],
)
def test_bad_logits_and_labels_are_named(logits, labels, error, message):
    with pytest.raises(error, match=message):
        softmax_cross_entropy(logits, labels)
    with pytest.raises(error, match=message):
        softmax_cross_entropy_backward(1.0, logits, labels)


def test_the_gradient_of_the_cross_entropy_is_one_number():
    with pytest.raises(ValueError, match=r"grad_output must have the shape of the output, \(\), got shape \(2,\)"):
        softmax_cross_entropy_backward(np.ones(2), np.ones((2, 3)), [0, 1])
