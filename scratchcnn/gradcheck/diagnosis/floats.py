"""A copy of the caller's code that runs on floats: it may be changed where the code itself may not."""

import builtins
import copy
import types
from typing import Any

import numpy as np

from scratchcnn.gradcheck.proof.world.standins import DRAWING
from scratchcnn.gradcheck.proof.world.world import NUMERIC, World


class Floats(World):
    """A copy of the caller's code, in which NumPy is itself and numbers are floats."""

    def __init__(self) -> None:
        super().__init__()
        self._builtins = dict(vars(builtins)) | {"__import__": self._import}

    def _of(self, value: Any) -> Any:
        module = value.__name__ if isinstance(value, types.ModuleType) else type(value).__module__
        if module.partition(".")[0] in NUMERIC and not isinstance(value, (np.ndarray, *DRAWING)):
            return value
        if isinstance(value, types.BuiltinFunctionType) and isinstance(value.__self__, types.ModuleType | None):
            return value
        if isinstance(value, type | types.FunctionType) and not self.is_callers(value.__module__ or ""):
            return value
        return super()._of(value)

    def _generator(self, generator: Any) -> Any:
        return self._remember(generator, copy.deepcopy(generator))

    def _array(self, array: np.ndarray) -> Any:
        return self._remember(array, array.copy())
