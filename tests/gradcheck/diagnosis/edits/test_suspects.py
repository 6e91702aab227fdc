"""Which expressions of backward may make a gradient wrong, and which change of one makes it right."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.budget import TooDear
from scratchcnn.gradcheck.diagnosis.edits import suspects as module
from scratchcnn.gradcheck.diagnosis.edits.change import Change
from scratchcnn.gradcheck.diagnosis.edits.look import Suspect
from scratchcnn.gradcheck.diagnosis.edits.places import ASSIGNED, LIMIT, NAMES, VALUE
from scratchcnn.gradcheck.diagnosis.edits.seen import Earlier
from scratchcnn.gradcheck.diagnosis.edits.suspects import (
    FAR,
    _is_copied,
    _less,
    _recomputing,
    _suspects,
    is_right_with,
    is_true,
    suspects_of,
)
from scratchcnn.gradcheck.diagnosis.estimates import Estimate
from scratchcnn.gradcheck.diagnosis.scene import NEAR
from tests.gradcheck.diagnosis.claims import drawn, scene_of
from tests.gradcheck.diagnosis.edits.made import expression, told

A, B = drawn(4), drawn(4, seed=1)


def numbered(number, text="e", role=VALUE, **options):
    return replace(expression(text, role, **options), number=number)


@pytest.mark.parametrize(
    ("value", "other", "copied"),
    [
        (A, A.copy(), True),
        (A, B, False),
        (A, 2.0, False),
        (2.0, 2.0, True),
        (2.0, 3.0, False),
        (2.0, A, False),
        (2.0, 2, False),
        ((0, 1), (2, 3), True),
    ],
)
def test_an_expression_is_copied_where_forward_has_it_in_the_same_place_with_the_same_value(value, other, copied):
    site = expression("f(x)", around="g * f(x)")
    suspect = Suspect(site, told(value), True)
    assert _is_copied(suspect, {("f(x)", "g * f(x)"): [other]}) is copied
    assert _is_copied(suspect, {("f(x)", "g * f(x)"): [B + 1, other]}) is copied  # forward has it twice
    assert not _is_copied(suspect, {("f(x)", "f(x) + 1"): [value], ("x", "g * f(x)"): [value]})
    several = Suspect(replace(site, members=(1, 2)), told(value), True)
    assert not _is_copied(several, {("f(x)", "g * f(x)"): [value]})


def test_the_likely_ones_come_first_and_are_known_the_second_time(monkeypatch):
    once, twice, deep = numbered(1, "once"), numbered(2, "twice", around="twice + 1"), numbered(3, "deep")
    many, wide, plain = numbered(4, "many", members=(1, 2)), numbered(5, "wide"), numbered(6, "plain")
    common, part = numbered(7, "common"), numbered(8, "part", around="part * 2")
    found = [
        Suspect(common, told(A), True, shared=True),
        Suspect(part, told(A), True),
        Suspect(once, told(A), True),
        Suspect(deep, replace(told(A), depth=1), True),
        Suspect(wide, told(A), False),
        Suspect(many, told(A), True),
        Suspect(twice, told(A), True),
        Suspect(plain, told(A), True),
    ]
    asked = []

    def search(scene, look, index, right):
        asked.append((look is scene.look, index, right))
        return iter(found)

    monkeypatch.setattr(module, "_suspects", search)
    of_forward = [(once, told(A)), (twice, told(A)), (numbered(9, "known"), told(B))]
    sites = [*of_forward, (twice, told(A)), (many, told(2 * A)), (part, told(A)), (numbered(10, "part * 2"), told(B))]
    look = SimpleNamespace(suspects={}, sites=sites, forward_sites=of_forward)
    scene = SimpleNamespace(look=look, right_beside=lambda index: [index + 1])
    first = suspects_of(scene, 0)
    assert [s.site.text for s in first] == ["twice", "plain", "many", "wide", "part", "deep", "once", "common"]
    assert [s.copied for s in first] == [s.site is once for s in first]
    assert suspects_of(scene, 0) is first
    assert suspects_of(scene, 2) is not first
    assert asked == [(True, 0, [1]), (True, 2, [3])]
    assert suspects_of(SimpleNamespace(look=None), 0) == []


@pytest.mark.parametrize(
    ("of_forward", "recomputed"),
    [
        (told(B), True),
        (told(A, rounds=[A, B]), True),  # in a later round of a loop
        (told(A), False),
        (told(np.float64(2)), False),
    ],
)
def test_a_part_of_what_computes_a_value_of_forward_is_hardly_wrong(of_forward, recomputed):
    sites = [
        (numbered(1, "x", around="2 * x"), told(A)),
        (numbered(2, "2 * x", around="f(2 * x)"), told(2 * A)),
        (numbered(3, "f(2 * x)", around="f(2 * x) + 1"), told(B)),
        (numbered(4, "f(2 * x) + 1", around="y = f(2 * x) + 1"), told(B + 1)),
    ]
    look = SimpleNamespace(sites=sites, forward_sites=[(numbered(5, "a"), of_forward)])
    recomputes = _recomputing(look)
    assert [recomputes(site) for site, _ in sites] == [recomputed, recomputed, False, False]
    assert not recomputes(replace(sites[1][0], line=sites[1][0].line + 1))  # the same text elsewhere


WRONG = np.array([True, False, False, False])


def scene_with(*sites, reach=None, right=None, known=True, gradients=(A, B)):
    """The first of two gradients is wrong at its first entry, the second is right."""
    reach = {} if reach is None else reach
    look = SimpleNamespace(sites=sites, reach=lambda number, index: reach.get((number, index)))
    right = [1] if right is None else right
    inputs, wrt = [A, B], range(2)
    wrong = {0: (WRONG, np.full(4, known)), 1: (np.zeros(4, bool), np.full(4, known))}
    truth = {0: 3 * A, 1: B}

    def is_known(index):
        raise TooDear

    scene = SimpleNamespace(look=look, inputs=inputs, wrt=wrt, gradients=gradients, wrong=wrong, truth=is_known)
    scene.right_at = None
    scene.further = False
    scene.is_true = lambda gradient, index: np.array_equal(gradient, truth[index])
    return scene, look, 0, right


NONE, ALL = np.zeros(4, bool), np.ones(4, bool)


@pytest.mark.parametrize(
    ("here", "there", "expected"),  # alone, shared
    [
        (WRONG, None, (True, False)),
        (WRONG, NONE, (True, False)),
        (ALL, NONE, (False, False)),
        (WRONG, WRONG, (True, True)),
        (ALL, WRONG, (True, True)),
        (~WRONG, NONE, None),
        (~WRONG, ALL, None),
        (NONE, NONE, None),
        (None, NONE, None),
        (None, ALL, None),
        (None, None, None),
    ],
)
def test_a_suspect_matters_to_every_wrong_entry_and_is_shared_if_to_a_right_gradient_too(here, there, expected):
    reach = {(1, 0): here, (1, 1): there}
    found = list(_suspects(*scene_with((numbered(1), told(A)), reach=reach)))
    assert [(s.alone, s.shared) for s in found] == ([] if expected is None else [expected])


def test_a_suspect_is_alone_where_no_entry_is_known_to_be_right():
    reach = {(1, 0): ALL, (1, 1): ALL}
    given = {"reach": reach, "right": []}
    assert [s.alone for s in _suspects(*scene_with((numbered(1), told(A)), **given))] == [False]
    assert [s.alone for s in _suspects(*scene_with((numbered(1), told(A)), **given, known=False))] == [True]
    reach[1, 0] = WRONG
    assert [s.alone for s in _suspects(*scene_with((numbered(1), told(A)), **given))] == [False]
    assert [s.alone for s in _suspects(*scene_with((numbered(1), told(A)), **given, gradients=(A, None)))] == [True]
    reach[1, 1] = np.ones(3, bool)
    assert [s.alone for s in _suspects(*scene_with((numbered(1), told(A)), **given))] == [True]


def test_where_nobody_knows_which_entries_are_wrong_whatever_matters_is_a_suspect():
    scene, *rest = scene_with((numbered(1), told(A)), (numbered(2), told(A)), reach={(2, 0): NONE})
    scene.wrong = {}
    assert [(s.site.number, s.alone, s.shared) for s in _suspects(scene, *rest)] == [(2, True, False)]


@pytest.mark.parametrize(
    ("site", "seen"),
    [
        (numbered(1), told(3)),
        (numbered(1, role=LIMIT), told(A)),
        (numbered(1, role=ASSIGNED, name="d"), told(A, {"d": B})),
    ],
)
def test_what_cannot_be_twice_as_large_is_a_suspect(site, seen):
    (suspect,) = _suspects(*scene_with((site, seen)))
    assert (suspect.site, suspect.alone, suspect.shared) == (site, True, False)


def test_names_are_suspects_where_their_values_may_be_exchanged():
    site = numbered(1, "a` and `b", NAMES)
    for other, there in ((B, True), (A, False), (B[:2], False), (None, False)):
        found = list(_suspects(*scene_with((site, told("names", {"a": A, "b": other})), (numbered(2), told(3)))))
        assert [s.site.number for s in found] == ([1, 2] if there else [2])


def test_what_is_the_true_gradient_is_no_help():
    scene, *_ = scene_with()
    earlier = [(Earlier(3 * A, True), Earlier(A, True)), (Earlier(0.0, False),)]
    values = {"true": 3 * A, "other": A, "short": A[:2], "number": 2.0, "list": [3 * A]}
    less = _less(told(A, values, earlier=earlier), scene, 0)
    assert less.variables.keys() == values.keys() - {"true"}
    assert [[e.value is A or e.value for e in each] for each in less.earlier] == [[True], [0.0]]
    assert less.value is A
    (suspect,) = _suspects(*scene_with((numbered(1), told(A, values)), reach={(1, 0): WRONG}))
    assert "true" not in suspect.seen.variables
    (suspect,) = _suspects(*scene_with((numbered(1), told(3, values))))
    assert "true" not in suspect.seen.variables


def test_a_gradient_is_true_where_every_entry_is():
    scene = scene_of(np.sin, lambda g, x: 2 * g * np.cos(x), A)
    truth = scene.cotangent * np.cos(A)
    assert is_true(scene, truth, 0)
    assert is_true(scene, truth * (1 + 1e-15), 0)
    far = np.where(np.arange(4) == np.abs(truth).argmin(), truth * (1 + FAR), truth)
    for other in (None, 2 * truth, far, truth[:2], truth + 0j, truth.astype(int), truth * np.nan):
        assert not is_true(scene, other, 0)


def test_a_gradient_of_nothing_but_zeros_may_be_true():
    scene = scene_of(np.ones_like, lambda g, x: g, A)
    assert is_true(scene, np.zeros(4), 0)
    assert not is_true(scene, np.full(4, 1e-3), 0)


def test_a_small_entry_of_a_true_gradient_may_be_off_by_roundoffs_of_a_large_one():
    truth, slack = Estimate(np.array([1.0, 0.0]), np.zeros(2)), 1e-10
    scene = SimpleNamespace(inputs=[truth.value], truth={0: truth}.get, eps=1e-16, slack={0: slack}.get, further=False)
    for off, there in ((slack / 2, True), (slack * 2, False)):
        assert is_true(scene, np.array([1.0, off]), 0) == there


def test_a_gradient_is_true_along_a_direction_where_its_entries_are_too_many():
    scene, *_ = scene_with()
    assert [is_true(scene, gradient, 0) for gradient in (3 * A, A)] == [True, False]


def test_at_a_further_point_two_calls_prove_a_gradient():
    scene = scene_of(np.sin, lambda g, x: 2 * g * np.cos(x), A)
    truth, scene.further = scene.cotangent * np.cos(A), True
    before = scene.budget.spent
    assert is_true(scene, truth, 0)
    assert scene.budget.spent == before + 2
    assert is_true(scene, truth * (1 + NEAR / 10), 0)
    assert not any(is_true(scene, other, 0) for other in (2 * truth, truth * np.nan, truth[:2], None))


def test_a_gradient_that_is_off_along_a_direction_is_compared_entry_by_entry():
    """Along a direction, a kink or a large derivative may be in the way."""
    scene = scene_of(np.sin, lambda g, x: 2 * g * np.cos(x), A)
    truth, scene.further = scene.cotangent * np.cos(A), True
    scene.off = lambda index, gradient: 2 * NEAR
    assert is_true(scene, truth, 0)
    assert not is_true(scene, 2 * truth, 0)


@pytest.mark.parametrize(
    ("gradients", "differs", "beside", "right"),
    [
        ([3 * A, B], False, [1], True),
        ([3 * A, B], True, [1], True),  # another one by its roundings, and as true
        ([3 * A, B + 1], True, [1], False),
        ([3 * A, None], True, [1], False),
        ([3 * A, B + 1], False, [1], True),  # not compared
        ([3 * A, B + 1], True, [], True),
        ([A, B], False, [1], False),
        ([None, B], False, [1], False),
        (None, False, [1], False),
    ],
)
def test_a_change_makes_a_gradient_right_and_leaves_the_right_ones(gradients, differs, beside, right):
    scene, *_ = scene_with()
    change = Change("operand", "another", None)
    scene.look.changed = lambda number, made: gradients if (number, made) == (5, change) else None
    scene.look.differs = lambda made, k: differs and made is gradients and k == 1
    assert is_right_with(scene, numbered(5), change, 0, beside) is right
    scene.look = None
    assert not is_right_with(scene, numbered(5), change, 0, beside)


def test_what_is_right_at_another_point_stays_right_there():
    scene, *_ = scene_with()
    change = Change("operand", "another", None)
    scene.look.changed = lambda number, made: [3 * A, B]
    assert is_right_with(scene, numbered(5), change, 0, [])
    scene.right_at, *_ = scene_with()
    for gradient, right in ((3 * A, True), (2 * A, False)):
        scene.right_at.look.changed = lambda number, made, gradient=gradient: [gradient, B]
        assert is_right_with(scene, numbered(5), change, 0, []) is right
