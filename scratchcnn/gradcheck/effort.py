"""What a check may cost: the time of the caller's functions is measured, and the rest is planned from it."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.caller_warnings import undisturbed
from scratchcnn.gradcheck.numerical.ladder import CLIMB_EVALUATIONS
from scratchcnn.gradcheck.numerical.noise import STRIDES
from scratchcnn.gradcheck.numerical.spreading import tally
from scratchcnn.gradcheck.tracing import traced

Made = TypeVar("Made")

# In seconds: how long the check of an input may take, by default.
SECONDS_PER_INPUT = 1.0
# In seconds: what the harness itself takes for an evaluation of forward.
CALL_SECONDS = 1e-5
# In seconds: what it takes besides for each number of the output.
CALL_SECONDS_PER_OUTPUT = 1e-9
# In seconds: what the harness itself takes for a climb.
CLIMB_SECONDS = 5e-3
# In seconds: what it takes besides for each number of the output.
CLIMB_SECONDS_PER_OUTPUT = 5e-6
# How many evaluations of forward the differences of an entry take, usually.
DIFFERENCE_EVALUATIONS = 14
# How many the noise at all strides takes.
NOISE_EVALUATIONS = 40
# A ratio: how much slower a higher precision may be, where the caller says how many entries to look at.
WIDER_SLOWDOWN = 4.0
# As a share of an input's time: what differences may take.
DIFFERENCES_SHARE = 0.5
# As a share of an input's time: what climbs may take, where they are needed.
CLIMBS_SHARE = 1.0
# As a share of an input's time: what repeated calls of backward may take.
REPEATS_SHARE = 0.1
# In seconds: how long a call may take more than usual where the machine does something else in between.
INTERRUPTION = 0.1
# How often backward is called on the same arguments at most. A fault at every seventh call is real.
MOST_REPEATS = 10
# How many evaluations are enough to look at single entries. With fewer, one direction is all that is affordable.
FEW_EVALUATIONS = 60
# How many directions are looked at otherwise.
USUAL_DIRECTIONS = 2
# In units: the strides at which the noise is measured where time is short, and at a second point.
FEW_STRIDES = STRIDES[1::2]


class Timed(partial[Any]):
    """A function of the caller's that measures its calls. `called`, if set, is told how many there were, after each."""

    calls, first, quickest = 0, 0.0, math.inf
    called: Callable[[int], None] | None = None

    def __call__(self, /, *arguments: Any) -> Any:
        """Calls the function and measures the time; in a piece of work that is spread, the call is counted alone."""
        __tracebackhide__ = True
        elsewhere = tally.get()
        if elsewhere is not None:
            result = undisturbed(super().__call__, *arguments)
            elsewhere.calls += 1
            return result
        function = super().__call__ if self.calls else partial(traced, super().__call__)
        start = time.perf_counter()
        result = undisturbed(function, *arguments)
        elapsed = time.perf_counter() - start
        if self.calls:
            self.quickest = min(self.quickest, elapsed)
        else:
            self.first = elapsed
        self.count(1)
        return result

    def count(self, calls: int) -> None:
        """Counts calls; also those that other threads and processes have made."""
        self.calls += calls
        if self.called is not None:
            self.called(calls)

    def __reduce__(self) -> Any:
        """In another process it is a function of which nothing is measured yet."""
        return partial(type(self), self.func, *self.args, **self.keywords), ()

    @property
    def seconds(self) -> float:
        """The time of the quickest call but the first, which may have loaded or compiled something.

        A busy machine makes some calls longer, and none shorter: a mean would make the report depend on it.
        """
        return self.quickest if self.calls > 1 else self.first


@dataclass(frozen=True)
class Effort:
    """How much is looked at, for each input.

    Attributes
    ----------
    entries
        How many entries are looked at one by one; None for all.
    climbs
        How many of them are looked at over all scales; None for all.
    directions
        How many directions through all entries are tried, where not every entry is looked at.
    strides
        In units: the strides at which the noise of forward is measured.
    longest
        In seconds: how long a call of forward in a higher precision may take. Products of matrices are slow there.
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
        How long it may take.
    forward
        How long a call of forward takes, in seconds.
    numbers
        How many numbers forward returns.
    max_entries
        How many entries are looked at, as the caller says: a number, None for all, or "affordable".
    """
    evaluation = forward + CALL_SECONDS + CALL_SECONDS_PER_OUTPUT * numbers
    evaluations = int(seconds / evaluation)
    climb = CLIMB_EVALUATIONS * evaluation + CLIMB_SECONDS + CLIMB_SECONDS_PER_OUTPUT * numbers
    climbs = int(CLIMBS_SHARE * seconds / climb)
    strides = STRIDES if evaluations >= 10 * NOISE_EVALUATIONS else FEW_STRIDES
    directions = USUAL_DIRECTIONS if evaluations >= FEW_EVALUATIONS else 1
    if max_entries != "affordable":
        longest = max(seconds / CLIMB_EVALUATIONS, WIDER_SLOWDOWN * forward)
        return Effort(None if max_entries is None else int(max_entries), None, directions, strides, longest)
    entries = int(DIFFERENCES_SHARE * evaluations / DIFFERENCE_EVALUATIONS) if evaluations >= FEW_EVALUATIONS else 0
    return Effort(entries, climbs if entries else 0, directions, strides, seconds / CLIMB_EVALUATIONS)


def in_time(seconds: float, made: Callable[[], Made]) -> Made | None:
    """What `made` returns; None where that takes longer than it may.

    It is called once more if the machine may have been busy with something else the first time.
    """
    for _ in range(2):
        start = time.perf_counter()
        result = made()
        elapsed = time.perf_counter() - start
        if elapsed <= seconds:
            return result
        if elapsed > seconds + INTERRUPTION:
            break
    return None


def repeats(seconds: float, backward: float) -> int:
    """How often backward, a call of which takes `backward` seconds, is called on the same arguments."""
    return int(np.clip(REPEATS_SHARE * seconds / max(backward, CALL_SECONDS), 2, MOST_REPEATS))
