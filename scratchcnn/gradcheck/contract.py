"""The contract that every backward pass keeps, whatever its values: shape, dtype, mutation, repeatability."""

import operator
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array, is_masked
from scratchcnn.gradcheck.case import CallerError, Case, call
from scratchcnn.gradcheck.effort import repeats
from scratchcnn.gradcheck.formats import format_of
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.same import are_same
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.remarks import remarks
from scratchcnn.gradcheck.report.report import InputReport, Violation
from scratchcnn.gradcheck.verdict import Verdict

# pytest hides the frames of this module where the fault is the caller's.
__tracebackhide__ = operator.methodcaller("errisinstance", CallerError)

# The kinds of violations, which the caller may allow.
VIOLATION_KINDS = (
    *("count", "shape", "dtype", "not-finite", "mutation", "nondeterministic", "stale", "ignores-cotangent"),
    "elsewhere",  # the gradient is wrong at the second point alone
    "digits",  # floats keep fewer digits than the caller asks for
    *("linear", "batch"),  # a law is broken, where the caller asks for laws
    "reference",  # forward is another function than the reference
    "nonlinear",  # a Jacobian-vector product is not linear in the tangents
)


@dataclass(frozen=True)
class Observed:
    """What was seen of a backward pass: its gradients as first returned, and the violations.

    `usable` lists the inputs whose gradient has the right shape, so that its values can be judged. `mutates` says that
    forward or backward writes into its arguments, `unsteady` that one of them does not repeat itself. `remarks` are
    those of an adapter.
    """

    gradients: list[Any]
    violations: list[Violation]
    usable: tuple[int, ...]
    mutates: bool
    unsteady: bool = False
    remarks: tuple[str, ...] = ()


def observe(
    case: Case, cotangent: Array, other: Array, second: Point | None, seconds: float, *, drawn: bool
) -> Observed:
    """Calls both functions as a network would, and watches.

    Parameters
    ----------
    case
        The functions and their inputs.
    cotangent, other
        Two cotangents of the output's shape.
    second
        Another point, at which forward is finite; None if there is none.
    seconds
        What may be spent on an input: slow functions are called less often.
    drawn
        Whether the cotangents are drawn: backward may rely on the signs of one that the caller gave.
    """
    violations = _forward_mutates(case)
    inputs, given = case.copies(), cotangent.copy()
    start = time.perf_counter()
    with remarks() as said:
        returned = case.gradients(given, inputs)
    took = time.perf_counter() - start
    gradients = [copied(g) for g in returned]
    violations += _written(case, inputs, "backward")
    if not _identical(given, cotangent):
        violations.append(Violation("mutation", "backward writes into the cotangent it is given"))
    mutates = bool(violations)
    if len(gradients) != len(case.inputs):
        violations.append(Violation("count", _miscounted(case, len(gradients))))
        return Observed(gradients, violations, (), mutates)
    forms = [_form(case, i, returned[i], gradients[i]) for i in case.wrt]
    usable = tuple(i for i, broken in zip(case.wrt, forms, strict=True) if not any(v.kind != "dtype" for v in broken))
    violations += [v for broken in forms for v in broken]
    unsteady = _unsteady(case, cotangent, gradients, usable, seconds, took)
    lopsided = _lopsided(case, cotangent, gradients, usable) if drawn and not unsteady else []
    violations += unsteady or _stale(case, cotangent, second, gradients, usable)
    violations += _deaf(case, other, gradients, usable) or lopsided
    return Observed(gradients, violations, usable, mutates, bool(unsteady), tuple(said))


def _miscounted(case: Case, count: int) -> str:
    """The message where backward returned another number of gradients than it must."""
    inputs = f"the input {case.names[0]}" if len(case.inputs) == 1 else f"each of the inputs {', '.join(case.names)}"
    must = f"backward must return one gradient for {inputs}; it returned {count}"
    if count > len(case.inputs):
        return f"{must} (a tuple or list holds one for each input)"
    asked = " and ".join(case.names[i] for i in sorted(case.wrt))
    fewer = f"only the gradients of {asked}, named in wrt" if case.named else "name in wrt= those that it returns"
    return f"{must}: return None for an input that has no gradient, or {fewer}"


def copied(gradient: Any) -> Any:
    """A copy of a gradient: a backward pass may hand out the same buffer at every call.

    None where it holds no numbers but strings, dates or objects: there is nothing to compare.
    """
    array = _as_array(gradient)
    return array if array.dtype.kind in "biufc" or format_of(array.dtype) is not None else None


def no_real_numbers(gradient: Any) -> str:
    """What is said of a gradient that is no array of real numbers, or one with a mask; empty of every other."""
    dtype = _as_array(gradient).dtype
    if dtype.kind not in "fiu":
        return f"the gradient is no array of real numbers but of {dtype}"
    return "the gradient is masked: fill it with numbers, a mask would be ignored" if is_masked(gradient) else ""


def _as_array(gradient: Any) -> Array:
    try:
        return np.array(gradient)
    except ValueError:  # a ragged list
        return np.empty((), object)


def _identical(a: Array, b: Array) -> bool:
    return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")


def _written(case: Case, inputs: Sequence[Array], role: str) -> list[Violation]:
    return [
        Violation("mutation", f"{role} writes into its input {name!r}", name)
        for name, now, before in zip(case.names, inputs, case.inputs, strict=True)
        if not _identical(now, before)
    ]


def _forward_mutates(case: Case) -> list[Violation]:
    inputs = case.copies()
    call(case.forward, "forward", *inputs)
    return _written(case, inputs, "forward")


