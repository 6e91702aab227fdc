"""What is done in the wrong order, or over what was there before."""

from itertools import count

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits import order as module
from scratchcnn.gradcheck.diagnosis.edits.order import (
    entries,
    helpers,
    order,
    overwriting,
    rebinds,
    reductions,
    rest,
    twin,
    twins,
)
from scratchcnn.gradcheck.diagnosis.edits.places import (
    ASSIGNED,
    AUGMENTED,
    CALLED,
    FACTOR,
    ITSELF,
    RESULTS,
    ROUNDS,
    STORE,
    TERM,
    TWINS,
)
from tests.gradcheck.diagnosis.edits.made import changes_of, expression, kinds, made, told

A = np.arange(6.0).reshape(2, 3) ** 2
B = np.array([[2.0, 5.0, 3.0], [7.0, 1.0, 4.0]])


def test_a_loop_may_go_the_other_way_round():
    assert made(order, expression("range(4)", ROUNDS), told(range(4))) == {
        "the loop in reverse": (["permuted"], [3, 2, 1, 0])
    }
    found = made(order, expression("zip(a, b)", ROUNDS), told(zip([1, 2], "ab", strict=True)))
    assert found["the loop in reverse"][1] == [(2, "b"), (1, "a")]
    assert made(order, expression("x", ROUNDS), told(A)) == {}
    assert made(order, expression("range(4)", FACTOR), told(range(4))) == {}


def test_a_loop_that_may_have_no_end_is_not_turned(monkeypatch):
    monkeypatch.setattr(module, "MOST_ITEMS", 3)
    (change,) = order(expression("count()", ROUNDS), told(None))
    assert change.edit(range(3), {}) == [2, 1, 0]
    with pytest.raises(ValueError, match=r"^a loop of too many rounds$"):
        change.edit(range(4), {})
    with pytest.raises(ValueError, match=r"^a loop of too many rounds$"):
        change.edit(count(), {})


@pytest.mark.parametrize("name", ["cumsum", "cumprod"])
def test_a_sum_so_far_may_begin_at_the_end(name):
    of_module, of_array = (
        made(order, expression(name, CALLED, name=name), told(function))
        for function in (getattr(np, name), getattr(B, name))
    )
    assert {said: kinds for said, (kinds, _) in of_module.items()} == {f"{name} from the end on": ["permuted"]}
    for axis in (0, 1):
        truth = np.flip(getattr(np, name)(np.flip(B, axis), axis), axis)
        np.testing.assert_array_equal(of_module[f"{name} from the end on"][1](B, axis), truth)
        np.testing.assert_array_equal(of_module[f"{name} from the end on"][1](B, axis=axis), truth)
        np.testing.assert_array_equal(of_array[f"{name} from the end on"][1](axis), truth)
        np.testing.assert_array_equal(of_array[f"{name} from the end on"][1](axis=axis), truth)
    through_all = getattr(np, name)(B.reshape(-1)[::-1])[::-1]
    np.testing.assert_array_equal(of_module[f"{name} from the end on"][1](B), through_all)
    np.testing.assert_array_equal(of_array[f"{name} from the end on"][1](), through_all)
    row = of_module[f"{name} from the end on"][1](B[0].tolist())
    np.testing.assert_array_equal(row, getattr(np, name)(B[0, ::-1])[::-1])
    assert made(order, expression("sum", CALLED, name="sum"), told(np.sum)) == {}


def test_results_may_be_in_another_order():
    one, two, three = A, 2.0, np.float64(3)
    found = made(order, expression("dx, dw, db", RESULTS), told((one, two, three)))
    assert len(found) == 5
    kind, value = found["`dx, dw, db` in the order (1, 2, 0)"]
    assert kind == ["swapped"]
    assert type(value) is tuple
    assert [value[0] is two, value[1] is three, value[2] is one] == [True] * 3
    assert made(order, expression("[a, b]", RESULTS), told([1.0, 2.0]))["`[a, b]` in the order (1, 0)"] == (
        ["swapped"],
        [2.0, 1.0],
    )


