"""The proof alone: what it says of each entry, and what it leaves open."""

import inspect
import itertools
import math
import time
from functools import partial
from pathlib import Path
from time import thread_time

import numpy as np
import pytest

from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof import prove as proving
from scratchcnn.gradcheck.proof import runs
from scratchcnn.gradcheck.proof.prove import Proof, prove
from tests.gradcheck.proof import callers
from tests.gradcheck.proof.proofs import cotangent_of, normal, proved

SEEDS = range(3)


def at(places, size):
    found = np.zeros(size, bool)
    found[list(places)] = True
    return found


def gelu(x, constant=None):
    constant = math.sqrt(2 / math.pi) if constant is None else constant
    return 0.5 * x * (1 + np.tanh(constant * (x + 0.044715 * x**3)))


def gelu_backward(g, x, constant=None):
    constant = math.sqrt(2 / math.pi) if constant is None else constant
    t = np.tanh(constant * (x + 0.044715 * x**3))
    return g * (0.5 * (1 + t) + 0.5 * x * (1 - t * t) * constant * (1 + 0.044715 * (3 * x**2)))


# What is right and what is wrong.


@pytest.mark.parametrize("seed", SEEDS)
def test_all_entries_of_all_inputs_are_proved_at_once(seed):
    w, b = normal(4, 2), normal(2)
    proof = proved(
        lambda x, w, b: np.tanh(x @ w + b),
        lambda g, x, w, b: (
            (h := g * (1 - np.tanh(x @ w + b) ** 2)) @ w.T,
            x.T @ h,
            h.sum(axis=0),
        ),
        normal(3, 4, seed=seed),
        w,
        b,
        seed=seed,
    )
    assert (sorted(proof.inputs), proof.reason) == ([0, 1, 2], "")
    for proven, size in zip(proof.inputs.values(), (12, 8, 2), strict=True):
        assert proven.right.shape == (size,)
        assert proven.right.all()
        assert not proven.wrong.any()
        assert 60 < proven.digits < 80


@pytest.mark.parametrize("planted", [{0}, {99}, {3, 50, 51}, set(range(0, 100, 7))])
def test_halving_finds_exactly_the_planted_entries(planted):
    where = at(planted, 100)
    x = normal(100)
    proof = proved(np.sin, lambda g, x: g * np.cos(x) * np.where(where, 1 + 1e-9, 1), x)
    (proven,) = proof.inputs.values()
    assert np.array_equal(proven.wrong, where)
    assert np.array_equal(proven.right, ~where)
    g = cotangent_of(np.sin, [x])
    assert sorted(proven.exact) == sorted(planted)
    assert np.allclose([proven.exact[k] for k in proven.exact], (g * np.cos(x))[list(proven.exact)], rtol=1e-14)
    assert np.allclose(proven.value, g * np.cos(x) * np.where(where, 1 + 1e-9, 1), rtol=1e-14)


def test_the_wrong_input_alone_is_wrong():
    proof = proved(
        lambda a, b, c: a * b + c, lambda g, a, b, c: (g * b, g * a * 1.001, g), normal(5), normal(5, seed=1), normal(5)
    )
    assert [p.right.all() for p in proof.inputs.values()] == [True, False, True]
    assert [p.wrong.all() for p in proof.inputs.values()] == [False, True, False]


def test_where_wrong_entries_are_not_sought_both_sides_show_it():
    proof = proved(np.sin, lambda g, x: 2 * g * np.cos(x), normal(50), locate=False)
    (proven,) = proof.inputs.values()
    assert proven.wrong.all()
    assert not proven.exact
    assert proven.along[0] == pytest.approx(2 * proven.along[1], rel=1e-12)
    assert 1e-3 < proven.share < 2


@pytest.mark.parametrize("factor", [0, 2, -1])
def test_a_small_input_is_not_hidden_by_a_large_one(factor):
    a, b = 1e200 * normal(4), 1e-200 * normal(4, seed=1)
    right = proved(np.multiply, lambda g, a, b: (g * b, g * a), a, b)
    assert all(p.right.all() for p in right.inputs.values())
    proof = proved(np.multiply, lambda g, a, b: (factor * g * b, g * a), a, b)
    assert [p.wrong.all() for p in proof.inputs.values()] == [True, False]
    assert [p.right.all() for p in proof.inputs.values()] == [False, True]


def test_a_zero_gradient_is_proved_exactly():
    proof = proved(lambda x, y: x + 0 * y, lambda g, x, y: (g, np.zeros_like(y)), normal(3), normal(3))
    assert all(p.right.all() for p in proof.inputs.values())
    assert proof.inputs[1].digits == math.inf


