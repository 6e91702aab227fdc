"""What stands for the low precisions of NumPy in a copy of the caller's code that rounds to none of them."""

import types
from typing import Any

import numpy as np

# The floating types with fewer digits than Python's own, and what stands for each.
WIDER: dict[type, type] = {np.float16: np.float64, np.float32: np.float64, np.complex64: np.complex128}
# How code writes their dtypes; "single" and "half" may be words for other things.
WRITTEN = {"float16": "float64", "float32": "float64", "f2": "f8", "f4": "f8", "<f2": "<f8", "<f4": "<f8"}
WRITTEN |= {"complex64": "complex128", "c8": "c16"}


def wider(value: Any) -> Any:
    """What stands for a type, a dtype, its name, a number or an array; anything else stands for itself."""
    if isinstance(value, str):
        return WRITTEN.get(value, value)
    if isinstance(value, type):
        return WIDER.get(value, value)
    if isinstance(value, np.dtype):
        return np.dtype(WIDER.get(value.type, value))
    to = WIDER.get(value.dtype.type) if isinstance(value, np.ndarray | np.generic) else None
    return value if to is None else value.astype(to)


def with_wider_names(code: types.CodeType) -> types.CodeType:
    """The code of a function, with the names of wider dtypes in place of those that it writes."""
    constants = tuple(map(_wider_constant, code.co_consts))
    same = all(one is other for one, other in zip(constants, code.co_consts, strict=True))
    return code if same else code.replace(co_consts=constants)


def _wider_constant(value: Any) -> Any:
    """What stands for a constant of code; the defaults of a function within are a tuple of constants."""
    if isinstance(value, types.CodeType):
        return with_wider_names(value)
    if isinstance(value, tuple | frozenset):
        made = type(value)(map(_wider_constant, value))
        return value if made == value else made
    return wider(value)


class Widened(types.ModuleType):
    """NumPy, or a module of it, with the wider types in place of the low precisions."""

    def __init__(self, real: types.ModuleType) -> None:
        super().__init__(real.__name__, real.__doc__)
        self.__dict__["_real"] = real

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        found = Widened(value) if isinstance(value, types.ModuleType) else wider(value)
        self.__dict__[name] = found
        return found
