"""A gradient that went through a lower precision."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.numerical.noise import EPS

# Entries of which a rounding to a lower precision is believed: one may be a short number by chance.
ENTRIES = 3
# Of a quotient of two products in float64.
ROUNDOFF = 4 * EPS


@dataclass(frozen=True)
class Precision:
    """A number format: its name, its eps, and what it makes of numbers in float64."""

    name: str
    eps: float
    short: Callable[[Array], Array]


def _of_eight_digits(array: Array) -> Array:
    """The nearest numbers of 8 binary digits, as bfloat16 has them; its range is that of float32."""
    digits, exponent = np.frexp(array)
    short: Array = np.ldexp(np.rint(digits * 2.0**8), exponent - 8)
    return short


def _of_numpy(dtype: type) -> Precision:
    return Precision(
        np.dtype(dtype).name, float(np.finfo(dtype).eps), lambda a: np.asarray(a.astype(dtype).astype(np.float64))
    )


# The coarsest first: numbers of bfloat16 may be numbers of float16, too.
PRECISIONS = (Precision("bfloat16", 2.0**-7, _of_eight_digits), _of_numpy(np.float16), _of_numpy(np.float32))


def rounded(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient rounded to bfloat16, float16 or float32."""
    gradient = scene.analytic(index)
    if gradient.shape != scene.inputs[index].shape or gradient.size < ENTRIES:
        return
    for to in PRECISIONS:
        yield Claim("precision", f"the true one rounded to {to.name}", _rounded(index, to, _one))
        for factor, of in _factors(scene, gradient.shape):
            message = f"the true one with what {factor} is multiplied by rounded to {to.name}"
            yield Claim("precision", message, _rounded(index, to, of))
            yield Claim("small-relative", f"off by roundoffs of {to.name}", _rounded(index, to, of))


def _factors(scene: Scene, shape: tuple[int, ...]) -> Iterator[tuple[str, Callable[[Scene], Array]]]:
    """What a gradient of some shape may be a multiple of, entry by entry."""
    if scene.cotangent.shape == shape:
        yield "the cotangent", lambda s: s.cotangent
    for k, array in enumerate(scene.inputs):
        if array.shape == shape and array.dtype.kind == "f":
            yield scene.names[k], lambda s, k=k: s.inputs[k]  # type: ignore[misc]


def _one(s: Scene) -> Array:
    return np.ones(())


def _rounded(index: int, to: Precision, factor: Callable[[Scene], Array]) -> Callable[[Scene], bool]:
    """Whether the gradient is nearly the true one, and a factor times numbers of that precision."""

    def holds(s: Scene) -> bool:
        gradient, truth = s.analytic(index), s.truth(index)
        with np.errstate(all="ignore"):
            other = gradient / factor(s)
            short = to.short(other)
        if not (np.abs(short - other) <= ROUNDOFF * np.abs(other)).all():
            return False
        known = np.isfinite(truth.error)
        if not known.any():
            return False
        distance, size = np.abs(gradient - truth.value)[known], np.abs(truth.value)[known]
        return bool((distance <= truth.error[known] + 8 * to.eps * (size + size.max())).all())

    return holds


def as_if_rounded(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient but for errors of the size that a lower precision makes, of different sizes and both signs."""
    gradient = scene.analytic(index)
    if gradient.shape != scene.inputs[index].shape or gradient.size < ENTRIES:
        return
    for to in PRECISIONS[1:]:  # errors of 3 % may be anything, not bfloat16 alone
        said = f"the true one but for errors of a few roundoffs of {to.name}, as of numbers kept in it"
        yield Claim("precision", said, _scattered(index, to.eps))


def _scattered(index: int, eps: float) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        truth = s.truth(index)
        known = np.isfinite(truth.error) & (truth.value != 0)
        errors = s.analytic(index)[known] / truth.value[known] - 1
        low, high, least = errors.min(initial=0), errors.max(initial=0), 2 * eps**1.5
        return bool(-4 * eps <= low < -least and least < high <= 4 * eps)

    return holds