def test_the_operands_of_a_product_and_what_is_no_number_are_permuted():
    assert kinds(order, expression("a @ b", RESULTS), told((A, A))) == {"`a @ b` in the order (1, 0)": ["permuted"]}
    assert kinds(order, expression("a, b", RESULTS), told((A, None))) == {"`a, b` in the order (1, 0)": ["permuted"]}
    assert kinds(order, expression("all", RESULTS), told((1.0,) * 5)) == {}
    assert kinds(order, expression("all", RESULTS), told(A)) == {}
    assert len(kinds(order, expression("all", RESULTS), told((1.0,) * 4))) == 23


ADDED, ONCE = "+= in place of =", "= in place of +="
EACH, LESS = (f"np.{way}.at in its place, as an index comes several times" for way in ("add", "subtract"))
NOTHING = "nothing assigned"


@pytest.mark.parametrize(
    ("how", "expected"),
    [
        ("=", {ADDED: "+=", EACH: "add.at"}),
        ("+=", {ONCE: "=", EACH: "add.at"}),
        ("-=", {ONCE: "=", LESS: "subtract.at"}),
        ("*=", {}),
    ],
)
def test_a_value_may_have_to_be_stored_in_another_way(how, expected):
    found = made(overwriting, expression("d[k]", STORE), told(how))
    assert found.pop(NOTHING) == (["subset"], "nothing")
    assert found == {said: (["overlap"], instead) for said, instead in expected.items()}


def test_several_stores_are_changed_each_in_its_way():
    found = made(overwriting, expression("d[k]", STORE, members=(1, 2)), told("*="))
    assert {said: value for said, (_, value) in found.items()} == {
        **dict.fromkeys((ADDED, ONCE, EACH), "*="),
        NOTHING: "nothing",
    }


def test_an_update_of_a_copy_may_have_to_be_left_out():
    said = "no update of a copy of `x`, which is needed as it was"
    seen = told("+=", {"d": A.copy(), "y": 2 * A, "x": A})
    assert made(overwriting, expression("d[k]", STORE), seen)[said] == (["stale"], "nothing")
    assert NOTHING not in made(overwriting, expression("d[k]", STORE), seen)
    for variables in ({"d": A, "y": 2 * A}, {"d": 0 * A, "x": 0 * A}, {"x": A}, {"d": 3.0, "x": 3.0}):
        assert NOTHING in made(overwriting, expression("d[k]", STORE), told("+=", variables))


def test_a_variable_may_have_to_be_added_to():
    site = expression("g * x", ASSIGNED, name="d")
    ((kind, value),) = made(overwriting, site, told(A, {"d": 2 * A})).values()
    assert kind == ["overlap"]
    np.testing.assert_array_equal(value, 3 * A)
    assert kinds(overwriting, site, told(A, {"d": 2 * A})) == {ADDED: ["overlap"]}
    assert rebinds(site, told(2.0, {"d": 1.0}))
    for seen in (told(A, {"d": A[0]}), told(A), told(A, {"d": 3}), told(3, {"d": A}), told(2.0, {"d": 1})):
        assert not rebinds(site, seen)
    assert not rebinds(expression("g * x", FACTOR, name="d"), told(A, {"d": 2 * A}))


@pytest.mark.parametrize("function", [np.sum, B.sum, np.var, B.max])
def test_a_reduction_may_be_over_other_axes(function):
    name = function.__name__
    found = made(reductions, expression(name, CALLED, name=name), told(function))
    assert len(found) == 15
    assert found[f"{name} over axis 1 (keepdims=True)"][0] == ["broadcast"]
    arguments = () if isinstance(getattr(function, "__self__", None), np.ndarray) else (B,)
    for said, axes in (("axis 0", 0), ("axis 1", 1), ("axes 0 and 1", (0, 1))):
        value = found[f"{name} over {said} (keepdims=True)"][1](*arguments, axis=0, keepdims=False)
        np.testing.assert_array_equal(value, getattr(np, name)(B, axis=axes, keepdims=True))
    if name == "var":
        value = found["var over axis 1 (keepdims=True)"][1](*arguments, axis=0, ddof=1)
        np.testing.assert_array_equal(value, np.var(B, axis=1, keepdims=True, ddof=1))
    assert made(reductions, expression("tanh", CALLED, name="tanh"), told(np.tanh)) == {}
    assert made(reductions, expression("sum", FACTOR, name="sum"), told(np.sum)) == {}


