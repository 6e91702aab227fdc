"""A value of another round of a loop: the state that forward had then, one before an update, a buffer written anew."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import Change, is_array, is_value, made_by
from scratchcnn.gradcheck.diagnosis.edits.places import ASSIGNED, AUGMENTED, TERM
from scratchcnn.gradcheck.diagnosis.edits.seen import EACH, MOMENT, MOST_ROUNDS, Rounds, Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site

# The rounds of forward in the order of those of backward: in words, and from the number of a round to the other's.
ORDERS: dict[str, Callable[[int], int]] = {
    "from the last round to the first": lambda n: -1 - n,
    "from the first round to the last": lambda n: n,
}


def states(site: Site, seen: Seen) -> Iterator[Change]:
    """What forward computed in each round of its loop, in place of what is the same in every round of backward's."""
    if _is_state(site, seen) and _equal(seen.rounds[1:], seen.rounds[:-1]):
        yield from _states(site, seen)


def other_states(site: Site, seen: Seen) -> Iterator[Change]:
    """What forward computed in each round of its loop, in place of something else."""
    if _is_state(site, seen) and not _equal(seen.rounds[1:], seen.rounds[:-1]):
        yield from _states(site, seen)


def _is_state(site: Site, seen: Seen) -> bool:
    return site.times == 1 and len(seen.rounds) > 1 and all(map(is_value, seen.rounds))


def _states(site: Site, seen: Seen) -> Iterator[Change]:
    for name, each in seen.variables.items():
        if isinstance(each, Rounds) and _alike(seen.rounds, each):
            for said, order in ORDERS.items():
                if not _equal(seen.rounds, [each[order(n)] for n in range(len(each))]):
                    text = f"`{name.removeprefix(EACH)}` of each round of forward, {said}, in place of `{site.text}`"
                    for kind in ("stale", "operand"):
                        yield Change(kind, text, partial(_of_round, name, order))


def _of_round(name: str, order: Callable[[int], int], _: Any, variables: dict[str, Any]) -> Any:
    return variables[name][order(variables[MOMENT].round)]


def updated(site: Site, seen: Seen) -> Iterator[Change]:
    """A variable as it was before it was assigned anew, or as it is after; or all that a loop made of it, added up."""
    if not site.text.isidentifier() or not is_value(seen.value):
        return
    updates = all(values and values[-1].updated for values in seen.earlier)
    if updates and _alike(seen.rounds, [values[-1].value for values in seen.earlier]):
        for kind in ("stale", "operand"):
            yield Change(kind, f"`{site.text}` as it was before it was assigned anew", _before)
    if site.times == 1 and _alike(seen.rounds, seen.later):
        for kind in ("stale", "operand"):
            yield Change(kind, f"`{site.text}` as it is after it is assigned anew", _after)
    sums = [e.value for e in seen.earlier[0] if not is_zero(e.value)] if len(seen.earlier) == 1 else []
    if _alike([seen.value] * len(sums), sums):
        said = f"the sum of `{site.text}` over all rounds of the loop in place of its last value"
        for kind in ("missing-term", "overlap"):
            yield Change(kind, said, _added_up)


def resets(site: Site, seen: Seen) -> Iterator[Change]:
    """A sum that is not begun anew in every round of a loop, or that is and should not be."""
    if site.times > 1 or len(seen.rounds) < 2 or not is_array(seen.value):
        return
    added = site.place.argument == AUGMENTED and "+=" in site.around
    if added or (site.role == TERM and site.text.isidentifier()):
        name = site.place.name if added else site.text
        said = f"`{name}` set back to zero before `{site.around}` in every round but the first"
        for kind in ("stale", "overlap"):
            yield Change(kind, said, partial(_anew, name if added else ""))
    if site.role == ASSIGNED and not any(map(np.any, seen.rounds)):
        said = f"`{site.text}` in the first round alone: later ones begin the sum `{site.assigned}` anew"
        for kind in ("overlap", "missing-term"):
            yield Change(kind, said, partial(_kept, site.assigned))


def _anew(name: str, value: Any, variables: dict[str, Any]) -> Any:
    """Without what a variable was before; it is the value itself where no name is given."""
    if variables[MOMENT].round == 0:
        return value
    return value - variables[name] if name else 0 * value


def _kept(name: str, value: Any, variables: dict[str, Any]) -> Any:
    return variables[name] if variables[MOMENT].round else value


def is_zero(value: Any) -> bool:
    """Whether a sum begins with it."""
    return isinstance(value, int | float) and value == 0


def _before(_: Any, variables: dict[str, Any]) -> Any:
    _, n, seen = moment = variables[MOMENT]
    return seen[moment.number].earlier[n][-1].value


def _after(_: Any, variables: dict[str, Any]) -> Any:
    number, n, seen = variables[MOMENT]
    return seen[number].later[n]


def _added_up(value: Any, variables: dict[str, Any]) -> Any:
    _, n, seen = moment = variables[MOMENT]
    return sum((e.value for e in seen[moment.number].earlier[n]), value)


def buffers(site: Site, seen: Seen) -> Iterator[Change]:
    """A copy of an array that is kept, and written anew in the next round."""
    same = len(set(seen.objects)) == 1 < len(seen.objects)
    if site.times == 1 and same and is_array(seen.value) and not _equal(seen.rounds[1:], seen.rounds[:-1]):
        said = f"a copy of `{site.text}`, which later rounds of the loop overwrite"
        for kind in ("stale", "overlap"):
            yield Change(kind, said, made_by(np.copy))


def _alike(values: list[Any], others: Any) -> bool:
    """Whether the values of one may stand in place of those of the other."""
    if not 0 < len(values) == len(others) < MOST_ROUNDS:
        return False
    pairs = zip(values, others, strict=True)
    return all(is_value(v) and is_value(o) and np.shape(v) == np.shape(o) for v, o in pairs)


def _equal(one: list[Any], other: list[Any]) -> bool:
    pairs = zip(one, other, strict=False)
    return all(is_value(a) and is_value(b) and np.array_equal(a, b) for a, b in pairs)
