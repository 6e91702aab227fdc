"""What is around a call: the seed of what is drawn, and data that another call of forward had."""

import random
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

# Held while forward of a layer, a function of torch, or one that draws from a shared generator runs. The threads of an
# executor share the layer, and each replaces its parameters; what is set of torch, and what seeds a shared generator,
# belongs to all threads.
RUNNING = RLock()


class SharedGenerators:
    """Makes a function draw the same from the generators of `random` and `numpy.random` at each call.

    The first call shows whether it draws from them at all. They belong to the whole process, so they are left alone
    where it does not.

    Parameters
    ----------
    seed
        What they are seeded with before a call; they are put back after it. None: the function draws as it would.
    """

    def __init__(self, seed: int | None) -> None:
        self._seed = seed
        self._draws: bool | None = None

    def run(self, call: Callable[[], T]) -> T:
        """What the call returns."""
        if self._seed is None or self._draws is False:
            return call()
        if self._draws is None:
            before = random.getstate(), np.random.get_state()  # noqa: NPY002 - the caller's functions draw from it
            found = call()
            self._draws = not _same(before, (random.getstate(), np.random.get_state()))  # noqa: NPY002
            if not self._draws:
                return found
            _put_back(before)
        with seeded(self._seed):
            return call()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds what Python and NumPy draw globally, and puts both back as they were."""
    with RUNNING:
        before = random.getstate(), np.random.get_state()  # noqa: NPY002
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002
        try:
            yield
        finally:
            _put_back(before)


def _same(one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Whether both generators are as they were."""
    numbers = zip(one[1], other[1], strict=True)
    return bool(one[0] == other[0]) and all(np.array_equal(a, b) for a, b in numbers)


def _put_back(state: tuple[Any, Any]) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])  # noqa: NPY002


class LastForward:
    """The inputs of the last call of forward.

    An adapter runs forward before each backward, and so hides what the check looks for: that backward remembers
    something of other data. Therefore, where the last forward was on other data, it is run on these again, for another
    layer, between forward and backward here. What layers share by mistake (a cache at class level, in a global, a
    buffer that is handed out twice) then gives another gradient, and the check says that it is stale.
    """

    def __init__(self) -> None:
        self._inputs: list[Any] | None = None

    def remember(self, inputs: Sequence[Any]) -> None:
        """Keeps copies: the check moves entries in place."""
        self._inputs = [a.copy() for a in inputs] if are_plain(inputs) else None

    def other_than(self, inputs: Sequence[Any]) -> list[Any] | None:
        """The inputs of the last forward where they are not these."""
        last = self._inputs
        if last is None or not are_plain(inputs):
            return None
        same = len(last) == len(inputs) and all(np.array_equal(a, b) for a, b in zip(last, inputs, strict=True))
        return None if same else last


def are_plain(arrays: Sequence[Any]) -> bool:
    """Whether all are arrays of numbers as NumPy has them."""
    return all(isinstance(a, np.ndarray) and a.dtype.kind in "fiubc" for a in arrays)
