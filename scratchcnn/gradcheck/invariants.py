"""Properties that hold exactly of an input, and other values with the same properties.

A backward pass may rely on what its inputs have to be: labels that sum to 1, a symmetric covariance, sorted knots. So
the second point of a check mixes the values of the first in a way that keeps such a property.
"""

from collections.abc import Callable, Iterable

import numpy as np

from scratchcnn.gradcheck.arrays import Array

# In roundoffs for each term: how precisely sums and lengths must be what they have to be.
FORM_ROUNDOFFS = 4.0
# How large a share of another value each value takes on, at least and at most.
BLEND_SHARES = (0.02, 0.2)
# As a share: how much the values of a constant array shrink at most.
MOST_SHRINKAGE = 0.05
# How many arrays are drawn until one has no form: among zeros, numbers may stay where they were.
MOST_DRAWS = 10


# What a caller may say of an input; "any" where a form that it has is an accident.
STRUCTURES = ("symmetric", "positive definite", "distribution", "sorted", "any")


def has_structure(a: Array, structure: str) -> bool:
    """Whether an array has a form within the root of its precision: the caller's own roundoff is unknown."""
    slack = float(np.sqrt(np.finfo(a.dtype).eps)) * float(np.abs(a).max(initial=0)) if a.dtype.kind == "f" else 0.0
    if structure in ("symmetric", "positive definite"):
        if a.ndim < 2 or a.shape[-1] != a.shape[-2] or (np.abs(a - a.swapaxes(-1, -2)) > slack).any():
            return False
        return structure == "symmetric" or bool((np.linalg.eigvalsh(np.asarray(a, np.float64)) > 0).all())
    if structure == "distribution":
        return a.ndim > 0 and bool((a >= 0).all() and (np.abs(a.sum(-1) - 1) <= a.shape[-1] * slack).all())
    return structure == "any" or (a.ndim > 0 and _order(a, -1) != 0)


def redrawn_as(a: Array, structure: str, rng: np.random.Generator) -> Array:
    """Other values for an array, in the form that the caller says it has: along the last axis, or the last two."""
    if a.size == 0 or not np.isfinite(a).all():
        return a.copy()
    if structure in ("symmetric", "positive definite"):
        moved = _relabelled(a, rng)
        if np.array_equal(moved, a):  # a multiple of the identity: it shrinks
            moved = a * (1 - rng.uniform(BLEND_SHARES[0], MOST_SHRINKAGE))
    elif structure == "distribution":
        moved = _blend(a, rng, a.ndim - 1)
        uniform = (1 - _share(rng)) * moved + rng.dirichlet(np.ones(a.shape[-1]), a.shape[:-1]) * _share(rng)
        moved = uniform / uniform.sum(-1, keepdims=True) * a.sum(-1, keepdims=True)
    elif structure == "sorted":
        moved = _sorted_like(a, _mixed(a, rng), (a.ndim - 1,))
    else:
        moved = without_form(a, rng, free=True)
    return np.asarray(moved, a.dtype)


def hides_a_mistake(a: Array) -> bool:
    """Whether an array is symmetric or orthogonal, which hides a transpose, or sorted, which hides a permutation."""
    return a.size > 0 and bool(np.isfinite(a).all()) and (_is_symmetric(a) or _is_orthogonal(a) or _is_sorted(a))


def without_form(a: Array, rng: np.random.Generator, *, free: bool = False) -> Array:
    """Other values for an array, within its range, that hide no mistake. A sum that is whole stays, unless `free`."""
    for _ in range(MOST_DRAWS):
        moved = np.asarray(_mixed(a, rng, free=free), a.dtype)
        if not hides_a_mistake(moved):
            break
    return moved


def with_repeat(a: Array) -> Array:
    """The same numbers, but for the last, which repeats the one before; what is sorted stays so."""
    repeated = a.copy()
    repeated.reshape(-1)[-1] = a.reshape(-1)[-2]
    return repeated


def has_no_repeat(a: Array) -> bool:
    """Whether it holds several integers, as of an index, and none comes twice."""
    return a.dtype.kind in "iu" and a.size > 1 and np.unique(a).size == a.size


