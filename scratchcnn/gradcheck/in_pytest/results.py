"""At the end of a run: the table in the terminal, the file, and the summary of a job on GitHub."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from scratchcnn.gradcheck.in_pytest.settings import KEY, Settings
from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.files import write_results
from scratchcnn.gradcheck.report.table import as_markdown, as_text

TITLE = "Gradients"
# The variable in which GitHub Actions names the file that it shows beside a job.
STEP_SUMMARY = "GITHUB_STEP_SUMMARY"


def write_files(config: pytest.Config, entries: Sequence[Entry]) -> None:
    """Writes the file that is asked for, and adds to the summary of a job on GitHub.

    Raises
    ------
    pytest.exit.Exception
        It cannot be written; pytest ends with exit code 2.
    """
    report = config.stash.get(KEY, Settings()).report
    step_summary = os.environ.get(STEP_SUMMARY)
    if report is not None:
        with _or_exit(report):
            write_results(report, TITLE, entries)
    if step_summary and entries:
        with _or_exit(step_summary), Path(step_summary).open("a", encoding="utf-8") as file:
            file.write(as_markdown(TITLE, entries))


@contextmanager
def _or_exit(path: Path | str) -> Iterator[None]:
    """Ends pytest with a line that says which file could not be written."""
    try:
        yield
    except OSError as error:
        pytest.exit(f"cannot write {path}: {error.strerror}", returncode=2)


def show(terminal: Any, config: pytest.Config, entries: Sequence[Entry]) -> None:
    """Prints the table."""
    terminal.section("gradients", sep="=")
    writer = terminal._tw
    writer.line(as_text(entries, writer.fullwidth, colour=writer.hasmarkup))
    report = config.stash.get(KEY, Settings()).report
    if report is not None:
        writer.line(f"written to {report}")
