"""Calls of dense layers and of normalizations."""

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.strategies.arguments import Shape, flags, floating, maker, one_word, pixels, real_floating
from scratchcnn.gradcheck.strategies.arrays import arrays
from scratchcnn.gradcheck.strategies.choices import composite
from scratchcnn.gradcheck.strategies.windows import Entries, biases

Kind = Literal["batch", "layer", "instance", "group"]

# What is added to a variance: the usual numbers, and one that cannot be overlooked.
EPSILONS = (1e-5, 1e-3, 0.1)
# Of fewer numbers every normalized value is 1, -1 or 0, whatever the numbers are: there is no gradient to check.
FEWEST_AVERAGED = 3


@dataclass(frozen=True, eq=False)
class Dense:
    """A call of a dense layer: (N, M) samples `x`, an (M, K) `weight`, and a (K,) `bias`, or None."""

    x: Array
    weight: Array
    bias: Array | None

    @property
    def inputs(self) -> tuple[Array, ...]:
        """What is differentiated: the samples, the weight, and the bias where there is one."""
        return (self.x, self.weight) if self.bias is None else (self.x, self.weight, self.bias)

    @property
    def options(self) -> dict[str, Any]:
        """The keywords of both functions: none."""
        return {}


def dense_layers(
    *,
    dtype: DTypeLike = np.float64,
    bias: bool | SearchStrategy[bool] | None = None,
    largest: int = 4,
    entries: Entries = arrays,
) -> SearchStrategy[Dense]:
    """Calls of a dense layer. They shrink to one sample, one feature and one neuron.

    Parameters
    ----------
    dtype
        That of all arrays.
    bias
        Whether there is one, zeros or others: True, False or a strategy. Default: either.
    largest
        How many samples, features and neurons there are at most.
    entries
        Makes arrays: `entries(shape, dtype=dtype)` is a strategy.

    Returns
    -------
    SearchStrategy
        Of `Dense`.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type.
    """
    kind = floating(dtype)
    return _dense_layers(
        flags("bias", bias),
        pixels("largest", largest),
        maker(entries, kind),
    )


@composite
def _dense_layers(draw: DrawFn, bias: SearchStrategy[bool], largest: int, entries: Entries) -> Dense:
    samples, features, neurons = (draw(st.integers(1, largest)) for _ in range(3))
    x, weight = draw(entries((samples, features))), draw(entries((features, neurons)))
    return Dense(x, weight, draw(biases(neurons, entries)) if draw(bias) else None)


@dataclass(frozen=True, eq=False)
class Normalization:
    """A call of a normalization: `scale * (x - mean) / sqrt(variance + eps) + shift`.

    Attributes
    ----------
    x
        (N, C) or (N, C, H, W); of a layer normalization (N, F) or (N, T, F).
    scale, shift
        (C,), or (F,) of a layer normalization.
    eps
        What is added to the variance.
    groups
        How many groups the channels are divided into, of a group normalization; else None.
    axes
        The axes that are averaged over; of a group normalization those of (N, groups, C / groups, H, W).
    """

    x: Array
    scale: Array
    shift: Array
    eps: float
    groups: int | None
    axes: tuple[int, ...]

    @property
    def inputs(self) -> tuple[Array, ...]:
        """What is differentiated."""
        return self.x, self.scale, self.shift

    @property
    def options(self) -> dict[str, Any]:
        """`eps`, and `groups` of a group normalization."""
        return {"eps": self.eps} if self.groups is None else {"eps": self.eps, "groups": self.groups}


def normalizations(
    kind: Kind = "batch", *, dtype: DTypeLike = np.float64, largest: int = 3, entries: Entries = arrays
) -> SearchStrategy[Normalization]:
    """Calls of a normalization, over three numbers at least; scales of 1 and others, shifts of 0 and others.

    Parameters
    ----------
    kind
        What is averaged over: "batch" (all axes but that of the channels), "layer" (the last axis), "instance" (the
        pixels of a channel), "group" (the pixels of some channels).
    dtype
        That of all arrays.
    largest
        How many samples, channels and pixels along a side there are at most, if that makes three numbers.
    entries
        Makes arrays: `entries(shape, dtype=dtype)` is a strategy.

    Returns
    -------
    SearchStrategy
        Of `Normalization`.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type, or `kind` is unknown.
    """
    precision = real_floating(dtype)
    return _normalizations(
        one_word("kind", kind, get_args(Kind)),
        pixels("largest", largest),
        maker(entries, precision),
    )


@composite
def _normalizations(draw: DrawFn, kind: str, largest: int, entries: Entries) -> Normalization:
    shape, axes, groups = draw(_averages(kind, largest))
    features = shape[-1] if kind == "layer" else shape[1]
    scale, ones = draw(entries((features,))), not draw(st.booleans())
    return Normalization(
        draw(entries(shape)),
        np.ones_like(scale) if ones else scale,
        draw(biases(features, entries)),
        draw(st.sampled_from(EPSILONS)),
        groups,
        axes,
    )


@composite
def _averages(draw: DrawFn, kind: str, largest: int) -> tuple[Shape, tuple[int, ...], int | None]:
    """The shape of x, the axes that are averaged over, and how many groups there are."""
    few = draw(st.sampled_from([True, False])) if kind in ("batch", "layer") else False
    samples, channels, height, width = (draw(st.integers(1, largest)) for _ in range(4))
    if kind == "layer":
        features = max(width, FEWEST_AVERAGED)
        return ((samples, features), (1,), None) if few else ((samples, height, features), (2,), None)
    if few:
        return (max(samples, FEWEST_AVERAGED), channels), (0,), None
    groups, together = None, {"batch": samples}.get(kind, 1)
    if kind == "group":
        groups = draw(st.sampled_from([n for n in range(1, channels + 1) if channels % n == 0]))
        together = channels // groups
    if together * height * width < FEWEST_AVERAGED:
        width = FEWEST_AVERAGED
    axes = {"batch": (0, 2, 3), "instance": (2, 3), "group": (2, 3, 4)}[kind]
    return (samples, channels, height, width), axes, groups
