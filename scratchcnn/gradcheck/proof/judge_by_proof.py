"""The judgement of gradients by a proof in ball arithmetic.

A proof is not trusted alone. Outputs and gradients in floats must be those in balls, within their roundoff; otherwise
the code took another path in balls. And differences along a direction must agree with the proof.
"""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from time import thread_time

import numpy as np

from scratchcnn.gradcheck.all_inputs import AllInputs
from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import innermost
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.input_judge import InputJudge
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.attempt import FLINT_MISSING, has_flint, proof_of, widths_of
from scratchcnn.gradcheck.proof.outcome import AGREED_DIGITS, Proof, Proven, Rounding
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.verdict import VOUCHING_SHARE, Verdict, small_in, trifle

# As a share of the time of all inputs: how long a proof may take.
PROOF_SHARE = 0.5
# As a share of that time: if the proof at the caller's point took no longer, there is one at the second point.
# Otherwise a direction is compared there.
SECOND_PROOF_SHARE = 0.2
# In roundoffs: how far results in floats may be from those in balls.
BALL_ROUNDOFFS = 64.0
# A ratio: how many times its measured noise an output in floats may be from that in balls.
BALL_NOISES = 4.0
# What is said where nothing, or not all, is proved.
NOT_PROVED = "not proved: {}; differences decide"
# What rounded numbers may become, so that a straight-through gradient is right.
KINDS = (Rounding.ROUNDED, Rounding.UNROUNDED)
# What is said where such a gradient is judged.
THROUGH = "where each rounding has the derivative 1"
ROUNDS_NOTE = f"forward rounds to whole numbers, and is constant in between: the gradient is judged {THROUGH}"


