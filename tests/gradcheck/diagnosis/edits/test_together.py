"""Expressions of a function that may be wrong together, and pairs of which each belongs where the other stands."""

import ast

import pytest

from scratchcnn.gradcheck.diagnosis.edits.places import (
    AUGMENTED,
    CALLED,
    FACTOR,
    INDEX,
    KEPT,
    NAMES,
    PAIR,
    STORE,
    TERM,
    WINDOW,
    Place,
)
from scratchcnn.gradcheck.diagnosis.edits.site import Site, numbers
from scratchcnn.gradcheck.diagnosis.edits.together import MOST_ADDED, MOST_NAMES, Together

PASS = ast.Pass()


def site(text, role=FACTOR, name=""):
    return Site(next(numbers), Place(True, role, name), text, f"around {text}", "folder/file.py", 7)


def statement(together, *sites, around=PASS):
    """The sites of a statement are met; the site of the statement."""
    together.begin()
    for each in sites:
        together.meet(each, around)
    whole = site("statement", STORE)
    together.end(whole)
    return whole


def groups(together, *roles):
    """The numbers of the sites that are grouped, those of some roles."""
    return [each.members for each in together.groups() if each.role in roles or not roles]


def number(*sites):
    return tuple(each.number for each in sites)


def test_expressions_of_the_same_text_and_role_are_alike():
    together = Together()
    a, b, again, term = site("x + 1"), site("y + 1"), site("x + 1"), site("x + 1", TERM)
    statement(together, a)
    statement(together, b)
    statement(together, again)
    statement(together, term)
    (group,) = together.groups()
    assert group.members == number(a, again)
    assert (group.text, group.role, group.times) == ("x + 1", FACTOR, 2)
    assert group.number not in number(a, b, again, term)
    assert group.where == "`around x + 1` (file.py:7, and 1 more like it)"


def test_a_text_twice_in_a_statement_is_alike_whatever_it_is_for():
    together = Together()
    a, term = site("x + 1"), site("x + 1", TERM)
    statement(together, a, term)
    statement(together, site("z * 2"))
    assert groups(together) == [number(a, term)]


def test_a_number_twice_in_a_statement_is_alike_where_it_is_for_the_same():
    together = Together()
    a, index, again = site("1"), site("1", INDEX), site("1")
    statement(together, a, index, again)
    assert groups(together) == [number(a, again)]


def test_the_same_expressions_are_one_group():
    together = Together()
    a, again = site("x + 1"), site("x + 1")
    statement(together, a, again)
    assert groups(together) == [number(a, again)]


def test_all_stores_are_alike():
    together = Together()
    a, b = site("d[0] = x", STORE), site("e[1] = y", STORE)
    statement(together, a)
    statement(together, b)
    assert groups(together) == [number(a, b)]


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("a.sum(1)", "b.mean(1)", True),
        ("a.sum(axis=1)", "b.mean(axis=1)", True),
        ("np.sum(a, 1)", "b.mean(1)", True),
        ("np.sum(a, 1, float)", "b.mean(1)", True),
        ("np.sum(a, 1)", "np.mean(b, axis=1)", True),
        ("a.sum(1)", "b.sum(0)", False),
        ("a.sum()", "b.sum()", True),
        ("a.sum(1)", "b.sum()", False),
    ],
)
def test_functions_that_reduce_along_the_same_axes_are_alike(one, other, alike):
    together, met = Together(), []
    for text in (one, other):
        call = ast.parse(text, mode="eval").body
        met.append(site(ast.unparse(call.func), CALLED, call.func.attr))
        statement(together, met[-1], around=call)
    assert groups(together) == ([number(*met)] if alike else [])


def test_other_functions_are_alike_where_their_names_are():
    together = Together()
    call = ast.parse("np.exp(a, 1)", mode="eval").body
    one, other = site("np.exp", CALLED, "exp"), site("np.log", CALLED, "log")
    statement(together, one, around=call)
    statement(together, other, around=call)
    assert groups(together) == []


def test_two_windows_of_a_statement_may_be_exchanged():
    together = Together()
    a, b, again, index = site("1:", WINDOW), site(":-1", WINDOW), site("1:", WINDOW), site("k + 0", INDEX)
    whole = statement(together, a, b, index)
    (pair,) = together.groups()
    assert (pair.text, pair.place, pair.members) == ("[1:]` and `[:-1]", Place(True, PAIR), number(a, b))
    assert (pair.around, pair.line) == (whole.around, whole.line)
    assert pair.where == "`around statement` (file.py:7)"
    together = Together()
    statement(together, a, again)
    assert groups(together, PAIR) == []


def test_two_variables_of_a_statement_may_be_exchanged_wherever_they_stand():
    together = Together()
    a, b, again, call = site("x"), site("y"), site("x", TERM), site("f", CALLED)
    statement(together, a, b, again, call, site("x + y"))
    (pair,) = (each for each in together.groups() if each.role == NAMES)
    assert (pair.text, pair.place, pair.members) == ("x` and `y", Place(True, NAMES), number(a, again, b))


def test_of_many_variables_the_first_are_tried():
    together = Together()
    statement(together, *(site(f"x{n}") for n in range(MOST_NAMES + 1)))
    assert len(groups(together, NAMES)) == MOST_NAMES * (MOST_NAMES - 1) // 2


def test_what_is_added_to_an_array_may_be_wrong_alike_or_exchanged():
    together = Together()
    added = [site(text, TERM) for text in ("a * b", "c * d", "a * b")]
    for each in added:
        together.add(each, "dx")
    together.add(site("e"), "dw")
    alike, *pairs = together.groups()
    assert alike.members == number(*added)
    assert [(pair.text, pair.members) for pair in pairs] == [
        ("a * b` and `c * d", number(*added[:2])),
        ("c * d` and `a * b", number(*added[1:])),
    ]
    assert {pair.place for pair in pairs} == {Place(True, PAIR)}
    many = Together()
    for n in range(MOST_ADDED + 1):
        many.add(site(f"a{n}"), "dx")
    assert len(groups(many, PAIR)) == MOST_ADDED * (MOST_ADDED - 1) // 2


def test_all_that_an_object_keeps_is_a_group():
    together = Together()
    mean, scale, again, deep = site("self.mean"), site("self.scale"), site("self.mean", TERM), site("self.a.b")
    statement(together, mean)
    statement(together, scale)
    statement(together, again)
    statement(together, deep)
    *_, kept = together.groups()
    assert (kept.place, kept.members) == (Place(True, KEPT), number(mean, scale, again))
    alone = Together()
    statement(alone, mean)
    statement(alone, again)
    assert groups(alone, KEPT) == []


@pytest.mark.parametrize(
    ("place", "text", "assigned", "updates"),
    [
        (Place(True, "assigned", "h"), "h * 2", "h", True),
        (Place(True, "assigned", "h"), "f(h)", "h", True),
        (Place(True, "assigned", "h"), "hh * 2", "h", False),
        (Place(True, FACTOR, "h", AUGMENTED), "2", "h", True),
        (Place(True, FACTOR, "f", 0), "h", "", True),
    ],
)
def test_a_variable_that_is_assigned_anew_is_known(place, text, assigned, updates):
    each = Site(1, place, text, text, "file.py", 3)
    assert each.assigned == assigned
    if assigned:
        assert each.updates == updates
