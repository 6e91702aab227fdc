"""A part of a product or a sum that is wrong: too much, missing, another variable, a function of it."""

from itertools import product

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.places import (
    ASSIGNED,
    AXIS,
    DIVISOR,
    EXPONENT,
    FACTOR,
    INDEX,
    LIMIT,
    TERM,
    VALUE,
)
from scratchcnn.gradcheck.diagnosis.edits.values import (
    before,
    computed,
    derivatives,
    factors,
    functions,
    masked,
    names,
    offsets,
    opposites,
    products,
    superfluous,
    terms,
    variables,
)
from tests.gradcheck.diagnosis.edits.made import expression, kinds, made, told

V, A, B = np.array([0.5, 2.0, 3.0]), np.array([5.0, 0.25, 7.0]), np.array([1.5, 11.0, 0.75])
MASK, OTHER = np.array([1.0, 0.0, 1.0]), np.array([True, True, False])


def same(found, expected):
    """Whether the kinds and values are these, by what is said."""
    assert {said: kind for said, (kind, _) in found.items()} == {said: kind for said, (kind, _) in expected.items()}
    for said, (_, value) in expected.items():
        np.testing.assert_allclose(found[said][1], value, err_msg=said)


@pytest.mark.parametrize(
    ("role", "value", "kind", "instead"),
    [
        (FACTOR, V, "missing-factor", np.ones(3)),
        (DIVISOR, V, "missing-factor", np.ones(3)),
        (FACTOR, 0.5, "constant-factor", 1),
        (DIVISOR, 3, "constant-factor", 1),
        (FACTOR, np.float64(0.5), "missing-factor", 1),
        (TERM, V, "missing-term", np.zeros(3)),
        (TERM, 2.5, "missing-term", 0),
    ],
)
def test_a_factor_or_a_term_may_be_too_much(role, value, kind, instead):
    found = made(superfluous, expression("a", role), told(value))
    same(found, {f"no {role} `a`": ([kind], instead)})


@pytest.mark.parametrize(("role", "value"), [(VALUE, V), (TERM, None), (FACTOR, [1.0])])
def test_anything_else_is_not_too_much(role, value):
    assert made(superfluous, expression("a", role), told(value)) == {}


def test_a_number_may_have_to_be_added():
    known = {"eps": 0.25, "n": 3, "zero": 0.0, "a": A, "c + d": 0.5}
    same(
        made(offsets, expression("v", DIVISOR), told(V, known)),
        {
            "`v + eps` in place of `v`": (["missing-term"], V + 0.25),
            "`v - eps` in place of `v`": (["missing-term"], V - 0.25),
            "`v + (c + d)` in place of `v`": (["missing-term"], V + 0.5),
            "`v - (c + d)` in place of `v`": (["missing-term"], V - 0.5),
        },
    )
    limit = kinds(offsets, expression("v", LIMIT), told(V, known))
    assert limit["`v + n` in place of `v`"] == ["option-ignored"]
    assert len(limit) == 6
    for role, value in ((TERM, V), (INDEX, V), (DIVISOR, 2.0)):
        assert made(offsets, expression("v", role), told(value, known)) == {}


def test_a_sign_may_be_wrong():
    same(made(opposites, expression("v", TERM), told(V)), {"`-v` in place of `v`": (["operand", "sign"], -V)})
    same(made(opposites, expression("a + b"), told(V)), {"`-(a + b)` in place of `a + b`": (["operand", "sign"], -V)})
    for role, value in ((INDEX, V), (LIMIT, V), (VALUE, 2.0)):
        assert made(opposites, expression("v", role), told(value)) == {}


def test_another_variable_may_belong_there_or_one_less_it():
    known = {"v": V, "a": A, "same": V.copy(), "row": A[:2], "whole": np.array([1, 2, 3]), "c": 2.0, "all": [V]}
    same(made(variables, expression("v"), told(V, known)), {"`a` in place of `v`": (["operand"], A)})
    share = np.array([0.25, 1.0, 0.0])
    expected = {
        "`p` in place of `v`": (["operand"], share),
        "`1 - p` in place of `v`": (["operand"], 1 - share),
    }
    same(made(variables, expression("v"), told(V, {"p": share})), expected)
    for beyond in (share + 0.5, share - 0.5):
        assert len(made(variables, expression("v"), told(V, {"p": beyond}))) == 1
    table = np.ones((3, 2))
    assert set(made(variables, expression("v"), told(V[:, None], {"t": table, "row": table.T}))) == {
        "`t` in place of `v`",
        "`1 - t` in place of `v`",
    }
    assert kinds(variables, expression("v", LIMIT), told(V, known)) == {"`a` in place of `v`": ["operand"]}
    assert kinds(variables, expression("v", ASSIGNED, name="a"), told(V, known)) == {}
    assert kinds(variables, expression("v", FACTOR, name="a"), told(V, known)) != {}
    for role in (AXIS, EXPONENT):
        assert kinds(variables, expression("v", role), told(V, known)) == {}


