"""The judgement of one input's gradient: entry by entry, along directions, and at a second point."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.contract import Observed
from scratchcnn.gradcheck.directions import compare
from scratchcnn.gradcheck.numerical.exact import Exact
from scratchcnn.gradcheck.numerical.gradient import Derivatives, derivatives
from scratchcnn.gradcheck.numerical.kinks import DECIDED, opposed
from scratchcnn.gradcheck.numerical.noise import EPS, STRIDES, measure_noise
from scratchcnn.gradcheck.numerical.probe import Array, Probe
from scratchcnn.gradcheck.report import InputReport
from scratchcnn.gradcheck.sampling import sample
from scratchcnn.gradcheck.verdict import ROUNDOFFS, SMALL, Judgement, Verdict, judge

EXACT = np.dtype(np.float64)
# Suspicious entries that get a second look first; the others only if these do not all turn out wrong.
FIRST_LOOK = 4
# How many directions are tried where not every entry is moved by itself.
DIRECTIONS = 2
# What vouches for an entry where forward answers in a low precision: so many of its roundoffs, and this share at most.
COARSE, MOST = 1024.0, 0.3
# At a second point the noise is measured at fewer strides.
FEW_STRIDES = STRIDES[1::2]
# Along how many directions the entries at kinks are moved together.
JOINT = 4


@dataclass
class Findings:
    """All that is known of one input's entries: flat arrays over the entries that were looked at."""

    entries: Array
    analytic: Array
    value: Array
    bound: Array
    roundoff: Array
    right: Array
    wrong: Array
    reason: Array
    method: str
    remark: str = ""  # what is wrong along a direction, where no single entry shows it


