"""The harvest finds every operation of `scratchcnn` while its own tests run, and each is right."""

import json
import os
import subprocess
import sys
from pathlib import Path

from scratchcnn.catalogue import CATALOGUE

ROOT = Path(__file__).parents[3]


def test_every_operation_is_found_and_right(tmp_path):
    tests = ["tests/test_catalogue.py", "-k", "a_broken_derivative", "-p", "no:cacheprovider"]
    options = ["--gradient-harvest=scratchcnn.operations", f"--gradient-report={tmp_path / 'found.json'}"]
    environment = {name: value for name, value in os.environ.items() if name != "GITHUB_STEP_SUMMARY"}
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "pytest", *tests, *options],
        cwd=ROOT,
        # The same draws in every run; examples are kept where files can be written.
        env=environment | {"CI": "1", "HYPOTHESIS_STORAGE_DIRECTORY": str(tmp_path / "examples")},
        capture_output=True,
        encoding="utf-8",
    )
    assert done.returncode == 0, done.stdout
    entries = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["entries"]
    found = {(entry["name"].rpartition(".")[2], entry["report"]["verdict"]) for entry in entries}
    assert found == {(f"{operation.name}_backward", "right") for operation in CATALOGUE}
    assert "never called" not in done.stdout
