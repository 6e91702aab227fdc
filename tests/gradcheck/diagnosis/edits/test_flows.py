"""An expression of backward beside what flows back to the one of forward that it belongs to."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits import flows as module
from scratchcnn.gradcheck.diagnosis.edits.flows import (
    _may_be,
    _of_round,
    _relations,
    begins,
    fitting,
    last_right,
    wrong_flow,
)
from scratchcnn.gradcheck.diagnosis.edits.look import Suspect
from scratchcnn.gradcheck.diagnosis.edits.seen import EACH, MOMENT, Moment
from scratchcnn.gradcheck.diagnosis.steps.flows import Flow
from tests.gradcheck.diagnosis.claims import drawn, scene_of
from tests.gradcheck.diagnosis.edits.made import expression, told

VALUE = drawn(4, 5)
ROW, COLUMN, FULL = drawn(5, seed=1), drawn(4, 1, seed=2), drawn(4, 5, seed=3)
SITE = expression("d", around="d * w")


def related(flow, value=VALUE, later=None, **variables):
    """What is said of a value in whose place a flow belongs."""
    nodes = np.arange(flow.size)
    flows = {"y": Flow(flow, nodes), **({} if later is None else {"z": Flow(later, nodes)})}
    look = SimpleNamespace(seen={SITE.number: told(value, variables)})
    return list(_relations(SimpleNamespace(look=look, flows=flows, record=None), SITE, "y"))


FACTORS = {
    "`a`": lambda a: a,
    "(1 - `a`)": lambda a: 1 - a,
    "1 / `a`": lambda a: 1 / a,
    "1 / `a`²": lambda a: 1 / a**2,
    "log(`a`)": np.log,
}


@pytest.mark.parametrize(("said", "function"), FACTORS.items(), ids=["a", "1 - a", "1 by a", "1 by its square", "log"])
@pytest.mark.parametrize("array", [ROW, COLUMN, FULL])
def test_a_factor_is_found_among_the_variables(said, function, array):
    a = np.abs(array)
    found = related(VALUE * function(a), a=a)
    assert ("missing-factor", f"that lacks the factor {said}") in found


def test_a_factor_of_two_numbers_is_found():
    a = np.where(FULL > 0, 2.0, 3.0)
    assert ("missing-factor", "that lacks the factor `a`") in related(VALUE * a, a=a)
    a = np.full((4, 5), 3.0)
    assert ("missing-factor", "that lacks the factor `a`") not in related(VALUE * a, a=a)  # any number is one


def test_a_factor_that_is_the_same_along_an_axis_is_found():
    assert related(VALUE * ROW) == [("missing-factor", "that lacks a factor, the same along axis 0")]
    assert related(VALUE * COLUMN) == [("missing-factor", "that lacks a factor, the same along axis 1")]
    assert related(VALUE * 3) == [
        ("missing-factor", f"that lacks a factor, the same along {over}")
        for over in ("axis 0", "axis 1", "axes 0 and 1")
    ]
    assert related(VALUE * FULL) == []
    # With two entries to each number, any value has such a factor.
    assert related((VALUE * ROW)[:2], VALUE[:2]) == []


def test_a_factor_is_none_where_only_few_entries_are_there():
    few = np.where(np.arange(20).reshape(4, 5) < 3, VALUE, 0)
    more = np.where(np.arange(20).reshape(4, 5) < 4, VALUE, 0)
    assert not any(kind == "missing-factor" for kind, _ in related(few * FULL, few, a=FULL))
    assert any(kind == "missing-factor" for kind, _ in related(more * FULL, more, a=FULL))
    assert not any(kind == "missing-factor" for kind, _ in related(more * FULL + (more == 0), more, a=FULL))


def test_a_term_is_found_among_the_variables_or_along_an_axis():
    assert ("missing-term", "that lacks a multiple of `a` along axis 0") in related(VALUE + ROW * FULL, a=FULL)
    assert ("missing-term", "that lacks a multiple of `a` along axes 0 and 1") in related(VALUE + 3 * FULL, a=FULL)
    assert ("missing-term", "that lacks a multiple of `a` along axis 1") in related(VALUE + COLUMN * ROW, a=ROW)
    assert related(VALUE + ROW) == [
        ("missing-term", "that lacks a term, as of a mean taken for a constant: one that is the same along axis 0")
    ]
    assert related(VALUE + COLUMN) == [
        ("missing-term", "that lacks a term, as of a mean taken for a constant: one that is the same along axis 1")
    ]
    assert related(VALUE + drawn(4, 5, seed=7), a=FULL) == []
    for flow in (3 * VALUE, ROW * VALUE):  # a factor is missing
        assert not any(kind == "missing-term" for kind, _ in related(flow, a=VALUE))


@pytest.mark.parametrize("scale", [2.0**-40, 1.0, 2.0**40])
def test_a_mask_that_is_missing_or_too_much_is_said(scale):
    keep, value = FULL > 0, scale * VALUE
    assert ("subset", "a mask is missing, where nothing flows back") in related(value * keep, value)
    found = related(value, value * keep)
    assert ("subset", "that lets nothing flow back at some entries where something does") in found
    for flow in (value * FULL, np.where(keep, value, 2 * value), 0 * value):
        assert not any(kind == "subset" for kind, _ in related(flow, value))


def test_a_diagonal_jacobian_is_said_with_the_later_expression(monkeypatch):
    later = drawn(4, 5, seed=6)
    flows = {"y": Flow(FULL, np.arange(20)), "z": Flow(later, np.arange(20, 40)), "few": Flow(ROW, np.arange(5))}
    scene = SimpleNamespace(look=SimpleNamespace(seen={SITE.number: told(VALUE)}), flows=flows, record="a record")
    monkeypatch.setattr(module, "own_parts", lambda record, of, through: VALUE if through is flows["z"] else None)
    said = "that takes each entry of `z` to depend on its own alone (a diagonal Jacobian)"
    assert list(_relations(scene, SITE, "y")) == [("missing-term", said)]
    monkeypatch.setattr(module, "own_parts", lambda record, of, through: VALUE + 1e-6)
    assert list(_relations(scene, SITE, "y")) == []


def test_what_is_not_known_or_has_another_shape_is_not_compared():
    look = SimpleNamespace(seen={SITE.number: told(VALUE)})
    flows = {"y": Flow(VALUE * ROW, np.arange(20))}
    assert list(_relations(SimpleNamespace(look=None, flows=flows, record=None), SITE, "y")) == []
    assert list(_relations(SimpleNamespace(look=look, flows={}, record=None), SITE, "y")) == []
    assert list(_relations(SimpleNamespace(look=look, flows=flows, record=None), expression("e"), "y"))
    other = SimpleNamespace(seen={})
    assert list(_relations(SimpleNamespace(look=other, flows=flows, record=None), SITE, "y")) == []
    assert related(ROW * 3) == related(VALUE * 3, 2.0) == []


def suspect(value=VALUE, rounds=None, **options):
    return Suspect(expression("d", **options), told(value, rounds=rounds or [value]), False)


def test_a_flow_of_the_same_shape_may_belong_in_the_place_of_a_value():
    assert _may_be(suspect(), "y", FULL)
    assert not _may_be(suspect(), "y", VALUE * (1 + 1e-12))
    assert _may_be(suspect(), "y", VALUE * (1 + 1e-6))
    assert not _may_be(suspect(), "y", ROW)
    assert not _may_be(suspect(2.0), "y", np.array(3.0))
    assert not _may_be(suspect(members=(1, 2)), "y", FULL)


@pytest.mark.parametrize("scale", [2.0**-40, 2.0**40])
def test_what_is_the_same_does_not_depend_on_the_scale(scale):
    assert _may_be(suspect(scale * VALUE), "y", scale * FULL)
    assert not _may_be(suspect(scale * VALUE), "y", scale * VALUE * (1 + 1e-12))


def test_the_flows_of_all_rounds_belong_there_in_reverse():
    rounds = [ROW, 2 * ROW, 3 * ROW]
    each = np.array(rounds)
    assert _may_be(suspect(ROW, rounds), f"{EACH}y", each)
    assert not _may_be(suspect(ROW, rounds), f"{EACH}y", each[::-1])
    assert not _may_be(suspect(ROW, rounds[:2]), f"{EACH}y", each)
    assert not _may_be(suspect(ROW, rounds), f"{EACH}y", each[:, :2])
    assert [_of_round(each, None, {MOMENT: Moment(7, n, {})})[0] / ROW[0] for n in range(3)] == [3, 2, 1]


def test_an_expression_that_is_right_at_first_is_not_where_it_begins():
    flows = {"y": Flow(VALUE, None), f"{EACH}h": Flow(np.array([FULL, 2 * FULL, VALUE]), None)}
    scene = SimpleNamespace(flows=flows)
    assert not begins(scene, suspect(), "y")
    assert begins(scene, suspect(FULL), "y")
    assert not begins(scene, suspect(), f"{EACH}h")
    assert begins(scene, suspect(FULL), f"{EACH}h")


def test_the_last_expression_that_is_a_flow_is_known():
    flows = {"y": Flow(VALUE, None), f"{EACH}h": Flow(np.array([FULL, 2 * FULL]), None)}
    values = [drawn(4, 5, seed=8), VALUE, 2 * FULL * (1 + 1e-12), FULL, VALUE[:2], 2.0]
    sites = [(expression("d"), told(value)) for value in values]
    scene = SimpleNamespace(flows=flows, look=SimpleNamespace(sites=sites))
    # Backward begins with the last round of forward's loop, at 2; the first round, at 3, is none of its first.
    assert [last_right(scene, before) for before in range(7)] == [0, 0, 1, 2, 2, 2, 2]
    sites[2] = expression("d", members=(1, 2)), told(2 * FULL)
    assert last_right(scene, 6) == 1
    sites[1] = expression("d"), told(VALUE * (1 + 1e-6))
    assert last_right(scene, 6) == 0
    sites[1:3] = [(expression("d"), told(VALUE[0])), (expression("d"), told(np.zeros((4, 5))))]
    scene.flows["z"] = Flow(np.broadcast_to(VALUE[0], (4, 5)), None)
    assert last_right(scene, 6) == 0  # a row is no matrix of equal rows
    assert last_right(SimpleNamespace(flows=flows, look=None), 6) == 0


def test_a_wrong_flow_is_located_and_what_it_lacks_is_said(monkeypatch):
    """In place of the suspect, only one flow makes the gradient right."""
    scene = scene_of(np.sin, lambda g, x: 2 * g * np.cos(x), drawn(4, 5))
    scene.__dict__["look"] = SimpleNamespace(seen={SITE.number: told(VALUE)})
    flows = {"y": Flow(VALUE * ROW, np.arange(20)), "z": Flow(FULL, np.arange(20))}
    scene._records = SimpleNamespace(first=None, flows=flows)
    tried = []

    def is_right_with(s, site, change, index, right):
        tried.append((change.said, right))
        return change.edit(None, {}) is scene.flows["y"].adjoint

    monkeypatch.setattr(module, "is_right_with", is_right_with)
    monkeypatch.setattr(module, "suspects_of", lambda s, index: [Suspect(SITE, told(VALUE), False)])
    (claim,) = wrong_flow(scene, 0)
    where = "∂E/∂(`y`) in place of `d * w` (file.py:3)"
    assert claim.kind == "missing-factor"
    assert claim.message == f"right with {where}: that lacks a factor, the same along axis 0"
    assert claim.inside
    assert scene.located == {0: "becomes wrong at `d * w` (file.py:3), where ∂E/∂(`y`) belongs"}
    assert claim.holds(scene)
    assert tried[0] == ("∂E/∂(`y`)", [])
    assert [text for _, text in fitting(scene, 0, [Suspect(SITE, told(VALUE), False)])] == ["y"]
    right = scene_of(np.sin, lambda g, x: g * np.cos(x), drawn(4, 5))
    right.__dict__.update({name: scene.__dict__[name] for name in ("look", "_records")})
    assert len(list(fitting(right, 0, [Suspect(SITE, told(VALUE), False)]))) == 1
    assert tried[-1] == ("∂E/∂(`z`)", [])  # an input is not beside itself
    scene.flows["y"] = Flow(VALUE * COLUMN, np.arange(20))
    assert not claim.holds(scene)  # it lacks another factor there
    del scene.flows["y"]
    assert not claim.holds(scene)


def test_a_wrong_flow_of_each_round_is_located(monkeypatch):
    rounds = [VALUE, 2 * VALUE]
    scene = scene_of(np.sin, lambda g, x: 2 * g * np.cos(x), VALUE)
    scene.__dict__["look"] = SimpleNamespace(seen={SITE.number: told(VALUE, rounds=rounds)})
    flows = {f"{EACH}h": Flow(np.array([FULL, 2 * FULL]), np.arange(40))}
    scene._records = SimpleNamespace(first=None, flows=flows)

    def is_right_with(s, site, change, index, right):
        """In the first round of backward, what flows back to the last one of forward belongs there."""
        return np.array_equal(change.edit(None, {MOMENT: Moment(7, 0, {})}), 2 * FULL)

    monkeypatch.setattr(module, "is_right_with", is_right_with)
    monkeypatch.setattr(module, "suspects_of", lambda s, index: [Suspect(SITE, told(VALUE, rounds=rounds), False)])
    assert list(wrong_flow(scene, 0)) == []
    assert scene.located == {0: "becomes wrong at `d * w` (file.py:3), where ∂E/∂(`h`) of each round belongs"}


def test_without_a_look_or_with_another_shape_no_flow_is_wrong():
    scene = scene_of(np.sin, lambda g, x: g[:2], drawn(4, 5))
    scene.__dict__["look"] = SimpleNamespace()
    assert list(wrong_flow(scene, 0)) == []
    other = scene_of(np.sin, lambda g, x: g, drawn(4, 5))
    assert list(wrong_flow(other, 0)) == []