class Proofs:
    """The proofs of a check, each of all inputs at once: at the caller's point, and at the second one."""

    def __init__(self, setting: Setting, seconds: float) -> None:
        self.setting, self.seconds = setting, PROOF_SHARE * seconds * len(setting.observed.usable)
        self.spent = 0.0  # in seconds, on the proof at the inputs
        self.notes: list[str] = []
        self._widths: dict[int, Array] | None = None
        self.strays: set[int] = set()  # the inputs at which floats do something else than balls
        self.through: set[int] = set()  # the inputs whose gradients are meant to go straight through roundings
        self._straight: dict[Rounding, Proof] = {}
        self._straight_at_second: dict[Rounding, Proof] = {}
        self.dropped: set[int] = set()  # the inputs of whose gradient a proof says something else than is meant

    @cached_property
    def first(self) -> Proof | None:
        """The proof at the inputs; None where there can be none."""
        reason = self._obstacle()
        start = thread_time()  # a busy machine has no part in what is looked at
        proof = None if reason else self._proof(self.setting.first)
        self.spent = thread_time() - start
        reason = reason or (proof.reason if proof else "")
        if reason:
            self.notes.append(NOT_PROVED.format(reason))
        return proof

    @property
    def made(self) -> Proof | None:
        """The proof at the inputs, if it was made, without the inputs at which floats do something else."""
        proof: Proof | None = self.__dict__.get("first")
        if proof is None or not self.strays:
            return proof
        inputs = {k: proven for k, proven in proof.inputs.items() if k not in self.strays}
        return replace(proof, inputs=inputs) if inputs else None

    def stray(self, index: int, what: str) -> None:
        """Notes that floats give something else than balls: then the proof is not one of what the caller runs."""
        self.strays.add(index)
        note = f"not proved: in floats {what} than in exact arithmetic; differences decide"
        if note not in self.notes:
            self.notes.append(note)

    def drop(self, index: int, why: str) -> None:
        """Notes that a gradient is proved wrong and that this does not count, here or elsewhere."""
        self.dropped.add(index)
        name = self.setting.case.names[index]
        self.notes.append(f"the proof that the gradient of {name!r} is wrong was dropped: {why}")

    def refutes(self, index: int) -> bool:
        """Whether a gradient is proved wrong at the inputs."""
        proof = self.made
        proven = proof.inputs.get(index) if proof is not None else None
        return proven is not None and bool(proven.wrong.any()) and index not in self.dropped

    def _obstacle(self) -> str:
        """Why there can be no proof; empty if there can."""
        if not has_flint():
            return FLINT_MISSING
        if self.setting.observed.unsteady:
            return "it does not repeat itself"
        framework = getattr(innermost(self.setting.case.forward), "computed_by", "")
        if framework:
            return f"{framework} computes in floats alone"
        return "" if self.setting.observed.usable else "there is no gradient"

    def widths(self, index: int, precision: np.dtype) -> Array | float:
        """(entries,) how far roundoff may move a gradient at the inputs; 0 where nobody knows."""
        if self._widths is None:
            setting, bits = self.setting, int(np.finfo(precision).nmant) + 1
            self._widths = widths_of(setting.case, setting.first, setting.observed.usable, bits, self.seconds)
        return self._widths.get(index, 0.0)

    def at_second_point(self, index: int) -> str | None:
        """What is wrong with a gradient at the second point; empty if it is proved right, None if nothing is proved."""
        if index in self.through:
            return self._straight_through_at_second_point(index)
        proven = self._second.inputs.get(index) if self._second else None
        if proven is None or not (proven.right.all() or proven.wrong.any()) or not self._followed(index, proven):
            return None
        if not proven.wrong.any():
            return ""
        if index in self.dropped or proven.share < VOUCHING_SHARE:  # differences tell whether so little matters
            return None
        analytic, exact = apart(*proven.along)
        return f"along a random direction the gradient gives {analytic}, forward in exact arithmetic {exact}"

    @cached_property
    def _second(self) -> Proof | None:
        """The proof at the second point; None if there is none at the first, or it took too long."""
        second = self.setting.second
        if second is None or self.first is None or not self.first.inputs:
            return None
        return self._proof(second) if self.spent <= SECOND_PROOF_SHARE * self.seconds else None

    def _straight_through_at_second_point(self, index: int) -> str:
        """What is wrong there with a straight-through gradient: what rounded numbers refute, and those before, too."""
        second, found = self.setting.second, self._straight_at_second
        if second is None:
            return ""
        for rounding in KINDS:
            if rounding not in found:
                found[rounding] = self._proof(second, rounding=rounding)
        each = [found[rounding].inputs.get(index) for rounding in KINDS]
        refuted = [proven for proven in each if proven is not None and proven.wrong.any()]
        if len(refuted) < len(KINDS):
            return ""
        analytic, exact = apart(*refuted[0].along)
        return f"along a random direction the gradient gives {analytic}, forward {exact} {THROUGH}"

    def _followed(self, index: int, proven: Proven) -> bool:
        """Whether floats give what balls give at the second point, up to differences that do not matter."""
        second_answers = self.setting.second_answers
        if second_answers is None or self._second is None or self._second.outputs is None:
            return False
        output, gradients = second_answers
        pairs = ((output, self._second.outputs), (gradients[index], proven.value))
        inputs, usable = self.setting.case.inputs, self.setting.observed.usable
        share = small_in(max(float(np.finfo(inputs[k].dtype).eps) for k in usable))
        return all(
            np.size(floats) == exact.size
            and bool((np.abs(np.reshape(floats, -1) - exact) <= share * np.abs(exact).max(initial=0)).all())
            for floats, exact in pairs
        )

    def told_through(self, index: int) -> None:
        """Notes that forward rounds along an input, and that its gradient is meant to go straight through."""
        self.through.add(index)
        self.notes = [n for n in self.notes if n != NOT_PROVED.format(self.first.reason if self.first else "")]
        if ROUNDS_NOTE not in self.notes:
            self.notes.append(ROUNDS_NOTE)

    def straight_through(self, rounding: Rounding) -> Proof:
        """The proof at the inputs in which each rounding has the derivative 1."""
        if rounding not in self._straight:
            self._straight[rounding] = self._proof(self.setting.first, rounding=rounding)
        return self._straight[rounding]

    def located_straight_through(self, index: int, rounding: Rounding) -> Proof:
        """The same of one gradient, with the entries that are wrong if time allows."""
        return self._proof(self.setting.first, (index,), locate=True, rounding=rounding)

    def located(self, index: int) -> Proven:
        """The proof of one gradient, with the entries that are wrong and the exact derivatives there if time allows."""
        found = self._proof(self.setting.first, (index,), locate=True).inputs
        return found[index] if index in found or self.first is None else self.first.inputs[index]

    def _proof(
        self,
        point: Point,
        wrt: Sequence[int] | None = None,
        *,
        locate: bool = False,
        rounding: Rounding = Rounding.CONSTANT,
    ) -> Proof:
        setting = self.setting
        asked = wrt or setting.observed.usable
        return proof_of(setting.case, point, asked, setting.rng, self.seconds, locate=locate, rounding=rounding)


