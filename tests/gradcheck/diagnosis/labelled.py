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
    """The operation with another backward; `kinds` are separated by spaces.

    The mistake shows the options of the forward, bound with `partial` where they are there, and nothing else: what
    backward was bound with to make it wrong would tell what is wrong.
    """

    def wrong(g, *inputs, **options):
        return backward(g, *inputs, **options)

    options = right.forward.keywords if isinstance(right.forward, partial) else {}
    pair = right.forward, partial(wrong, **options) if options else wrong
    return remembering(right, kinds, what, lambda: pair, draw=draw)


def changed(
    right: Operation, kinds: str, what: str, index: int, change: Callable[..., Any], *, draw: Draw | None = None
) -> Labelled:
    """The operation with the gradient `d` of one input replaced by `change(d, grad_output, *inputs)`."""

    def backward(g, *inputs, **options):
        gradients = list(right.backward(g, *inputs, **options))
        gradients[index] = change(gradients[index], g, *inputs)
        return tuple(gradients)

    return instead(right, kinds, what, backward, draw=draw)


def remembering(
    right: Operation, kinds: str, what: str, pair: Callable[[], Pair], *, draw: Draw | None = None
) -> Labelled:
    """The operation with a pair that is made anew for each check."""
    return Labelled(f"{right.name}: {what}", tuple(kinds.split()), right, pair, draw or right.draw)
