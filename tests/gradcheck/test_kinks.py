"""Kinks: any subgradient is right, beside one only the slope is, and ties are judged together."""

from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe


def relu(x):
    return np.maximum(x, 0)


def relu_with(slope_at_zero):
    return lambda g, x: g * np.where(x > 0, 1, np.where(x == 0, slope_at_zero, 0))


POINT = np.array([0.0, 1e-7, -1e-7, 1e-12, -1e-12, 1.5, -2.0])


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_any_subgradient_is_right(slope):
    assert check_gradient(relu, relu_with(slope), POINT).verdict is Verdict.RIGHT


@pytest.mark.parametrize("slope", [-0.01, 1.01, 2.0])
def test_what_is_no_subgradient_is_wrong(slope):
    report = check_gradient(relu, relu_with(slope), POINT)
    assert (report.verdict, report.inputs[0].worst_index) == (Verdict.WRONG, (0,))


@pytest.mark.parametrize("entry", [1, 2, 3, 4])
def test_the_other_side_s_slope_beside_a_kink_is_wrong(entry):
    def backward(g, x):
        grad = relu_with(0.0)(g, x)
        grad[entry] = g[entry] - grad[entry]
        return grad

    report = check_gradient(relu, backward, POINT)
    assert (report.verdict, report.inputs[0].worst_index) == (Verdict.WRONG, (entry,))


@pytest.mark.parametrize("gap", [1e-7, 1e-12])
def test_a_clip_is_judged_close_to_its_ends(gap):
    x = np.array([1 - gap, 1 + gap, -1 + gap, -1 - gap, 0.3])
    clip, inside = lambda x: np.clip(x, -1, 1), lambda g, x: g * (np.abs(x) < 1)
    assert check_gradient(clip, inside, x).verdict is Verdict.RIGHT
    assert check_gradient(clip, lambda g, x: g * (np.abs(x) > 1), x).verdict is Verdict.WRONG


def pool(x):
    """The maximum of overlapping windows of three."""
    return np.stack([x[:-2], x[1:-1], x[2:]]).max(axis=0)


def pool_backward(g, x, *, ties):
    grad = np.zeros_like(x)
    for k, weight in enumerate(g):
        window = x[k : k + 3]
        best = window == window.max()
        if ties == "first":
            best = np.arange(3) == window.argmax()
        grad[k : k + 3] += weight * best / (best.sum() if ties == "shared" else 1)
    return grad


TIED = np.array([1.0, 3.0, 3.0, 0.0, 2.0, 2.0, 2.0, -1.0])


@pytest.mark.parametrize("ties", ["first", "shared"])
@pytest.mark.parametrize("seed", range(5))
def test_ties_may_go_to_one_or_be_shared(ties, seed):
    report = check_gradient(pool, lambda g, x: pool_backward(g, x, ties=ties), TIED, seed=seed)
    assert report.verdict is Verdict.RIGHT


@pytest.mark.parametrize("seed", range(5))
def test_the_whole_gradient_to_every_tied_maximum_is_wrong(seed):
    report = check_gradient(pool, lambda g, x: pool_backward(g, x, ties="all"), TIED, seed=seed)
    assert report.verdict is Verdict.WRONG
    assert "moved together" in report.inputs[0].reason


# Kinks of opposite sign, each in a variable of its own.
MIXED = np.array([[1.0, -2.0], [-1.5, 0.5], [0.7, 1.1], [-0.4, -1.0]])
ZEROS = np.array([[0.0, 0.0, 1.0, 0.0], [2.0, 0.0, 0.0, -1.0]])


def weighted_relu(slope):
    return lambda x: relu(x) @ MIXED, lambda g, x: relu_with(slope)(g @ MIXED.T, x)


def absolutes(x, y):
    return np.abs(x).sum() - 2 * np.abs(y).sum()


def absolutes_backward(at_zero, of_y=-2):
    def sign(x):
        return np.where(x == 0, at_zero, np.sign(x))

    return lambda g, x, y: (g * sign(x), of_y * g * sign(y))


def bilinear(image, u, v):
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    a, b = u - i, v - j
    upper, lower = ((1 - b) * image[k, j] + b * image[k, j + 1] for k in (i, i + 1))
    return (1 - a) * upper + a * lower


