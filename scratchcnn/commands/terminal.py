"""Shared by the commands: types of arguments, the progress bar, the checking and writing of files."""

import argparse
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from scratchcnn.files import check_writable, write_atomically

if TYPE_CHECKING:
    from rich.progress import Progress

Result = TypeVar("Result")


def whole_number_from(least: int) -> Callable[[str], int]:
    """Make a type of arguments: an integer that is not too small.

    Parameters
    ----------
    least : int
        The smallest number that is allowed.

    Returns
    -------
    function of str
        It converts an argument to an integer. A smaller one is an `argparse.ArgumentTypeError`.
    """

    def number(text: str) -> int:
        found = int(text)
        if found < least:
            raise argparse.ArgumentTypeError(f"must be at least {least}, got {found}")
        return found

    number.__name__ = "int"  # argparse says "invalid int value"
    return number


seed, jobs = whole_number_from(0), whole_number_from(1)  # of a generator; of processes


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


count_or_all.__name__ = "int"  # argparse says "invalid int value"


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


def refuse_no_jobs(options: argparse.Namespace) -> None:
    """End the command, before the work is done, if there cannot be as many processes as `--jobs` says.

    Parameters
    ----------
    options : argparse.Namespace
        The command's options, with `fail` to end it.
    """
    from scratchcnn.gradcheck.jobs import refusal

    if refused := refusal("--jobs", options.jobs or 1):
        options.fail(refused)


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
