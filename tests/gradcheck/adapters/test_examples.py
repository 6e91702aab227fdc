"""The examples of the adapters run, and those of the README are short."""

import re
import warnings
from importlib.util import find_spec

import pytest

from tests.readme import GUIDES, README, blocks

# Those of the README, but for those that are files.
SHORT = [text for language, text in blocks(README) if language == "python" and not text.startswith("# ")]
EXAMPLES = [text for page in GUIDES for language, text in blocks(page) if "gradcheck.adapters" in text]
ADAPTERS = [re.search(r"from_[a-z]+", example).group() for example in EXAMPLES]


def can_run(adapter):
    """Whether the framework that an adapter is for, if it is for one, is there."""
    name = adapter.removeprefix("from_")
    return name in ("cache", "layer", "loss") or find_spec(name) is not None


RUNNING = [pytest.param(e, id=a) for e, a in zip(EXAMPLES, ADAPTERS, strict=True) if can_run(a)]


@pytest.mark.usefixtures("drawing_from_the_shared_generator")
@pytest.mark.parametrize("example", RUNNING)
def test_an_example_runs(example):
    names = {"__name__": "example"}
    with warnings.catch_warnings():  # a framework adds filters where it is first imported
        exec(compile(example, "example", "exec"), names)
    assert any(name in ADAPTERS for name in names)


@pytest.mark.parametrize("example", SHORT)
def test_an_example_has_ten_lines_at_most_beside_imports(example):
    assert len([line for line in example.splitlines() if line and not line.startswith(("import", "from"))]) <= 10


def test_there_is_one_for_each_adapter():
    assert ADAPTERS == ["from_cache", "from_layer", "from_loss", "from_torch", "from_jax", "from_tensorflow"]
