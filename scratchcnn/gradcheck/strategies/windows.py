"""Calls of layers that move a window over images: convolution and pooling, with every form of their options.

What is drawn has windows that overlap or leave gaps, pixels that no window reaches, images that are not square, and
padding that differs from side to side: where a wrong gradient differs from the right one.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.strategies.arguments import (
    Pair,
    each_of,
    flags,
    floating,
    maker,
    padding_of,
    pixels,
    steps_of,
    words_of,
)
from scratchcnn.gradcheck.strategies.arrays import arrays
from scratchcnn.gradcheck.strategies.choices import composite

Edges = tuple[Pair, Pair]
# Makes the entries of an array: it is given the shape, and the dtype by its name.
Entries = Callable[..., SearchStrategy[Array]]

FORMS = ("valid", "same", "number", "pair", "pairs")


def pair(value: Any) -> Pair:
    """A number for both axes, or one for each, as (vertical, horizontal)."""
    return value if isinstance(value, tuple) else (value, value)


def same_edges(length: int, window: int, step: int) -> Pair:
    """The padding "same" of one axis, by TensorFlow's rule: there are ⌈length / step⌉ places.

    Source: the documentation of `tf.nn.convolution`.
    """
    missing = max(window - (length % step or step), 0)
    return missing // 2, missing - missing // 2


def edges_of(padding: Any, lengths: Sequence[int], windows: Sequence[int], steps: Sequence[int]) -> Edges:
    """A padding of any form as ((top, bottom), (left, right))."""
    if padding == "same":
        top, left = (same_edges(*each) for each in zip(lengths, windows, steps, strict=True))
        return top, left
    vertical, horizontal = pair(0 if padding == "valid" else padding)
    return pair(vertical), pair(horizontal)


def strides(largest: int = 3) -> SearchStrategy[int | Pair]:
    """A stride, from 1 to `largest`, or one for each axis."""
    return _numbers(1, pixels("largest", largest))


def dilations(largest: int = 2) -> SearchStrategy[int | Pair]:
    """A dilation, from 1 to `largest`, or one for each axis."""
    return _numbers(1, pixels("largest", largest))


def paddings(largest: int = 2, forms: Iterable[str] = FORMS) -> SearchStrategy[Any]:
    """A padding of up to `largest` pixels.

    Parameters
    ----------
    largest
        How many pixels a side has at most.
    forms
        Which of these occur: "valid", "same", "number", "pair" (one for each axis), "pairs" (one for each side).

    Raises
    ------
    TypeError, ValueError
        A form is unknown, or `largest` is no integer from 0 on.
    """
    edge = st.integers(0, pixels("largest", largest, 0))
    both = st.tuples(edge, edge)
    known = {"valid": st.just("valid"), "same": st.just("same"), "number": edge, "pair": both}
    known["pairs"] = st.tuples(both, both)
    return st.one_of([known[form] for form in words_of("forms", forms, FORMS)])


@dataclass(frozen=True, eq=False)
class Convolution:
    """A call of a convolution.

    Attributes
    ----------
    x, filters
        (N, C, H, W) images and (K, C, R, S) filters.
    bias
        (K,), or None where there is none.
    stride, padding
        The options, in the form that was drawn.
    dilation
        The distance of the pixels that a filter looks at; None where none was asked for.
    """

    x: Array
    filters: Array
    bias: Array | None
    stride: Any
    padding: Any
    dilation: Any = None

    @property
    def inputs(self) -> tuple[Array, ...]:
        """What is differentiated: the images, the filters, and the bias where there is one."""
        return (self.x, self.filters) if self.bias is None else (self.x, self.filters, self.bias)

    @property
    def options(self) -> dict[str, Any]:
        """`stride`, `padding`, and `dilation` where it was asked for."""
        options = {"stride": self.stride, "padding": self.padding}
        return options if self.dilation is None else {**options, "dilation": self.dilation}

    @property
    def steps(self) -> Pair:
        """The stride along each axis."""
        return pair(self.stride)

    @property
    def windows(self) -> Pair:
        """How many pixels a filter spans along each axis, with those that it leaves out."""
        return _spans(self.filters.shape[2:], self.dilation)

    @property
    def edges(self) -> Edges:
        """The padding as ((top, bottom), (left, right))."""
        return edges_of(self.padding, self.x.shape[2:], self.windows, self.steps)

    @property
    def places(self) -> Pair:
        """(P, Q): at how many places a filter stands along each axis."""
        return _places(self.x.shape[2:], self.windows, self.steps, self.edges)


def convolutions(
    *,
    dtype: DTypeLike = np.float64,
    stride: Any = None,
    padding: Any = None,
    dilation: Any = None,
    bias: bool | SearchStrategy[bool] | None = None,
    largest: int = 3,
    entries: Entries = arrays,
) -> SearchStrategy[Convolution]:
    """Calls of a convolution, on images of any shape that the filters fit into.

    They shrink to one image of one channel and one filter, of one pixel each, without options.

    Parameters
    ----------
    dtype
        That of all arrays.
    stride, padding, dilation
        Strategies, or the only value. Default: every form of a stride and a padding (`strides()`, `paddings()`), and
        no dilation, which few convolutions have (`dilations()`).
    bias
        Whether there is one, zeros or others: True, False or a strategy. Default: either.
    largest
        How many images, channels and filters there are at most, and pixels along each side of a filter; and how many
        pixels an image has along an axis besides the least that a filter needs.
    entries
        Makes arrays: `entries(shape, dtype=dtype)` is a strategy, as `functools.partial(arrays, degree=1)` does.

    Returns
    -------
    SearchStrategy
        Of `Convolution`.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type.
    """
    kind = floating(dtype)
    return _convolutions(
        strides() if stride is None else each_of("stride", stride, steps_of),
        paddings() if padding is None else each_of("padding", padding, padding_of),
        st.none() if dilation is None else each_of("dilation", dilation, steps_of),
        flags("bias", bias),
        pixels("largest", largest),
        maker(entries, kind),
    )


@composite
def _convolutions(
    draw: DrawFn,
    stride: SearchStrategy[Any],
    padding: SearchStrategy[Any],
    dilation: SearchStrategy[Any],
    bias: SearchStrategy[bool],
    largest: int,
    entries: Entries,
) -> Convolution:
    options = draw(stride), draw(padding), draw(dilation)
    images, channels, filters = (draw(st.integers(1, largest)) for _ in range(3))
    window, more = _axes(draw, (0, 0), largest)
    size = _size(options[1], _spans(window, options[2]), more)
    return Convolution(
        draw(entries((images, channels, *size))),
        draw(entries((filters, channels, *window))),
        draw(biases(filters, entries)) if draw(bias) else None,
        *options,
    )


@composite
def biases(draw: DrawFn, count: int, entries: Entries) -> Array:
    """(count,) zeros, as biases are at first, or others."""
    values = draw(entries((count,)))
    return values if draw(st.booleans()) else np.zeros_like(values)


@dataclass(frozen=True, eq=False)
class Pooling:
    """A call of a pooling.

    Attributes
    ----------
    x
        (N, C, H, W) images.
    window
        How many pixels it has along each axis.
    stride, padding
        The options, in the form that was drawn; a stride of None is the window.
    """

    x: Array
    window: Pair
    stride: Any
    padding: Any

    @property
    def inputs(self) -> tuple[Array, ...]:
        """What is differentiated: the images."""
        return (self.x,)

    @property
    def options(self) -> dict[str, Any]:
        """`window`, `stride` and `padding`."""
        return {"window": self.window, "stride": self.stride, "padding": self.padding}

    @property
    def steps(self) -> Pair:
        """The stride along each axis."""
        return self.window if self.stride is None else pair(self.stride)

    @property
    def edges(self) -> Edges:
        """The padding as ((top, bottom), (left, right))."""
        return edges_of(self.padding, self.x.shape[2:], self.window, self.steps)

    @property
    def places(self) -> Pair:
        """(P, Q): at how many places the window stands along each axis."""
        return _places(self.x.shape[2:], self.window, self.steps, self.edges)


def poolings(
    *,
    dtype: DTypeLike = np.float64,
    stride: Any = None,
    padding: Any = None,
    largest: int = 3,
    entries: Entries = arrays,
) -> SearchStrategy[Pooling]:
    """Calls of a pooling, on images of any shape that the window fits into. The padding is narrower than the window.

    They shrink to one image of one channel and one pixel.

    Parameters
    ----------
    dtype
        That of the images.
    stride, padding
        Strategies, or the only value. Default: every form, and a stride of None, which is that of the window.
    largest
        How many images and channels there are at most; how many pixels a window has along an axis, if the padding is
        narrower than that; and an image besides the least that a window needs.
    entries
        Makes the images: `entries(shape, dtype=dtype)` is a strategy. `functools.partial(arrays, distinct=False)` makes
        ties.

    Returns
    -------
    SearchStrategy
        Of `Pooling`.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type.
    """
    kind = floating(dtype)
    most = pixels("largest", largest)
    return _poolings(
        st.none() | strides(most + 1) if stride is None else each_of("stride", stride, steps_of),
        paddings() if padding is None else each_of("padding", padding, padding_of),
        most,
        maker(entries, kind),
    )


@composite
def _poolings(
    draw: DrawFn, stride: SearchStrategy[Any], padding: SearchStrategy[Any], largest: int, entries: Entries
) -> Pooling:
    step, frame = draw(stride), draw(padding)
    images, channels = draw(st.integers(1, largest)), draw(st.integers(1, largest))
    vertical, horizontal = ((0, 0), (0, 0)) if frame == "same" else edges_of(frame, (), (), ())
    window, more = _axes(draw, (max(vertical), max(horizontal)), largest)
    return Pooling(draw(entries((images, channels, *_size(frame, window, more)))), window, step, frame)


def _numbers(least: int, most: int) -> SearchStrategy[int | Pair]:
    """A number, or one for each axis."""
    number = st.integers(least, most)
    return number | st.tuples(number, number)


def _spans(window: Sequence[int], dilation: Any) -> Pair:
    """How many pixels a window spans along each axis: a dilation of 2 leaves out every other pixel."""
    vertical, horizontal = (d * (side - 1) + 1 for side, d in zip(window, pair(dilation or 1), strict=True))
    return vertical, horizontal


def _axes(draw: DrawFn, widest: Pair, largest: int) -> tuple[Pair, Pair]:
    """A window wider than a padding, and how many pixels an image has besides.

    What belongs to an axis is drawn together: then Hypothesis tries to exchange the axes.
    """
    more = st.integers(0, largest)
    (r, h), (s, w) = (draw(st.tuples(st.integers(wide + 1, max(largest, wide + 1)), more)) for wide in widest)
    return (r, s), (h, w)


def _size(padding: Any, windows: Pair, more: Pair) -> Pair:
    """The size of an image that a window fits into."""
    if padding == "same":  # then any image will do
        return 1 + more[0], 1 + more[1]
    edges = edges_of(padding, (), (), ())
    vertical, horizontal = (max(w - sum(e), 1) + m for w, e, m in zip(windows, edges, more, strict=True))
    return vertical, horizontal


def _places(lengths: Sequence[int], windows: Pair, steps: Pair, edges: Edges) -> Pair:
    """At how many places a window stands along each axis: it begins at every step where it still fits."""
    p, q = (
        len(range(-before, length + after - window + 1, step))
        for length, window, step, (before, after) in zip(lengths, windows, steps, edges, strict=True)
    )
    return p, q
