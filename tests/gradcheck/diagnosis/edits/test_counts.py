"""A whole number in the source that may be another length, another count, or what a loop counts times an option."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.edits.counts import (
    WIDEST,
    counters,
    counts,
    lengths,
    multiples,
    options_of,
    strides,
    sums_of_masks,
)
from scratchcnn.gradcheck.diagnosis.edits.places import (
    ASSIGNED,
    DIVISOR,
    FACTOR,
    INDEX,
    RESULTS,
    TERM,
    VALUE,
)
from tests.gradcheck.diagnosis.edits.made import expression, made, told

MASK, WEIGHTS = np.array([1.0, 0.0, 1.0]), np.array([0.5, 2.0, 3.0])


def sized(value, role=DIVISOR, shape=(3, 4), output=(3, 5)):
    scene = SimpleNamespace(inputs=[np.zeros(7), np.zeros(shape)], cotangent=np.zeros(output))
    return made(counts(scene, 1), expression("n", role), told(value))


def test_a_number_of_entries_may_be_another_one():
    assert sized(3) == {f"{n} in place of `n`": (["constant-factor"], n) for n in (4, 5, 12, 15)}
    assert list(sized(12)) == [f"{n} in place of `n`" for n in (3, 4, 5, 15)]
    assert set(sized(6, shape=(2, 3, 4))) == {f"{n} in place of `n`" for n in (2, 3, 4, 5, 8, 12, 24, 15)}
    for role in (ASSIGNED, FACTOR):
        assert sized(3, role) == sized(3)
    assert sized(7) == sized(3.0) == sized(3, TERM) == {}


@pytest.mark.parametrize("role", [ASSIGNED, FACTOR, DIVISOR])
def test_a_length_may_be_another_one(role):
    arrays = {"x": np.zeros((2, 3)), "2 * x": np.zeros((9, 8)), "y": np.zeros((3, 5)), "n": 7, "row": np.zeros(4)}
    arrays["again"] = np.zeros((4, 2))
    assert made(lengths, expression("h * w", role), told(3, arrays)) == {
        f"`{text}` in place of `h * w`": (["constant-factor"], length)
        for text, length in (
            ("x.shape[0]", 2),
            ("x.size", 6),
            ("y.shape[1]", 5),
            ("y.size", 15),
            ("row.shape[0]", 4),
            ("again.size", 8),
        )
    }
    assert made(lengths, expression("len(x)", role), told(3, arrays))


@pytest.mark.parametrize(
    ("text", "value", "role"), [("h", 3, TERM), ("h", 3.0, FACTOR), ("3", 3, FACTOR), ("int(0.4 * n)", 3, ASSIGNED)]
)
def test_what_is_calculated_otherwise_is_no_length(text, value, role):
    assert made(lengths, expression(text, role), told(value, {"x": np.zeros((2, 4))})) == {}


def test_a_number_of_entries_may_be_a_multiple_or_the_one_beside_it():
    assert made(multiples, expression("n", DIVISOR), told(5)) == {
        f"`{text}` in place of `n`": (["constant-factor"], value)
        for text, value in (("n - 1", 4), ("n + 1", 6), ("2 * n", 10), ("n // 2", 2))
    }
    assert "`2 * (a + b)` in place of `a + b`" in made(multiples, expression("a + b", ASSIGNED), told(5))
    counted = expression("t", FACTOR, counters=("t",))
    for site, value in (
        (expression("5", FACTOR), 5),
        (expression("n", TERM), 5),
        (expression("n", FACTOR), 5.0),
        (counted, 5),
    ):
        assert made(multiples, site, told(value)) == {}


def test_the_variable_of_a_loop_may_be_an_index():
    seen = told(2, {"k": 1, "t": 0, "row": np.zeros(3)})
    found = made(counters, expression("0", INDEX, counters=("k", "t", "row", "other")), seen)
    assert found == {"index `k` in place of `0`": (["subset"], 1), "index `t` in place of `0`": (["subset"], 0)}
    assert made(counters, expression("k", INDEX, counters=("k", "t")), seen) == {
        "index `t` in place of `k`": (["operand"], 0)
    }
    for site, value in (
        (expression("k + 1", INDEX, counters=("t",)), 2),
        (expression("0", FACTOR, counters=("t",)), 2),
        (expression("0", INDEX, counters=("t",)), 2.0),
        (expression("0", INDEX), 2),
    ):
        assert made(counters, site, told(value, seen.variables)) == {}


OPTIONS = {"stride": 2, "pad": 1, "dil": 3, "one": 1, "wide": WIDEST + 1, "rate": 0.5, "2 * k": 4}


def test_what_a_loop_counts_may_lack_a_stride_or_a_padding():
    site = expression("t", TERM, counters=("t", "k"))
    assert made(strides, site, told(5, {"t": 5, **OPTIONS})) == {
        f"`{text}` in place of `t`": (["option-ignored"], value)
        for text, value in (("t * stride", 10), ("t - pad", 4), ("t + pad", 6), ("t * dil", 15))
    }
    moved = made(strides, expression("t * s", ASSIGNED, counters=("t",)), told(6, OPTIONS))
    assert list(moved) == ["`(t * s) - pad` in place of `t * s`", "`(t * s) + pad` in place of `t * s`"]
    assert made(strides, expression("n", TERM, counters=("t",)), told(5, OPTIONS)) == {}
    assert made(strides, expression("t", TERM, counters=("t",)), told(5.0, OPTIONS)) == {}


def test_several_counters_may_lack_it_at_once():
    found = made(strides, expression("i, j", RESULTS, counters=("i", "j")), told((1, 2), {"s": 2, "p": 1}))
    assert found == {
        "`i * s, j * s` in place of `i, j`": (["option-ignored"], (2, 4)),
        "`i - p, j - p` in place of `i, j`": (["option-ignored"], (0, 1)),
        "`i + p, j + p` in place of `i, j`": (["option-ignored"], (2, 3)),
    }
    assert made(strides, expression("i, n", RESULTS, counters=("i", "j")), told((1, 2), {"s": 2})) == {}
    assert made(strides, expression("i, j", RESULTS, counters=("i", "j")), told((1, 2.5), {"s": 2})) == {}


def pool(x, size=3, stride=2):
    count = (len(x) - size) // stride + 1
    return np.array([x[stride * i : stride * i + size].max() for i in range(count)])


def pool_backward(g, x, size=3, stride=2):
    d = np.zeros_like(x)
    for i in range(len(g)):
        first = i
        d[first + np.argmax(x[first : first + size])] += g[i]
    return d


def test_a_stride_that_backward_forgets_is_named():
    first = check_gradient(pool, pool_backward, np.random.default_rng(0).normal(size=9)).diagnoses[0]
    assert (first.kind, first.message.partition(": ")[0]) == (
        "option-ignored",
        "right with `i * stride` in place of `i`",
    )


@pytest.mark.parametrize("role", [TERM, FACTOR, VALUE])
def test_how_many_entries_a_mask_has_may_stand_for_one(role):
    mask = np.array([[1.0, 0, 1], [0, 0, 1]])
    known = {"hit": mask, "row": MASK, "weights": np.outer(WEIGHTS, WEIGHTS), "hit * 1": mask}
    found = made(sums_of_masks, expression("1", role), told(1, known))
    assert {said: (kind, value.tolist()) for said, (kind, value) in found.items()} == {
        "`hit.sum(axis=0)` in place of `1`": (["missing-factor"], [1, 0, 2]),
        "`hit.sum(axis=1)` in place of `1`": (["missing-factor"], [2, 1]),
    }
    assert made(sums_of_masks, expression("2", role), told(2, known)) == {}
    assert made(sums_of_masks, expression("1", INDEX), told(1, known)) == {}


def test_how_many_entries_a_mask_has_may_be_a_length():
    site = expression("(h > 0).sum()", DIVISOR)
    assert "`x.shape[0]` in place of `(h > 0).sum()`" in made(lengths, site, told(np.int64(5), {"x": np.zeros(4)}))
    assert made(lengths, site, told(np.float64(5), {"x": np.zeros(4)})) == {}


def test_options_are_small_whole_numbers_and_those_that_are_called_so_come_first():
    known = {"n": 2, "s": np.int64(2), "flag": True, "most": WIDEST, "pad": np.array(1), "far": WIDEST + 1, "no": 0}
    found = options_of(told(0, {**known, "minus": -1, "row": np.array([1]), "x": 2.0, "2 * n": 4, "my_stride": 3}))
    assert list(found.items()) == [("s", 2), ("my_stride", 3), ("n", 2), ("most", WIDEST), ("pad", 1)]
