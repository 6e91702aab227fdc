"""What the adapters load, and when."""

import subprocess
import sys

import pytest

from scratchcnn.gradcheck import adapters
from scratchcnn.gradcheck.adapters import frameworks


def test_no_framework_is_loaded_before_it_is_used():
    code = (
        "import sys\n"
        "from scratchcnn.gradcheck.adapters import from_cache, from_jax, from_layer, from_loss\n"
        "from scratchcnn.gradcheck.adapters import from_tensorflow, from_torch\n"
        "assert not {'torch', 'jax', 'tensorflow', 'keras'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


def test_the_names_are_those_of_the_six_and_no_others():
    assert {name for name in dir(adapters) if name.startswith("from_")} == set(adapters.__all__)
    assert all(getattr(adapters, name).__name__ == name for name in adapters.__all__)
    with pytest.raises(AttributeError, match="attribute from_theano"):
        adapters.from_theano  # noqa: B018


@pytest.mark.parametrize(
    ("missing", "message"),
    [("torch", r'from_torch needs torch: pip install "scratchcnn\[torch\]"'), ("inner", "No module named 'inner'")],
)
def test_a_framework_that_is_missing_is_told_from_one_that_is_broken(monkeypatch, missing, message):
    def absent(name):
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    monkeypatch.setattr(frameworks, "import_module", absent)
    with pytest.raises(ModuleNotFoundError, match=f"^{message}$"):
        frameworks.framework("torch")
