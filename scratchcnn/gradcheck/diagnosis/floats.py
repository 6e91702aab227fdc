"""A copy of the caller's code that runs on floats: it may be changed where the code itself may not.

It calculates and does nothing else: see `acting`.
"""

import builtins
import copy
import logging
import types
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.acting import (
    ACTING,
    LOCKS,
    OF_FILES,
    Acts,
    Quiet,
    Refused,
    Unlocked,
    acts,
    refusing,
    silent,
)
from scratchcnn.gradcheck.diagnosis.widths import Widened, wider, with_wider_names
from scratchcnn.gradcheck.proof.world.standins import DRAWING
from scratchcnn.gradcheck.proof.world.world import HARNESS, NUMERIC, World


class Floats(World):
    """A copy of the caller's code, in which NumPy is itself and numbers are floats.

    Parameters
    ----------
    wide
        Whether it computes in float64 where the code itself rounds to fewer digits.
    """

    def __init__(self, *, wide: bool = False) -> None:
        super().__init__()
        self.wide = wide
        self._builtins = dict(vars(builtins)) | {"__import__": self._import, "print": lambda *_, **__: None}
        self._builtins |= {name: refusing(name) for name in ACTING["builtins"] if name in self._builtins}
        self._builtins |= dict.fromkeys(("SystemExit", "KeyboardInterrupt"), Acts)

    def _of(self, value: Any) -> Any:
        if self.wide and not isinstance(value, np.ndarray):
            value = wider(value)
        if id(value) in self._memo:
            return self._memo[id(value)]
        if isinstance(value, logging.Logger):
            return self._remember(value, silent(value))
        if isinstance(value, types.ModuleType) and (acts(value.__name__) or value.__name__ in ACTING):
            return self._remember(value, Quiet(value))
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType) and self._acts(value):
            return self._remember(value, refusing(value.__name__))
        module = value.__name__ if isinstance(value, types.ModuleType) else type(value).__module__
        if isinstance(value, LOCKS):
            return self._remember(value, Unlocked())
        if acts(module):
            return self._remember(value, Refused(type(value).__name__))
        if self.wide and isinstance(value, types.ModuleType) and module.partition(".")[0] == "numpy":
            return self._remember(value, Widened(value))
        if module.partition(".")[0] in NUMERIC and not isinstance(value, (np.ndarray, *DRAWING)):
            return value
        if isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, types.ModuleType | None):
            return value
        if isinstance(value, type | types.FunctionType) and not self.is_callers(value.__module__ or ""):
            return value
        return super()._of(value)

    @staticmethod
    def is_harness(names: dict[str, Any]) -> bool:
        """Whether the globals of a function are those of a module of the harness."""
        return f"{names.get('__name__', '')}.".startswith(f"{HARNESS}.")

    @staticmethod
    def _acts(value: type | types.FunctionType | types.BuiltinFunctionType) -> bool:
        """Whether a function or class does something else than to calculate."""
        module = value.__module__ or ""
        return acts(module) or value.__name__ in ACTING.get(module, ())

    def _made(self, function: types.FunctionType, names: dict[str, Any]) -> Any:
        if OF_FILES.intersection(function.__code__.co_names):
            raise Acts(function.__qualname__)
        made = super()._made(function, names)
        if self.wide:
            made.__code__ = with_wider_names(made.__code__)
        return made

    def _generator(self, generator: Any) -> Any:
        return self._remember(generator, copy.deepcopy(generator))

    def _array(self, array: np.ndarray) -> Any:
        return self._remember(array, wider(array).copy() if self.wide else array.copy())
