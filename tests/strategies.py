"""Hypothesis strategies for the property-based tests of the operations."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

# Integers as floats: sums of products are exact, so that results can be compared with ==.
INTEGERS = st.integers(-9, 9).map(float)
# Multiples of 1/512 from -4 to 4, of mixed sign. Every dtype from float16 up holds them exactly.
REALS = st.integers(-2048, 2048).map(lambda k: k / 512)

# The number of entries that Hypothesis draws one by one. Drawing all of a large array would take ten times as long.
DRAWN = 24


def values(shape: tuple[int, ...], elements: st.SearchStrategy[float] = REALS, dtype: Any = np.float64) -> Any:
    """Draw an array entry by entry, where Hypothesis would fill most of it with one repeated value.

    For an array of more than `DRAWN` entries, that many values are drawn, and a seed that spreads them over the array.
    """
    if math.prod(shape) <= DRAWN:
        return arrays(dtype, shape, elements=elements, fill=st.nothing())
    some, seeds = values((DRAWN,), elements, dtype), st.integers(0, 2**32 - 1)
    return st.builds(lambda drawn, seed: np.random.default_rng(seed).choice(drawn, shape), some, seeds)


def images(dtype: Any = np.float64) -> Any:
    """Draw images (N, C, H, W), 1 to 4 along each axis."""
    return st.tuples(*[st.integers(1, 4)] * 4).flatmap(lambda shape: values(shape, dtype=dtype))


@dataclass(frozen=True)
class Convolution:
    """A call of `conv2d`; `edges` is its padding as ((top, bottom), (left, right))."""

    x: np.ndarray
    filters: np.ndarray
    bias: np.ndarray | None
    stride: Any
    padding: Any
    edges: tuple[tuple[int, int], tuple[int, int]]

    @property
    def inputs(self) -> tuple[np.ndarray, ...]:
        return (self.x, self.filters) if self.bias is None else (self.x, self.filters, self.bias)

    @property
    def options(self) -> dict[str, Any]:
        return {"stride": self.stride, "padding": self.padding}

    @property
    def steps(self) -> tuple[int, int]:
        return self.stride if isinstance(self.stride, tuple) else (self.stride, self.stride)

    @property
    def places(self) -> tuple[int, int]:
        """(P, Q), by counting: a window begins at every stride-th pixel where it still fits."""
        padded = (self.x.shape[2] + sum(self.edges[0]), self.x.shape[3] + sum(self.edges[1]))
        return tuple(
            len(range(0, length - window + 1, step))
            for length, window, step in zip(padded, self.filters.shape[2:], self.steps, strict=True)
        )


def same_edges(length: int, window: int, step: int) -> tuple[int, int]:
    """Pad one axis by TensorFlow's rule, in the form of its documentation of `tf.nn.convolution` (with a remainder)."""
    missing = max(window - (length % step or step), 0)
    return missing // 2, missing - missing // 2


@st.composite
def convolutions(
    draw: st.DrawFn,
    elements: st.SearchStrategy[float] = REALS,
    dtype: Any = np.float64,
    bias: st.SearchStrategy[bool] | None = None,
    largest: int = 3,
) -> Convolution:
    """Draw calls of `conv2d` with every form of the options, on images of any shape that the filters fit into."""
    images, channels, count = (draw(st.integers(1, largest)) for _ in range(3))
    window = (draw(st.integers(1, largest)), draw(st.integers(1, largest)))
    step = st.integers(1, 3)
    stride = draw(step | st.tuples(step, step))
    steps = stride if isinstance(stride, tuple) else (stride, stride)
    extra = (draw(st.integers(0, largest)), draw(st.integers(0, largest)))

    edge = st.integers(0, 2)
    pair = st.tuples(edge, edge)
    padding = draw(st.sampled_from(["valid", "same"]) | edge | pair | st.tuples(pair, pair))
    if padding == "same":
        size = (1 + extra[0], 1 + extra[1])
        edges = tuple(same_edges(n, w, t) for n, w, t in zip(size, window, steps, strict=True))
    else:
        vertical, horizontal = padding if isinstance(padding, tuple) else (0 if padding == "valid" else padding,) * 2
        edges = tuple(e if isinstance(e, tuple) else (e, e) for e in (vertical, horizontal))
        size = tuple(max(w - sum(e), 1) + more for w, e, more in zip(window, edges, extra, strict=True))

    with_bias = draw(st.booleans() if bias is None else bias)
    return Convolution(
        x=draw(values((images, channels, *size), elements, dtype)),
        filters=draw(values((count, channels, *window), elements, dtype)),
        bias=draw(values((count,), elements, dtype)) if with_bias else None,
        stride=stride,
        padding=padding,
        edges=edges,
    )