@pytest.mark.parametrize(
    ("around", "role", "tried"),
    [
        ("v > 0", LIMIT, {"both"}),
        ("0.5 < v", LIMIT, {"both"}),
        ("v > w", LIMIT, {"both", "above", "below"}),
        ("np.maximum(v, 0)", LIMIT, {"both", "above", "below"}),
        ("v > 0", VALUE, {"both", "above", "below"}),
    ],
)
def test_what_is_compared_with_a_number_is_not_always_larger_or_smaller(around, role, tried):
    known = {
        "both": np.array([-3.0, 0.0, 4.0]),
        "above": np.array([1.0, 2.0, 3.0]),
        "below": np.array([-1.0, 0.0, -2.0]),
    }
    found = kinds(variables, expression("v", role, around=around), told(np.array([-1.0, 1.0, 2.0]), known))
    assert {said.split("`")[1] for said in found if "1 - " not in said} == tried


def test_a_number_a_list_and_an_array_of_whole_numbers_are_taken_for_their_like():
    known = {"c": 2.0, "d": 0.5, "n": 3, "whole": np.array([1, 2]), "other": np.array([1, 3]), "a": A}
    assert kinds(variables, expression("c"), told(2.0, known)) == {"`d` in place of `c`": ["operand"]}
    assert kinds(variables, expression("whole"), told(known["whole"], known)) == {
        "`other` in place of `whole`": ["operand"]
    }
    lists = {"one": [V], "two": [A], "three": [V, A], "tuple": (A,)}
    assert kinds(variables, expression("one"), told(lists["one"], lists)) == {"`two` in place of `one`": ["operand"]}
    assert kinds(variables, expression("n"), told(3, known)) == {}
    single = {"u": np.array([3.0])}
    assert kinds(variables, expression("v"), told(np.array([2.0]), single)) == {}


@pytest.mark.parametrize(
    ("text", "value", "name", "other", "more", "kind"),
    [
        ("v", V, "a", V + 2, {}, "missing-term"),
        ("v", V, "a", V * A, {"b": A}, "missing-factor"),
        ("v", V * A, "a", V, {"b": A}, "missing-factor"),
        ("v", V * MASK, "a", V * A * MASK, {"b": A}, "missing-factor"),
        ("v", V, "v * b", A, {}, "missing-factor"),
        ("v", V, "b @ v", A, {}, "missing-factor"),
        ("v", V, "(v / b) * c", A, {}, "missing-factor"),
        ("v", V, "v + b", A, {}, "missing-term"),
        ("v", V, "b - (c - v)", A, {}, "missing-term"),
        ("v", V, "b + c * v", A, {}, "operand"),
        ("v", V, "f(v)", A, {}, "operand"),
        ("v", V, "c * b", A, {}, "operand"),
        (":", V, "v * b", A, {}, "operand"),
        ("mask", MASK, "other", 1 - MASK, {}, "subset"),
    ],
)
def test_what_another_variable_lacks_is_said(text, value, name, other, more, kind):
    own, others = (kinds(each, expression(text), told(value, {name: other, **more})) for each in (variables, computed))
    found = own if name.isidentifier() else others
    assert not own.keys() & others.keys()
    assert found[f"`{name}` in place of `{text}`"] == list(dict.fromkeys((kind, "operand")))


def test_of_the_names_in_a_function_only_variables_are_taken():
    known = {"a": A, "f(x)": B}
    assert kinds(names, expression("v"), told(V, known)) == {"`a` in place of `v`": ["operand"]}
    assert kinds(names, expression("f(v)"), told(V, known)) == {}


