"""The examples of the README run, and are short."""

import re
from importlib.util import find_spec
from pathlib import Path

import pytest

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
EXAMPLES = [block for block in BLOCKS if "gradcheck.adapters" in block]
ADAPTERS = [re.search(r"from_[a-z]+", example).group() for example in EXAMPLES]


def can_run(adapter):
    """Whether the framework that an adapter is for, if it is for one, is there."""
    name = adapter.removeprefix("from_")
    return name in ("cache", "layer", "loss") or find_spec(name) is not None


RUNNING = [pytest.param(e, id=a) for e, a in zip(EXAMPLES, ADAPTERS, strict=True) if can_run(a)]


@pytest.mark.parametrize("example", RUNNING)
def test_an_example_runs(example):
    names = {"__name__": "example"}
    exec(compile(example, "example", "exec"), names)
    assert any(name in ADAPTERS for name in names)


@pytest.mark.parametrize("example", EXAMPLES, ids=ADAPTERS)
def test_an_example_has_ten_lines_at_most_beside_imports(example):
    assert len([line for line in example.splitlines() if line and not line.startswith(("import", "from"))]) <= 10


def test_there_is_one_for_each_adapter():
    assert ADAPTERS == ["from_cache", "from_layer", "from_loss", "from_torch", "from_jax", "from_tensorflow"]
