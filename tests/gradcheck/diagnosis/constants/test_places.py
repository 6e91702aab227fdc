"""The constants in forward's code, and what may be taken for each of them."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.constants import places as module
from scratchcnn.gradcheck.diagnosis.constants.places import (
    Other,
    default_of,
    limits,
    named,
    numbers,
    others,
    places,
)
from scratchcnn.gradcheck.diagnosis.constants.variant import Place

LEVEL, FLAG, WORD = 0.375, True, "word"
TABLE, SINGLE, MASK = np.array([0.5, 1.5, 2.5]), np.array([4.0]), np.array([True, False, True])


def by_default(x, rate=7.5, axes=(0, 1), word="w", *, power=3, flag=True, dim=1):
    return (rate * x**power).sum(axes)


def enclosing(rate, axes, word):
    later = None

    def by_cell(x):
        return (rate * x).sum(axes) if word else later(x)

    return by_cell


def looped(x):
    for _ in range(2):
        x = 2.5 * x
    return x


def endless(x):
    while x[0] < 100:
        x = 2.5 * x
    return x


def values(forward):
    return [each.value for each in places(forward)]


def place_of(forward, value):
    return next(each for each in places(forward) if type(each.value) is type(value) and each.value == value)


def test_constants_stand_in_defaults_closures_globals_arrays_and_code():
    assert values(by_default)[:5] == [7.5, (0, 1), 3, True, 1]
    assert values(enclosing(0.5, (1,), "w")) == [(1,), 0.5]
    assert values(enclosing(0.5, ("a",), True)) == [0.5, True]
    assert values(lambda x: x * LEVEL if WORD else FLAG) == [0.375]
    found = places(lambda x: x * TABLE * SINGLE + 2.5 * x.sum((0, 1), keepdims=True)[0])
    assert found[0].value is TABLE
    assert [each.value for each in found[1:]] == [2.5, (0, 1), 0]


def test_a_loop_that_might_not_end_hides_all_constants():
    assert values(looped) == [2, 2.5]
    assert values(endless) == []
    assert values(lambda x: endless(x) * 3.5) == []


def test_code_that_cannot_be_copied_has_no_constants():
    def saves(x):
        np.save("never", x)
        return 2.5 * x

    assert places(saves) == []


def test_a_check_has_a_few_constants(monkeypatch):
    monkeypatch.setattr(module, "MOST_PLACES", 3)
    assert len(places(by_default)) == 3


def test_code_of_very_many_constants_is_left(monkeypatch):
    def forward(x):
        return 2.5 * x + 3.5

    count = len(forward.__code__.co_consts)
    monkeypatch.setattr(module, "MOST_CONSTANTS", count + 1)
    assert values(forward) == [2.5, 3.5]
    monkeypatch.setattr(module, "MOST_CONSTANTS", count)
    assert values(forward) == []


def said(place):
    return {(each.kind, each.said): each.value for each in others(place)}


def of_code(text):
    """The place of the constant 77, or of minus 77.5, in an expression of this file."""
    return next(each for each in places(CODE[text]) if each.value in (77, 77.5))


CODE = {
    "number": lambda x: x * 77,
    "real": lambda x: x * 77.5,
    "index": lambda x: x[77],
    "limit": lambda x: np.maximum(x, 77),
    "axis": lambda x: x.sum(77),
}


def test_a_number_to_calculate_with_may_be_another_one():
    assert said(of_code("number")) == {
        ("missing-term", "0 in place of 77"): 0,
        ("missing-factor", "1 in place of 77"): 1,
        ("sign", "-77 in place of 77"): -77,
        ("constant-factor", "76 in place of 77"): 76,
        ("constant-factor", "78 in place of 77"): 78,
        ("constant-factor", "154 in place of 77"): 154,
    }
    assert said(of_code("real")) == {
        ("missing-term", "0 in place of 77.5"): 0,
        ("missing-factor", "1 in place of 77.5"): 1,
        ("sign", "-77.5 in place of 77.5"): -77.5,
        ("constant-factor", "155 in place of 77.5"): 155,
        ("constant-factor", "38.75 in place of 77.5"): 38.75,
    }


INDICES = [
    (slice(2, None), [slice(1, None), slice(3, None)]),
    (slice(None, -1, 2), [slice(None, 0, 2), slice(None, -2, 2), slice(None, -1, 1), slice(None, -1, 3)]),
    ((slice(None), 1), [(slice(None), 0), (slice(None), 2)]),
    ((0, slice(1, None)), [(1, slice(1, None)), (-1, slice(1, None)), (0, slice(0, None)), (0, slice(2, None))]),
]


@pytest.mark.parametrize(("index", "shifted"), INDICES)
def test_an_index_that_is_one_constant_may_have_another_number_in_it(index, shifted):
    """As the interpreter keeps `x[2:]` and `x[:, 1]` since Python 3.14."""
    code = CODE["index"].__code__
    found = [each.value for each in others(Place(code, 0, index)) if each.kind == "shifted"]
    assert found == shifted
    words = {each.said for each in others(Place(code, 0, (slice(None), 1)))}
    assert {"0 in place of 1", "2 in place of 1", "-1 in place of 1"} <= words


def test_what_has_no_number_is_no_other_index():
    assert list(others(Place(CODE["index"].__code__, 0, slice(None)))) == []


def test_numbers_in_brackets_are_found_however_the_interpreter_keeps_them():
    for forward in (lambda x: x[2:], lambda x: x[:, 2], lambda x: x[:2]):
        assert any(each.said == "1 in place of 2" for place in places(forward) for each in others(place))


def test_an_index_may_be_the_one_beside_and_a_limit_another_one():
    found = said(of_code("index"))
    assert [kind for kind, _ in found] == ["operand", "operand", "operand", "shifted", "shifted", "operand"]
    assert ("shifted", "78 in place of 77") in found
    assert {kind for kind, _ in said(of_code("limit"))} == {"operand"}
    assert len(said(of_code("limit"))) == 6


def test_an_axis_may_be_another_one_or_several():
    found = said(of_code("axis"))
    assert {kind for kind, _ in found} == {"broadcast"}
    assert [value for value in found.values() if isinstance(value, int)] == [0, 1, 2, 3]
    assert found["broadcast", "axis 2 in place of 77"] == 2
    assert len([value for value in found.values() if isinstance(value, tuple)]) == 15
    assert found["broadcast", "axes (0, 1, 2, 3) in place of 77"] == (0, 1, 2, 3)
    several = said(place_of(by_default, (0, 1)))
    assert ("broadcast", "axes (0, 1) in place of (0, 1)") not in several
    assert len(several) == 18

    def along(x, axis=5):
        return x.sum(axis)

    assert said(place_of(along, 5)) == {(kind, text.replace("77", "5")): value for (kind, text), value in found.items()}
    dim = said(place_of(by_default, 1))
    assert ("broadcast", "axis 1 in place of 1") not in dim
    assert ("broadcast", "axis 0 in place of 1") in dim


def test_an_option_may_have_another_value():
    assert said(place_of(by_default, 7.5)) == {
        ("option-ignored", f"{other:g} in place of 7.5"): other for other in (0.0, 1.0, -7.5, 15.0, 3.75)
    }
    assert said(place_of(by_default, True)) == {("option-ignored", "0 in place of 1"): False}
    assert said(place_of(lambda x: x * LEVEL, 0.375)).keys() == {
        ("option-ignored", f"{other} in place of 0.375") for other in ("0", "1", "-0.375", "0.75", "0.1875")
    }
    power = said(place_of(by_default, 3))
    assert [other for other in power.values()] == [0, 1, -3, 2, 4, 6]


def array_place(array):
    return Place(array, None, array)


def test_a_table_may_be_moved_or_left_out():
    found = {each.said: each for each in others(array_place(TABLE))}
    assert found["the table of 3 numbers in reverse along axis 0"].value.tolist() == [2.5, 1.5, 0.5]
    ones, zeros = (found[f"{word} in place of the table of 3 numbers"] for word in ("ones", "zeros"))
    assert (ones.kind, ones.value.tolist(), ones.value.dtype) == ("option-ignored", [1, 1, 1], np.float64)
    assert (zeros.kind, zeros.value.tolist()) == ("option-ignored", [0, 0, 0])
    assert all(each.value.flags.c_contiguous for each in found.values())
    assert not any(np.array_equal(each.value, TABLE) for each in found.values())


def test_a_square_table_may_be_no_matrix_and_a_mask_may_be_left_out():
    square = np.array([[1.0, 2.0], [3.0, 5.0]])
    found = {each.said: each for each in others(array_place(square))}
    none = found["no matrix in place of the table of 2x2 numbers"]
    assert (none.kind, none.value.tolist()) == ("missing-factor", [[1, 0], [0, 1]])
    assert found["the table of 2x2 numbers with axes 0 and 1 exchanged"].kind == "transposed"
    for other in (square[:1], TABLE, MASK):
        assert not any(each.said.startswith("no matrix") for each in others(array_place(other)))
    left_out = {each.said: each for each in others(array_place(MASK))}["the mask of 3 entries left out"]
    assert (left_out.kind, left_out.value.tolist()) == ("option-ignored", [True] * 3)
    assert not any("mask" in each.said for each in others(array_place(TABLE)))
    same, whole = ({each.said for each in others(array_place(np.ones(3, kind)))} for kind in (float, int))
    assert not any("in reverse" in text for text in same)  # it would be the same table
    assert same - whole == {f"{word} in place of the table of 3 numbers" for word in ("ones", "zeros")}


def test_a_limit_limits_nothing_where_it_is_infinite():
    expected = [Other("subset", x, "no limit in place of 77") for x in (-np.inf, np.inf)]
    assert list(limits(of_code("limit"))) == expected
    for place in (of_code("number"), of_code("axis"), place_of(by_default, 7.5), array_place(TABLE)):
        assert list(limits(place)) == []


def test_where_a_constant_stands_is_said():
    line = CODE["number"].__code__.co_firstlineno
    assert named(of_code("number")) == f" in `x * 77` (test_places.py:{line})"
    assert named(place_of(by_default, 7.5)) == " for `rate` of `by_default`"
    assert named(place_of(by_default, 3)) == " for `power` of `by_default`"
    assert named(place_of(lambda x: x * LEVEL, 0.375)) == " for `LEVEL`"
    assert named(place_of(enclosing(0.5, (1,), "w"), 0.5)) == " for `rate`"
    assert named(array_place(TABLE)) == ""


def test_without_a_source_the_function_is_said():
    exec(compile("def f(x):\n    return x * 77\n", "folder/none.py", "exec"), made := {})
    (place,) = places(made["f"])
    assert named(place) == " in `f` (none.py:2)"


def test_the_numbers_in_the_code_itself_are_known():
    def forward(x, rate=7.25):
        return 4.5 * x + 3 * x - 0.5 * x**2.0 + 1.25 + 1e400 * 0 * LEVEL

    assert numbers(places(forward)) == [1.25, 4.5]


def test_an_option_s_default_is_known_where_it_is_a_number():
    found = [default_of(place) for place in places(by_default)]
    assert [each for each in found if each] == [("rate", 7.5), ("power", 3)]
    assert default_of(of_code("number")) is None

    def forward(x, zero=0, one=1.0, two=2, flag=False):
        return x

    assert list(filter(None, map(default_of, places(forward)))) == [("two", 2)]
