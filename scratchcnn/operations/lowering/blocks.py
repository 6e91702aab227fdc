"""Blocks: a convolution is done piece by piece, so that its copies fit into the cache, on as many threads as are free.

A piece is some images, or a band of one large image. Memory for copies is that of a piece for each thread, whatever the
batch size. The results do not depend on the number of threads: pieces are cut, and sums added up, in the same way.
"""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, TypeVar

Result = TypeVar("Result")

# What the S-fold copy of a piece may take, in bytes: half of it is slower by a few per cent, twice as much leaves the
# second-level cache and may cost fresh pages at every call.
PIECE = 1_400_000
# From so many multiplications on work is worth a second thread, and is cut into two pieces at least.
WORTH_THREADS = 2**22
# Below so many in all no product is large enough for BLAS to start threads of its own.
NO_THREADS = 2**18


def cut(images: int, rows: int, row_bytes: int, multiplications: int, multiple: int = 1) -> tuple[int, int]:
    """Say how many images a piece has, and how many of their rows: all, or some of a single image.

    Parameters
    ----------
    images, rows
        How many there are.
    row_bytes
        What the copy of one row of one image takes.
    multiplications
        How many there are in all.
    multiple
        Of what the number of rows must be a multiple where it is not all.
    """
    together, least = PIECE // max(1, rows * row_bytes), 2 if multiplications >= WORTH_THREADS else 1
    if together and images >= least:
        return min(together, -(-images // least)), rows
    return 1, max(1, min(PIECE // max(1, row_bytes), -(-rows // least)) // multiple) * multiple


def run(work: Callable[..., Result], pieces: Sequence[tuple[Any, ...]], multiplications: int) -> list[Result]:
    """Call `work(*piece)` for each piece, on several threads where BLAS may use several and there is enough to do."""
    if multiplications < NO_THREADS:
        return [work(*piece) for piece in pieces]
    with _threads() as threads:
        if threads == 1 or multiplications < WORTH_THREADS:
            return [work(*piece) for piece in pieces]
        return list(_pool(threads, os.getpid()).map(lambda piece: work(*piece), pieces))


@contextmanager
def _threads() -> Iterator[int]:
    """As many threads as the user allows BLAS (OMP_NUM_THREADS, threadpoolctl, ...), which itself is left with one.

    The products are too small for its own threads, which would wait for each other at each of them. Its limit holds
    for the whole process: so one call at a time has the threads, and others do their work alone meanwhile.
    """
    if not _ALONE.acquire(blocking=False):
        yield 1
        return
    try:
        allowed = [(library, library.num_threads) for library in _libraries()]
        most = max((count for _, count in allowed), default=1)
        if most > 1:
            for library, _ in allowed:
                library.set_num_threads(1)
        try:
            yield most
        finally:
            if most > 1:
                for library, count in allowed:
                    library.set_num_threads(count)
    finally:
        _ALONE.release()


_ALONE = Lock()


@cache
def _libraries() -> tuple[Any, ...]:
    from threadpoolctl import ThreadpoolController

    return tuple(ThreadpoolController().select(user_api="blas").lib_controllers)


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """The threads of this process (a fork has none of its parent's)."""
    return ThreadPoolExecutor(threads, thread_name_prefix="scratchcnn")
