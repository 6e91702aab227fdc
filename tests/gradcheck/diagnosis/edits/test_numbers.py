"""A number in the source that may be another one."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.edits.numbers import (
    LONGEST,
    axes,
    constants,
    exponents,
    indices,
    literals,
    ones,
    subscripts,
)
from scratchcnn.gradcheck.diagnosis.edits.places import (
    ASSIGNED,
    AXIS,
    BASE,
    DIVISOR,
    EXPONENT,
    FACTOR,
    INDEX,
    SUBSCRIPTS,
    TERM,
    VALUE,
)
from tests.gradcheck.diagnosis.edits.made import expression, kinds, made, told


def test_an_axis_may_be_another_one_or_others():
    found = made(axes, expression("1", AXIS, around="d.sum(1)"), told(1))
    expected = {f"axis {n} in place of 1": (["broadcast"], n) for n in (0, 2, 3)}
    several = [(0, 1), (0, 2), (0, 3), (1, 2), (1, 3), (2, 3), (0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)]
    assert found == expected | {f"axes {some} in place of 1": (["broadcast"], some) for some in several}
    assert list(found)[:4] == [
        "axis 0 in place of 1",
        "axis 2 in place of 1",
        "axis 3 in place of 1",
        *list(found)[3:4],
    ]
    assert "axis 0 in place of None" in kinds(axes, expression("None", AXIS), told(None))
    of_two = kinds(axes, expression("(0, 2)", AXIS), told((0, 2)))
    assert "axes (0, 2) in place of (0, 2)" not in of_two
    assert "axis 2 in place of (0, 2)" in of_two


@pytest.mark.parametrize(
    ("around", "kind"),
    [
        ("np.moveaxis(d, 0, 1)", "transposed"),
        ("d.swapaxes(0, 1)", "transposed"),
        ("d.transpose(0, 1)", "transposed"),
        ("np.flip(d, 0)", "rotated"),
        ("np.rot90(d, 1)", "rotated"),
        ("np.roll(d, 1, axis=0)", "permuted"),
        ("np.stack(all, axis=0)", "permuted"),
        ("d.mean(0)", "broadcast"),
        ("flip[0]", "broadcast"),
    ],
)
def test_what_a_wrong_axis_does_depends_on_the_function(around, kind):
    assert set(map(tuple, kinds(axes, expression("0", AXIS, around=around), told(0)).values())) == {(kind,)}


def test_a_variable_that_is_named_for_an_axis_is_one():
    assert kinds(axes, expression("1", ASSIGNED, name="axis"), told(1))
    assert kinds(axes, expression("1", ASSIGNED, name="axis"), told((0, 1))) == {}
    assert kinds(axes, expression("1", ASSIGNED, name="rate"), told(1)) == {}
    assert kinds(axes, expression("a", AXIS), told("a")) == {}


@pytest.mark.parametrize(
    ("text", "after", "before"),
    [
        ("k", "`k + 1` in place of `k`", "`k - 1` in place of `k`"),
        ("3", "4 in place of `3`", "2 in place of `3`"),
        ("k + 1", "`(k + 1) + 1` in place of `k + 1`", "`k` in place of `k + 1`"),
        ("k - 1", "`k` in place of `k - 1`", "`(k - 1) - 1` in place of `k - 1`"),
        ("n - k", "`(n - k) + 1` in place of `n - k`", "`(n - k) - 1` in place of `n - k`"),
    ],
)
def test_an_index_may_be_the_next_one_or_the_one_before(text, after, before):
    found = made(indices, expression(text, INDEX, around=f"d[{text}]"), told(3))
    assert found == {after: (["shifted"], 4), before: (["shifted"], 2)}


@pytest.mark.parametrize(
    ("around", "expected"),
    [
        ("d[k:]", ["shifted", "missing-term"]),
        ("d.shape[k]", ["constant-factor", "broadcast"]),
        ("x.shape[k:]", ["constant-factor", "broadcast"]),
        ("d[k]", ["shifted"]),
    ],
)
def test_what_a_wrong_index_does_depends_on_what_it_is_of(around, expected):
    found = kinds(indices, expression("k", INDEX, around=around), told(3))
    assert list(found.values()) == [expected, expected]


def test_an_array_of_indices_is_shifted_wherever_it_stands():
    (_, value), (_, before) = made(indices, expression("rows", VALUE), told(np.array([0, 2]))).values()
    assert (value.tolist(), before.tolist()) == ([1, 3], [-1, 1])
    for seen in (told(np.array([0.0, 2])), told("k"), told(3)):
        assert kinds(indices, expression("rows", VALUE), seen) == {}
    assert kinds(indices, expression("rows", INDEX), told("k")) == {}


def test_an_exponent_may_be_the_next_one():
    found = made(exponents, expression("2", EXPONENT), told(2))
    assert found == {
        "3 in place of the exponent 2": (["missing-factor", "operand"], 3),
        "1 in place of the exponent 2": (["missing-factor", "operand"], 1),
        "-2 in place of the exponent 2": (["missing-factor", "operand"], -2),
    }
    assert "1.5 in place of the exponent 0.5" in kinds(exponents, expression("0.5", EXPONENT), told(0.5))
    assert "2 in place of the exponent -2" in kinds(exponents, expression("-2", EXPONENT), told(-2))


@pytest.mark.parametrize(
    ("text", "others"),
    [
        ("p - 1", ["`p` in place of `p - 1`", "`(p - 1) - 1` in place of `p - 1`", "`1 - p` in place of `p - 1`"]),
        ("p", ["`p + 1` in place of `p`", "`p - 1` in place of `p`", "`-p` in place of `p`"]),
        (
            "a - b * c",
            [
                "`(a - b * c) + 1` in place of `a - b * c`",
                "`(a - b * c) - 1` in place of `a - b * c`",
                "`-(a - b * c)` in place of `a - b * c`",
            ],
        ),
    ],
)
def test_an_exponent_that_has_a_name_keeps_it(text, others):
    found = made(exponents, expression(text, EXPONENT), told(2))
    assert {said: value for said, (_, value) in found.items()} == {
        f"the exponent {other}": value for other, value in zip(others, (3, 1, -2), strict=True)
    }


@pytest.mark.parametrize("role", [FACTOR, DIVISOR, TERM, VALUE])
def test_a_whole_number_may_be_the_one_beside_it(role):
    expected = {"4 in place of `3`": (["operand"], 4), "2 in place of `3`": (["operand"], 2)}
    assert made(literals, expression("3", role), told(3)) == expected
    # As a factor it may stand for any mistake: that comes late.
    assert made(constants, expression("3", role), told(3)) == ({} if role in (FACTOR, DIVISOR) else expected)


@pytest.mark.parametrize(
    ("text", "value", "role"),
    [
        ("n", 3, FACTOR),
        ("3.0", 3.0, FACTOR),
        ("3", 3, AXIS),
        ("3", 3, INDEX),
        ("3", 3, EXPONENT),
        ("3", 3, BASE),
        ("1", 1, FACTOR),
        ("1", 1, DIVISOR),
    ],
)
def test_other_numbers_are_not_the_one_beside_it(text, value, role):
    assert made(literals, expression(text, role), told(value)) == {}


def test_what_it_is_a_part_of_comes_first():
    variables = {"m": 4, "d": 5.5, "np.sqrt(n)": 6.5, "np.sqrt(many)": 7.5}
    assert next(iter(made(constants, expression("n", DIVISOR), told(3, variables)))) == "`np.sqrt(n)` in place of `n`"


def test_an_option_may_stand_for_a_number():
    variables = {
        "rate": 0.5,
        "n": 7,
        "self.keep_rate": 0.25,
        "x.sum()": 0.75,
        "half": np.float64(0.125),
        "a": "b",
        "same": 2.5,
    }
    found = made(constants, expression("2.5", FACTOR), told(2.5, variables))
    assert found == {
        "`rate` in place of `2.5`": (["option-ignored"], 0.5),
        "`n` in place of `2.5`": (["option-ignored"], 7),
        "`self.keep_rate` in place of `2.5`": (["option-ignored"], 0.25),
        "`x.sum()` in place of `2.5`": (["operand"], 0.75),
        "`half` in place of `2.5`": (["operand"], 0.125),
    }
    assert made(constants, expression("rate", FACTOR), told(0.5, variables)) == {}  # no literal
    assert made(constants, expression("2.5", FACTOR, name="rate"), told(2.5, {"rate": 0.5})) == {}
    minus = made(constants, expression("-2.5", FACTOR), told(-2.5, {"c": 2.5}))
    assert minus == {"`c` in place of `-2.5`": (["sign"], 2.5)}


def test_a_variable_for_a_whole_number_is_another_whole_one_that_is_no_large_length():
    variables = {"m": 4, "share": 0.5, "many": LONGEST + 1, "most": LONGEST, "flag": True, "short": np.int64(5)}
    found = made(constants, expression("n"), told(3, variables))
    assert found == {
        "`m` in place of `n`": (["option-ignored"], 4),
        "`most` in place of `n`": (["option-ignored"], LONGEST),
        "`short` in place of `n`": (["operand"], 5),
    }
    term = made(constants, expression("1", TERM), told(1, {"r": 2.5, "x.sum()": 7.5, "flag": True}))
    assert "`r` in place of `1`" in term
    assert not any("x.sum()" in said or "flag" in said for said in term)


@pytest.mark.parametrize(("value", "role"), [(2, AXIS), (2, INDEX), (2, BASE), ("2", FACTOR), (True, FACTOR)])
def test_other_constants_stay(value, role):
    assert made(constants, expression("2", role), told(value, {"c": 5})) == {}


def test_the_base_of_a_power_is_changed_where_it_is_no_whole_number():
    assert made(constants, expression("2.5", BASE), told(2.5, {"c": 5.5})) == {
        "`c` in place of `2.5`": (["option-ignored"], 5.5)
    }


@pytest.mark.parametrize("ddof", [0, 1])
def test_degrees_of_freedom_are_none_or_one(ddof):
    found = made(constants, expression(str(ddof), VALUE, name="ddof"), told(ddof))
    assert found[f"ddof={1 - ddof} in place of {ddof}"] == (["constant-factor"], 1 - ddof)


MASK, WEIGHTS = np.array([1.0, 0.0, 1.0]), np.array([0.5, 2.0, 3.0])


@pytest.mark.parametrize("role", [TERM, FACTOR, DIVISOR])
def test_a_mask_or_a_weight_may_stand_for_one(role):
    variables = {"mask": MASK, "weights": WEIGHTS, "a + b": WEIGHTS, "n": 3}
    found = made(ones, expression("1", role), told(1, variables))
    assert {said: kind for said, (kind, _) in found.items()} == {
        "`mask` in place of `1`": ["subset"],
        "`weights` in place of `1`": ["missing-factor"],
    }
    assert found["`mask` in place of `1`"][1] is MASK
    assert made(ones, expression("one", role), told(2, variables)) == {}
    known = {"mask": MASK, "k": np.array([1, 2, 3]), "n": 3, "x": WEIGHTS, "rows": [[1, 2], [3]]}
    for around, counts in (
        ("rows + 1", False),
        ("k + 1", True),
        ("k * n + 1", True),
        ("k + x + 1", False),
        ("k + open + 1", False),
    ):
        found = made(ones, expression("1", role, around=around), told(1, known))
        assert ("`mask` in place of `1`" not in found) is counts


def test_a_number_that_is_spelled_out_may_be_its_root_or_its_square():
    for number in (2, 9):
        assert made(ones, expression(f"{number}", DIVISOR), told(number)) == {
            f"`sqrt({number})` in place of `{number}`": (["constant-factor"], number**0.5),
            f"`{number} ** 2` in place of `{number}`": (["constant-factor"], number**2),
        }
    assert len(made(ones, expression("2.25", FACTOR), told(2.25))) == 2
    for site, value in ((expression("n", FACTOR), 4), (expression("0.5", FACTOR), 0.5), (expression("4", VALUE), 4)):
        assert made(ones, site, told(value, {"mask": MASK})) == {}
    assert made(ones, expression("1", FACTOR), told(np.ones(3), {"mask": MASK})) == {}


def test_two_letters_of_a_term_of_einsum_may_be_exchanged():
    found = made(subscripts, expression("'ij, jk -> ik'", SUBSCRIPTS), told("ij, jk -> ik"))
    assert found == {
        f"'{text}' in place of 'ij, jk -> ik'": (["transposed"], text)
        for text in ("ji,jk->ik", "ij,kj->ik", "ij,jk->ki")
    }
    three = made(subscripts, expression("'iji->j'", SUBSCRIPTS), told("iji->j"))
    assert list(three.values()) == [(["transposed"], "jij->j")]
    without = made(subscripts, expression("'ij,j'", SUBSCRIPTS), told("ij,j"))
    assert [value for _, value in without.values()] == ["ji,j"]
    assert len(made(subscripts, expression("'abc->c'", SUBSCRIPTS), told("abc->c"))) == 3


@pytest.mark.parametrize(("role", "value"), [(VALUE, "ij->ji"), (SUBSCRIPTS, np.zeros(2))])
def test_only_the_subscripts_are(role, value):
    assert made(subscripts, expression("s", role), told(value)) == {}