@dataclass(frozen=True)
class Pooling:
    """A call of a pooling; `edges` is its padding as ((top, bottom), (left, right))."""

    x: np.ndarray
    window: tuple[int, int]
    stride: Any
    padding: Any
    edges: tuple[tuple[int, int], tuple[int, int]]

    @property
    def options(self) -> dict[str, Any]:
        return {"window": self.window, "stride": self.stride, "padding": self.padding}

    @property
    def steps(self) -> tuple[int, int]:
        if self.stride is None:
            return self.window
        return self.stride if isinstance(self.stride, tuple) else (self.stride, self.stride)

    def pixels(self) -> dict[tuple[int, int], list[tuple[int, int]]]:
        """The pixels (h, w) of each window (p, q), in row-major order."""
        begins = [
            range(-before, length + after - window + 1, step)
            for length, (before, after), window, step in zip(
                self.x.shape[2:], self.edges, self.window, self.steps, strict=True
            )
        ]
        return {
            (p, q): [
                (h, w)
                for h in range(top, top + self.window[0])
                for w in range(left, left + self.window[1])
                if 0 <= h < self.x.shape[2] and 0 <= w < self.x.shape[3]
            ]
            for p, top in enumerate(begins[0])
            for q, left in enumerate(begins[1])
        }


@st.composite
def poolings(
    draw: st.DrawFn,
    elements: st.SearchStrategy[float] = REALS,
    dtype: Any = np.float64,
    paddings: tuple[str, ...] = ("valid", "same", "number", "pair", "pairs"),
    largest: int = 3,
) -> Pooling:
    """Draw calls of `max_pool2d` and `avg_pool2d` with every form of the options, on images of any shape that fits."""
    window = (draw(st.integers(1, largest)), draw(st.integers(1, largest)))
    step = st.integers(1, largest + 1)
    stride = draw(st.none() | step | st.tuples(step, step))
    steps = window if stride is None else stride if isinstance(stride, tuple) else (stride, stride)
    padding = draw(st.sampled_from(paddings))
    if padding == "same":
        size = (draw(st.integers(1, 2 * largest)), draw(st.integers(1, 2 * largest)))
        edges = tuple(same_edges(n, w, t) for n, w, t in zip(size, window, steps, strict=True))
    else:
        edge = [st.integers(0, w - 1) for w in window]
        if padding == "valid":
            edges = ((0, 0), (0, 0))
        elif padding == "number":
            padding = draw(st.integers(0, min(window) - 1))
            edges = ((padding, padding), (padding, padding))
        elif padding == "pair":
            padding = (draw(edge[0]), draw(edge[1]))
            edges = tuple((e, e) for e in padding)
        else:
            padding = edges = tuple(draw(st.tuples(e, e)) for e in edge)
        size = tuple(max(w - sum(e), 1) + draw(st.integers(0, largest)) for w, e in zip(window, edges, strict=True))
    images, channels = draw(st.integers(1, 2)), draw(st.integers(1, 2))
    return Pooling(draw(values((images, channels, *size), elements, dtype)), window, stride, padding, edges)


@st.composite
def dense_inputs(
    draw: st.DrawFn, elements: st.SearchStrategy[float] = REALS, dtype: Any = np.float64
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Draw (x, weight, bias) for `dense`."""
    samples, features, neurons = (draw(st.integers(1, 5)) for _ in range(3))
    return tuple(draw(values(s, elements, dtype)) for s in ((samples, features), (features, neurons), (neurons,)))


def shapes(most: int = 3, longest: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw shapes of 0 to `most` axes, each of length 1 to `longest`."""
    return st.lists(st.integers(1, longest), max_size=most).map(tuple)
