"""Straight-through gradients of quantizers, in whatever form: right ones are proved, and small mistakes are wrong."""

import math

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.proof.proofs import ROUNDS_NOTE
from scratchcnn.gradcheck.proof.straight_through import METHOD

X = np.random.default_rng(11).normal(size=6)


def one_by_one(x):
    return np.array([int(t * 100) / 100 * 2 for t in x])


def by_floor_of_math(x):
    return np.array([math.floor(t * 64 + 0.5) / 64 for t in x])


def by_round_of_python(x):
    return np.array([round(t, 2) + round(32 * t) / 32 for t in x])


def to_int8(x):
    return np.clip(np.round(x / 0.05), -128, 127) * 0.05


def to_integers(x):
    return np.floor(x * 256).astype(np.int64) / 256


def by_remainder(x):
    return x - x % 0.01


QUANTIZERS = {
    "int8": (to_int8, lambda x: 1.0),
    "whole numbers": (lambda x: np.round(4 * x), lambda x: 4.0),
    "decimals": (lambda x: np.round(np.tanh(x), 2), lambda x: 1 - np.tanh(x) ** 2),
    "few decimals": (lambda x: np.round(np.tanh(x), 1), lambda x: 1 - np.tanh(x) ** 2),
    "integers": (to_integers, lambda x: 1.0),
    "loop": (one_by_one, lambda x: 2.0),
    "math": (by_floor_of_math, lambda x: 1.0),
    "round": (by_round_of_python, lambda x: 2.0),
    "remainder": (by_remainder, lambda x: 1.0),
    "before": (lambda x: np.sin(np.rint(x * 16) / 16), lambda x: np.cos(x)),
    "after": (lambda x: np.sin(np.rint(x * 16) / 16), lambda x: np.cos(np.rint(x * 16) / 16)),
    "with a smooth part": (lambda x: np.round(x**2, 2) + np.sin(x), lambda x: 2 * x + np.cos(x)),
}


def checked(forward, derivative, x=X, factor=1.0, **options):
    return check_gradient(forward, lambda g, x: g * factor * derivative(x), x, **options)


@pytest.mark.parametrize("name", QUANTIZERS)
def test_a_right_one_is_proved(name):
    report = checked(*QUANTIZERS[name])
    assert report.verdict is Verdict.RIGHT
    assert report.inputs[0].method == METHOD
    assert report.notes == (ROUNDS_NOTE,)


@pytest.mark.parametrize("name", QUANTIZERS)
@pytest.mark.parametrize("factor", [0.7, 1.1, -1.0])
def test_a_mistake_is_wrong_although_differences_see_little(name, factor):
    report = checked(*QUANTIZERS[name], factor=factor)
    assert report.verdict is Verdict.WRONG
    assert not report.causes  # differences could prove no name


@pytest.mark.parametrize("factor", [1.00001, 1.001, 1.02])
@pytest.mark.parametrize("name", QUANTIZERS)
def test_a_small_mistake_is_wrong(name, factor):
    assert checked(*QUANTIZERS[name], factor=factor).verdict is Verdict.WRONG


def test_between_the_rounded_numbers_and_those_before_it_is_undecided():
    forward = QUANTIZERS["before"][0]
    report = checked(forward, lambda x: np.cos((x + np.rint(x * 16) / 16) / 2))
    assert report.verdict is Verdict.UNDECIDED
    assert "rounding at 6" in report.inputs[0].reason
    assert report.inputs[0].bound < 0.02


def test_the_slope_between_the_steps_is_right_as_well():
    assert checked(to_int8, lambda x: 0.0).verdict is Verdict.RIGHT
    assert checked(QUANTIZERS["with a smooth part"][0], np.cos).verdict is Verdict.RIGHT


def test_one_wrong_entry_of_a_product_in_fixed_point():
    rng = np.random.default_rng(3)
    x, w = rng.normal(size=(3, 4)), rng.normal(size=(4, 2))

    def forward(x, w):
        return np.round(x @ w * 128) / 128

    def backward(g, x, w, factor):
        dw = x.T @ g
        dw[1, 1] *= factor
        return g @ w.T, dw

    assert check_gradient(forward, lambda g, x, w: backward(g, x, w, 1.0), x, w).verdict is Verdict.RIGHT
    report = check_gradient(forward, lambda g, x, w: backward(g, x, w, 1.001), x, w)
    assert [entry.verdict for entry in report.inputs] == [Verdict.RIGHT, Verdict.WRONG]
    assert report.inputs[1].worst_index == (1, 1)
    assert report.inputs[1].wrong == 1


def layer(x, w, v):
    return np.round(np.tanh(x @ w) * 64) / 64 @ v


def layer_backward(g, x, w, v, factors=(1.0, 1.0, 1.0)):
    t = np.tanh(x @ w)
    h = np.round(t * 64) / 64
    d = (g @ v.T) * (1 - t**2)
    return [f * a for f, a in zip(factors, (d @ w.T, x.T @ d, h.T @ g), strict=True)]


