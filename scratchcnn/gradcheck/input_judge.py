"""The judgement of one input's gradient by differences: entry by entry, along directions, and at a second point."""

from collections.abc import Callable, Sequence
from functools import cached_property, partial

import numpy as np

from scratchcnn.gradcheck.analytic import Analytic
from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.contract import no_real_numbers
from scratchcnn.gradcheck.directional_check import DirectionalCheck, DirectionalResult
from scratchcnn.gradcheck.dithering import MOST_POINTS
from scratchcnn.gradcheck.effort import DIFFERENCE_EVALUATIONS, FEW_STRIDES, Effort, in_time
from scratchcnn.gradcheck.findings import Findings, none_looked_at
from scratchcnn.gradcheck.formats import COARSE_EPS
from scratchcnn.gradcheck.joint_kinks import JointJudgement, judge_together
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.numerical.gradient import Derivatives, derivatives
from scratchcnn.gradcheck.numerical.kinks import DECIDED
from scratchcnn.gradcheck.numerical.noise import EPS, least_noise, measure_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe, probe_of
from scratchcnn.gradcheck.numerical.spreading import Workers
from scratchcnn.gradcheck.pieces import Claim
from scratchcnn.gradcheck.points import Point, answers, between
from scratchcnn.gradcheck.raised import in_words
from scratchcnn.gradcheck.report.wording import undecided
from scratchcnn.gradcheck.roundings import to_the_roundings
from scratchcnn.gradcheck.sampling import sample
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.verdict import (
    VOUCHING_ROUNDOFFS,
    VOUCHING_SHARE,
    ZERO_ROUNDOFFS,
    Judgement,
    Scale,
    Verdict,
    judge,
    scale_of,
    small_in,
)

# The dtype that a gradient is judged in, unless backward refuses it.
FLOAT64 = np.dtype(np.float64)
# The indices of no entries.
NO_ENTRIES = np.empty(0, np.intp)
# How many suspicious entries get a second look first. The others get one only if these do not all turn out wrong.
FIRST_SUSPECTS = 4
# A ratio: how many more directions than single entries may be looked at over all scales, where there are kinks. These
# are rare.
KINK_CLIMBS = 4
# As a share of the way to the second point: where backward is asked again if it is unstable.
NEARBY_SHARE = 2.0**-10


