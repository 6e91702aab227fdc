"""Work on the entries of an input, spread over the workers of an executor.

What is asked of entries that move one by one is asked of each by itself. So they can be cut into pieces, and a piece
can be looked at in another thread, another process or on another machine. The results come back in the order of the
entries, and are those that the caller's own thread would have found, bit for bit. What concerns all entries (the plan,
the contract, the verdicts, what is drawn) stays with the caller.
"""

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import closing
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol, Self, TypeVar

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.caller_warnings import filtered_here, quiet
from scratchcnn.gradcheck.numerical.load import CannotLoad, Load, as_sent
from scratchcnn.gradcheck.raised import in_words

Result = TypeVar("Result")

# In seconds: how long the work on a piece takes, at least.
PIECE_SECONDS = 0.25
# A ratio: how many times longer the work on a piece takes than sending it, at least.
SENDING_FACTOR = 25
# In bytes per second: how fast a piece is sent to another process. It is copied some times on its way.
SENDING_RATE = 2.0**28
# In bytes: what the pieces may hold that wait for a worker. A scheduler keeps all of them.
WAITING_BYTES = 2**28


class Spreadable(Protocol):
    """A forward pass that some workers may move at the same time."""

    workers: "Workers | None"

    def apart(self) -> Self:
        """The same on arrays of its own."""

    def astray(self) -> str:
        """What forward does where this is called, if that is not what it did for the caller; else empty."""


Subject = TypeVar("Subject", bound=Spreadable)


@dataclass
class Tally:
    """How many calls of forward a piece of work took."""

    calls: int = 0


# Counts the calls of a piece of work. None outside of one: there each function counts its own.
tally: ContextVar[Tally | None] = ContextVar("tally", default=None)


@dataclass(frozen=True)
class Workers:
    """Where pieces of work are done.

    Attributes
    ----------
    executor
        Does them.
    seconds
        How long an evaluation of forward takes.
    count
        Is told how many calls of forward were made elsewhere.
    """

    executor: Executor
    seconds: float
    count: Callable[[int], None]

    def pieces(self, entries: int, evaluations: float, sent: int = 0) -> int:
        """How many pieces the work is cut into, so that sending `sent` bytes is a small part of each."""
        total = entries * evaluations * self.seconds
        return min(entries, int(total / max(PIECE_SECONDS, SENDING_FACTOR * sent / SENDING_RATE)))

    def results(self, load: Load, pieces: Iterable[tuple[Array, ...]], most: int) -> Generator[Any, None, None]:
        """What each piece comes to, in their order; `most` of them are with the executor at a time.

        Raises
        ------
        TypeError
            forward cannot be sent to another process.
        RuntimeError
            The workers failed, or forward does something else there.
        """
        waiting: deque[Future[_Done]] = deque()
        try:
            for piece in pieces:
                if len(waiting) == most:
                    yield self._result(waiting.popleft(), load)
                waiting.append(self._submitted(load, piece))
            while waiting:
                yield self._result(waiting.popleft(), load)
        finally:
            for future in waiting:
                future.cancel()

    def _submitted(self, load: Load, piece: tuple[Array, ...]) -> "Future[_Done]":
        try:
            with filtered_here("ignore", UserWarning):  # Dask says that arguments of more than 10 MB are large
                return self.executor.submit(_at_a_worker, load, piece)
        except Exception as error:
            raise self._failure(load, error) from error

    def _result(self, future: "Future[_Done]", load: Load) -> Any:
        try:
            done = future.result()
        except Exception as error:
            raise self._failure(load, error) from error
        if isinstance(done.raised, CannotLoad):
            raise self._failure(load, done.raised) from done.raised
        if done.raised is not None:
            raise done.raised
        if done.astray and not load.opened()[0].apart().astray():
            said = "in a worker forward does something else than in the caller's thread"
            raise RuntimeError(f"{self._name}: {said}: it {done.astray}")
        self.count(done.calls)
        return done.result

    def _failure(self, load: Load, error: Exception) -> Exception:
        """The exception that tells the caller what is wrong with the executor."""
        __tracebackhide__ = True
        if load.failure is not None:
            return TypeError(
                f"{self._name} runs in other processes, and forward cannot be sent there: {load.failure};"
                " a ThreadPoolExecutor sends nothing"
            )
        return RuntimeError(f"{self._name} failed: {in_words(error)}")

    @property
    def _name(self) -> str:
        return f"executor ({type(self.executor).__name__})"


@dataclass(frozen=True)
class _Done:
    """What a worker gives back: its result and how many calls of forward that took, or what was raised.

    `astray` is what forward does there in place of what it did for the caller, at the inputs of the check.
    """

    result: Any = None
    calls: int = 0
    astray: str = ""
    raised: BaseException | None = None


def spread(subject: Subject, work: Callable[..., Result], *columns: Array, evaluations: float) -> list[Result]:
    """What `work(subject, *columns)` returns: for all entries at once, or for one piece after the other.

    The work ends at the first piece for which it returns None.

    Parameters
    ----------
    subject
        The forward pass. A worker has one of its own.
    work
        Looks at some entries, each by itself. It is pickled where the executor has other processes.
    columns
        (entries, ...) what is known of each entry; a piece has some of the rows.
    evaluations
        How many evaluations of forward an entry takes, about.
    """
    __tracebackhide__ = True
    workers, entries = subject.workers, len(columns[0])
    if workers is None or workers.pieces(entries, evaluations) < 2:
        return [work(subject, *columns)]
    load = Load((subject, work))
    sent = 0 if isinstance(workers.executor, ThreadPoolExecutor) else load.size
    pieces = workers.pieces(entries, evaluations, sent)
    if pieces < 2:
        return [work(subject, *columns)]
    cuts = zip(*(np.array_split(column, pieces) for column in columns), strict=True)
    most = max(2 * (os.cpu_count() or 1), WAITING_BYTES // max(sent, 1))
    found: list[Result] = []
    with closing(workers.results(load, cuts, most)) as results:
        for result in results:
            found.append(result)
            if result is None:
                break
    return found


def _at_a_worker(load: Load, piece: tuple[Array, ...]) -> _Done:
    """Does the work on a piece, in a worker. What it raises is for the caller, and no fault of the executor's."""
    counted = Tally()
    token = tally.set(counted)
    try:
        subject, work = load.opened()
        own = subject.apart()
        with quiet():
            astray = own.astray()
            counted.calls = 0  # without an executor nobody asks this
            result = work(own, *piece)
        return _Done(result, counted.calls, astray)
    except KeyboardInterrupt:  # it ends the worker
        raise
    except BaseException as error:
        return _Done(raised=as_sent(error))
    finally:
        tally.reset(token)
