"""What a run on balls meets on its way, and what it makes of numbers that are rounded to whole ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from flint import arb

from scratchcnn.gradcheck.proof.outcome import Rounding


class Recorder:
    """How often a run met a kink, a tie or a jump with a slope that crosses it.

    With a `side` of 1 or -1, ties are decided as they are a little way along the slopes, or against them. The slopes of
    a continuous function are then its one-sided derivatives. `rounded` counts the moving numbers that were rounded to
    whole ones, and `rounding` says what these become.
    """

    def __init__(self, side: int = 0, rounding: Rounding = Rounding.CONSTANT) -> None:
        self.met = self.rounded = 0
        self.side, self.rounding = side, rounding


recorder: ContextVar[Recorder | None] = ContextVar("recorder", default=None)


@contextmanager
def recording(side: int = 0, rounding: Rounding = Rounding.CONSTANT) -> Iterator[Recorder]:
    """A block in which the ties and kinks that this thread meets are counted."""
    mine = Recorder(side, rounding)
    token = recorder.set(mine)
    try:
        yield mine
    finally:
        recorder.reset(token)


def met(a: arb | None, b: arb | None) -> int:
    """Marks the run, unless the slopes `a` and `b` of two equal numbers are surely the same.

    Returns
    -------
    If the run has a side, which number is the larger there: 1 for the first, -1 for the second. Otherwise 0.
    """
    if a is b:
        return 0
    apart = (arb(0) if a is None else a) - (arb(0) if b is None else b)
    here = recorder.get()
    if here is None or apart.is_zero():
        return 0
    here.met += 1
    return here.side if apart > 0 else -here.side if apart < 0 else 0


def rounded(slope: arb | None) -> None:
    """Marks the run: a number with this slope was rounded, and is constant up to the next step."""
    here = recorder.get()
    if here is not None and slope is not None and not slope.is_zero():
        here.rounded += 1


def rounding() -> Rounding:
    """What moving numbers become that this thread rounds."""
    here = recorder.get()
    return Rounding.CONSTANT if here is None else here.rounding
