"""Entries at kinks, judged once more where they move together."""

import numpy as np
import pytest

from scratchcnn.gradcheck.joint_kinks import MEETING_KINKS, NO_TIME, JointJudgement, judge_together
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.numerical.gradient import derivatives
from scratchcnn.gradcheck.numerical.noise import STRIDES, measure_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.pieces import Claim
from scratchcnn.gradcheck.verdict import judge, scale_of

EPS = float(np.finfo(float).eps)


def relu(x):
    return np.maximum(x, 0)


def largest(x):
    return x.max(keepdims=True)


def first(x):
    return np.eye(x.size)[x.argmax()]


class Judged:
    """What is said of a gradient: of each entry alone, and together. `asked` says whether a cone was needed."""

    def __init__(self, forward, gradient, *inputs, backward=None, cotangent=None, climbs=None, seed=0, steps=False):
        inputs = [np.array(a, float) for a in inputs]
        probe = Probe(forward, inputs, 0)
        gradient = np.array(gradient, float)
        weights = np.ones(probe.outputs) if cotangent is None else np.array(cotangent, float)
        rng = np.random.default_rng(seed)
        self.asked = False
        with quiet():
            contraction = Contraction(probe, weights, measure_noise(probe, np.random.default_rng(0)))
            found = derivatives(contraction, np.arange(gradient.size))
            found.stepped[:] |= steps
            scale = scale_of(found.value, float(np.abs(found.value).max()), found.roundoff, found.scale)
            judged = judge(gradient, 0 * gradient, found.value, found.bound, found.status, scale)
            self.alone = JointJudgement(found.value, found.bound, judged.right, judged.wrong, judged.reason)

            def at(arrays, outputs=None):
                if backward is None:  # it answers the same everywhere
                    return gradient
                return backward(*arrays) if outputs is None else backward(*arrays, outputs)

            def cone():
                self.asked = True
                return Cone(contraction, range(len(inputs)), rng, STRIDES, climbs)

            self.told = judge_together(found, self.alone, Claim(gradient, EPS, at), cone)

    @property
    def verdicts(self):
        """Each entry's: right, wrong, or why it is undecided."""
        told = self.told
        entries = zip(told.right, told.wrong, told.reason, strict=True)
        return ["right" if right else "wrong" if wrong else str(why) for right, wrong, why in entries]


def test_where_nothing_is_at_a_kink_nothing_more_is_asked():
    judged = Judged(lambda x: np.array([np.sin(x[0]), x[1], 0 * x[0]]), [np.cos(0.5), 7.0], [0.5, 1.0], steps=True)
    assert judged.told is judged.alone
    assert not judged.asked


@pytest.mark.parametrize("seed", range(2))
class TestOwnVariables:
    """Kinks in a variable of their own are judged alone."""

    def test_any_subgradients_are_right(self, seed):
        for gradient in ([0.0, 1.0, 0.5], [0.25, 0.75, 1.0]):
            judged = Judged(lambda x: relu(x), gradient, [0.0, 0.0, 0.0], seed=seed)
            assert judged.verdicts == ["right"] * 3
            assert judged.told.remark == ""

    def test_what_is_none_is_wrong(self, seed):
        judged = Judged(lambda x: relu(x), [0.5, 1.5, -0.25], [0.0, 0.0, 0.0], seed=seed)
        assert judged.verdicts == ["right", "wrong", "wrong"]

    def test_mixed_in_one_output_by_weights_of_one_sign(self, seed):
        judged = Judged(lambda x: relu(x) @ np.array([[2.0], [3.0]]), [1.0, 3.0], [0.0, 0.0], seed=seed)
        assert judged.verdicts == ["right", "right"]
        assert judged.told.remark == ""


