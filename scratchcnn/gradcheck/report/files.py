"""The results of many checks as a file: a page, JSON, or Markdown, by the end of its name."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.page import check_installed, page
from scratchcnn.gradcheck.report.table import as_markdown
from scratchcnn.gradcheck.report.writing import check_writable, write_atomically

SUFFIXES = (".html", ".json", ".md")
# The version of the form of the JSON file.
SCHEMA = 1


def refusal(path: Path) -> str:
    """Why a file with results cannot be written, as far as that can be told before; empty if it can."""
    if path.suffix not in SUFFIXES:
        return f"must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, got {path}"
    try:
        check_writable(path)
        if path.suffix == ".html":
            check_installed()
    except (OSError, ModuleNotFoundError) as error:
        return str(error)
    return ""


def write_results(path: Path, title: str, entries: Sequence[Entry]) -> None:
    """Writes the results.

    Parameters
    ----------
    path
        The file; its name ends in one of `SUFFIXES`.
    title
        What a page, or a text in Markdown, is headed with.
    entries
        The checks.

    Raises
    ------
    OSError
        The file cannot be written.
    """
    as_file = {".html": page, ".json": as_json, ".md": as_markdown}[path.suffix]
    write_atomically(path, as_file(title, entries).encode())


def as_json(title: str, entries: Sequence[Entry]) -> str:
    """The results as a JSON document: of each check its name, where it was made, the report, and the report's text."""
    document: dict[str, Any] = {
        "schema": SCHEMA,
        "title": title,
        "entries": [
            {"name": e.name, "where": e.where, "report": e.report.to_dict(), "text": str(e.report)} for e in entries
        ],
    }
    return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n"
