"""Which calls of a function are kept, and which of these are chosen."""

import sys
from unittest import mock

import numpy as np
import pytest

from scratchcnn.gradcheck.harvest import calls as calls_module
from scratchcnn.gradcheck.harvest.calls import AFFORDABLE, DEPTH, EACH, MOST_BYTES, MOST_OPTIONS, PARTS, Calls, Memory


@pytest.fixture
def calls():
    return Calls(Memory())


def seen_by(calls):
    """A function whose calls are seen."""

    def called(x, *more, stride=1, **options):
        calls.see(sys._getframe())

    return called


@pytest.fixture
def layer(calls):
    return seen_by(calls)


def anything(calls):
    return next(iter(calls), None)


def sizes(chosen):
    return [call.size // 8 for call in chosen]


def test_the_smallest_the_largest_and_one_with_other_options_are_chosen(calls, layer):
    for length, stride in ((5, 1), (9, 1), (4, 2), (7, 1), (6, 2), (3, 1), (8, 1)):
        layer(np.ones(length), stride=stride)
    chosen = calls.chosen(anything)
    assert sizes(chosen) == [3, 9, 4]
    assert [call.arguments["stride"] for call in chosen] == [1, 1, 2]
    assert calls.count == 7


def test_one_call_is_chosen_once(calls, layer):
    for _ in range(3):
        layer(np.ones(4))
    assert sizes(calls.chosen(anything)) == [4]


def test_what_cannot_be_used_is_passed_over(calls, layer):
    for length in (1, 2, 3, 4):
        layer(np.ones(length))
    assert sizes(calls.chosen(lambda given: next((call for call in given if call.size > 8), None))) == [2, 4]
    assert sizes(calls.chosen(lambda given: None)) == [1], "to say why"


def test_arguments_are_copied_and_in_order(calls, layer):
    x, y = np.asfortranarray(np.arange(6.0).reshape(2, 3)), [np.ones(2)]
    layer(x, y, 3, stride=2, way="same")
    x[:] = y[0][:] = 0
    (call,) = calls.kept()
    assert list(call.arguments) == ["x", "more", "stride", "options"]
    assert call.spread == ("more", "options")
    assert call.arguments["x"].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert call.arguments["x"].flags.f_contiguous
    assert call.arguments["more"][0][0].tolist() == [1, 1]
    assert (call.arguments["more"][1], call.arguments["stride"], call.arguments["options"]) == (3, 2, {"way": "same"})
    assert call.options == (("array", 2), ((("array", 1),), 3), 2, "dict")
    assert call.where == "tests/gradcheck/harvest/test_calls.py::test_arguments_are_copied_and_in_order"


def test_parameters_with_stars_are_known(calls):
    def plain(x, *, stride):
        calls.see(sys._getframe())

    def starred(x, y, *more):
        calls.see(sys._getframe())

    def double(x, **options):
        calls.see(sys._getframe())

    plain(np.ones(1), stride=2)
    starred(np.ones(2), 1, 2)
    double(np.ones(3), stride=2)
    assert [call.spread for call in calls.kept()] == [("", ""), ("more", ""), ("", "options")]
    assert [list(call.arguments) for call in calls.kept()] == [["x", "stride"], ["x", "y", "more"], ["x", "options"]]


def test_what_two_arguments_share_they_share_in_the_copy_but_for_arrays(calls, layer):
    class Shared:
        pass

    x, shared = np.ones(2), Shared()
    layer(x, x, [x, shared], shared, way=shared)
    (call,) = calls.kept()
    first, (second, (third, one), other), another = (call.arguments[n] for n in ("x", "more", "options"))
    assert len({id(array) for array in (x, first, second, third)}) == 4
    assert one is other
    assert one is another["way"]
    assert one is not shared


def test_of_the_rule_of_a_framework_no_copy_is_made():
    calls = Calls(Memory(), rule=True)
    seen_by(calls)(object(), np.ones(2))
    (call,) = calls.kept()
    assert list(call.arguments) == ["more", "stride", "options"]


@pytest.mark.parametrize(
    ("running", "where"), [("tests/a b.py::test[x y] (call)", "tests/a b.py::test[x y]"), (None, "")]
)
def test_the_test_that_made_the_call_is_known(calls, layer, monkeypatch, running, where):
    monkeypatch.delenv("PYTEST_CURRENT_TEST")
    if running is not None:
        monkeypatch.setenv("PYTEST_CURRENT_TEST", running)
    layer(np.ones(2))
    assert [call.where for call in calls.kept()] == [where]


class Holder:
    def __init__(self, *parts):
        self.parts = parts


@pytest.mark.parametrize(
    ("argument", "size"),
    [
        ([np.ones(3), 1.0], 24),
        ({"w": np.ones(3), "b": (np.ones(1), None)}, 32),
        (Holder(np.ones(3, np.float32), {"x": np.ones(2, bool)}), 14),
        ([np.ones(1)] * (PARTS + 1), 8 * PARTS),  # of so many parts the first are looked at
    ],
)
def test_the_size_is_that_of_all_arrays(calls, layer, argument, size):
    layer(argument)
    assert [call.size for call in calls.kept()] == [size]


@pytest.mark.parametrize("depth", range(DEPTH + 2))
def test_arrays_are_sought_to_a_depth(calls, layer, depth):
    nested = np.ones(1)
    for _ in range(depth):
        nested = [nested]
    layer(nested)
    assert len(calls.kept()) == (depth <= DEPTH)


@pytest.mark.parametrize(
    "argument",
    [np.ones(3, complex), np.array([1, "a"], object), np.ones(3, np.longdouble), np.ma.ones(3), np.float64(2), "word"],
)
def test_without_plain_arrays_of_real_numbers_nothing_is_kept(calls, layer, argument):
    layer(argument)
    assert calls.count == 1
    assert calls.kept() == []


@pytest.mark.parametrize("argument", [np.ones(3, complex), type("BatchTracer", (), {"nbytes": 24})()])
def test_beside_what_is_no_array_of_real_numbers_nothing_is_kept(calls, layer, argument):
    layer(np.ones(2), [argument])
    assert calls.kept() == []


def test_of_each_kind_of_options_the_smallest_and_of_all_the_largest_are_kept(calls, layer):
    for length in (5, 6, 9, 20, 30, 40, 7, 25):
        layer(np.ones(length))
    layer(np.ones(10), stride=2)
    assert EACH == 3
    assert sizes(calls.kept()) == [5, 6, 7, 10, 25, 30, 40]
    both = Calls(Memory())
    both.merge(calls)
    assert sizes(both.kept()) == [5, 6, 7, 10, 25, 30, 40]


def test_a_call_that_is_neither_smaller_nor_larger_is_not_copied(calls, layer):
    for length in (5, 6, 7, 6, 6, 6):
        layer(np.ones(length))
    assert calls.memory.used == 8 * (5 + 6 + 7 + 6)


def test_only_some_kinds_of_options_are_kept(calls, layer):
    for stride in range(MOST_OPTIONS + 1):
        layer(np.ones(50), stride=stride)
    layer(np.ones(2), stride=-1)
    assert {call.arguments["stride"] for call in calls.kept()} == set(range(MOST_OPTIONS))


def test_limits_belong_to_what_is_kept(calls, layer, monkeypatch):
    layer(np.ones(MOST_BYTES // 8))
    assert sizes(calls.kept()) == [MOST_BYTES // 8]
    for length in (AFFORDABLE // 8, 5):
        layer(np.ones(length))
    assert sizes(calls.chosen(anything)) == [5, AFFORDABLE // 8]
    monkeypatch.setattr(calls_module, "MOST_IN_ALL", calls.memory.used + 24)
    layer(np.ones(3))
    assert sizes(calls.kept())[0] == 3


def test_large_arguments_are_kept_only_where_nothing_else_is(calls, layer):
    for _ in range(2):
        layer(np.ones(MOST_BYTES // 8 + 1))
    assert (calls.kept(), calls.too_large) == ([], 2)
    layer(np.ones(AFFORDABLE // 8 + 1))
    assert sizes(calls.chosen(anything)) == [AFFORDABLE // 8 + 1]
    layer(np.ones(5))
    layer(np.ones(7))
    assert sizes(calls.chosen(anything)) == [5, 7]


def test_all_functions_together_have_a_limit(monkeypatch):
    monkeypatch.setattr(calls_module, "MOST_IN_ALL", 100)
    memory = Memory()
    one, other = Calls(memory), Calls(memory)
    seen_by(one)(np.ones(10))
    seen_by(other)(np.ones(3))
    assert [len(calls.kept()) for calls in (one, other)] == [1, 0]
    assert memory.used == 80


def test_an_argument_that_cannot_be_copied_is_noted(calls, layer):
    layer(np.ones(2), (name for name in "ab"))
    assert calls.kept() == []
    assert calls.not_kept.startswith("TypeError: cannot pickle 'generator' object")


def test_a_call_that_copying_an_argument_makes_is_not_looked_at(calls, layer):
    class Copied:
        def __deepcopy__(self, memo):
            layer(np.ones(3))
            return self

    layer(np.ones(2), Copied())
    assert (calls.count, sizes(calls.kept())) == (1, [2])


def test_a_mock_is_not_touched(calls, layer):
    """Whatever one asks a mock for, it makes, and notes."""
    given = mock.Mock()
    layer(np.ones(2), given, stride=given)
    assert given.mock_calls == []
    assert given._mock_children == {}


def test_what_two_processes_kept_is_put_together(calls):
    other = Calls(Memory())
    for of, length, stride in ((calls, 4, 1), (calls, 6, 1), (other, 3, 1), (other, 5, 2), (other, 8, 1)):
        seen_by(of)(np.ones(length), stride=stride)
    calls.too_large, other.too_large, other.not_kept = 2, 3, "TypeError"
    calls.merge(other)
    assert (calls.count, calls.too_large, calls.not_kept) == (5, 5, "TypeError")
    assert sizes(calls.chosen(anything)) == [3, 8, 5]