@pytest.mark.parametrize("text", ["d[0]", "d[-1]"])
def test_a_row_may_stand_for_the_sum_of_all(text):
    said = f"`d.sum(axis=0)` in place of `{text}`"
    kind, value = made(entries, expression(text), told(B[0], {"d": B}))[said]
    assert kind == ["batch", "missing-term", "subset"]
    np.testing.assert_array_equal(value, B.sum(axis=0))


@pytest.mark.parametrize(
    ("text", "value", "variables"),
    [
        ("d[k]", B[0], {"d": B}),
        ("d[1:]", B[1:], {"d": B}),
        ("d[0]", B[0], {}),
        ("d[0]", B[0], {"d": [B[0]]}),
        ("d[0, 1]", B[0], {"d": B}),
        ("d[:, :, 0]", B[0], {"d": B}),
        ("d[:]", B[0], {"d": B}),
        ("d[0:1]", B[0], {"d": B}),
        ("f(d)[0]", B[0], {"d": B}),
        ("d[0]", B[0, :1], {"d": B}),
        ("d", B, {"d": B}),
    ],
)
def test_only_a_row_of_an_array_does(text, value, variables):
    assert made(entries, expression(text), told(value, variables)) == {}


@pytest.mark.parametrize(
    ("index", "axis"),
    [
        *[("[0]", 0), ("[-1]", 0), ("[1, :]", 0), ("[:, 2]", 1), ("[:, -1, ...]", 1)],
        *[("[..., 0]", -1), ("[..., 0, :]", -2), ("[..., 0, :, :]", -3)],
    ],
)
def test_all_places_along_an_axis_may_have_to_be_added(index, axis):
    d = np.arange(24.0).reshape(2, 3, 4)
    found = made(entries, expression(f"d{index}"), told(eval(f"d{index}"), {"d": d}))
    ((said, (kinds_, value)),) = found.items()
    assert said == f"`d.sum(axis={axis})` in place of `d{index}`"
    assert kinds_ == ["batch", "missing-term", "subset"]
    np.testing.assert_array_equal(value, d.sum(axis=axis))


@pytest.mark.parametrize(
    ("name", "other", "kind"),
    [
        ("sum", "mean", "constant-factor"),
        ("mean", "sum", "constant-factor"),
        ("tril", "triu", "subset"),
        ("triu", "tril", "subset"),
        ("max", "min", "operand"),
        ("sqrt", ITSELF, "operand"),
    ],
)
def test_a_function_may_be_taken_for_another_one(name, other, kind):
    ((found, function),) = made(twins, expression(name, CALLED, name=name), told(getattr(np, name))).values()
    assert found == [kind]
    assert kinds(twins, expression(name, CALLED, name=name), told(None)) == {f"{other} in place of {name}": [kind]}
    if other == ITSELF:
        assert function(A) is A
    else:
        assert function is getattr(np, other)


@pytest.mark.parametrize("counts", [2, (3,), (2, 3), (2, 1, 3), np.array([1, 2])])
def test_a_tile_may_be_taken_for_a_repeat(counts):
    (((found, repeated),)) = made(twins, expression("tile", CALLED, name="tile"), told(np.tile)).values()
    assert found == ["permuted"]
    expected = B.reshape((1,) * (np.size(counts) - 2) + B.shape)
    for axis, count_ in enumerate(reversed(np.ravel(counts).tolist()), 1):
        expected = np.repeat(expected, count_, -axis)
    np.testing.assert_array_equal(repeated(B, counts), expected)
    assert repeated(B, counts).shape == np.tile(B, counts).shape


