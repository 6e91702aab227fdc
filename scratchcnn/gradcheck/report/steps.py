"""The error of a central difference, step by step: truncation falls with the step, and roundoff rises."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.effort import FEW_STRIDES
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.differences import ATTEMPTS
from scratchcnn.gradcheck.numerical.gradient import Derivatives, derivatives
from scratchcnn.gradcheck.numerical.noise import measure_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe, probe_of
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP, symmetric
from scratchcnn.gradcheck.report.evidence import Called
from scratchcnn.gradcheck.report.report import InputReport, Report
from scratchcnn.gradcheck.verdict import Verdict

# As powers of two, in units of the entry: the steps that are shown, if there is time for them.
EXPONENTS = np.arange(1, 51)
# In seconds: how long the calls for one entry may take.
SECONDS = 0.5
# With fewer steps than these there is no curve to see.
LEAST_STEPS = 8
# In roundoffs of the largest output: how far forward may be from what it answered during the check.
SAME_ROUNDOFFS = 64.0


@dataclass(frozen=True, eq=False)
class Steps:
    """The central differences of an entry at many steps.

    Attributes
    ----------
    index
        The entry.
    h, value
        (steps,) the steps, the largest first, and the difference quotients.
    taken
        (steps,) bool: which of them the check takes; none where another method settles the entry.
    derivative, bound, status, method
        Those of the entry, as in `NumericalGradient`.
    analytic
        What backward says of it; NaN where that is not known.
    roundoff
        The roundoff of the two outputs: divided by a step it is that of the quotient.
    """

    index: tuple[int, ...]
    h: Array
    value: Array
    taken: Array
    derivative: float
    bound: float
    status: str
    method: str
    analytic: float
    roundoff: float


def followed(report: Report) -> dict[str, Steps]:
    """The central differences of the worst entry of each input, by the inputs' names.

    Forward is called once more, some hundred times for each input. There is nothing where it would take too long, or
    where forward no longer answers what it did: its layer may have learnt since.
    """
    called = report.called
    if called is None or 2 * LEAST_STEPS * called.seconds > SECONDS:
        return {}
    found = {}
    with quiet():
        try:
            if not _answers_as_before(called):
                return {}
            for part in report.inputs:
                place = telling(part)
                if place is not None:
                    found[part.name] = _steps(called, part, place)
        except Exception:  # whatever forward raises, now that the check is over
            return {}
    return found


def telling(part: InputReport) -> tuple[int, ...] | None:
    """The entry that tells most of an input: the worst one; of a right gradient the one closest to its bound."""
    evidence = part.evidence
    if part.verdict is not Verdict.RIGHT or evidence is None or evidence.closest is None:
        return part.worst_index
    return tuple(int(k) for k in np.unravel_index(evidence.entries[evidence.closest], evidence.shape))


def _answers_as_before(called: Called) -> bool:
    """Whether forward answers what it did during the check, but for roundoff."""
    output = np.asarray(called.forward(*(a.copy() for a in called.inputs)))
    if output.shape != called.output.shape or output.dtype != called.output.dtype:
        return False
    eps = float(np.finfo(output.dtype).eps) if output.dtype.kind == "f" else 0.0
    near = SAME_ROUNDOFFS * eps * float(np.abs(called.output[np.isfinite(called.output)]).max(initial=0))
    return bool(np.allclose(output, called.output, rtol=0, atol=near, equal_nan=True))


def _steps(called: Called, part: InputReport, place: tuple[int, ...]) -> Steps:
    index = called.names.index(part.name)
    dtypes = [a.dtype for a in called.inputs]
    probe = probe_of(called.forward, called.inputs, index, dtypes, fresh=called.fresh)
    noise = measure_noise(probe, np.random.default_rng(0), FEW_STRIDES)
    contraction = Contraction(probe, called.cotangent.astype(np.float64).reshape(-1), noise)
    flat = int(np.ravel_multi_index(place, probe.shape)) if place else 0
    found = derivatives(contraction, np.array([flat]))
    exponents, taken = _exponents(called, found)
    h, value, moved = _quotients(found, flat, UNEVEN_STEP * 2.0**-exponents)
    return Steps(
        index=place,
        h=h,
        value=value,
        taken=np.isin(exponents, taken),
        derivative=float(found.value[0]),
        bound=float(found.bound[0]),
        status=str(found.status[0]),
        method=str(found.method[0]),
        analytic=_analytic(called, part, place, flat),
        roundoff=float(np.abs(found.contraction.cotangent[moved]) @ found.contraction.noise[moved]),
    )


def _analytic(called: Called, part: InputReport, place: tuple[int, ...], flat: int) -> float:
    """What backward says of an entry at the caller's inputs; NaN where that is not known."""
    evidence, gradient = part.evidence, called.gradient(part.name)
    if evidence is not None and not evidence.where and flat in evidence.entries:
        return float(evidence.analytic[np.flatnonzero(evidence.entries == flat)[0]])
    return float("nan") if gradient is None else float(gradient[place])


def _exponents(called: Called, found: Derivatives) -> tuple[Array, Sequence[int]]:
    """The steps that there is time for, and those that the check takes, as powers of two."""
    steps, closer = ATTEMPTS[int(found.attempt[0])]
    by_differences = found.status[0] == "ok" and found.method[0] == "differences"
    taken = np.rint(-np.log2(steps * closer / UNEVEN_STEP)).astype(int) if by_differences else np.empty(0, int)
    every = int(np.ceil(2 * len(EXPONENTS) * called.seconds / SECONDS)) or 1
    return np.union1d(EXPONENTS[::every], taken), taken.tolist()


def _quotients(found: Derivatives, flat: int, steps: Array) -> tuple[Array, Array, Array]:
    """(steps,) the steps that were taken and the quotients, and (outputs,) which of the finite outputs moved."""
    probe: Probe = found.probe
    below, above, h = symmetric(probe.base[flat], found.unit[flat] * steps)
    left, right = np.empty((2, len(steps), probe.outputs), probe.dtype)
    for k in range(len(steps)):
        probe.move(flat, below[k], left[k])
        probe.move(flat, above[k], right[k])
    with np.errstate(all="ignore"):
        value = (right - left) @ found.contraction.cotangent / (2 * h)
    moved = ((left != probe.y0) | (right != probe.y0)).any(axis=0)
    return h, value, moved
