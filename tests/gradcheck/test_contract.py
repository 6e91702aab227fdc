"""Each breach of the contract is found and named; none is seen where there is none."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from tests.gradcheck.pairs import RemembersTheLastForward

X = np.array([[0.5, -1.5], [2.0, 0.25], [-0.75, 1.25]])


def forward(x):
    return np.sin(x)


def right(g, x):
    return g * np.cos(x)


class EverySeventh:
    def __init__(self):
        self.calls = 0

    def __call__(self, g, x):
        self.calls += 1
        return right(g, x) * (2 if self.calls % 7 == 0 else 1)


class RemembersTheFirstBackward:
    kept = None

    def __call__(self, g, x):
        if self.kept is None:
            self.kept = np.cos(x)
        return g * self.kept


def writes_into_input(g, x):
    grad = right(g, x)
    x[0, 0] = 7
    return grad


def writes_into_cotangent(g, x):
    g *= np.cos(x)
    return g.copy()


def not_a_number(g, x):
    grad = right(g, x)
    grad[1, 1] = np.nan
    return grad


def ignores_cotangent(g, x):
    return np.cos(x)


def ignores_its_sign(g, x):
    return np.abs(g) * np.cos(x)


BREACHES = {
    "count: two for one": (forward, lambda g, x: (right(g, x), right(g, x)), "count"),
    "count: none": (forward, lambda g, x: (None,), "count"),
    "shape": (forward, lambda g, x: right(g, x).T, "shape"),
    "shape: not summed": (forward, lambda g, x: right(g, x)[None], "shape"),
    "dtype": (forward, lambda g, x: right(g, x).astype(np.float32), "dtype"),
    "not-finite": (forward, not_a_number, "not-finite"),
    "mutation of the input": (forward, writes_into_input, "mutation"),
    "mutation of the cotangent": (forward, writes_into_cotangent, "mutation"),
    "ignores-cotangent": (forward, ignores_cotangent, "ignores-cotangent"),
    "ignores the cotangent's sign": (forward, ignores_its_sign, "ignores-cotangent"),
}


STRANGE = {
    "bool": X > 0,
    "<U4": "text",
    "<U1": np.array(["a", "b"]),
    "object": {1.0, 2.0},
    "datetime64[Y]": np.array("2026", "M8[Y]"),
    "complex128": 1j * X,
}


@pytest.mark.parametrize(("dtype", "gradient"), STRANGE.items(), ids=STRANGE)
def test_a_gradient_that_holds_no_real_numbers_is_wrong(dtype, gradient):
    report = check_gradient(forward, lambda g, x: gradient, X)
    assert report.verdict is Verdict.WRONG
    assert f"shape of 'x': the gradient is no array of real numbers but of {dtype}\n" in str(report)


def test_a_gradient_that_is_masked_at_the_second_point_is_wrong_there():
    def backward(g, x):
        gradient = right(g, x)
        return gradient if (x == X).all() else np.ma.array(gradient, mask=x > 1)

    report = check_gradient(forward, backward, X, proof=False, diagnosis=False)
    assert [v.kind for v in report.violations] == ["elsewhere"]
    assert "the gradient is masked: fill it with numbers" in report.violations[0].message


@pytest.mark.parametrize(("function", "backward", "kind"), BREACHES.values(), ids=BREACHES)
def test_a_breach_is_named(function, backward, kind):
    report = check_gradient(function, backward, X)
    assert report.verdict is Verdict.WRONG
    assert kind in [v.kind for v in report.violations]
    assert kind in str(report)


def test_a_fault_at_every_seventh_call_is_nondeterministic():
    report = check_gradient(forward, EverySeventh(), X)
    assert [v.kind for v in report.violations] == ["nondeterministic"]


def test_a_random_forward_is_nondeterministic():
    rng = np.random.default_rng(0)
    report = check_gradient(lambda x: x * rng.random(x.shape), lambda g, x: g + 0 * x, X)
    assert "nondeterministic" in [v.kind for v in report.violations]


def test_a_backward_that_uses_the_last_forward_s_input_is_stale():
    layer = RemembersTheLastForward()
    report = check_gradient(layer.forward, layer.backward, X)
    assert [v.kind for v in report.violations] == ["stale"]
    assert report.verdict is Verdict.WRONG


def test_a_cache_that_is_filled_once_is_found_at_the_second_point():
    report = check_gradient(forward, RemembersTheFirstBackward(), X)
    assert report.verdict is Verdict.WRONG
    assert [v.kind for v in report.violations] == ["elsewhere"]


def test_a_waived_violation_is_shown_and_does_not_count():
    report = check_gradient(forward, writes_into_cotangent, X, allow=("mutation",))
    assert report.verdict is Verdict.RIGHT
    assert [(v.kind, v.waived) for v in report.violations] == [("mutation", True)]
    assert "(allowed)" in str(report)
    assert not check_gradient(forward, writes_into_cotangent, X, allow=("dtype",))


def test_the_right_gradient_breaks_nothing():
    report = check_gradient(forward, right, X)
    assert report.violations == ()
    assert report.verdict is Verdict.RIGHT


def test_values_are_judged_whatever_the_violations():
    def backward(g, x):
        return 2 * writes_into_input(g, x)

    report = check_gradient(forward, backward, X)
    assert report.inputs[0].verdict is Verdict.WRONG
    assert report.inputs[0].wrong == X.size


def test_the_sign_of_a_cotangent_that_is_given_may_be_relied_on():
    """The upstream gradient of a layer that is only ever given a positive one."""
    assert check_gradient(forward, ignores_its_sign, X, grad_output=np.abs(X)).verdict is Verdict.RIGHT


def test_a_sum_of_zero_is_as_small_for_minus_the_cotangent():
    def softmax(x):
        e = np.exp(x - x.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def sums_backward(g, x):
        s = softmax(x)
        return s * (g[:, None] - (g[:, None] * s).sum(axis=1, keepdims=True))

    report = check_gradient(lambda x: softmax(x).sum(axis=1), sums_backward, X)
    assert report.violations == ()
