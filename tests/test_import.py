"""`import scratchcnn` is light: a pytest plugin, or a command's help, must not cost a second."""

import subprocess
import sys

import pytest

LIST_MODULES = "import sys, scratchcnn; print(*sorted({name.partition('.')[0] for name in sys.modules}))"


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """List the top-level modules that a fresh interpreter holds after `import scratchcnn`."""
    return set(
        subprocess.run([sys.executable, "-c", LIST_MODULES], check=True, capture_output=True, text=True).stdout.split()
    )


@pytest.mark.parametrize("heavy", ["tensorflow", "hypothesis", "pytest", "matplotlib", "jinja2", "rich"])
def test_is_not_imported(imported, heavy):
    assert "scratchcnn" in imported
    assert heavy not in imported


def test_nothing_but_numpy(imported):
    bare = subprocess.run(
        [sys.executable, "-c", "import numpy;" + LIST_MODULES.replace(", scratchcnn", "")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert imported - set(bare.stdout.split()) == {"scratchcnn"}
