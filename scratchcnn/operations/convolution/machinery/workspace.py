"""Memory to work in, kept by each thread from one call to the next: new memory would take longer to map than to use."""

from math import prod
from threading import local
from typing import Any

import numpy as np

from scratchcnn.operations._validate import Array

KEPT = 16 << 20
"""Bytes that a thread keeps after a call, at most: eight times the largest buffer of a tile."""
LINE = 64
"""Bytes of a cache line, and of the widest vector register."""


class _Kept(local):
    def __init__(self) -> None:
        self.buffers: dict[str, Array] = {}


_kept = _Kept()


class Workspace:
    """The buffers of one thread in one call. Each has a name, and serves one tile after the other."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._buffers = _kept.buffers
        self._grown = False

    def __call__(self, name: str, *shape: int) -> Array:
        """Give the buffer of this name this shape; what it holds is arbitrary."""
        size = prod(shape) * self._dtype.itemsize
        buffer = self._buffers.get(name)
        if buffer is None or buffer.size < size:
            memory = np.empty(size + LINE, np.uint8)
            buffer = self._buffers[name] = memory[-memory.ctypes.data % LINE :]  # begins at a cache line
            self._grown = True
        return np.ndarray(shape, self._dtype, buffer)

    def __enter__(self) -> "Workspace":
        return self

    def __exit__(self, *_: object) -> None:
        """Give back what is too much to keep."""
        much = self._grown and sum(buffer.size for buffer in self._buffers.values()) > KEPT
        _kept.buffers = {} if much else self._buffers


def spoil() -> None:
    """Fill what this thread keeps with NaN, so that a check sees where a call reads what it has not written."""
    for buffer in _kept.buffers.values():
        buffer.fill(0xFF)


def strided(array: Array, shape: tuple[int, ...], steps: tuple[int, ...], offset: int = 0) -> Array:
    """View a contiguous array with strides and offset counted in numbers: `as_strided` in a fifth of its time."""
    size = array.itemsize
    return np.ndarray(shape, array.dtype, array, offset * size, [size * step for step in steps])