def test_a_gradient_that_cancels_to_zero_is_right_and_a_small_one_in_its_place_wrong():
    centred = lambda x: np.exp(x - x.mean()).sum() * (x - x.mean()).sum()  # noqa: E731
    assert proved(centred, lambda g, x: 0 * x, normal(4)).inputs[0].right.all()
    assert proved(centred, lambda g, x: 0 * x + 1e-9 * g, normal(4)).inputs[0].wrong.all()


def test_saturated_softmax_is_proved():
    def softmax(z):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        return e / e.sum(axis=1, keepdims=True)

    def backward(g, z, factor=1.0):
        p = softmax(z)
        return factor * p * (g - (g * p).sum(axis=1, keepdims=True))

    z = 300 * normal(3, 5)
    assert proved(softmax, backward, z).inputs[0].right.all()
    assert proved(softmax, partial(backward, factor=1 + 1e-9), z).inputs[0].wrong.any()


@pytest.mark.parametrize("z", [800.0, 5000.0])
def test_what_no_balls_tell_from_zero_is_right_on_both_sides(z):
    """1 - O is far below what 256 bits, and at 5000 what 2048 bits tell from 0."""

    def sigmoid(z):
        return 1 / (1 + np.exp(-z))

    proof = proved(sigmoid, lambda g, z: g * sigmoid(z) * (1 - sigmoid(z)), np.array([z, 0.5]))
    assert (proof.inputs[0].right.all(), proof.reason) == (True, "")
    assert proved(sigmoid, lambda g, z: g * sigmoid(z) * (1 - sigmoid(z)), np.array([z])).inputs[0].right.all()


@pytest.mark.parametrize("places", [(0,), (0, 2), (1,), (2, 1)])
def test_backward_may_answer_for_those_asked_alone(places):
    def backward(g, *x):
        given = (g * x[1] * x[2], g * x[0] * x[2], g * x[0] * x[1])
        return tuple(given[k] for k in sorted(places))

    inputs = [normal(3, seed=k) for k in range(3)]
    proof = proved(lambda a, b, c: a * b * c, backward, *inputs, wrt=list(places))
    assert set(proof.inputs) == set(places)
    assert all(p.right.all() for p in proof.inputs.values())


def test_nothing_to_prove_is_no_error():
    assert proved(np.sin, lambda g, x: g, np.ones(3), wrt=[]) == Proof({}, reason="there is nothing to prove")


def test_numbers_of_which_the_balls_alone_would_take_too_long_are_no_balls():
    started = thread_time()
    assert proved(np.sin, lambda g, x: g * np.cos(x), np.ones(500_000), seconds=1.0).reason == "takes too long"
    assert thread_time() - started < 1


# Constants.


def test_two_roundings_of_a_constant_are_right_to_its_digits():
    same = proved(gelu, gelu_backward, normal(20))
    assert same.inputs[0].digits > 70
    proof = proved(partial(gelu, constant=0.7978845608028654), gelu_backward, normal(20))
    assert proof.inputs[0].right.all()
    assert 14 < proof.inputs[0].digits < 20


@pytest.mark.parametrize(("dtype", "constant"), [(np.float32, 0.7978846), (np.float16, 0.798)])
def test_in_low_precision_its_digits_are_enough(dtype, constant):
    x = normal(20).astype(dtype)
    proof = proved(gelu, partial(gelu_backward, constant=constant), x)
    assert proof.inputs[0].right.all()
    assert 2.5 < proof.inputs[0].digits < 12
    assert proved(gelu, partial(gelu_backward, constant=0.7978846), x.astype(float)).inputs[0].wrong.any()


@pytest.mark.parametrize("seed", range(40))
@pytest.mark.parametrize(("dtype", "factor"), [(np.float32, 1.001), (np.float16, 1.01)])
def test_a_sum_that_cancels_hides_no_mistake_in_low_precision(dtype, factor, seed):
    x = normal(6, seed=seed).astype(dtype)
    (proven,) = proved(np.sin, lambda g, x: factor * g * np.cos(x), x, seed=seed).inputs.values()
    large = np.abs(proven.value) > np.abs(proven.value).max() / 2
    assert not proven.right[large].any()
    assert proven.wrong[large].all()


def test_a_small_wrong_entry_is_found_among_many_large_ones_though_constants_differ():
    x = normal(2000)
    scale = np.where(np.arange(2000) == 777, 3e-5, 1.0)

    def backward(g, x):
        d = gelu_backward(g, x, 0.7978845608028655) * scale
        return np.where(scale < 1, 1.5 * d, d)

    proof = proved(lambda x: gelu(x) * scale, backward, x)
    (proven,) = proof.inputs.values()
    assert np.flatnonzero(proven.wrong).tolist() == [777]
    assert proven.right.sum() == 1999
    assert 13 < proven.digits < 20


