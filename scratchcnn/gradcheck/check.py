"""The way of a check, top to bottom: prepare, observe the contract, judge each input, report."""

import warnings
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.case import Backward, Case, Forward, describe, output_array, prepare
from scratchcnn.gradcheck.contract import KINDS, Observed, observe
from scratchcnn.gradcheck.inputs import judge_input
from scratchcnn.gradcheck.numerical.exact import Exact, exact_gradients
from scratchcnn.gradcheck.numerical.probe import Array
from scratchcnn.gradcheck.points import draw_cotangent, elsewhere
from scratchcnn.gradcheck.report import GradientMismatch, GradientUndecided, InputReport, Report, Violation
from scratchcnn.gradcheck.sampling import affordable
from scratchcnn.gradcheck.verdict import Verdict


def check_gradient(
    forward: Forward,
    backward: Backward,
    *inputs: Any,
    names: Sequence[str] | None = None,
    wrt: Sequence[int | str] | None = None,
    grad_output: Any = None,
    degree: int | None = None,
    factor: int = 1,
    seed: int = 0,
    max_entries: int | Literal["affordable"] | None = "affordable",
    allow: Sequence[str] = (),
) -> Report:
    """Compares a hand-written gradient with derivatives obtained from the forward pass alone.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`.
    backward
        `backward(grad_output, *inputs) -> tuple`: the vector-Jacobian product, one gradient per input, in order, each
        of its input's shape and dtype. With one input a bare array will do.
    inputs
        The point of the check: arrays, or what NumPy makes arrays of. They are copied.
    names
        What the report calls the inputs. Default: the names of forward's parameters.
    wrt
        Names or indices of the inputs to check. Default: all floating ones.
    grad_output
        The cotangent, of the output's shape. Default: drawn, of mixed sign, no two entries alike.
    degree
        1 where forward is linear in each input taken alone, 2 where it is quadratic: then each entry is also checked
        exactly, on integers near the inputs.
    factor
        An integer that makes the divisions of such a forward exact (9 for a 3x3 average).
    seed
        Of everything drawn; the same call gives the same report.
    max_entries
        How many entries of each input to look at one by one; None for all. Default: what a forward pass of this size
        should manage in about a second. Where that is not all, they are drawn, the corners and borders among them, and
        random directions that move every entry are compared as well.
    allow
        Kinds of violations to waive; they are shown all the same.

    Returns
    -------
    Report
        Its `verdict` is RIGHT, WRONG or UNDECIDED; it is true where it is RIGHT.

    Raises
    ------
    TypeError, ValueError
        The harness is misused: no inputs, an input that is no array of real numbers, a name that does not exist.
    CallerError
        forward or backward raised; the original exception is chained.
    """
    _validate(degree, factor, max_entries, allow)
    case = prepare(forward, backward, inputs, names, wrt)
    rng = np.random.default_rng((seed, 0x5C4A7C))
    cotangent = _cotangent(case, grad_output, rng)
    second = draw_cotangent(case.output.shape, cotangent.dtype, rng)
    away = _second_point(case, rng)
    observed = observe(case, cotangent, second, away)
    most = affordable(case) if max_entries == "affordable" else max_entries
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what the functions say of points that they were moved to
        analytic = Analytic(case, cotangent, observed.gradients)
        exact = _exact(case, observed, degree, factor, rng)
        reports = tuple(
            judge_input(case, i, observed, analytic, exact.get(i), second, away, most, rng) for i in case.wrt
        )
    violations = tuple(_waive(v, allow) for v in (*observed.violations, *_not_finite(case, observed, reports)))
    return Report(
        forward=describe(forward),
        backward=describe(backward),
        verdict=_total(reports, violations),
        inputs=reports,
        violations=violations,
        notes=_notes(away, exact, degree),
    )


def assert_gradient(forward: Forward, backward: Backward, *inputs: Any, **options: Any) -> None:
    """Raises unless `check_gradient`, which takes the same arguments, finds the gradient right.

    Raises
    ------
    GradientMismatch
        It is wrong; the text is the report.
    GradientUndecided
        Nothing is wrong, but not every entry could be vouched for.
    """
    report = check_gradient(forward, backward, *inputs, **options)
    if report.verdict is Verdict.WRONG:
        raise GradientMismatch(report)
    if report.verdict is Verdict.UNDECIDED:
        raise GradientUndecided(report)


