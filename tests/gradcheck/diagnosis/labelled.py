"""A labelled mistake: a right pair, a wrong backward in its place, and the kinds that name what was done to it."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from tests.gradcheck.draws import Draw
from tests.gradcheck.operations import Operation

Pair = tuple[Callable[..., Any], Callable[..., Any]]


@dataclass(frozen=True)
class Labelled:
    """A wrong backward for a right forward; several `kinds` where each of them names it justly.

    `pair` makes both functions anew, since some remember what they were given.
    """

    name: str
    kinds: tuple[str, ...]
    right: Operation
    pair: Callable[[], Pair]
    draw: Draw


def instead(
    right: Operation, kinds: str, what: str, backward: Callable[..., Any], *, draw: Draw | None = None
) -> Labelled:
    """The operation with another backward; `kinds` are separated by spaces."""
    return remembering(right, kinds, what, lambda: (right.forward, backward), draw=draw)


def changed(
    right: Operation, kinds: str, what: str, index: int, change: Callable[..., Any], *, draw: Draw | None = None
) -> Labelled:
    """The operation with the gradient `d` of one input replaced by `change(d, grad_output, *inputs)`.

    Options stay where the operation has them: a `partial` of the backward becomes a `partial` with the same keywords.
    """
    backward, options = right.backward, {}
    if isinstance(backward, partial):
        backward, options = backward.func, backward.keywords

    def wrong(g, *inputs, **options):
        gradients = list(backward(g, *inputs, **options))
        gradients[index] = change(gradients[index], g, *inputs)
        return tuple(gradients)

    return instead(right, kinds, what, partial(wrong, **options) if options else wrong, draw=draw)


def remembering(
    right: Operation, kinds: str, what: str, pair: Callable[[], Pair], *, draw: Draw | None = None
) -> Labelled:
    """The operation with a pair that is made anew for each check."""
    return Labelled(f"{right.name}: {what}", tuple(kinds.split()), right, pair, draw or right.draw)
