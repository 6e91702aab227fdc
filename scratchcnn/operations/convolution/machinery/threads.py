"""As many threads as BLAS may use, and no more."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

from scratchcnn.operations.convolution.machinery.tiles import evenly

Part = TypeVar("Part")
Result = TypeVar("Result")


def allowed() -> int:
    """The threads that BLAS is allowed: all cores, or what `OMP_NUM_THREADS`, its like or `threadpoolctl` says."""
    return _blas.allowed()


def share_out(parts: Sequence[Part], threads: int) -> list[Sequence[Part]]:
    """Give each of at most so many threads its share of the parts, neighbours."""
    threads = min(threads, len(parts))
    if threads <= 1:
        return [parts]
    return [parts[share] for share in evenly(len(parts), threads)]


def side_by_side(work: Callable[[Part], Result], shares: Sequence[Part]) -> list[Result]:
    """Call `work` with each share, in as many threads, this one among them; give the results in order."""
    own, *others = shares
    if not others:
        return [work(own)]
    with _blas.one_thread_each():
        futures = [_pool(len(others)).submit(work, share) for share in others]
        try:
            result = work(own)
        finally:
            wait(futures)  # before BLAS has its threads back
        return [result, *(future.result() for future in futures)]


class _Blas:
    """The BLAS of NumPy: while threads of ours call it side by side, it starts none of its own."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._users = 0
        self._threads = 1  # allowed outside, while there are users

    def allowed(self) -> int:
        with self._lock:
            return self._threads if self._users else self._now()

    @contextmanager
    def one_thread_each(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._threads = self._now()
                self._set(1)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._set(self._threads)

    @staticmethod
    def _now() -> int:
        return min((library.num_threads for library in _libraries()), default=1)

    @staticmethod
    def _set(threads: int) -> None:
        for library in _libraries():
            library.set_num_threads(threads)


_blas = _Blas()


@cache
def _libraries() -> list[Any]:
    return list(ThreadpoolController().select(user_api="blas").lib_controllers)


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="scratchcnn")


if hasattr(os, "register_at_fork"):  # a forked child has the pools, but none of their threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
