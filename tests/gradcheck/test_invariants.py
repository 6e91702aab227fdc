"""Other values for an input: what holds exactly of it holds of them, and little of what does not."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.invariants import (
    BLEND_SHARES,
    MOST_SHRINKAGE,
    STRUCTURES,
    _have_the_same_sum,
    _mixed,
    has_no_repeat,
    has_structure,
    hides_a_mistake,
    is_permutation,
    redrawn,
    redrawn_as,
    with_repeat,
    without_form,
)


def generator(seed):
    return np.random.default_rng(seed)


def normal(*shape, seed=0):
    return generator(seed).normal(size=shape)


def rotation(n, seed=0):
    return np.linalg.qr(normal(n, n, seed=seed))[0]


def is_sorted(a, axis=-1):
    return bool((np.diff(a, axis=axis) >= 0).all())


def sums_to(total, axis):
    return lambda a: np.allclose(a.sum(axis), total, rtol=0, atol=1e-6 if a.dtype == np.float32 else 1e-14)


def is_positive_definite(a):
    return np.array_equal(a, a.T) and np.linalg.eigvalsh(a).min() > 0


COVARIANCE = (lambda a: a @ a.T + 1e-3 * np.eye(4))(normal(4, 4))
COVARIANCE = (COVARIANCE + COVARIANCE.T) / 2
HOT = np.eye(4)[[0, 3, 1, 1, 2]]

# Inputs and what holds of them.
FORMS = {
    "one-hot rows": (HOT, lambda a: sums_to(1, 1)(a) and (a >= 0).all()),
    "one-hot columns": (HOT.T, lambda a: sums_to(1, 0)(a) and (a >= 0).all()),
    "distributions in float32": (generator(1).dirichlet(np.ones(5), 3).astype(np.float32), sums_to(1, 1)),
    "a single distribution": (generator(2).dirichlet(np.ones(6)), sums_to(1, 0)),
    "equal shares": (np.full((2, 4), 0.25), sums_to(1, 1)),
    "a distribution that begins with zero": (
        np.array([0, 0.125, 0.25, 0.625]),
        lambda a: sums_to(1, 0)(a) and is_sorted(a),
    ),
    "pairs of probabilities": (generator(5).dirichlet(np.ones(2), 3), sums_to(1, 1)),
    "a thousand probabilities": (generator(6).dirichlet(np.ones(1000)).astype(np.float32), sums_to(1, 0)),
    "two rows of the same sum": (3 * generator(7).dirichlet(np.ones(4), 2), sums_to(3, 1)),
    "a centred line": (normal(6) - normal(6).mean(), sums_to(0, 0)),
    "a joint distribution": (generator(3).dirichlet(np.ones(12)).reshape(3, 4), sums_to(1, None)),
    "centred columns": (normal(6, 2) - normal(6, 2).mean(axis=0), sums_to(0, 0)),
    "symmetric": (normal(3, 3) + normal(3, 3).T, lambda a: np.array_equal(a, a.T)),
    "antisymmetric": (normal(3, 3) - normal(3, 3).T, lambda a: np.array_equal(a, -a.T)),
    "a batch of symmetric ones": (
        normal(2, 3, 3) + normal(2, 3, 3).swapaxes(1, 2),
        lambda a: np.array_equal(a, a.swapaxes(1, 2)),
    ),
    "positive definite": (COVARIANCE, is_positive_definite),
    "distances": (np.abs(normal(5)[:, None] - normal(5)), lambda a: np.array_equal(a, a.T) and not a.diagonal().any()),
    "triangular, three by three": (np.tril(normal(3, 3)), lambda a: not np.triu(a, 1).any() and a.diagonal().all()),
    "triangular": (np.tril(normal(4, 4)), lambda a: not np.triu(a, 1).any() and a.diagonal().all()),
    "knots": (np.sort(normal(7)), is_sorted),
    "knots that repeat": (np.array([0.0, 0.0, 1.0, 1.5, 1.5]), is_sorted),
    "falling": (-np.sort(normal(7)), lambda a: is_sorted(-a)),
    "sorted rows": (np.sort(normal(4, 5), axis=1), is_sorted),
    "sorted columns": (np.sort(normal(4, 5), axis=0), lambda a: is_sorted(a, 0)),
    "sorted both ways": (np.sort(np.sort(normal(4, 5), 0), 1), lambda a: is_sorted(a, 0) and is_sorted(a, 1)),
    "a rotation": (rotation(4), lambda a: np.allclose(a @ a.T, np.eye(4), rtol=0, atol=1e-14)),
    "a frame": (rotation(5)[:, :2], lambda a: np.allclose(a.T @ a, np.eye(2), rtol=0, atol=1e-14)),
    "a wide frame": (rotation(5)[:2], lambda a: np.allclose(a @ a.T, np.eye(2), rtol=0, atol=1e-14)),
    "a batch of frames": (
        np.stack([rotation(5)[:2], rotation(5, 1)[:2], rotation(5, 2)[:2]]),
        lambda a: np.allclose(a @ a.swapaxes(1, 2), np.eye(2), rtol=0, atol=1e-14),
    ),
    "a batch of one frame": (
        rotation(5)[None, :, :2],
        lambda a: np.allclose(a.swapaxes(1, 2) @ a, np.eye(2), rtol=0, atol=1e-14),
    ),
    "unit rows": (
        normal(5, 4) / np.linalg.norm(normal(5, 4), axis=1, keepdims=True),
        lambda a: np.allclose((a**2).sum(1), 1, rtol=0, atol=1e-14),
    ),
    "probabilities": (generator(4).uniform(size=(3, 4)), lambda a: (a >= 0).all() and (a <= 1).all()),
    "ones in float32": (np.ones(5, np.float32), lambda a: (a > 0.9).all() and (a <= 1).all()),
    "two numbers": (np.array([0.5, 2.0]), lambda a: (a >= 0.5).all() and (a <= 2).all()),
    "ones": (np.ones(5), lambda a: (a > 0.9).all() and (a <= 1).all()),
    "zeros": (np.zeros((2, 3)), lambda a: (a >= 0).all() and (a < 1).all()),
    "positive": (np.exp(normal(6)), lambda a: (a > 0).all()),
    "negative": (-np.exp(normal(6)), lambda a: (a < 0).all()),
    "one number": (np.array(2.0), lambda a: 1.8 < a <= 2),
}
LEFT_ALONE = {"a rotation", "a frame", "a wide frame", "a batch of frames", "a batch of one frame"}


@pytest.mark.parametrize(("a", "holds"), FORMS.values(), ids=FORMS)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_holds_of_an_input_holds_of_the_other_values(a, holds, seed):
    assert holds(a)
    moved = redrawn(a, generator(seed))
    assert (moved.shape, moved.dtype) == (a.shape, a.dtype)
    assert holds(moved)


@pytest.mark.parametrize("name", sorted(FORMS.keys() - LEFT_ALONE))
def test_the_values_are_others(name):
    a = FORMS[name][0]
    assert not np.array_equal(redrawn(a, generator(0)), a)


def test_what_does_not_hold_is_not_kept():
    a = normal(4, 4, seed=7)
    moved = redrawn(a, generator(0))
    assert not np.isclose(moved, a).any()
    assert len(np.unique(moved)) == a.size


@pytest.mark.parametrize("shape", [(2, 3, 3), (2, 3, 4), (4, 3), (1, 6)])
def test_of_whatever_shape_all_values_change(shape):
    a = normal(*shape)
    for given_array in (a, np.tril(a)):  # a half of zeros says nothing of what is not square
        moved = redrawn(given_array, generator(0))
        assert np.trace(moved, axis1=-2, axis2=-1) != pytest.approx(np.trace(given_array, axis1=-2, axis2=-1))


def test_values_move_across_lines():
    """The columns differ by a factor of a thousand."""
    moved = redrawn(np.exp(normal(5, 4)) * [1e3, 1e-3, 1e6, 1], generator(0))
    assert moved[:, 1].max() > 1
    assert moved[:, 2].min() < 1e3


def test_the_ends_are_kept_of_knots_alone():
    for a in (normal(6), np.sort(normal(4, 5), axis=1)):
        moved = redrawn(a, generator(0))
        assert a.min() < moved.min()
        assert moved.max() < a.max()
    knots = redrawn(np.array([0.0, 1.0, 4.0]), generator(0))
    assert (knots[0], knots[2]) == (0, 4)


def test_signs_are_no_lines_of_length_one():
    assert (np.abs(redrawn(np.array([[1.0, -1.0, 1.0, -1.0]]), generator(0))) < 1).any()


def test_a_line_of_a_long_array_has_a_sum_of_its_own():
    a = np.full((1000, 2), 0.5)
    assert _have_the_same_sum(a, 1, 0.0)
    a[0, 0] += 1e-13
    assert not _have_the_same_sum(a, 1, 0.0)


@pytest.mark.parametrize("k", [1, -1])
def test_a_diagonal_more_than_a_triangle_is_no_triangle(k):
    hessenberg = np.tril(normal(5, 5), 1) if k == 1 else np.triu(normal(5, 5), -1)
    moved = redrawn(hessenberg, generator(0))
    assert np.count_nonzero(moved) > np.count_nonzero(hessenberg)


def test_two_diagonals_are_a_triangle():
    two = np.diag(normal(5)) + np.diag(normal(4), -1)
    moved = redrawn(two, generator(0))
    assert not np.triu(moved, 1).any()
    assert (moved != two)[two != 0].all()


def test_empty_and_infinite_inputs_stay():
    for a in (np.empty((0, 3)), np.array([1.0, np.inf, -np.inf]), np.array([np.nan, 2.0])):
        np.testing.assert_array_equal(redrawn(a, generator(0)), a)


FLAT, SLOPE = np.full(4, 0.25), np.array([1.0, 2.0, 4.0])
COVARIANCE = np.array([[2.0, 0.5, 0.1], [0.5, 1.0, -0.2], [0.1, -0.2, 3.0]])
INDEFINITE = COVARIANCE - 2 * np.eye(3)
TABLE = [
    # an array, and the forms that it has
    (COVARIANCE, {"symmetric", "positive definite", "any"}),
    (np.stack([COVARIANCE, 2 * COVARIANCE]), {"symmetric", "positive definite", "any"}),
    (INDEFINITE, {"symmetric", "any"}),
    (COVARIANCE + 1e-9 * np.triu(np.ones((3, 3)), 1), {"symmetric", "positive definite", "any"}),  # within roundoff
    (COVARIANCE + 1e-3 * np.triu(np.ones((3, 3)), 1), {"any"}),
    (1e9 * (COVARIANCE + 1e-9 * np.triu(np.ones((3, 3)), 1)), {"symmetric", "positive definite", "any"}),
    (1e-9 * (COVARIANCE + 1e-3 * np.triu(np.ones((3, 3)), 1)), {"any"}),
    (np.array([[1, 2], [3, 1]]), {"any"}),
    (normal(2, 3, 4), {"any"}),
    (normal(2, 3, 3), {"any"}),
    (COVARIANCE.astype(np.longdouble), {"symmetric", "positive definite", "any"}),
    (COVARIANCE.astype(np.float32), {"symmetric", "positive definite", "any"}),
    (FLAT.astype(np.float32), {"distribution", "sorted", "any"}),
    (COVARIANCE[:2], {"any"}),
    (np.diag([1.0, 0.0, 2.0]), {"symmetric", "any"}),
    (np.array([1.0, 0.0, 0.0, 0.0]), {"distribution", "sorted", "any"}),
    (FLAT, {"distribution", "sorted", "any"}),
    (np.array([[0.5, 0.1, 0.4], [0.25, 0.75, 0.0]]), {"distribution", "any"}),
    (np.array([[0.5, 0.4, 0.1], [0.7, 0.3, 0.1]]), {"sorted", "any"}),  # the second sums to 1.1
    (np.array([0.5, 0.6, -0.1]), {"any"}),
    (np.array([0.5, 0.2, 0.3 + 1e-9]), {"distribution", "any"}),
    (SLOPE, {"sorted", "any"}),
    (-SLOPE, {"sorted", "any"}),
    (np.array([SLOPE, SLOPE + 1]), {"sorted", "any"}),
    (np.array([[1.0, 2.0, 4.0], [3.0, 2.0, 1.0]]), {"any"}),
    (np.array(3.0), {"any"}),
    (np.array([3, 1, 2]), {"any"}),
]


@pytest.mark.parametrize(("array", "forms"), TABLE, ids=lambda value: "")
def test_an_array_has_the_forms_that_it_has(array, forms):
    assert {form for form in STRUCTURES if has_structure(array, form)} == forms


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("array", "forms"), [entry for entry in TABLE if entry[0].ndim and entry[0].dtype.kind == "f"], ids=lambda _: ""
)
def test_other_values_in_the_form_that_the_caller_names(array, forms, seed):
    for form in sorted(forms):
        before = array.copy()
        other = redrawn_as(array, form, generator(seed))
        assert np.array_equal(array, before)
        assert (other.shape, other.dtype) == (array.shape, array.dtype)
        assert has_structure(other, form)
        assert not np.array_equal(other, array)
        slack = 16 * np.finfo(array.dtype).eps * np.abs(array).max()
        if form == "distribution":
            assert np.abs(other.sum(-1) - array.sum(-1)).max() <= slack
        else:
            low = array.min() if np.ptp(array) else (1 - MOST_SHRINKAGE) * array.min()
            assert low - slack <= other.min() <= other.max() <= array.max() + slack


def test_zeros_and_nothing_are_symmetric():
    assert has_structure(np.zeros((2, 2)), "symmetric")
    assert has_structure(np.empty((0, 0)), "symmetric")


def test_what_is_symmetric_is_relabelled_and_does_not_shrink_alone():
    for form in ("symmetric", "positive definite"):
        assert np.ptp(redrawn_as(COVARIANCE, form, generator(0)) / COVARIANCE) > 0.1


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("form", ["symmetric", "positive definite", "any"])
def test_what_has_nothing_to_mix_shrinks_a_little(form, seed):
    array = 2.0 * np.eye(3) if form != "any" else np.full((2, 3), 2.0)
    other = redrawn_as(array, form, generator(seed))
    share = other[array != 0] / 2
    assert (share >= 1 - MOST_SHRINKAGE).all()
    assert (share < 1).all()
    if form == "any":
        assert len(set(share)) == 6
    else:
        assert (share <= 1 - BLEND_SHARES[0]).all()
        assert (other == share[0] * array).all()


def test_a_distribution_of_equals_becomes_another_one():
    other = redrawn_as(FLAT, "distribution", generator(0))
    assert len(set(other)) == 4
    assert (other > 0).all()


@pytest.mark.parametrize("form", STRUCTURES)
def test_what_is_empty_or_not_finite_stays(form):
    for array in (np.empty((0, 0)), np.array([[1.0, np.nan], [np.nan, 2.0]])):
        other = redrawn_as(array, form, generator(0))
        assert np.array_equal(other, array, equal_nan=True)
        assert other is not array


@pytest.mark.parametrize(
    ("a", "hides"),
    [
        (np.eye(3), True),
        (COVARIANCE, True),
        (rotation(3), True),
        (np.stack([COVARIANCE, 2 * COVARIANCE]), True),
        (normal(3, 3), False),
        (normal(3, 2), False),
        (normal(3), False),
        (np.ones((1, 1)), False),
        (np.empty((0, 0)), False),
        (np.empty((0, 3, 3)), False),
        (np.full((2, 2), np.inf), False),
    ],
)
def test_what_hides_a_mistake(a, hides):
    assert hides_a_mistake(a) is hides


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("a", [np.eye(2), np.eye(3), COVARIANCE, rotation(3), np.ones((2, 2))], ids=list("IJCQ1"))
def test_other_values_without_a_form(a, dtype, seed):
    a = a.astype(dtype)
    other = without_form(a, generator(seed))
    assert not hides_a_mistake(other)
    assert (other.shape, other.dtype) == (a.shape, a.dtype)
    assert other.min() >= a.min() * (1 - MOST_SHRINKAGE if np.ptp(a) == 0 else 1)
    assert other.max() <= a.max()


@pytest.mark.parametrize("seed", range(5))
def test_a_sum_that_is_whole_stays_unless_nothing_has_to(seed):
    a = np.array([0.125, 0.375, 0.5])  # sorted by chance
    other = without_form(a, generator(seed))
    assert not hides_a_mistake(other)
    assert other.sum() == pytest.approx(1, abs=1e-15)
    for freed in (without_form(a, generator(seed), free=True), redrawn_as(a, "any", generator(seed))):
        assert abs(freed.sum() - 1) > 1e-4


@pytest.mark.parametrize(("a", "other"), [([4, 1, 2], [4, 1, 1]), ([[0, 3], [5, 9]], [[0, 3], [5, 5]])])
def test_a_number_that_comes_twice(a, other):
    a = np.array(a, np.uint8, order="F")
    repeated = with_repeat(a)
    assert (repeated.tolist(), repeated.dtype) == (other, a.dtype)
    assert has_no_repeat(a)
    assert not has_no_repeat(repeated)


@pytest.mark.parametrize("a", [np.array([3]), np.array([1.0, 2.0]), np.array([True, False]), np.empty(0, int)])
def test_numbers_that_are_no_index_or_single_have_none(a):
    assert not has_no_repeat(a)


def test_a_permutation_is_one_of_an_axis():
    assert is_permutation(np.array([2, 0, 1]), [(5,), (4, 3)])
    assert not is_permutation(np.array([2, 0, 1]), [(5, 4)])
    assert not is_permutation(np.array([3, 0, 1]), [(3, 3)])
    assert is_permutation(np.array([[2, 0], [1, 3]]), [(4,)])


def test_values_that_are_free_have_a_share_of_their_own_each():
    """The identity's values sum to a whole number, which does not stay."""
    shares = [_mixed(np.eye(3), generator(0), free=free) for free in (False, True)]
    assert [len(np.unique(share[(share > 0) & (share < 1)])) > 2 for share in shares] == [False, True]
    assert [float(share.sum()) == pytest.approx(3, abs=1e-12) for share in shares] == [True, False]


