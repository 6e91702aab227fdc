"""What `mutation.toml` says is true of the code as it stands: an entry that nobody needs would hide a change."""

import ast

import pytest

from tests.mutation import ROOT, SETTINGS, files_in, own_tests


def source_of(file, name):
    """The text of a function, or of a method `Class.name`, with single spaces."""
    text = (ROOT / file).read_text(encoding="utf-8")
    node = ast.parse(text)
    for part in name.split("."):
        node = next(each for each in node.body if getattr(each, "name", "") == part)
    return " ".join(ast.get_source_segment(text, node).split())


@pytest.mark.parametrize("entry", SETTINGS["same"], ids=lambda entry: f"{entry['file']}-{entry['function']}")
def test_a_listed_change_is_one_of_code_that_is_there(entry):
    source = source_of(entry["file"], entry["function"])
    assert entry["reason"].endswith(".")
    changes = entry.get("changes", [])
    for before in [*(before for before, _ in changes), *entry.get("lines", [])]:
        assert " ".join(before.split()) in source, f"{entry['file']} no longer has {before!r}"
    assert all(before != after for before, after in changes)


def test_every_file_that_is_named_is_there():
    named = [*SETTINGS["places"], *SETTINGS["quick"], *SETTINGS["frames"], *SETTINGS["tests"]]
    for tests in SETTINGS["tests"].values():
        named += tests
    assert [name for name in named if not (ROOT / name).exists()] == []


def test_every_operation_has_tests():
    files = [file for file in files_in(["scratchcnn/operations"]) if not file.endswith("__init__.py")]
    assert files
    assert [file for file in files if not own_tests(file)] == []
