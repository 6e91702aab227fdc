"""The arguments of a call: from samples, from the command line, from the docstring."""

import types

import numpy as np
import pytest

from scratchcnn.gradcheck.harvest.pairs import find_pairs
from scratchcnn.gradcheck.in_file.drawing import Asked, CannotDraw, calls_of

SCALE = '''
def scale(x, factor=2):
    """x : (N, 3) array"""
    return factor * x


def scale_backward(grad, x, factor=2):
    return factor * grad
'''
SUM = """
def add(*parts, **options):
    return sum(parts)


def add_backward(grad, *parts):
    return tuple(grad for _ in parts)
"""
CLASS = """
class Square:
    def forward(self, x):
        return x**2

    def backward(self, grad, x):
        return 2 * grad * x
"""


def arguments(text, **options):
    """The arguments of the calls of the one pair in a text; the options are those of the command line."""
    module = types.ModuleType("made")
    exec(text, vars(module))
    (pair,) = find_pairs(module)
    calls = calls_of(pair, module, np.random.default_rng(0), Asked(options=options))
    return [dict(call.arguments) for call in calls]


@pytest.mark.parametrize("name", ["scale", "scale_backward"])
def test_samples_may_be_a_dict_by_the_name_of_either_function(name):
    assert arguments(f"{SCALE}def samples(rng): return {{'{name}': [1.0, 2.0], 'other': 3}}") == [
        {"x": 1.0, "factor": 2},
        {"x": 2.0, "factor": 2},
    ]


def test_samples_for_other_functions_leave_it_to_the_docstring():
    (drawn,) = arguments(f"{SCALE}other = 1\ndef samples(rng): return {{'other': 3}}")
    assert (drawn["x"].shape, drawn["factor"]) == ((2, 3), 2)


def test_a_dict_of_the_parameters_is_one_sample():
    assert arguments(f"{SCALE}def samples(rng): return {{'factor': 3, 'x': 1.0}}") == [{"x": 1.0, "factor": 3}]


def test_options_of_the_command_line_go_before_those_of_the_samples():
    assert arguments(f"{SCALE}def scale_samples(rng): return 1.0, 3", factor=4) == [{"x": 1.0, "factor": 4}]


def test_what_a_sample_has_more_goes_to_the_parameters_with_stars():
    assert arguments(f"{SUM}def samples(rng): return 1.0, 2.0, 3.0", way="left") == [
        {"parts": (1.0, 2.0, 3.0), "options": {"way": "left"}}
    ]


def test_parameters_with_stars_may_stay_empty():
    assert arguments(f"{SUM}def samples(rng): return {{}}") == [{"parts": (), "options": {}}]


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (f"{SCALE}def samples(rng): return 1.0, 2, 3", {}, "samples gives 3 arguments, and scale takes 2"),
        (SCALE, {"stride": 2}, "scale takes no 'stride': it takes x, factor"),
        (f"{CLASS}def samples(rng): return {{'x': 1.0, 'size': 2}}", {}, "Square cannot be made (TypeError: "),
    ],
)
def test_what_does_not_fit_the_parameters_is_refused(text, options, message):
    with pytest.raises(CannotDraw) as refused:
        arguments(text, **options)
    assert message in str(refused.value)
