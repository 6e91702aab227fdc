"""What the commands share: types of arguments, a bar of progress, files that are refused before the work is done."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from scratchcnn.files import check_writable, write_atomically

if TYPE_CHECKING:
    from rich.progress import Progress


def seed(text: str) -> int:
    """Take an argument as the seed of a generator."""
    number = int(text)
    if number < 0:
        raise argparse.ArgumentTypeError(f"must be at least 0, got {number}")
    return number


def count(text: str) -> int | str:
    """Take an argument as a number, or the word all."""
    return text if text == "all" else int(text)


seed.__name__ = count.__name__ = "int"  # argparse says "invalid int value"


def named(suffix: str) -> Callable[[str], Path]:
    """Take an argument as the name of a file that ends like this."""

    def path(text: str) -> Path:
        if not text.endswith(suffix):
            raise argparse.ArgumentTypeError(f"must end in {suffix}, got {text!r}")
        return Path(text)

    return path


def progress_bar() -> "Progress":
    """Make a bar on stderr, where that is a terminal; else nothing is shown."""
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


def refuse_unwritable(options: argparse.Namespace, path: Path | None) -> None:
    """Refuse a file that cannot be written, before the work is done."""
    if path is not None:
        try:
            check_writable(path)
        except OSError as error:
            options.fail(str(error))


def write(options: argparse.Namespace, path: Path, content: bytes) -> None:
    """Write a file, or end the command with what is in the way."""
    try:
        write_atomically(path, content)
    except OSError as error:
        options.fail(f"cannot write {path}: {error.strerror}")
