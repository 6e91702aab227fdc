"""A gradient that went through a lower precision."""

from collections.abc import Callable, Iterator

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.numerical.noise import EPS

# Entries of which a rounding to a lower precision is believed: one may be a short number by chance.
ENTRIES = 3
PRECISIONS = (np.float16, np.float32)
# Of a quotient of two products in float64.
ROUNDOFF = 4 * EPS


def rounded(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient rounded to float32 or float16."""
    gradient = scene.analytic(index)
    if gradient.shape != scene.inputs[index].shape or gradient.size < ENTRIES:
        return
    for dtype in PRECISIONS:
        name = np.dtype(dtype).name
        yield Claim("precision", f"the true one rounded to {name}", _rounded(index, dtype, _one))
        for factor, of in _factors(scene, gradient.shape):
            message = f"the true one with what {factor} is multiplied by rounded to {name}"
            yield Claim("precision", message, _rounded(index, dtype, of))
            yield Claim("small-relative", f"off by roundoffs of {name}", _rounded(index, dtype, of))


def _factors(scene: Scene, shape: tuple[int, ...]) -> Iterator[tuple[str, Callable[[Scene], Array]]]:
    """What a gradient of some shape may be a multiple of, entry by entry."""
    if scene.cotangent.shape == shape:
        yield "the cotangent", lambda s: s.cotangent
    for k, array in enumerate(scene.inputs):
        if array.shape == shape and array.dtype.kind == "f":
            yield scene.names[k], lambda s, k=k: s.inputs[k]  # type: ignore[misc]


def _one(s: Scene) -> Array:
    return np.ones(())


def _rounded(index: int, dtype: type, factor: Callable[[Scene], Array]) -> Callable[[Scene], bool]:
    """Whether the gradient is nearly the true one, and a factor times numbers of that precision."""

    def holds(s: Scene) -> bool:
        gradient, truth = s.analytic(index), s.truth(index)
        with np.errstate(all="ignore"):
            other = gradient / factor(s)
            short = other.astype(dtype).astype(np.float64)
        if not (np.abs(short - other) <= ROUNDOFF * np.abs(other)).all():
            return False
        eps = float(np.finfo(dtype).eps)
        known = np.isfinite(truth.error)
        distance, size = np.abs(gradient - truth.value)[known], np.abs(truth.value)[known]
        return bool((distance <= truth.error[known] + 8 * eps * (size + size.max(initial=0))).all())

    return holds


def as_if_rounded(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient but for errors of the size that a lower precision makes, of different sizes and both signs."""
    gradient = scene.analytic(index)
    if gradient.shape != scene.inputs[index].shape or gradient.size < ENTRIES:
        return
    for dtype in PRECISIONS:
        said = f"the true one but for errors of a few roundoffs of {np.dtype(dtype).name}, as of numbers kept in it"
        yield Claim("precision", said, _scattered(index, float(np.finfo(dtype).eps)))


def _scattered(index: int, eps: float) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        truth = s.truth(index)
        known = np.isfinite(truth.error) & (truth.value != 0)
        errors = (s.analytic(index)[known] - truth.value[known]) / np.abs(truth.value[known])
        largest = float(np.abs(errors).max(initial=0))
        return bool(2 * eps**1.5 < largest <= 4 * eps and errors.min() < 0 < errors.max())

    return holds
