"""The proofs of a check: at the caller's point and at a second one, and with roundings that are gone through."""

from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from time import thread_time

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import innermost
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.attempt import FLINT_MISSING, has_flint, proof_of, widths_of
from scratchcnn.gradcheck.proof.outcome import STRAIGHT_THROUGH, Proof, Proven, Rounding
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.setting import Setting
from scratchcnn.gradcheck.verdict import VOUCHING_SHARE, small_in

# As a share of the time of all inputs: how long a proof may take.
PROOF_SHARE = 0.5
# As a share of that time: if the proof at the caller's point took no longer, there is one at the second point.
# Otherwise a direction is compared there.
SECOND_PROOF_SHARE = 0.2
# What is said where nothing, or not all, is proved.
NOT_PROVED = "not proved: {}; differences decide"
# What is said where a straight-through gradient is judged.
THROUGH = "where each rounding has the derivative 1"
ROUNDS_NOTE = f"forward rounds to whole numbers: the gradient is judged {THROUGH}"


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
        for rounding in STRAIGHT_THROUGH:
            if rounding not in found:
                found[rounding] = self._proof(second, rounding=rounding)
        each = [found[rounding].inputs.get(index) for rounding in STRAIGHT_THROUGH]
        refuted = [proven for proven in each if proven is not None and proven.wrong.any()]
        if len(refuted) < len(STRAIGHT_THROUGH):
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
