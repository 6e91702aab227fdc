"""Every lowering against the plain form: exactly on integers, and within its own bound elsewhere."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.operations import threads
from scratchcnn.operations.convolution import fast, rule
from scratchcnn.operations.convolution.conv2d import convolve, convolve_grad_filters, convolve_grad_input
from scratchcnn.operations.convolution.lowerings import columns, flat, rows, scatter, winograd
from scratchcnn.operations.convolution.machinery import layout, tiles
from scratchcnn.operations.convolution.machinery.tiles import Tile
from scratchcnn.operations.convolution.machinery.workspace import Workspace
from scratchcnn.operations.geometry import place_windows
from tests.assertions import assert_within, gamma
from tests.strategies import INTEGERS, REALS, convolutions, values


def windows_of(case):
    return place_windows(case.x.shape[2:], case.filters.shape[2:], case.stride, case.padding)


@st.composite
def taps(draw, elements=INTEGERS, dtype=np.float64, taps=3):
    """Images, filters with so many rows (and columns, if there is one row), ∂E/∂Z and the windows, at stride 1."""
    images, channels, count = (draw(st.integers(1, 4)) for _ in range(3))
    window = (taps, 1 if taps == 1 else draw(st.integers(1, 3)))
    padding = 0 if taps == 1 else draw(st.integers(0, 2))
    size = (taps + draw(st.integers(0, 9)), window[1] + draw(st.integers(0, 9)))
    windows = place_windows(size, window, 1, padding)
    shapes = (images, channels, *size), (count, channels, *window), (images, count, *windows.places)
    return *(draw(values(shape, elements, dtype)) for shape in shapes), windows


def run(lowering, x, z, weights, windows, innermost=False):
    """Do all of a pass as one tile."""
    everything = slice(None), (slice(None), slice(None)), (slice(None), slice(None))
    with Workspace(x.dtype) as space:
        return lowering.run(x, z, weights, Tile(*everything, windows, innermost), space)


def forward_by(lowering, x, filters, windows, innermost=False):
    output = np.full((len(x), len(filters), *windows.places), np.nan, x.dtype)
    run(lowering, x, output, lowering.weights(filters, windows), windows, innermost)
    return output


def in_place(innermost):
    return pytest.mark.parametrize("innermost", innermost, ids=lambda value: "innermost" if value else "one by one")


class TestForward:
    @in_place([False, True])
    @given(case=convolutions(INTEGERS, largest=5))
    def test_rows(self, innermost, case):
        windows = windows_of(case)
        output = forward_by(rows.FORWARD, case.x, case.filters, windows, innermost)
        assert np.array_equal(output, convolve(case.x, case.filters, windows))

    @given(case=convolutions(INTEGERS, largest=5))
    def test_columns(self, case):
        windows = windows_of(case)
        output = forward_by(columns.FORWARD, case.x, case.filters, windows)
        assert np.array_equal(output, convolve(case.x, case.filters, windows))

    @given(taps(taps=1), st.integers(1, 3), st.integers(1, 3))
    def test_columns_of_one_pixel(self, case, down, across):
        x, filters, _, windows = case
        windows = place_windows(x.shape[2:], windows.size, (down, across), 0)
        assert np.array_equal(forward_by(columns.FORWARD, x, filters, windows), convolve(x, filters, windows))

    @in_place([False, True])
    @given(case=taps())
    def test_winograd(self, innermost, case):
        x, filters, _, windows = case
        output = forward_by(winograd.FORWARD, x, filters, windows, innermost)
        assert np.array_equal(output, convolve(x, filters, windows))

    @pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble])
    @given(data=st.data())
    def test_winograd_within_its_bound(self, dtype, data):
        x, filters, _, windows = data.draw(taps(REALS, dtype))
        output = forward_by(winograd.FORWARD, x, filters, windows)
        assert output.dtype == dtype
        exact = convolve(x.astype(np.longdouble), filters.astype(np.longdouble), windows)
        assert_within(output, exact.astype(dtype), winograd_bound(x, filters, windows, dtype))

    def test_winograd_is_the_transposed_interpolation(self):
        """Aᵀ [(G f) * (Bᵀ x)] is 24 times the convolution, for every unit vector: the matrices are right."""
        for f, x in np.ndindex(3, 6):
            product = (winograd.G @ np.eye(3)[f]) * (winograd.B_T @ np.eye(6)[x])
            assert (winograd.A_T @ product).tolist() == [24 * (x - output == f) for output in range(4)]


def winograd_bound(x, filters, windows, dtype):
    """|Aᵀ| [(|G| |f|) * (|Bᵀ| |x|)] / 24, times the roundings: Bᵀ x 4, G f 3, the sum C S + 1, Aᵀ 5, the division 1."""
    roundings = filters.shape[1] * filters.shape[3] + 14
    absolute = {name: np.abs(getattr(winograd, name)).astype(float) for name in ("A_T", "B_T", "G")}
    with pytest.MonkeyPatch.context() as patch:
        for name, matrix in absolute.items():
            patch.setattr(winograd, name, matrix)
        size = forward_by(winograd.FORWARD, np.abs(x, dtype=np.float64), np.abs(filters, dtype=np.float64), windows)
    return gamma(roundings, dtype) * size


class TestGradFilters:
    @pytest.mark.parametrize(
        "by", [columns.GRAD_FILTERS, flat.CHANNELS_FIRST, flat.CHANNELS_LAST], ids=lambda by: by.name
    )
    @pytest.mark.parametrize("small_image", [0, 200])
    @given(case=convolutions(INTEGERS, largest=5), data=st.data())
    def test_by(self, by, small_image, case, data):
        windows = windows_of(case)
        g = data.draw(values((len(case.x), len(case.filters), *windows.places), INTEGERS))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(flat, "SMALL_IMAGE", small_image)
            assert np.array_equal(run(by, case.x, g, None, windows), convolve_grad_filters(g, case.x, windows))

    @given(taps(taps=1), st.integers(1, 3), st.integers(1, 3), st.data())
    def test_columns_of_one_pixel(self, case, down, across, data):
        x, filters, _, windows = case
        windows = place_windows(x.shape[2:], windows.size, (down, across), 0)
        g = data.draw(values((len(x), len(filters), *windows.places), INTEGERS))
        assert np.array_equal(run(columns.GRAD_FILTERS, x, g, None, windows), convolve_grad_filters(g, x, windows))

    @given(case=taps())
    def test_winograd(self, case):
        x, _, g, windows = case
        assert np.array_equal(run(winograd.GRAD_FILTERS, x, g, None, windows), convolve_grad_filters(g, x, windows))

    @pytest.mark.parametrize("by", [flat.CHANNELS_FIRST, flat.CHANNELS_LAST], ids=lambda by: by.name)
    @pytest.mark.parametrize("terms", [1, 10_000], ids=["in parts", "of few images at a time"])
    def test_a_long_sum(self, by, terms, monkeypatch):
        rng = np.random.default_rng(0)
        x, g = rng.integers(-9, 10, (5, 3, 40, 30)).astype(float), rng.integers(-9, 10, (5, 4, 38, 28)).astype(float)
        windows = place_windows((40, 30), 3, 1, 0)
        monkeypatch.setattr(layout, "SMALL_PRODUCT", 100 * 3 * 3 * 4)
        for name in "LONG_SUM", "LONG_SUM_ACROSS":
            monkeypatch.setattr(layout, name, terms)
        assert np.array_equal(run(by, x, g, None, windows), convolve_grad_filters(g, x, windows))


class TestGradInput:
    @in_place([False, True])
    @given(case=convolutions(INTEGERS, largest=5), data=st.data())
    def test_scatter(self, innermost, case, data):
        windows = windows_of(case)
        g = data.draw(values((len(case.x), len(case.filters), *windows.places), INTEGERS))
        grad_x = np.full(case.x.shape, np.nan)
        run(scatter.GRAD_INPUT, grad_x, g, scatter.weights(case.filters, windows), windows, innermost)
        assert np.array_equal(grad_x, convolve_grad_input(g, case.filters, case.x.shape[2:], windows))

    @given(case=taps())
    def test_the_full_convolution(self, case):
        x, filters, g, windows = case
        turned = filters[:, :, ::-1, ::-1].transpose(1, 0, 2, 3)
        if max(*windows.padding[0]) < windows.size[0] and max(*windows.padding[1]) < windows.size[1]:
            full = rule.full_convolution(x.shape, filters.shape, windows)
            assert full is not None  # it is small
            assert np.array_equal(convolve(g, turned, full), convolve_grad_input(g, filters, x.shape[2:], windows))


@pytest.mark.parametrize("stride", [(2, 2), (1, 3), (3, 1)])
def test_the_derivative_by_images_of_which_a_filter_of_one_pixel_sees_some(stride):
    rng = np.random.default_rng(0)
    filters, windows = rng.integers(-9, 10, (5, 4, 1, 1)).astype(float), place_windows((7, 8), (1, 1), stride, 0)
    g = rng.integers(-9, 10, (3, 5, *windows.places)).astype(float)
    found = fast.grad_input(g, filters, (7, 8), windows)
    assert np.array_equal(found, convolve_grad_input(g, filters, (7, 8), windows))


@pytest.fixture(params=[0, 40_000], ids=["by the large ones", "by columns"])
def in_small_tiles(request, monkeypatch):
    """Tiles of a few rows and columns, in three threads, and products cut into small ones."""
    monkeypatch.setattr(layout, "SMALL_PRODUCT", 20)
    monkeypatch.setattr(rule, "SMALL", request.param)
    monkeypatch.setattr(rule, "PLACES_A_FILTER", 0)
    monkeypatch.setattr(tiles, "LINE", 16)
    monkeypatch.setattr(tiles, "BYTES", 600)
    monkeypatch.setattr(fast, "PARALLEL", 0)
    monkeypatch.setattr(threads, "allowed", lambda: 3)
    forget()
    yield
    forget()


def forget():
    """Forget what was found once, with other thresholds."""
    fast._plan.cache_clear()
    rule.full_convolution.cache_clear()


@pytest.mark.usefixtures("in_small_tiles")
class TestInTiles:
    @given(case=convolutions(INTEGERS, largest=9), data=st.data())
    def test_all_three(self, case, data):
        self.compare(case.x, case.filters, windows_of(case), data)

    @given(case=taps(), data=st.data())
    def test_winograd(self, case, data):
        x, filters, _, windows = case
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(rule, "for_forward", lambda *_: winograd.FORWARD)
            patch.setattr(rule, "for_grad_filters", lambda *_: winograd.GRAD_FILTERS)
            self.compare(x, filters, windows, data)

    @staticmethod
    def compare(x, filters, windows, data):
        g = data.draw(values((len(x), len(filters), *windows.places), INTEGERS))
        image = x.shape[2:]
        assert np.array_equal(fast.forward(x, filters, windows), convolve(x, filters, windows))
        assert np.array_equal(fast.grad_filters(g, x, windows), convolve_grad_filters(g, x, windows))
        assert np.array_equal(
            fast.grad_input(g, filters, image, windows), convolve_grad_input(g, filters, image, windows)
        )


ONE, TWO, THREE, FIVE = (1, 1), (2, 2), (3, 3), (5, 5)


@pytest.mark.parametrize(
    ("x", "filters", "stride", "padding", "names"),
    [
        ((200, 1, 28, 28), (3, 1, *FIVE), 1, 0, ("rows", "flat, channels first", False)),
        ((1, 1, 28, 28), (3, 1, *FIVE), 1, 0, ("columns", "columns", True)),
        ((8, 64, 32, 32), (64, 64, *THREE), 1, 1, ("winograd", "winograd", True)),
        ((8, 256, 32, 32), (256, 256, *THREE), 1, 1, ("winograd", "winograd", True)),
        ((1, 256, 20, 20), (256, 256, *THREE), 1, 1, ("columns", "flat, channels last", True)),
        ((1, 96, 20, 20), (64, 96, *FIVE), 1, 2, ("rows", "flat, channels last", True)),
        ((8, 64, 32, 32), (64, 64, *THREE), 2, 1, ("rows", "flat, channels last", False)),
        ((8, 64, 32, 32), (8, 64, *THREE), 1, 1, ("rows", "flat, channels last", True)),
        ((8, 64, 32, 32), (64, 64, *ONE), 1, 0, ("columns", "columns", True)),
        ((8, 16, 48, 48), (16, 16, *THREE), 3, 0, ("columns", "flat, channels last", False)),
        ((8, 2, 48, 48), (16, 2, *THREE), 1, 0, ("rows", "columns", False)),
        ((8, 3, 90, 90), (48, 3, 7, 7), 1, 7, ("rows", "flat, channels last", False)),
        ((8, 8, 24, 24), (64, 8, *FIVE), 1, 2, ("rows", "flat, channels last", False)),
    ],
)
def test_the_rule(x, filters, stride, padding, names):
    windows = place_windows(x[2:], filters[2:], stride, padding)
    found = [choose(x, filters, windows, np.dtype("f4")).name for choose in (rule.for_forward, rule.for_grad_filters)]
    assert (*found, rule.full_convolution(x, filters, windows) is not None) == names


@pytest.mark.parametrize(
    ("tile", "filters", "stride", "dtype", "expected"),
    [
        ((50, 1, 28, 28), (3, 1, *FIVE), 1, "f4", True),  # rows of 24 fill no whole registers of float32,
        ((50, 1, 28, 28), (3, 1, *FIVE), 1, "f8", False),  # but of float64
        ((50, 1, 28, 28), (64, 1, *FIVE), 1, "f4", False),  # much to bring back, for few products
        ((4, 16, 34, 34), (32, 16, *THREE), 1, "f4", False),  # rows of 32 are long
        ((3, 6, 12, 12), (16, 6, *FIVE), 1, "f4", False),  # too few images
        ((32, 6, 12, 12), (16, 6, *FIVE), 1, "f4", True),
        ((32, 6, 12, 12), (64, 6, *FIVE), 1, "f4", True),  # rows of 8 are too short in any case
        ((32, 6, 40, 40), (16, 6, *FIVE), 2, "f4", True),
    ],
)
def test_where_images_go_innermost(tile, filters, stride, dtype, expected):
    windows = place_windows(tile[2:], filters[2:], stride, 0)
    assert rows.suits_innermost(tile[0], filters, windows, np.dtype(dtype)) == expected


@pytest.mark.parametrize(
    ("images", "width", "expected"),
    [(8, 28, True), (7, 28, False), (4, 27, True), (3, 27, False), (100, 64, False), (8, 36, False), (8, 35, True)],
)
def test_where_images_are_added_innermost(images, width, expected):
    windows = place_windows((width, width), 5, 1, 0)
    assert scatter.suits_innermost(images, (3, 1, 5, 5), windows, np.dtype("f4")) == expected


def test_float16_is_not_transformed():
    windows = place_windows((32, 32), 3, 1, 1)
    shapes = (8, 64, 32, 32), (64, 64, 3, 3)
    assert rule.for_forward(*shapes, windows, np.dtype(np.float16)) is rows.FORWARD


@pytest.mark.parametrize("count", [8, 64])  # for 8, ∂E/∂X is a full convolution
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.complex64, np.complex128, ">f8"])
def test_every_dtype_and_memory_order(dtype, count):
    rng = np.random.default_rng(0)
    shapes = (4, 16, 15, 17), (count, 16, 3, 3), (4, count, 13, 15)
    x, filters, g = (rng.integers(-9, 10, size=shape).astype(dtype) for shape in shapes)
    windows = place_windows(x.shape[2:], 3, 1, 0)
    expected = (
        convolve(x, filters, windows),
        convolve_grad_filters(g, x, windows),
        convolve_grad_input(g, filters, x.shape[2:], windows),
    )
    for order in (np.ascontiguousarray, np.asfortranarray, lambda a: a[::-1, :, ::-1].copy()[::-1, :, ::-1]):
        a, f, b = order(x), order(filters), order(g)
        results = (
            fast.forward(a, f, windows),
            fast.grad_filters(b, a, windows),
            fast.grad_input(b, f, x.shape[2:], windows),
        )
        for result, right in zip(results, expected, strict=True):
            assert result.dtype == right.dtype
            assert np.array_equal(result, right)


@pytest.mark.parametrize(
    ("one", "other", "both"),
    [("f4", "f8", "f8"), ("f8", "f4", "f8"), ("f8", "g", "g"), ("g", "f8", "g"), ("c8", "f8", "c16")],
)
def test_mixed_dtypes_have_all_digits_of_the_wider(one, other, both):
    number = 1 + np.finfo(other).eps
    ones, filters, windows = (
        np.ones((1, 1, 4, 4), one),
        np.full((1, 1, 1, 1), number, other),
        place_windows((4, 4), 1, 1, 0),
    )
    forward = fast.forward(ones, filters, windows)
    backward = fast.grad_filters(ones, np.full((1, 1, 4, 4), number, other), windows)
    assert forward.dtype == backward.dtype == both
    assert (forward == number).all()
    assert (backward / 16 == number).all()


@pytest.mark.parametrize(
    "shapes", [((0, 2, 5, 5), (3, 2, 2, 2)), ((2, 2, 0, 5), (3, 2, 2, 2)), ((2, 2, 0, 0), (3, 2, 1, 1))]
)
@pytest.mark.parametrize("stride", [1, 3])
def test_images_without_a_pixel(shapes, stride):
    x, filters = (np.ones(shape) for shape in shapes)
    windows = place_windows(x.shape[2:], filters.shape[2:], stride, 1)
    g = np.ones((len(x), len(filters), *windows.places))
    assert np.array_equal(fast.forward(x, filters, windows), convolve(x, filters, windows))
    assert np.array_equal(fast.grad_filters(g, x, windows), convolve_grad_filters(g, x, windows))
    assert fast.grad_input(g, filters, x.shape[2:], windows).shape == x.shape
