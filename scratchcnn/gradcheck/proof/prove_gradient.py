"""The proof alone: what ball arithmetic says of a gradient, without differences.

In `check_gradient` the proof is one of several methods; here it is the only one. If code does not run on balls, there
is no answer.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Backward, Case, Forward, describe
from scratchcnn.gradcheck.leaves import prepared
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.options import validated
from scratchcnn.gradcheck.points import Point, asked_cotangent
from scratchcnn.gradcheck.proof.attempt import FLINT_MISSING, has_flint, proof_of
from scratchcnn.gradcheck.proof.outcome import Proof, Proven
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.verdict import VOUCHING_ROUNDOFFS, Verdict, small_in

# In seconds: how long a proof may take, by default.
PROOF_SECONDS = 60.0
# Why some entries are not proved, where others are.
KINKS_REASON = "kinks, or ends of its domain"


@dataclass(frozen=True)
class ProvedInput:
    """What is proved of the gradient of one input.

    Attributes
    ----------
    name, size
        The name of the input, and how many entries it has.
    verdict
        RIGHT: every entry is proved right. WRONG: the gradient is proved wrong. UNDECIDED: neither.
    right
        How many entries are proved right.
    digits
        The decimal digits to which both sides agree; infinite if they are the same, NaN if nothing is proved.
    reason
        Why not all entries are proved right, or what is wrong; empty if all are.
    """

    name: str
    size: int
    verdict: Verdict
    right: int
    digits: float
    reason: str


@dataclass(frozen=True)
class Proved:
    """What is proved of the gradients of a function. It is true if all of them are proved right.

    Attributes
    ----------
    backward
        The name of the function.
    inputs
        What is proved of each input.
    reason
        Why nothing is proved, if the reason is none of a single input.
    """

    backward: str
    inputs: tuple[ProvedInput, ...]
    reason: str = ""

    @property
    def verdict(self) -> Verdict:
        """WRONG if an input is, RIGHT if all are, else UNDECIDED."""
        verdicts = {each.verdict for each in self.inputs}
        if Verdict.WRONG in verdicts:
            return Verdict.WRONG
        return Verdict.RIGHT if verdicts == {Verdict.RIGHT} else Verdict.UNDECIDED

    @property
    def digits(self) -> float:
        """The least number of digits among the entries that are proved right; NaN if there are none."""
        return min((each.digits for each in self.inputs if each.right), default=float("nan"))

    def __bool__(self) -> bool:
        return self.verdict is Verdict.RIGHT

    def __str__(self) -> str:
        lines = [f"{self.backward}: {self.reason or 'by ball arithmetic alone'}"]
        for each in () if self.reason else self.inputs:
            digits = "exactly" if np.isinf(each.digits) else f"to {each.digits:.3g} digits"
            proved = f"{each.right} of {each.size} entries proved right" + (f", {digits}" if each.right else "")
            lines.append(f"  {each.name}: {proved}" + (f"; {each.reason}" if each.reason else ""))
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON. Digits are a number, "exact" if they are infinite, None if there are none."""
        inputs = [
            asdict(each) | {"verdict": each.verdict.value, "digits": plain_digits(each.digits)} for each in self.inputs
        ]
        return {
            "backward": self.backward,
            "verdict": self.verdict.value,
            "digits": plain_digits(self.digits),
            "inputs": inputs,
            "reason": self.reason,
        }


def plain_digits(digits: float) -> float | str | None:
    """Digits as JSON has them, which knows no infinity."""
    if np.isnan(digits):
        return None
    return "exact" if np.isinf(digits) else round(float(digits), 1)