def test_a_mistake_of_a_thousandth_is_found_among_many_in_float32():
    where = np.arange(300) == 77
    proof = proved(
        gelu,
        lambda g, x: gelu_backward(g, x, 0.7978846) * np.where(where, 1.001, 1.0),
        np.ones(300, np.float32),
    )
    assert np.array_equal(proof.inputs[0].wrong, where)
    assert np.array_equal(proof.inputs[0].right, ~where)


def test_digits_are_the_fewest_of_all_entries():
    proof = proved(lambda x: x, lambda g, x: g * np.array([1.0, 2.0, 1.0, 1 + 2.0**-50]), np.ones(4))
    assert proof.inputs[0].right.tolist() == [True, False, True, True]
    assert proof.inputs[0].digits == pytest.approx(50 * np.log10(2), abs=0.5)


def test_a_guard_is_seen_and_is_small():
    x = normal(3, 4)

    def backward(g, x):
        n = np.sqrt((x * x).sum(axis=1, keepdims=True))
        return g[:, None] * x / (n + 1e-12)

    proof = proved(lambda x: np.sqrt((x * x).sum(axis=1)), backward, x)
    (proven,) = proof.inputs.values()
    gaps = [abs(proven.value[k] - exact) for k, exact in proven.exact.items()]
    assert proven.wrong.any()
    assert (proven.wrong | proven.right).all()  # of small entries a rounded constant could leave as much
    assert 0 < max(gaps) < 1e-11


# Edges, bits, time, what cannot run.


def test_more_bits_decide_what_fewer_cannot():
    def forward(x):
        return np.where(x + 1e-200 * (x * x) > x, x, -x)  # 256 bits see no difference

    proof = proved(forward, lambda g, x: g, np.array([1.0, 2.0]))
    assert proof.inputs[0].right.all()


def test_what_no_bits_decide_is_left_open():
    def forward(x):
        return np.where(np.sqrt(x) ** 2 > x, x, -x)

    proof = proved(forward, lambda g, x: -g, np.array([2.0]))
    assert not proof.inputs
    assert proof.reason.startswith("it needs more than 2048 bits: ")


@pytest.mark.parametrize(("forward", "x"), [(np.log, 0.0), (lambda x: 1 / x, 0.0), (np.sqrt, -1.0), (np.arcsin, 2.0)])
def test_outputs_that_are_not_finite_leave_all_open(forward, x):
    proof = proved(forward, lambda g, x: g * x, np.array([x, 0.5]))
    assert proof.reason == "forward is not finite"
    assert (proof.inputs[0].right.any(), proof.inputs[0].wrong.any()) == (False, False)


def test_an_infinite_slope_is_left_open_and_the_others_are_proved():
    proof = proved(np.sqrt, lambda g, x: g / (2 * np.sqrt(x)), np.array([0.0, 1.0, 4.0]))
    assert (proof.inputs[0].right.tolist(), proof.inputs[0].wrong.any()) == ([False, True, True], False)


def test_an_infinite_slope_is_left_open_where_backward_is_guarded():
    x = np.array([1.0, 0.0, 4.0])

    def backward(g, x):
        return g * np.where(x > 0, 1 / (2 * np.sqrt(np.where(x > 0, x, 1))), 0)

    proof = proved(np.sqrt, backward, x)
    assert (proof.inputs[0].right.tolist(), proof.inputs[0].wrong.any()) == ([True, False, True], False)


def test_an_entry_whose_gradient_is_not_finite_is_left_open():
    proof = proved(np.sin, lambda g, x: g * np.where(x > 0, np.cos(x), np.nan), np.array([-1.0, 1.0, 2.0]))
    assert (proof.inputs[0].right.tolist(), proof.inputs[0].wrong.any()) == ([False, True, True], False)


@pytest.fixture
def looks(monkeypatch):
    """A clock that shows how often somebody has looked at it: what ends in time depends on no machine."""
    count = itertools.count()
    monkeypatch.setattr(time, "thread_time", lambda: next(count))
    for module in (proving, runs):
        monkeypatch.setattr(module, "thread_time", time.thread_time)
    return time.thread_time


def test_the_time_is_limited(looks):
    forever = callers.sixteen_sums
    none = prove(forever, lambda g, x: g, Point([np.ones(1)], np.ones(1)), [0], np.random.default_rng(0), 50)
    assert (none.inputs, none.reason) == ({}, "takes too long")
    assert looks() < 100


