"""What is around a call: the seed of what is drawn, and data that another call of forward had."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from threading import RLock
from typing import Any

import numpy as np

# Held while forward of a layer, or a function of torch, runs. The threads of an executor share the layer, and each
# replaces its parameters; and what is set of torch belongs to all threads.
RUNNING = RLock()


@contextmanager
def seeded(seed: int | None) -> Iterator[None]:
    """Seeds what Python and NumPy draw globally, and puts both back as they were; None leaves them alone."""
    if seed is None:
        yield
        return
    before = random.getstate(), np.random.get_state()  # noqa: NPY002 - the caller's layers draw from it
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(before[0])
        np.random.set_state(before[1])  # noqa: NPY002


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
