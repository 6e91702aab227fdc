"""What a changed copy of the caller's code must not do: act on anything outside of itself.

A change may send the code into a branch that no input reaches, or give a file another name. So in the copy everything
raises that is no calculation: files, processes, other threads, sleep, input, exits.
"""

import logging
import sys
import threading
import types
from typing import Any, NoReturn

# Modules of the standard library that calculate, or describe.
CALCULATING = frozenset((
    "__future__", "abc", "argparse", "array", "base64", "bisect", "builtins", "cmath", "collections",
    "contextlib", "copy", "copyreg", "dataclasses", "datetime", "decimal", "enum", "fractions", "functools",
    "hashlib", "heapq", "inspect", "itertools", "json", "math", "numbers", "operator", "pprint", "random", "re",
    "statistics", "string", "struct", "textwrap", "time", "types", "typing", "uuid", "warnings", "weakref",
    "zlib",
))  # fmt: skip
# Modules that these are written in.
_COMPILED = frozenset(f"_{name}" for name in CALCULATING)
# Functions that act, of what else only calculates.
ACTING = {
    "builtins": ("open", "input", "breakpoint", "exec", "eval", "exit", "quit", "help"),
    "time": ("sleep",),
}
# Functions and methods of NumPy that read or write files.
OF_FILES = frozenset((
    "save", "savez", "savez_compressed", "savetxt", "load", "loadtxt", "genfromtxt", "fromfile", "tofile",
    "memmap", "open_memmap",
))  # fmt: skip
LOCKS = (type(threading.Lock()), type(threading.RLock()))
# Values of a module that may be read.
_READ = (bool, int, float, complex, str, bytes, type(None), tuple, frozenset)


class Acts(Exception):
    """The copy was about to do something else than to calculate."""


def acts(module: str) -> bool:
    """Whether a module of the standard library does something else than to calculate."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names and top not in CALCULATING | _COMPILED


def refusing(name: str) -> Any:
    """A function in place of one that acts."""

    def refuse(*_: Any, **__: Any) -> NoReturn:
        raise Acts(name)

    return refuse


class Quiet(types.ModuleType):
    """A module whose functions that act refuse to be called; what can only be read is there."""

    def __init__(self, module: types.ModuleType) -> None:
        super().__init__(module.__name__)
        self.__dict__["_module"] = module

    def __getattr__(self, name: str) -> Any:
        value = getattr(self.__dict__["_module"], name)
        if self.__name__ in ACTING and name not in ACTING[self.__name__]:
            return value
        if isinstance(value, types.ModuleType):
            return Quiet(value)
        return value if isinstance(value, _READ) else refusing(f"{self.__name__}.{name}")


class Unlocked:
    """A lock in place of one that other threads may hold, or that a changed copy would leave locked."""

    def acquire(self, *_: Any, **__: Any) -> bool:
        """Nobody else is there."""
        return True

    def release(self) -> None:
        """Nothing was locked."""

    def __enter__(self) -> bool:
        return True

    def __exit__(self, *_: object) -> None:
        pass


class Refused:
    """An object in place of one that acts: whatever is asked of it raises."""

    def __init__(self, name: str) -> None:
        self.__dict__["_name"] = name

    def __getattr__(self, name: str) -> NoReturn:
        raise Acts(f"{self.__dict__['_name']}.{name}")


def silent(logger: logging.Logger) -> logging.Logger:
    """A logger that writes nothing."""
    made = logging.Logger(logger.name, logging.CRITICAL)
    made.disabled = True
    return made
