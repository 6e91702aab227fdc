"""The forward pass as a function of one input, of several, and along a line."""

import pickle
import threading

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.probe import UNIT_WIDTHS, Joined, Line, Probe, probe_of

X, Y = np.array([[1.0, 2.0], [3.0, 5.0]]), np.array([7.0, 11.0])


def product(x, y):
    return x * y


def out(probe):
    return np.empty(probe.outputs, probe.dtype)


def moved(probe, where, values):
    y = out(probe)
    probe.move(where, values, y)
    return y.tolist()


class TestProbe:
    def test_the_other_inputs_are_held_fixed(self):
        probe = Probe(product, [X, Y], 1)
        assert (probe.outputs, probe.output_shape, probe.shape) == (4, (2, 2), (2,))
        assert probe.base.tolist() == Y.tolist()
        assert probe.y0.tolist() == [7, 22, 21, 55]
        assert moved(probe, 1, 13.0) == [7, 26, 21, 65]
        assert probe.x.tolist() == Y.tolist()

    @pytest.mark.parametrize("where", [0, np.array([0]), slice(0, 1), np.array([True, False, False, False])])
    def test_some_entries_move_and_come_back(self, where):
        probe = Probe(product, [X, Y], 0)
        assert moved(probe, where, 100.0) == [700, 22, 21, 55]
        assert moved(probe, slice(None), probe.base) == [7, 22, 21, 55]

    def test_the_caller_s_arrays_are_copied_in_c_order(self):
        x = np.asfortranarray(X)
        probe = Probe(product, [x, Y], 0)
        moved(probe, 1, 100.0)
        assert x.tolist() == X.tolist()
        assert moved(probe, 1, 100.0) == [7, 1100, 21, 55]
        probe.x[:] = 0
        assert x.tolist() == X.tolist()

    def test_floats_are_in_the_precision_that_is_asked_for_and_integers_stay(self):
        probe = Probe(product, [X.astype(np.float32), np.array([7, 11])], 0)
        assert [a.dtype for a in probe.arrays] == [np.float64, np.array([7]).dtype]
        wide = Probe(product, [X, Y], 0, np.longdouble)
        assert (wide.y0.dtype, wide.native, wide.x.dtype) == (np.longdouble,) * 3

    def test_native_is_what_forward_answers_in(self):
        probe = Probe(lambda x: x.astype(np.float32), [X], 0)
        assert (probe.native, probe.y0.dtype) == (np.float32, np.float64)

    def test_outside_the_domain_there_is_nan(self):
        def forward(x):
            if x[0, 0] > 5:
                raise ValueError("outside")
            return x.sum(keepdims=True) if x[0, 0] > 3 else x

        probe = Probe(forward, [X], 0)
        for value in (6.0, 4.0):  # it raises, and has another shape
            assert np.isnan(moved(probe, 0, value)).all()
        wide = Probe(forward, [X], 0, np.longdouble)
        for wide.x[0] in (6.0, 4.0):
            assert wide.output().dtype == np.longdouble
        assert probe.x.tolist() == probe.base.tolist()
        assert moved(probe, 0, 2.0) == [2, 2, 3, 5]

    def test_of_complex_outputs_the_real_part_counts_unless_complex_ones_are_asked_for(self):
        def forward(x):
            return x + (1j if len(calls) else 0)

        calls = []
        probe = Probe(forward, [X], 0)
        calls.append(None)
        assert moved(probe, 0, 9.0) == [9, 2, 3, 5]
        assert Probe(forward, [X], 0).y0.tolist() == X.ravel().tolist()
        assert Probe(forward, [X], 0).native == np.float64
        whole = Probe(forward, [X], 0, np.complex128)
        assert whole.y0.tolist() == moved(whole, 0, 1.0) == (X.ravel() + 1j).tolist()

    def test_a_forward_that_writes_gets_copies_where_it_is_known_to_write(self):
        def writing(x, y):
            result = x * y
            x[...] = 0
            return result

        probe = Probe(writing, [X, Y], 0, fresh=True)
        assert moved(probe, 0, 100.0) == [700, 22, 21, 55]
        assert moved(probe, 0, 100.0) == [700, 22, 21, 55]
        assert moved(Probe(writing, [X, Y], 0), 0, 100.0) == [700, 0, 0, 0]

    def test_one_of_its_own_for_another_thread(self):
        probe = Probe(product, [Y, X], 1, workers=object())
        other = probe.apart()
        other.x[:] = 0
        assert moved(probe, 0, 100.0) == [700, 22, 21, 55]
        other.x[:] = other.base
        assert moved(other, 0, 100.0) == [700, 22, 21, 55]
        assert (probe.workers is None, other.workers) == (False, None)

    def test_one_of_its_own_for_another_process_which_takes_no_array_twice(self):
        x = np.arange(1.0, 1000.0)
        probe = Probe(np.multiply, [np.array([2.0]), x], 1, workers=threading.Lock())
        assert probe.unit.size == x.size
        taken = pickle.dumps(probe)
        assert len(taken) < x.nbytes + probe.y0.nbytes + 2000
        other = pickle.loads(taken)
        assert moved(other, 0, 100.0) == moved(probe, 0, 100.0)
        assert moved(other, 0, 1.0) == (2 * x).tolist()
        assert other.workers is None