class InputJudge:
    """Judges one input of a case, step by step, and keeps what it finds.

    Parameters
    ----------
    setting
        The case and its points.
    index
        Which input.
    analytic
        What backward says.
    effort
        What the judgement may cost.
    workers
        As in `Probe`.
    """

    def __init__(
        self, setting: Setting, index: int, analytic: Analytic, effort: Effort, workers: Workers | None = None
    ) -> None:
        case, self.stopping = setting.case, setting.stopping
        self.case, self.index, self.analytic, self.effort, self.workers = case, index, analytic, effort, workers
        self.fresh, self.rng = setting.observed.mutates, setting.rng
        self.x = case.inputs[index]
        self.probe = self._at(case.inputs)
        native = self.probe.native
        self.eps = float(np.finfo(native).eps) if native.kind == "f" else EPS
        self.agrees_at_other = False  # whether differences agreed at the last other point, within a small bound
        self.inside, self.step = EPS, 0.0  # the eps of the lowest precision inside forward, and the width of its steps
        # The dtype that backward is judged in: float64, unless backward refuses that.
        floating = (a.dtype for a in case.inputs if a.dtype.kind == "f")
        self.precision = np.result_type(*floating) if analytic.narrow else FLOAT64
        self.cotangent = np.asarray(analytic.cotangent, np.float64).reshape(-1)

    @cached_property
    def noise(self) -> Array:
        """(outputs,) a bound for the roundoff of forward's outputs."""
        return measure_noise(self.probe, self.rng, self.effort.strides)

    @cached_property
    def spread(self) -> Array:
        """(size of the input,) how far calls of backward with the same arguments differ."""
        return np.broadcast_to(self.analytic.spread(self.index), self.x.size)

    @property
    def contraction(self) -> Contraction:
        """The number that is differenced: forward's output, contracted with the cotangent."""
        return Contraction(self.probe, self.cotangent, self.noise)

    @property
    def shows_too_little(self) -> bool:
        """Whether forward is a staircase whose steps are too wide to be compared with a gradient."""
        of = self.case.format
        return of is not None and of.is_coarse and not self.case.reference and self.analytic.narrow

    @property
    def held_to(self) -> float:
        """The eps of the lowest precision on either side."""
        return max(self.eps, self.inside, self.analytic.eps(self.index))

    @property
    def _small(self) -> float:
        """As a share: a bound below it vouches. Steps that are wider than a number format's vouch for nothing."""
        return VOUCHING_SHARE if self.inside > COARSE_EPS else small_in(self.held_to)

    @property
    def _coarser(self) -> float:
        """How many times those of float64 the roundoffs are that an answer may have, forward's or backward's."""
        narrow = self.analytic.eps(self.index) if self.analytic.narrow else EPS
        return max(self.eps, narrow) / EPS

    def _at(self, inputs: Sequence[Array]) -> Probe:
        """The forward pass as a function of the input, at some values of all inputs."""
        dtypes = [a.dtype for a in self.case.inputs]
        return probe_of(self.case.forward, inputs, self.index, dtypes, fresh=self.fresh, workers=self.workers)

    def by_entries(self, entries: Array, *, proven: bool = False) -> Findings:
        """Judges some entries by bounded differences, and looks again, with more effort, at those that are not right.

        Where time is short, entries that would need more of it are dropped: the report says how many were checked.

        Parameters
        ----------
        entries
            Flat indices.
        proven
            Whether the entries are known to be wrong. Then one look gives the numbers that a report shows.
        """
        if not entries.size:
            return none_looked_at()
        gradient = self.analytic.values(self.index)[entries]
        climbs = 0 if proven else self.effort.climbs
        found = derivatives(self.contraction, entries, self.rng, climbs, gradient)
        found.bound += self.spread[entries]
        self.inside, self.step = found.precision, found.step
        judged, dropped = self._judge(found, gradient, NO_ENTRIES), NO_ENTRIES
        if not proven:
            judged, dropped = self._judged_twice(found, gradient)
        findings = Findings(
            entries=entries,
            analytic=gradient,
            value=np.where(found.status == "not finite", np.nan, found.value),
            bound=judged.tolerance,
            roundoff=found.roundoff,
            right=judged.right,
            wrong=judged.wrong,
            reason=judged.reason,
            method=_methods(found),
            kink=found.status == "kink",
        )
        if not proven:
            self._together(found, findings)
            self._all_together(found, findings)
        return findings.without(np.union1d(dropped, found.skipped)) if climbs is not None else findings

    def by_sample(self) -> Findings:
        """Judges as many entries as there is time for."""
        return self.by_entries(sample(self.x.shape, self.effort.entries, self.rng))

    def _judged_twice(self, found: Derivatives, gradient: Array) -> tuple[Judgement, Array]:
        """The judgement after a second look at what is not right, and the entries that there was no time for.

        The most suspicious entries are looked at first. Where these all turn out wrong, the others are not looked at.
        """
        # No second look is better than the fit beyond the steps; and roundings to a small format move every entry.
        stepped = np.flatnonzero(found.stepped | (self.analytic.narrow and self.case.format is not None))
        judged = self._judge(found, gradient, stepped)
        suspects = np.flatnonzero(~judged.right & ~found.stepped)
        distance = np.nan_to_num(np.abs(gradient - found.value) - found.bound, nan=np.inf)
        suspects = suspects[np.argsort(-distance[suspects], kind="stable")]
        looks = FIRST_SUSPECTS if self.effort.climbs is None else min(FIRST_SUSPECTS, max(1, self.effort.climbs))
        first, others = suspects[:looks], suspects[looks:]
        if not first.size:
            return judged, others
        if self.effort.climbs != 0:
            self._look_again(found, first)
        judged = self._judge(found, gradient, np.union1d(first, stepped))
        if not others.size or judged.wrong[first].all():
            return judged, others[:0]
        climbs = len(others) if self.effort.climbs is None else self.effort.climbs
        self._look_again(found, others[:climbs])
        return self._judge(found, gradient, np.union1d(suspects[: looks + climbs], stepped)), others[climbs:]

    def _together(self, found: Derivatives, findings: Findings) -> None:
        """Judges entries at kinks again, moved together."""
        alone = JointJudgement(findings.value, findings.bound, findings.right, findings.wrong, findings.reason)
        claim = Claim(self.analytic.values(self.index), self.case.eps(self.index), self._gradient_at)
        joint = judge_together(found, alone, claim, self._cone)
        findings.value, findings.bound = joint.value, joint.bound
        findings.right, findings.wrong, findings.reason = joint.right, joint.wrong, joint.reason
        if joint.remark:
            findings.remark, findings.vouched = joint.remark, Verdict.WRONG

    def _all_together(self, found: Derivatives, findings: Findings) -> None:
        """Judges the entries of a kernel in a small format all together."""
        if not self.analytic.narrow or findings.remark:
            return
        points = MOST_POINTS
        if self.effort.entries is not None:
            points = min(points, self.effort.entries * DIFFERENCE_EVALUATIONS // (2 * found.entries.size))
        to_the_roundings(self.analytic, self.index, found, findings, points, self.rng)

    def _cone(self) -> Cone:
        climbs = None if self.effort.climbs is None else KINK_CLIMBS * self.effort.climbs
        return Cone(self.contraction, self.case.wrt, self.rng, self.effort.strides, climbs)

    def _gradient_at(self, inputs: Sequence[Array], outputs: Array | None = None) -> Array | None:
        """(entries,) what backward answers at other values of the inputs; None where it has no answer.

        Only the cotangent of `outputs` (outputs,) is kept, if these are given; that of the others is zero.
        """
        weights = self.cotangent if outputs is None else self.cotangent * outputs
        point = Point(inputs, weights.reshape(self.analytic.cotangent.shape)).cast(self.precision)
        try:
            _, gradients = answers(self.case, point)
            return np.asarray(gradients[self.index], np.float64).reshape(self.x.size)
        except Exception:
            return None

    def _scale(self, found: Derivatives) -> Scale:
        """What bounds must be small against, in the lowest precision on either side."""
        largest = float(np.abs(found.value[np.isin(found.status, DECIDED)]).max(initial=0))
        roundoff = self._coarser * found.roundoff
        return scale_of(found.value, largest, roundoff, found.scale, self._small)

    def _judge(self, found: Derivatives, gradient: Array, measured: Array) -> Judgement:
        """The judgement of all entries; the analytic side's own error counts at those in `measured`."""
        own_error = np.zeros(len(found.entries))
        if measured.size:
            own_error[measured] = self._own_error(found, measured)
        # Strictly, the slope of a staircase is zero: such a gradient is not wrong, and not what is wanted either.
        zero = found.stepped & (gradient == 0) & (self.case.format is None)
        status = np.where(zero, "steps", found.status)
        judged = judge(gradient, own_error, found.value, found.bound, status, self._scale(found))
        if judged.wrong.any():
            hidden = judged.wrong & (np.abs(gradient - found.value) <= found.bound + self._hidden(found))
            judged.wrong[hidden], judged.reason[hidden] = False, "noise"
        judged.reason[found.stepped & (judged.reason == "unstable")] = "steps"
        if self.analytic.unsteady:
            judged.reason[:] = "chance"
        return judged

    def _hidden(self, found: Derivatives) -> Array:
        """(entries,) what outputs that stand still may hide: they may depend on an entry by less than their roundoff.

        A softmax does so where one of its outputs rounds to 1: nothing is accused for so little.
        """
        weight = np.abs(found.contraction.cotangent).astype(np.float64)
        least: Array = (weight * least_noise(found.probe)).sum() / found.unit[found.entries]
        return least.astype(np.float64)

    def _own_error(self, found: Derivatives, which: Array) -> Array:
        """The analytic side's own error at some entries (indices into `found.entries`)."""
        vouching = self._scale(found).vouching[which]
        # Near zero, the roundoff is that at the entry's own size: 1 - O has no digits left where O is 1 - 1e-17.
        measured = self._coarser * found.roundoff[which]
        closer = self.analytic.own_roundoff(self.index, found.entries[which], measured)
        closer = np.minimum(closer, self._small * found.scale[which])
        trusted = np.maximum(vouching, VOUCHING_ROUNDOFFS * closer)
        entries, status = found.entries[which], found.status[which]
        error = self.analytic.own_error(self.index, entries, status, trusted, self.inside)
        if self.held_to > EPS:
            # Backward may lose what is below some roundoffs of forward: g - Σ g p where p is nearly 1.
            error = error + ZERO_ROUNDOFFS * self._scale(found).roundoff[which]
        # A gradient whose every entry is below the largest of these errors is roundoff throughout.
        nothing = np.abs(self.analytic.values(self.index)).max() <= error.max() and self.case.format is None
        return np.full_like(error, error.max()) if nothing else error

    def _look_again(self, found: Derivatives, which: Array) -> None:
        """Replaces some derivatives by those of the ladder: in longdouble, if forward runs in it."""
        probe = self._wide() or self.probe
        noise = self.noise if probe is self.probe else measure_noise(probe, self.rng, self.effort.strides)
        again = Derivatives(Contraction(probe, self.cotangent, noise), found.entries[which])
        again.by_differences()
        rest = np.flatnonzero(again.status != "ok") if probe is not self.probe else np.arange(len(which))
        again.by_ladder(rest)
        better = np.isin(again.status, DECIDED) | ~np.isin(found.status[which], DECIDED)
        chosen = which[better]
        found.value[chosen] = again.value[better].astype(np.float64)
        rounding = EPS * np.abs(found.value[chosen])
        found.bound[chosen] = again.bound[better].astype(np.float64) + rounding + self.spread[found.entries[chosen]]
        found.status[chosen], found.method[chosen] = again.status[better], again.method[better]
        found.turns.update((int(which[k]), seen) for k, seen in again.turns.items())

    def _wide(self) -> Probe | None:
        """The forward pass in longdouble; None where it refuses that, gives it up on the way, or takes too long."""
        if np.finfo(np.longdouble).eps >= np.finfo(np.float64).eps:
            return None
        of = partial(Probe, self.case.forward, self.case.inputs, self.index, np.longdouble)
        wide = partial(of, fresh=self.fresh, workers=self.workers)
        try:
            probe = in_time(self.effort.longest, wide)
        except Exception:
            return None
        if probe is None or probe.native != np.longdouble or probe.output_shape != self.probe.output_shape:
            return None
        return probe

    def roundoff(self, findings: Findings, which: Array) -> Array:
        """(entries,) one roundoff of the operation by the entry's own size; measured at `which`, if a proof did not."""
        roundoff, entries = findings.roundoff.copy(), findings.entries
        unknown = np.flatnonzero(which & np.isnan(roundoff))
        roundoff[np.isnan(roundoff)] = 0
        if unknown.size:
            roundoff[unknown] = derivatives(self.contraction, entries[unknown], climbs=0).roundoff
        return self.analytic.own_roundoff(self.index, entries, roundoff)

    def along_directions(self, findings: Findings, count: int) -> None:
        """Compares the derivative along `count` random directions through all entries."""
        if self.analytic.narrow and self.case.format is not None and findings.entries.size:
            return  # within the roundings of a small format a direction shows less than the entries together
        told: list[Verdict] = []
        while len(told) < count and not findings.remark:
            along = self.along()
            told.append(along.verdict)
            if along.verdict is Verdict.WRONG:
                findings.vouched, findings.remark = Verdict.WRONG, f"along a random direction at the inputs {along}"
        if findings.entries.size < self.x.size:
            findings.method = f"{findings.method}, {_said(told)}".lstrip(", ")
        if findings.entries.size < self.x.size and not findings.remark and Verdict.RIGHT not in told:
            reason = "kink" if "one-sided" in findings.method else "noise"
            findings.vouched = Verdict.UNDECIDED
            findings.remark = f"along the directions {undecided({reason: len(told)})}"

    def _along(self, probe: Probe, point: Point, gradient: Array, noise: Callable[[], Array]) -> DirectionalResult:
        precision = max(self.inside, self.analytic.eps(self.index))
        direction = DirectionalCheck(self.case, self.index, probe, point, gradient, self.rng, precision)
        told = direction.compare(noise, self.step, climbs=self.effort.climbs != 0)
        return self.stopping.judge_direction(told, direction)

    def along(self, gradient: Array | None = None) -> DirectionalResult:
        """What differences along a random direction say of the gradient at the inputs, or of another, (entries,)."""
        point = Point(self.case.copies(self.precision), self.analytic.cotangent.astype(self.precision))
        given = self.analytic.values(self.index) if gradient is None else gradient
        return self._along(self.probe, point, given, lambda: self.noise)

    def at(self, point: Point) -> str:
        """What is wrong along one direction at another point; empty where nothing is seen."""
        point = point.cast(self.precision)
        try:
            _, gradients = answers(self.case, point)
            unreal = no_real_numbers(gradients[self.index])
            if unreal:
                return unreal
            gradient = np.asarray(gradients[self.index], np.float64)
            if gradient.shape != self.x.shape:
                return f"the gradient has shape {gradient.shape}, the input {self.x.shape}"
            probe = self._at(point.inputs)
            noise = partial(measure_noise, probe, self.rng, FEW_STRIDES)
            along = self._along(probe, point, gradient.reshape(-1), noise)
        except Exception as error:
            return f"backward or forward raised {in_words(error)}"
        self.agrees_at_other = along.verdict is Verdict.RIGHT and along.tolerance <= VOUCHING_SHARE * abs(along.value)
        return f"along a random direction {along}" if along.verdict is Verdict.WRONG else ""

    def is_wrong_nearby(self, findings: Findings, second: Point) -> bool:
        """Whether a point a little way towards the second one shows an unstable backward pass to be wrong."""
        if not np.isin(findings.reason[~findings.right], ("unstable", "chance")).any() or findings.remark:
            return False
        nearby = self.case.rounded(between(self.case.inputs, second.inputs, NEARBY_SHARE))
        wrong = self.at(Point(nearby, self.analytic.cotangent))
        if wrong:
            findings.vouched = Verdict.WRONG
            findings.remark = f"backward is unstable at the inputs; a little way from them, {wrong}"
        return bool(wrong)


def _said(told: Sequence[Verdict]) -> str:
    """What directions through all entries told, in words."""
    many = f"{len(told)} direction{'s' if len(told) > 1 else ''} through all entries"
    unsure = sum(verdict is Verdict.UNDECIDED for verdict in told)
    return f"{many} ({unsure} undecided)" if unsure else many


def _methods(found: Derivatives) -> str:
    """The methods that decided the entries, the most frequent first."""
    names, counts = np.unique(found.method.astype(str), return_counts=True)
    ranked = sorted(zip(names, counts, strict=True), key=lambda pair: -pair[1])
    text = str(names[0]) if len(names) == 1 else ", ".join(f"{n} {c}" for n, c in ranked)
    if found.precision > EPS:
        text += f", to the precision of forward, about 2^{np.log2(found.precision):.0f}"
    return text + (" (the complex step was dropped: differences disagree)" if found.dropped else "")