def test_a_repeat_may_be_taken_for_a_tile():
    for function, array in ((np.repeat, (B,)), (B.repeat, ())):
        np.testing.assert_array_equal(twin("tile", function)(*array, 2), np.tile(B.reshape(-1), 2))
        np.testing.assert_array_equal(twin("tile", function)(*array, 2, axis=0), np.tile(B, (2, 1)))
        np.testing.assert_array_equal(twin("tile", function)(*array, 3, -1), np.tile(B, (1, 3)))
    assert kinds(twins, expression("repeat", CALLED, name="repeat"), told(np.repeat)) == {
        "tile in place of repeat": ["permuted"]
    }


def test_what_is_added_may_have_to_be_assigned():
    site = expression("d", TERM, name="total", argument=AUGMENTED, around="total += d")
    found = made(overwriting, site, told(A, {"total": B}))
    assert found["= in place of +="][0] == ["overlap"]
    np.testing.assert_array_equal(B + found["= in place of +="][1], A)
    less = expression("d", TERM, name="total", argument=AUGMENTED, around="total -= d")
    assert made(overwriting, less, told(A, {"total": B})) == {}
    assert made(overwriting, site, told("text", {"total": B})) == {}


def test_the_twin_of_a_method_is_one_of_the_same_array():
    assert twin("mean", B.sum)() == B.mean()
    assert twin(ITSELF, B.sum)(axis=0) is B
    assert twin("mean", np.sum) is np.mean
    assert twin("min", [1.0].append) is np.min  # no array
    assert made(twins, expression("cumsum", CALLED, name="cumsum"), told(np.cumsum)) == {}
    assert made(twins, expression("sum", FACTOR, name="sum"), told(np.sum)) == {}
    assert all(hasattr(np, other) for others in TWINS.values() for other in others if other != ITSELF)


def turn(v):
    return v


def turn_back(v):
    return -v


def turn_by(v, angle):
    return v + angle


def test_another_function_of_the_caller_s_may_be_meant():
    def local(v):
        return 2 * v

    site = expression("turn", CALLED, name="turn")
    found = kinds(helpers, site, told(turn, {"local": local, "turn": turn, "number": 3.0, "two": turn_by}))
    assert found["`turn_back` in place of `turn`"] == found["`local` in place of `turn`"] == ["operand"]
    assert not {"`turn_by` in place of `turn`", "`two` in place of `turn`", "`turn` in place of `turn`"} & found.keys()
    _, edit = changes_of(helpers, site, told(turn, {"local": local}))["`local` in place of `turn`"]
    assert edit(turn, {"local": local}) is local
    assert kinds(helpers, expression("turn"), told(turn)) == {}
    assert kinds(helpers, expression("np.sin", CALLED), told(np.sin)) == {}


def test_the_counters_of_a_loop_may_be_the_others():
    found = made(rest, expression("range(t + 1)", ROUNDS), told(range(3), {"x": np.ones((5, 2)), "n": 9}))
    assert {said: (kind, list(value)) for said, (kind, value) in found.items()} == {
        "the counters of `range(t + 1)` from the last of them on, below 5": (["permuted"], [2, 3, 4]),
        "the counters of `range(t + 1)` after the last of them, below 5": (["permuted"], [3, 4]),
    }
    found = made(rest, expression("range(t, n)", ROUNDS), told(range(2, 5), {}))
    assert {said: list(value) for said, (_, value) in found.items()} == {
        "the counters of `range(t, n)` from 0 up to the first of them": [0, 1, 2],
        "the counters of `range(t, n)` from 0 up to the one before the first of them": [0, 1],
    }
    for nothing in ([], [None]):
        assert len(made(rest, expression("range(t)", ROUNDS), told(range(1), {"x": np.ones(2)}, rounds=nothing))) == 2
    inner = told(range(1), {"x": np.ones(2)}, rounds=[range(1), range(4)])
    assert made(rest, expression("range(t)", ROUNDS), inner) == {}  # one of them ends behind the axis
    for site, value in (
        (expression("range(4)"), range(4)),
        (expression("xs", ROUNDS), [1, 2]),
        (expression("range(4, 0, -1)", ROUNDS), range(4, 0, -1)),
    ):
        assert made(rest, site, told(value, {"x": np.ones(5)})) == {}
