"""What a check asks of its proofs, and what is noted about them."""

from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.proof.outcome import STRAIGHT_THROUGH, Proof, Rounding
from scratchcnn.gradcheck.proof.proofs import NOT_PROVED, ROUNDS_NOTE, Proofs
from tests.gradcheck.proof.stubs import proofs_of, proven_of

GRADIENT = "not proved: in floats the gradient of 'x' is another than in exact arithmetic; differences decide"


SETTING = SimpleNamespace(
    case=SimpleNamespace(names=["x", "y"], forward=np.sin, inputs=[np.ones((1, 2), np.float32), np.ones(1)]),
    observed=SimpleNamespace(usable=[0, 2, 3], unsteady=False),
    first="here",
    second="there",
    second_answers=None,
    rng="rng",
)


@pytest.fixture
def asked(monkeypatch):
    """What proofs are asked for; the answer is the proof that is put into `answers`, the last one over and over."""
    asked = SimpleNamespace(proofs=[], widths=[], answers=[Proof({}, reason="why not")])

    def proof_of(*given, **options):
        asked.proofs.append((given, options))
        return asked.answers.pop(0) if len(asked.answers) > 1 else asked.answers[0]

    def widths_of(*given):
        asked.widths.append(given)
        return {0: np.array([0.5]), 2: np.array([0.25])}

    monkeypatch.setattr("scratchcnn.gradcheck.proof.proofs.proof_of", proof_of)
    monkeypatch.setattr("scratchcnn.gradcheck.proof.proofs.widths_of", widths_of)
    return asked


STRICT = {"locate": False, "rounding": Rounding.CONSTANT}


def test_a_proof_has_half_of_the_time_of_all_inputs_that_it_is_asked_for():
    assert Proofs(SETTING, 4.0).seconds == 6.0


def test_the_first_proof_is_of_all_gradients_and_made_once(asked):
    proofs = Proofs(SETTING, 4.0)
    assert proofs.made is None
    assert proofs.first is proofs.first is proofs.made is asked.answers[0]
    assert asked.proofs == [((SETTING.case, "here", [0, 2, 3], "rng", 6.0), STRICT)]
    assert proofs.notes == ["not proved: why not; differences decide"]
    assert (proofs.through, proofs.dropped, proofs.strays) == (set(), set(), set())


def test_none_is_made_where_something_is_in_the_way(asked):
    proofs = Proofs(SimpleNamespace(observed=SimpleNamespace(usable=[], unsteady=False), case=SETTING.case), 4.0)
    assert proofs.first is None
    assert (asked.proofs, proofs.notes) == ([], ["not proved: there is no gradient; differences decide"])


def test_nothing_is_noted_where_all_is_proved(asked):
    asked.answers = [Proof({0: proven_of([1.0])})]
    proofs = Proofs(SETTING, 4.0)
    assert proofs.first is asked.answers[0]
    assert proofs.notes == []


def test_the_wrong_entries_of_one_gradient_are_located(asked):
    whole, located = proven_of([1.0]), proven_of([2.0])
    asked.answers = [Proof({2: whole}), Proof({2: located}), Proof({}, reason="it takes too long")]
    proofs = Proofs(SETTING, 4.0)
    assert proofs.first.inputs[2] is whole
    assert proofs.located(2) is located
    assert asked.proofs[1] == ((SETTING.case, "here", (2,), "rng", 6.0), STRICT | {"locate": True})
    assert proofs.located(2) is whole  # there is no time


def test_how_far_roundoff_may_move_a_gradient_is_asked_once(asked):
    proofs = Proofs(SETTING, 4.0)
    for _ in range(2):
        assert [float(np.max(proofs.widths(k, np.dtype(np.float32)))) for k in range(3)] == [0.5, 0.0, 0.25]
    assert asked.widths == [(SETTING.case, "here", [0, 2, 3], 24, 6.0)]


def test_a_proof_that_is_dropped_is_noted_by_its_name():
    proofs = Proofs(SETTING, 4.0)
    proofs.drop(1, "differences disagree")
    assert proofs.notes == ["the proof that the gradient of 'y' is wrong was dropped: differences disagree"]
    assert proofs.dropped == {1}


@pytest.mark.parametrize(("spent", "proved"), [(1.2, True), (1.3, False)])  # of six seconds
def test_the_second_proof_is_made_if_the_first_one_was_quick(asked, spent, proved):
    asked.answers = [Proof({0: proven_of([1.0, 2.0])}, np.array([5.0]))]
    proofs = Proofs(SETTING, 4.0)
    assert proofs.first.inputs
    proofs.spent = spent
    assert proofs.at_second_point(0) is None  # no answers in floats that could follow
    assert asked.proofs[1:] == [((SETTING.case, "there", [0, 2, 3], "rng", 6.0), STRICT)] * proved


