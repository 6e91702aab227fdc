"""The points that a gradient is checked at: what the caller gave, and what is drawn."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case, output_array, real_array
from scratchcnn.gradcheck.invariants import redrawn, redrawn_as
from scratchcnn.gradcheck.numerical.caller_warnings import quiet

# How often a point is drawn again, each time nearer to the inputs: a singular matrix has regular ones close to it.
MOST_HALVINGS = 6


@dataclass(frozen=True)
class Point:
    """Where forward and backward are called: values for all inputs, and a cotangent of the output's shape."""

    inputs: Sequence[Array]
    cotangent: Array

    def cast(self, dtype: DTypeLike) -> "Point":
        """The same in another precision; integers stay."""
        inputs = [a.astype(dtype) if a.dtype.kind == "f" else a for a in self.inputs]
        return Point(inputs, self.cotangent.astype(dtype))

    def copies(self) -> list[Array]:
        """Copies of the inputs, for a function that may write into them."""
        return [a.copy() for a in self.inputs]


def answers(case: Case, point: Point) -> tuple[Array, list[Any]]:
    """Forward's output and backward's gradients at a point; of the gradients only the number is checked.

    Forward is called first: a layer may keep what its backward needs.

    Raises
    ------
    TypeError
        Backward returned another number of gradients than there are inputs.
    """
    output = np.array(case.forward(*point.copies()))
    gradients = case.gradients(point.cotangent.copy(), point.copies())
    if len(gradients) != len(case.inputs):
        raise TypeError(
            f"backward must return one gradient for each of {len(case.inputs)} inputs, got {len(gradients)}"
        )
    return output, gradients


def asked_cotangent(case: Case, grad_output: Any, rng: np.random.Generator) -> Array:
    """The cotangent that the caller gave, validated, or one that is drawn."""
    __tracebackhide__ = True
    floating = case.output.dtype.kind == "f"
    if grad_output is None:
        return draw_cotangent(case.output.shape, case.output.dtype if floating else np.dtype(np.float64), rng)
    given = real_array(grad_output, "grad_output")
    if given.shape != case.output.shape:
        raise ValueError(f"grad_output must have the output's shape {case.output.shape}, got {given.shape}")
    with np.errstate(over="ignore"):
        cotangent = given.astype(case.output.dtype if floating else np.float64)
    if not np.isfinite(cotangent).all():
        raise ValueError(f"grad_output must be finite in {cotangent.dtype}, the dtype of the output")
    if cotangent.size and not cotangent.any():
        raise ValueError("grad_output must not be zero throughout: every gradient would be right")
    return cotangent


def draw_cotangent(shape: tuple[int, ...], dtype: np.dtype, rng: np.random.Generator) -> Array:
    """Weights of mixed sign and size 0.5 to 2.

    No two are alike, since equal ones would hide a transpose; but a low precision may round two large ones to one.
    """
    size = int(np.prod(shape, dtype=np.int64))
    # One from each of `size` strips between 0.5 and 2, in random order.
    strips = rng.permutation(size) + rng.uniform(0.1, 0.9, size)
    return np.asarray(rng.choice([-1.0, 1.0], size) * (0.5 + 1.5 * strips / max(size, 1))).reshape(shape).astype(dtype)


def similar_cotangent(given: Array, rng: np.random.Generator) -> Array:
    """Another cotangent with the zeros and signs of the one that the caller gave, and numbers of its size."""
    drawn = np.abs(draw_cotangent(given.shape, np.dtype(np.float64), rng))
    sizes = np.abs(given[given != 0])
    typical = float(np.sort(sizes)[sizes.size // 2]) if sizes.size else 1.0
    similar: Array = (np.sign(given) * drawn * typical).astype(given.dtype)
    return similar


def second_cotangent(cotangent: Array, rng: np.random.Generator, *, given: bool) -> Array:
    """Another cotangent. It keeps the zeros and signs of a given one, which backward may rely on."""
    return similar_cotangent(cotangent, rng) if given else draw_cotangent(cotangent.shape, cotangent.dtype, rng)


def second_point(case: Case, cotangent: Array, rng: np.random.Generator) -> Point | None:
    """A point with other inputs, or None where forward has no finite output of the same shape at any that is drawn."""
    return drawn_point(case, partial(second_inputs, case, rng), case.inputs, cotangent)


def drawn_point(
    case: Case, draw: Callable[[], Sequence[Array]], inputs: Sequence[Array], cotangent: Array
) -> Point | None:
    """A point that is drawn; where forward is not finite there, another, half as far from the inputs each time."""
    for halvings in range(MOST_HALVINGS + 1):
        values = draw()
        point = point_at(case, values if halvings == 0 else between(inputs, values, 0.5**halvings), cotangent)
        if point is not None:
            return point
    return None


def point_at(case: Case, values: Sequence[Array], cotangent: Array) -> Point | None:
    """The point with these inputs, in their formats, or None where forward has no finite output of the same shape."""
    inputs = case.rounded(values)
    try:
        with quiet():
            output = output_array(case.forward(*(a.copy() for a in inputs)))
    except Exception:
        return None
    usable = output.shape == case.output.shape and np.isfinite(output).all()
    return Point(inputs, cotangent) if usable else None


def second_inputs(case: Case, rng: np.random.Generator) -> tuple[Array, ...]:
    """Other values for the inputs that are checked, with the properties of those given (`invariants`).

    The inputs that are not checked (labels, masks, tables) may have to be what they are: they stay.
    """
    with np.errstate(all="ignore"):  # the squares of huge numbers overflow
        return tuple(_other(case, k, rng) if k in case.wrt else a.copy() for k, a in enumerate(case.inputs))


def _other(case: Case, index: int, rng: np.random.Generator) -> Array:
    """Other values for an input, in its form and in its domain."""
    given, structure = case.inputs[index], case.structures.get(index)
    other = redrawn(given, rng, case.own_eps(index)) if structure is None else redrawn_as(given, structure, rng)
    domain = case.domains.get(index)
    return other if domain is None else np.where(domain.holds(other), other, given)


def between(inputs: Sequence[Array], others: Sequence[Array], share: float) -> tuple[Array, ...]:
    """Inputs a little way towards others. They keep the sums, signs, order and symmetry that both have."""
    pairs = zip(inputs, others, strict=True)
    return tuple(((1 - share) * a + share * b).astype(a.dtype) if a.dtype.kind == "f" else a.copy() for a, b in pairs)
