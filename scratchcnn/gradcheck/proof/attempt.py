"""The way from a check to a proof: whether there can be one, and the caller's functions and point as it takes them.

python-flint is loaded here, where it is needed, and nowhere else outside of `proof`.
"""

from collections.abc import Sequence
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical.caller_warnings import quiet, undisturbed
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.verdict import VOUCHING_ROUNDOFFS, VOUCHING_SHARE

if TYPE_CHECKING:
    from scratchcnn.gradcheck.proof.prove import Proof

# Digits to which both sides agree where the formulas are one: with fewer, their constants are rounded differently.
AGREED_DIGITS = 25
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
    inputs: Sequence[Array],
    wrt: Sequence[int],
    cotangent: Array,
    rng: np.random.Generator,
    seconds: float,
    *,
    locate: bool = False,
) -> "Proof":
    """The proof of a case's functions at some inputs, with respect to those of `wrt` that have entries.

    Parameters
    ----------
    cotangent
        Of the shape that the output has there.
    rng, seconds, locate
        As in `proof.prove.prove`.
    """
    from scratchcnn.gradcheck.proof.prove import prove

    # Without what takes the time of calls.
    forward, backward = (partial(f.func, *f.args, **f.keywords) for f in (case.forward, case.backward))
    given = partial(prove, asked=case.wrt, locate=locate)
    moving = [k for k in wrt if inputs[k].size]
    with quiet():
        proof: Proof = undisturbed(given, forward, backward, inputs, moving, cotangent, rng, seconds)
    return proof


def trifle(exact: Array) -> Array:
    """(entries,) how far a gradient may be from the exact one where that is too little to matter.

    As a guard such as 1e-12 leaves it, or a constant of few digits: a share of the entry, or roundoffs of the largest.
    """
    size = np.abs(exact)
    little: Array = np.maximum(VOUCHING_SHARE * size, VOUCHING_ROUNDOFFS * EPS * size.max(initial=0))
    return little
