"""Shared by the commands: types of arguments, the output, the progress bar, the checking and writing of files."""

import argparse
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, TypeVar

from scratchcnn.files import check_writable, write_atomically

if TYPE_CHECKING:
    from rich.progress import Progress

Result = TypeVar("Result")


def seed(text: str) -> int:
    """Convert an argument to the seed of a generator.

    Parameters
    ----------
    text : str
        The argument.

    Returns
    -------
    int
        The seed, at least 0.

    Raises
    ------
    ValueError
        If the argument is not an integer.
    argparse.ArgumentTypeError
        If the number is below 0.
    """
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {number}")
    return number


def count_or_all(text: str) -> int | str:
    """Convert an argument to an integer, or leave the word "all".

    Parameters
    ----------
    text : str
        The argument.

    Returns
    -------
    int or str
        The number, or "all".

    Raises
    ------
    ValueError
        If the argument is neither.
    """
    return text if text == "all" else int(text)


seed.__name__ = count_or_all.__name__ = "int"  # argparse says "invalid int value"


def path_ending_in(suffix: str) -> Callable[[str], Path]:
    """Make a type of arguments: the name of a file with a given suffix.

    Parameters
    ----------
    suffix : str
        The suffix, such as ".npz".

    Returns
    -------
    function of str
        It converts an argument to a Path. Another suffix is an `argparse.ArgumentTypeError`.
    """

    def path(text: str) -> Path:
        if not text.endswith(suffix):
            raise argparse.ArgumentTypeError(f"must end in {suffix}, got {text!r}")
        return Path(text)

    return path


class CannotPrint(Exception):
    """The output cannot be written, as on a full disk."""


class Output:
    """A stream that is printed to. A reader who closes the pipe early, as `head` does, has read enough: no error.

    Parameters
    ----------
    stream : text file
        The stream. What is not defined here is its own.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text.

        Parameters
        ----------
        text : str
            The text.

        Returns
        -------
        int
            The number of its characters.

        Raises
        ------
        CannotPrint
            If that fails.
        """
        self._tried(lambda: self._stream.write(text))
        return len(text)

    def flush(self) -> None:
        """Write what waits in the buffer.

        Raises
        ------
        CannotPrint
            If that fails.
        """
        self._tried(self._stream.flush)

    def _tried(self, action: Callable[[], object]) -> None:
        try:
            action()
        except OSError as error:
            # What waits in the buffer, and what follows, goes nowhere: Python flushes once more when it ends.
            with open(os.devnull, "wb") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())
            if not isinstance(error, BrokenPipeError):
                raise CannotPrint(f"cannot write the output: {error.strerror}") from error


def progress_bar() -> "Progress":
    """Make a progress bar on stderr, which shows nothing unless stderr is a terminal.

    Returns
    -------
    rich.progress.Progress
        The bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    return Progress(
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}", markup=False),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
    )


def collect(rows: Iterable[Result], count: int, describe: Callable[[Result], str]) -> list[Result]:
    """Collect rows that take time to compute, beside a progress bar.

    Parameters
    ----------
    rows : iterable
        Computes the rows, in order.
    count : int
        The number of rows.
    describe : function of a row
        Gives the text beside the bar.

    Returns
    -------
    list
        The rows.
    """
    collected = []
    with progress_bar() as progress:
        task = progress.add_task("", total=count)
        for row in rows:
            collected.append(row)
            progress.update(task, advance=1, description=describe(row))
    return collected


def refuse_unwritable(options: argparse.Namespace, path: Path | None) -> None:
    """End the command, before the work is done, if a file cannot be written.

    Parameters
    ----------
    options : argparse.Namespace
        The command's options, with `fail` to end it.
    path : Path or None
        The file's name. None: there is no file to write.
    """
    if path is not None:
        try:
            check_writable(path)
        except OSError as error:
            options.fail(str(error))


def write(options: argparse.Namespace, path: Path, content: bytes) -> None:
    """Write a file; end the command with a message if that fails.

    Parameters
    ----------
    options : argparse.Namespace
        The command's options, with `fail` to end it.
    path : Path
        The file's name.
    content : bytes
        The file's content.
    """
    try:
        write_atomically(path, content)
    except OSError as error:
        options.fail(f"cannot write {path}: {error.strerror}")