def by_proof(judge: InputJudge, proofs: Proofs, all_inputs: AllInputs) -> Findings | None:
    """The findings on an input by a proof, and by differences at entries that it leaves open; None without a proof."""
    proof = proofs.first
    proven = proof.inputs.get(judge.index) if proof else None
    if proof is None or proven is None:
        return None
    if not _on_the_same_path(judge, proof):
        if np.isfinite(judge.probe.y0).all() and not proof.reason:
            proofs.stray(judge.index, "forward gives another output")
        return None
    if proven.wrong.any():
        return _refuted(judge, proofs, proof)
    gradient = judge.analytic.values(judge.index)
    allowed = own_roundoff(judge, gradient, proven)
    distance = np.abs(gradient - proven.value)
    if (proven.right & ~(distance <= allowed)).any():  # 1 - p keeps no digit where p rounds to 1
        allowed = np.maximum(allowed, proofs.widths(judge.index, judge.precision))
    sure = proven.right & (distance <= allowed)
    if proven.right.any() and not sure.any():
        proofs.stray(judge.index, f"the gradient of {judge.case.names[judge.index]!r} is another")
    if not sure.any() or not (all_inputs.agree_at_first or _do_differences_agree(judge, gradient, proven)):
        return None
    proved = _findings(np.flatnonzero(sure), gradient, proven.value, allowed, _to_digits(proven))
    return proved if sure.all() else _with_differences(judge, proved)


def _do_differences_agree(judge: InputJudge, gradient: Array, proven: Proven) -> bool:
    """Whether differences along a direction agree with the gradient, or with the one in balls if roundoff moved it."""
    if judge.along().verdict is not Verdict.WRONG:
        return True
    exact = proven.right.all() and not np.array_equal(gradient, proven.value)
    return bool(exact and judge.along(proven.value).verdict is not Verdict.WRONG)


def _with_differences(judge: InputJudge, proved: Findings) -> Findings:
    """The findings by differences, since kinks must be seen together; entries that are proved are right.

    Differences cannot see an output that depends on an entry by less than its roundoff, however far that is moved.
    """
    findings = judge.by_sample()
    of = {int(entry): k for k, entry in enumerate(proved.entries)}
    settled = 0
    for k, entry in enumerate(findings.entries.tolist()):
        if entry in of:
            findings.right[k], findings.wrong[k], findings.reason[k] = True, False, ""
            findings.value[k], findings.bound[k] = proved.value[of[entry]], proved.bound[of[entry]]
            settled += 1
    findings.method = f"{proved.method} at {settled} of {findings.entries.size}; {findings.method}"
    return findings


def wrong_at_ties(judge: InputJudge, proofs: Proofs) -> str:
    """What is wrong with all gradients together where numbers are equal; empty if nothing is known to be."""
    proof = proofs.made
    if proof is None or proof.ties is None or not _on_the_same_path(judge, proof):
        return ""
    for index, proven in proof.inputs.items():
        largest = np.abs(proven.value).max(initial=0)
        if not (np.abs(judge.analytic.values(index) - proven.value) <= VOUCHING_SHARE * largest).all():
            return ""
    analytic, exact = apart(*proof.ties)
    told = f"the gradients of all inputs give {analytic}, forward in exact arithmetic {exact}"
    return f"where equal numbers move alike, so that ties stay ties, {told}"


def _on_the_same_path(judge: InputJudge, proof: Proof) -> bool:
    """Whether forward gives in floats what it gives in balls."""
    if proof.outputs is None or proof.outputs.size != judge.probe.outputs:
        return False
    # The noise that one input shows may be less than the roundoff of sums over the others.
    if is_as_in_balls(judge, proof):
        return True
    return bool((np.abs(judge.probe.y0 - proof.outputs) <= BALL_NOISES * judge.noise).all())


