"""The way from a check to a proof: whether there can be one, and the call that makes it.

python-flint is loaded here, when a proof is made, and nowhere else outside of `proof`.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from time import thread_time

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical.caller_warnings import quiet, undisturbed
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.outcome import Proof, Rounding

# Why there is no proof where python-flint is missing.
FLINT_MISSING = "python-flint is not installed"


def has_flint() -> bool:
    """Whether python-flint can be loaded, which a proof needs."""
    try:
        import_module("flint")
    except ImportError:
        return False
    return True


def proof_of(
    case: Case,
    point: Point,
    wrt: Sequence[int],
    rng: np.random.Generator,
    seconds: float,
    *,
    locate: bool = False,
    rounding: Rounding = Rounding.CONSTANT,
) -> Proof:
    """The proof of a case's functions at a point, with respect to the inputs of `wrt` that have entries.

    Parameters
    ----------
    case
        The functions.
    point, wrt, rng, seconds, locate, rounding
        As in `proof.prove.prove`.
    """
    from scratchcnn.gradcheck.proof.prove import prove

    # The functions themselves, without what measures the time of calls.
    forward, backward = case.unmeasured
    given = partial(prove, asked=case.wrt, locate=locate, rounding=rounding)
    moving = [k for k in wrt if point.inputs[k].size]
    with quiet():
        proof: Proof = undisturbed(given, forward, backward, point, moving, rng, seconds)
    return proof


def widths_of(case: Case, point: Point, wrt: Sequence[int], bits: int, seconds: float) -> dict[int, Array]:
    """How far roundoff may move the gradients of a case at a point: see `proof.widths.widths`."""
    from scratchcnn.gradcheck.proof.widths import widths

    moving = [k for k in wrt if point.inputs[k].size]
    with quiet():
        found: dict[int, Array] = undisturbed(
            partial(widths, case.unmeasured), point, moving, case.wrt, bits, thread_time() + seconds
        )
    return found


def enclosures_of(
    case: Case, point: Point, index: int, entries: Sequence[int], rounding: Rounding, seconds: float
) -> dict[int, tuple[float, float]]:
    """Between which numbers the derivatives by an input of a case lie: see `proof.enclosures`."""
    from scratchcnn.gradcheck.proof.enclosures import enclosures

    with quiet():
        found: dict[int, tuple[float, float]] = undisturbed(
            partial(enclosures, case.unmeasured), point, index, entries, rounding, thread_time() + seconds
        )
    return found
