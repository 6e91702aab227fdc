"""What every test leaves as it found it: NumPy's random state and error state, and the filters of warnings."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

# A library adds a filter for warnings of its own where it is first imported, as SymPy does within PyTorch.
WATCHED = {"builtins", "numpy", "scratchcnn"}


def state() -> dict[str, Any]:
    """What a process shares among all of its tests, by name, in a form that `==` compares."""
    name, key, *rest = np.random.get_state()  # noqa: NPY002 - the state that all share
    return {
        "NumPy's random state": (name, key.tobytes(), *rest),
        "NumPy's error state": (np.geterr(), np.geterrcall()),
        "the filters of warnings": [
            entry for entry in warnings.filters if entry[2].__module__.split(".")[0] in WATCHED
        ],
    }


@contextmanager
def left_as_it_was() -> Iterator[None]:
    """A block that must leave the state of the process as it found it."""
    before = state()
    yield
    after = state()
    changed = [name for name in before if before[name] != after[name]]
    assert not changed, f"the test changes {', '.join(changed)}"
