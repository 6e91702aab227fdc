"""Blocks: a convolution is done piece by piece, so that its copies fit into the cache, on as many threads as are free.

A piece is some images, or a band of one large image. Memory for copies is that of a piece for each thread, whatever the
batch size. The results do not depend on the number of threads: pieces are cut, and sums added up, in the same way.
"""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from threading import Lock
from typing import Any, TypeVar

Result = TypeVar("Result")

# What the S-fold copy of a piece may take, in bytes: half of it is slower by a few per cent, twice as much leaves the
# second-level cache and may cost fresh pages at every call.
PIECE = 1_400_000
# Below so many multiplications threads cost more than they save.
WORTH_THREADS = 2_000_000


def cut(images: int, rows: int, row_bytes: int, multiple: int = 1) -> tuple[int, int]:
    """Say how many images a piece has, and how many of their rows: all, or some of a single image.

    Parameters
    ----------
    images, rows
        How many there are.
    row_bytes
        What the copy of one row of one image takes.
    multiple
        Of what the number of rows must be a multiple where it is not all.
    """
    together = PIECE // max(1, rows * row_bytes)
    if together:
        return min(together, max(images, 1)), rows
    return 1, max(1, PIECE // row_bytes // multiple) * multiple


def run(work: Callable[..., Result], pieces: Sequence[tuple[Any, ...]], multiplications: int) -> list[Result]:
    """Call `work(*piece)` for each piece, on several threads where BLAS may use several and there is enough to do."""
    if len(pieces) > 1 and multiplications >= WORTH_THREADS:
        threads = _allowed()
        # One call at a time: what limits BLAS to the threads of this pool holds for the whole process.
        if threads > 1 and _ALONE.acquire(blocking=False):
            try:
                with _blas().limit(limits=1):
                    return list(_pool(threads, os.getpid()).map(lambda piece: work(*piece), pieces))
            finally:
                _ALONE.release()
    return [work(*piece) for piece in pieces]


_ALONE = Lock()


def _allowed() -> int:
    """As many threads as the user allows BLAS (OMP_NUM_THREADS, threadpoolctl, ...)."""
    return max((library.num_threads for library in _blas().lib_controllers), default=1)


@cache
def _blas() -> Any:
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController().select(user_api="blas")


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """The threads of this process (a fork has none of its parent's)."""
    return ThreadPoolExecutor(threads, thread_name_prefix="scratchcnn")
