"""The results of many checks as a file: its form goes by its name, and what cannot be written is refused before."""

import json

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.report import page as pages
from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.files import as_json, refusal, write_results
from scratchcnn.gradcheck.report.page import page
from scratchcnn.gradcheck.report.table import as_markdown

REPORT = check_gradient(np.sin, lambda g, x: 2 * g * np.cos(x), np.ones(2), name="sinus «s»")
ENTRIES = [Entry("one", REPORT, where="layers.py:12"), Entry("two", REPORT)]


@pytest.mark.parametrize("name", ["results.html", "results.json", "results.md"])
def test_a_name_that_says_a_form_can_be_written(name, tmp_path):
    assert refusal(tmp_path / name) == ""
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["results", "results.txt", "html", "results.html.gz", "results.HTML"])
def test_a_name_that_says_no_form_is_refused(name, tmp_path):
    assert refusal(tmp_path / name) == f"must end in .html, .json or .md, got {tmp_path / name}"


def test_what_cannot_be_written_is_refused_with_the_reason(tmp_path):
    (tmp_path / "a.md").mkdir()
    assert refusal(tmp_path / "a.md") == f"{tmp_path / 'a.md'} is a directory"
    assert refusal(tmp_path / "none" / "b.md") == f"{tmp_path / 'none'} is not a directory"


def test_a_page_alone_needs_what_draws_it(tmp_path, monkeypatch):
    monkeypatch.setattr(pages, "find_spec", lambda name: None)
    missing = 'a page needs Jinja2 and Matplotlib: pip install "scratchcnn[report]"'
    assert [refusal(tmp_path / f"a{suffix}") for suffix in (".html", ".json", ".md")] == [missing, "", ""]


def test_json_has_each_check_with_its_figures_and_its_text():
    document = json.loads(as_json("a title", ENTRIES))
    assert (document["schema"], document["title"]) == (1, "a title")
    assert [(e["name"], e["where"]) for e in document["entries"]] == [("one", "layers.py:12"), ("two", None)]
    assert all(e["report"] == json.loads(json.dumps(REPORT.to_dict())) for e in document["entries"])
    assert all(e["text"] == str(REPORT) for e in document["entries"])


def test_json_is_read_by_people_and_by_strict_readers():
    text = as_json("a title", ENTRIES)
    assert text.startswith('{\n "schema": 1,\n "title": "a title",\n "entries": [\n  {\n   "name": "one",\n')
    assert text.endswith("}\n")
    assert "sinus «s»" in text

    class Broken:
        def to_dict(self):
            return {"bound": float("nan")}

    with pytest.raises(ValueError, match="JSON"):
        as_json("", [Entry("", Broken())])


@pytest.mark.parametrize(("suffix", "form"), [(".html", page), (".json", as_json), (".md", as_markdown)])
def test_the_end_of_the_name_says_the_form(suffix, form, tmp_path):
    path = tmp_path / f"results{suffix}"
    write_results(path, "a title", ENTRIES[1:])
    assert path.read_text(encoding="utf-8") == form("a title", ENTRIES[1:])
