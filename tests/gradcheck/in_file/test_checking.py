"""The checks of the pairs of a file: an entry for each sample, with what is wrong at a small call."""

import types

import pytest

from scratchcnn.gradcheck.harvest.pairs import find_pairs
from scratchcnn.gradcheck.in_file import checking
from scratchcnn.gradcheck.in_file.checking import check_pairs
from scratchcnn.gradcheck.in_file.drawing import Asked

SQUARE = '''
def square(x, power=2):
    """x : (N, 3) array"""
    return x**power


def square_backward(g, x, power=2):
    return g * power * x ** (power - 1)
'''
WRONG = SQUARE.replace("g * power", "2 * g * power")


def entries(text, options=None, **asked):
    module = types.ModuleType("made")
    exec(compile(text, "folder/made.py", "exec"), vars(module))
    return list(check_pairs(find_pairs(module), module, Asked(options=asked), {"seed": 0} | (options or {})))


def test_each_pair_and_each_sample_has_an_entry_with_its_place():
    text = f"{SQUARE}def cube(x): return x**3\ndef cube_bwd(g, x): return 3 * g * x**2\n"
    text += "import numpy as np\ndef samples(rng): return {'square': [np.ones(2), (np.ones(1), 3)], 'cube': 1.5}"
    found = [(entry.name, entry.where, entry.report.verdict.value, entry.report.sample) for entry in entries(text)]
    assert found == [
        ("square_backward", "made.py:7", "right", "x float64[2]; options: power=2"),
        ("square_backward", "made.py:7", "right", "x float64[1]; options: power=3"),
        ("cube_bwd", "made.py:10", "undecided", ""),  # a number may be an option
    ]


def test_the_place_is_that_of_the_function_that_is_decorated():
    noted = "import functools\ndef noted(f): return functools.wraps(f)(lambda *given: f(*given))\n"
    (entry,) = entries(noted + SQUARE.replace("\n\ndef square_b", "\n@noted\ndef square_b"))
    assert entry.where == "made.py:8"
    assert entry.report.verdict.value == "right"


def test_a_function_written_in_c_has_no_place():
    text = "import numpy as np\nclass Square:\n    @staticmethod\n    def forward(x): return x**2\n"
    (entry,) = entries(text + "    backward = staticmethod(np.multiply)\ndef samples(rng): return np.ones(2)")
    assert (entry.name, entry.where) == ("Square", "")


def test_what_is_wrong_is_shown_at_a_smaller_call():
    (entry,) = entries(WRONG, power=3)
    assert entry.report.verdict.value == "wrong"
    assert entry.report.sample == "x float64[1, 1]; options: power=3"
    assert entry.report.notes[-1] == "found with x float64[2, 3]; options: power=3, and made smaller"


def test_unless_there_is_none(monkeypatch):
    seconds = []
    monkeypatch.setattr(checking, "shrunk", lambda check, call, time: seconds.append(time) or call)
    for options, expected in (({}, 5 * checking.SECONDS_PER_INPUT), ({"seconds": 0.5}, 2.5)):
        (entry,) = entries(WRONG, options)
        assert entry.report.sample == "x float64[2, 3]; options: power=2"
        assert not any("made smaller" in note for note in entry.report.notes)
        assert seconds.pop() == expected
    entries(SQUARE)
    assert seconds == []


def test_inputs_are_those_of_the_seed():
    first, again, other = (str(entries(WRONG, {"seed": seed})[0].report) for seed in (0, 0, 1))
    assert first == again
    assert first != other


@pytest.mark.parametrize(
    ("text", "note"),
    [
        (SQUARE.replace("x : (N, 3) array", ""), "not checked: no shape is known of 'x': give --input x=4x3"),
        (f"{SQUARE}def samples(rng): return []", "not checked: its samples(rng) gives none"),
        (f"{SQUARE}def samples(rng): raise SystemExit(3)", "not checked: it ends the process: SystemExit(3)"),
    ],
)
def test_what_cannot_be_checked_is_undecided_and_said(text, note):
    (entry,) = entries(text)
    assert (entry.name, entry.report.verdict.value) == ("square_backward", "undecided")
    assert entry.report.notes[0].startswith(note)
