"""A point of a check: what is computed there, and what of a gradient is the same."""

from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis import scene as scenes
from scratchcnn.gradcheck.diagnosis.budget import Budget, Outside, TooDear
from scratchcnn.gradcheck.diagnosis.estimates import Estimate
from scratchcnn.gradcheck.diagnosis.recorded import NUMBERS_A_CALL, SHARES
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.effort import Timed
from scratchcnn.gradcheck.numerical.noise import EPS
from tests.gradcheck.diagnosis.claims import drawn, scene_of


def product(x, w):
    return np.tanh(x @ w)


def product_backward(g, x, w):
    d = g * (1 - product(x, w) ** 2)
    return d @ w.T, x.T @ d


def opaque(function):
    """The same function, of which no record can be made."""

    def read(*inputs):
        return function(*(np.frombuffer(a.tobytes(), a.dtype).reshape(a.shape) for a in inputs))

    return read


X, W = drawn(2, 3), drawn(3, 4, seed=1)
FORMS = {"by a record": product, "by differences": opaque(product)}


def point(forward=product, backward=product_backward, *inputs, **options):
    """The scene of a product, unless something else is given."""

    def called(x, w):
        return forward(x, w)

    return scene_of(called, backward, *(inputs or (X, W)), **options)


@pytest.mark.parametrize("forward", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize("index", [0, 1])
def test_the_truth_is_the_gradient_with_a_small_bound(forward, index):
    scene = point(forward)
    exact = product_backward(scene.cotangent, X, W)[index]
    truth = scene.truth(index)
    assert truth.value.shape == exact.shape
    assert np.all(np.abs(truth.value - exact) <= truth.error)
    assert np.all(truth.error < 1e-6)
    assert scene.truth(index) is truth
    other = drawn(2, 4, seed=9)
    other[0, 1] = 0
    again = scene.truth(index, other)
    assert np.all(np.abs(again.value - product_backward(other, X, W)[index]) <= again.error)
    jacobian = scene.jacobian(index)
    assert jacobian.value.shape == jacobian.error.shape == (8, (X, W)[index].size)


def test_outputs_that_are_not_asked_for_need_not_be_known():
    scene = point(opaque(lambda x, w: np.append((x**2).reshape(-1), np.abs(x[0, 0] - X[0, 0]))), lambda g, x, w: (x, w))
    c = np.append(drawn(6), 0.0)
    assert np.isfinite(scene.truth(0, c).error).all()
    assert not np.isfinite(scene.truth(0, c + 1).error).all()


def test_outputs_that_are_not_asked_for_may_have_a_kink():
    def backward(g, x, w):
        return 4 * g[:6].reshape(2, 3) * x, None

    c = np.append(drawn(6), 0.0)
    scene = point(opaque(lambda x, w: np.append(x**2, np.abs(x[0, 0] - X[0, 0]))), backward, cotangent=c)
    assert scene.differs_along(0)


def test_a_record_of_another_function_than_the_floats_is_not_believed():
    """In floats it is the sine; in balls, whose type is another one, twice that."""

    def forward(x, w):
        return np.sin(x) * (1 if type(x) is np.ndarray else 2) + 0 * w[0, 0]

    scene = point(forward, lambda g, x, w: (g * np.cos(x), 0 * w))
    assert scene.record is not None
    truth = scene.truth(0)
    assert np.all(np.abs(truth.value - scene.analytic(0)) <= truth.error)
    assert not scene.is_true(2 * scene.analytic(0), 0)
    assert all(not swept.steps for swept in scene.swept(0))


def test_too_large_a_jacobian_is_not_begun(monkeypatch):
    scene = point(opaque(product))
    monkeypatch.setattr(scenes, "LARGEST", X.size * 8 - 1)
    with pytest.raises(TooDear):
        scene.truth(0)
    monkeypatch.setattr(scenes, "LARGEST", X.size * 8)
    assert scene.truth(0).value.shape == X.shape


def test_forward_that_raises_is_outside():
    scene = point()
    with pytest.raises(Outside) as caught:
        scene.forward(X, X)
    assert isinstance(caught.value.__cause__, ValueError)
    np.testing.assert_array_equal(scene.forward(X, W), product(X, W))
    np.testing.assert_array_equal(scene.output, product(X, W))


def test_inputs_are_held_in_float64_and_whole_numbers_stay():
    rows, x = np.array([2, 0]), np.asfortranarray(drawn(3, 2).astype(np.float32))

    def backward(g, x, rows):
        return np.ones_like(x) * (1 + 2j), None

    scene = scene_of(lambda x, rows: x[rows], backward, x, rows, wrt=[0], cotangent=np.ones((2, 2), np.float32))
    assert scene.cotangent.dtype == np.float64
    assert [a.dtype for a in scene.inputs] == [np.float64, rows.dtype]
    assert scene.inputs[0].flags.c_contiguous
    assert scene.inputs[1] is not rows
    assert scene.gradients[1] is None
    assert scene.analytic(0).dtype == np.float64
    np.testing.assert_array_equal(scene.analytic(0), np.ones((3, 2)))  # the real part


def test_the_caller_s_function_is_without_what_counts_its_calls():
    def called(x, w):
        return x * w

    bound = Timed(partial(called, w=2.0))
    scene = Scene(bound, ["x"], [X], [0], X, [X], {}, Budget(bound, 10))
    assert scene.caller.func is called
    assert scene.caller.keywords == {"w": 2.0}
    assert scene.caller(3.0) == 6
    assert bound.calls == 0
    other = Scene(called, ["x"], [X], [0], X, [X], {}, Budget(bound, 10))
    assert (other.caller, other.record, other.constants, other.flows, other.look) == (None, None, [], {}, None)
    assert other.swept(0) == []


def test_the_gradient_is_that_of_another_cotangent_forward_or_inputs():
    other, c = drawn(2, 3, seed=7), drawn(2, 4, seed=8)
    of_another = point(backward=lambda g, x, w: product_backward(c, x, w))
    assert not of_another.is_derivative(0)
    assert of_another.is_derivative(0, c)
    elsewhere = point(backward=lambda g, x, w: product_backward(g, other, w))
    assert not elsewhere.is_derivative(0)
    assert elsewhere.is_derivative(0, inputs=[other, W])
    assert not elsewhere.is_derivative(0, inputs=[other[:1], W])
    linear = point(backward=lambda g, x, w: (g @ w.T, x.T @ g))
    assert linear.is_derivative(1, forward=np.matmul)
    assert not linear.is_derivative(1, forward=lambda x, w: 1.001 * (x @ w))
    assert not linear.is_derivative(1, forward=lambda x, w: (x @ w)[0])
    assert not linear.is_derivative(1, forward=lambda x, w: x @ x)
    assert point().is_derivative(0)


def test_nothing_but_zeros_is_no_derivative():
    scene = point(lambda x, w: 0 * (x @ w), lambda g, x, w: (0 * x, 0 * w))
    assert not scene.is_derivative(0)
    assert not scene.is_derivative(0, forward=lambda x, w: 0 * (x @ w))


def test_another_forward_is_not_called_without_calls():
    scene = point(calls=0)
    scene.budget.spend(1)
    with pytest.raises(TooDear):
        scene.is_derivative(0, forward=np.matmul)


@pytest.mark.parametrize("factor", [1, -1, 1 + 1e-6, 2])
def test_a_gradient_that_is_wrong_differs_along_a_direction(factor):
    scene = point(backward=lambda g, x, w: tuple(factor * d for d in product_backward(g, x, w)))
    assert scene.differs_along(0) == scene.differs_along(1) == (factor != 1)
    assert scene.differs_at_a_glance(0) == (factor in (-1, 2))
    assert scene.right_beside(0) == ([1] if factor == 1 else [])


def test_a_gradient_of_another_shape_differs():
    scene = point(backward=lambda g, x, w: (x[0], product_backward(g, x, w)[1]))
    assert scene.differs_along(0)
    assert scene.differs_at_a_glance(0)
    assert not scene.is_derivative(0)
    assert (scene.right_beside(0), scene.right_beside(1)) == ([1], [])


def test_inputs_without_a_gradient_are_not_known_to_be_wrong():
    scene = point(backward=lambda g, x, w: (2 * x, None))
    assert (scene.right_beside(0), scene.right_beside(1)) == ([1], [])


def test_what_is_known_of_the_inputs_is_not_looked_at_again():
    forward = Timed(product)
    inputs = (forward, ["x", "w"], [X, W], [0, 1], drawn(2, 4), [X, W], {}, Budget(forward, 0))
    scene = Scene(*inputs, wrong=frozenset({0}))
    assert (scene.right_beside(0), scene.right_beside(1)) == ([1], [])
    assert forward.calls == 0


FACTORS = {"all": np.array([[2.0], [3.0]]), "some zero": np.array([[2.0], [0.0]])}


@pytest.mark.parametrize("factor", FACTORS.values(), ids=FACTORS)
@pytest.mark.parametrize("calls", [100_000, 100])
def test_a_gradient_is_the_true_one_times_some_numbers(factor, calls):
    """With few calls the derivative by each entry is too dear; then a factor of zero could be anything."""
    forward = opaque(lambda x, w: np.sin(x).repeat(20, axis=1) + 0 * w[0, 0])
    x = drawn(2, 6)
    scene = point(forward, lambda g, x, w: (factor * np.cos(x) * g.reshape(2, 6, 20).sum(2), 0 * w), x, W, calls=calls)
    known = calls > 100 or factor.all()
    assert scene.is_times(0, factor) == known
    assert not scene.is_times(0, 1.01 * factor)
    assert not scene.is_times(0, factor[::-1])


@pytest.mark.parametrize("calls", [100_000, 100])
def test_a_gradient_is_the_true_one_with_its_entries_elsewhere(calls):
    forward = opaque(lambda x, w: np.sin(x) * w[0, 0])
    x = drawn(6, 6)
    scene = point(forward, lambda g, x, w: ((g * np.cos(x) * w[0, 0])[::-1], None), x, W, calls=calls)
    assert scene.is_rearranged(0, lambda a: a[::-1])
    assert not scene.is_rearranged(0, lambda a: a[:, ::-1])
    assert not scene.is_rearranged(0, lambda a: a[::-1, ::-1])
    assert not scene.is_rearranged(0, lambda a: a.T)
    lost = point(forward, lambda g, x, w: (np.zeros_like(x), None), x, W, calls=100)
    assert not lost.is_rearranged(0, np.zeros_like)
    cut = point(forward, lambda g, x, w: ((g * np.cos(x) * w[0, 0])[:5], None), x, W, calls=100_000)
    assert cut.is_rearranged(0, lambda a: a[:5])
    assert not cut.is_rearranged(0, lambda a: a)


def kinked(x, w):
    return np.maximum(x, 0) * w[0, 0]


def test_entries_on_a_kink_are_left_out_of_the_direction():
    x = np.array([[0.0, 1.0, -2.0], [3.0, 0.0, 4.0]])
    scene = point(opaque(kinked), lambda g, x, w: (np.where(x == 0, 7, g * (x > 0) * w[0, 0]), None), x, W)
    direction, slopes = scene.along_here(0)
    assert (direction == 0).tolist() == (x == 0).tolist()
    np.testing.assert_allclose(slopes.value, direction * (x > 0) * W[0, 0], atol=1e-9)
    assert scene.along_here(0)[0] is direction
    np.testing.assert_array_equal(scene.direction(0), direction)
    assert scene.is_derivative(0)
    assert not scene.differs_along(0)
    assert not np.isfinite(scene.truth(0).error[x == 0]).any()


def test_where_nothing_is_known_nothing_differs():
    scene = point(opaque(kinked), lambda g, x, w: (np.ones_like(x), None), np.zeros((2, 3)), W)
    assert not scene.differs_along(0)
    assert not scene.is_derivative(0)


def test_the_tolerance_along_a_direction_is_the_sum_of_errors_and_roundoffs():
    scene = point()
    weights, parts = np.array([2.0, -3.0, 0.0]), np.array([4.0, -5.0])
    slopes = Estimate(np.array([1.0, 1.0, 1.0]), np.array([1e-7, 2e-7, np.inf]))
    roundoffs = scenes.ROUNDOFFS * EPS * (2 + 3 + 4 + 5)
    assert scene.error_along(parts, weights, slopes) == pytest.approx(2e-7 + 6e-7 + roundoffs, rel=1e-12, abs=0)
    assert scene.same_along(parts, weights, slopes)  # either is -1
    assert scene.same_along(parts + 3e-7, weights, slopes)
    assert not scene.same_along(parts + 5e-7, weights, slopes)
    loose = Estimate(slopes.value, np.array([1.0, 2.0, 0.0]))
    assert not scene.same_along(parts, weights, loose)  # nobody knows


def test_slack_is_asked_of_the_truth_alone():
    scene = point(backward=lambda g, x, w: tuple(2 * d for d in product_backward(g, x, w)))
    assert scene.slack(0) == 0
    largest = np.abs(scene.truth(0).value).max()
    assert scene.slack(0) == pytest.approx(scenes.ROUNDOFFS * EPS * largest)
    assert scene.slack(1) == 0


def test_an_entry_that_is_lost_in_roundoff_agrees_where_the_gradient_is_far_off():
    scene = point(backward=lambda g, x, w: tuple(2 * d for d in product_backward(g, x, w)))
    predicted = scene.analytic(0).copy()
    scene.analytic(0)[0, 0] = 0
    predicted[0, 0] = 8 * EPS * np.abs(scene.truth(0).value).max()
    assert scene.agrees(0, Estimate(predicted, 0 * predicted))
    assert not scene.agrees(0, Estimate(predicted + 1e-9, 0 * predicted))


def test_a_record_counts_for_a_share_of_the_calls_at_most():
    def long(x, w):
        for _ in range(50):
            x = np.sin(x)
        return x + 0 * w[0, 0]

    spent = {}
    for calls in (100, 100_000):
        scene = point(long, lambda g, x, w: (g, None), X, W, calls=calls, wrt=[0])
        before = scene.budget.spent
        numbers = len(scene.record.tape.parts)
        spent[calls] = scene.budget.spent - before
    assert spent == {100: 100 // SHARES, 100_000: numbers // NUMBERS_A_CALL}


def test_the_gradients_of_wrong_steps_come_for_each_depth_the_records_without_idle_steps_first():
    def softmax(z):
        power = np.exp(z - z.max(axis=-1, keepdims=True))
        return power / power.sum(axis=-1, keepdims=True)

    def forward(x, w):
        return softmax(x @ w)

    scene = point(forward, lambda g, x, w: (x, w))
    swept = scene.swept(0)
    depths = len(swept) // 2
    assert depths == 3  # the call of the call of softmax
    assert [len(s.steps) for s in swept[:depths]] < [len(s.steps) for s in swept[depths:]]
    for each in swept:
        truth = scene.truth(0)
        assert each.right[0].size == each.wrong[0].shape[-1] == X.size
        if each.steps:
            np.testing.assert_allclose(each.right[0].reshape(X.shape), truth.value, atol=1e-9)
    assert scene.swept(0) is swept
