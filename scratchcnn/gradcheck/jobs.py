"""Jobs: processes on this machine that the commands and the plugin of pytest share the work among."""

from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from importlib.util import find_spec


def missing() -> str:
    """What jobs need and is not installed, with the command that brings it; empty where nothing is."""
    return "" if find_spec("loky") else 'loky: pip install "scratchcnn[jobs]"'


@contextmanager
def processes(jobs: int | None) -> Iterator[Executor | None]:
    """A block with an executor of so many processes; with None where one job, or None, is asked for.

    The processes start with the first piece of work, and end at once where the block ends.

    Raises
    ------
    ModuleNotFoundError
        loky is not installed.
    """
    if jobs is None or jobs == 1:
        yield None
        return
    import loky

    executor = loky.ProcessPoolExecutor(jobs)
    try:
        yield executor
    finally:
        executor.shutdown(kill_workers=True)