def prove_gradient(
    forward: Forward,
    backward: Backward,
    *inputs: Any,
    names: Sequence[str] | None = None,
    wrt: Sequence[int | str] | int | str | None = None,
    grad_output: Any = None,
    seed: int = 0,
    seconds: float = PROOF_SECONDS,
) -> Proved:
    """Proves a hand-written gradient right or wrong in ball arithmetic, without differences.

    Forward runs on numbers that move along a random direction, backward on the same numbers: `<c, J v>` must be
    `<Jᵀ c, v>`. One call of each is enough, whatever the number of entries; the numbers are some thousand times slower
    than floats. The proof is one of the formulas, at these inputs. The results in floats must agree with it to half of
    their digits; otherwise nothing is proved.

    Parameters
    ----------
    forward, backward, inputs, names, wrt, grad_output, seed
        As in `check_gradient`.
    seconds
        How long the proof may take.

    Returns
    -------
    Proved
        Its `verdict` is RIGHT, WRONG or UNDECIDED, and its `digits` say how well both sides agree. If nothing could be
        proved, `reason` says why: it names the line that does not run on balls, or says that python-flint is missing.

    Raises
    ------
    TypeError, ValueError, CallerError
        As `check_gradient` does.

    Examples
    --------
    >>> from scratchcnn.gradcheck import prove_gradient
    >>> print(prove_gradient(lambda x: x**2, lambda g, x: 2 * g * x, [1.0, 2.0, 3.0]))
    backward: by ball arithmetic alone
      x: 3 of 3 entries proved right, exactly
    """
    __tracebackhide__ = True
    options = validated(seed=seed, seconds=seconds)
    case, grad_output = prepared(forward, backward, inputs, names, wrt, grad_output)
    rng = np.random.default_rng((options.seed, 0x9F0BA11))
    cotangent = asked_cotangent(case, grad_output, rng)
    who = describe(backward, "backward")
    moving = [k for k in case.wrt if case.inputs[k].size]
    reason = "" if moving and case.output.size else "there is nothing to prove"
    if not reason and not has_flint():
        reason = FLINT_MISSING
    if reason:
        return Proved(who, tuple(_unproved(case, k, reason) for k in case.wrt), reason)
    with quiet():
        gradients = case.gradients(cotangent, case.copies())
    proof = proof_of(case, Point(case.inputs, cotangent), moving, rng, options.seconds)
    decided = any(each.right.any() or each.wrong.any() for each in proof.inputs.values())
    reason = _elsewhere(case, proof) if decided else proof.reason
    found = (_input(case, k, proof, gradients[k], cotangent, reason) for k in moving)
    return Proved(who, tuple(found), reason)


def _unproved(case: Case, index: int, reason: str) -> ProvedInput:
    return ProvedInput(case.names[index], case.inputs[index].size, Verdict.UNDECIDED, 0, float("nan"), reason)


def _elsewhere(case: Case, proof: Proof) -> str:
    """What is wrong where forward gives something else in floats than in balls; empty if it does not."""
    if proof.outputs is None or _close(case.output.reshape(-1), proof.outputs, case):
        return ""
    return "in floats forward gives another output than in exact arithmetic"


def _close(floats: Array, exact: Array, case: Case, roundoff: float = 0.0) -> bool:
    """Whether floats agree with exact numbers: to half of the digits of the largest, or to some roundoff."""
    allowed = max(small_in(_eps(case)) * np.abs(exact).max(initial=0), roundoff)
    return floats.shape == exact.shape and bool((np.abs(floats - exact) <= allowed).all())


def _roundoff(case: Case, index: int, cotangent: Array) -> float:
    """Some roundoffs of the operation: floats leave so much of a sum that cancels in exact arithmetic."""
    unit = np.abs(case.inputs[index]).max(initial=0)
    total = np.abs(cotangent * case.output).sum()
    return float(VOUCHING_ROUNDOFFS * _eps(case) * total / unit) if unit > 0 else 0.0


def _eps(case: Case) -> float:
    """The eps of the least precise input that is checked."""
    return max(float(np.finfo(case.inputs[k].dtype).eps) for k in case.wrt)


def _input(case: Case, index: int, proof: Proof, gradient: Any, cotangent: Array, reason: str) -> ProvedInput:
    """What the proof says of one input."""
    if reason:
        return _unproved(case, index, reason)
    proven = proof.inputs[index]
    name, size = case.names[index], case.inputs[index].size
    right = int(proven.right.sum())
    digits = proven.digits if right else float("nan")
    if proven.wrong.any():
        return ProvedInput(name, size, Verdict.WRONG, right, digits, _fault(proven))
    if not _close(np.asarray(gradient, float).reshape(-1), proven.value, case, _roundoff(case, index, cotangent)):
        return _unproved(case, index, "in floats backward gives another gradient than in exact arithmetic")
    if right == size:
        return ProvedInput(name, size, Verdict.RIGHT, right, digits, "")
    return ProvedInput(name, size, Verdict.UNDECIDED, right, digits, proof.reason or f"{KINKS_REASON}, at the others")


def _fault(proven: Proven) -> str:
    """What is wrong, in one line: both sides, at an entry or along a direction."""
    if proven.exact:
        place, exact = next(iter(proven.exact.items()))
        analytic, shown = apart(float(proven.value[place]), exact)
        return f"proved wrong: entry {place} of the gradient is {analytic}, forward in exact arithmetic gives {shown}"
    analytic, shown = apart(*proven.along)
    return f"proved wrong: along a random direction the gradient gives {analytic}, forward in exact arithmetic {shown}"
