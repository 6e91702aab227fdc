"""What the lowerings stand on: threads, the workspace, and tiles."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from threadpoolctl import threadpool_info, threadpool_limits

from scratchcnn import conv2d, conv2d_backward
from scratchcnn.operations._geometry import place_windows
from scratchcnn.operations.convolution.lowerings import plain
from scratchcnn.operations.convolution.machinery import threads, tiles, workspace
from scratchcnn.operations.convolution.machinery.workspace import Workspace
from tests.assertions import assert_within, gamma
from tests.strategies import convolutions


def windows_of(case):
    return place_windows(case.x.shape[2:], case.filters.shape[2:], case.stride, case.padding)


def random_call(dtype=np.float64, seed=0):
    """A call of a size that is worth two threads: x, filters and ∂E/∂Z."""
    rng = np.random.default_rng(seed)
    return [rng.normal(size=shape).astype(dtype) for shape in ((6, 16, 30, 26), (32, 16, 5, 5), (6, 32, 26, 22))]


def all_results(x, filters, g):
    return [conv2d(x, filters), *conv2d_backward(g, x, filters)]


class TestThreads:
    def test_the_same_at_every_call(self):
        call = random_call()
        first, *others = (all_results(*call) for _ in range(6))
        assert all(np.array_equal(a, b) for other in others for a, b in zip(first, other, strict=True))

    def test_the_number_of_threads_changes_roundoff_only(self):
        call = random_call()
        # Each is a sum of so many products, within gamma of the sum of their magnitudes.
        terms = 16 * 25, 32 * 25, 6 * 26 * 22
        sizes = all_results(*(np.abs(a) for a in call))
        for one, two, count, size in zip(limited(1, call), limited(2, call), terms, sizes, strict=True):
            assert_within(one, two, 2 * gamma(count, np.float64) * size)

    def test_blas_has_its_threads_back_afterwards(self):
        with threadpool_limits(2):
            all_results(*random_call())
            assert threads.allowed() == 2
            with pytest.raises(ZeroDivisionError):
                threads.side_by_side(lambda share: share / 0, [1, 2])
            assert threads.allowed() == 2
            assert threads_of_blas() == {2}

    def test_blas_has_one_thread_in_each_of_ours(self):
        def seen(_):
            return threads_of_blas(), threads.allowed()

        with threadpool_limits(2):
            assert threads.side_by_side(seen, [1, 2]) == [({1}, 2), ({1}, 2)]

    def test_a_forked_child_has_threads_too(self):
        source = (
            "import os, signal, numpy as np\n"
            "from scratchcnn.operations.convolution.machinery import threads\n"
            "work = lambda part: part + 1\n"
            "assert threads.side_by_side(work, [1, 2]) == [2, 3]\n"
            "child = os.fork()\n"
            "if child == 0:\n"
            "    signal.alarm(20)\n"
            "    os._exit(0 if threads.side_by_side(work, [1, 2]) == [2, 3] else 1)\n"
            "assert os.waitpid(child, 0)[1] == 0\n"
        )
        subprocess.run([sys.executable, "-W", "ignore", "-c", source], check=True, timeout=60)


def threads_of_blas():
    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}


def limited(count, call):
    with threadpool_limits(count):
        return all_results(*call)


class TestWorkspace:
    def test_no_result_lies_in_it(self):
        x, filters, g = random_call()
        first = all_results(x, filters, g)
        copies = [a.copy() for a in first]
        all_results(*random_call(seed=1))
        assert all(np.array_equal(a, b) for a, b in zip(first, copies, strict=True))

    def test_what_is_too_large_to_keep_is_given_back(self):
        with Workspace(np.dtype(float)) as space:
            space("large", workspace.KEPT // 8)
            space("one more", 1)
        with Workspace(np.dtype(float)) as space:
            assert not space._buffers

    def test_begins_on_a_line_of_the_cache(self):
        with Workspace(np.dtype(np.float32)) as space:
            for count in (1, 17, 4099):
                assert space(f"of {count}", count).ctypes.data % workspace.LINE == 0


@st.composite
def slices(draw, count):
    """A part of so many."""
    start = draw(st.integers(0, count - 1))
    return slice(start, draw(st.integers(start + 1, count)))


class TestTiles:
    @example(count=4, height=1, row_bytes=1, halo=0, most=3, line=1)
    @given(
        st.integers(1, 40), st.integers(1, 70), st.integers(1, 3000), st.integers(0, 9), st.integers(1, 5),
        st.sampled_from([1, 8, 16]),
    )  # fmt: skip
    def test_cut_covers_everything_once(self, count, height, row_bytes, halo, most, line):
        parts = tiles.cut(count, height, row_bytes, halo, most, 10_000, line)
        seen = np.zeros((count, height), int)
        for images, band in parts:
            seen[images, band] += 1
        assert (seen == 1).all()
        assert len(parts) >= min(most, count)

    @given(st.integers(1, 600), st.integers(1, 100), st.sampled_from([1, 16, 32]))
    def test_strips_cover_everything_once_by_whole_lines(self, columns, widest, line):
        strips = tiles.strips(columns, widest, line)
        assert [column for strip in strips for column in range(columns)[strip]] == list(range(columns))
        assert all(strip.start % line == 0 for strip in strips)
        assert max(strip.stop - strip.start for strip in strips) < 1.5 * widest + line

    @given(convolutions(largest=9), st.data())
    def test_a_tile_is_a_convolution_of_its_places(self, case, data):
        windows = windows_of(case)
        places = tuple(data.draw(slices(count)) for count in windows.places)
        tile = tiles.of_places(slice(0, len(case.x)), places, case.x.shape[2:], windows)
        part = plain.patches(tile.of_images(case.x), tile.windows)
        assert np.array_equal(part, plain.patches(case.x, windows)[:, :, places[0], places[1]])

    @given(convolutions(largest=9), st.data())
    def test_a_tile_of_rows_has_all_windows_that_see_them(self, case, data):
        windows = windows_of(case)
        rows = data.draw(slices(case.x.shape[2]))
        tile = tiles.of_rows(slice(0, len(case.x)), rows, case.x.shape[3], windows)
        ones = np.ones((*case.x.shape[:2], *windows.places, *windows.size))
        whole = plain.add_up(ones, case.x.shape[2:], windows)
        part = plain.add_up(tile.of_output(ones), tile.of_images(whole).shape[2:], tile.windows)
        assert np.array_equal(part, tile.of_images(whole))
