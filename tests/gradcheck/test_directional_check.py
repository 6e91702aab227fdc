"""A gradient beside the derivative along one random direction."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, directional_check
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.directional_check import MANY_OUTPUTS, SUMS, DirectionalCheck, DirectionalResult
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.noise import measure_noise
from scratchcnn.gradcheck.numerical.probe import Probe
from scratchcnn.gradcheck.numerical.steps import UNEVEN_STEP
from scratchcnn.gradcheck.points import Point

W = np.array([[2.0, -1.0, 0.5], [0.25, 3.0, -4.0]])
X = np.array([0.3, -1.7, 2.5])
C = np.array([1.5, -0.75])
EPS32 = float(np.finfo(np.float32).eps)


def smooth(x):
    return W @ np.sin(x)


def smooth_backward(g, x):
    return (np.cos(x) * (g @ W),)


def check_of(forward=smooth, backward=smooth_backward, x=X, c=C, seed=0, gradient=None, precision=None):
    """The check of backward's gradient, or of another one; and what it needs to measure noise."""
    case = prepare(forward, backward, (x,))
    with quiet():
        probe = Probe(forward, [x], 0)
        claimed = backward(c, x)[0].reshape(-1) if gradient is None else np.array(gradient, float)
    rng = np.random.default_rng(seed)
    options = {} if precision is None else {"precision": precision}
    return DirectionalCheck(case, 0, probe, Point(case.inputs, c), claimed, rng, **options)


def compared(*arguments, step=0.0, climbs=True, calls=None, **options) -> DirectionalResult:
    check = check_of(*arguments, **options)

    def noise():
        if calls is not None:
            calls.append(None)
        return measure_noise(check.probe, np.random.default_rng(0))

    with quiet():
        return check.compare(noise, step, climbs=climbs)


RIGHT = smooth_backward(C, X)[0]


@pytest.mark.parametrize("seed", range(4))
class TestSmooth:
    def test_a_right_gradient_is_right_and_no_noise_need_be_measured(self, seed):
        calls = []
        told = compared(seed=seed, calls=calls)
        assert told.verdict is Verdict.RIGHT
        assert abs(told.analytic - told.value) <= told.tolerance < 1e-9
        assert calls == []
        assert told.tolerance > check_of(seed=seed).rounding

    @pytest.mark.parametrize("climbs", [True, False])
    @pytest.mark.parametrize("error", [1.0, 1e-4, 1e-8])
    def test_one_wrong_entry_is_seen_whatever_the_direction(self, seed, climbs, error):
        told = compared(gradient=RIGHT * (1 + error * np.array([0, 0, 1])), seed=seed, climbs=climbs)
        assert told.verdict is Verdict.WRONG
        assert abs(told.analytic - told.value) == pytest.approx(error * abs(RIGHT[2]) * 2, rel=0.6)

    def test_what_is_not_finite_is_known_by_nobody(self, seed):
        assert compared(gradient=[np.nan, 1.0, 1.0], seed=seed).verdict is Verdict.UNDECIDED


def test_forward_is_taken_for_smooth_unless_it_is_said_to_move_in_steps():
    check = check_of()
    assert check.compare(lambda: measure_noise(check.probe, np.random.default_rng(0))).verdict is Verdict.RIGHT
    wrong = check_of(gradient=2 * RIGHT)
    assert wrong.compare(lambda: measure_noise(wrong.probe, np.random.default_rng(0))).verdict is Verdict.WRONG


def test_an_output_of_two_axes():
    x = np.array([[0.3, -1.7], [2.5, 0.5]])
    assert (
        compared(np.sin, lambda g, x: (g * np.cos(x),), x, np.array([[1.0, -2.0], [0.5, 3.0]])).verdict is Verdict.RIGHT
    )