def _form(case: Case, index: int, returned: Any, gradient: Any) -> list[Violation]:
    """What is wrong with the shape and dtype of a gradient, as backward returned it and as a copy."""
    name, x = case.names[index], case.inputs[index]
    if returned is None:
        message = f"backward gave None for {name!r}, which is checked: name in wrt= only what has a gradient"
        return [Violation("count", message, name)]
    unreal = no_real_numbers(returned)
    if unreal:
        return [Violation("shape", unreal, name)]
    broken = []
    if gradient.shape != x.shape:
        broken.append(Violation("shape", f"the gradient has shape {gradient.shape}, the input {x.shape}", name))
    if gradient.dtype != x.dtype.newbyteorder("=") and not promoted(case, index, gradient):
        way_out = f"return it in the input's dtype, or allow 'dtype' to have it judged as {gradient.dtype}"
        message = f"the gradient has dtype {gradient.dtype}, the input {x.dtype}: {way_out}"
        broken.append(Violation("dtype", message, name))
    answer = case.strange_answer(index)
    if answer is not None and answer.eps > case.own_eps(index):
        message = f"the gradient has dtype {answer}, the input {case.dtype(index)}: return it in the input's dtype"
        broken.append(Violation("dtype", message, name))
    return broken


def promoted(case: Case, index: int, gradient: Array) -> bool:
    """Whether the gradient is wider than its input because forward's output is (NumPy promotes both)."""
    return case.inputs[index].dtype.itemsize < gradient.dtype.itemsize <= case.output.dtype.itemsize


def _differ(a: Any, b: Any) -> bool:
    """Whether two gradients differ by more than roundoff may."""
    a, b = copied(a), copied(b)
    if a is None or b is None:
        return a is not b
    return a.shape != b.shape or not are_same(a, b)


def _changed(case: Case, gradients: list[Any], again: list[Any], usable: tuple[int, ...]) -> list[str]:
    """The names of the inputs whose gradients differ between two calls."""
    if len(again) != len(gradients):
        return [case.names[i] for i in usable]
    return [case.names[i] for i in usable if _differ(gradients[i], again[i])]


def _unsteady(
    case: Case, cotangent: Array, gradients: list[Any], usable: tuple[int, ...], seconds: float, took: float
) -> list[Violation]:
    """Whether forward or backward gives something else when it is called again with the same arguments.

    `took` are the seconds of the first call. The quickest call decides how many follow: a busy machine slows some.
    """
    outputs = [call(case.forward, "forward", *case.copies()) for _ in range(2)]
    if _differ(outputs[0], outputs[1]) or _differ(outputs[0], case.output):
        message = "forward gives another output at the same inputs: fix its seed, or pass what it draws as an input"
        return [Violation("nondeterministic", message)]
    count = 1
    while count < repeats(seconds, took):
        count += 1
        start = time.perf_counter()
        again = case.gradients(cotangent.copy(), case.copies())
        took = min(took, time.perf_counter() - start)
        for name in _changed(case, gradients, again, usable):
            message = f"call {count} of backward gives another gradient than the first, at the same arguments"
            return [Violation("nondeterministic", message, name)]
    return []


def _stale(
    case: Case, cotangent: Array, second: Point | None, gradients: list[Any], usable: tuple[int, ...]
) -> list[Violation]:
    """Whether backward gives another gradient after the functions ran on other data."""
    if second is None:
        return []
    for what in ("forward", "forward and backward"):
        try:
            with quiet():
                case.forward(*second.copies())
                if what != "forward":
                    case.gradients(second.cotangent.copy(), second.copies())
        except Exception:
            return []  # outside the domain of a function there is nothing to remember
        again = case.gradients(cotangent.copy(), case.copies())
        for name in _changed(case, gradients, again, usable):
            message = f"after {what} on other data, backward gives another gradient here"
            advice = "where it is meant to follow a forward on the same data, call forward in it first"
            return [Violation("stale", f"{message}: {advice}, or allow 'stale'", name)]
    return []


def _deaf(case: Case, other: Array, gradients: list[Any], usable: tuple[int, ...]) -> list[Violation]:
    """Whether the gradient is the same for three other cotangents: for one, that may be chance, if it is roundoff."""
    deaf = [i for i in usable if np.any(np.isfinite(gradients[i]) & (np.asarray(gradients[i]) != 0))]
    for share in (1.0, -1.75, 0.375):
        again = case.gradients((share * other).astype(other.dtype), case.copies())
        deaf = [i for i in deaf if len(again) == len(gradients) and not _differ(gradients[i], again[i])]
    message = "the gradient stays the same for another cotangent"
    return [Violation("ignores-cotangent", message, case.names[i]) for i in deaf]


def _lopsided(case: Case, cotangent: Array, gradients: list[Any], usable: tuple[int, ...]) -> list[Violation]:
    """Whether minus the cotangent fails to give minus the gradient, which it does exactly: rounding keeps signs."""
    other = case.gradients(-cotangent, case.copies())
    other = other if len(other) == len(gradients) else [None] * len(gradients)
    message = "minus the cotangent does not give minus the gradient, which must be linear in it"
    finite = [i for i in usable if np.isfinite(gradients[i]).all()]
    lopsided = [i for i in finite if other[i] is None or _differ(-gradients[i], other[i])]
    return [Violation("ignores-cotangent", message, case.names[i]) for i in lopsided]


def not_finite(case: Case, observed: Observed, reports: Sequence[InputReport]) -> list[Violation]:
    """Gradients that are not finite where forward is. An infinity counts only if the gradient is wrong."""
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