def bilinear_backward(g, image, u, v, *, reach=1):
    i, j = np.floor(u).astype(int), np.floor(v).astype(int)
    a, b = u - i, v - j
    grad = np.zeros_like(image)
    for di, dj, share in [(0, 0, (1 - a) * (1 - b)), (0, 1, (1 - a) * b), (1, 0, a * (1 - b)), (1, 1, a * b)]:
        np.add.at(grad, (i + di, j + dj), g * share)
    along_u = (1 - b) * (image[i + reach, j] - image[i, j]) + b * (image[i + reach, j + 1] - image[i, j + 1])
    along_v = (1 - a) * (image[i, j + 1] - image[i, j]) + a * (image[i + 1, j + 1] - image[i + 1, j])
    return grad, g * along_u, g * along_v


GRID = (np.random.default_rng(1).normal(size=(6, 5)), np.array([1.0, 2, 3, 1.4, 2]), np.array([2.0, 1, 2.3, 3, 1.6]))


@pytest.mark.parametrize("slope", [0.0, 0.3, 1.0])
def test_each_kink_in_a_variable_of_its_own_is_judged(slope):
    assert check_gradient(*weighted_relu(slope), ZEROS).verdict is Verdict.RIGHT
    assert check_gradient(absolutes, absolutes_backward(slope), ZEROS, ZEROS.T).verdict is Verdict.RIGHT


@pytest.mark.parametrize("slope", [-0.01, 1.01, 2.0])
def test_and_what_is_no_subgradient_there_is_wrong(slope):
    report = check_gradient(*weighted_relu(slope), ZEROS)
    assert report.verdict is Verdict.WRONG
    assert ZEROS[report.inputs[0].worst_index] == 0
    beyond = np.sign(slope) * (np.abs(slope) + 1)
    assert check_gradient(absolutes, absolutes_backward(beyond), ZEROS, ZEROS.T).verdict is Verdict.WRONG


def test_a_smooth_mistake_beside_kinks_of_opposite_sign_is_wrong():
    assert check_gradient(absolutes, absolutes_backward(0, of_y=2), ZEROS, ZEROS.T).verdict is Verdict.WRONG


def test_bilinear_sampling_on_the_grid():
    assert check_gradient(bilinear, bilinear_backward, *GRID).verdict is Verdict.RIGHT
    assert check_gradient(bilinear, partial(bilinear_backward, reach=2), *GRID).verdict is Verdict.WRONG


def test_outputs_that_couple_entries_are_told_from_those_that_do_not():
    """Two outputs add up kinks of both signs, one has tied maxima."""

    def forward(x):
        return np.append(relu(x) @ MIXED, x.max())

    def backward(shares):
        def gradient(g, x):
            largest = np.array(shares) if (x == x[0]).all() else x == x.max()
            return relu_with(0.5)(MIXED @ g[:2], x) + g[2] * largest

        return gradient

    for shares in ([1, 0, 0, 0], [0.25, 0.25, 0.5, 0]):
        assert check_gradient(forward, backward(shares), np.zeros(4)).verdict is Verdict.RIGHT
    for shares in ([1, 1, 0, 0], [0.3, 0.3, 0.3, 0.3]):
        report = check_gradient(forward, backward(shares), np.zeros(4))
        assert report.verdict is Verdict.WRONG
        assert "moved together" in report.inputs[0].reason


# Kinks that meet: a blank sample under biases of zero.
def network(x, w, b, v):
    return relu(x @ w + b) @ v


def network_backward(at_zero, error=0.0):
    def backward(g, x, w, b, v):
        z = x @ w + b
        grad_z = relu_with(at_zero)(g @ v.T, z)
        grad_w = x.T @ grad_z
        grad_w[1, 2] *= 1 + error
        return grad_z @ w.T, grad_w, grad_z.sum(axis=0), relu(z).T @ g

    return backward


def blank_sample(seed, *, width=6, outputs=1):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(3, 4))
    x[1] = 0
    return x, rng.normal(size=(4, width)), np.zeros(width), rng.normal(size=(width, outputs))


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at_zero", [0.0, 1.0])
def test_a_blank_sample_under_zero_biases(at_zero, seed):
    point = blank_sample(seed, outputs=1 + seed % 2)
    assert check_gradient(network, network_backward(at_zero), *point, seed=seed).verdict is Verdict.RIGHT


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("at_zero", [0.0, 0.5, 1.0])
def test_a_blank_sample_alone_is_never_accused(at_zero, seed):
    x, *parameters = blank_sample(seed, width=20)
    backward = network_backward(at_zero)
    report = check_gradient(
        lambda x: network(x, *parameters), lambda g, x: backward(g, x, *parameters)[0], x, seed=seed
    )
    assert report.verdict is not Verdict.WRONG, report