class TestUnit:
    def test_it_is_that_of_the_data_where_an_output_moves(self):
        assert Probe(lambda x: 2 * x, [X], 0).unit.tolist() == [2, 2, 2, 4]

    def test_it_is_wider_where_only_a_wider_move_shows_anything(self):
        """1 + x at x = 2^-60: a change of 2^-42 is visible, and the second width that shows it is 2^20."""
        unit = Probe(lambda x: 1 + x, [np.array([2.0**-60])], 0).unit
        assert unit.tolist() == [2.0**-60 * 2.0**20 / UNIT_WIDTHS[0]]
        assert Probe(lambda x: 1 - x, [np.array([2.0**-60])], 0).unit.tolist() == unit.tolist()

    def test_it_is_that_of_the_data_where_nothing_shows_anything(self):
        tiny = np.array([2.0**-60])
        assert Probe(lambda x: 1 + 0 * x, [tiny], 0).unit.tolist() == [2.0**-60]
        assert Probe(lambda x: 1e300 + x, [tiny], 0).unit.tolist() == [2.0**-60]

    def test_no_wider_unit_is_looked_for_beyond_one(self):
        far = Probe(lambda x: np.where(np.abs(x) > 2.0**30, 7.0, 1.0), [np.array([1.0])], 0)
        assert far.unit.tolist() == [1]

    def test_the_search_ends_where_the_domain_does(self):
        def forward(x):
            return np.where(x < 2.0**-50, 1.0, np.nan) if x < 2.0**-45 else 1 + x

        assert Probe(forward, [np.array([2.0**-60])], 0).unit.tolist() == [2.0**-60]


class TestProbeOf:
    def test_it_is_in_float64(self):
        probe = probe_of(product, [X.astype(np.float32), Y], 0, [np.dtype(np.float32), Y.dtype], fresh=False)
        assert probe.native == np.float64
        assert not probe.fresh

    @pytest.mark.parametrize("dtype", [np.float64, np.float32])
    def test_the_workers_are_passed_on(self, dtype):
        def kernel(x):
            if x.dtype != dtype:
                raise TypeError("another precision")
            return x

        workers = object()
        assert probe_of(kernel, [X], 0, [np.dtype(dtype)], fresh=False, workers=workers).workers is workers

    def test_it_is_in_the_caller_s_dtypes_where_forward_refuses_float64(self):
        def kernel(x, y):
            if (x.dtype, y.dtype) != (np.float32, np.float16):
                raise TypeError("single and half precision")
            return x * y

        inputs = [X.astype(np.float32), Y.astype(np.float16)]
        probe = probe_of(kernel, inputs, 0, [a.dtype for a in inputs], fresh=False)
        assert (probe.native, probe.y0.tolist()) == (np.float32, [7, 22, 21, 55])

    def test_a_forward_that_writes_gets_copies(self):
        assert probe_of(product, [X, Y], 0, [X.dtype, Y.dtype], fresh=True).fresh


class TestJoined:
    def test_several_inputs_stand_in_a_row(self):
        joined = Joined(product, [X, Y], [1, 0])
        assert joined.base.tolist() == [*Y, *X.ravel()]
        assert joined.parts == [slice(0, 2), slice(2, 6)]
        assert joined.shape == (6,)
        assert moved(joined, np.array([0, 5]), np.array([70.0, 50.0])) == [70, 22, 210, 550]
        assert moved(joined, 0, 7.0) == [7, 22, 21, 55]
        assert not joined.fresh

    def test_each_part_has_units_of_its_own(self):
        assert Joined(product, [X, 1000 * Y], [0, 1]).unit.tolist() == [2, 2, 2, 4, 8192, 8192]

    def test_integers_stay_and_the_caller_s_arrays_too(self):
        joined = Joined(lambda x, n: x * n, [X.astype(np.float32), np.array([7, 11])], [0], fresh=True)
        assert [a.dtype.kind for a in joined.arrays] == ["f", "i"]
        assert joined.arrays[0].dtype == np.float64
        assert joined.fresh


def test_a_line():
    probe = Probe(product, [X, Y], 0)
    line = Line(probe, np.array([1, 2]), np.array([1.0, -2.0]))
    assert line.x.tolist() == [2, 3]
    y = out(probe)
    line.move(0.5, y)
    assert y.tolist() == [7, 27.5, 14, 55]
    longer = line.scaled(3.0)
    assert (longer.direction.tolist(), longer.entries.tolist(), longer.probe) == ([3, -6], [1, 2], probe)
