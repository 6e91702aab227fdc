"""What the lowerings stand on: shares of the work, the workspace, and tiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from scratchcnn import conv2d, conv2d_backward
from scratchcnn.operations.convolution.machinery import tiles, workspace
from scratchcnn.operations.convolution.machinery.tiles import Lowering
from scratchcnn.operations.convolution.machinery.workspace import Workspace
from scratchcnn.operations.convolution.patches import add_up, cut_out
from scratchcnn.operations.geometry import place_windows
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
    @pytest.mark.parametrize("by_pixels", [False, True], ids=["by places", "by pixels"])
    @pytest.mark.parametrize("innermost", [False, True], ids=["one by one", "innermost"])
    @given(convolutions(largest=40), st.integers(1, 300), st.integers(1, 40), st.integers(1, 5))
    def test_cut_covers_everything_once(self, by_pixels, innermost, case, numbers, images, most):
        windows = windows_of(case)
        lowering = Lowering("", print, lambda *_: numbers, suits_innermost=lambda *_: innermost, by_pixels=by_pixels)
        size = case.x.shape[2:] if by_pixels else windows.places
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tiles, "BYTES", 10_000)
            shares = tiles.cut(
                lowering, (images, *case.x.shape[1:]), case.filters.shape, windows, np.dtype(np.float32), most
            )
        seen = np.zeros((images, *size), int)
        for tile in (tile for share in shares for tile in share):
            seen[tile.images][:, *(tile.pixels if by_pixels else tile.places)] += 1
        assert (seen == 1).all()
        assert len(shares) >= min(most, images)

    def test_the_buffer_of_a_tile_is_bounded_for_wide_images_and_large_filters(self):
        windows = place_windows((30, 20_000), (11, 11), 1, 0)
        lowering = Lowering("", print, lambda filters, _: filters[1] * 11)
        ((*parts,),) = tiles.cut(lowering, (2, 64, 30, 20_000), (1, 64, 11, 11), windows, np.dtype(np.float64), 1)
        heights = [tile.pixels[0].stop - tile.pixels[0].start for tile in parts]
        widths = [tile.places[1].stop - tile.places[1].start for tile in parts]
        assert max(np.multiply(heights, widths)) * 64 * 11 * 8 <= 3 * tiles.BYTES

    @given(convolutions(largest=9), st.data())
    def test_a_tile_is_a_convolution_of_its_places(self, case, data):
        windows = windows_of(case)
        places = tuple(data.draw(slices(count)) for count in windows.places)
        tile = tiles._of_places(slice(0, len(case.x)), places, case.x.shape[2:], windows, False)
        part = cut_out(tile.of_images(case.x), tile.windows)
        assert np.array_equal(part, cut_out(case.x, windows)[:, :, places[0], places[1]])

    @given(convolutions(largest=9), st.data())
    def test_a_tile_of_rows_has_all_windows_that_see_them(self, case, data):
        windows = windows_of(case)
        rows = data.draw(slices(case.x.shape[2]))
        tile = tiles._of_pixels(slice(0, len(case.x)), rows, case.x.shape[3], windows, False)
        ones = np.ones((*case.x.shape[:2], *windows.places, *windows.size))
        whole = add_up(ones, case.x.shape[2:], windows)
        part = add_up(tile.of_output(ones), tile.of_images(whole).shape[2:], tile.windows)
        assert np.array_equal(part, tile.of_images(whole))

    @pytest.mark.parametrize("rows", [slice(0, 1), slice(2, 3), slice(5, 6), slice(8, 9), slice(5, 9)])
    def test_rows_between_windows_and_after_the_last_have_none_that_adds_anything(self, rows):
        """Windows of two rows at a stride of three see neither row 2 nor 5 nor 8."""
        windows = place_windows((9, 40), (2, 3), (3, 1), 0)
        tile = tiles._of_pixels(slice(0, 1), rows, 40, windows, False)
        ones = np.ones((1, 1, *windows.places, *windows.size))
        whole = add_up(ones, (9, 40), windows)
        part = add_up(tile.of_output(ones), tile.of_images(whole).shape[2:], tile.windows)
        assert np.array_equal(part, tile.of_images(whole))
