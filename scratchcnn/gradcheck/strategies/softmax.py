"""Calls of what a softmax is in: attention, and the losses of a classification."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.strategies.arguments import (
    each_of,
    flag,
    flags,
    maker,
    one_word,
    pixels,
    positive_or_none,
    real_floating,
)
from scratchcnn.gradcheck.strategies.arrays import arrays
from scratchcnn.gradcheck.strategies.choices import composite
from scratchcnn.gradcheck.strategies.structured import distributions, indices, masks, one_hot_labels
from scratchcnn.gradcheck.strategies.windows import Entries

Targets = Literal["indices", "one-hot", "distributions"]


def temperatures() -> SearchStrategy[float]:
    """What logits or scores are divided by: 1 and others."""
    return st.sampled_from([1.0, 2.0, 0.5, 3.0])


@dataclass(frozen=True, eq=False)
class Attention:
    """A call of an attention: `softmax(query keyᵀ / temperature, where the mask is True) value`.

    Attributes
    ----------
    query, key, value
        (N, T, D), (N, S, D) and (N, S, V); with an axis of heads after the first where there are heads.
    mask
        (T, S), True where a query sees a key, one at least; None where there is no mask.
    temperature
        None where none was asked for.
    """

    query: Array
    key: Array
    value: Array
    mask: Array | None
    temperature: float | None

    @property
    def inputs(self) -> tuple[Array, ...]:
        """What is differentiated."""
        return self.query, self.key, self.value

    @property
    def options(self) -> dict[str, Any]:
        """`mask`, None or not, and `temperature` where it was asked for."""
        return {"mask": self.mask} | ({} if self.temperature is None else {"temperature": self.temperature})


def attentions(
    *,
    dtype: DTypeLike = np.float64,
    heads: bool | SearchStrategy[bool] = False,
    mask: bool | SearchStrategy[bool] | None = None,
    temperature: Any = None,
    largest: int = 3,
    entries: Entries = arrays,
) -> SearchStrategy[Attention]:
    """Calls of an attention, with as many queries as keys and not, values as long as keys and not.

    Parameters
    ----------
    dtype
        That of all arrays.
    heads
        Whether there is an axis of heads, or a strategy.
    mask
        Whether there is a mask: True, False or a strategy. Default: either.
    temperature
        A strategy, such as `temperatures()`, or the only value. Default: the attention has no such option.
    largest
        The greatest length of an axis.
    entries
        Makes arrays: `entries(shape, dtype=dtype)` is a strategy.

    Returns
    -------
    SearchStrategy
        Of `Attention`.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type.
    """
    precision = real_floating(dtype)
    return _attentions(
        flags("heads", heads),
        flags("mask", mask),
        each_of("temperature", temperature, positive_or_none),
        pixels("largest", largest),
        maker(entries, precision),
    )


@composite
def _attentions(
    draw: DrawFn,
    heads: SearchStrategy[bool],
    mask: SearchStrategy[bool],
    temperature: SearchStrategy[Any],
    largest: int,
    entries: Entries,
) -> Attention:
    length = st.integers(1, largest)
    before = (draw(length), draw(length)) if draw(heads) else (draw(length),)
    queries, keys, features, values = (draw(length) for _ in range(4))
    return Attention(
        draw(entries((*before, queries, features))),
        draw(entries((*before, keys, features))),
        draw(entries((*before, keys, values))),
        draw(masks((queries, keys))) if draw(mask) else None,
        draw(temperature),
    )


@dataclass(frozen=True, eq=False)
class Classification:
    """A call of a loss that compares scores with what is true.

    Attributes
    ----------
    logits
        (N, K) scores.
    targets
        (N,) indices of classes, or (N, K) one-hot labels or distributions.
    weights
        (K,) positive weights of the classes, as of rare ones; None where none were asked for.
    temperature
        None where none was asked for.
    """

    logits: Array
    targets: Array
    weights: Array | None
    temperature: float | None

    @property
    def inputs(self) -> tuple[Array, ...]:
        """The logits, and the targets: only floating ones are differentiated."""
        return self.logits, self.targets

    @property
    def options(self) -> dict[str, Any]:
        """`weights` and `temperature`, where they were asked for."""
        options = {"weights": self.weights, "temperature": self.temperature}
        return {name: value for name, value in options.items() if value is not None}


def classifications(
    targets: Targets = "indices",
    *,
    dtype: DTypeLike = np.float64,
    weights: bool = False,
    temperature: Any = None,
    largest: int = 4,
    entries: Entries = arrays,
) -> SearchStrategy[Classification]:
    """Calls of a loss such as softmax with cross-entropy, of one sample and more, and two classes and more.

    Parameters
    ----------
    targets
        In which form the true classes are: "indices", "one-hot" or "distributions".
    dtype
        That of all arrays but indices.
    weights
        Whether the classes have weights, equal ones and others.
    temperature
        A strategy, such as `temperatures()`, or the only value. Default: the loss has no such option.
    largest
        How many samples there are at most, and classes, if that is more than one.
    entries
        Makes the logits: `entries(shape, dtype=dtype)` is a strategy.

    Returns
    -------
    SearchStrategy
        Of `Classification`.

    Raises
    ------
    TypeError, ValueError
        An argument is of the wrong type, or the form of the targets is unknown.
    """
    precision = real_floating(dtype)
    forms: dict[str, Callable[[int, int], SearchStrategy[Array]]] = {
        "indices": lambda samples, classes: indices(samples, classes),
        "one-hot": lambda *shape: one_hot_labels(shape, dtype=precision),
        "distributions": lambda *shape: distributions(shape, dtype=precision),
    }
    return _classifications(
        forms[one_word("targets", targets, forms)],
        flag("weights", weights),
        each_of("temperature", temperature, positive_or_none),
        pixels("largest", largest),
        maker(entries, precision),
    )


@composite
def _classifications(
    draw: DrawFn,
    targets: Callable[[int, int], SearchStrategy[Array]],
    weights: bool,
    temperature: SearchStrategy[Any],
    largest: int,
    entries: Entries,
) -> Classification:
    samples, classes = draw(st.integers(1, largest)), draw(st.integers(2, max(largest, 2)))
    logits = draw(entries((samples, classes)))
    of_classes = draw(_weights(classes, logits.dtype)) if weights else None
    return Classification(logits, draw(targets(samples, classes)), of_classes, draw(temperature))


@composite
def _weights(draw: DrawFn, classes: int, dtype: np.dtype[Any]) -> Array:
    """(classes,) ones, or other positive numbers."""
    weights: Array = np.abs(draw(arrays(classes, dtype=dtype)))
    return weights if draw(st.booleans()) else np.ones_like(weights)
