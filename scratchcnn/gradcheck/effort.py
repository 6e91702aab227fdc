"""What a check may cost: the time of the caller's functions is measured, and everything else planned from it."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.caller_warnings import undisturbed
from scratchcnn.gradcheck.numerical.noise import STRIDES

SECONDS_PER_INPUT = 1.0
# What the harness itself takes for an evaluation of forward, and for a climb; and for each number of its output.
CALL_SECONDS, CLIMB_SECONDS = 1e-5, 5e-3
CALL_SECONDS_PER_OUTPUT, CLIMB_SECONDS_PER_OUTPUT = 1e-9, 5e-6
# Evaluations: of an entry by differences, of an entry over all scales, and of the noise at all strides.
DIFFERENCE_EVALUATIONS, CLIMB_EVALUATIONS, NOISE_EVALUATIONS = 14, 100, 40
# How much slower a higher precision may be, where all entries are to be looked at.
WIDER_SLOWDOWN = 4.0
# The share of an input's time that differences may take, that looks over all scales may take where they are needed,
# and that repeats of backward may.
DIFFERENCES_SHARE, CLIMBS_SHARE, REPEATS_SHARE = 0.5, 1.0, 0.1
# Backward is called so often on the same arguments, where it is cheap: a fault at every seventh call is real.
MOST_REPEATS = 10
# So many evaluations are enough to look at single entries; with fewer, only one direction is affordable, else two.
FEW_EVALUATIONS, USUAL_DIRECTIONS = 60, 2
# Where time is short, and at a second point, the noise is measured at fewer strides.
FEW_STRIDES = STRIDES[1::2]


class Timed(partial[Any]):
    """A function of the caller's that knows how long its calls take; `called` is told of each."""

    calls, total, first = 0, 0.0, 0.0
    called: Callable[[], None] | None = None

    def __call__(self, /, *arguments: Any) -> Any:
        """Calls the function and keeps the time."""
        __tracebackhide__ = True
        start = time.perf_counter()
        result = undisturbed(super().__call__, *arguments)
        self.calls, self.total = self.calls + 1, self.total + time.perf_counter() - start
        if self.calls == 1:
            self.first = self.total
        if self.called is not None:
            self.called()
        return result

    @property
    def seconds(self) -> float:
        """What a call takes on average, less the first, which may have loaded or compiled something."""
        return (self.total - self.first) / (self.calls - 1) if self.calls > 1 else self.total


@dataclass(frozen=True)
class Effort:
    """How much each input gets.

    `entries` are looked at one by one, `climbs` of them over all scales; None where all are. `directions` through all
    entries are tried where not each is moved by itself. `strides` are those at which the noise of forward is measured.
    A call of forward in a higher precision may take `longest` seconds: products of matrices are slow there.
    """

    entries: int | None
    climbs: int | None
    directions: int
    strides: Array
    longest: float


def plan(seconds: float, forward: float, numbers: int, max_entries: int | str | None) -> Effort:
    """The effort for an input.

    Parameters
    ----------
    seconds
        What may be spent on it.
    forward
        The seconds of a call of forward.
    numbers
        How many it returns.
    max_entries
        How many entries the caller wants to be looked at: a number, None for all, or "affordable".
    """
    evaluation = forward + CALL_SECONDS + CALL_SECONDS_PER_OUTPUT * numbers
    evaluations = int(seconds / evaluation)
    climbs = int(
        CLIMBS_SHARE * seconds / (CLIMB_EVALUATIONS * evaluation + CLIMB_SECONDS + CLIMB_SECONDS_PER_OUTPUT * numbers)
    )
    strides = STRIDES if evaluations >= 10 * NOISE_EVALUATIONS else FEW_STRIDES
    directions = USUAL_DIRECTIONS if evaluations >= FEW_EVALUATIONS else 1
    if max_entries != "affordable":
        longest = max(seconds / CLIMB_EVALUATIONS, WIDER_SLOWDOWN * forward)
        return Effort(None if max_entries is None else int(max_entries), None, directions, strides, longest)
    entries = int(DIFFERENCES_SHARE * evaluations / DIFFERENCE_EVALUATIONS) if evaluations >= FEW_EVALUATIONS else 0
    return Effort(entries, climbs if entries else 0, directions, strides, seconds / CLIMB_EVALUATIONS)


def repeats(seconds: float, backward: float) -> int:
    """How often backward, which takes so many seconds, is called on the same arguments."""
    return int(np.clip(REPEATS_SHARE * seconds / max(backward, CALL_SECONDS), 2, MOST_REPEATS))
