"""What the expressions of backward told when they were computed, and what may be made of their values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

# Of an expression in a loop, values that are kept at most.
MOST_ROUNDS = 64
# The name of the `Moment` among the variables that an edit is given.
MOMENT = "__moment__"
# What stands before the text of an expression of forward, in the name of all the values that it had in a loop.
EACH = "each "


@dataclass(frozen=True)
class Seen:
    """What an expression told when it was computed first.

    Attributes
    ----------
    value
        Its value.
    variables
        The values of the variables around it, by their names.
    depth
        How many calls lead to it.
    rounds
        Its values, one for each time that it was computed.
    earlier
        Of a variable, for each of these times: the values that it had before it was assigned anew.
    later
        Of a variable, for each of these times: the value that it is assigned next; None where there is none.
    objects
        Which objects the values were, by `id`.
    """

    value: Any
    variables: dict[str, Any]
    depth: int
    rounds: list[Any] = field(default_factory=list)
    earlier: list[tuple["Earlier", ...]] = field(default_factory=list)
    later: list[Any] = field(default_factory=list)
    objects: list[int] = field(default_factory=list)


class Earlier(NamedTuple):
    """A value that a variable had, and whether the one in its place was computed from it."""

    value: Any
    updated: bool


class Rounds(tuple[Any, ...]):
    """The values that an expression of forward had, one for each time that it was computed."""


class Moment(NamedTuple):
    """Which of the expressions that an edit changes is computed, how often it was before, and what all of them told."""

    number: int
    round: int
    seen: Mapping[int, Seen]


Edit = Callable[[Any, dict[str, Any]], Any]
"""From the value of an expression, and the variables around it, to the value in its place."""