@pytest.mark.parametrize("at_zero", [-0.2, 2.0])
def test_what_is_no_subgradient_of_the_biases_is_wrong(at_zero):
    report = check_gradient(network, network_backward(at_zero), *blank_sample(1))
    assert [i.name for i in report.inputs if i.verdict is Verdict.WRONG] == ["b"], report


@pytest.mark.parametrize("error", [0.1, 1e-7, 1e-10])
def test_kinks_elsewhere_acquit_no_smooth_entry(error):
    report = check_gradient(network, network_backward(0.0, error), *blank_sample(3))
    assert [(i.name, i.worst_index) for i in report.inputs if i.verdict is Verdict.WRONG] == [("w", (1, 2))], report


@pytest.mark.parametrize("gap", [1e-7, 1e-11])
def test_a_kink_beside_the_point_does_not_meet_one_at_it(gap):
    x = np.array([1, 1 + gap, 2.5])
    report = check_gradient(lambda x: relu(x - 1), lambda g, x: g * (x > 1 + 1e-6), x)
    assert (report.inputs[0].verdict, report.inputs[0].worst_index) == (Verdict.WRONG, (1,))


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (0, 0, "right"),
        (1, 1, "right"),
        (0, 1, "right"),
        (0.5, 0.3, "undecided"),
        (0.2, 0.2, "undecided"),
        (2, 2, "wrong"),
    ],
)
def test_kinks_that_meet_in_one_output_are_undecided_between_the_pieces(first, second, verdict):
    def forward(x):
        return 2 * relu(x[0] + x[1]) - relu(x[0] - x[1])

    def backward(g, x):
        plus, minus = relu_with(first)(2 * g, x[0] + x[1]), relu_with(second)(g, x[0] - x[1])
        return np.array([plus - minus, plus + minus])

    report = check_gradient(forward, backward, np.zeros(2))
    assert report.verdict.value == verdict
    if verdict == "undecided":
        assert "kink" in report.inputs[0].reason
        assert "move the inputs" in report.inputs[0].reason


def test_what_there_is_no_time_to_see_is_no_evidence():
    rng, strides = np.random.default_rng(0), np.array([2.0**-36.3])
    contraction = Contraction(Probe(np.median, [np.ones(3)], 0), np.ones(1), np.zeros(1))
    cones = [Cone(contraction, (0,), rng, strides, n) for n in (None, 0)]
    seen, unseen = (cone.meeting(cone.only(np.array([0]), 1.0), 1.0) for cone in cones)
    assert seen.all()
    assert unseen is None
    assert cones[1].exhausted
    assert np.isinf(cones[1].along(np.ones(3)).bound).all()


def pooled(x):
    """A layer that is often met: relu, the maximum of windows that do not overlap, weights of both signs."""
    return relu(x).reshape(-1, 2).max(axis=1) @ MIXED


def pooled_backward(ties):
    def backward(g, x):
        windows = relu(x).reshape(-1, 2)
        best = windows == windows.max(axis=1, keepdims=True)
        if ties == "first":
            best = np.arange(2) == windows.argmax(axis=1)[:, None]
        return ((MIXED @ g)[:, None] * best).reshape(-1) * (x > 0)

    return backward


@pytest.mark.parametrize("seed", range(3))
def test_relu_and_tied_maxima_under_weights_of_both_signs(seed):
    x = np.array([1.0, 1, 0, 0, 2, 2, -1, 0])
    assert check_gradient(pooled, pooled_backward("first"), x, seed=seed).verdict is Verdict.RIGHT
    assert check_gradient(pooled, pooled_backward("all"), x, seed=seed).verdict is Verdict.WRONG


@pytest.mark.parametrize("seed", range(3))
def test_a_tie_that_is_wrong_is_not_hidden_by_the_kinks_of_others(seed):
    """All move in one output: along most directions the kinks at 0 leave room for twice the slope of the tie."""

    def forward(x):
        return x[:2].max() + 3 * relu(x[2:]).sum() + 3 * relu(x[2] + x[3])

    def backward(shares):
        return lambda g, x: g * np.append(shares, np.zeros(4))

    x, here = np.array([1.0, 1, 0, 0, 0, 0]), {"seed": seed, "allow": "elsewhere"}
    assert check_gradient(forward, backward([0.5, 0.5]), x, **here).verdict is Verdict.RIGHT
    assert check_gradient(forward, backward([1, 1]), x, **here).verdict is Verdict.WRONG


