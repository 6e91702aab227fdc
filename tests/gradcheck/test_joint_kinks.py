"""Entries at kinks, judged once more where they move together."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import joint_kinks
from scratchcnn.gradcheck.joint_kinks import MEETING_KINKS, NO_TIME, JointJudgement, judge_together
from scratchcnn.gradcheck.numerical.caller_warnings import quiet
from scratchcnn.gradcheck.numerical.cone import Cone
from scratchcnn.gradcheck.numerical.gradient import derivatives
from scratchcnn.gradcheck.numerical.kinks import Sides, Slope
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
    assert Judged(median, [0.0, 0.0, 0.0], point, seed=seed).told.remark.startswith("along 3 entries, moved together, ")
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


# The steps, by themselves.


class ExactCone:
    """The cone of a function that is linear along every ray from 0; `meets` are what looks at meeting kinks will say.

    All one-sided derivatives are known to `blur`; those along joint directions are `off` by a little.
    """

    def __init__(self, forward, count, *, unit=1.0, cotangent=None, blur=0.0, off=0.0, meets=(), flat=False):
        self.forward, self.own_unit, self.blur, self.off = forward, np.full(count, unit), blur, off
        self.cotangent = np.ones(forward(np.zeros(count)).size) if cotangent is None else np.array(cotangent)
        self.probe = SimpleNamespace(outputs=self.cotangent.size)
        self.rng, self.arrays, self.index, self.part = np.random.default_rng(0), ["arrays"], 0, {0: slice(None)}
        self.meets, self.flat, self.exhausted = list(meets), flat, False
        self.climbed, self.asked = 0, []

    def only(self, entries, sizes):
        direction = np.zeros(self.own_unit.size)
        direction[entries] = sizes
        return direction

    def nearly(self, direction):
        far = direction * self.own_unit
        value = np.array([self.forward(far), -self.forward(-far)])
        value[0] += self.off * (np.count_nonzero(direction) > 1)
        return Sides(value, np.full(value.shape, self.blur))

    def along(self, direction):
        self.climbed += 1
        return self.nearly(direction)

    def drawn(self):
        return np.linspace(0.5, 1, self.own_unit.size)

    def meeting(self, direction, excess):
        self.asked.append((direction.tolist(), float(excess)))
        found = self.meets.pop(0)
        return None if found is None else np.array(found)

    def is_flat(self, excess):
        self.asked.append(excess)
        return self.flat


def known_of(cone, gradient, *, value=None, bound=0.0, status="kink", eps=0.0, at=None, **judged):
    """What is known of the entries of a cone; those at a kink have been climbed at."""
    count = cone.own_unit.size
    turns = {}
    for k in range(count):
        one = ExactCone(cone.forward, count, blur=cone.blur).nearly(np.eye(count)[k])
        outputs = np.flatnonzero(one.value.any(axis=0))
        turns[k] = Slope(0.0, 0.0, "kink", "one-sided", outputs, one.of(outputs))
    value = np.zeros(count) if value is None else np.array(value, float)
    found = SimpleNamespace(
        entries=np.arange(count),
        value=value,
        bound=np.broadcast_to(bound, count),
        status=np.full(count, status, object),
        turns=turns,
        stepped=np.zeros(count, bool),
    )
    right, wrong = (np.array(judged.get(key, [key == "right"] * count)) for key in ("right", "wrong"))
    reason = np.array(judged.get("reason", ["noise"] * count), object)
    alone = JointJudgement(value, found.bound.copy(), right, wrong, reason)
    return joint_kinks._Known(found, alone, Claim(np.array(gradient, float), eps, at), cone)


def together_of(cone, gradient, **known):
    return joint_kinks._Together(known_of(cone, gradient, **known), np.arange(cone.own_unit.size))


def sums_and_ties(x):
    """The first and the last add up."""
    return np.array([relu(x[0]) + relu(x[1]), max(x[0], x[1]), x[0] + 2 * x[1]])


def test_joint_directions_move_any_two_entries_alike_and_unlike():
    assert [signs.tolist() for signs in joint_kinks._signs(4)] == [[1, 1, 1, 1], [1, -1, 1, -1], [1, 1, -1, -1]]
    assert [len(list(joint_kinks._signs(count))) for count in (1, 2, 3, 1000)] == [1, 2, 3, 9]


def test_what_is_right_by_a_piece_has_a_bound_that_holds_it():
    entries = np.zeros(3), np.ones(3), np.zeros(3, bool), np.ones(3, bool), np.full(3, "noise", object)
    found = joint_kinks._right(JointJudgement(*entries), np.array([3.0, 3.0, -2.0]), np.array([0, 2]))
    assert found.value.tolist() == [1, 0, -0.5]
    assert found.bound.tolist() == [2, 1, 1.5]
    assert (found.right.tolist(), found.wrong.tolist()) == ([True, False, True], [False, True, False])


def test_an_undecided_entry_has_its_reason_and_a_remark_if_there_is_one():
    known = known_of(ExactCone(sums_and_ties, 2), [0, 0], wrong=[True, True], right=[False, True])
    found = joint_kinks._undecided(known.alone, np.array([0]), known.cone)
    assert (found.right.tolist(), found.wrong.tolist(), found.remark) == ([False, True], [False, True], "")
    assert found.reason.tolist() == [MEETING_KINKS, "noise"]
    assert joint_kinks._undecided(known.alone, np.array([0]), known.cone, "why").remark == "why"


class TestAddingUp:
    @pytest.mark.parametrize("scale", [1.0, 100.0])
    @pytest.mark.parametrize(
        ("blur", "off"), [(0.0, 0.0), (5e-4, 0.0), (5e-4, 1.2e-3)], ids=["exact", "blurred", "off by less"]
    )
    def test_outputs_whose_one_sided_derivatives_do_not_are_coupled(self, scale, blur, off):
        cone = ExactCone(lambda x: scale * sums_and_ties(x), 2, blur=blur * scale, off=off * scale)
        together = together_of(cone, [9, 9], at=lambda arrays, outputs: outputs @ np.array([[1, 2], [3, 4], [5, 6]]))
        together.patterns = [together.move(np.array(signs)) for signs in ([1, 1], [1, -1])]
        assert not together.adds_up()
        assert together.coupled.tolist() == [False, True, False]
        assert together.gradient.tolist() == [3, 4]  # by the coupled output

    @pytest.mark.parametrize("scale", [0.1, 1.0, 100.0])
    def test_what_is_not_known_well_enough_does_not_add_up(self, scale):
        together = together_of(ExactCone(lambda x: scale * sums_and_ties(x), 2, blur=1e-3 * scale), [0, 0])
        assert together._differs(together.move(np.ones(2))).tolist() == [True, True, False]

    def test_where_backward_has_no_answer_for_the_coupled_outputs_nothing_is_known(self):
        together = together_of(ExactCone(sums_and_ties, 2), [9, 9], at=lambda arrays, outputs: None)
        assert not together.adds_up()
        assert np.isnan(together.gradient).tolist() == [True, True]

    def test_kinks_of_both_signs_or_of_none_may_meet(self):
        def forward(x):
            rises, falls = relu(x[0]) + relu(x[1]), -relu(x[0]) - relu(x[1])
            return 0.1 * np.array([rises, falls, relu(x[1]) - relu(x[0]), relu(x[0]) - relu(x[1]), x[0]])

        together = together_of(ExactCone(forward, 2), [0, 0])
        together.patterns = [together.move(np.ones(2))]
        assert together._of_both_signs().tolist() == [False, False, True, True, True]
        together.which = np.array([], int)  # as the direction alone says
        assert together._of_both_signs().tolist() == [False, False, True, True, True]


def test_the_gradient_along_a_direction_is_held_to_the_tolerance_of_entries_that_are_smooth():
    for status, room in (("ok", 3.0), ("kink", 0.0)):
        together = together_of(ExactCone(lambda x: 7 * x[:1] + x[1:], 2, unit=4.0), [2, 3], bound=0.5, status=status)
        assert together._told(together.move(np.array([1, 0.5]))) == (14, 30 - room, 30 + room)


class TestGroups:
    @staticmethod
    def forward(x):
        return np.array([max(x[0], x[2]), max(x[1], -x[3]), relu(x[4])])

    def test_are_of_entries_that_do_not_add_up(self):
        together = together_of(ExactCone(self.forward, 5), np.zeros(5), at=lambda arrays, outputs: np.zeros(5))
        assert not together.adds_up()
        groups = [[move.shares.tolist() for move in moves] for moves in together.groups()]
        assert sorted(np.flatnonzero(moves[0]).tolist() for moves in groups) == [[0, 2], [1, 3]]
        for moves in groups:
            assert [np.sum(shares) for shares in moves] == [2, 0]

    def test_what_meets_is_of_the_entries_that_move_it(self):
        together = together_of(ExactCone(self.forward, 5), np.zeros(5))
        together.meets[:] = [True, False, False]
        assert together.meeting().tolist() == [0, 2]
        del together.found.turns[4]  # nobody knows what it moves
        assert together.meeting().tolist() == [0, 2, 4]


class TestWrongAlong:
    """The function is the sum of two numbers; directions are told by how far the gradient is outside."""

    def together(self, meets, gradient=(0.0, 0.0), sizes=(1, 2, 5, 3, 4)):
        cone = ExactCone(lambda x: np.array([x.sum(), x.sum()]), 2, cotangent=[1.0, 0.0], meets=meets)
        together = together_of(cone, gradient)
        return together, [together.move(size * np.array([0.5, 0.5])) for size in sizes]

    def test_the_first_is_looked_at_and_then_the_farthest(self):
        together, moves = self.together([[True, True]] * 9)
        assert together.wrong_along(moves) == ""
        assert together.cone.asked == [([size / 2, size / 2], size) for size in (1, 5, 4)]
        assert together.meets.tolist() == [True, False]

    def test_none_is_looked_at_where_the_gradient_is_within(self):
        together, moves = self.together([], (1.0, 1.0))
        assert together.wrong_along(moves) == ""
        assert together.cone.asked == []

    def test_what_meets_somewhere_meets(self):
        together, moves = self.together([[True, False], None, [True, False]])
        together.coupled = np.array([True, True])
        together.meets = np.array([False, False])
        together.cone.meets = [[True, False], [False, True], [True, False]]
        assert together.wrong_along(moves) == ""
        assert together.meets.tolist() == [True, True]

    def test_without_time_anything_may_meet(self):
        together, moves = self.together([None, None, None])
        together.meets = np.array([False, True])
        assert together.wrong_along(moves) == ""
        assert together.meets.tolist() == [True, True]

    def test_where_nothing_meets_it_is_wrong(self):
        together, moves = self.together([[False, True], [False, False]])
        assert together.wrong_along(moves) == (
            "along 2 entries, moved together, the gradient gives 0, the one-sided derivatives 2 .. 2"
        )


class TestAskedAgain:
    """Entries that are off by 8, 4 and 20 times their unit, and one that is right."""

    def known(self, monkeypatch, piece=np.inf, **cone):
        monkeypatch.setattr(joint_kinks, "as_a_piece", lambda claim, cone: piece)
        cone = ExactCone(lambda x: relu(x), 4, unit=4.0, **cone)
        values = {"value": [1, -1, 1, 0], "bound": 0.5, "status": "ok"}
        judged = {"wrong": [True, True, True, False], "right": [False, False, False, True]}
        return known_of(cone, [3.5, -2.5, -4.5, 0], **values, **judged)

    def ask(self, known):
        return joint_kinks._asked_again(known, np.arange(3), np.empty(0, np.intp))

    def test_a_flat_function_is_looked_at_no_more(self, monkeypatch):
        known = self.known(monkeypatch, flat=True)
        assert self.ask(known) is known.alone
        assert known.cone.asked == [20]

    def test_what_is_a_piece_to_a_quarter_of_what_it_is_off_by_is_right(self, monkeypatch):
        known = self.known(monkeypatch, piece=1.9, meets=[np.zeros(4, bool)])
        found = self.ask(known)
        assert (found.right.tolist(), found.wrong.tolist()) == ([True, False, True, True], [False, True, False, False])
        assert np.abs(found.value - [3.5, -1, -4.5, 0])[[0, 2]].tolist() == found.bound[[0, 2]].tolist()

    def test_the_worst_is_accused_first_and_one_that_stands_is_enough(self, monkeypatch):
        known = self.known(monkeypatch, meets=[np.ones(4, bool), np.zeros(4, bool)])
        found = self.ask(known)
        assert known.cone.asked[1:] == [([0, 0, 1, 0], 20), ([1, 0, 0, 0], 8)]
        assert found.wrong.tolist() == [True, True, False, False]
        assert found.reason.tolist() == ["noise", "noise", MEETING_KINKS, "noise"]

    def test_where_none_stands_all_are_moved_together(self, monkeypatch):
        known = self.known(monkeypatch, meets=[np.ones(4, bool)] * 3 + [np.zeros(4, bool)])
        found = self.ask(known)
        assert (found.right.tolist(), found.wrong.any()) == ([False, False, False, True], False)
        assert found.remark.startswith("along 3 entries, moved together, the gradient gives -3.5, ")


class TestKinksMoved:
    def moved(self, monkeypatch, gradient, *, piece=np.inf, forward=TestGroups.forward, **cone):
        monkeypatch.setattr(joint_kinks, "as_a_piece", lambda claim, cone: piece)
        cone = ExactCone(forward, 5, **cone)
        gradient = np.array(gradient, float)
        known = known_of(cone, gradient, at=lambda arrays, outputs: gradient)
        return known, joint_kinks._kinks_moved(known, np.arange(5))

    def test_coupled_entries_alone_may_show_what_all_of_them_hide(self, monkeypatch):
        monkeypatch.setattr(
            joint_kinks._Together, "wrong_along", lambda self, moves: "wrong" if len(moves) == 2 else ""
        )
        known, found = self.moved(monkeypatch, np.zeros(5))
        assert found.remark == "wrong"
        assert found.right is known.alone.right

    def test_where_nothing_is_wrong_and_nothing_meets_there_is_nothing_to_add(self, monkeypatch):
        monkeypatch.setattr(joint_kinks._Together, "wrong_along", lambda self, moves: "")
        assert self.moved(monkeypatch, np.zeros(5), forward=lambda x: np.array([relu(x.sum())]))[1] is None
        known, found = self.moved(monkeypatch, np.zeros(5), piece=1e-9)
        assert found is known.alone

    def test_entries_of_outputs_where_kinks_meet_are_undecided(self, monkeypatch):
        def forward(x):
            return np.array([max(x[0], x[1]) - abs(x[0] + x[1]), max(x[2], x[3]), relu(x[4])])

        monkeypatch.setattr(joint_kinks._Together, "wrong_along", lambda self, moves: "")
        found = self.moved(monkeypatch, np.zeros(5), forward=forward)[1]
        assert found.right.tolist() == [False, False, True, True, True]


class TestAllMoved:
    @staticmethod
    def median(x):
        return np.sort(x)[1:2]

    def moved(self, monkeypatch, forward, gradient, *, piece=np.inf, unit=1.0, meets=(), **known):
        monkeypatch.setattr(joint_kinks, "as_a_piece", lambda claim, cone: piece)
        cone = ExactCone(forward, 3, unit=unit, meets=meets)
        known = known_of(cone, gradient, status="ok", **known)
        known.found.turns.clear()
        return known, joint_kinks._all_moved(known)

    @pytest.mark.parametrize("bound", [0.0, 0.5])
    def test_where_the_derivatives_of_entries_add_up_nothing_is_climbed(self, monkeypatch, bound):
        gradient = [1.0, 2.0, 4.0]
        known, found = self.moved(monkeypatch, lambda x: x[:1] + 2 * x[1:2] + 4 * x[2:], gradient, value=gradient,
                                  unit=4.0, bound=bound)  # fmt: skip
        assert found is known.alone
        assert known.cone.climbed == 0

    def test_what_no_entry_moves_is_seen(self, monkeypatch):
        _, found = self.moved(monkeypatch, self.median, np.zeros(3), meets=[[False]])
        assert found.remark.startswith(
            "along 3 entries, moved together, the gradient gives 0, the one-sided derivatives 1"
        )
        assert found.right.all()

    @pytest.mark.parametrize(("piece", "right"), [(np.inf, False), (1e-9, True)])
    def test_where_kinks_meet_it_is_undecided_but_for_a_piece(self, monkeypatch, piece, right):
        known, found = self.moved(monkeypatch, self.median, [1.0, 0.0, 0.0], piece=piece, meets=[[True]])
        assert (found.right.all(), found.remark) == (right, "")
        assert (found is known.alone) is right

    def test_where_none_are_seen_to_meet_it_stays_as_it_is(self, monkeypatch):
        known, found = self.moved(monkeypatch, self.median, [0.0, 1.0, 0.0])
        assert found is known.alone


class TestWhatIsAsked:
    def asked(self, monkeypatch, gradient, right, wrong, reason, status, turns):
        seen = []
        for name in ("_asked_again", "_kinks_moved", "_all_moved"):
            monkeypatch.setattr(joint_kinks, name, lambda known, *of, name=name: seen.append((name, *map(list, of))))
        known = known_of(ExactCone(relu, len(right)), gradient, right=right, wrong=wrong, reason=reason)
        known.found.status[:] = status
        known.found.turns = {k: known.found.turns[k] for k in turns}
        found = judge_together(known.found, known.alone, known.claim, lambda: known.cone)
        return seen, found is known.alone

    def test_wrong_and_unstable_entries_are_asked_again(self, monkeypatch):
        right, wrong = [True, False, False, False, True, True], [False, True, False, False, False, False]
        reason = ["noise", "noise", "unstable", "noise", "unstable", "noise"]
        status = ["kink", "kink", "ok", "ok", "kink", "ok"]
        seen, _ = self.asked(monkeypatch, np.zeros(6), right, wrong, reason, status, [0, 1, 4, 5])
        assert seen == [("_asked_again", [1, 2], [0, 4])]

    def test_two_kinks_are_moved_together(self, monkeypatch):
        for count, kinks in ((2, [("_kinks_moved", [0, 1])]), (1, [])):
            right = [True, True, False]
            status = ["kink"] * count + ["ok"] * (3 - count)
            seen, stays = self.asked(monkeypatch, np.zeros(3), right, [False] * 3, ["noise"] * 3, status, range(count))
            assert seen == kinks
            assert stays

    def test_all_entries_are_moved_together_where_all_were_looked_at(self, monkeypatch):
        for size, last in ((2, ["_all_moved"]), (3, [])):
            of_each = [[True] * 2, [False] * 2, ["noise"] * 2, ["ok"] * 2]
            seen, _ = self.asked(monkeypatch, np.zeros(size), *of_each, [])
            assert [name for name, *_ in seen if name == "_all_moved"] == last