def test_what_a_loop_has_kept_of_the_round_before_may_belong_there():
    kept, first = [V, A, B], np.zeros(3)
    known = {"h": kept, "start": first, "short": first[:2], "f(x)": first, "t": 1}
    found = made(before, expression("h[t]", counters=("t",)), told(A, known))
    assert set(found) == {"`h[t - 1]` in place of `h[t]`, `start` where t is 0"}
    ((kind, value),) = found.values()
    assert kind == ["stale"]
    assert value is V
    ((_, begun),) = made(before, expression("h[t]", counters=("t",)), told(V, {**known, "t": 0})).values()
    assert begun is first
    for site, seen in (
        (expression("h[t]"), told(A, known)),
        (expression("h[k]", counters=("t",)), told(A, known)),
        (expression("h[t]", counters=("t",)), told(2.0, known)),
        (expression("h[t]", counters=("t",)), told(A, {**known, "h": [V]})),
        (expression("g[t]", counters=("t",)), told(A, known)),
    ):
        assert made(before, site, seen) == {}


def test_a_function_of_a_value_may_belong_there():
    expected = {
        "1 - v": 1 - V,
        "1 + v": 1 + V,
        "v ** 2": V**2,
        "1 / v": 1 / V,
        "sqrt(v)": np.sqrt(V),
        "exp(v)": np.exp(V),
        "log(v)": np.log(V),
        "sign(v)": np.ones(3),
        "tanh(v)": np.tanh(V),
    }
    kind = {"1 + v": "missing-term"}
    same(
        made(functions, expression("v"), told(V)),
        {f"`{said}` in place of `v`": ([kind.get(said, "operand")], value) for said, value in expected.items()},
    )
    number = [said.partition("(")[0] for said in made(functions, expression("1.9"), told(1.9))]
    assert {"`sqrt", "`exp", "`log"} <= set(number)
    assert {"`sign", "`abs", "`tanh"}.isdisjoint(number)  # nobody writes that
    with np.errstate(all="ignore"):
        minus = made(functions, expression("v"), told(-V))
    assert "`abs(v)` in place of `v`" in minus  # it is another one
    assert "`sqrt(v)` in place of `v`" not in minus  # it is not a number
    assert made(functions, expression("v", INDEX), told(V)) == made(functions, expression("v"), told(3)) == {}
    assert len(made(functions, expression("v"), told(V, rounds=[V, V]))) == 10  # in another round it may differ
    with np.errstate(all="ignore"):
        assert len(made(functions, expression("v"), told(np.array([np.nan, 1.0])))) == 10


def combined(name, v, a):
    return {
        f"v * {name}": v * a,
        f"v / {name}": v / a,
        f"v * (1 - {name})": v * (1 - a),
        f"v * (1 - {name} ** 2)": v * (1 - a**2),
        f"v * log({name})": v * np.log(a),
        f"v * ({name} > 0)": v * (a > 0),
    }


def test_a_factor_may_be_missing():
    known = {"a": A, "same": V.copy(), "v": V, "one": 1, "zero": 0, "wide": np.ones((2, 3))}
    expected = combined("a", V, A)
    del expected["v * (a > 0)"]  # all are
    plain = {said: expected.pop(said) for said in ("v * a", "v / a")}
    for family, some in ((factors, plain), (derivatives, expected)):
        same(
            made(family, expression("v"), told(V, known)),
            {f"`{said}` in place of `v`": (["missing-factor"], value) for said, value in some.items()},
        )
    for family, role in product((factors, derivatives), (FACTOR, DIVISOR, INDEX)):
        assert made(family, expression("v", role), told(V, known)) == {}
    number = made(factors, expression("v"), told(V, {"rate": 0.5, "f(x)": 0.25}))
    assert set(number) == {"`v * rate` in place of `v`", "`v / rate` in place of `v`"}
    number = made(derivatives, expression("v"), told(V, {"self.rate": 0.5}))
    assert set(number) == {
        f"`v * {said}` in place of `v`" for said in ("(1 - self.rate)", "(1 - self.rate ** 2)", "log(self.rate)")
    }
    with np.errstate(all="ignore"):
        mixed = kinds(derivatives, expression("v"), told(V, {"a": -A * [1, -1, 1]}))
        assert mixed["`v * (a > 0)` in place of `v`"] == ["subset"]
        assert "`v * log(a)` in place of `v`" not in mixed
        limit = kinds(factors, expression("v", LIMIT), told(V, {"a": A}))
    assert limit["`v * a` in place of `v`"] == ["operand"]
    assert made(factors, expression("f(x)"), told(V, {"g(x)": A})) == {}
    assert len(made(derivatives, expression("f(x)"), told(V, {"g(x)": A}))) == 5
    assert made(derivatives, expression("v"), told(V, {"steps": np.array([1, 2, 3])})) == {}


