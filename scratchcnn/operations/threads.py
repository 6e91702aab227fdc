"""As many threads as BLAS may use, and no more: how work is shared out among them."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from threading import Lock
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

Part = TypeVar("Part")
Result = TypeVar("Result")


def evenly(count: int, parts: int, line: int = 1) -> list[slice]:
    """Cut `count` things into at most `parts` slices, each of whole lines of `line` things, as alike as they can be."""
    lines = -(-count // line)
    parts = min(parts, lines)
    return [slice(lines * k // parts * line, min(lines * (k + 1) // parts * line, count)) for k in range(parts)]


def allowed() -> int:
    """The threads that BLAS may use: all cores, or what `OMP_NUM_THREADS`, its like or `threadpoolctl` says."""
    return _blas.allowed()


def one_blas_thread() -> AbstractContextManager[None]:
    """Let BLAS use one thread for each call, as long as threads of ours call it side by side."""
    return _blas.one_thread_each()


def side_by_side(work: Callable[[Part], Result], shares: Sequence[Part]) -> list[Result]:
    """Call `work` with each share in a thread of its own, the caller's among them; give the results in order."""
    own, *others = shares
    if not others:
        return [work(own)]
    with one_blas_thread():
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
        self._outside = 1
        """Threads that it was allowed before the first user came."""

    def allowed(self) -> int:
        with self._lock:
            return self._outside if self._users else self._now()

    @contextmanager
    def one_thread_each(self) -> Iterator[None]:
        with self._lock:
            if not self._users:
                self._outside = self._now()
                self._set(1)
            self._users += 1
        try:
            yield
        finally:
            with self._lock:
                self._users -= 1
                if not self._users:
                    self._set(self._outside)

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


if hasattr(os, "register_at_fork"):  # a forked child inherits the pools, but none of their threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
