"""The arguments of a call: from samples, from the command line, from the docstring."""

import types

import numpy as np
import pytest

from scratchcnn.gradcheck.harvest.pairs import find_pairs
from scratchcnn.gradcheck.in_file.drawing import Asked, CannotDraw, _own_lengths, calls_of
from scratchcnn.gradcheck.in_file.specs import Spec

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


def calls(text, inputs=None, **options):
    """The calls of the one pair in a text; inputs and options are those of the command line."""
    module = types.ModuleType("made")
    exec(text, vars(module))
    (pair,) = find_pairs(module)
    return calls_of(pair, module, np.random.default_rng(0), Asked(inputs or {}, options))


def arguments(text, inputs=None, **options):
    """The arguments of these calls."""
    return [dict(call.arguments) for call in calls(text, inputs, **options)]


@pytest.mark.parametrize("name", ["scale", "scale_backward"])
def test_samples_may_be_a_dict_by_the_name_of_either_function(name):
    assert arguments(f"{SCALE}def samples(rng): return {{'{name}': [1.0, 2.0], 'other': 3}}") == [
        {"x": 1.0, "factor": 2},
        {"x": 2.0, "factor": 2},
    ]


def test_samples_for_other_functions_leave_it_to_the_docstring():
    (drawn,) = arguments(f"{SCALE}other = 1\ndef samples(rng): return {{'other': 3}}")
    assert (drawn["x"].shape, drawn["factor"]) == ((2, 3), 2)


def test_samples_with_an_object_are_for_its_class_alone():
    text = CLASS.replace("(self, x)", "(self, x, n=0)") + SCALE + "def samples(rng): return [(Square(), 1.0), {}]"
    module = types.ModuleType("made")
    exec(text.replace("{}", "(2.0, 3)"), vars(module))
    of = {
        pair.name.rpartition(".")[2]: calls_of(pair, module, np.random.default_rng(0), Asked())
        for pair in find_pairs(module)
    }
    assert [type(call.arguments["self"]).__name__ for call in of["Square"]] == ["Square"] * 2
    assert [call.arguments for call in of["scale_backward"]] == [{"x": 2.0, "factor": 3}]
    (drawn,) = arguments(SCALE + "class Made: pass\ndef samples(rng): return Made(), 1.0")
    assert drawn["x"].shape == (2, 3)


def test_a_sample_may_be_an_object_of_a_class_of_the_file_that_holds_arrays():
    text = SCALE + "from dataclasses import dataclass\n@dataclass\nclass Params:\n    w: float\n"
    (given,) = arguments(f"{text}def samples(rng): return Params(1.0), 3")
    assert (given["x"].w, given["factor"]) == (1.0, 3)


LINEAR = '''
class Linear:
    def __init__(self, fan_in, fan_out=3):
        self.shape, self.fan_in = (fan_in, fan_out), fan_in

    def forward(self, x, w):
        """x : (N, fan_in)
        w : (fan_in, fan_out)"""
        assert w.shape == self.shape
        return x @ w

    def backward(self, g):
        return g
'''


@pytest.mark.parametrize(
    ("text", "options", "shape"),
    [
        (LINEAR, {"fan_in": 9}, (9, 3)),
        (LINEAR, {"fan_in": 9, "fan_out": 2}, (9, 2)),
        (f"{LINEAR}layer = Linear(8, 5)\nlayer.fan_out = 5\ndel Linear", {}, (8, 5)),
    ],
)
def test_an_axis_has_the_length_that_an_option_or_the_object_says(text, options, shape):
    (drawn,) = arguments(text, **options)
    assert drawn["w"].shape == shape
    assert drawn["x"].shape == (2, shape[0])


def test_a_class_without_a_signature_says_no_lengths():
    assert _own_lengths(types.SimpleNamespace(owner=type)) == {}


def test_a_dict_of_the_parameters_is_one_sample():
    assert arguments(f"{SCALE}def samples(rng): return {{'factor': 3, 'x': 1.0}}") == [{"x": 1.0, "factor": 3}]


def test_options_of_the_command_line_go_before_those_of_the_samples():
    assert arguments(f"{SCALE}def scale_samples(rng): return 1.0, 3", factor=4) == [{"x": 1.0, "factor": 4}]


def test_what_a_sample_has_more_goes_to_the_parameters_with_stars():
    assert arguments(f"{SUM}def samples(rng): return 1.0, 2.0, 3.0", way="left") == [
        {"parts": (1.0, 2.0, 3.0), "options": {"way": "left"}}
    ]


def test_what_a_sample_has_first_goes_to_the_parameters_before_those():
    text = SUM.replace("def add(", "def add(first, ")
    assert arguments(f"{text}def samples(rng): return 1.0, 2.0, 3.0") == [
        {"first": 1.0, "parts": (2.0, 3.0), "options": {}}
    ]


