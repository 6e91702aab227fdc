"""README.md's examples that are files: its tests, its harvest, and its check of a file print what it shows."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
# The blocks whose first line is the name of a file.
FILES = {found[1]: text for _, text in BLOCKS if (found := re.match(r"# (\S+\.(?:py|yml))\n", text))}
# A column is as wide as its numbers, which are not the same on all machines.
FIGURES = re.compile(r"-?\d[\d.,]*(e[+-]?\d+)?|\s+|─+")


@pytest.fixture
def files(tmp_path):
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def run(files, command):
    """Runs a command as it stands in README.md; gives its exit code and what it prints."""
    program, *arguments = command.split()
    process = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", program, *arguments],
        cwd=files,
        env={name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"} | {"COLUMNS": "80"},
        capture_output=True,
        encoding="utf-8",
    )
    return process.returncode, FIGURES.sub(" ", process.stdout)


def shown_after(command):
    """The block of text that follows a block with this command."""
    start = next(k for k, (_, text) in enumerate(BLOCKS) if text == f"{command}\n")
    return FIGURES.sub(" ", next(text for language, text in BLOCKS[start:] if language == "text"))


@pytest.mark.parametrize(
    "command", ["pytest --gradient-harvest=layers test_values.py", "scratchcnn check layers.py:softmax"]
)
def test_a_command_prints_the_table_that_is_shown(files, command):
    code, printed = run(files, command)
    assert shown_after(command) in printed
    assert code == 1


def test_the_test_of_a_layer_passes_and_is_in_the_table(files):
    code, printed = run(files, "pytest test_layers.py")
    assert "dense_backward" in printed
    assert code == 0


def test_the_job_runs_what_there_is(files):
    (command,) = re.findall("run: (pytest .*)", FILES[".github/workflows/gradients.yml"])
    code, _ = run(files, command)
    assert "softmax_backward" in (files / "gradients.html").read_text(encoding="utf-8")
    assert code == 1
    assert len(FILES[".github/workflows/gradients.yml"].splitlines()) <= 11
