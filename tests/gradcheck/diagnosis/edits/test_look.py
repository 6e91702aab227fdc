"""What backward's expressions do at a point, and what becomes of its gradients if one is changed."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters import from_loss
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.diagnosis.budget import Budget, TooDear
from scratchcnn.gradcheck.diagnosis.edits import look as module
from scratchcnn.gradcheck.diagnosis.edits.change import Change, constant, is_numeric, made_by
from scratchcnn.gradcheck.diagnosis.edits.look import Code, is_steps, look_at
from scratchcnn.gradcheck.diagnosis.edits.places import AXIS, TERM
from scratchcnn.gradcheck.diagnosis.edits.seen import Rounds
from scratchcnn.gradcheck.effort import Timed
from tests.gradcheck.diagnosis.claims import drawn

X, W = drawn(3, 4), drawn(4, seed=1)
G = drawn(3, seed=2)


def forward(x, w):
    hidden = np.tanh(x * w)
    return hidden.sum(axis=1)


def summed(values, axis):
    return values.sum(axis)


def backward(g, x, w):
    slope = 1 - np.tanh(x * w) ** 2
    d = g[:, None] * slope
    return d * w, summed(d * x, 0)


def look_of(forward=forward, backward=backward, inputs=(X, W), cotangent=G, calls=1000):
    case = prepare(forward, backward, list(inputs))
    budget = Budget(Timed(forward), calls)
    gradients = case.gradients(cotangent, [a.copy() for a in inputs])
    return look_at(Code(case), list(inputs), cotangent, gradients, budget)


def number_of(look, text):
    return next(site.number for site, _ in look.sites if site.text == text and site.times == 1)


def test_expressions_tell_their_values():
    look = look_of()
    values = {site.text: seen.value for site, seen in look.sites if site.times == 1}
    slope = 1 - np.tanh(X * W) ** 2
    np.testing.assert_array_equal(values["slope"], slope)
    np.testing.assert_array_equal(values["g[:, None] * slope"], G[:, None] * slope)
    np.testing.assert_array_equal(values["summed(d * x, 0)"], (G[:, None] * slope * X).sum(0))
    of_forward = {site.text: seen.value for site, seen in look.forward_sites}
    np.testing.assert_array_equal(of_forward["hidden"], np.tanh(X * W))
    np.testing.assert_array_equal(look.values_of_forward["np.tanh(x * w)"], np.tanh(X * W))
    assert "slope" not in of_forward


def test_an_argument_for_a_parameter_that_is_an_axis_is_one():
    (role,) = {site.role for site, _ in look_of().sites if site.text == "0"}
    assert role == AXIS


def test_a_changed_expression_gives_other_gradients():
    look = look_of()
    slope = number_of(look, "slope")
    before = look.budget.spent
    change = Change("", "ones", made_by(np.ones_like))
    dx, dw = look.changed(slope, change)
    np.testing.assert_array_equal(dx, G[:, None] * W * np.ones((3, 4)))
    np.testing.assert_array_equal(dw, (G[:, None] * X).sum(0))
    assert look.budget.spent == before + 1
    assert look.changed(slope, change)[0] is dx
    assert look.budget.spent == before + 1
    assert look.differs([dx, dw], 0)
    again = look.changed(slope, Change("", "the same", made_by(lambda v: v)))
    assert [look.differs(again, k) for k in (0, 1)] == [False, False]
    np.testing.assert_array_equal(look.twice(slope)[0], 2 * look.before[0])
    np.testing.assert_array_equal(look.without(slope)[0], 0 * look.before[0])
    assert look.twice(slope) is look.twice(slope)


def test_a_mask_is_turned_upside_down_where_numbers_are_doubled():
    mask = X > 0

    def masked(g, x, w):
        keep = x > 0
        return g[:, None] * w * keep, (g[:, None] * x * keep).sum(0)

    look = look_of(lambda x, w: (np.maximum(x, 0) * w).sum(1), masked)
    np.testing.assert_array_equal(look.twice(number_of(look, "x > 0"))[0], G[:, None] * W * ~mask)


def test_what_does_not_run_or_gives_another_number_of_gradients_is_none():
    look = look_of()
    slope = number_of(look, "slope")
    assert look.changed(slope, Change("", "a text", constant("text"))) is None

    def exits(value, _):
        raise SystemExit

    assert look.changed(slope, Change("", "an exit", exits)) is None
    results = number_of(look, "d * w, summed(d * x, 0)")
    assert look.changed(results, Change("", "three", made_by(lambda v: (*v, v[0])))) is None


def test_numbers_that_become_infinite_are_no_reason_to_stop():
    look = look_of()
    dx, _ = look.changed(number_of(look, "slope"), Change("", "infinite", made_by(lambda v: v / 0)))
    assert np.isinf(dx).all()


def test_without_calls_nothing_is_run():
    look = look_of(calls=1)
    slope = number_of(look, "slope")
    look.budget.spend(1)
    with pytest.raises(TooDear):
        look.twice(slope)


def test_a_run_of_many_rounds_counts_as_several_calls(monkeypatch):
    def looped(g, x, w):
        d = np.zeros_like(x)
        for k in range(3):
            d[k] = g[k] * w
        return d, g @ x

    monkeypatch.setattr(module, "ROUNDS_A_CALL", 2)
    look = look_of(lambda x, w: x @ w, looped)
    before = look.budget.spent
    look.twice(number_of(look, "w"))
    assert look.budget.spent == before + 2


def test_a_copy_that_answers_otherwise_is_not_looked_at():
    case = prepare(forward, backward, [X, W])
    budget = Budget(Timed(forward), 100)
    right = case.gradients(G, [X, W])
    assert look_at(Code(case), [X, W], G, right, budget) is not None
    for other in ([right[0], right[1] + 1e-12], [right[0], None], [right[0][:1], right[1]]):
        assert look_at(Code(case), [X, W], G, other, budget) is None
    assert look_at(Code(case), [X, X], G, right, budget) is None  # it does not run
    missing = prepare(forward, lambda g, x, w: (np.nan * x, None), [X, W], wrt=[0])
    assert look_at(Code(missing), [X, W], G, [np.nan * X, None], budget) is not None


def test_code_that_cannot_be_copied_is_tried_once():
    def saves(g, x, w):
        np.save("never", x)

    code = Code(prepare(forward, saves, [X, W]))
    assert code.rerun is None
    code.case = prepare(forward, backward, [X, W])
    assert code.rerun is None
    assert look_at(code, [X, W], G, [], Budget(Timed(forward), 100)) is None
    copied = Code(code.case)
    assert copied.rerun is copied.rerun is not None


def test_a_copy_rounds_as_the_code_does_unless_it_is_wide():
    def rounding(g, x, w):
        return backward(g.astype(np.float32), x, w)

    case = prepare(forward, rounding, [X, W])
    right = case.gradients(G, [X, W])
    looks = [
        look_at(code, [X, W], G, right, Budget(Timed(forward), 100)) for code in (Code(case), Code(case, wide=True))
    ]
    assert looks[0] is not None
    assert looks[1] is None


def halves(g, x, w):
    upper = np.zeros_like(x)
    lower = np.zeros_like(x)
    upper[:1] = (g[:, None] * w)[:1]
    lower[1:] = (g[:, None] * w)[1:]
    return upper + lower, g @ x


def test_the_entries_that_an_expression_reaches_are_known():
    look = look_of(lambda x, w: x @ w, halves)
    rows = np.arange(3)[:, None] * np.ones((1, 4))
    upper = number_of(look, "(g[:, None] * w)[:1]")
    np.testing.assert_array_equal(look.reach(upper, 0), rows < 1)
    assert not look.reach(upper, 1).any()
    stored = next(s.number for s, _ in look.sites if s.text == "upper" and s.role == TERM)
    np.testing.assert_array_equal(look.without(stored)[0], np.where(rows < 1, 0, look.before[0]))
    # Most of its entries are zero, and twice zero is zero; others are not.
    zeros = next(s.number for s, _ in look.sites if s.text == "upper" and s.role == TERM)
    assert look.reach(zeros, 0).all()
    moved = look.moved
    for other in (None, [None, None], [look.before[0][:1], look.before[1]]):  # other numbers do not run, or not well
        look.moved = lambda number, other=other: other
        np.testing.assert_array_equal(look.reach(zeros, 0), rows < 1)
    look.moved = moved
    assert look.reach(-1, 0) is None
    both = SimpleNamespace(alike=lambda number: (upper, number_of(look, "(g[:, None] * w)[1:]"), -1))
    look.rerun.world.alike = both.alike
    assert look.reach(0, 0).all()


def test_an_entry_that_is_no_number_any_more_is_reached_and_one_that_never_was_is_not():
    look = look_of()
    slope = number_of(look, "slope")
    look.before[0][0, 1] = np.nan
    other = look.before[0].copy()
    other[2, 3] = np.nan
    look._twice[slope] = [other, look.before[1]]
    assert np.argwhere(look.reach(slope, 0)).tolist() == [[2, 3]]


def test_what_reaches_an_entry_is_not_known_where_a_gradient_has_another_shape():
    look = look_of()
    slope = number_of(look, "slope")
    for other in (None, [None, None], [look.before[0][:1], look.before[1]]):
        look._twice[slope] = other
        assert look.reach(slope, 0) is None
    look._twice[slope] = look.before
    look.before = [None, look.before[1]]
    assert look.reach(slope, 0) is None


def test_nothing_is_known_of_the_gradients_before_they_are_searched():
    look = look_of()
    assert (look.suspects, look.held, look.unfinished) == ({}, [], set())


def test_gradients_that_are_missing_differ_from_others():
    look = look_of()
    dx, dw = look.before
    assert [look.differs([other, dw], 0) for other in (dx, dx.copy(), dx + 1, None)] == [False, False, True, True]
    look.before = [None, dw * np.nan]
    assert [look.differs([other, dw], 0) for other in (None, dx)] == [False, True]
    assert not look.differs([None, dw * np.nan], 1)
    look.before = [np.array(2.0)]  # of an input without axes
    assert look.differs([None], 0)


def test_the_expressions_of_a_gradient_that_comes_with_the_loss_are_told_apart():
    def both(x, w):
        t = np.tanh(x)
        slope = 1 - t**2
        return (t @ w).sum(), slope * w, t.sum(0)

    forward, backward = from_loss(both)
    look = look_of(forward, backward, cotangent=np.array(2.0))
    texts = {site.text for site, _ in look.sites}
    of_output = {site.text for site, _ in look.forward_sites}
    assert {"1 - t**2", "slope", "slope * w", "t.sum(0)"} <= texts
    assert {"t @ w", "np.tanh(x)"} <= of_output
    assert not texts & {"t @ w", "np.tanh(x)"}
    assert not (of_output | set(look.of_forward)) & {"1 - t**2", "slope"}
    told = (*look.sites, *look.forward_sites)
    numeric = {site.number for site, seen in told if site.times == 1 and is_numeric(seen.value)}
    assert look.budget.spent == len(numeric) > 3  # each was twice as large once


def test_what_overflows_when_it_is_twice_as_large_is_told_apart_too():
    def both(w):
        largest = np.finfo(float).max * np.ones_like(w)
        return w.sum(), largest / 2

    forward, backward = from_loss(both)
    with np.errstate(all="raise"):
        look = look_of(forward, backward, (W,), np.array(1.0))
    assert "largest" in {site.text for site, _ in look.sites}
    assert "largest" not in {site.text for site, _ in look.forward_sites}


def test_what_the_loss_does_not_run_with_is_no_part_of_the_gradient_that_comes_with_it():
    def both(w):
        if abs(w.mean()) > 1.5 * abs(W.mean()):
            raise ValueError("too large")
        return w.sum(), np.ones_like(w)

    look = look_of(*from_loss(both), (W,), np.array(1.0))
    assert "w.mean()" in {site.text for site, _ in look.forward_sites}
    assert "w.mean()" not in {site.text for site, _ in look.sites}


def test_a_length_in_the_line_of_the_loss_is_part_of_what_it_stands_in():
    def both(x, w):
        t = np.tanh(x)
        return t.sum() / len(x) + w.sum(), (1 - t**2) / len(t), np.ones_like(w)

    look = look_of(*from_loss(both), cotangent=np.array(2.0))
    assert "len(t)" in {site.text for site, _ in look.sites}
    assert "len(x)" in {site.text for site, _ in look.forward_sites}


def counted(x):
    state, total = np.zeros(2), np.zeros(2)
    for row in x:
        state = np.tanh(row + state)
        total = total + state
    return total


def test_the_states_of_a_loop_are_one_array():
    look = look_of(counted, lambda g, x: g * np.ones_like(x), (drawn(3, 2),), drawn(2))
    states = look.values_of_forward["each state"]
    assert states.shape == (3, 2)
    assert np.tanh(drawn(3, 2)[0]).tolist() in states.tolist()
    assert is_steps(Rounds((np.zeros(2), np.ones(2))))
    assert not is_steps(Rounds((np.zeros(2), 1.0)))
    assert not is_steps([np.zeros(2), np.ones(2)])


class Keeping:
    """A layer that keeps its input in a list."""

    def __init__(self):
        self.kept = []

    def forward(self, x):
        self.kept.append(x)
        return np.sin(x)

    def backward(self, g, x):
        return g * np.cos(self.kept[0])


def test_what_is_kept_from_earlier_calls_may_be_forgotten():
    layer = Keeping()
    case = prepare(layer.forward, layer.backward, [W])
    code, budget = Code(case), Budget(Timed(layer.forward), 100)
    other = drawn(4, seed=5)
    look = look_at(code, [other], W, [W * np.cos(W)], budget)
    np.testing.assert_allclose(look.forgetful()[0], W * np.cos(other))
    np.testing.assert_allclose(look.forgetful()[0], W * np.cos(other))
    look.inputs = [None]
    assert look.forgetful() == []
