"""At the end of a run: the table, the file, and the summary of a job on GitHub."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.in_pytest.results import STEP_SUMMARY, show, write_files
from scratchcnn.gradcheck.in_pytest.settings import Settings
from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.table import as_text
from tests.gradcheck.in_pytest.stand_ins import Config


@pytest.fixture(scope="module")
def entries():
    report = check_gradient(lambda x: x**2, lambda g, x: 2 * g * x, np.ones(2))
    wrong = check_gradient(lambda x: x**2, lambda g, x: g * x, np.ones((4, 4)))
    return [Entry("the square", report, "test_file.py::test"), Entry("half", wrong, "")]


@pytest.fixture
def summary(tmp_path, monkeypatch):
    path = tmp_path / "summary.md"
    path.write_text("before é\n", encoding="utf-8")
    monkeypatch.setenv(STEP_SUMMARY, str(path))
    return path


def test_the_file_has_the_entries_and_the_summary_of_the_job_goes_on(tmp_path, summary, entries):
    write_files(Config(Settings(report=tmp_path / "found.json")), entries)
    entry, _ = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["entries"]
    assert entry["name"] == "the square"
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("before é\n")
    assert "Gradients" in text
    assert "the square" in text


def test_a_page_has_a_title(tmp_path, entries, monkeypatch):
    monkeypatch.delenv(STEP_SUMMARY, raising=False)
    write_files(Config(Settings(report=tmp_path / "found.html")), entries)
    assert "<title>Gradients</title>" in (tmp_path / "found.html").read_text(encoding="utf-8")


def test_without_entries_the_summary_stays_and_without_settings_no_file_is_written(summary, entries):
    write_files(Config(Settings()), [])
    assert summary.read_text(encoding="utf-8") == "before é\n"
    write_files(Config(), entries)
    assert "the square" in summary.read_text(encoding="utf-8")


@pytest.mark.parametrize("which", ["report", "summary"])
def test_what_cannot_be_written_ends_pytest_with_a_line(tmp_path, monkeypatch, entries, which):
    path = tmp_path / "nowhere" / "found.json"
    monkeypatch.delenv(STEP_SUMMARY, raising=False)
    if which == "summary":
        monkeypatch.setenv(STEP_SUMMARY, str(path))
    with pytest.raises(pytest.exit.Exception) as ended:
        write_files(Config(Settings(report=path if which == "report" else None)), entries)
    assert ended.value.msg == f"cannot write {path}: No such file or directory"
    assert ended.value.returncode == 2


@pytest.mark.parametrize(
    ("settings", "last"),
    [(Settings(report=Path("found.json")), ["written to found.json"]), (Settings(), []), (None, [])],
)
@pytest.mark.parametrize(("colour", "width"), [(True, 100), (False, 200)])
def test_the_table_is_shown(entries, settings, last, colour, width):
    lines = []
    writer = SimpleNamespace(line=lines.append, fullwidth=width, hasmarkup=colour)
    terminal = SimpleNamespace(section=lambda title, sep: lines.append(f"{sep} {title} {sep}"), _tw=writer)
    show(terminal, Config(settings), entries)
    heading, table, *rest = lines
    assert (heading, rest) == ("= gradients =", last)
    assert "the square" in table
    assert ("\x1b[" in table) == colour
    assert table == as_text(entries, width, colour=colour)
