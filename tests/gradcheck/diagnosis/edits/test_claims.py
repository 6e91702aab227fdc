"""The search for an expression of backward that is wrong: what is tried, in which order, and when it ends."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.budget import TooDear
from scratchcnn.gradcheck.diagnosis.edits import claims as module
from scratchcnn.gradcheck.diagnosis.edits.change import Change
from scratchcnn.gradcheck.diagnosis.edits.claims import (
    FAMILIES,
    MANY,
    MOST_RUNS,
    RESERVED,
    _searches,
    _up_to_the_first,
    wrong_expression,
)
from scratchcnn.gradcheck.diagnosis.edits.look import Suspect
from scratchcnn.gradcheck.diagnosis.edits.places import TOGETHER
from tests.gradcheck.diagnosis.edits.made import expression, told

X = np.ones((2, 3))


def suspect(number, *, line=0, members=(), depth=0, role="", file="file.py", **facts):
    """A suspect on a line of its own, unless that is given."""
    site = replace(expression(f"e{number}", role, members=members), number=number, line=line or 10 * number, file=file)
    return Suspect(site, replace(told(X), depth=depth), **{"alone": True, **facts})


def numbers(suspects):
    return [each.site.number for each in suspects]


@pytest.mark.parametrize(
    ("wrong", "right", "near", "others"),
    [
        ((3, 4), 3, [3, 7, 6], [9, 1]),
        ((4,), 4, [4], [9, 3, 1, 6]),
        ((4,), 3, [4, 3, 7, 6], [9, 1]),  # from the last that is right to the first that is wrong
        ((4,), 1, [4, 3, 1, 7, 6], [9]),
        ((), 1, [], [9, 5, 4, 3, 1, 7, 8, 6]),
    ],
)
def test_what_is_computed_after_the_first_that_is_wrong_is_not_searched(monkeypatch, wrong, right, near, others):
    """On line 30 are 9, 3, 7 and 6, which matters to a right gradient, too; in another file, 8 is on that of 4."""
    several = {"members": (1, 3), "alone": False, "line": 30}
    suspects = [suspect(9, **several), suspect(5), suspect(4), suspect(3), suspect(1, alone=False)]
    suspects += [suspect(7, line=30), suspect(8, line=40, file="other.py"), suspect(6, line=30, shared=True)]
    order = [1, 6, 3, 4, 5, 7, 8, 9]
    by_number = {each.site.number: each for each in suspects}
    sites = [(by_number[number].site, by_number[number].seen) for number in order]
    scene = SimpleNamespace(look=SimpleNamespace(seen=dict.fromkeys(order), sites=sites))
    asked = []

    def fitting(s, index, inner):
        assert (s, index) == (scene, 2)
        asked.extend(numbers(inner))
        return ((each, f"of e{each.site.number}") for each in inner if each.site.number in (3, 4, 5))

    def begins(s, each, text):
        assert (s, text) == (scene, f"of e{each.site.number}")
        return each.site.number in wrong

    def last_right(s, before):
        assert (s, before) == (scene, order.index(wrong[0]))
        return order.index(right)

    monkeypatch.setattr(module, "suspects_of", lambda *given: suspects if given == (scene, 2) else None)
    monkeypatch.setattr(module, "fitting", fitting)
    monkeypatch.setattr(module, "begins", begins)
    monkeypatch.setattr(module, "last_right", last_right)
    assert tuple(map(numbers, _up_to_the_first(scene, 2))) == (near, others)
    assert asked == [3, 4, 5, 7, 8]


def test_without_a_look_there_are_no_suspects():
    scene = SimpleNamespace(look=None, right_beside=lambda index: [], flows={})
    assert _up_to_the_first(scene, 0) == ([], [])


# Families that are made for a gradient.
MADE = ("powers", "counts", "kept_statistics", "scales", "other_indices", "stretches")


def test_specific_changes_come_first_and_what_forward_has_too_comes_last(monkeypatch):
    for name in MADE:
        monkeypatch.setattr(module, name, lambda *given, name=name, **known: (name, *given, *known.values()))
    (together, *_) = TOGETHER
    near, far = suspect(1), suspect(2, depth=1)
    wide, copied, several = suspect(3, alone=False), suspect(4, copied=True), suspect(5, role=together)
    scene = object()
    found = [(family, numbers(some)) for family, some in _searches(scene, 6, [near, wide, far, copied, several])]
    specific = [(("powers", scene),), *FAMILIES, (("counts", scene, 6),), (module.literals,)]
    exchanged = module.exchanges, module.exchanged_names, ("kept_statistics", scene)
    known = (("scales", scene, 6, True), ("other_indices", scene)), (("stretches", scene, 6, True),)
    unknown = ("scales", scene, 6, False), ("stretches", scene, 6, False)
    of_wide = [
        (module.masked, module.variables, module.computed, module.factors, module.derivatives, module.terms),
        (module.functions, module.parts, module.slopes),
        (module.moves,),
    ]
    assert (
        found
        == [
            (specific[0], [3, 2, 1]),  # the last lines first
            *((family, [1, 3, 2]) for family in specific[1:]),
            (exchanged, [5]),
            ((module.names, module.helpers, module.counters), [4]),
            *((family, [1, 3]) for family in known),
            *((family, [1]) for family in MANY),
            *((family, [3]) for family in of_wide),
            (unknown, [1, 3]),
            *((family, [2]) for family in known),
            *((family, [2]) for family in MANY),
            *((family, []) for family in of_wide),
            (unknown, [2]),
            *((family, [4]) for family in specific),
        ]
    )


def test_families_go_from_the_specific_to_the_general():
    places = {family.__name__: k for k, group in enumerate((*FAMILIES, *MANY)) for family in group}
    assert len(places) == sum(map(len, (*FAMILIES, *MANY)))  # each is tried once
    # A limit beyond all values is none; what is too much explains a term of any kind.
    for first, then in (("masks", "constants"), ("windows", "superfluous"), ("superfluous", "terms")):
        assert places[first] < places[then]


RIGHT, WRONG, LATER = (Change(kind, f"{kind} in its place", None) for kind in ("right", "wrong", "later"))
SITES = [suspect(1), suspect(2)]


def scene_with(monkeypatch, *families, right=(), held=(), runs=1, spent=0, last=10**6, calls=1000, gradient=X):
    """A search through some families, in which some changes of the first expression are right."""
    budget = SimpleNamespace(spent=spent, last=last, calls=calls)
    tried = []

    def is_right_with(s, site, change, index, beside):
        assert (index, beside) == (4, [5])
        tried.append((site.number, change.said))
        s.budget.spent += runs
        return site.number == 1 and change in s.right

    look = SimpleNamespace(held=list(held), unfinished=set())
    scene = SimpleNamespace(look=look, inputs={4: X}, budget=budget, right=right, tried=tried)
    scene.right_beside, scene.analytic = {4: [5]}.get, {4: gradient}.get

    def searches(s, index, suspects):
        assert (s, index) == (scene, 4)
        return [(family, suspects) for family in families]

    monkeypatch.setattr(module, "is_right_with", is_right_with)
    monkeypatch.setattr(module, "_up_to_the_first", lambda *given: (SITES, []) if given == (scene, 4) else ([], []))
    monkeypatch.setattr(module, "_searches", searches)
    return scene


def giving(*changes):
    """A family of these changes, of the expressions that are suspected and what they told."""
    return lambda *given: iter(changes if given in [(s.site, s.seen) for s in SITES] else ())


def test_the_families_after_the_first_that_holds_are_not_tried(monkeypatch):
    families = (giving(WRONG), giving(RIGHT, WRONG)), (giving(LATER),)
    scene = scene_with(monkeypatch, *families, right=(RIGHT, LATER))
    found = []
    for claim in wrong_expression(scene, 4):
        assert claim.holds(scene)
        found.append((claim.kind, claim.message, claim.inside))
    assert found == [("right", f"right with right in its place: {SITES[0].site.where}", True)]
    assert scene.look.held == [(SITES[0].site, RIGHT)]
    assert (2, RIGHT.said) in scene.tried
    assert not any(said == LATER.said for _, said in scene.tried)


def test_what_does_not_hold_at_another_point_ends_no_search(monkeypatch):
    scene = scene_with(monkeypatch, (giving(RIGHT),), (giving(LATER),), right=(RIGHT, LATER))
    other = SimpleNamespace(**{**vars(scene), "right": (LATER,)})
    kinds = []
    for claim in wrong_expression(scene, 4):
        if claim.holds(scene) and claim.holds(other):
            kinds.append(claim.kind)
    assert kinds == ["later"]
    assert scene.look.held == [(SITES[0].site, LATER)]


def test_what_explains_another_gradient_explains_this_one(monkeypatch):
    held = [(SITES[1].site, LATER), (SITES[0].site, LATER), (SITES[0].site, RIGHT)]
    scene = scene_with(monkeypatch, (giving(RIGHT),), right=(RIGHT, LATER), held=held)
    (claim,) = wrong_expression(scene, 4)
    assert claim.message == f"right with {LATER.said}: {SITES[0].site.where}"
    assert claim.holds(scene)


def test_without_a_look_or_with_another_shape_nothing_is_searched(monkeypatch):
    families = ((giving(RIGHT),),)
    assert len(list(wrong_expression(scene_with(monkeypatch, *families, right=(RIGHT,)), 4))) == 1
    assert list(wrong_expression(scene_with(monkeypatch, *families, right=(RIGHT,), gradient=X[0]), 4)) == []
    scene = scene_with(monkeypatch, *families, right=(RIGHT,))
    scene.look = None
    assert list(wrong_expression(scene, 4)) == []


@pytest.mark.parametrize(
    ("budget", "runs"),
    [
        ({"runs": 100}, MOST_RUNS // 100 + 1),
        ({"runs": 100, "spent": 5000}, MOST_RUNS // 100 + 1),
        ({"last": 500, "calls": 21 * RESERVED - 1}, 500 - 20 + 1),
    ],
)
def test_a_search_ends_when_it_has_taken_too_many_runs(monkeypatch, budget, runs):
    scene = scene_with(monkeypatch, (giving(*[WRONG] * 400),), (giving(RIGHT),), right=(RIGHT,), **budget)
    assert list(wrong_expression(scene, 4)) == []
    assert len(scene.tried) == runs
    assert scene.look.unfinished == {4}


def test_the_statements_in_which_it_becomes_wrong_come_first_and_what_is_shared_last(monkeypatch):
    near, shared, own = suspect(1), suspect(2, shared=True), suspect(3)
    scene = scene_with(monkeypatch)
    tried = []

    def family(said):
        def changes(site, seen):
            tried.append((said, site.number))
            return iter(())

        return changes

    def searches(said):
        return lambda s, index, some: [((family(said),), some)] if (s, index) == (scene, 4) else []

    monkeypatch.setattr(module, "_up_to_the_first", lambda *given: ([near], [shared, own]))
    monkeypatch.setattr(module, "_searches", searches("all"))
    monkeypatch.setattr(module, "_specific", searches("specific"))
    assert list(wrong_expression(scene, 4)) == []
    assert tried == [("all", 1), ("all", 3), ("specific", 2)]
    assert scene.look.unfinished == set()


def test_changes_that_have_to_know_too_much_are_left_out(monkeypatch):
    def dear(site, seen):
        yield WRONG
        raise TooDear

    scene = scene_with(monkeypatch, (dear, giving(RIGHT)), right=(RIGHT,))
    (claim,) = wrong_expression(scene, 4)
    assert claim.kind == "right"
    assert (1, WRONG.said) in scene.tried