def test_two_by_two_is_a_matrix_too():
    symmetric = np.array([[1.0, 2.0], [2.0, 5.0]])
    other = redrawn(symmetric, generator(0))
    assert (other == other.T).all()
    assert not np.array_equal(other, symmetric)


@pytest.mark.parametrize("seed", range(3))
def test_knots_keep_their_ends_and_a_triangle_its_diagonal_and_its_half(seed):
    knots = np.array([0.0, 0.1, 0.4, 0.5, 1.0])
    other = redrawn(knots, generator(seed))
    assert (other[0], other[-1]) == (0, 1)
    assert len(set(other)) > 3
    for triangle in (np.tril(normal(4, 4)), np.triu(normal(4, 4))):
        changed = redrawn(triangle, generator(seed))
        assert ((changed != 0) == (triangle != 0)).all()
        assert np.isfinite(changed).all()
        for part in (np.eye(4, dtype=bool), (triangle != 0) & ~np.eye(4, dtype=bool)):
            assert triangle[part].min() <= changed[part].min() <= changed[part].max() <= triangle[part].max()
            assert (changed[part] != triangle[part]).all()


@pytest.mark.parametrize(("total", "stays"), [(1.0, True), (0.0, True), (20.0, True), (-3.0, True), (3.7, False)])
def test_the_sum_of_all_values_stays_where_it_is_a_whole_number(total, stays):
    a = np.random.default_rng(0).uniform(0.5, 2, size=(4, 5))
    a = a - a.mean() if total == 0 else a * (total / a.sum())
    moved = redrawn(a, np.random.default_rng(1))
    assert bool(abs(moved.sum() - a.sum()) < 1e-12) is stays
    assert a.min() <= moved.min() < moved.max() <= a.max()


def test_a_mean_that_is_written_down_is_wrong_at_the_second_point():
    x = np.random.default_rng(0).normal(size=(4, 3))
    mean = float(x.mean())

    def backward(g, x):
        return 2 * g * mean * np.ones_like(x) / x.size

    report = check_gradient(lambda x: x.mean() ** 2, backward, x)
    assert [violation.kind for violation in report.violations] == ["elsewhere"]
