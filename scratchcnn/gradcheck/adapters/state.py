"""What is around a call: the seed of what is drawn, and data that another call of forward had."""

import pickle
import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from threading import RLock
from types import FunctionType, MethodType
from typing import Any, TypeVar

import numpy as np

T = TypeVar("T")

# Held while forward of a layer, a function of torch, or one that draws from a shared generator runs. The threads of an
# executor share the layer, and each replaces its parameters; what is set of torch, and what seeds a shared generator,
# belongs to all threads.
RUNNING = RLock()
# Whose functions are not looked into for generators of the caller's, and how many functions and classes are.
LIBRARIES, MOST_LOOKED_AT = ("numpy", "scipy", "builtins", "scratchcnn"), 1000


class Generators:
    """Makes functions draw the same at each call: from `random`, `numpy.random`, and generators that they refer to.

    The first call shows whether they draw at all. What they draw from belongs to the caller, or to the whole process:
    it is left alone where they do not, and put back after each call where they do.

    Parameters
    ----------
    seed
        Of `random` and `numpy.random`; generators of the caller's start as they were before the first call. None: the
        functions draw as they would.
    functions
        The functions that may draw.
    """

    def __init__(self, seed: int | None, functions: Iterable[Any] = ()) -> None:
        self._seed = seed
        self._own = _generators_of(functions) if seed is not None else []
        self._before: list[bytes] = []
        self._draws: bool | None = None

    def run(self, call: Callable[[], T]) -> T:
        """What the call returns."""
        if self._seed is None or self._draws is False:
            return call()
        with RUNNING:
            if self._draws is None:
                found, self._draws, self._before = self._tried(call)
                if not self._draws:
                    return found
            with seeded(self._seed), self._started():
                return call()

    def _tried(self, call: Callable[[], T]) -> tuple[T, bool, list[bytes]]:
        """What the call returns, whether it draws, and the states of the caller's generators before it."""
        shared, own = _shared_state(), list(map(state_of, self._own))
        try:
            found = call()
            return found, (shared, own) != (_shared_state(), list(map(state_of, self._own))), own
        finally:
            if (shared, own) != (_shared_state(), list(map(state_of, self._own))):
                _put_back(shared)
                _put(self._own, own)

    @contextmanager
    def _started(self) -> Iterator[None]:
        """The caller's generators are as they were before the first call, and afterwards as they are now."""
        now = list(map(state_of, self._own))
        _put(self._own, self._before)
        try:
            yield
        finally:
            _put(self._own, now)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Seeds what Python and NumPy draw globally, and puts both back as they were."""
    with RUNNING:
        before = _shared_state()
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 - the caller's functions draw from it
        try:
            yield
        finally:
            _put_back(before)


def _shared_state() -> bytes:
    return pickle.dumps((random.getstate(), np.random.get_state()))  # noqa: NPY002


def _put_back(state: bytes) -> None:
    of_python, of_numpy = pickle.loads(state)
    random.setstate(of_python)
    np.random.set_state(of_numpy)  # noqa: NPY002


def state_of(generator: Any) -> bytes:
    """The state of one of NumPy's generators."""
    bits = getattr(generator, "bit_generator", None)
    return pickle.dumps(generator.get_state(legacy=False) if bits is None else bits.state)


def put_state(generator: Any, state: bytes) -> None:
    """Makes a generator draw again what it drew from a state."""
    if hasattr(generator, "bit_generator"):
        generator.bit_generator.state = pickle.loads(state)
    else:
        generator.set_state(pickle.loads(state))


def _put(generators: Sequence[Any], states: Sequence[bytes]) -> None:
    for generator, state in zip(generators, states, strict=True):
        put_state(generator, state)


def _generators_of(functions: Iterable[Any]) -> list[Any]:
    """NumPy's generators that some functions, and those that they call, refer to by whatever name."""
    left, seen, found = list(functions), dict[int, Any](), []
    while left and len(seen) < MOST_LOOKED_AT:
        value = left.pop()
        if id(value) in seen:
            continue
        seen[id(value)] = value
        if isinstance(value, np.random.Generator | np.random.RandomState):
            found.append(value)
        left += _referred(value)
    return found


def _referred(value: Any) -> list[Any]:
    """What a function refers to: its variables, defaults and bound arguments; of a class what it is made of."""
    if isinstance(value, partial):
        return [value.func, *value.args, *value.keywords.values()]
    if isinstance(value, MethodType | staticmethod | classmethod):
        return [value.__func__]
    if isinstance(value, type):
        return [] if value.__module__.split(".")[0] in LIBRARIES else list(vars(value).values())
    if not isinstance(value, FunctionType) or value.__module__.split(".")[0] in LIBRARIES:
        return []
    named = [value.__globals__[name] for name in value.__code__.co_names if name in value.__globals__]
    return [*_enclosed(value), *named, *(value.__defaults__ or ()), *(value.__kwdefaults__ or {}).values()]


def _enclosed(function: FunctionType) -> Iterator[Any]:
    """The variables around a function that it refers to."""
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # not assigned yet
            yield cell.cell_contents


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