def is_permutation(a: Array, shapes: Iterable[tuple[int, ...]]) -> bool:
    """Whether it holds each number below its size, and there is an axis of that size, whose order it may be."""
    return any(a.size in shape for shape in shapes) and np.array_equal(np.sort(a, None), np.arange(a.size))


def redrawn(a: Array, rng: np.random.Generator, eps: float = 0.0) -> Array:
    """Other values for an array: within its range, with its signs and its form.

    A form is one of these: symmetric or antisymmetric, triangular, orthogonal (such an array stays), lines of the same
    sum (probabilities, centred data), lines of length 1, sorted along an axis. A constant array keeps only its sums and
    lengths, since it has the other forms by accident. An array of zeros becomes numbers between 0 and 1, since a bias
    of zeros hides mistakes. The numbers are as precise as their dtype, or as `eps` says.
    """
    if a.size == 0 or not np.isfinite(a).all() or _is_orthogonal(a):
        return a.copy()
    moved = _drawn(a, rng, eps)
    if not _axes_where(a, _have_the_same_sum, eps):
        for axis in _axes_where(a, _have_length_one, eps):
            moved = moved / np.sqrt((moved**2).sum(axis, keepdims=True))
    return np.asarray(moved, a.dtype)


def _drawn(a: Array, rng: np.random.Generator, eps: float) -> Array:
    """Other values, in the form of the array; lines of length 1 are scaled by the caller."""
    summing = _axes_where(a, _have_the_same_sum, eps)[:1]
    if not a.any():
        return rng.uniform(0.1, 0.9, a.shape)
    if (a == a.flat[0]).all():
        moved = a * (1 - rng.uniform(0, MOST_SHRINKAGE, a.shape))
        for axis in summing:
            moved = moved * (a.sum(axis, keepdims=True) / moved.sum(axis, keepdims=True))
        return moved
    if _is_symmetric(a):
        return _relabelled(a, rng)
    if _is_triangular(a):
        return _within_triangle(a, rng)
    if summing and (a.min() >= 0 or not _is_sorted(a)):
        return _sorted_like(a, _blend(a, rng, summing[0]), summing)
    moved = _sorted_like(a, _blend(a, rng, eps=eps), range(a.ndim))
    return _stretched(a, moved) if _is_sorted(a) else moved


def _share(rng: np.random.Generator) -> float:
    return float(rng.uniform(*BLEND_SHARES))


def _blend(
    a: Array, rng: np.random.Generator, axis: int | None = None, eps: float = 0.0, *, free: bool = False
) -> Array:
    """The values shuffled, and each mixed with another: of the whole array, or of its line along an axis.

    Each has a share of its own, unless the sums of the lines have to stay, or that of all values is a whole number: a
    distribution, weights of mean 1, percentages. `free` says that nothing has to stay.
    """
    shuffled = rng.permutation(a.reshape(-1)).reshape(a.shape) if axis is None else rng.permuted(a, axis=axis)
    free = free or (axis is None and not _sums_to_a_whole(a.reshape(-1), eps))
    share = rng.uniform(*BLEND_SHARES, a.shape) if free else _share(rng)
    blended = (1 - share) * shuffled + share * np.roll(shuffled, 1, axis)
    return np.clip(blended, a.min(), a.max())


def _mixed(a: Array, rng: np.random.Generator, *, free: bool = False) -> Array:
    """The values blended; those of a constant array shrink, each by itself."""
    return _blend(a, rng, free=free) if np.ptp(a) else a * (1 - rng.uniform(0, MOST_SHRINKAGE, a.shape))


def _sorted_like(a: Array, moved: Array, axes: Iterable[int]) -> Array:
    """Sorted along each axis along which `a` is (sorting along one keeps the order along the others)."""
    for axis in axes:
        sign = _order(a, axis)
        if sign:
            moved = sign * np.sort(sign * moved, axis)
    return moved


