"""The options of a check, validated: a message names the option, what came and what was expected."""

import math
import threading
from concurrent.futures import Executor
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from scratchcnn.gradcheck.case import as_integer, holds_several
from scratchcnn.gradcheck.contract import VIOLATION_KINDS


@dataclass(frozen=True)
class Options:
    """The options of `check_gradient`: all arguments but the functions, their inputs and the choice of these."""

    degree: int | None
    factor: int
    seed: int
    max_entries: int | str | None
    allow: tuple[str, ...]
    seconds: float
    name: str
    proof: bool
    diagnosis: bool
    laws: bool
    digits: float | None
    batch: tuple[int | str, ...]
    executor: Executor | None


def validated(
    *,
    seed: Any,
    seconds: Any,
    degree: Any = None,
    factor: Any = 1,
    max_entries: Any = None,
    allow: Any = (),
    name: Any = None,
    proof: Any = True,
    diagnosis: Any = True,
    laws: Any = False,
    digits: Any = None,
    batch: Any = (),
    executor: Any = None,
) -> Options:
    """The options in one form: integers of NumPy become Python's, a single kind to allow becomes a tuple.

    Raises
    ------
    TypeError, ValueError
        An option has the wrong type, or is out of its range.
    """
    __tracebackhide__ = True
    if degree is not None:
        degree = _integer("degree", degree, "1, 2 or None", 1, 2)
    if max_entries is not None and not (isinstance(max_entries, str) and max_entries == "affordable"):
        max_entries = _integer("max_entries", max_entries, "a positive integer, or None for all entries", 1)
    if name is not None and not isinstance(name, str):
        raise TypeError(f"name must be a string, got {name!r}")
    if name is not None and not name.isprintable():
        raise ValueError(f"name must be printable, got {name!r}")
    return Options(
        degree=degree,
        factor=_integer("factor", factor, "a positive integer", 1),
        seed=_integer("seed", seed, "an integer that is not negative", 0),
        max_entries=max_entries,
        allow=_kinds(allow),
        seconds=_positive("seconds", seconds, "a positive number", "; max_entries=None checks all entries"),
        name=name or "",
        proof=_truth("proof", proof),
        diagnosis=_truth("diagnosis", diagnosis),
        laws=_truth("laws", laws),
        digits=None if digits is None else _positive("digits", digits, "a positive number, or None"),
        batch=_some(batch),
        executor=_executor(executor),
    )


def _integer(name: str, value: Any, expected: str, least: int, most: float = math.inf) -> int:
    __tracebackhide__ = True
    number = as_integer(value)
    if number is None:
        raise TypeError(f"{name} must be {expected}, got {value!r}")
    if not least <= number <= most:
        raise ValueError(f"{name} must be {expected}, got {number}")
    return number


def _truth(name: str, value: Any) -> bool:
    __tracebackhide__ = True
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {value!r}")
    return bool(value)


def _some(batch: Any) -> tuple[int | str, ...]:
    __tracebackhide__ = True
    if batch is None:
        return ()
    return tuple(batch) if holds_several(batch) else (batch,)


def _executor(executor: Any) -> Executor | None:
    __tracebackhide__ = True
    if executor is None:
        return None
    if not isinstance(executor, Executor):
        expected = "an Executor of concurrent.futures, as ThreadPoolExecutor(2), or None"
        raise TypeError(f"executor must be {expected}; got {executor!r}")
    try:
        executor.submit(int).cancel()
    except Exception as error:
        got = f"a {type(executor).__name__} that refuses it: {error}"
        raise ValueError(f"executor must take work, got {got}") from error
    # Only now are all threads in the list: one begins to work before it is added.
    if threading.current_thread() in getattr(executor, "_threads", ()):
        raise ValueError("executor must be another than the one that runs this: its workers would wait for themselves")
    return executor


def _positive(name: str, value: Any, expected: str, advice: str = "") -> float:
    __tracebackhide__ = True
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name} must be {expected}, got {value!r}")
    try:
        number = float(value)
    except OverflowError:  # an integer or a fraction
        number = math.inf
    if not 0 < number < math.inf:
        raise ValueError(f"{name} must be {expected}, got {number}{advice}")
    return number


def _kinds(allow: Any) -> tuple[str, ...]:
    __tracebackhide__ = True
    kinds = tuple(allow) if holds_several(allow) else (allow,)
    strange = [kind for kind in kinds if not isinstance(kind, str)]
    if strange:
        raise TypeError(f"allow takes kinds of violations, as in allow=('dtype',); got {strange[0]!r}")
    unknown = [kind for kind in kinds if kind not in VIOLATION_KINDS]
    if unknown:
        raise ValueError(f"allow takes kinds out of {', '.join(VIOLATION_KINDS)}; got {', '.join(map(repr, unknown))}")
    return kinds
