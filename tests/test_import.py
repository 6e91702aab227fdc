"""`import scratchcnn` is light: a pytest plugin, or a command's help, must not cost a second."""

import subprocess
import sys

import pytest

import scratchcnn
from scratchcnn.operations.convolution.conv2d import conv2d

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


def test_every_operation_is_an_attribute_by_its_name():
    assert {"conv2d", "conv2d_backward", "__version__"} <= {*dir(scratchcnn)} & {*scratchcnn.__all__}
    assert scratchcnn.conv2d is conv2d


@pytest.mark.parametrize("name", ["conv3d", "_public_", "__path"])
def test_another_name_is_no_attribute(name):
    with pytest.raises(AttributeError, match=f"module 'scratchcnn' has no attribute '{name}'"):
        getattr(scratchcnn, name)