def _order(a: Array, axis: int) -> int:
    """1 where all lines along an axis rise, -1 where they fall, else 0."""
    steps = np.diff(a, axis=axis)
    if not steps.size:
        return 0
    return 1 if (steps >= 0).all() else -1 if (steps <= 0).all() else 0


def _is_sorted(a: Array) -> bool:
    return a.ndim == 1 and a.size > 2 and _order(a, 0) != 0


def _stretched(a: Array, moved: Array) -> Array:
    """The values stretched to the ends of `a`: other inputs may have to lie between these (knots)."""
    share = (moved - moved.min()) / np.ptp(moved)
    stretched: Array = np.clip(a.min() + share * np.ptp(a), a.min(), a.max())
    return stretched


def _is_symmetric(a: Array) -> bool:
    """Whether the last two axes make symmetric, or antisymmetric, matrices."""
    if a.ndim < 2 or a.shape[-1] != a.shape[-2] or a.shape[-1] < 2:
        return False
    turned = a.swapaxes(-1, -2)
    return bool((a == turned).all() or (a == -turned).all())


def _relabelled(a: Array, rng: np.random.Generator) -> Array:
    """A mixture of two relabellings P A Pᵀ: symmetric as A is, positive definite if A is."""
    order, share = rng.permutation(a.shape[-1]), _share(rng)
    one, other = (a[..., p, :][..., p] for p in (order, np.roll(order, 1)))
    mixture: Array = (1 - share) * one + share * other
    return mixture


def _is_triangular(a: Array) -> bool:
    if a.ndim != 2 or a.shape[0] != a.shape[1] or a.shape[0] < 3:  # one zero among four numbers is no form
        return False
    return not np.triu(a, 1).any() or not np.tril(a, -1).any()


def _within_triangle(a: Array, rng: np.random.Generator) -> Array:
    """The diagonal and the triangle beside it, each blended by itself."""
    moved, diagonal = a.copy(), np.eye(len(a), dtype=bool)
    beside = np.tri(len(a), k=-1, dtype=bool)
    for part in (diagonal, beside if np.tril(a, -1).any() else beside.T):
        moved[part] = _blend(a[part], rng)
    return moved


def _is_orthogonal(a: Array) -> bool:
    """Whether the rows, or the columns if there are fewer, are orthogonal and of length 1 (a rotation, a frame)."""
    if a.ndim < 2 or min(a.shape[-2:]) < 2:
        return False
    b = a if a.shape[-2] <= a.shape[-1] else a.swapaxes(-1, -2)
    slack = FORM_ROUNDOFFS * np.finfo(a.dtype).eps * b.shape[-1]
    return bool((np.abs(b @ b.swapaxes(-1, -2) - np.eye(b.shape[-2])) <= slack).all())


def _axes_where(a: Array, holds: Callable[[Array, int, float], bool], eps: float) -> list[int]:
    return [axis for axis in reversed(range(a.ndim)) if a.shape[axis] > 1 and holds(a, axis, eps)]


def _slack(a: Array, axis: int, eps: float) -> float:
    """How far a sum of positive numbers may be off, as a share: by roundoff, or by that of each number."""
    return float(max(FORM_ROUNDOFFS * np.finfo(a.dtype).eps * a.shape[axis], eps))


def _have_the_same_sum(a: Array, axis: int, eps: float) -> bool:
    """Whether all lines along an axis have the same sum; for a single line, whether it sums to 0 or 1."""
    sums, sizes = a.sum(axis), np.abs(a).sum(axis)
    slack = _slack(a, axis, eps) * sizes
    wanted = (sums.mean(),) if sums.size > 1 else (0.0, 1.0)
    return bool(a.any()) and any(bool((np.abs(sums - each) <= slack).all()) for each in wanted)


def _sums_to_a_whole(a: Array, eps: float) -> bool:
    total = float(a.sum())
    return abs(total - round(total)) <= float(_slack(a, 0, eps) * np.abs(a).sum())


def _have_length_one(a: Array, axis: int, eps: float) -> bool:
    lengths = (a**2).sum(axis)
    return bool((np.abs(lengths - 1) <= 2 * _slack(a, axis, eps)).all())