def test_there_is_no_second_proof_without_a_first_one_or_a_point(asked):
    assert Proofs(SETTING, 4.0).at_second_point(0) is None
    assert len(asked.proofs) == 1
    asked.answers = [Proof({0: proven_of([1.0])})]
    assert Proofs(SimpleNamespace(**vars(SETTING) | {"second": None}), 4.0).at_second_point(0) is None
    assert len(asked.proofs) == 1  # not even that


def test_straight_through_what_is_wrong_at_the_second_point_is_told_by_rounded_numbers(asked):
    rounded, before = (proven_of([1.0], wrong=[True], along=along) for along in ((3.0, 4.0), (3.0, 5.0)))
    asked.answers = [Proof({}, reason="rounds"), Proof({0: rounded}), Proof({0: before})]
    proofs = Proofs(SETTING, 4.0)
    assert proofs.first.reason == "rounds"
    proofs.told_through(0)
    assert proofs.notes == [ROUNDS_NOTE]
    assert proofs.at_second_point(0).endswith("gives 3, forward 4 where each rounding has the derivative 1")
    assert [options["rounding"] for _, options in asked.proofs[1:]] == list(STRAIGHT_THROUGH)
    assert proofs.straight_through(Rounding.ROUNDED) is proofs.straight_through(Rounding.ROUNDED)
    assert asked.proofs[3:] == [
        ((SETTING.case, "here", [0, 2, 3], "rng", 6.0), STRICT | {"rounding": Rounding.ROUNDED})
    ]


class TestObstacle:
    def told(self, forward=np.sin, unsteady=False, usable=(0,)):
        proofs = Proofs.__new__(Proofs)
        observed = SimpleNamespace(unsteady=unsteady, usable=usable)
        proofs.setting = SimpleNamespace(case=SimpleNamespace(forward=forward), observed=observed)
        return proofs._obstacle()

    def test_there_is_none_but_for_a_framework_or_a_function_that_changes_or_no_gradient(self):
        def forward(x):
            return x

        forward.computed_by = "torch"
        assert self.told() == ""
        assert self.told(forward) == "torch computes in floats alone"
        assert self.told(unsteady=True) == "it does not repeat itself"
        assert self.told(usable=()) == "there is no gradient"


class TestStrays:
    def test_an_input_that_goes_astray_is_taken_out_and_noted_once(self):
        proof = Proof({0: proven_of([1.0]), 1: proven_of([2.0])})
        proofs = proofs_of(proof)
        assert proofs.made is proof
        for _ in range(2):
            proofs.stray(1, "the gradient of 'x' is another")
        assert list(proofs.made.inputs) == [0]
        assert proofs.notes == [GRADIENT]
        proofs.stray(0, "forward gives another output")
        assert proofs.made is None


class TestRefutes:
    def test_what_is_proved_wrong_and_not_dropped_nor_astray(self):
        wrong, right = proven_of([1.0, 2.0], wrong=[False, True]), proven_of([1.0])
        proofs = proofs_of(Proof({0: wrong, 2: right}))
        assert [proofs.refutes(k) for k in range(3)] == [True, False, False]
        proofs.drop(0, "why")
        assert not proofs.refutes(0)
        astray = proofs_of(Proof({0: wrong}))
        astray.stray(0, "it is another")
        assert not astray.refutes(0)
        assert not proofs_of(None).refutes(0)


