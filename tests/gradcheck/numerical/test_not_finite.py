"""Outputs that are not finite: which entries are lost with them, and which are not."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.not_finite import MOST_CULPRITS, finite_part, lost_entries
from scratchcnn.gradcheck.numerical.probe import Probe

pytestmark = pytest.mark.filterwarnings("ignore:(invalid|divide|overflow)")  # outside the domain of a logarithm


def lost(function, x, entries=None, **options):
    x = np.array(x, float)
    chosen = np.arange(x.size) if entries is None else np.array(entries)
    found = lost_entries(Probe(function, [x], 0, **options), chosen, np.ones(x.size))
    assert found.dtype == bool
    return found.tolist()


class TestFinitePart:
    def test_only_outputs_that_are_finite_are_left(self):
        probe = finite_part(Probe(np.log, [np.array([1.0, -1.0, 0.0, 4.0])], 0))
        assert probe.y0.tolist() == [0, np.log(4)]
        y = np.empty(2)
        probe.move(1, 2.0, y)
        assert y.tolist() == [0, np.log(4)]
        probe.move(3, 8.0, y)
        assert y.tolist() == [0, np.log(8)]

    def test_the_outputs_are_in_a_row(self):
        probe = finite_part(Probe(lambda x: np.log(x).reshape(2, 2), [np.array([1.0, -1.0, 0.0, 4.0])], 0))
        assert probe.y0.tolist() == [0, np.log(4)]

    def test_another_shape_is_outside_the_domain(self):
        def function(x):
            return np.log(x) if x[0] < 5 else np.log(x)[:1]

        probe = finite_part(Probe(function, [np.array([1.0, -1.0])], 0))
        y = np.empty(1)
        probe.move(0, 9.0, y)
        assert np.isnan(y).all()

    def test_precision_index_and_copies_are_those_of_the_whole(self):
        inputs, workers = [np.ones(1), np.array([1.0, -1.0])], object()
        part = finite_part(Probe(lambda a, x: np.log(x), inputs, 1, np.longdouble, fresh=True, workers=workers))
        assert part.workers is workers
        assert (part.dtype, part.index, part.fresh, part.outputs) == (np.longdouble, 1, True, 1)


class TestLost:
    def test_nothing_is_lost_where_all_is_finite(self):
        assert lost(np.sin, [1.0, 2.0]) == [False, False]

    def test_what_is_not_finite_itself_is_lost(self):
        assert lost(lambda x: np.zeros(2), [np.nan, 1.0]) == [True, False]

    def test_each_output_loses_its_own_entry(self):
        assert lost(np.log, [-1.0, 4.0, 0.0, 0.5]) == [True, False, True, False]

    def test_an_input_of_two_axes(self):
        assert lost(np.log, [[-1.0, 4.0], [0.0, 0.5]]) == [True, False, True, False]

    def test_what_is_not_finite_itself_and_what_makes_the_output_so(self):
        assert lost(lambda x: np.log(x[1:]), [np.nan, -1.0, 4.0]) == [True, True, False]

    def test_a_number_is_finite_in_the_precision_of_the_check(self):
        large = np.finfo(np.longdouble).max / 1000
        assert lost(lambda x: np.log(x) * large, [-1.0, 4.0], dtype=np.longdouble) == [True, False]

    def test_a_forward_that_writes_gets_copies(self):
        def writing(x):
            result = np.log(x)
            x[...] = -1.0
            return result

        assert lost(writing, [-1.0, 4.0], fresh=True) == [True, False]

    def test_the_same_points_are_tried_each_time(self):
        def seen():
            points = []
            lost(lambda x: (points.append(x.copy()), np.log(x))[1], [-1.0, 4.0])
            return np.array(points)

        assert np.array_equal(seen(), seen())

    def test_an_entry_far_from_where_it_is_finite(self):
        assert lost(lambda x: np.log(x).sum(keepdims=True), [-10.0, 4.0]) == [True, True]
        assert lost(np.log, [-10.0, 4.0]) == [True, False]

    @pytest.mark.parametrize("at", [0, 1, 2, 3])
    def test_an_entry_that_cures_nothing_is_seen_from_where_it_is_finite(self, at):
        """The sum is NaN wherever another entry goes; all of them move it once the first is cured."""
        x = np.ones(4)
        x[at] = -1.0
        assert lost(lambda x: np.log(x).sum(keepdims=True), x) == [True] * 4

    def test_entries_of_another_output_are_not_lost(self):
        def function(x):
            return np.array([np.log(x[0]) + x[1], x[2] * x[3]])

        assert lost(function, [-1.0, 2.0, 3.0, 4.0]) == [True, True, False, False]

    def test_a_function_that_is_finite_nearby_alone(self):
        assert lost(np.arcsin, [2.0, 0.5]) == [True, False]

    def test_where_nothing_cures_the_output_all_are_lost(self):
        assert lost(lambda x: np.array([np.nan, x[0]]), [1.0, 2.0]) == [True, True]

    def test_differences_of_entries_are_moved_too(self):
        assert lost(lambda x: np.append(np.log(x[0] - x[1]), x[2]), [1.0, 2.0, 3.0]) == [True, True, False]

    def test_an_infinity_that_stays_is_no_change_and_another_one_is(self):
        assert lost(lambda x: np.array([np.inf + 0 * x[0], x[1]]), [1.0, 2.0]) == [True, True]
        assert lost(lambda x: np.array([np.copysign(np.inf, x[0]), x[1]]), [1.0, 2.0]) == [True, True]

    def test_only_what_is_asked_for_in_the_order_of_asking(self):
        assert lost(np.log, [-1.0, 4.0, 0.0, 0.5], entries=[3, 2]) == [False, True]

    def test_many_culprits_lose_all(self):
        """Each of 65 entries cures an output of its own: nobody looks for more of them."""
        x = np.ones(80)
        for count, every in ((MOST_CULPRITS, False), (MOST_CULPRITS + 1, True)):
            x[:count] = -1.0
            assert all(lost(np.log, x)) is every

    def test_where_forward_raises_with_all_of_them_moved_all_are_lost(self):
        def function(x):
            if (x > 0).all():
                raise ValueError("not all of them")
            return np.log(x)

        assert lost(function, [-1.0, -1.0]) == [True, True]
