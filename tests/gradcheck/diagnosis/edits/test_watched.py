"""The caller's backward, run again with one expression of it changed."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.diagnosis.edits import sizes
from scratchcnn.gradcheck.diagnosis.edits import watched as module
from scratchcnn.gradcheck.diagnosis.edits.places import INDEX
from scratchcnn.gradcheck.diagnosis.edits.seen import EACH, MOMENT
from scratchcnn.gradcheck.diagnosis.edits.watched import Endless, Rerun, Watching, _tells
from tests.gradcheck.diagnosis.claims import drawn
from tests.gradcheck.diagnosis.edits.made import told as seen_with
from tests.gradcheck.diagnosis.hidden import hidden

X, G, SCALE = drawn(4), drawn(4, seed=1), 2.0


def forward(x):
    power = np.exp(x)
    return power * np.sin(x)


def backward(g, x):
    power = np.exp(x)
    d = g * power
    d = d * (np.sin(x) + np.cos(x))
    return d * (SCALE / 2)


def looked(forward=forward, backward=backward, inputs=(X,), cotangent=G):
    """A copy that was run once, what it answered, and what its expressions told, by their texts."""
    rerun = Rerun(prepare(forward, backward, list(inputs)))
    gradients, told = rerun.watched(list(inputs), cotangent)
    sites = rerun.world.sites
    return rerun, gradients, {sites[number].text: (number, seen) for number, seen in told.items()}


def edited(rerun, number, edit, inputs=(X,), cotangent=G):
    return rerun.edited(list(inputs), cotangent, number, edit)


def test_it_answers_what_backward_does_and_expressions_tell_what_they_were_first():
    rerun, (dx,), told = looked()
    np.testing.assert_array_equal(dx, backward(G, X))
    np.testing.assert_array_equal(told["g * power"][1].value, G * np.exp(X))
    np.testing.assert_array_equal(told["np.cos(x)"][1].value, np.cos(X))
    assert "power * np.sin(x)" not in told
    of_forward = {rerun.world.sites[number].text for number in rerun.by_forward}
    assert {"power * np.sin(x)", "np.exp(x)"} <= of_forward
    np.testing.assert_array_equal(rerun.world.of_forward["np.sin(x)"], np.sin(X))
    assert rerun.keeps is False
    assert (rerun.rounds, rerun.forward_rounds) == (0, 0)


def test_variables_around_an_expression_are_those_of_then():
    _, _, told = looked()
    variables = told["np.sin(x) + np.cos(x)"][1].variables
    np.testing.assert_array_equal(variables["d"], G * np.exp(X))
    assert variables["SCALE"] == 2
    assert "prepare" not in variables
    assert "d" not in told["g * power"][1].variables


def test_a_helper_of_another_module_does_not_have_the_numbers_of_this_one():
    _, _, told = looked(backward=lambda g, x: g * SCALE * drawn(*x.shape))
    assert "SCALE" in told["g * SCALE"][1].variables
    assert "SCALE" not in told["np.random.default_rng(seed)"][1].variables


def test_one_expression_is_another_one_in_a_run():
    rerun, _, told = looked()
    number, _ = told["np.cos(x)"]
    found = []

    def edit(value, variables):
        found.append((value, variables["d"], variables["SCALE"], variables["power * np.sin(x)"], variables[MOMENT]))
        return 3 * value

    (dx,) = edited(rerun, number, edit)
    np.testing.assert_array_equal(dx, G * np.exp(X) * (np.sin(X) + 3 * np.cos(X)))
    ((value, d, scale, of_forward, moment),) = found
    np.testing.assert_array_equal(value, np.cos(X))
    np.testing.assert_array_equal(d, G * np.exp(X))
    assert (scale, moment.number, moment.round) == (2, number, 0)
    np.testing.assert_array_equal(of_forward, forward(X))
    (again,) = edited(rerun, told["g * power"][0], lambda value, _: value)
    np.testing.assert_array_equal(again, backward(G, X))


def test_several_expressions_are_changed_at_once():
    def twice(g, x):
        return g * np.exp(x) * np.sin(x) + g * np.exp(x) * np.cos(x)

    rerun, _, _ = looked(backward=twice)
    world = rerun.world
    group = next(n for n, members in world.groups.items() if {world.sites[m].text for m in members} == {"np.exp(x)"})
    assert len(world.alike(group)) == 2
    assert world.alike(-1) == {-1}
    (dx,) = edited(rerun, group, lambda value, _: 2 * value)
    np.testing.assert_array_equal(dx, 2 * twice(G, X))


def test_forward_is_changed_in_a_copy():
    rerun, _, _ = looked()
    number = next(n for n in rerun.by_forward if rerun.world.sites[n].text == "np.sin(x)")
    other = rerun.other_forward(number, lambda value, _: 0 * value + 1)
    np.testing.assert_array_equal(other(X), np.exp(X))
    np.testing.assert_array_equal(rerun.forward(X), forward(X))


def running(g, x):
    total, d = 0.0, np.zeros_like(x)
    for k in range(len(x)):
        before = total
        total = total + g[k]
        d[k] = before * x[k]
    return d


def test_what_an_expression_was_in_each_round_is_told():
    rerun, _, told = looked(backward=running)
    _, seen = told["before * x[k]"]
    sums = np.concatenate([[0], np.cumsum(G)])
    np.testing.assert_allclose(seen.rounds, sums[:4] * X)
    assert rerun.rounds == 4
    _, used = told["before"]
    np.testing.assert_allclose(used.rounds, sums[:4])
    np.testing.assert_allclose([e.value for e in used.earlier[3]], sums[:3])
    assert [e.updated for e in used.earlier[3]] == [False] * 3
    np.testing.assert_allclose(used.later[:3], sums[1:4])
    assert used.later[3] is None
    again, sites = rerun.watched([X], G)[1], rerun.world.sites
    (own,) = [seen for n, seen in again.items() if (sites[n].text, sites[n].around) == ("total", "total + g[k]")]
    assert own.later == [None] * 4  # what is made of it in the same line is no later value for it
    _, stored = told["d[k] = before * x[k]"]
    assert (stored.value, stored.variables["k"]) == ("=", 0)


def test_which_objects_an_expression_was_is_told():
    def alternating(g, x):
        d = 0 * x
        for n in range(4):
            d = d + (g, x)[n % 2]
        return d

    _, seen = looked(backward=alternating)[2]["(g, x)[n % 2]"]
    assert seen.objects == 2 * seen.objects[:2]
    assert seen.objects[0] != seen.objects[1]


def test_of_many_rounds_only_the_first_are_told(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROUNDS", 2)
    _, _, told = looked(backward=running)
    np.testing.assert_allclose(told["before * x[k]"][1].rounds, [0, G[0] * X[1]])


def test_of_rounds_no_more_numbers_are_kept_than_fit(monkeypatch):
    monkeypatch.setattr(module, "MOST_NUMBERS", 7)
    world = Watching()
    world.look({})
    assert [world._of_round(value) is not None for value in (X[:3], 1.0, X[:3], 1.0)] == [True, True, True, False]
    world.look({})
    assert world._of_round(1.0) == 1


def test_a_variable_knows_what_it_was_before_it_was_updated():
    def updating(g, x):
        d = g * x
        e = d * 1.0
        d = d * x
        d += e
        return d * 2

    _, _, told = looked(backward=updating)
    _, seen = told["d"]
    (site_of_last,) = [s for text, (_, s) in told.items() if text == "d * 2"]
    np.testing.assert_array_equal(site_of_last.value, 2 * (G * X * X + G * X))
    np.testing.assert_array_equal(seen.value, site_of_last.value / 2)
    assert [e.updated for e in seen.earlier[0]] == [True, True]
    np.testing.assert_array_equal(seen.earlier[0][0].value, G * X)
    np.testing.assert_array_equal(seen.earlier[0][1].value, G * X * X)


def test_states_of_forward_s_loops_are_known(monkeypatch):
    def looping(x):
        h = x * 0
        for n in range(3):
            h = np.tanh(h + x) * (n + 1.0)
        return h

    rerun, *_ = looked(looping, lambda g, x: g)
    states = rerun.world.of_forward[f"{EACH}h"]
    assert len(states) == 3
    np.testing.assert_array_equal(states[1], np.tanh(X))
    assert [float(n) for n in rerun.world.of_forward[f"{EACH}n + 1.0"]] == [1, 2, 3]
    assert f"{EACH}x" not in rerun.world.of_forward  # it is the same in each
    assert rerun.forward_rounds == 3
    monkeypatch.setattr(module, "MOST_ROUNDS", 3)  # of a longer loop, no more are kept
    rerun, *_ = looked(looping, lambda g, x: g)
    assert f"{EACH}h" not in rerun.world.of_forward


def test_a_loop_that_takes_far_more_rounds_has_no_end(monkeypatch):
    def counting(g, x):
        n, most = 0, 3
        while n < most:
            n += 1
        return g * n

    rerun, _, told = looked(backward=counting)
    assert rerun.rounds == 3
    number, _ = told["3"]
    monkeypatch.setattr(module, "SOME", 10)
    (dx,) = edited(rerun, number, lambda value, _: 4 * 3 + 10)
    np.testing.assert_array_equal(dx, G * 22)
    with pytest.raises(Endless):
        edited(rerun, number, lambda value, _: 4 * 3 + 11)
    (dx,) = edited(rerun, number, lambda value, _: 22)  # the rounds of the last run do not count
    np.testing.assert_array_equal(dx, G * 22)
    assert rerun.world.most == np.inf


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        *[("=", [1, 5, 7]), ("+=", [11, 25, 37]), ("-=", [9, 15, 23])],
        *[("add.at", [11, 29, 37]), ("subtract.at", [9, 11, 23]), ("nothing", [10, 20, 30])],
    ],
)
def test_a_value_is_stored_in_another_way(how, expected):
    def storing(g, x):
        d = np.array([10.0, 20.0, 30.0])
        d[[0, 1, 1, 2]] += np.array([1.0, 4.0, 5.0, 7.0])
        return d

    rerun, _, told = looked(backward=storing)
    number, seen = told["d[[0, 1, 1, 2]] += np.array([1.0, 4.0, 5.0, 7.0])"]
    assert seen.value == "+="
    assert set(seen.variables) >= {"g", "x", "d"}
    (d,) = edited(rerun, number, lambda value, _: how)
    np.testing.assert_array_equal(d, expected)
    assert rerun.world.edited == frozenset()


def test_what_is_stored_in_a_list_is_stored_as_it_is():
    def listing(g, x):
        d = [0.0] * len(x)
        for k in range(len(x)):
            d[k] = g[k] * x[k]
        return np.array(d)

    _, (dx,), told = looked(backward=listing)
    np.testing.assert_array_equal(dx, G * X)
    assert "d[k] = g[k] * x[k]" not in told


def test_another_expression_is_computed_where_one_stands():
    rerun, _, told = looked()
    found = []
    code = compile("d * SCALE", "", "eval")
    edited(rerun, told["np.cos(x)"][0], lambda value, variables: found.append(variables.computed(code)) or value)
    np.testing.assert_array_equal(found[0], 2 * G * np.exp(X))


@pytest.mark.parametrize("wide", [False, True])
def test_a_copy_rounds_as_the_code_does_unless_it_is_wide(wide):
    def rounding(g, x):
        return g * np.cos(x).astype(np.float32) * np.exp(x).astype("float32")

    rerun = Rerun(prepare(forward, rounding, [X]), **({"wide": True} if wide else {}))
    (dx,), _ = rerun.watched([X], G)
    exact = G * np.cos(X) * np.exp(X)
    np.testing.assert_array_equal(dx, exact if wide else rounding(G, X))
    assert not np.array_equal(exact, rounding(G, X))
    assert Watching().wide is False


def test_what_has_many_more_axes_is_refused():
    rerun, _, told = looked()
    number, seen = told["np.cos(x)"]
    rerun.world.looked = {number: seen}
    with pytest.raises(ValueError, match="3 axes in place of 1"):
        edited(rerun, number, lambda value, _: value[:, None, None])
    (dx,) = edited(rerun, number, lambda value, _: value[:, None])
    assert dx.shape == (4, 4)
    rerun.world.looked = {}
    with pytest.raises(ValueError, match="2 axes in place of 0"):
        edited(rerun, number, lambda value, _: value[:, None])


def test_a_column_in_place_of_a_column_is_not_too_large(monkeypatch):
    rerun, _, told = looked(backward=lambda g, x: (g[:, None] * 1.0)[:, 0] * x)
    number, seen = told["g[:, None]"]
    rerun.world.looked = {number: seen}
    monkeypatch.setattr(sizes, "MOST_NUMBERS", 15)  # four times four are too many
    (dx,) = edited(rerun, number, lambda value, _: 2 * value)
    np.testing.assert_array_equal(dx, 2 * G * X)


def test_code_of_no_module_is_the_caller_s():
    exec("def typed(x):\n    return np.sin(x)\n", made := {"np": np})
    rerun, *_ = looked(made["typed"], lambda g, x: g * np.cos(x))
    np.testing.assert_array_equal(rerun.forward(X), np.sin(X))


def test_a_function_of_a_single_number_may_have_an_array_in_a_place():
    one, two = np.array(0.5), np.array(2.0)
    rerun, _, told = looked(np.sin, lambda g, x: g * np.cos(x), (one,), two)
    (dx,) = edited(rerun, told["np.cos(x)"][0], lambda value, _: np.array([3.0]), (one,), two)
    np.testing.assert_array_equal(dx, [6.0])


def test_both_functions_are_the_caller_s_wherever_they_come_from():
    one, other = (lambda x: np.sin(x)), (lambda g, x: g * np.cos(x))
    one.__module__, other.__module__ = "hypothesis.strategies", "pytest"
    world = looked(one, other)[0].world
    assert world.is_callers("hypothesis")
    assert world.is_callers("pytest")


def test_forward_tells_what_its_helpers_compute_and_not_what_theirs_do():
    def inner(x):
        return np.exp(x) * 1.5

    def helper(x):
        return inner(x) + np.sin(x)

    rerun, *_ = looked(lambda x: np.cos(helper(x)), lambda g, x: g * x)
    assert "np.sin(x)" in rerun.world.of_forward
    assert "np.exp(x)" not in rerun.world.of_forward


def test_a_helper_without_a_source_tells_nothing_and_hides_what_it_calls():
    def inner(x):
        return np.cos(x) * 1.0

    between = hidden(lambda x: inner(x))

    def through(g, x):
        return between(x) * g

    _, (dx,), told = looked(backward=through)
    np.testing.assert_array_equal(dx, np.cos(X) * G)
    assert "between(x) * g" in told
    assert "np.cos(x) * 1.0" not in told


def test_the_arguments_of_functions_have_the_names_of_their_parameters():
    def along(values, axis, keep=True):
        return values.sum(axis, keepdims=keep)

    rerun, *_ = looked(backward=lambda g, x: g * along(x, 0))
    assert rerun.world.parameters["along"] == ("values", "axis", "keep")


@pytest.mark.parametrize(
    ("value", "variables", "tells"),
    [
        *[(np.array([1.0, 2.0]), {}, True), (np.array([1.0]), {}, False), (np.array([1, 2]), {}, False)],
        *[(2.5, {"a": 2.5}, True), (3, {}, False), ([1.0, 2.0], {}, False)],
        (np.array([1.0, 2.0]), {"a": np.array([1.0, 2.0])}, False),
        (np.array([1.0, 2.0]), {"a": np.array([1.0, 3.0]), "b": [1.0, 2.0]}, True),
    ],
)
def test_a_number_tells_something_and_an_array_that_no_variable_holds(value, variables, tells):
    assert _tells(SimpleNamespace(text="a", counters=(), role=""), seen_with(value, variables)) == tells


@pytest.mark.parametrize(
    ("text", "counters", "role", "tells"),
    [
        ("2 * n", (), "", True),
        ("n", (), "", False),
        ("3", (), "", False),
        ("len(x)", (), "", False),
        ("2 * n", ("i",), "", False),
        ("n - 1", (), INDEX, False),
    ],
)
def test_a_count_tells_something_where_it_is_calculated_once(text, counters, role, tells):
    assert _tells(SimpleNamespace(text=text, counters=counters, role=role), seen_with(6, {})) == tells


def test_what_the_code_writes_into_is_no_other_variable():
    target = X + 1

    def nudged(g, x):
        d = g.copy()
        d[0] = 7
        return d * target

    rerun, before, told = looked(backward=nudged)
    changed = edited(rerun, told["g.copy()"][0], lambda _, variables: variables["target"])
    np.testing.assert_array_equal(changed[0], np.r_[7, target[1:]] * target)
    np.testing.assert_array_equal(rerun.watched([X], G)[0], before)