def test_samples_may_be_made_one_by_one():
    made = arguments(f"{SCALE}def samples(rng):\n    yield 1.0\n    yield 2.0, 3")
    assert made == [{"x": 1.0, "factor": 2}, {"x": 2.0, "factor": 3}]


def test_samples_that_are_no_function_are_none():
    (drawn,) = arguments(f"{SCALE}samples = 5")
    assert drawn["x"].shape == (2, 3)


def test_docstrings_of_all_tell_shapes_and_numbers():
    text = '''
class Scale:
    """x : (N, 3) array"""
    def forward(self, w, x, factor, bias=0.0):
        "factor : float"
        assert w.shape == (4,) and factor.shape == ()
        return factor * x
    def backward(self, g):
        "bias : float"
        return g
'''
    (drawn,) = arguments(text, {"w": Spec((4,))})
    assert [drawn[name].shape for name in ("w", "x", "factor")] == [(4,), (2, 3), ()]
    assert drawn["bias"] == 0.0


def test_parameters_with_stars_may_stay_empty():
    assert arguments(f"{SUM}def samples(rng): return {{}}") == [{"parts": (), "options": {}}]


def test_inputs_of_the_command_line_go_before_samples_and_the_docstring():
    (drawn,) = arguments(f"{SCALE}def samples(rng): return 1.0", {"x": Spec((4,), below=1), "z": Spec((2,))})
    assert (drawn["x"].tolist(), drawn["factor"]) == ([0, 0, 0, 0], 2)
    assert arguments(f"{SCALE}def samples(rng): return 1.0", {"z": Spec((2,))}) == [{"x": 1.0, "factor": 2}]


def test_numbers_are_of_either_sign_where_forward_takes_them_and_else_positive():
    assert (arguments(SCALE, {"x": Spec((50,))})[0]["x"] < 0).any()
    root = "import numpy as np\ndef root(x): return np.sqrt(x)\ndef root_backward(g, x): return g / 2 / np.sqrt(x)"
    assert (arguments(root, {"x": Spec((50,))})[0]["x"] > 0.5).all()


@pytest.mark.parametrize(
    ("sample", "power"), [("Square(3), 1.0", 3), ("{'x': 1.0, 'power': 4}", 4), ("1.0", 2), ("(1.0,)", 2)]
)
def test_a_sample_may_begin_with_the_object_itself_or_name_what_makes_it(sample, power):
    text = CLASS.replace("    def forward", "    def __init__(self, power=2): self.power = power\n    def forward")
    (given,) = arguments(f"{text}def samples(rng): return {sample}")
    assert list(given) == ["self", "x"]
    assert (given["self"].power, given["x"]) == (power, 1.0)


def test_a_call_says_which_parameters_have_stars_and_that_no_test_made_it():
    (call,) = calls(f"{SUM}def samples(rng): return 1.0")
    assert (call.spread, call.where, call.size, call.options) == (("parts", "options"), "", 0, ())
    (call,) = calls(SCALE)
    assert call.spread == ("", "")


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (f"{SCALE}def samples(rng): raise ValueError('no')", {}, "samples(rng) raises ValueError: no"),
        (
            SCALE.replace("return factor * x", "raise KeyError('x')", 1),
            {},
            "forward raises KeyError: 'x', at x float64[2, 3]: give other shapes with --input, or write a function"
            " samples(rng)",
        ),
        (
            SCALE.replace("(x, factor=2):", "(x, y):", 1)
            .replace("array", "array\ny : (D,) array")
            .replace("* x", "@ x"),
            {},
            "at x float64[2, 3], y float64[4]",
        ),
        (
            SCALE.replace("(N, 3) array", "what is scaled"),
            {},
            "no shape is known of 'x': give --input x=4x3 (or --option x=VALUE), say it in the docstring, as in"
            " `x : (N, D) array`, or write a function samples(rng) that returns the arguments",
        ),
        (
            SCALE.replace("(N, 3) array", "a dictionary"),
            {},
            "'x' is no array, as the docstring says: give --option x=VALUE (a dict, too: --option \"x={'stride': 1}\"),"
            " or write a function samples(rng) that returns the arguments",
        ),
        (f"{SCALE}def samples(rng): return 1.0, 2, 3", {}, "samples gives 3 arguments, and scale takes 2"),
        (SCALE, {"stride": 2}, "scale takes no 'stride': it takes x, factor"),
        (f"{CLASS}def samples(rng): return {{'x': 1.0, 'size': 2}}", {}, "Square cannot be made (TypeError: "),
    ],
)
def test_what_does_not_fit_the_parameters_is_refused(text, options, message):
    with pytest.raises(CannotDraw) as refused:
        arguments(text, **options)
    assert message in str(refused.value)
