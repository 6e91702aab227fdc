"""Two expressions or variables, of which each belongs where the other stands."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.exchanges import (
    exchanged_names,
    exchanges,
    may_be_exchanged,
    other_indices,
)
from scratchcnn.gradcheck.diagnosis.edits.places import FACTOR, INDEX, NAMES, PAIR, WINDOW, Place
from scratchcnn.gradcheck.diagnosis.edits.seen import MOMENT, Moment
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from tests.gradcheck.diagnosis.edits.made import expression, kinds, told

ONE, TWO = np.array([1.0, 2.0]), np.array([3.0, 4.0])


def moment(number, n, seen):
    return {MOMENT: Moment(number, n, seen)}


def test_two_expressions_have_each_other_s_value_of_the_same_round():
    seen = {4: told(1, rounds=[1, 2]), 9: told(3, rounds=[3, 4])}
    site = expression("a` and `b", PAIR, members=(4, 9))
    (change, other) = exchanges(site, told(1))
    assert [change.kind, other.kind] == ["operand", "permuted"]
    assert change.said == "`a` and `b` exchanged"
    assert [change.edit(None, moment(number, n, seen)) for number in (4, 9) for n in (0, 1)] == [3, 4, 1, 2]
    windows = kinds(exchanges, expression("[a]` and `[b]", PAIR, members=(4, 9)), told(1))
    assert windows == {"`[a]` and `[b]` exchanged": ["shifted", "permuted", "operand"]}
    assert kinds(exchanges, expression("a` and `b", FACTOR, members=(4, 9)), told(1)) == {}


def test_two_variables_stand_for_each_other():
    known = {"a": ONE, "b": TWO, "c": 2.0, "again": ONE.copy()}
    (change, other) = exchanged_names(expression("a` and `b", NAMES), told(None, known))
    assert [change.kind, other.kind] == ["operand", "swapped"]
    assert change.said == "`a` and `b` exchanged"
    assert change.edit(ONE, known) is TWO
    assert change.edit(TWO, known) is ONE
    assert kinds(exchanged_names, expression("a` and `c", NAMES), told(None, known)) == {}
    assert kinds(exchanged_names, expression("a` and `missing", NAMES), told(None, known)) == {}
    assert kinds(exchanged_names, expression("a` and `b", PAIR), told(None, known)) == {}


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        (ONE, TWO, True),
        (ONE, ONE.copy(), False),
        (ONE, TWO[:1], False),
        (ONE, TWO.astype(int), False),
        (ONE.astype(int), TWO.astype(int), True),
        (0.5, 2.0, True),
        (0.5, 0.5, False),
        (0.5, np.array(2.0), True),
        (2, 3, False),
        (ONE, None, False),
        (None, None, False),
        ([1.0], [2.0], False),
    ],
)
def test_values_of_the_same_kind_may_be_exchanged(one, other, may):
    assert may_be_exchanged(one, other) == may


def site(number, text, role, counters=(), members=()):
    return Site(number, Place(True, role), text, text, "file.py", 3, counters, members)


S = slice(1, 3)
SITES = [
    (site(1, "i", INDEX, ("i",)), told(0, rounds=[0, 1])),
    (site(2, "j", INDEX, ("i", "j")), told(2, rounds=[2, 3])),
    (site(3, "0", INDEX), told(0)),
    (site(4, "rows", INDEX), told(np.array([1, 2]))),
    (site(5, "k", FACTOR), told(5)),
    (site(6, "1:3", WINDOW), told(S, rounds=[S])),
    (site(7, "2:4", WINDOW), told(S, rounds=["w"])),
    (site(8, "i:", WINDOW), told(S, rounds=[S, S])),
    (site(9, "m", INDEX, (), (1, 2)), told(7)),
]
SCENE = SimpleNamespace(look=SimpleNamespace(sites=SITES))


def test_the_index_of_another_array_may_belong_there():
    family = other_indices(SCENE)
    assert kinds(family, *SITES[1]) == {"index `i` in place of `j`": ["operand"]}
    assert kinds(family, *SITES[0]) == {}  # there is no j
    assert kinds(family, *SITES[2]) == {}
    both = site(1, "i", INDEX, ("i", "j"))
    (change,) = family(both, told(0))
    seen = dict(zip(range(1, 10), (seen for _, seen in SITES), strict=True))
    assert [change.edit(None, moment(1, n, seen)) for n in (0, 1)] == [2, 3]
    assert kinds(family, site(5, "i", FACTOR, ("i", "j")), told(0)) == {}


def test_the_slices_of_another_array_may_belong_there():
    family = other_indices(SCENE)
    assert kinds(family, *SITES[5]) == {"`[2:4]` in place of `[1:3]`": ["operand", "shifted"]}
    assert kinds(family, *SITES[7]) == {}
    assert kinds(family, site(6, "1:3", WINDOW, (), (6, 7)), told(S, rounds=[S])) == {}
    (change, _) = family(*SITES[5])
    assert change.edit(None, moment(6, 0, {7: SITES[6][1]})) == "w"


def test_without_a_look_at_the_code_there_is_no_other_index():
    assert kinds(other_indices(SimpleNamespace(look=None)), *SITES[1]) == {}
