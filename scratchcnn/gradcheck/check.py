"""The way of a check, top to bottom: prepare, observe the contract, judge each input, report."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np

from scratchcnn.gradcheck.all_inputs import AllInputs
from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Backward, Case, Forward, batched, describe, output_array, prepare, real_array
from scratchcnn.gradcheck.contract import Observed, observe, promoted
from scratchcnn.gradcheck.effort import SECONDS_PER_INPUT, plan
from scratchcnn.gradcheck.judge import Check, Judged, judge_input
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.exact import Exact, exact_gradients
from scratchcnn.gradcheck.options import validated
from scratchcnn.gradcheck.points import draw_cotangent, elsewhere, similar_cotangent
from scratchcnn.gradcheck.proof.judge_by_proof import Proofs
from scratchcnn.gradcheck.proof.kept_digits import Kept, kept, too_few
from scratchcnn.gradcheck.proof.some_samples import Part, on_some_samples
from scratchcnn.gradcheck.report.progress import Progress
from scratchcnn.gradcheck.report.report import (
    GradientMismatch,
    GradientUndecided,
    InputReport,
    Report,
    SecondPoint,
    Violation,
)
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.verdict import Verdict


def check_gradient(
    forward: Forward,
    backward: Backward,
    *inputs: Any,
    names: Sequence[str] | None = None,
    wrt: Sequence[int | str] | int | str | None = None,
    grad_output: Any = None,
    degree: int | None = None,
    factor: int = 1,
    seed: int = 0,
    max_entries: int | Literal["affordable"] | None = "affordable",
    allow: Sequence[str] | str = (),
    seconds: float = SECONDS_PER_INPUT,
    name: str | None = None,
    proof: bool = True,
    digits: float | None = None,
    batch: Sequence[int | str] | int | str = (),
) -> Report:
    """Compares a hand-written gradient with derivatives obtained from the forward pass alone.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`.
    backward
        `backward(grad_output, *inputs) -> tuple`: the vector-Jacobian product, one gradient per input, in order, each
        of its input's shape and dtype; None for an input that has no gradient. With one input a bare array will do.
    inputs
        The point of the check: arrays, or what NumPy makes arrays of. They are copied.
    names
        What the report calls the inputs. Default: the names of forward's parameters.
    wrt
        Names or indices (from 0) of the inputs to check, or a single one. Default: all floating ones. Backward may
        return the gradients of these alone, in the order of the inputs.
    grad_output
        The cotangent (the gradient that arrives from above), of the output's shape; it is cast to the output's dtype.
        Default: drawn, of mixed sign, no two entries alike.
    degree
        1 where forward is linear in each input taken alone, 2 where it is quadratic: then each entry is also checked
        exactly, on integers near the inputs.
    factor
        An integer that makes the divisions of such a forward exact (9 for a 3x3 average).
    seed
        Of everything drawn; the same call gives the same report, where there is time for every entry.
    max_entries
        How many entries of each input to look at one by one; None for all. Default: as many as there is time for
        (`seconds`). Where that is not all, they are drawn, the corners and borders among them, and
        random directions that move every entry are compared as well.
    allow
        Kinds of violations to waive, or a single one; they are shown all the same.
    seconds
        About what the check of an input may take: how much is looked at is planned from the time of a call.
    name
        What the report calls the gradient. Default: the names of the two functions.
    proof
        Whether a proof in ball arithmetic is tried first: where forward and backward run on balls, it decides every
        entry. Else differences decide alone.
    digits
        How many decimal digits forward and backward must keep, in floats, of what they are in exact arithmetic, where
        there is a proof; what keeps fewer is a violation of the kind "digits".
    batch
        Names or indices of the inputs whose first axis is that of the samples of a batch, or a single one: where a
        proof on the whole batch would take too long, it is tried on a part.

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
    __tracebackhide__ = True
    options = validated(
        degree=degree,
        factor=factor,
        seed=seed,
        max_entries=max_entries,
        allow=allow,
        seconds=seconds,
        name=name,
        proof=proof,
        digits=digits,
        batch=batch,
    )
    case = prepare(forward, backward, inputs, names, wrt)
    samples = batched(options.batch, case)
    rng = np.random.default_rng((options.seed, 0x5C4A7C))
    cotangent = asked_cotangent(case, grad_output, rng)
    second = _second_cotangent(cotangent, rng, given=grad_output is not None)
    away = _second_point(case, rng)
    observed = observe(case, cotangent, second, away, options.seconds, drawn=grad_output is None)
    effort = plan(options.seconds, case.forward.seconds, case.output.size, options.max_entries)
    with quiet(), Progress(options.name or describe(backward, "backward"), case) as progress:
        analytic = Analytic(case, cotangent, observed.gradients, unsteady=observed.unsteady)
        exact = _exact(case, observed, options.degree, options.factor, rng)
        setting = Setting(case, cotangent, observed, None if away is None else (away, second), rng)
        proofs = Proofs(setting, options.seconds) if options.proof else None
        check = Check(setting, analytic, effort, AllInputs(setting), proofs)
        judged = tuple(judge_input(check, i, exact.get(i)) for i in progress.through(case.wrt))
        part = Part()
        if samples and proofs is not None and proofs.made is not None and not proofs.made.inputs:
            part = on_some_samples(case, samples, observed.usable, rng, options.seconds)
    reports = _at_ties(judged)
    digits_kept = _kept_digits(case, observed, proofs, reports)
    breaches = (
        *observed.violations,
        *_not_finite(case, observed, reports),
        *_elsewhere(case, judged),
        *too_few(digits_kept, options.digits),
        *part.violations,
    )
    violations = tuple(_waive(v, options.allow) for v in breaches)
    return Report(
        forward=describe(forward, "forward"),
        backward=describe(backward, "backward"),
        verdict=_total(reports, violations),
        inputs=reports,
        violations=violations,
        notes=(
            *_notes(case, observed, away, exact, options.degree, reports),
            *(proofs.notes if proofs is not None else ()),
            *filter(None, (part.note,)),
            *filter(None, (each.note() for each in digits_kept)),
            *(["digits were not looked at: nothing is proved"] if options.digits and not digits_kept else ()),
        ),
        digits={each.name: each.digits for each in digits_kept},
        name=options.name,
        sample=case.sample,
        second_point=None if away is None else SecondPoint(away, second, case.names),
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
    __tracebackhide__ = True
    report = check_gradient(forward, backward, *inputs, **options)
    if report.verdict is Verdict.WRONG:
        raise GradientMismatch(report)
    if report.verdict is Verdict.UNDECIDED:
        raise GradientUndecided(report)


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


def _second_cotangent(cotangent: Array, rng: np.random.Generator, *, given: bool) -> Array:
    """Another cotangent; of one that was given it keeps zeros and signs, which backward may rely on."""
    return similar_cotangent(cotangent, rng) if given else draw_cotangent(cotangent.shape, cotangent.dtype, rng)


def _second_point(case: Case, rng: np.random.Generator) -> tuple[Array, ...] | None:
    """Other values for the inputs, or None where forward has no finite output of the same shape there."""
    away = elsewhere(case.inputs, case.wrt, rng)
    try:
        with quiet():
            output = output_array(case.forward(*(a.copy() for a in away)))
    except Exception:
        return None
    return away if output.shape == case.output.shape and np.isfinite(output).all() else None


def _kept_digits(
    case: Case, observed: Observed, proofs: Proofs | None, reports: Sequence[InputReport]
) -> tuple[Kept, ...]:
    """The digits that floats keep, where a proof says what is true."""
    proof = proofs.made if proofs is not None else None
    if proof is None or proof.outputs is None:
        return ()
    found, eps = [], max(float(np.finfo(a.dtype).eps) for a in case.inputs if a.dtype.kind == "f")
    for index, report in zip(case.wrt, reports, strict=True):
        proven = proof.inputs.get(index)
        if proven is not None and report.verdict is Verdict.RIGHT and proven.right.any():
            gradient, x = observed.gradients[index], case.inputs[index]
            found.append(kept(case.names[index], gradient, proven.value, eps, x, proven.right))
    return (*found, kept("output", case.output, proof.outputs, eps, case.output)) if found else ()


def _at_ties(judged: Sequence[Judged]) -> tuple[InputReport, ...]:
    """The reports; where none is wrong, but all gradients together are where numbers are equal, all are wrong."""
    reports = tuple(each.report for each in judged)
    if any(report.verdict is Verdict.WRONG for report in reports):
        return reports
    pairs = zip(judged, reports, strict=True)
    return tuple(replace(r, verdict=Verdict.WRONG, reason=each.ties) if each.ties else r for each, r in pairs)


def _exact(
    case: Case, observed: Observed, degree: int | None, factor: int, rng: np.random.Generator
) -> dict[int, Exact]:
    answered_in_full = [i for i in observed.usable if np.asarray(observed.gradients[i]).dtype == case.inputs[i].dtype]
    wrt = [i for i in answered_in_full if case.inputs[i].size]
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


def _elsewhere(case: Case, judged: Sequence[Judged]) -> list[Violation]:
    advice = (
        "waive it with allow=('elsewhere',) if backward relies on something that your inputs fulfil and these do not;"
        " report.second_point has them"
    )
    found = []
    for index, each in zip(case.wrt, judged, strict=True):
        if each.elsewhere:
            here = "every entry agrees" if each.report.verdict is Verdict.RIGHT else "no entry is wrong"
            message = f"{here} at your inputs; at a second point, with another cotangent, {each.elsewhere}; {advice}"
            found.append(Violation("elsewhere", message, case.names[index]))
    return found


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
            count = int(bad.sum())
            entries = f"{count} entries are not finite, the first" if count > 1 else "one entry is not finite,"
            message = f"{entries} at {list(place)}"
            found.append(Violation("not-finite", message, case.names[index]))
    return found


def _waive(violation: Violation, allow: Sequence[str]) -> Violation:
    return Violation(violation.kind, violation.message, violation.input, violation.kind in allow)


def _total(reports: Sequence[InputReport], violations: Sequence[Violation]) -> Verdict:
    verdicts = [r.verdict for r in reports if r.size]
    if any(not v.waived for v in violations) or Verdict.WRONG in verdicts:
        return Verdict.WRONG
    return Verdict.RIGHT if verdicts and set(verdicts) == {Verdict.RIGHT} else Verdict.UNDECIDED


def _notes(
    case: Case,
    observed: Observed,
    away: Any,
    exact: dict[int, Exact],
    degree: int | None,
    reports: Sequence[InputReport],
) -> tuple[str, ...]:
    notes = []
    if away is None:
        notes.append("no second point was checked: forward has no finite output at the one that was drawn")
    if degree is not None and not (exact and all(e.proven for e in exact.values())):
        notes.append(
            f"the exact check of degree {degree} does not apply: forward is of another, or does not compute exactly"
        )
    for index, report in zip(case.wrt, reports, strict=True):
        if index not in observed.usable:
            continue
        gradient, of = np.asarray(observed.gradients[index]), f"the gradient of {case.names[index]!r}"
        if report.verdict is Verdict.RIGHT and not gradient.any():
            notes.append(f"{of} is zero throughout: try inputs at which forward moves")
        if gradient.dtype != case.inputs[index].dtype and promoted(case, index, gradient):
            wider = f"{gradient.dtype}, as the output is; the input is {case.inputs[index].dtype}"
            notes.append(f"{of} has dtype {wider}")
    return tuple(notes)
