"""What a run on balls meets is counted, by the innermost block of this thread alone."""

from threading import Thread

import pytest
from flint import arb

from scratchcnn.gradcheck.proof.balls.recording import Recorder, met, recording, rounded, rounding
from scratchcnn.gradcheck.proof.outcome import Rounding

ONE, TWO, WIDE = arb(1), arb(2), arb(0, 0.5)


def test_nothing_is_counted_outside():
    assert met(ONE, TWO) == 0
    rounded(ONE)
    assert rounding() is Rounding.CONSTANT


@pytest.mark.parametrize(("a", "b"), [(ONE, ONE), (ONE, arb(1)), (None, None), (None, arb(0)), (arb(0), None)])
def test_what_moves_alike_is_no_tie(a, b):
    with recording(1) as seen:
        assert met(a, b) == 0
    assert seen.met == 0


@pytest.mark.parametrize(
    ("a", "b", "larger"), [(TWO, ONE, 1), (ONE, TWO, -1), (ONE, None, 1), (None, ONE, -1), (WIDE, None, 0)]
)
def test_at_a_tie_a_side_tells_which_is_larger(a, b, larger):
    for side in (1, -1, 0):
        with recording(side) as seen:
            assert met(a, b) == larger * side
            met(a, b)
        assert (seen.met, seen.rounded) == (2, 0)


def test_moving_numbers_that_are_rounded():
    with recording() as seen:
        for slope in (ONE, WIDE, None, arb(0)):
            rounded(slope)
    assert (seen.met, seen.rounded) == (0, 2)


@pytest.mark.parametrize("kind", Rounding)
def test_what_they_become(kind):
    with recording(rounding=kind):
        assert rounding() is kind
    assert rounding() is Rounding.CONSTANT


def test_ties_are_not_decided_and_numbers_are_rounded_unless_it_is_asked_for():
    with recording() as seen:
        assert (met(TWO, ONE), rounding()) == (0, Rounding.CONSTANT)
    assert seen.met == 1
    assert (Recorder().side, Recorder().rounding) == (0, Rounding.CONSTANT)


def test_the_innermost_block_counts_and_ends_with_an_exception():
    with recording() as outer:
        with recording() as inner:
            rounded(ONE)
        rounded(ONE)
        with pytest.raises(ZeroDivisionError), recording():
            ONE / (1 // 0)
        rounded(ONE)
    assert (inner.rounded, outer.rounded) == (1, 2)


def test_another_thread_counts_for_itself():
    with recording() as seen:
        other = Thread(target=rounded, args=(ONE,))
        other.start()
        other.join()
    assert seen.rounded == 0