class InputJudge:
    """Judges input `index` of a case, step by step, and keeps what it finds."""

    def __init__(
        self, case: Case, index: int, observed: Observed, analytic: Analytic, rng: np.random.Generator
    ) -> None:
        self.case = case
        self.index = index
        self.fresh = observed.mutates
        self.analytic = analytic
        self.rng = rng
        self.x = case.inputs[index]
        self.probe = self._at(case.inputs)
        native = self.probe.native
        self.eps = float(np.finfo(native).eps) if native.kind == "f" else EPS
        # What backward is run in where it is judged: float64, unless it refuses that.
        narrow = analytic.low and analytic.double is None
        self.precision = np.result_type(*(a.dtype for a in case.inputs if a.dtype.kind == "f")) if narrow else EXACT
        self.cotangent = np.asarray(analytic.cotangent, np.float64).reshape(-1)

    @cached_property
    def noise(self) -> Array:
        """(outputs,) a bound for the roundoff of forward's outputs."""
        return measure_noise(self.probe, self.rng)

    def _at(self, inputs: Sequence[Array]) -> Probe:
        """The forward pass in float64; in the caller's own precision where it refuses float64 (a kernel in C)."""
        try:
            return Probe(self.case.forward, inputs, self.index, fresh=self.fresh)
        except Exception:
            dtypes = [a.dtype for a in self.case.inputs]

            def narrow(*arrays: Array) -> Array:
                output: Array = self.case.forward(*(a.astype(d) for a, d in zip(arrays, dtypes, strict=True)))
                return output

            return Probe(narrow, inputs, self.index)

    def by_entries(self, entries: Array) -> Findings:
        """Bounded differences for each entry, and a second look with more effort at those that are not right."""
        found = derivatives(self.probe, entries, self.cotangent, self.noise, self.rng)
        gradient = self.analytic.values(self.index)[entries]
        judged = self._judge(found, gradient, np.zeros(len(entries)))
        suspects = np.flatnonzero(~judged.right)
        distance = np.nan_to_num(np.abs(gradient - found.value) - found.bound, nan=np.inf)
        suspects = suspects[np.argsort(-distance[suspects], kind="stable")]
        first, others = suspects[:FIRST_LOOK], suspects[FIRST_LOOK:]
        if first.size:
            self._look_again(found, first)
            judged = self._judge(found, gradient, self._own_error(found, first))
            if others.size and not judged.wrong[first].all():
                self._look_again(found, others)
                judged = self._judge(found, gradient, self._own_error(found, suspects))
        findings = Findings(
            entries=entries,
            analytic=gradient,
            value=found.value,
            bound=found.bound,
            roundoff=found.roundoff,
            right=judged.right,
            wrong=judged.wrong,
            reason=judged.reason,
            method=_methods(found),
        )
        self._together(found, findings)
        return findings

    def _together(self, found: Derivatives, findings: Findings) -> None:
        """Moves the entries at kinks together: a gradient that is right at each alone need not be right along all.

        Two tied maxima that both get the whole gradient are within the interval of each. Where kinks of opposite sign
        meet in one output no interval binds, and the entries are undecided.
        """
        kinks = np.array([k for k in sorted(found.turns) if found.status[k] == "kink" and findings.right[k]], np.intp)
        mixed = opposed([found.turns[k] for k in kinks], self.probe.outputs)
        for k in kinks[mixed]:
            findings.right[k], findings.reason[k] = False, "kink"
        kinks = kinks[~mixed]
        if len(kinks) < 2 or findings.wrong.any():
            return
        entries = found.entries[kinks]
        share = self.rng.choice([-1.0, 1.0], (JOINT, len(kinks)))
        share[0] = 1
        for signs in share:
            direction = signs * found.unit[entries] / found.unit[entries].max()
            seen = found.climb(entries, direction)
            analytic = float(findings.analytic[kinks] @ direction)
            rounding = 64 * np.finfo(self.x.dtype).eps * float(np.abs(findings.analytic[kinks]) @ np.abs(direction))
            if seen.status in DECIDED and abs(analytic - seen.value) > seen.bound + rounding:
                findings.remark = (
                    f"along {len(kinks)} entries that sit on kinks, moved together, the gradient gives {analytic:.10g},"
                    f" the one-sided derivatives {seen.value - seen.bound:.10g} .. {seen.value + seen.bound:.10g}"
                )
                return

    def _judge(self, found: Derivatives, gradient: Array, own_error: Array) -> Judgement:
        coarser = self.eps / EPS
        return judge(
            gradient,
            own_error,
            found.value,
            found.bound,
            coarser * found.roundoff,
            found.status,
            self._largest(found),
            small=SMALL if coarser == 1 else min(COARSE * self.eps, MOST),
        )

    def _largest(self, found: Derivatives) -> float:
        return float(np.abs(found.value[np.isin(found.status, DECIDED)]).max(initial=0))

    def _own_error(self, found: Derivatives, which: Array) -> Array:
        own = np.zeros(len(found.entries))
        own[which] = self.analytic.own_error(
            self.index,
            found.entries[which],
            found.value[which],
            found.roundoff[which],
            found.status[which],
            self._largest(found),
        )
        return own

    def _look_again(self, found: Derivatives, which: Array) -> None:
        """Replaces some derivatives by those of the ladder in longdouble, where forward runs in it."""
        probe = self._wide() or self.probe
        noise = self.noise if probe is self.probe else measure_noise(probe, self.rng)
        again = Derivatives(probe, found.entries[which], self.cotangent, noise)
        again.by_differences()
        rest = np.flatnonzero(again.status != "ok") if probe is not self.probe else np.arange(len(which))
        again.by_ladder(rest)
        better = np.isin(again.status, DECIDED) | ~np.isin(found.status[which], DECIDED)
        chosen = which[better]
        found.value[chosen] = again.value[better].astype(np.float64)
        rounding = np.finfo(np.float64).eps * np.abs(found.value[chosen])
        found.bound[chosen] = again.bound[better].astype(np.float64) + rounding
        found.status[chosen], found.method[chosen] = again.status[better], again.method[better]
        found.turns.update((int(which[k]), seen) for k, seen in again.turns.items())

    def _wide(self) -> Probe | None:
        """The forward pass in longdouble, or None where it does not run, or stay, in it."""
        if np.finfo(np.longdouble).eps >= np.finfo(np.float64).eps:
            return None
        try:
            probe = Probe(self.case.forward, self.case.inputs, self.index, np.longdouble, fresh=self.fresh)
        except Exception:
            return None
        return probe if probe.native == np.longdouble and probe.output_shape == self.probe.output_shape else None

    def in_low_precision(self, findings: Findings) -> None:
        """Holds the gradient in the caller's low precision to its float64 twin."""
        tolerance = self.analytic.coarse(self.index)
        if tolerance is None or findings.remark:
            return
        entries = findings.entries
        given = np.asarray(self.analytic.given[self.index], np.float64).reshape(-1)[entries]
        twin = self.analytic.values(self.index)[entries]
        # Some roundoffs of the operation count as zero here too: 1 - O is nothing in float32 where O is 1 - 1e-9.
        roundoff = self.analytic.own_roundoff(self.index, entries, findings.roundoff)
        allowed = tolerance[entries] + ROUNDOFFS * roundoff * (np.finfo(self.x.dtype).eps / EPS)
        excess = np.nan_to_num(np.abs(given - twin) - allowed, nan=np.inf)
        if (excess > 0).any():
            worst = int(excess.argmax())
            place = [int(k) for k in np.unravel_index(entries[worst], self.x.shape)]
            findings.remark = (
                f"in {self.x.dtype} the gradient strays from its float64 twin at {int((excess > 0).sum())} entries,"
                f" most at {place}: {given[worst]:.9g}, not {twin[worst]:.9g} ± {allowed[worst]:.2g}"
            )

    def along_directions(self, findings: Findings, count: int = DIRECTIONS) -> None:
        """Compares the derivative along so many full random directions."""
        inputs, gradient = self.case.copies(self.precision), self.analytic.values(self.index)
        for _ in range(count):
            if not findings.remark:
                cotangent = self.analytic.cotangent.astype(self.precision)
                remark = compare(
                    self.case, self.index, self.probe, inputs, cotangent, gradient, self.rng, lambda: self.noise
                )
                if remark:
                    findings.remark = f"along a random direction at the inputs {remark}"

    def at_second_point(self, findings: Findings, second: Array, away: Sequence[Array]) -> None:
        """Compares one direction at other values of the inputs, with another cotangent."""
        inputs = [a.astype(self.precision) if a.dtype.kind == "f" else a for a in away]
        try:
            cotangent = second.astype(self.precision)
            gradients = self.case.gradients(cotangent.copy(), [a.copy() for a in inputs])
            gradient = np.asarray(gradients[self.index], np.float64)
            if gradient.shape != self.x.shape:
                remark = f"the gradient has shape {gradient.shape}, the input {self.x.shape}"
            else:
                probe = self._at(inputs)
                noise = partial(measure_noise, probe, self.rng, FEW_STRIDES)
                remark = compare(self.case, self.index, probe, inputs, cotangent, gradient.reshape(-1), self.rng, noise)
        except Exception as error:
            remark = f"backward or forward raised {type(error).__name__}: {error}"
        if remark:
            findings.remark = f"at a second point (the values permuted, another cotangent) {remark}"


