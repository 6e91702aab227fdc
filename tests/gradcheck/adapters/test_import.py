"""What the adapters load, and when."""

import subprocess
import sys

import pytest

from scratchcnn.gradcheck import adapters


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