# What sorts: one of those that are tied gets the gradient of its place.
def sort_jacobian(x):
    return np.eye(len(x))[np.argsort(x, kind="stable")]


ORDER = np.array([1.0, -0.5, 0.3, 2.0, -1.2, 0.8, -0.7])
FUNCTIONS_OF_ORDER = {
    "sort": (np.sort, np.eye(7)),
    "weighted sort": (lambda x: np.sort(x) @ ORDER, ORDER[None]),
    "median": (np.median, np.eye(7)[3:4]),
    "quantile": (lambda x: np.sort(x)[2:4] @ [0.6, 0.4], 0.6 * np.eye(7)[2:3] + 0.4 * np.eye(7)[3:4]),
    "three largest": (lambda x: np.sort(x)[:3:-1], np.eye(7)[:3:-1]),
    "sum of three largest": (lambda x: np.sort(x)[4:].sum(), (np.arange(7) > 3)[None] * 1.0),
}
TIES = {
    "double": np.array([1.0, -2, 0.5, 1, 3, -1, 4]),
    "triple": np.array([1.0, -2, 1, 1, 3, -1, 4]),
    "two triples": np.array([1.0, -2, 1, 1, -2, 3, -2]),
    "all": np.ones(7),
}


def order_backward(weights, to):
    def backward(g, x):
        jacobian, tied = weights @ sort_jacobian(x), x[:, None] == x
        if to == "last":
            jacobian = weights @ sort_jacobian(x[::-1])[:, ::-1]
        if to == "shared":
            jacobian = jacobian @ (tied / tied.sum(axis=1))
        if to == "all":
            jacobian = jacobian @ tied
        if to == "none":
            jacobian = jacobian * (tied.sum(axis=1) == 1)
        return np.ravel(g) @ jacobian

    return backward


@pytest.mark.parametrize("ties", TIES)
@pytest.mark.parametrize("name", FUNCTIONS_OF_ORDER)
def test_ties_in_what_sorts(name, ties):
    (forward, weights), x = FUNCTIONS_OF_ORDER[name], TIES[ties]
    first = order_backward(weights, "first")
    for to in ("first", "last") if ties == "two triples" else ("first",):
        assert check_gradient(forward, order_backward(weights, to), x).verdict is Verdict.RIGHT
    shared = check_gradient(forward, order_backward(weights, "shared"), x)
    assert shared.verdict is not Verdict.WRONG
    for to in ("all", "none"):
        wrong, g = order_backward(weights, to), np.ones(len(weights))
        if not np.isclose(wrong(g, x).sum(), first(g, x).sum()):  # else the ties are not where it matters
            assert check_gradient(forward, wrong, x).verdict is Verdict.WRONG, to


EQUAL = np.array([1.0, 2, 2, -3])
# A function of two inputs, its gradients where they are equal, and whether these are any of its slopes.
BETWEEN_INPUTS = {
    "minimum, to the first": (np.minimum, lambda g, x, y: (g * (x <= y), g * (x > y)), Verdict.RIGHT),
    "minimum, shared": (np.minimum, lambda g, x, y: (g * ((x < y) + 0.5 * (x == y)),) * 2, Verdict.RIGHT),
    "minimum, to both": (np.minimum, lambda g, x, y: (g * (x <= y), g * (x >= y)), Verdict.WRONG),
    "minimum, to none": (np.minimum, lambda g, x, y: (g * (x < y), g * (x > y)), Verdict.WRONG),
    "distance": (lambda x, y: np.abs(x - y), lambda g, x, y: (g * np.sign(x - y), g * np.sign(y - x)), Verdict.RIGHT),
    "distance, one sign": (lambda x, y: np.abs(x - y), lambda g, x, y: (g, g), Verdict.WRONG),
}


@pytest.mark.parametrize("name", BETWEEN_INPUTS)
def test_ties_between_inputs_are_judged_together(name):
    forward, backward, verdict = BETWEEN_INPUTS[name]
    report = check_gradient(forward, backward, EQUAL, EQUAL.copy(), allow="elsewhere")
    assert report.verdict is verdict, report
    if verdict is Verdict.WRONG:
        assert "so that ties stay ties" in report.inputs[0].reason
