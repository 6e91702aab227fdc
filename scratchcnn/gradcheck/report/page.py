"""A page of reports: one file, which loads nothing and is read without a script.

It needs Jinja2 and Matplotlib, the extra `report`.
"""

import platform
from collections.abc import Iterable
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from scratchcnn import __version__
from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.section import NEEDS, sections
from scratchcnn.gradcheck.report.writing import write_atomically

TEMPLATES = Path(__file__).with_name("templates")
# What a page needs beyond NumPy: modules by the names that a person knows.
NEEDED = {"jinja2": "Jinja2", "matplotlib": "Matplotlib"}
# What stands beside a verdict, so that it is not told by its colour alone.
SIGNS = {"wrong": "✗", "undecided": "?", "narrow": "≈", "right": "✓"}


def check_installed() -> None:
    """Checks, before the work is done, that a page can be made of it.

    Raises
    ------
    ModuleNotFoundError
        A library of the extra `report` is missing.
    """
    missing = [name for module, name in NEEDED.items() if find_spec(module) is None]
    if missing:
        raise ModuleNotFoundError(f'a page needs {" and ".join(missing)}: pip install "scratchcnn[report]"')


def page(title: str, entries: Iterable[Entry]) -> str:
    """The page as HTML.

    Parameters
    ----------
    title
        What stands above it.
    entries
        The reports, in any order.

    Raises
    ------
    ModuleNotFoundError
        A library of the extra `report` is missing.
    """
    check_installed()
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    found = sections(entries)
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    counts = {need: sum(section.need == need for section in found) for need in NEEDS}
    return environment.get_template("page.html").render(
        title=title,
        sections=found,
        counts={need: count for need, count in counts.items() if count},
        signs=SIGNS,
        versions=f"scratchcnn {__version__}, NumPy {np.__version__}, Python {platform.python_version()}",
    )


def write_page(path: Path, title: str, entries: Iterable[Entry]) -> None:
    """Writes the page, as a whole or not at all.

    Parameters
    ----------
    path
        The file's name.
    title, entries
        As in `page`.

    Raises
    ------
    ModuleNotFoundError
        A library of the extra `report` is missing.
    OSError
        The file cannot be written.
    """
    write_atomically(Path(path), page(title, entries).encode())