class TestSecondPoint:
    def told(self, proven, floats=(1.0, 2.0), y=5.0, *, second=True, answers=True, dropped=()):
        proofs = proofs_of(Proof({0: proven_of([1.0, 2.0])}))
        proofs.dropped = set(dropped)
        proofs.__dict__["_second"] = Proof({0: proven}, np.array([5.0])) if second else None
        proofs.setting = SimpleNamespace(
            second_answers=(np.array([[y]]), [np.array([floats])]) if answers else None,
            case=SimpleNamespace(inputs=[np.ones((1, 2))]),
            observed=SimpleNamespace(usable=[0]),
        )
        return proofs.at_second_point(0)

    WRONG = proven_of([1.0, 2.0], wrong=[False, True], along=(3.0, 4.0), share=0.1)

    def test_right_or_wrong(self):
        assert self.told(proven_of([1.0, 2.0])) == ""
        assert self.told(self.WRONG) == "along a random direction the gradient gives 3, forward in exact arithmetic 4"

    def test_nothing_is_told_of_what_is_open_or_little(self):
        assert self.told(proven_of([1.0, 2.0], right=[True, False])) is None
        assert self.told(proven_of([1.0, 2.0], wrong=[False, True], share=1e-7)) is None
        assert self.told(self.WRONG, second=False) is None
        assert self.told(self.WRONG, answers=False) is None

    def test_nor_where_a_proof_was_dropped_at_the_inputs(self):
        assert self.told(self.WRONG, dropped=[0]) is None
        assert self.told(self.WRONG, dropped=[1]) is not None
        assert self.told(proven_of([1.0, 2.0]), dropped=[0]) == ""

    def through(self, rounded, unrounded, *, second="there", index=0):
        proofs, asked = proofs_of(Proof({}, reason="rounds")), []
        proofs.through, proofs._straight_at_second = {0}, {}
        proofs.setting = SimpleNamespace(second=second)

        def proof(point, *, rounding):
            asked.append((point, rounding))
            proven = {Rounding.ROUNDED: rounded, Rounding.UNROUNDED: unrounded}[rounding]
            return Proof({index: proven} if proven else {}, reason="")

        proofs._proof = proof
        told = proofs.at_second_point(0)
        assert proofs.at_second_point(0) == told
        assert asked == ([("there", kind) for kind in STRAIGHT_THROUGH] if second else [])  # once each
        return told

    def test_straight_through_roundings_it_is_wrong_if_rounded_numbers_and_those_before_refute_it(self):
        right, open_ = proven_of([1.0, 2.0]), proven_of([1.0, 2.0], right=[True, False])
        assert self.through(self.WRONG, self.WRONG) == (
            "along a random direction the gradient gives 3, forward 4 where each rounding has the derivative 1"
        )
        for other in (right, open_, None):
            assert self.through(self.WRONG, other) == ""
            assert self.through(other, self.WRONG) == ""
        assert self.through(self.WRONG, self.WRONG, second=None) == ""
        assert self.through(self.WRONG, self.WRONG, index=1) == ""

    def test_nor_where_floats_do_something_else(self):
        assert self.told(self.WRONG, (1.0, 2 + 1.9e-6)) is not None
        assert self.told(self.WRONG, (1.0, 2 + 2.1e-6)) is None
        assert self.told(self.WRONG, y=5 + 6e-6) is None
        assert self.told(self.WRONG, (1.0, 2.0, 3.0)) is None
        small = proven_of([1e-3, 2e-3], wrong=[False, True], along=(3.0, 4.0), share=0.1)
        assert self.told(small, (1e-3, 2e-3 + 1.9e-9)) is not None
        assert self.told(small, (1e-3, 2e-3 + 2.1e-9)) is None  # a share of the largest, also of a small one

    def test_nor_where_forward_does_not_run_on_balls(self):
        proofs = proofs_of(Proof({0: proven_of([1.0])}))
        proofs.__dict__["_second"] = Proof({0: proven_of([1.0])})
        proofs.setting = SimpleNamespace(second_answers=(np.ones(1), [np.ones(1)]))
        assert proofs.at_second_point(0) is None


def test_a_gradient_that_goes_straight_through_is_noted_once_in_place_of_what_is_not_proved():
    proofs = proofs_of(Proof({}, reason="forward rounds"))
    proofs.notes = ["something else", NOT_PROVED.format("forward rounds")]
    proofs.told_through(3)
    proofs.told_through(1)
    assert proofs.through == {1, 3}
    assert proofs.notes == ["something else", ROUNDS_NOTE]
    none = proofs_of(None)
    none.notes = ["something else"]
    none.told_through(0)
    assert none.notes == ["something else", ROUNDS_NOTE]


def test_the_proofs_straight_through_are_made_once_and_located_for_one_input():
    proofs, asked = proofs_of(Proof({})), []
    proofs._straight, proofs.setting = {}, SimpleNamespace(first="here")
    proofs._proof = lambda *given, **options: asked.append((given, options)) or len(asked)
    assert [proofs.straight_through(kind) for kind in (*STRAIGHT_THROUGH, *STRAIGHT_THROUGH)] == [1, 2, 1, 2]
    assert proofs.located_straight_through(5, Rounding.ROUNDED) == 3
    assert asked == [
        (("here",), {"rounding": Rounding.ROUNDED}),
        (("here",), {"rounding": Rounding.UNROUNDED}),
        (("here", (5,)), {"locate": True, "rounding": Rounding.ROUNDED}),
    ]
