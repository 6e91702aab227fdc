"""Entries that are moved together: none shares an output with another."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from scratchcnn.gradcheck.numerical.groups import MOST_TRIED_GROUPS, Group, depends, disjoint, elementwise, grouped
from scratchcnn.gradcheck.numerical.probe import Probe

UNIT = np.ones(8)


def probe_of(function, x):
    return Probe(function, [np.asarray(x, float)], 0)


class TestGroup:
    def test_an_entry_that_moves_alone_has_all_outputs_of_its_row(self):
        values = np.arange(12.0).reshape(2, 3, 2)
        assert Group(np.arange(3)).share(values).tolist() == values.sum(axis=-1).tolist()

    def test_entries_that_move_together_share_the_outputs_out(self):
        group = grouped(np.array([7, 8, 9]), np.array([5, 0, 2, 4]), np.array([2, 0, 0, 2]))
        values = 10.0 ** np.arange(6)
        assert group.share(values).tolist() == [1 + 100, 0, 1e5 + 1e4]
        assert group.share(np.stack([values, 2 * values])).tolist() == [[101, 0, 110_000], [202, 0, 220_000]]
        assert group.entries.tolist() == [7, 8, 9]

    def test_a_group_without_outputs_shares_nothing(self):
        none = np.zeros(0, np.intp)
        assert grouped(np.array([1, 2]), none, none).share(np.ones(3)).tolist() == [0, 0]

    def test_the_share_has_the_dtype_of_the_values(self):
        group = grouped(np.array([0]), np.array([0]), np.array([0]))
        assert group.share(np.ones(1, np.longdouble)).dtype == np.longdouble

    def test_an_output_that_nobody_owns_is_a_stray(self):
        group = grouped(np.array([0, 1]), np.array([0, 2]), np.array([0, 1]))
        assert not group.strays(np.array([True, False, True]))
        assert not group.strays(np.array([True, False, False]))
        assert group.strays(np.array([True, True, False]))
        assert not Group(np.array([0])).strays(np.array([True]))

    def test_apart_each_entry_moves_alone(self):
        groups = Group(np.arange(5), np.arange(5), np.arange(5), np.arange(5)).apart(2)
        assert [group.entries.tolist() for group in groups] == [[0, 1], [2, 3], [4]]
        assert all(group.outputs is None for group in groups)


class TestDepends:
    def test_which_outputs_an_entry_moves(self):
        probe = probe_of(lambda x: np.array([x[0], x[1], x[0] * x[1], 5.0]), [2.0, 3.0])
        assert depends(probe, 0, 1.0).tolist() == [True, False, True, False]
        assert depends(probe, 1, 1.0).tolist() == [False, True, True, False]

    def test_an_output_that_a_near_move_does_not_show_is_shown_by_a_far_one(self):
        probe = probe_of(lambda x: np.maximum(x - 20, 0), [0.0])
        assert depends(probe, 0, 1.0).tolist() == [True]

    def test_one_side_is_enough(self):
        for sign in (1, -1):
            probe = probe_of(lambda x, sign=sign: np.maximum(sign * x, 0), [0.0])
            assert depends(probe, 0, 1.0).tolist() == [True]

    def test_outside_the_domain_a_near_move_tells(self):
        def function(x):
            if abs(x[0]) > 1:
                raise ValueError("outside")
            return np.array([x[0], 1.0])

        assert depends(probe_of(function, [0.0]), 0, 1.0).tolist() == [True, False]

    def test_a_side_that_is_inside_tells_alone(self):
        probe = probe_of(lambda x: np.where(x >= 0, x, np.nan) * np.array([1.0, 0.0]), [0.0])
        assert depends(probe, 0, 1.0).tolist() == [True, False]

    def test_how_far_it_moves_is_in_units_of_the_entry(self):
        """The output wakes at 10, and the domain ends at 20: with a unit of 1/2 the far move is 13."""

        def function(x):
            if abs(x[0]) > 20:
                raise ValueError("outside")
            return np.maximum(x - 10, 0)

        assert depends(probe_of(function, [0.0]), 0, 0.5).tolist() == [True]

    def test_the_near_move_is_half_a_unit(self):
        def function(x):
            if abs(x[0]) > 0.6:
                raise ValueError("outside")
            return np.maximum(x - 0.4, 0)

        assert depends(probe_of(function, [0.0]), 0, 1.0).tolist() == [True]

    def test_moves_that_only_longdouble_shows(self):
        probe = Probe(lambda x: 1 + x * np.longdouble(2) ** -60, [np.zeros(1)], 0, np.longdouble)
        wider = bool(np.finfo(np.longdouble).eps < 2.0**-60)
        assert depends(probe, 0, 1.0).tolist() == [wider]
        group = elementwise(Probe(probe.forward, [np.zeros(2)], 0, np.longdouble), np.arange(2), UNIT)
        assert group.share(np.ones(2)).tolist() == [wider] * 2


class TestElementwise:
    @pytest.mark.parametrize("count", [2, 3, 4, 5, 8])
    def test_every_output_has_its_owner(self, count):
        order = np.random.default_rng(count).permutation(count)
        group = elementwise(probe_of(lambda x: 3 * x[order], np.arange(count)), np.arange(count), UNIT)
        values = 2.0 ** np.arange(count)
        assert group.share(values).tolist() == values[np.argsort(order)].tolist()

    def test_an_entry_may_own_several_outputs_or_none(self):
        probe = probe_of(lambda x: np.array([x[0], x[2], 7.0, 2 * x[2]]), [1.0, 2.0, 3.0])
        assert elementwise(probe, np.arange(3), UNIT).share(2.0 ** np.arange(4)).tolist() == [1, 0, 2 + 8]

    @pytest.mark.parametrize(
        "function",
        [
            lambda x: np.append(x[:2], x[0] * x[1] + x[2]),
            lambda x: np.append(x[:2], x.sum()),
            lambda x: np.array([x[0] + x[1], x[2], x[2]]),
            lambda x: np.array([x[0] + x[2], x[1], x[1]]),
        ],
    )
    def test_an_output_of_two_entries_has_no_owner(self, function):
        assert elementwise(probe_of(function, [1.0, 2.0, 3.0]), np.arange(3), UNIT) is None

    def test_it_takes_two_entries_and_as_many_outputs(self):
        assert elementwise(probe_of(lambda x: x, [1.0]), np.arange(1), UNIT) is None
        assert elementwise(probe_of(lambda x: x[:2], [1.0, 2.0, 3.0]), np.arange(3), UNIT) is None
        assert elementwise(probe_of(lambda x: x, [1.0, 2.0]), np.arange(2), UNIT) is not None

    def test_how_far_it_moves_is_in_units(self):
        def function(x):
            if np.abs(x).max() > 20:
                raise ValueError("outside")
            return 3 * x

        group = elementwise(probe_of(function, np.zeros(3)), np.arange(3), UNIT / 2)
        assert group.share(np.array([1.0, 2.0, 4.0])).tolist() == [1, 2, 4]

    def test_moves_to_either_side_count(self):
        for sign in (1, -1):
            probe = probe_of(lambda x, sign=sign: np.where(sign * x > 0, x, 0), np.zeros(3))
            assert elementwise(probe, np.arange(3), UNIT).share(np.array([1.0, 2.0, 4.0])).tolist() == [1, 2, 4]


@given(arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_disjoint_groups_hold_every_entry_once_and_share_no_output(depend):
    entries = np.arange(10, 10 + len(depend))
    groups = disjoint(entries, depend)
    assert sorted(entry for group in groups for entry in group.entries) == entries.tolist()
    for group in groups:
        rows = depend[group.entries - 10]
        assert rows.sum(axis=0).max() <= 1
        values = 2.0 ** np.arange(depend.shape[1])
        assert group.share(values).tolist() == (rows @ values).tolist()


def test_the_first_group_with_room_is_taken():
    depend = np.array([[1, 1, 0], [0, 1, 1], [0, 0, 1], [1, 0, 0]], bool)
    assert [group.entries.tolist() for group in disjoint(np.arange(4), depend)] == [[0, 2], [1, 3]]


def test_only_the_last_groups_are_tried():
    """The first group has room for the last entry, and is one group too old to be tried."""
    for groups, home in ((MOST_TRIED_GROUPS, 0), (MOST_TRIED_GROUPS + 1, MOST_TRIED_GROUPS + 1)):
        depend = np.ones((groups + 1, 2), bool)
        depend[0], depend[-1] = (True, False), (False, True)
        found = disjoint(np.arange(groups + 1), depend)
        assert groups in found[home].entries