@pytest.mark.parametrize("seed", range(2))
class TestTies:
    def test_one_of_the_tied_or_a_mean_of_them_is_right(self, seed):
        for gradient in ([1.0, 0.0, 0.0], [0.0, 0.5, 0.5], [0.2, 0.3, 0.5]):
            judged = Judged(largest, gradient, [2.0, 2.0, 2.0], backward=first, seed=seed)
            assert judged.verdicts == ["right"] * 3
            assert judged.told.remark == ""

    @pytest.mark.parametrize("gradient", [[1.0, 1.0, 0.0], [0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [0.2, 0.2, 0.2]])
    def test_more_or_less_than_the_whole_is_wrong_along_entries_that_move_together(self, seed, gradient):
        judged = Judged(largest, gradient, [2.0, 2.0, 2.0], seed=seed)
        assert judged.verdicts == ["right"] * 3
        assert judged.told.remark == (
            f"along 3 entries, moved together, the gradient gives {sum(gradient):g}, the one-sided derivatives 1 .. 1"
        )

    def test_the_derivatives_are_those_of_the_contracted_output(self, seed):
        remark = Judged(largest, [-3.0, -3.0], [2.0, 2.0], cotangent=[-4.0], seed=seed).told.remark
        assert remark.endswith("the gradient gives -6, the one-sided derivatives -4 .. -4")


@pytest.mark.parametrize("seed", range(2))
class TestOppositeSigns:
    """relu(x) - relu(x - y) is flat along x at the origin, and has the slopes 1 and -1 beside it."""

    @staticmethod
    def forward(x, y):
        return relu(x) - relu(x - y)

    @staticmethod
    def backward(x, y):
        return (x > 0) * 1.0 - (x - y > 0)

    def test_a_piece_may_be_outside_the_interval(self, seed):
        found = {tuple(Judged(self.forward, [g], [0.0], [0.0], backward=self.backward, seed=seed + 10 * k).verdicts)
                 for g in (1.0, -1.0) for k in range(2)}  # fmt: skip
        assert ("right",) in found
        assert found <= {("right",), (MEETING_KINKS,)}

    def test_what_is_right_so_is_within_its_bound(self, seed):
        for k in range(4):
            judged = Judged(self.forward, [1.0], [0.0], [0.0], backward=self.backward, seed=seed + 10 * k)
            if judged.verdicts == ["right"]:
                assert abs(judged.told.value[0] - 1) <= judged.told.bound[0] * (1 + EPS) < 0.6

    def test_between_the_pieces_it_is_undecided(self, seed):
        judged = Judged(self.forward, [0.5], [0.0], [0.0], backward=self.backward, seed=seed)
        assert judged.verdicts == [MEETING_KINKS]
        assert judged.told.remark == ""

    def test_without_time_that_is_the_reason(self, seed):
        judged = Judged(self.forward, [0.5], [0.0], [0.0], backward=self.backward, climbs=1, seed=seed)
        assert judged.verdicts == [NO_TIME]

    def test_a_smooth_mistake_beside_them_is_wrong(self, seed):
        def forward(x, y):
            return np.concatenate([relu(x[:1]) - relu(x[:1] - y), np.sin(x[1:])])

        judged = Judged(forward, [0.0, 1.5], [0.0, 0.3], [0.0], seed=seed)
        assert judged.verdicts[1] == "wrong"


@pytest.mark.parametrize("seed", range(2))
def test_what_moves_with_no_entry_alone_is_seen_where_all_move(seed):
    """The median of three equal numbers: along all of them it moves, and a gradient of zeros is no piece's."""

    def median(x):
        return np.sort(x)[1:2]

    def chosen(x):
        return np.eye(3)[np.argsort(x, kind="stable")[1]]

    point = [1.0, 1.0, 1.0]
    assert Judged(median, [0.0, 0.0, 0.0], point, seed=seed).told.remark != ""
    right = Judged(median, [0.0, 1.0, 0.0], point, backward=chosen, seed=seed)
    assert right.told.remark == ""
    assert "wrong" not in right.verdicts


@pytest.mark.parametrize("seed", range(2))
def test_a_mean_of_pieces_where_kinks_of_opposite_sign_meet_is_undecided(seed):
    def median(x):
        return np.sort(x)[1:2]

    def chosen(x):
        return np.eye(3)[np.argsort(x, kind="stable")[1]]

    judged = Judged(median, [1 / 3] * 3, [1.0, 1.0, 1.0], backward=chosen, seed=seed)
    assert judged.verdicts == [MEETING_KINKS] * 3
    assert judged.told.remark == ""


@pytest.mark.parametrize("gradient", [[0.3, 0.3], [0.0, 0.0], [-0.5, -0.5]])
def test_entries_that_share_such_kinks_are_undecided_together(gradient):
    """Of these there are kinks of both signs along either entry."""

    def mixed(x):
        return np.array([max(x[0], x[1]) - abs(x[0] + x[1])])

    assert Judged(mixed, gradient, [0.0, 0.0]).verdicts == [MEETING_KINKS] * 2
    assert Judged(mixed, gradient, [0.0, 0.0], climbs=8).verdicts == [NO_TIME] * 2


def test_an_accusation_without_time_to_look_does_not_stand():
    tied = [2.0, 2.0]
    assert Judged(largest, [1.0, 1.0], tied, climbs=8).verdicts == [NO_TIME] * 2
    assert Judged(largest, [1.0, 1.0], tied, climbs=20).told.remark != ""


@pytest.mark.parametrize("seed", range(2))
def test_only_the_coupled_outputs_are_asked_of_backward(seed):
    """Of a relu with kinks of its own and a maximum with a tie, the maximum alone is coupled."""

    def forward(x):
        return np.concatenate([relu(x - 2.0), largest(x)])

    for share, wrong in ((np.array([1.0, 0.0, 0.0]), False), (np.array([1.0, 1.0, 0.0]), True)):

        def backward(x, outputs=(1.0, 1.0, 1.0, 1.0), share=share):
            return 0.5 * np.array(outputs[:3]) + outputs[3] * share

        judged = Judged(forward, 0.5 + share, [2.0, 2.0, 2.0], backward=backward, seed=seed)
        assert bool(judged.told.remark) is wrong
