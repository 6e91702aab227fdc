"""How many directions a proof takes, and how far apart both sides are along one."""

import math
from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof import prove as proving
from scratchcnn.gradcheck.proof.prove import prove
from scratchcnn.gradcheck.proof.runs import Runs
from tests.gradcheck.proof.proofs import cotangent_of, normal, proved
from tests.gradcheck.proof.test_prove import gelu, gelu_backward


@pytest.fixture
def directions(monkeypatch):
    """The directions that forward runs along, as they are tried."""
    tried = []
    along = Runs.along
    monkeypatch.setattr(
        Runs, "along", lambda runs, direction, *side: tried.append(direction) or along(runs, direction, *side)
    )
    return tried


def centred(x):
    return np.exp(x - x.mean()).sum() * (x - x.mean()).sum()


@pytest.mark.parametrize(
    ("forward", "backward", "inputs"),
    [
        (np.sin, lambda g, x: g * np.cos(x), [normal(1000)]),
        (np.exp, lambda g, x: g * np.exp(x), [np.array([0.0, 1, -35, -45])]),
        (centred, lambda g, x: 0 * x, [normal(40)]),
        (lambda x, y: x + 0 * y, lambda g, x, y: (g, np.zeros_like(y)), [normal(30), normal(30)]),
        (partial(gelu, constant=0.7978845608028654), gelu_backward, [normal(1)]),
    ],
    ids=["sines", "small beside large", "zero by cancelling", "zero exactly", "one entry and a constant"],
)
def test_one_direction_is_enough_where_the_digits_are(forward, backward, inputs, directions):
    proof = proved(forward, backward, *inputs)
    assert all(p.right.all() for p in proof.inputs.values())
    assert len(directions) == 1


@pytest.mark.parametrize(
    ("dtype", "constant", "count"),
    [(float, 0.7978845608028654, (2, 2)), (np.float32, 0.7978846, (8, 20))],
    ids=["64", "32 bits"],
)
def test_the_fewer_digits_constants_have_the_more_directions_are_tried(dtype, constant, count, directions):
    proof = proved(partial(gelu, constant=constant), gelu_backward, normal(20).astype(dtype))
    assert proof.inputs[0].right.all()
    assert count[0] <= len(directions) <= count[1]
    whole = [d for d in directions if len(d) == 20]
    assert len({tuple(d.values()) for d in whole}) == len(whole)


def test_one_wrong_entry_among_many_is_found_by_halving(directions):
    where = np.arange(64) == 5
    proof = proved(np.sin, lambda g, x: g * np.cos(x) * np.where(where, 2, 1), normal(64))
    assert np.flatnonzero(proof.inputs[0].wrong).tolist() == [5]
    assert len(directions) <= 2 * math.log2(64) + 2


def test_both_sides_are_those_of_weights_of_about_one():
    x = np.array([2.0, 3.0])
    (proven,) = proved(lambda x: 1 * x[0], lambda g, x: g * np.array([2.0, 0]), x, locate=False).inputs.values()
    backward, forward = proven.along
    assert backward == pytest.approx(2 * forward, rel=1e-15)
    assert 0.5 <= abs(forward / cotangent_of(lambda x: x[0], [x])) <= 1
    assert proven.share == pytest.approx(1 / 1.5)  # of the mean of both sizes


@pytest.mark.parametrize("seed", range(5))
def test_the_bound_of_a_single_entry_holds_and_is_no_more_than_twice_its_error(seed):
    x = np.array([3.0])
    (proven,) = proved(lambda x: x**2 / 3, lambda g, x: g * x * (2 / 3), x, seed=seed).inputs.values()
    error = abs(proven.value[0]) * 2.0**-54  # that of 2 / 3 in floats
    assert error * (1 - 1e-9) <= proven.bound[0] <= 2 * error * (1 + 1e-9)
    assert 10.0**-proven.digits == pytest.approx(2.0**-54, rel=1e-6)


@pytest.mark.parametrize("wrong", [{0}, {1}, {2}, {0, 2}])
@pytest.mark.parametrize("locate", [False, True])
def test_the_wrong_inputs_alone_are_wrong_whether_or_not_entries_are_sought(locate, wrong):
    def backward(g, *x):
        given = g * x[1] * x[2], g * x[0] * x[2], g * x[0] * x[1]
        return tuple(2 * d if k in wrong else d for k, d in enumerate(given))

    inputs = [normal(3, seed=k) for k in range(3)]
    for count in (2, 3):
        proof = proved(lambda *x: x[0] * x[1] * x[2], backward, *inputs, wrt=list(range(count)), locate=locate)
        assert {k for k, p in proof.inputs.items() if p.wrong.all()} == wrong & set(range(count))
        assert {k for k, p in proof.inputs.items() if p.right.all()} == set(range(count)) - wrong