def judge_input(
    case: Case,
    index: int,
    observed: Observed,
    analytic: Analytic,
    exact: Exact | None,
    second: Array,
    away: Sequence[Array] | None,
    max_entries: int | None,
    rng: np.random.Generator,
) -> InputReport:
    """The report on one input: every method that applies, and what they found."""
    name, x = case.names[index], case.inputs[index]
    if x.size == 0:
        return _blank(name, x, Verdict.UNDECIDED, "nothing to check: the input has no entries")
    if index not in observed.usable:
        return _blank(name, x, Verdict.WRONG, "there is no gradient of the input's shape to compare")
    judge_of = InputJudge(case, index, observed, analytic, rng)
    if exact is not None and exact.proven:
        findings = _exactly(exact)
        judge_of.along_directions(findings, 1)  # the lattice is not quite the caller's point
    else:
        entries = sample(x.shape, max_entries, rng)
        findings = judge_of.by_entries(entries)
        if entries.size < x.size:
            judge_of.along_directions(findings)
            findings.method += f", and {DIRECTIONS} directions through all"
    judge_of.in_low_precision(findings)
    if away is not None and not findings.wrong.any() and not findings.remark:
        judge_of.at_second_point(findings, second, away)
    return _report(name, x, findings)


def _exactly(exact: Exact) -> Findings:
    nothing = np.zeros(exact.analytic.size)
    return Findings(
        entries=np.arange(exact.analytic.size),
        analytic=exact.analytic,
        value=exact.numerical,
        bound=nothing,
        roundoff=nothing,
        right=~exact.wrong,
        wrong=exact.wrong,
        reason=np.full(exact.analytic.size, "", object),
        method="exact",
    )


def _methods(found: Derivatives) -> str:
    names, counts = np.unique(found.method.astype(str), return_counts=True)
    ranked = sorted(zip(names, counts, strict=True), key=lambda pair: -pair[1])
    text = str(names[0]) if len(names) == 1 else ", ".join(f"{n} {c}" for n, c in ranked)
    return text + (" (the complex step was dropped: differences disagree)" if found.dropped else "")


def _blank(name: str, x: Array, verdict: Verdict, reason: str) -> InputReport:
    nan = float("nan")
    return InputReport(name, verdict, x.size, 0, 0, 0, None, nan, nan, nan, "none", reason)


def _report(name: str, x: Array, findings: Findings) -> InputReport:
    wrong, right = findings.wrong, findings.right
    undecided = ~wrong & ~right
    verdict = Verdict.UNDECIDED if undecided.any() else Verdict.RIGHT
    if wrong.any() or findings.remark:
        verdict = Verdict.WRONG
    rank = np.nan_to_num(np.abs(findings.analytic - findings.value), nan=np.inf)
    pool = wrong if wrong.any() else undecided if undecided.any() else np.ones_like(wrong)
    worst = int(np.where(pool, rank, -1.0).argmax())
    reason = findings.remark
    if not reason and undecided.any():
        kinds, counts = np.unique(findings.reason[undecided].astype(str), return_counts=True)
        reason = "undecided: " + ", ".join(f"{k} at {c}" for k, c in zip(kinds, counts, strict=True))
    return InputReport(
        name=name,
        verdict=verdict,
        size=x.size,
        checked=len(findings.entries),
        wrong=int(wrong.sum()),
        undecided=int(undecided.sum()),
        worst_index=tuple(int(k) for k in np.unravel_index(findings.entries[worst], x.shape)),
        analytic=float(findings.analytic[worst]),
        numerical=float(findings.value[worst]),
        bound=float(findings.bound[worst]),
        method=findings.method,
        reason=reason,
    )