class TestALayerThatIsTrainedWithAQuantizer:
    """Its gradient by the weights behind the quantizer is that of a smooth function, and the others go through it."""

    @pytest.fixture
    def inputs(self):
        rng = np.random.default_rng(5)
        return rng.normal(size=(3, 4)), rng.normal(size=(4, 3)), rng.normal(size=(3, 2))

    def test_all_are_right(self, inputs):
        assert check_gradient(layer, layer_backward, *inputs).verdict is Verdict.RIGHT

    @pytest.mark.parametrize("which", [0, 1, 2])
    def test_a_small_mistake_in_each_is_wrong(self, inputs, which):
        factors = np.ones(3)
        factors[which] = 1.0001
        report = check_gradient(layer, lambda *given: layer_backward(*given, factors), *inputs)
        assert [entry.verdict is Verdict.WRONG for entry in report.inputs] == [k == which for k in range(3)]
        assert bool(report.causes) == (which == 2)  # differences see that one, so that its name is proved


def test_without_a_proof_no_coarse_step_vouches():
    for factor in (1.0, 1.3):
        assert checked(to_int8, lambda x: 1.0, factor=factor, proof=False).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0, 20.0])
@pytest.mark.parametrize("rounding", [np.round, np.rint, np.floor, np.ceil, np.trunc, lambda x: x.astype(int) * 1.0])
def test_however_wide_the_steps_are(rounding, scale):
    assert checked(rounding, lambda x: 1.0, scale * X).verdict is Verdict.RIGHT
    assert checked(rounding, lambda x: 0.0, scale * X).verdict is Verdict.RIGHT
    assert checked(rounding, lambda x: 1.0, scale * X, factor=1.1).verdict is not Verdict.RIGHT


def learned_step(lowest, highest):
    """A quantizer whose step is learned, too (Esser et al. 2020)."""

    def forward(x, s):
        return np.clip(np.round(x / s), lowest, highest) * s

    def backward(g, x, s, sign=1.0):
        v = x / s
        r = np.round(v)
        inside = (r >= lowest) & (r <= highest)
        return g * inside, sign * (g * (np.clip(r, lowest, highest) - v * inside)).sum()

    return forward, backward


@pytest.mark.parametrize("bits", [8, 4, 3, 2])
@pytest.mark.parametrize("wide", [True, False])
@pytest.mark.parametrize("seed", range(3))
def test_a_learned_step_whatever_is_clipped(bits, wide, seed):
    lowest, highest = -(2 ** (bits - 1)), 2 ** (bits - 1) - 1
    x = np.random.default_rng(seed).normal(size=(6, 4))
    s = np.abs(x).max() / highest if wide else 2 * np.abs(x).mean() / np.sqrt(highest)
    forward, backward = learned_step(lowest, highest)
    assert check_gradient(forward, backward, x, np.array(s)).verdict is Verdict.RIGHT
    turned = check_gradient(forward, lambda *given: backward(*given, sign=-1.0), x, np.array(s))
    assert turned.verdict is not Verdict.RIGHT


@pytest.mark.parametrize("factor", [1.0, 1.1])
def test_many_weights_that_each_move_an_output_by_less_than_a_step(factor):
    rng = np.random.default_rng(0)
    x, w, v = rng.normal(size=(3, 16)), rng.normal(size=(16, 5)) / 4, rng.normal(size=(5, 2))

    def quantized(a, step):
        return np.clip(np.round(a / step), -128, 127) * step

    def forward(x, w, v):
        return quantized(np.maximum(x @ quantized(w, 0.01), 0), 0.3) @ v

    def backward(g, x, w, v):
        z = x @ quantized(w, 0.01)
        d = (g @ v.T) * (z > 0)
        return d @ quantized(w, 0.01).T, factor * (x.T @ d), quantized(np.maximum(z, 0), 0.3).T @ g

    report = check_gradient(forward, backward, x, w, v)
    assert report.verdict is (Verdict.RIGHT if factor == 1 else Verdict.WRONG)
    assert all(entry.checked == entry.size for entry in report.inputs)


def test_zero_on_a_step_is_not_accused():
    """It is the slope between the steps, and cannot be proved there."""
    assert checked(np.floor, lambda x: 0.0, np.array([1.0, 2.5])).verdict is Verdict.UNDECIDED
    assert checked(np.floor, lambda x: 0.0, np.array([1.0])).verdict is Verdict.UNDECIDED


@pytest.mark.parametrize(("factor", "verdict"), [(1.0, Verdict.RIGHT), (1.05, Verdict.WRONG)])
def test_at_the_second_point_it_is_judged_alike(factor, verdict):
    """A factor that no input meets."""
    x = np.concatenate([np.linspace(0.1, 0.9, 20), np.linspace(3.1, 4, 20)])
    report = checked(lambda x: np.round(x**2, 1), lambda x: 2 * x * np.where((x > 1) & (x < 3), factor, 1.0), x)
    assert report.inputs[0].verdict is Verdict.RIGHT
    assert report.verdict is verdict
    told = [violation.message for violation in report.violations]
    assert len(told) == (factor != 1)
    assert all("forward" in each and each.count("where each rounding has the derivative 1") == 1 for each in told)


def test_what_differences_refute_stays_wrong():
    """The derivative of `x - floor(x)` is 1, and 0 straight through the rounding."""
    assert checked(lambda x: x - np.floor(x), lambda x: 0.0).verdict is Verdict.WRONG
    assert checked(lambda x: x - np.floor(x), lambda x: 1.0).verdict is Verdict.RIGHT
