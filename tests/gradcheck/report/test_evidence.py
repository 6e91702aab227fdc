"""What a report keeps of a check: the entries in their places, how close they are, what backward answered."""

from dataclasses import replace

import numpy as np
import pytest

from scratchcnn.gradcheck.report.evidence import Called, Evidence

NO = np.zeros(4, bool)
EVIDENCE = Evidence(
    shape=(2, 3), entries=np.array([0, 1, 3, 5]), analytic=np.array([1.0, 2, 3, 4]),
    numerical=np.array([1.0, 2.5, 2, 4.25]), bound=np.array([0.0, 1, 4, 0.5]), right=NO, wrong=NO, kink=NO,
)  # fmt: skip


def test_numbers_stand_where_their_entries_are():
    np.testing.assert_array_equal(EVIDENCE.whole(EVIDENCE.analytic), [[1, 2, np.nan], [3, np.nan, 4]])
    single = replace(EVIDENCE, shape=(), entries=np.array([0]))
    assert single.whole(np.array([7.0])).tolist() == 7.0
    assert replace(EVIDENCE, shape=(0, 3), entries=np.zeros(0, int)).whole(np.zeros(0)).shape == (0, 3)


def test_closeness_is_the_distance_as_a_share_of_the_bound():
    assert EVIDENCE.closeness.tolist() == [0, 0.5, 0.25, 0.5]
    assert EVIDENCE.closest == 1  # the first of two


def test_what_is_no_number_or_has_no_bound_is_infinitely_far():
    far = replace(EVIDENCE, analytic=np.array([np.nan, 2, np.inf, np.inf]), bound=np.array([1, 0, 4, np.inf]))
    assert far.closeness.tolist() == [np.inf] * 4


def test_at_kinks_nothing_is_close():
    one = replace(EVIDENCE, kink=np.array([False, True, False, True]))
    assert (one.closeness.tolist(), one.closest) == ([0, 0, 0.25, 0], 2)
    equal = replace(EVIDENCE, numerical=EVIDENCE.analytic, kink=np.array([True, False, True, True]))
    assert equal.closest == 1
    assert replace(EVIDENCE, kink=~NO).closest is None


@pytest.mark.parametrize(
    ("gradients", "found"),
    [
        ((np.ones(3), np.float32([[1, 2]])), [[1, 2]]),
        ((np.ones(3), [[1, 2]]), [[1, 2]]),  # in whatever form
        ((np.ones(3), np.ones(2)), None),
        ((np.ones(3), None), None),
        ((np.ones(3),), None),
        ((), None),
    ],
)
def test_what_backward_answered_is_known_if_it_has_the_shape_of_the_input(gradients, found):
    inputs = np.ones(3), np.ones((1, 2))
    called = Called(np.add, inputs, np.ones(1), np.ones(1), gradients, ("x", "w"), False, 0.0)
    gradient = called.gradient("w")
    assert (gradient if gradient is None else gradient.tolist()) == found
    assert gradient is None or gradient.dtype == np.float64
