"""The small number formats: bfloat16, the float8s and others of the package ml_dtypes."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array

# The eps of bfloat16, and of formats that are coarser. Their steps are too wide for a slope to be seen in a staircase,
# and for two mistakes to be told apart.
COARSE_EPS = 2.0**-7


@dataclass(frozen=True)
class Format:
    """A number format, as a rule of the package ml_dtypes.

    Attributes
    ----------
    dtype
        NumPy's name for it.
    eps
        The distance from 1 to the next larger number.
    smallest, largest
        The smallest positive number, and the largest.
    """

    dtype: np.dtype[Any]
    eps: float
    smallest: float
    largest: float

    def __str__(self) -> str:
        return self.dtype.name

    @property
    def is_small(self) -> bool:
        """Whether it is none of NumPy's own."""
        return self.dtype.type.__module__ == "ml_dtypes"

    @property
    def is_coarse(self) -> bool:
        """Whether it has fewer digits than bfloat16."""
        return self.eps > COARSE_EPS

    def cast(self, array: Array) -> Array:
        """The nearest numbers of the format, of float32 numbers; other dtypes stay."""
        return array.astype(self.dtype) if array.dtype == np.float32 else array

    def rounded(self, array: Array) -> Array:
        """The nearest numbers of the format, in the array's own dtype."""
        with np.errstate(all="ignore"):
            return array.astype(self.dtype).astype(array.dtype)


def format_of(dtype: DTypeLike) -> Format | None:
    """The small format of a dtype; None of every other dtype."""
    dtype = np.dtype(dtype)
    if dtype.type.__module__ != "ml_dtypes":
        return None
    try:
        info = sys.modules["ml_dtypes"].finfo(dtype)
    except ValueError:  # an integer of 4 bits
        return None
    return _described(dtype, info)


def own_format(dtype: DTypeLike) -> Format | None:
    """The format of a dtype that has fewer digits than float64, NumPy's own among them; None of every other dtype."""
    dtype = np.dtype(dtype)
    small = format_of(dtype)
    if small is not None or dtype.kind != "f" or dtype.itemsize >= np.dtype(np.float64).itemsize:
        return small
    return _described(dtype, np.finfo(dtype))


def coarsest(formats: Iterable[Format | None]) -> Format | None:
    """The format with the largest eps; None of none."""
    return max(filter(None, formats), key=lambda each: each.eps, default=None)


def _described(dtype: np.dtype[Any], info: Any) -> Format:
    return Format(dtype, float(info.eps), float(info.smallest_subnormal), float(info.max))


FLOAT64 = _described(np.dtype(np.float64), np.finfo(np.float64))