@pytest.mark.parametrize(("factor", "wrong"), [(1, False), (-1, True), (1.001, True), (0, True)])
def test_of_two_entries_a_small_one_does_not_hide_behind_a_large_one(factor, wrong):
    x = np.array([1.0, -80.0])
    (proven,) = proved(np.exp, lambda g, x: g * np.exp(x) * np.array([1, factor]), x).inputs.values()
    assert (proven.wrong.tolist(), proven.right.tolist()) == ([False, wrong], [True, not wrong])


def lost(x, big, small):
    """The input times `small`: at 256 bits the slope has lost its digits beside that of `big` times the input."""
    return ((big * x + x) - big * x) * small


@pytest.mark.parametrize(("factor", "right"), [(1.0, True), (1.5, False), (1 + 1e-9, False)])
@pytest.mark.parametrize(("big", "small"), [(1e70, 1e-20), (1e78, 1e-30), (1e78, 1.0)])
def test_where_the_bits_are_too_few_to_tell_right_from_wrong_more_are_taken(big, small, factor, right):
    proof = proved(lambda x: lost(x, big, small), lambda g, x: factor * small * g, normal(4))
    assert (proof.reason, proof.inputs[0].right.all(), proof.inputs[0].wrong.all()) == ("", right, not right)


def test_a_proof_has_what_forward_gives_on_balls():
    x = normal(2, 3)
    assert proved(np.sin, lambda g, x: g * np.cos(x), x).outputs == pytest.approx(np.sin(x).reshape(-1), rel=1e-15)


def test_an_output_that_is_too_wide_for_all_bits_says_so():
    proof = proved(lambda x: np.log(np.sqrt(x) ** 2 - x), lambda g, x: g, np.array([2.0, 3.0]))
    assert (proof.inputs, proof.reason) == ({}, "it needs more than 2048 bits: forward's output is too wide")


def test_an_entry_that_is_left_open_is_looked_at_once(directions):
    forward = lambda x: np.concatenate([np.round(x[:1]), x[1:]])  # noqa: E731
    proof = proved(forward, lambda g, x: g, np.array([0.3, 1.2, 2.4]))
    assert (proof.inputs[0].right.tolist(), proof.reason) == ([False, True, True], proving.ROUNDS)
    assert [list(direction) for direction in directions].count([0]) == 1


@pytest.mark.parametrize("cotangent", [1.0, 1e25])
@pytest.mark.parametrize(("bits", "nothing"), [(106, True), (140, False)])
def test_what_is_below_half_of_the_bits_is_nothing(monkeypatch, bits, nothing, cotangent):
    """Half of 256 bits; what cancels here has as many fewer as its terms are large."""
    monkeypatch.setattr(proving, "MOST_BITS", proving.FIRST_BITS)
    point = Point([normal(3)], cotangent * np.array([1.0, -0.5, 2.0]))
    cancelling = lambda x: 2.0**bits * (x / 3 - x / 3)  # noqa: E731
    proof = prove(cancelling, lambda g, x: 0 * x, point, [0], np.random.default_rng(0), 20.0)
    right = [proven.right.all() for proven in proof.inputs.values()]
    assert (right, proof.reason[:27]) == (([True], "") if nothing else ([], "it needs more than 256 bits"))


def test_the_digits_of_a_small_entry_are_counted_from_the_largest():
    small, off = 2.0**-32, 2.0**-57
    forward = lambda x: x * np.array([small, 1])  # noqa: E731
    x = np.ones(2)
    (proven,) = proved(forward, lambda g, x: g * np.array([small + off, 1]), x).inputs.values()
    first, second = np.abs(cotangent_of(forward, [x]))
    assert proven.right.all()
    # The weight of an entry along a direction is between a half and one.
    assert off * first / second <= 10.0**-proven.digits <= 2 * off * first / second


@pytest.mark.parametrize("unit", [2.0**20, 2.0**-20])
def test_digits_have_no_unit(unit):
    def digits(unit):
        forward, backward = partial(gelu, constant=0.7978845608028654), gelu_backward
        return proved(lambda x: unit * forward(x), lambda g, x: backward(unit * g, x), normal(5)).inputs[0].digits

    assert digits(unit) == digits(1.0)