class TestDirection:
    def test_each_entry_moves_by_its_unit_to_a_side_that_is_drawn(self):
        check = check_of()
        assert (np.abs(check.direction) == check.probe.unit).all()
        assert len({tuple(np.sign(check_of(seed=seed).direction)) for seed in range(60)}) == 8

    def test_the_gradient_along_it(self):
        check = check_of()
        assert check.analytic == pytest.approx(RIGHT @ check.direction)
        assert check.total == pytest.approx(np.abs(RIGHT * check.direction).sum())

    def test_a_share_of_the_gradient_s_norm_must_show(self):
        """A thousandth, or the root of the precision where that is coarser; and some roundoffs of the outputs."""
        norm = np.linalg.norm(RIGHT * check_of().direction)
        least = 64 * 2.0**-52 * np.abs(C) @ np.abs(smooth(X))
        assert check_of().enough == pytest.approx(1e-3 * norm + least, rel=1e-14)
        assert check_of(precision=2.0**-10).enough == pytest.approx(2.0**-5 * norm)
        zero = check_of(gradient=np.zeros(3))
        assert zero.enough == pytest.approx(least, abs=0)

    def test_roundoff_of_a_coarser_precision_is_allowed(self):
        fine, coarse = check_of(), check_of(precision=EPS32)
        assert fine.rounding == pytest.approx(64 * 2.0**-52 * fine.total, abs=0)
        lost = 4 * EPS32 * np.abs(C) @ np.abs(smooth(X))
        assert coarse.rounding == pytest.approx(4 * EPS32 * coarse.total + lost, rel=1e-5)


class TestRough:
    def test_a_loose_bound_that_agrees_is_undecided(self):
        """Under an offset of 1e13, roundoff hides more than a thousandth of the slope."""
        told = compared(lambda x: 1e13 + smooth(x))
        assert told.verdict is Verdict.UNDECIDED
        assert told.tolerance > 1e-3

    def test_noise_is_measured_before_anything_is_accused(self):
        calls = []
        offset = compared(lambda x: (1e8 + smooth(x)) - 1e8, calls=calls)
        assert offset.verdict is Verdict.RIGHT
        assert calls == [None]

    def test_at_kinks_it_is_undecided(self):
        told = compared(lambda x: np.abs(x), lambda g, x: (g * np.sign(x),), np.zeros(3), np.ones(3))
        assert told.verdict is Verdict.UNDECIDED
        far = compared(lambda x: np.abs(x), lambda g, x: (9 + 0 * g,), np.zeros(3), np.ones(3))
        assert far.verdict is Verdict.UNDECIDED

    @pytest.mark.parametrize("seed", range(4))
    def test_beside_a_kink_smaller_moves_decide(self, seed):
        """A relu wakes 1e-4 away: between the steps of a large move."""

        def forward(x):
            return W @ x + 5 * np.maximum(x[0] - 0.3001, 0)

        told = compared(forward, lambda g, x: (g @ W,), seed=seed)
        assert told.verdict is Verdict.RIGHT
        wrong = compared(forward, lambda g, x: (g @ W,), gradient=C @ W * [1, 1, 1.01], seed=seed)
        assert wrong.verdict is Verdict.WRONG

    def test_what_turns_faster_than_the_steps_resolve_is_looked_at_over_all_scales(self):
        """All steps are whole periods of the sine, which seems to stand still."""
        fast = 2 * np.pi * 2**20 / UNEVEN_STEP

        def backward(g, x):
            return (g * (1 + fast * np.cos(fast * (x - 4))),)

        def told(**options):
            return compared(lambda x: x + np.sin(fast * (x - 4)), backward, np.full(1, 4.0), np.ones(1), **options)

        assert told().verdict is Verdict.UNDECIDED
        assert told(climbs=False).verdict is Verdict.WRONG
        assert told(gradient=[3.0]).verdict is Verdict.WRONG

    @pytest.mark.parametrize("seed", range(4))
    def test_digits_that_depend_on_the_bits_of_the_input_accuse_nobody(self, seed):
        def backward(g, x):
            return (np.cos(x) * (g @ W) * (1 + 1e-7 * np.sin(1e16 * x)),)

        told = compared(smooth, backward, seed=seed)
        assert told.verdict is Verdict.RIGHT
        assert 1e-8 < told.tolerance < 1e-5
        assert compared(smooth, backward, gradient=1.001 * RIGHT, seed=seed).verdict is Verdict.WRONG
        loose = compared(smooth, lambda g, x: (smooth_backward(g, x)[0] * (1 + np.sin(1e16 * x)),), seed=seed)
        assert loose.verdict is Verdict.UNDECIDED
        assert loose.tolerance > 0.1

    def test_backward_s_own_roundoff_counts(self):
        """o (1 - o) loses its digits where the sigmoid saturates."""
        z = np.array([25.0, 26.0, 24.5])

        def sigmoid(z):
            return 1 / (1 + np.exp(-z))

        def backward(g, z):
            return (g * sigmoid(z) * (1 - sigmoid(z)),)

        for seed in range(4):
            assert compared(sigmoid, backward, z, np.ones(3), seed=seed).verdict is not Verdict.WRONG
            wrong = backward(np.ones(3), z)[0] * 1.5
            assert compared(sigmoid, backward, z, np.ones(3), gradient=wrong, seed=seed).verdict is not Verdict.RIGHT


