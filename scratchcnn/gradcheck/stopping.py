"""How exact a gradient can be where forward iterates until a tolerance."""

from collections.abc import Sequence
from functools import cached_property

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.directional_check import DirectionalCheck, DirectionalResult
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.numerical.probe import Joined, Line
from scratchcnn.gradcheck.numerical.stops import REACHES, blur
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.rounds import are_as_many_rounds
from scratchcnn.gradcheck.verdict import VOUCHING_SHARE, Verdict, trifle

# As a share of the gradient: what an iteration leaves out is smaller.
NEARLY_RIGHT_SHARE = 2.0**-5
# How many directions are looked along, if there is time.
DIRECTIONS = 2
# How many calls of forward a look along one takes, about; and how many seconds those along all may take.
CALLS, LONGEST_SECONDS = 2000, 20.0
# Of the directions.
SEED = 0x570B
# Why an entry is undecided.
REASON = "stops"
# How the entries were decided that are right within the tolerance.
WITHIN = "to the tolerance at which forward stops"


class Stopping:
    """What the derivatives of a case leave open because forward stops at a tolerance.

    All inputs are moved at once, since the slowest sample of a batch may decide when all stop.
    """

    def __init__(self, case: Case, *, fresh: bool) -> None:
        self.case, self.fresh = case, fresh
        self.indices = [k for k in case.wrt if case.inputs[k].size]
        self._known: dict[bytes, dict[int, Array]] = {}
        self._excused: set[int] = set()  # the inputs

    def tolerance(self, index: int, point: Point) -> Array:
        """(entries,) how far the derivative by each entry of an input may differ from that of the limit."""
        key = b"".join(np.ascontiguousarray(a).tobytes() for a in (*point.inputs, point.cotangent))
        if key not in self._known:
            self._known[key] = self._tolerances(point.inputs, point.cotangent)
        return self._known[key].get(index, np.zeros(self.case.inputs[index].size))

    def _tolerances(self, inputs: Sequence[Array], cotangent: Array) -> dict[int, Array]:
        """The same for each input, by its index; empty where there is no look."""
        probe = self._probe(inputs)
        if probe is None:
            return {}
        weights = cotangent.astype(np.float64).reshape(-1)
        found = max(blur(line, weights, bends=self.is_seen) for line in self._lines(probe)) / probe.unit
        return {index: found[part] for index, part in zip(self.indices, probe.parts, strict=True)}

    @property
    def _directions(self) -> int:
        """How many directions there is time to look along."""
        seconds = CALLS * self.case.forward.seconds
        return sum(n * seconds <= LONGEST_SECONDS for n in range(1, DIRECTIONS + 1))

    def _probe(self, inputs: Sequence[Array]) -> Joined | None:
        """Forward as a function of all inputs; None where there is no time, or forward refuses float64."""
        if not self._directions:
            return None
        try:
            return Joined(self.case.forward, inputs, self.indices, fresh=self.fresh)
        except Exception:
            return None

    def _lines(self, probe: Joined) -> list[Line]:
        """Along which all inputs are moved by their units, with random signs."""
        rng = np.random.default_rng(SEED)
        moves = [rng.choice([-1.0, 1.0], probe.base.size) * probe.unit for _ in range(self._directions)]
        return [Line(probe, slice(None), move) for move in moves]

    @cached_property
    def is_seen(self) -> bool:
        """Whether forward is seen to take another number of rounds where the inputs are moved."""
        probe = self._probe(self.case.inputs)
        if probe is None:
            return False
        y, places = np.empty(probe.outputs), np.concatenate([[0.0], REACHES, -REACHES])
        return not are_as_many_rounds(Line.move, [(line, h, y) for line in self._lines(probe) for h in places])

    def leaves_open(self, index: int) -> bool:
        """Whether a difference by an input was excused where rounds are seen: there no proof accuses it, either."""
        return index in self._excused and self.is_seen

    def judge_entries(self, index: int, point: Point, findings: Findings, *, proven: bool) -> None:
        """Takes back what entries are accused of that an iteration may have left out.

        Parameters
        ----------
        index, point
            Which input, and where.
        findings
            They are changed.
        proven
            Whether the accusation is proved. Then it stands, unless an iteration is seen: the jumps of a threshold
            blur nothing.
        """
        distance, largest = np.abs(findings.analytic - findings.value), np.abs(findings.value).max(initial=0)
        if not findings.wrong.any() or distance[findings.wrong].max() > NEARLY_RIGHT_SHARE * largest:
            return
        if proven and not self.is_seen:
            return
        slack, little = self.tolerance(index, point)[findings.entries], self._trifle(findings.value)
        slack = np.where(distance <= findings.bound + little, little, slack)
        bound = findings.bound + slack
        excused = findings.wrong & (distance <= bound)
        findings.right[excused] = (np.maximum(findings.bound, slack) <= VOUCHING_SHARE * largest)[excused]
        findings.wrong[excused], findings.reason[excused] = False, REASON
        findings.bound[excused] = bound[excused]
        if excused.any():
            findings.method = f"{findings.method}, {WITHIN}"
            self._excused.add(index)

    def judge_direction(self, told: DirectionalResult, direction: DirectionalCheck) -> DirectionalResult:
        """What a direction tells, where an iteration may have left out what it shows."""
        distance = abs(told.analytic - told.value)
        if told.verdict is not Verdict.WRONG or distance > NEARLY_RIGHT_SHARE * direction.total:
            return told
        tolerance = self.tolerance(direction.index, direction.point) * np.abs(direction.direction)
        little = self._trifle(np.array([direction.total]))
        allowed = direction.within(told, float(max(tolerance.max(), little.max())))
        if allowed is not told:
            self._excused.add(direction.index)
        return allowed

    def _trifle(self, value: Array) -> Array:
        """How far a gradient may be off in any case where forward iterates: its last round need not show as a jump."""
        return trifle(value) if self.is_seen else np.zeros_like(value)
