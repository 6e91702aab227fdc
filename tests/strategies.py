"""Hypothesis strategies for the property-based tests of the operations: the public ones, on entries of the tests' own.

The entries of the public strategies all differ. The operations have to be right at any, so that here they may be equal.
"""

import math
from functools import partial
from typing import Any

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as extra

from scratchcnn.gradcheck.strategies import Convolution, Pooling, dense_layers, paddings
from scratchcnn.gradcheck.strategies import convolutions as convolutions_of
from scratchcnn.gradcheck.strategies import poolings as poolings_of
from scratchcnn.gradcheck.strategies.windows import FORMS

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
        return extra.arrays(dtype, shape, elements=elements, fill=st.nothing())
    some, seeds = values((DRAWN,), elements, dtype), st.integers(0, 2**32 - 1)
    return st.builds(lambda drawn, seed: np.random.default_rng(seed).choice(drawn, shape), some, seeds)


def images(dtype: Any = np.float64) -> Any:
    """Draw images (N, C, H, W), 1 to 4 along each axis."""
    return extra.array_shapes(min_dims=4, max_dims=4, max_side=4).flatmap(partial(values, dtype=dtype))


def convolutions(
    elements: st.SearchStrategy[float] = REALS,
    dtype: Any = np.float64,
    bias: st.SearchStrategy[bool] | None = None,
    largest: int = 3,
) -> st.SearchStrategy[Convolution]:
    """Draw calls of `conv2d` with every form of the options, on images of any shape that the filters fit into."""
    return convolutions_of(dtype=dtype, bias=bias, largest=largest, entries=partial(values, elements=elements))


def poolings(
    elements: st.SearchStrategy[float] = REALS, dtype: Any = np.float64, forms: tuple[str, ...] = FORMS
) -> st.SearchStrategy[Pooling]:
    """Draw calls of `max_pool2d` and `avg_pool2d` with every form of the options, on images of any shape that fits."""
    return poolings_of(dtype=dtype, padding=paddings(forms=forms), entries=partial(values, elements=elements))


def pixels_of_windows(case: Pooling) -> dict[tuple[int, int], list[tuple[int, int]]]:
    """The pixels (h, w) of each window (p, q), in row-major order."""
    begins = [
        range(-before, length + after - window + 1, step)
        for length, (before, after), window, step in zip(
            case.x.shape[2:], case.edges, case.window, case.steps, strict=True
        )
    ]
    return {
        (p, q): [
            (h, w)
            for h in range(top, top + case.window[0])
            for w in range(left, left + case.window[1])
            if 0 <= h < case.x.shape[2] and 0 <= w < case.x.shape[3]
        ]
        for p, top in enumerate(begins[0])
        for q, left in enumerate(begins[1])
    }


def dense_inputs(elements: st.SearchStrategy[float] = REALS, dtype: Any = np.float64) -> Any:
    """Draw (x, weight, bias) for `dense`."""
    layers = dense_layers(dtype=dtype, bias=True, largest=5, entries=partial(values, elements=elements))
    return layers.map(lambda layer: layer.inputs)


def shapes(most: int = 3, longest: int = 4) -> st.SearchStrategy[tuple[int, ...]]:
    """Draw shapes of 0 to `most` axes, each of length 1 to `longest`."""
    return extra.array_shapes(min_dims=0, max_dims=most, max_side=longest)