def is_as_in_balls(judge: InputJudge, proof: Proof) -> bool:
    """Whether forward's output is that in balls to its last digits. Where it rounds to a format, balls do not."""
    y = judge.probe.y0
    return bool((np.abs(y - proof.outputs) <= BALL_ROUNDOFFS * judge.eps * np.abs(y).max(initial=0)).all())


def own_roundoff(judge: InputJudge, gradient: Array, proven: Proven) -> Array:
    """(entries,) how far backward in floats may be from backward in balls, by its own roundoff."""
    eps = max(EPS, float(np.finfo(judge.precision).eps))
    allowed: Array = BALL_ROUNDOFFS * eps * np.abs(proven.value) + proven.bound
    far = np.flatnonzero(~(np.abs(gradient - proven.value) <= allowed))
    if far.size:
        smooth, unlimited = np.full(far.size, "ok", object), np.full(far.size, np.inf)
        allowed[far] += judge.analytic.own_error(judge.index, far, smooth, unlimited)
    return allowed


def _refuted(judge: InputJudge, proofs: Proofs, proof: Proof) -> Findings:
    """The findings on a gradient that is proved wrong: by differences if they see it, else by exact derivatives."""
    findings = judge.by_sample()
    if findings.wrong.any():
        return findings
    if judge.step and is_as_in_balls(judge, proof):
        proofs.drop(judge.index, "forward moves in steps of its own, and the slope of a step is not what is meant")
        return _vouched_as_without_steps(findings)
    found = proofs.located(judge.index)
    entries = np.array(sorted(found.exact), np.intp)
    gradient = judge.analytic.values(judge.index)
    own = own_roundoff(judge, gradient, found)
    if not entries.size:
        return findings
    if not (np.abs(gradient - found.value) <= own)[entries].any():
        proofs.stray(judge.index, f"the gradient of {judge.case.names[judge.index]!r} is another")
        return findings
    value = found.derivatives
    gap, name = np.abs(found.value - value), judge.case.names[judge.index]
    if (gap <= trifle(value)).all() and (found.right | found.wrong).all():
        proofs.notes.append(
            f"in exact arithmetic the gradient of {name!r} is off by up to {gap.max():.1g}, as by a guard such as 1e-12"
            " or a constant of few digits: too little to matter"
        )
        allowed = np.maximum(2 * gap, own)
        if (np.abs(gradient - value) <= allowed).all():
            return _findings(np.arange(gap.size), gradient, value, allowed, "exact arithmetic")
        return findings
    seen = dict(zip(findings.entries.tolist(), zip(findings.right, findings.bound, strict=True), strict=True))
    if any(seen.get(int(e), (False, 0))[0] and seen[int(e)][1] < g for e, g in zip(entries, gap[entries], strict=True)):
        proofs.drop(judge.index, "differences disagree")
        return findings
    return _findings(entries, found.value, value, BALL_ROUNDOFFS * EPS * np.abs(value), "exact arithmetic", wrong=True)


def _vouched_as_without_steps(findings: Findings) -> Findings:
    """The findings where forward moves in steps that are not those of a format: no wide bound vouches for an entry."""
    vague = findings.right & (findings.bound > VOUCHING_SHARE * np.abs(findings.value).max(initial=0))
    findings.right[vague], findings.reason[vague] = False, "stops"
    return findings


def _findings(
    entries: Array, gradient: Array, value: Array, bound: Array, method: str, *, wrong: bool = False
) -> Findings:
    found = np.full(entries.size, wrong)
    return Findings(
        entries=entries,
        analytic=gradient[entries],
        value=value[entries],
        bound=bound[entries],
        roundoff=np.full(entries.size, np.nan),  # not measured: a proof does not need it
        right=~found,
        wrong=found,
        reason=np.full(entries.size, "", object),
        method=method,
    )


def _to_digits(proven: Proven) -> str:
    if np.isinf(proven.digits):
        return "proved exactly"
    if proven.digits < AGREED_DIGITS:
        return f"proved to {proven.digits:.1f} digits, as far as its constants are given"
    return f"proved to {int(proven.digits)} digits"