class TestSteps:
    @staticmethod
    def rounded(x):
        return smooth(x.astype(np.float16).astype(float))

    def test_beyond_the_steps_of_a_staircase_it_never_accuses(self):
        right = compared(self.rounded, step=2.0**-10, precision=2.0**-10)
        assert right.verdict is Verdict.RIGHT
        assert abs(right.analytic - right.value) <= right.tolerance
        wrong = compared(self.rounded, gradient=-RIGHT, step=2.0**-10, precision=2.0**-10)
        assert wrong.verdict is Verdict.UNDECIDED
        assert abs(wrong.value - right.value) <= wrong.tolerance + right.tolerance
        zero = compared(self.rounded, gradient=0 * RIGHT, step=2.0**-10, precision=2.0**-10)
        assert zero.verdict is Verdict.UNDECIDED


def test_in_words():
    told = DirectionalResult(Verdict.WRONG, 1.0, 2.0, 1.25e-7)
    assert str(told) == "the gradient gives 1, differences 2 ± 1.2e-07"
    assert np.isnan([getattr(DirectionalResult(Verdict.RIGHT), n) for n in ("analytic", "value", "tolerance")]).all()


class TestManyOutputs:
    """Of these, sums are looked at over all scales."""

    X = np.linspace(-2, 2, MANY_OUTPUTS + 1)
    C = np.where(np.arange(MANY_OUTPUTS + 1) % 3, 1.0, -0.5)

    @pytest.fixture
    def looked_at(self, monkeypatch):
        """How many outputs each climb looks at."""
        outputs, climb = [], directional_check.climb

        def counted(contraction, *given):
            outputs.append(contraction.probe.outputs)
            return climb(contraction, *given)

        monkeypatch.setattr(directional_check, "climb", counted)
        return outputs

    def told(self, forward, slope, x=X):
        return compared(forward, lambda g, x: (self.C * slope,), x, self.C)

    def test_one_wrong_entry_is_seen_in_sums_alone(self, looked_at):
        slope = np.cos(self.X)
        slope[77] *= 1.01
        assert self.told(np.sin, slope).verdict is Verdict.WRONG
        assert looked_at == [SUMS]

    @pytest.mark.parametrize("at_kink", [-1.0, 0.3, 1.0])
    def test_any_value_between_the_sides_is_no_mistake(self, at_kink):
        x = self.X.copy()
        x[::2] = 0.0
        slope = np.where(x == 0, at_kink, np.sign(x))
        assert self.told(np.abs, slope, x).verdict is not Verdict.WRONG

    def test_at_a_kink_every_output_is_looked_at(self, looked_at):
        x = self.X + 5
        x[7] = 0.0
        check = check_of(np.abs, lambda g, x: (self.C,), x, self.C)
        with quiet():
            check._differs_at_all_scales(measure_noise(check.probe, np.random.default_rng(0)), 0.0)
        assert looked_at == [SUMS, MANY_OUTPUTS + 1]

    def test_outputs_that_are_not_finite_are_looked_at_one_by_one(self):
        def forward(x):
            y = np.sin(x)
            y[5] = np.inf
            return y

        assert self.told(forward, np.cos(self.X)).verdict is not Verdict.WRONG