def test_what_was_found_when_the_time_is_over_stays(looks):
    search = partial(proved, np.sin, lambda g, x: 2 * g * np.cos(x), normal(300))
    whole = search(seconds=10**9)
    assert (whole.reason, whole.inputs[0].wrong.sum()) == ("", 300)
    some = search(seconds=looks() // 2)
    assert some.reason == "takes too long"
    assert 0 < some.inputs[0].wrong.sum() < 300


def test_what_does_not_run_names_file_and_line():
    proof = proved(np.sin, lambda g, x: g * np.cos(x.astype(np.float32)), np.ones(2))
    line = inspect.currentframe().f_lineno - 1
    name = Path(__file__).name
    assert proof.reason == f"`x.astype(np.float32)` at {name}:{line} rounds to float32, which a ball cannot"
    assert not proof.inputs


@pytest.mark.parametrize(
    ("backward", "why"),
    [
        (lambda g, x: g[:-1], "backward gives a gradient of another shape on balls"),
        (lambda g, x: (g, g), "backward gives another number of gradients on balls"),
        (lambda g, x: None, "gives NoneType, not numbers"),
    ],
)
def test_answers_of_another_form_are_no_proof(backward, why):
    proof = proved(np.sin, backward, np.ones(3))
    assert not proof.inputs
    assert why in proof.reason


def test_the_same_seed_gives_the_same_proof():
    one, two = (proved(gelu, partial(gelu_backward, constant=0.79788456), normal(30)) for _ in range(2))
    assert one.inputs[0].exact == two.inputs[0].exact
    assert one.inputs[0].digits == two.inputs[0].digits


def test_the_tolerances_are_those_of_the_documentation():
    assert (proving.AGREED_DIGITS, proving.CONSTANT_ROUNDOFFS, proving.FIRST_BITS) == (25, 64, 256)


@pytest.mark.parametrize("factor", [-1, 1.001, 0])
def test_small_entries_do_not_hide_behind_large_ones(factor):
    """They are less than the roundoff of the largest, and one of them is wrong."""
    x = np.array([0.0, 1, -35, -45])

    def backward(g, x):
        return g * np.exp(x) * np.where(x < -40, factor, 1)

    (proven,) = proved(np.exp, backward, x).inputs.values()
    np.testing.assert_array_equal(proven.wrong, at([3], 4))
    np.testing.assert_array_equal(proven.right, at([0, 1, 2], 4))


def test_what_constants_leave_open_is_in_the_bound():
    x = np.array([1e3, 1e-3, 0.5])
    (proven,) = proved(lambda x: x**2 / 3, lambda g, x: g * x * (2 / 3), x).inputs.values()
    truth = 2 * x / 3 * proven.value / proven.value
    assert proven.right.all()
    assert (proven.bound > 0).all()
    assert (proven.bound < 1e-12 * np.abs(truth).max()).all()


def test_balls_that_grow_too_wide_get_more_bits():
    def power(a):
        v = np.ones(2)
        for _ in range(150):
            v = a @ v
            v = v / np.sqrt((v * v).sum())
        return v @ a @ v

    def power_backward(g, a):
        v = np.ones(2)
        for _ in range(150):
            v = a @ v
            v = v / np.sqrt((v * v).sum())
        return g * np.outer(v, v)

    proof = proved(power, power_backward, np.array([[4.0, 1], [1, 2]]))
    assert (proof.reason, proof.inputs[0].right.all()) == ("", True)


def test_a_small_entry_whose_terms_cancel_has_the_roundoffs_of_large_ones():
    x = np.array([-0.7517915, 1.0, 2.0])  # the first is where gelu is least
    for constant in (0.7978845608028654, 0.7978845608028655):
        proof = proved(gelu, partial(gelu_backward, constant=constant), x)
        assert proof.inputs[0].right.all()
        assert 14 < proof.inputs[0].digits < 20
    wrong = proved(gelu, lambda g, x: gelu_backward(g, x) * np.array([2, 1, 1]), x)
    assert wrong.inputs[0].wrong.tolist() == [True, False, False]


@pytest.mark.parametrize("largest", [60.0, 120.0, 200.0])
def test_entries_below_the_digits_of_the_largest_do_not_hide(largest):
    (proven,) = proved(np.expm1, lambda g, x: g * np.expm1(x), np.array([0.0, 1, largest])).inputs.values()
    assert proven.wrong[0]
    (proven,) = proved(np.expm1, lambda g, x: g * np.exp(x), np.array([0.0, 1, largest])).inputs.values()
    assert proven.right.all()


def test_gradients_that_are_zero_are_no_place_to_hide_either():
    x = np.array([-1.0, 2, 1e30, -3])

    def backward(share):
        return lambda g, x: g * np.where(x > 0, 2 * x, share * (x == -3))

    right, wrong = (proved(lambda x: np.maximum(x, 0) ** 2, backward(s), x).inputs[0] for s in (0, 1))
    assert right.right.all()
    assert wrong.wrong.tolist() == [False, False, False, True]
