"""What of a file a pair depends on."""

import types

import pytest

from scratchcnn.gradcheck.harvest.pairs import find_pairs
from scratchcnn.gradcheck.in_file.changes import code_of

SOURCE = """
import math
import os.path
SLOPE, OTHER = 0.1, 0.2

def helper(x):
    return SLOPE * x

def leaky(x):
    return max(x, helper(x))

def leaky_backward(g, x):
    return g if x > 0 else SLOPE * g

def square(x):
    return x * x

def square_backward(g, x):
    return 2 * g * x

class Dense:
    def forward(self, x): return square(x)
    def backward(self, g): return g

dense = Dense()

def square_samples(rng):
    return 1.0 + len(os.sep)

def samples(rng):
    return None

def forward(x):
    return 0
"""
ALL = {"leaky_backward", "square_backward", "Dense", "dense"}


def code(source):
    """The code of each pair, by its name."""
    module = types.ModuleType("made")
    exec(source, vars(module))
    return {pair.name.removeprefix("made."): code_of(pair, source) for pair in find_pairs(module)}


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("2 * g * x", "g * x", {"square_backward"}),
        ("return SLOPE * x", "return x", {"leaky_backward"}),
        ("SLOPE, OTHER = 0.1", "SLOPE, OTHER = 0.3", {"leaky_backward"}),
        ("return x * x", "return x + x", {"square_backward", "Dense", "dense"}),
        ("return 1.0", "return 2.0", {"square_backward"}),
        ("import os.path", "import os.path, json", {"square_backward"}),
        ("import math\n", "import json, math\n", set()),
        ("return None", "return []", ALL),
        ("return 0\n", "return 1\n", set()),  # what is called as a method is
        ("def backward(self, g): return g", "def backward(self, g): return 2 * g", {"Dense", "dense"}),
        ("dense = Dense()", "dense = (Dense())", set()),
        ("def square(x):", "def square(x):  # a square", set()),
        ("import math\n", "import math\nprint('')\n", ALL),
    ],
)
def test_what_changed_is_told_by_the_code_that_is_used(old, new, changed):
    before, after = code(SOURCE), code(SOURCE.replace(old, new))
    assert {name for name in before if before[name] != after[name]} == changed
