"""The results of many checks as a file: a page, JSON, or Markdown, by the end of its name."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.table import as_markdown

SUFFIXES = (".html", ".json", ".md")
# The version of the form of the JSON file.
SCHEMA = 1


def refusal(path: Path) -> str:
    """Why a file with results cannot be written, as far as that can be told before; empty if it can."""
    if path.suffix not in SUFFIXES:
        return f"must end in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, got {path}"
    if path.is_dir():
        return f"{path} is a directory"
    return "" if path.parent.is_dir() else f"{path.parent} is not a directory"


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
    if path.suffix == ".html":
        from scratchcnn.gradcheck.report.page import write_page  # type: ignore[import-not-found,unused-ignore]

        write_page(path, title, entries)
        return
    text = as_markdown(title, entries) if path.suffix == ".md" else as_json(title, entries)
    path.write_text(text, encoding="utf-8")


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
