"""What a low precision allows: an entry, all entries together, and forward beside its reference.

A kernel that answers in a small format alone is held to the roundings of that format. A rounding moves a number by up
to u = eps/2 of it. How far those of the terms move their sum is measured: the gradient is computed again with all
inputs and the cotangent moved by roundings.
"""

import math

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.formats import FLOAT64, Format, coarsest, own_format
from scratchcnn.gradcheck.report.report import Violation
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.verdict import Verdict

# In u of the sizes: the root mean square of ten roundings. One has 0.42: it is anything up to u of the power of two
# below.
TEN_ROUNDINGS = 1.3
# The same for a single entry: six standard deviations.
MOST_ROUNDINGS = 8.0
# How many times larger the mean square of N entries may be than expected: 1 + SPREAD / √N.
SPREAD = 3.0
# How far off a gradient may be to be called right, though roundings explain more: in u of its norm, one rounding of the
# gradient itself; or as a share of it, if that is more. Below that share none is called wrong: a kernel may lose digits
# in sums that nobody sees (1 - tanh² where tanh is nearly 1).
VOUCHING_U, VOUCHING_NORM = 0.5, 0.02
# In u of the sizes: the root mean square of one rounding. So much may be the same at all points beside each other.
ONE_ROUNDING = 0.42
# How often the inputs of a reference are moved.
MOVES = 8


def entry_tolerance(values: Array, terms: Array, small: Format) -> Array:
    """(entries,) how far roundings may move a gradient: its own, those of the terms, and of one like the largest entry.

    Parameters
    ----------
    values, terms
        (entries,) the gradient, and the sizes of the terms that are summed in it.
    small
        The number format. Below its smallest normal number all are a smallest number apart.
    """
    tolerance: Array = small.eps * (np.abs(values) + _largest(values) + MOST_ROUNDINGS / 2 * terms) + small.smallest
    return tolerance


def all_together(
    distance: Array, bound: Array, value: Array, terms: Array, small: Format, points: float = 1
) -> tuple[Verdict, str]:
    """What all entries of a gradient say together, where roundings hide much in each.

    Roundings are as often up as down. So the norm of the distances is known better than each, and their sum, weighted
    with the derivatives, better still: a factor shows in it.

    Parameters
    ----------
    distance, bound, value
        (entries,) from the numerical gradient, its bound, and the numerical gradient.
    terms
        (entries,) the sizes of the terms that are summed.
    small
        The number format.
    points
        Over how many points beside each other the distance is a mean: four of them halve roundings.

    Returns
    -------
    tuple
        WRONG, RIGHT, or UNDECIDED where roundings may explain a distance that is not small; and why.
    """
    norm, same = float(np.linalg.norm(value)), ONE_ROUNDING if points > 1 else 0.0
    roundings = (TEN_ROUNDINGS / math.sqrt(points) + same) * small.eps / 2
    # What is below the smallest normal number is rounded like that.
    sizes = np.maximum(np.hypot(terms, value), small.smallest / small.eps)
    spread = 1 + SPREAD / math.sqrt(value.size)
    allowed = float(np.linalg.norm(bound)) + spread * roundings * float(np.linalg.norm(sizes))
    off = float(np.linalg.norm(distance))
    if not norm:
        return (Verdict.WRONG, "are not zero") if off > allowed else (Verdict.RIGHT, "")
    factor = float(distance @ value) / norm**2
    weighted = float(bound @ np.abs(value)) + SPREAD * roundings * float(np.linalg.norm(sizes * value))
    allowed_factor = roundings + weighted / norm**2
    by_factor = abs(factor) > allowed_factor
    if off <= VOUCHING_NORM * norm:
        told = f"are off by {off / norm:.2g} of their norm, roundings explain {allowed / norm:.2g}"
        return (Verdict.UNDECIDED if by_factor or off > allowed else Verdict.RIGHT), told
    if by_factor and float(np.linalg.norm(distance - factor * value)) <= max(1.0, abs(1 + factor)) * allowed:
        return Verdict.WRONG, f"are {1 + factor:.2g} times the derivative, roundings explain 1 ± {allowed_factor:.2g}"
    if by_factor or off > allowed:
        return Verdict.WRONG, f"are off by {off / norm:.2g} of their norm, roundings explain {allowed / norm:.2g}"
    told = f"are off by {off / norm:.2g} of their norm; roundings would explain {allowed / norm:.2g}"
    return (Verdict.RIGHT if off <= vouching_share(small.eps) * norm else Verdict.UNDECIDED), told


def vouching_share(eps: float) -> float:
    """As a share of the norm: how far off a gradient may be to be called right."""
    return max(VOUCHING_NORM, VOUCHING_U * eps / 2)


def differs_from_reference(case: Case, rng: np.random.Generator) -> Violation | None:
    """What says that forward is another function than its reference; None where roundings explain the difference."""
    floating = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in case.inputs]
    output = np.array(case.forward(*(a.copy() for a in floating)), np.float64)
    given = case.output.astype(np.float64)
    kernel = coarsest((case.format, own_format(case.output.dtype))) or FLOAT64
    moved = [case.forward(*_moved(floating, kernel.eps, rng)) for _ in range(MOVES)]
    terms = np.sqrt(np.mean([(np.asarray(m, np.float64) - output) ** 2 for m in moved], axis=0)) / kernel.eps
    excess = np.asarray(np.abs(given - output) - entry_tolerance(output, terms, kernel))
    excess[(given == output) | (np.isnan(given) & np.isnan(output)) | (np.abs(output) > kernel.largest)] = 0
    excess = np.nan_to_num(excess, nan=np.inf).reshape(-1)
    if not excess.size or excess.max() <= 0:
        return None
    worst = int(excess.argmax())
    place = [int(k) for k in np.unravel_index(worst, output.shape)]
    ours, theirs = apart(given.reshape(-1)[worst], output.reshape(-1)[worst])
    return Violation("reference", f"forward gives {ours} at {place}, the reference {theirs}: roundings explain less")


def _moved(inputs: list[Array], eps: float, rng: np.random.Generator) -> list[Array]:
    signs = [rng.choice([-1.0, 1.0], a.shape) for a in inputs]
    return [a * (1 + eps * s) if a.dtype.kind == "f" else a.copy() for a, s in zip(inputs, signs, strict=True)]


def _largest(values: Array) -> float:
    return float(np.abs(values[np.isfinite(values)]).max(initial=0))