def _validate(degree: int | None, factor: int, max_entries: int | str | None, allow: Sequence[str]) -> None:
    if degree not in (None, 1, 2):
        raise ValueError(f"degree must be 1, 2 or None, got {degree!r}")
    if factor < 1 or factor != int(factor):
        raise ValueError(f"factor must be a positive integer, got {factor!r}")
    if max_entries not in (None, "affordable") and (not isinstance(max_entries, int) or max_entries < 1):
        raise ValueError(f"max_entries must be a positive integer, or None for all, got {max_entries!r}")
    unknown = [kind for kind in allow if kind not in KINDS] if not isinstance(allow, str) else [allow]
    if unknown:
        raise ValueError(f"allow takes a tuple of kinds out of {', '.join(KINDS)}; got {unknown}")


def _cotangent(case: Case, grad_output: Any, rng: np.random.Generator) -> Array:
    floating = case.output.dtype.kind == "f"
    if grad_output is None:
        return draw_cotangent(case.output.shape, case.output.dtype if floating else np.dtype(np.float64), rng)
    given = np.array(grad_output)
    if given.dtype.kind not in "fiub":
        raise TypeError(f"grad_output must be an array of real numbers, got dtype {given.dtype}")
    if given.shape != case.output.shape:
        raise ValueError(f"grad_output must have the output's shape {case.output.shape}, got {given.shape}")
    return given if given.dtype.kind == "f" else given.astype(case.output.dtype if floating else np.float64)


def _second_point(case: Case, rng: np.random.Generator) -> tuple[Array, ...] | None:
    """Other values for the inputs, or None where forward has no finite output of the same shape there."""
    away = elsewhere(case.inputs, rng)
    try:
        with np.errstate(all="ignore"):
            output = output_array(case.forward(*(a.copy() for a in away)))
    except Exception:
        return None
    return away if output.shape == case.output.shape and np.isfinite(output).all() else None


def _exact(
    case: Case, observed: Observed, degree: int | None, factor: int, rng: np.random.Generator
) -> dict[int, Exact]:
    wrt = [i for i in observed.usable if case.inputs[i].size]
    if degree is None or not wrt or not case.output.size:
        return {}
    try:
        return exact_gradients(
            case.forward,
            lambda c, *x: case.gradients(c, x),
            case.inputs,
            wrt,
            degree,
            factor,
            rng,
            fresh=observed.mutates,
        )
    except Exception:
        return {}  # a forward that refuses the lattice is judged by bounded differences, and the report says so


def _not_finite(case: Case, observed: Observed, reports: Sequence[InputReport]) -> list[Violation]:
    found: list[Violation] = []
    if not np.isfinite(case.output).all():
        return found
    for index, report in zip(case.wrt, reports, strict=True):
        if index not in observed.usable:
            continue
        gradient = np.asarray(observed.gradients[index])
        bad = np.isnan(gradient) if report.verdict is not Verdict.WRONG else ~np.isfinite(gradient)
        if bad.any():
            place = tuple(int(k) for k in np.argwhere(bad)[0])
            message = f"{int(bad.sum())} entries are not finite, the first at {list(place)}"
            found.append(Violation("not-finite", message, case.names[index]))
    return found


def _waive(violation: Violation, allow: Sequence[str]) -> Violation:
    return Violation(violation.kind, violation.message, violation.input, violation.kind in allow)


def _total(reports: Sequence[InputReport], violations: Sequence[Violation]) -> Verdict:
    verdicts = [r.verdict for r in reports if r.size]
    if any(not v.waived for v in violations) or Verdict.WRONG in verdicts:
        return Verdict.WRONG
    return Verdict.RIGHT if verdicts and set(verdicts) == {Verdict.RIGHT} else Verdict.UNDECIDED


def _notes(away: Any, exact: dict[int, Exact], degree: int | None) -> tuple[str, ...]:
    notes = []
    if away is None:
        notes.append("no second point was checked: forward has no finite output at the one that was drawn")
    if degree is not None and not (exact and all(e.proven for e in exact.values())):
        notes.append(f"the exact check of degree {degree} does not apply: the outputs do not prove exact arithmetic")
    return tuple(notes)
