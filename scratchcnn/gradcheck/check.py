"""The way of a check, top to bottom: prepare, observe the contract, judge each input, report."""

from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from scratchcnn.gradcheck.all_inputs import AllInputs
from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.case import Backward, Case, Forward, batched, describe
from scratchcnn.gradcheck.contract import not_finite, observe
from scratchcnn.gradcheck.diagnosis.diagnose import diagnose
from scratchcnn.gradcheck.effort import CALL_SECONDS, SECONDS_PER_INPUT, plan
from scratchcnn.gradcheck.judge import Check, Judged, judge_input
from scratchcnn.gradcheck.laws import broken_laws
from scratchcnn.gradcheck.leaves import inputs_of, prepared
from scratchcnn.gradcheck.low_precision import differs_from_reference
from scratchcnn.gradcheck.notes import notes_on
from scratchcnn.gradcheck.numerical.caller_warnings import filtered_here, quiet
from scratchcnn.gradcheck.numerical.exact import Exact, exact_gradients
from scratchcnn.gradcheck.numerical.spreading import Workers
from scratchcnn.gradcheck.options import Options, validated
from scratchcnn.gradcheck.points import asked_cotangent, second_cotangent, second_point
from scratchcnn.gradcheck.proof.kept_digits import Kept, kept, too_few
from scratchcnn.gradcheck.proof.proofs import Proofs
from scratchcnn.gradcheck.proof.some_samples import Part, on_some_samples
from scratchcnn.gradcheck.raised import in_words
from scratchcnn.gradcheck.report.progress import Progress
from scratchcnn.gradcheck.report.report import InputReport, Report, SecondPoint, Violation
from scratchcnn.gradcheck.restrictions import restricted
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.symmetric import for_symmetric_changes
from scratchcnn.gradcheck.tracing import untraced
from scratchcnn.gradcheck.verdict import Verdict
from scratchcnn.gradcheck.written import asked, written

# Calls of forward that a diagnosis may make: as many as the check made, within these limits, if there is time.
LEAST_CALLS, DIAGNOSIS_CALLS = 2500, 5000
# In seconds: what the least calls may take.
LEAST_SECONDS = 3.0
# Of the time of an input: what these calls may take. It is so much that only a slow forward gets fewer of them.
DIAGNOSIS_SHARE = 3.0


