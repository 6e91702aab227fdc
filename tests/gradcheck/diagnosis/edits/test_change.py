"""What is a number, an array or a mask, what may be combined, and how a change is written."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits import change as module
from scratchcnn.gradcheck.diagnosis.edits.change import (
    broadcasts,
    combined,
    constant,
    expression,
    is_positions,
    made_by,
    rewritten,
    upside_down,
    variable,
)

VALUES = {
    "float": 0.5,
    "float64": np.float64(0.5),
    "int": 3,
    "int64": np.int64(3),
    "bool": True,
    "row": np.array([0.5, 2.0]),
    "whole row": np.array([3, 4]),
    "one in a row": np.array([0.5]),
    "no axis": np.array(0.5),
    "empty": np.zeros(0),
    "zeros and ones": np.array([1.0, 0.0, 1.0]),
    "whole zeros and ones": np.array([0, 1]),
    "ones": np.ones(2),
    "zeros": np.zeros(2),
    "one and more": np.array([1.0, 2.0]),
    "truths": np.array([True, False]),
    "all true": np.array([True, True]),
    "a truth": np.array([True]),
    "list": [0.5, 2.0],
    "nothing": None,
}
ARE = {
    "is_number": {"float", "float64", "int", "int64"},
    "is_whole": {"int", "int64"},
    "is_array": {"row", "zeros and ones", "ones", "zeros", "one and more"},
    "is_value": {
        *("float", "float64", "row", "one in a row", "no axis"),
        *("zeros and ones", "ones", "zeros", "one and more"),
    },
    "is_single": {"float", "float64", "no axis"},
    "is_mask": {"zeros and ones", "whole zeros and ones", "truths", "all true"},
    "is_numeric": {
        *("float", "float64", "row", "zeros and ones", "whole zeros and ones"),
        *("ones", "zeros", "one and more", "truths", "all true"),
    },
}


@pytest.mark.parametrize("name", ARE)
def test_what_a_value_is(name):
    assert {said for said, value in VALUES.items() if getattr(module, name)(value)} == ARE[name]


@pytest.mark.parametrize(
    ("other", "value", "may"),
    [
        (np.ones(3), np.ones((2, 3)), True),
        (np.ones((2, 1)), np.ones((2, 3)), True),
        (np.ones((2, 3)), np.ones((2, 3)), True),
        (np.ones((2, 3)), np.ones(3), False),
        (np.ones(2), np.ones((2, 3)), False),
        (np.ones((3, 1)), np.ones(3), False),
        (0.5, 2.0, True),
        (np.array(0.5), 2.0, True),
        (0.5, np.ones(3), False),
        (np.ones(3), 0.5, False),
        (3, np.ones(3), False),
        (np.ones(3, int), np.ones(3), False),
    ],
)
def test_an_array_is_combined_with_one_that_stays_as_large(other, value, may):
    assert broadcasts(other, value) == may


def test_an_array_of_positions_is_one_of_whole_numbers():
    value = np.ones((2, 3))
    assert is_positions(np.array([1, 2, 3]), value)
    assert is_positions(np.array([1, 2, 3], np.uint8), value)
    for other in (np.array([1.0, 2, 3]), np.array([1]), np.array([1, 2]), 3, [1, 2, 3], np.array([True, False, True])):
        assert not is_positions(other, value)


def test_a_mask_upside_down_has_the_other_entries():
    assert upside_down(np.array([True, False])).tolist() == [False, True]
    assert upside_down(np.array([1.0, 0.0])).tolist() == [0, 1]


@pytest.mark.parametrize(
    ("text", "pattern", "name", "said"),
    [
        ("a", "-{}", "", "`-a` in place of `a`"),
        ("a + b", "-{}", "", "`-(a + b)` in place of `a + b`"),
        ("a + b", "exp({})", "", "`exp(a + b)` in place of `a + b`"),
        ("a", "{} * {name}", "b + c", "`a * (b + c)` in place of `a`"),
        ("-a", "{} * {name}", "f(b)", "`(-a) * f(b)` in place of `-a`"),
        ("a < b", "{} * {name}", "c if d else e", "`(a < b) * (c if d else e)` in place of `a < b`"),
        ("a and b", "{} * {name}", "c[1:]", "`(a and b) * c[1:]` in place of `a and b`"),
        ("1:2", "{} * {name}", "c", "`1:2 * c` in place of `1:2`"),
    ],
)
def test_a_change_is_written_with_parentheses_where_they_are_needed(text, pattern, name, said):
    assert rewritten(text, pattern, name) == said


def test_what_is_no_expression_by_itself_has_no_tree():
    assert expression("1:2") is None
    assert expression("a + b").op is not None


def test_edits_make_a_value_of_a_value_and_the_variables_around():
    known = {"a": 3}
    assert constant(5)(2, known) == 5
    assert made_by(np.square)(2, known) == 4
    assert variable("a")(2, known) == 3
    assert combined("a", np.subtract)(2, known) == -1