def test_a_mask_may_be_missing():
    ok = np.array([True, False, True])
    known = {"ok": ok, "v": ok, "x > 0": ok, "all": np.ones(3, bool), "wide": np.ones((2, 3), bool), "ones": 1.0 * ok}
    expected = {"`v * ok` in place of `v`": (["subset"], V * ok)}
    same(made(masked, expression("v"), told(V, known)), expected)
    assert len(made(masked, expression("v"), told(V, known, rounds=[V, V]))) == 2  # in another round not all are true
    for role in (FACTOR, DIVISOR, INDEX, LIMIT):
        assert made(masked, expression("v", role), told(V, known)) == {}
    assert made(masked, expression("v"), told(2.0, known)) == {}


def test_an_array_of_positions_may_be_a_factor():
    found = made(factors, expression("v"), told(V, {"steps": np.array([1, 2, 3]), "f(x)": np.array([1, 2, 3])}))
    same(
        found,
        {
            "`v * steps` in place of `v`": (["missing-factor"], V * [1, 2, 3]),
            "`v / steps` in place of `v`": (["missing-factor"], V / [1, 2, 3]),
        },
    )


def test_a_term_may_be_missing():
    known = {"v": V, "a": A, "f(x)": A, "c": 2.0, "wide": np.ones((2, 3))}
    same(
        made(terms, expression("v"), told(V, known)),
        {
            "`v + a` in place of `v`": (["missing-term"], V + A),
            "`v - a` in place of `v`": (["missing-term"], V - A),
        },
    )
    assert set(made(terms, expression("d"), told(3.0, known))) == {"`d + c` in place of `d`", "`d - c` in place of `d`"}
    for role in (TERM, INDEX):
        assert made(terms, expression("v", role), told(V, known)) == {}
    assert set(kinds(terms, expression("v", LIMIT), told(V, known))["`v + a` in place of `v`"]) == {"operand"}
    assert made(terms, expression("v"), told(3, known)) == {}


def test_a_matrix_may_be_missing_on_either_side():
    d, left, right = np.arange(6.0).reshape(2, 3), np.array([[1.0, 2], [3, 4]]), np.arange(9.0).reshape(3, 3)
    known = {"d": d, "l": left, "r": right, "v": V, "whole": np.eye(2, dtype=int)}
    same(
        made(products, expression("d"), told(d, known)),
        {
            "`l @ d` in place of `d`": (["missing-factor"], left @ d),
            "`d @ r` in place of `d`": (["missing-factor"], d @ right),
        },
    )
    square = made(products, expression("l"), told(left, {"l": left, "m": left.T}))
    same(
        square,
        {
            "`m @ l` in place of `l`": (["missing-factor"], left.T @ left),
            "`l @ m` in place of `l`": (["missing-factor"], left @ left.T),
        },
    )
    assert set(map(tuple, kinds(products, expression("d", LIMIT), told(d, known)).values())) == {("operand",)}
    assert made(products, expression("v"), told(V, known)) == made(products, expression("c"), told(2.0, known)) == {}


def test_what_an_array_is_rolled_by_may_have_the_other_sign():
    found = made(opposites, expression("s", around="np.roll(g, s)"), told(2))
    assert found == {"`-s` in place of `s`": (["shifted"], -2)}
    for text, around in (("-s", "np.roll(g, -s)"), ("s", "np.take(g, s)")):
        assert made(opposites, expression(text, around=around), told(2)) == {}
    assert made(opposites, expression("s", around="np.roll(g, s)"), told(2.0)) == {}


def test_whole_numbers_of_both_signs_may_be_distances():
    found = made(functions, expression("i - j"), told(np.array([2, -1, 0])))
    assert {said: (kind, value.tolist()) for said, (kind, value) in found.items()} == {
        "`abs(i - j)` in place of `i - j`": (["operand"], [2, 1, 0])
    }
    for value in (np.array([1, 0]), np.array([-1, 0]), 3):
        assert made(functions, expression("i"), told(value)) == {}
    assert made(functions, expression("i", INDEX), told(np.array([2, -1]))) == {}


def test_what_is_compared_lacks_no_derivative():
    known = {"a": A, "2 * a": 2 * A}
    assert "`v * (1 - a)` in place of `v`" in kinds(derivatives, expression("v"), told(V, known))
    limited = kinds(derivatives, expression("v", LIMIT), told(V, known))
    assert set(limited) == {"`v * (2 * a)` in place of `v`", "`v / (2 * a)` in place of `v`"}
