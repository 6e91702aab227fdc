"""Jobs: processes on this machine that the commands and the plugin of pytest share the work among."""

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import Any, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# More processes than cores do no more work, and each takes time and memory to start.
JOBS_PER_CORE, LEAST_LIMIT = 4, 16
# loky restarts a process that grows by more than these bytes, and warns of a leak. One that imports torch grows so.
NO_LEAKS = {"LOKY_MAX_MEMORY_LEAK_SIZE": "1e15"}


def missing() -> str:
    """What jobs need and is not installed, with the command that brings it; empty where nothing is."""
    return "" if find_spec("loky") else 'loky: pip install "scratchcnn[jobs]"'


def refusal(option: str, jobs: int) -> str:
    """Why there cannot be so many processes as an option says, all of which are started; empty where there can."""
    if jobs == 1:
        return ""
    if needed := missing():
        return f"{option} needs {needed}"
    cores = os.cpu_count() or 1
    most = max(LEAST_LIMIT, JOBS_PER_CORE * cores)
    return "" if jobs <= most else f"{option}: at most {most} processes on {cores} cores, got {jobs}"


@contextmanager
def processes(jobs: int | None) -> Iterator[Any]:
    """A block with an executor of so many processes; with None where one job, or None, is asked for.

    The processes start with the first piece of work, and end with the block.

    Raises
    ------
    ModuleNotFoundError
        loky is not installed.
    """
    if jobs is None or jobs == 1:
        yield None
        return
    import loky

    executor = loky.ProcessPoolExecutor(jobs, env=NO_LEAKS)
    try:
        yield executor
    finally:
        executor.shutdown()


def in_order(executor: Any, function: Callable[[Item], Result], items: Iterable[Item]) -> Iterator[Result]:
    """What a function returns for each item, from the processes of a block. After an interruption they end at once."""
    futures = [executor.submit(function, item) for item in items]
    try:
        for future in futures:
            yield future.result()
    except BaseException:
        executor.shutdown(kill_workers=True)
        raise
