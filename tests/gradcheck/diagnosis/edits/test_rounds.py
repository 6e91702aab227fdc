"""A value of another round of a loop in place of one."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.places import ASSIGNED, AUGMENTED, FACTOR, TERM
from scratchcnn.gradcheck.diagnosis.edits.rounds import (
    _added_up,
    _after,
    _before,
    _of_round,
    buffers,
    is_zero,
    other_states,
    resets,
    states,
    updated,
)
from scratchcnn.gradcheck.diagnosis.edits.seen import EACH, MOMENT, MOST_ROUNDS, Earlier, Moment, Rounds
from tests.gradcheck.diagnosis.edits.made import expression, kinds, told

ONE, TWO, THREE = np.array([1.0, 2.0]), np.array([3.0, 4.0]), np.array([5.0, 6.0])
BACK, FORTH = "from the last round to the first", "from the first round to the last"


def of_each(name, order, text="y"):
    return f"`{name}` of each round of forward, {order}, in place of `{text}`"


def in_rounds(*rounds, **facts):
    return told(rounds[0], facts.pop("variables", None), rounds=list(rounds), **facts)


def test_what_is_the_same_in_every_round_may_be_the_state_of_each():
    variables = {f"{EACH}h": Rounds((ONE, TWO)), "c": TWO}
    same, other = in_rounds(THREE, THREE, variables=variables), in_rounds(THREE, TWO, variables=variables)
    expected = {of_each("h", BACK): ["stale", "operand"], of_each("h", FORTH): ["stale", "operand"]}
    assert kinds(states, expression("y"), same) == kinds(other_states, expression("y"), other) == expected
    assert kinds(states, expression("y"), other) == kinds(other_states, expression("y"), same) == {}


def at_round(number, value, variables=None, **facts):
    site = expression("d", TERM, **facts)
    return (
        resets,
        site,
        in_rounds(value, value, variables={**(variables or {}), MOMENT: Moment(site.number, number, {})}),
    )


@pytest.mark.parametrize("number", [0, 1])
def test_a_sum_may_have_to_begin_anew_in_each_round(number):
    said = "`d` set back to zero before `d + e` in every round but the first"
    family, site, seen = at_round(number, ONE, around="d + e")
    assert kinds(family, site, seen) == {said: ["stale", "overlap"]}
    (change, _) = family(site, seen)
    np.testing.assert_array_equal(change.edit(ONE, seen.variables), np.zeros(2) if number else ONE)
    family, site, seen = at_round(number, ONE, {"total": TWO}, name="total", argument=AUGMENTED, around="total += d")
    (change, _) = family(site, seen)
    assert change.said == "`total` set back to zero before `total += d` in every round but the first"
    np.testing.assert_array_equal(TWO + change.edit(ONE, seen.variables), ONE if number else TWO + ONE)


def test_a_sum_that_begins_anew_may_have_to_go_on():
    site, zero = expression("np.zeros(2)", ASSIGNED, name="total"), np.zeros(2)
    said = "`np.zeros(2)` in the first round alone: later ones begin the sum `total` anew"
    assert kinds(resets, site, in_rounds(zero, zero)) == {said: ["overlap", "missing-term"]}
    change, _ = resets(site, in_rounds(zero, zero))
    for number, expected in ((0, zero), (1, TWO)):
        moment = Moment(site.number, number, {})
        np.testing.assert_array_equal(change.edit(zero, {"total": TWO, MOMENT: moment}), expected)


@pytest.mark.parametrize(
    ("site", "seen"),
    [
        (expression("d", TERM), in_rounds(ONE)),
        (expression("d", TERM, members=(1, 2)), in_rounds(ONE, ONE)),
        (expression("d", FACTOR), in_rounds(ONE, ONE)),
        (expression("d * e", TERM), in_rounds(ONE, ONE)),
        (expression("d", TERM), in_rounds(1.5, 1.5)),
        (expression("z", ASSIGNED, name="total"), in_rounds(np.zeros(2), ONE)),
        (expression("e * f", TERM, name="d", argument=AUGMENTED, around="d -= e * f"), in_rounds(ONE, ONE)),
    ],
)
def test_only_a_sum_in_a_loop_is_begun_anew(site, seen):
    assert kinds(resets, site, seen) == {}


def test_the_order_of_rounds_in_which_nothing_changes_is_left_out():
    variables = {f"{EACH}h": Rounds((ONE, TWO))}
    assert kinds(other_states, expression("y"), in_rounds(TWO, ONE, variables=variables)) == {
        of_each("h", FORTH): ["stale", "operand"]
    }
    assert kinds(other_states, expression("y"), in_rounds(ONE, TWO, variables=variables)) == {
        of_each("h", BACK): ["stale", "operand"]
    }


@pytest.mark.parametrize(
    "each",
    [
        Rounds((ONE,)),
        Rounds((ONE, TWO, THREE)),
        Rounds((ONE, TWO[:1])),
        Rounds((ONE, 2.0)),
        Rounds((ONE, TWO.astype(int))),
        Rounds(()),
        [ONE, TWO],
    ],
)
def test_states_are_of_as_many_rounds_and_of_the_same_shape(each):
    seen = in_rounds(THREE, THREE, variables={f"{EACH}h": each})
    assert kinds(states, expression("y"), seen) == {}


def test_an_expression_outside_of_loops_or_one_of_several_has_no_states():
    variables = {f"{EACH}h": Rounds((ONE, TWO))}
    assert kinds(states, expression("y", members=(1, 2)), in_rounds(THREE, THREE, variables=variables)) == {}
    assert kinds(states, expression("y"), in_rounds(THREE, variables={f"{EACH}h": Rounds((ONE,))})) == {}
    assert kinds(states, expression("y"), in_rounds(3, 3, variables={f"{EACH}h": Rounds((1.0, 2.0))})) == {}


def test_loops_of_very_many_rounds_are_left():
    many = Rounds([float(n) for n in range(MOST_ROUNDS)])
    assert kinds(states, expression("y"), in_rounds(*[0.5] * MOST_ROUNDS, variables={f"{EACH}h": many})) == {}
    few = Rounds(many[1:])
    assert kinds(states, expression("y"), in_rounds(*[0.5] * (MOST_ROUNDS - 1), variables={f"{EACH}h": few}))


@pytest.mark.parametrize(("order", "values"), [(BACK, [THREE, TWO, ONE]), (FORTH, [ONE, TWO, THREE])])
def test_a_round_of_backward_gets_the_state_of_its_round(order, values):
    variables = {"each h": Rounds((ONE, TWO, THREE))}
    (change,) = [
        change
        for change in states(expression("y"), in_rounds(*[4 * ONE] * 3, variables=variables))
        if order in change.said and change.kind == "stale"
    ]
    found = [change.edit(None, {**variables, MOMENT: Moment(7, n, {})}) for n in range(3)]
    assert [each is value for each, value in zip(found, values, strict=True)] == [True] * 3
    assert _of_round("each h", lambda n: 0, None, {**variables, MOMENT: Moment(7, 2, {})}) is ONE


def earlier(*values, last=True):
    return tuple(Earlier(value, last and n == len(values) - 1) for n, value in enumerate(values))


AS_IT_WAS = "`h` as it was before it was assigned anew"
AS_IT_IS = "`h` as it is after it is assigned anew"
SUM = "the sum of `h` over all rounds of the loop in place of its last value"


def test_a_variable_may_be_what_it_was_before_an_update():
    seen = in_rounds(ONE, TWO, earlier=[earlier(THREE), earlier(THREE, ONE)])
    assert kinds(updated, expression("h"), seen) == {AS_IT_WAS: ["stale", "operand"]}
    values = [_before(None, {MOMENT: Moment(7, n, {7: seen})}) for n in (0, 1)]
    assert values[0] is THREE
    assert values[1] is ONE


@pytest.mark.parametrize(
    "before",
    [
        [earlier(THREE), ()],
        [earlier(THREE), earlier(THREE, last=False)],
        [earlier(THREE), earlier(THREE[:1])],
        [earlier(THREE)],
    ],
)
def test_a_variable_that_was_no_array_like_it_before_stays(before):
    assert AS_IT_WAS not in kinds(updated, expression("h"), in_rounds(ONE, TWO, earlier=before))


def test_a_variable_may_be_what_it_is_after_it():
    seen = in_rounds(ONE, TWO, later=[TWO, THREE])
    assert kinds(updated, expression("h"), seen) == {AS_IT_IS: ["stale", "operand"]}
    values = [_after(None, {MOMENT: Moment(7, n, {7: seen})}) for n in (0, 1)]
    assert values[0] is TWO
    assert values[1] is THREE
    assert kinds(updated, expression("h", members=(1, 2)), seen) == {}
    assert kinds(updated, expression("h"), in_rounds(ONE, TWO, later=[TWO, None])) == {}


def test_a_variable_may_be_the_sum_of_all_that_a_loop_made_of_it():
    seen = in_rounds(ONE, earlier=[(Earlier(0.0, False), Earlier(TWO, False), Earlier(THREE, False))])
    assert kinds(updated, expression("h"), seen) == {SUM: ["missing-term", "overlap"]}
    np.testing.assert_array_equal(_added_up(ONE, {MOMENT: Moment(7, 0, {7: seen})}), ONE + TWO + THREE)
    no_sum = [
        in_rounds(ONE, earlier=[(Earlier(0, False),)]),
        in_rounds(ONE, earlier=[(Earlier(1.0, False), Earlier(TWO, False))]),
        in_rounds(ONE, ONE, earlier=[(Earlier(TWO, False),), (Earlier(TWO, False),)]),
        in_rounds(ONE, earlier=[(Earlier(TWO[:1], False),)]),
    ]
    assert [kinds(updated, expression("h"), each) for each in no_sum] == [{}] * 4


def test_only_variables_that_hold_floats_are_updated():
    seen = in_rounds(ONE, TWO, earlier=[earlier(THREE), earlier(THREE)])
    assert kinds(updated, expression("2 * h"), seen) == {}
    whole = in_rounds(1, 2, earlier=[earlier(3), earlier(3)], later=[4, 5])
    assert kinds(updated, expression("h"), whole) == {}


@pytest.mark.parametrize(
    ("value", "zero"), [(0, True), (0.0, True), (1e-9, False), (np.zeros(2), False), (None, False)]
)
def test_a_sum_begins_with_a_zero(value, zero):
    assert is_zero(value) == zero


def test_a_buffer_that_is_written_anew_may_have_to_be_copied():
    said = "a copy of `h`, which later rounds of the loop overwrite"
    seen = in_rounds(ONE, TWO, objects=[11, 11])
    assert kinds(buffers, expression("h"), seen) == {said: ["stale", "overlap"]}
    (change, _) = buffers(expression("h"), seen)
    copy = change.edit(ONE, {})
    np.testing.assert_array_equal(copy, ONE)
    assert copy is not ONE
    assert kinds(buffers, expression("h"), in_rounds(ONE, ONE, TWO, objects=[11, 11, 11])) == kinds(
        buffers, expression("h"), seen
    )
    for facts in ({"objects": [11, 12]}, {"objects": []}):
        assert kinds(buffers, expression("h"), in_rounds(ONE, TWO, **facts)) == {}
    assert kinds(buffers, expression("h"), in_rounds(ONE, objects=[11])) == {}
    assert kinds(buffers, expression("h"), in_rounds(ONE, ONE, objects=[11, 11])) == {}
    assert kinds(buffers, expression("h"), in_rounds(1.0, 2.0, objects=[11, 11])) == {}
    assert kinds(buffers, expression("h", FACTOR, members=(1, 2)), seen) == {}
    assert kinds(buffers, expression("h", ASSIGNED, members=(7,)), seen) == {said: ["stale", "overlap"]}
