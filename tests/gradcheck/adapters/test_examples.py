"""The examples of the README run, and are short."""

import re
from pathlib import Path

import pytest

README = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```python\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
EXAMPLES = [block for block in BLOCKS if "gradcheck.adapters" in block]
ADAPTERS = [re.search(r"from_[a-z]+", example).group() for example in EXAMPLES]


@pytest.mark.parametrize("example", EXAMPLES, ids=ADAPTERS)
def test_an_example_runs(example):
    exec(compile(example, "example", "exec"), {"__name__": "example"})


@pytest.mark.parametrize("example", EXAMPLES, ids=ADAPTERS)
def test_an_example_has_ten_lines_at_most_beside_imports(example):
    assert len([line for line in example.splitlines() if line and not line.startswith(("import", "from"))]) <= 10


def test_there_is_one_for_each_adapter():
    assert ADAPTERS == ["from_cache", "from_layer", "from_loss", "from_torch", "from_jax", "from_tensorflow"]