@untraced
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
    diagnosis: bool = True,
    digits: float | None = None,
    batch: Sequence[int | str] | int | str = (),
    laws: bool = False,
    outputs: Sequence[int | str] | int | str | None = None,
    convention: Literal["torch", "jax"] = "torch",
    reference: Forward | None = None,
    domain: Any = None,
    structure: Any = None,
    executor: Executor | None = None,
) -> Report:
    """Compares a hand-written gradient with derivatives obtained from the forward pass alone.

    Parameters
    ----------
    forward
        `forward(*inputs) -> array`, or a tuple, list, dict or dataclass of arrays.
    backward
        `backward(grad_output, *inputs) -> tuple`: the vector-Jacobian product, one gradient per input, in order, each
        of its input's shape and dtype; None for an input that has no gradient. With one input a bare array will do.
        Of several outputs it is given a tree of cotangents, with None for those that hold no floats; for an input
        that is a tree it returns a tree, or all gradients are in a row.
    inputs
        The point of the check: arrays, what NumPy makes arrays of, or tuples, lists, dicts and dataclasses of these.
        They are copied.
    names
        What the report calls the inputs. Default: the names of forward's parameters.
    wrt
        Names or indices (from 0) of the inputs to check, or a single one. Default: all floating ones. Backward may
        return the gradients of these alone, in the order of the inputs.
    grad_output
        The cotangent (the gradient that arrives from above), of the output's shape; it is cast to the output's dtype.
        Default: drawn, with entries of mixed sign and different sizes.
    degree
        1 where forward is linear in each input taken alone, 2 where it is quadratic: then each entry is also checked
        exactly, on integers near the inputs.
    factor
        An integer that makes the divisions of such a forward exact (9 for a 3x3 average).
    seed
        Of everything that is drawn. The same call gives the same report, if there is time for every entry.
    max_entries
        How many entries of each input to look at one by one; None for all. Default: as many as there is time for
        (`seconds`). If that is not all, they are drawn, some at the borders among them, and random directions that
        move every entry are compared as well.
    allow
        Kinds of violations to waive, or a single one; they are shown all the same.
    seconds
        About how long the check of an input may take. The time of a call decides how much is looked at; a call cannot
        be interrupted. Where forward iterates until it converges, `domain` says where it does: entries are also moved
        by some thirty times their size, which shows what depends on them.
    name
        What the report calls the gradient. Default: the names of the two functions.
    proof
        Whether a proof in ball arithmetic is tried first. It decides every entry, if forward and backward run on
        balls. Otherwise differences decide alone.
    diagnosis
        Whether a mistake that explains a wrong gradient is looked for: that takes about as long as the check.
    digits
        How many decimal digits of their exact results forward and backward must keep in floats, where there is a
        proof. Fewer are a violation of the kind "digits".
    batch
        Names or indices of the inputs whose first axis is that of the samples of a batch, or a single one. A proof
        that would take too long on the whole batch is tried on a part of it.
    laws
        Whether laws are checked that cost a few calls whatever the size: backward is linear in the cotangent; and, of
        the inputs in `batch`, the gradient of a batch is made of those of its halves, and permuted as the batch is.
    outputs
        Which of several outputs are differentiated: their indices, keys or paths. Default: all that hold floats.
    convention
        Of the gradients of complex inputs, and the cotangents of complex outputs: ∂L/∂x + i ∂L/∂y by z = x + iy as in
        PyTorch, or "jax": ∂L/∂x - i ∂L/∂y.
    reference
        Forward in float64, for a kernel that computes in less (bfloat16, float8): derivatives are computed from it,
        and backward, in the inputs' own format, is held to the roundings of that format.
    domain
        Where forward is defined, so that no step leaves it: `(low, high)` without the ends, `[low, high]` with them, or
        a string such as "[0, 1)". For each input a dict by name or index; None or infinity stands for no end.
    structure
        The form that an input has to have, where that cannot be seen: "symmetric", "positive definite" (the last two
        axes), "distribution", "sorted" (along the last axis); "any" where the form that it has is an accident. The
        second point keeps it. For each input a dict by name or index.
    executor
        Looks at single entries, many of them at a time; default: this thread does, one by one. Any `Executor` of
        `concurrent.futures` will do, but none of whose workers this is. The report is the same, as long as forward
        computes the same there. Threads call forward at the same time: it must not write into what they share. To
        other processes forward is pickled (with cloudpickle, from the extra `jobs`), a copy for some pieces of work.

    Returns
    -------
    Report
        Its `verdict` is RIGHT, WRONG or UNDECIDED; it is true where it is RIGHT.

    Raises
    ------
    TypeError, ValueError
        The harness is misused: no inputs, an input that is no array of real numbers, a name that does not exist, an
        executor that was shut down, or that has other processes where forward cannot be pickled.
    RuntimeError
        A worker of the executor died, or cannot load what forward needs; or forward raises, or computes something
        else, in the workers alone.
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
        diagnosis=diagnosis,
        digits=digits,
        batch=batch,
        laws=laws,
        executor=executor,
    )
    case, grad_output = prepared(forward, backward, inputs, names, wrt, grad_output, outputs, convention, reference)
    call = written(forward, backward, reference, inputs_of(forward, inputs, names))
    case = for_symmetric_changes(restricted(case, domain, structure))
    case = replace(case, asked=asked(names, outputs, convention), written=call)
    samples = batched(options.batch, case)
    rng = np.random.default_rng((options.seed, 0x5C4A7C))
    cotangent = case.rounded_cotangent(asked_cotangent(case, grad_output, rng))
    other = case.rounded_cotangent(second_cotangent(cotangent, rng, given=grad_output is not None))
    second = second_point(case, other, rng)
    observed = observe(case, cotangent, other, second, options.seconds, drawn=grad_output is None)
    setting = Setting(case, cotangent, observed, second, rng, drawn=grad_output is None)
    outcome = _judged(setting, options, samples, describe(backward, "backward"))
    report = _report(setting, options, outcome, describe(forward, "forward"), describe(backward, "backward"))
    if not options.diagnosis or report.verdict is not Verdict.WRONG:
        return report
    wrong = {k for k, each in zip(setting.case.wrt, report.inputs, strict=True) if each.verdict is Verdict.WRONG}
    if outcome.proofs is not None and outcome.proofs.through & wrong:
        return report  # differences do not see a gradient that goes straight through roundings: no name is proved
    return _explained(report, setting, options.seconds, narrow=outcome.narrow)


@dataclass(frozen=True)
class _Outcome:
    """What was found: of each input, by the exact check and the proofs, and by a proof on a part of the batch.

    `narrow` says that backward answers in a low precision alone.
    """

    judged: tuple[Judged, ...]
    exact: dict[int, Exact]
    proofs: Proofs | None
    part: Part
    broken: tuple[Violation, ...]
    narrow: bool


def _judged(setting: Setting, options: Options, samples: Sequence[int], backward: str) -> _Outcome:
    """Judges each input of a case; `samples` are the inputs that hold the samples of a batch."""
    case, observed = setting.case, setting.observed
    effort = plan(options.seconds, case.forward.seconds, case.output.size, options.max_entries)
    with quiet(), Progress(options.name or backward, case) as progress:
        analytic = Analytic(case, setting.cotangent, observed.gradients, unsteady=observed.unsteady)
        exact = _exact(setting, options)
        proofs = Proofs(setting, options.seconds) if options.proof and not case.alone else None
        check = Check(setting, analytic, effort, AllInputs(setting), proofs, _workers(options, case))
        judged = tuple(judge_input(check, i, exact.get(i)) for i in progress.through(case.wrt))
        part = Part()
        if samples and proofs is not None and proofs.made is not None and not proofs.made.inputs:
            part = on_some_samples(case, samples, observed.usable, setting.rng, options.seconds)
        ready = options.laws and set(observed.usable) == set(case.wrt) and not observed.unsteady
        broken = broken_laws(case, samples, setting.rng) if ready else ()
    return _Outcome(judged, exact, proofs, part, broken, analytic.narrow)


def _workers(options: Options, case: Case) -> Workers | None:
    if options.executor is None:
        return None
    return Workers(options.executor, case.forward.seconds + CALL_SECONDS, case.forward.count)


def _report(setting: Setting, options: Options, outcome: _Outcome, forward: str, backward: str) -> Report:
    """The report on a check; `forward` and `backward` are the names of the functions."""
    case, second, proofs = setting.case, setting.second, outcome.proofs
    reports = _at_ties(outcome.judged)
    digits_kept = _kept_digits(setting, proofs, reports)
    breaches = (
        *setting.observed.violations,
        *not_finite(case, setting.observed, reports),
        *_elsewhere(case, outcome.judged),
        *too_few(digits_kept, options.digits),
        *outcome.part.violations,
        *_by_reference(setting),
        *outcome.broken,
    )
    violations = tuple(_waive(v, options.allow) for v in breaches)
    return Report(
        forward=forward,
        backward=backward,
        verdict=_total(reports, violations),
        inputs=reports,
        violations=violations,
        notes=(
            *notes_on(setting, reports, outcome.exact, options.degree, narrow=outcome.narrow),
            *(proofs.notes if proofs is not None else ()),
            *filter(None, (outcome.part.note,)),
            *filter(None, (each.note() for each in digits_kept)),
            *(["digits were not looked at: nothing is proved"] if options.digits and not digits_kept else ()),
        ),
        digits={each.name: each.digits for each in digits_kept},
        name=options.name,
        sample=case.sample,
        second_point=None if second is None else SecondPoint(tuple(second.inputs), second.cotangent, case.names),
        called=setting.called,
    )


def _explained(report: Report, setting: Setting, seconds: float, *, narrow: bool) -> Report:
    """The report with the mistakes that explain what is wrong.

    `seconds` is what the check of an input may take; `narrow` says that backward answers in a low precision alone.
    """
    forward = setting.case.forward
    small = setting.case.format
    if small is not None and (small.is_coarse or (narrow and not setting.case.reference)):
        return report  # too little is known of the true gradient to tell one mistake from another
    affordable = int(DIAGNOSIS_SHARE * seconds / max(forward.seconds, 1e-9))
    least = min(LEAST_CALLS, int(LEAST_SECONDS / max(forward.seconds, 1e-9)))
    calls = min(max(least, forward.calls), DIAGNOSIS_CALLS, affordable)
    written = setting.case.written.functions
    try:
        with quiet(), filtered_here("ignore", Warning):  # of code that was changed, nobody wants to hear
            found = diagnose(setting, report.inputs, report.violations, written, calls)
    except Exception as error:  # the verdict stands without it
        failed = f"the search for a cause failed, which is a fault of the harness: {in_words(error)}"
        return replace(report, notes=(*report.notes, failed))
    return replace(report, **vars(found))


def _by_reference(setting: Setting) -> Iterator[Violation]:
    """What says that forward is another function than its reference."""
    if setting.case.reference:
        with quiet():
            found = differs_from_reference(setting.case, setting.rng)
        yield from (found,) if found is not None else ()


def _kept_digits(setting: Setting, proofs: Proofs | None, reports: Sequence[InputReport]) -> tuple[Kept, ...]:
    """The digits that floats keep of the exact results, where there is a proof."""
    case = setting.case
    proof = proofs.made if proofs is not None else None
    if proof is None or proof.outputs is None:
        return ()
    found, eps = [], max(float(np.finfo(a.dtype).eps) for a in case.inputs if a.dtype.kind == "f")
    for index, report in zip(case.wrt, reports, strict=True):
        proven = proof.inputs.get(index)
        if proven is not None and report.verdict is Verdict.RIGHT and proven.right.any():
            gradient, x = setting.observed.gradients[index], case.inputs[index]
            found.append(kept(case.names[index], gradient, proven.value, eps, x, proven.right))
    return (*found, kept("output", case.output, proof.outputs, eps, case.output)) if found else ()


def _at_ties(judged: Sequence[Judged]) -> tuple[InputReport, ...]:
    """The reports. If none is wrong, but all gradients together are where numbers are equal, each becomes wrong."""
    reports = tuple(each.report for each in judged)
    if any(report.verdict is Verdict.WRONG for report in reports):
        return reports
    pairs = zip(judged, reports, strict=True)
    return tuple(replace(r, verdict=Verdict.WRONG, reason=each.ties) if each.ties else r for each, r in pairs)


def _exact(setting: Setting, options: Options) -> dict[int, Exact]:
    """The exact check of each input to which it applies, by index."""
    case, observed, degree = setting.case, setting.observed, options.degree
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
            options.factor,
            setting.rng,
            fresh=observed.mutates,
        )
    except Exception:
        return {}  # forward refuses the lattice: bounded differences decide, and the report says so


def _elsewhere(case: Case, judged: Sequence[Judged]) -> list[Violation]:
    """Gradients that are wrong at the second point."""
    advice = (
        "waive it with allow=('elsewhere',) if backward relies on something that your inputs fulfil and these do not;"
        " report.second_point has them"
    )
    found = []
    for index, each in zip(case.wrt, judged, strict=True):
        if each.at_second_point:
            here = "every entry agrees" if each.report.verdict is Verdict.RIGHT else "no entry is wrong"
            there = f"at a second point, with another cotangent, {each.at_second_point}"
            message = f"{here} at your inputs; {there}; {advice}"
            found.append(Violation("elsewhere", message, case.names[index]))
    return found


def _waive(violation: Violation, allow: Sequence[str]) -> Violation:
    return Violation(violation.kind, violation.message, violation.input, violation.kind in allow)


def _total(reports: Sequence[InputReport], violations: Sequence[Violation]) -> Verdict:
    verdicts = [r.verdict for r in reports if r.size]
    if any(not v.waived for v in violations) or Verdict.WRONG in verdicts:
        return Verdict.WRONG
    return Verdict.RIGHT if verdicts and set(verdicts) == {Verdict.RIGHT} else Verdict.UNDECIDED
