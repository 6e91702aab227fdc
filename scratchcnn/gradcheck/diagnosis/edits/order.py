"""What is done in the wrong order, or over what was there before: loops, sums so far, results, assignments."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import permutations
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import Change, combined, constant, made_by
from scratchcnn.gradcheck.diagnosis.edits.places import ASSIGNED, CALLED, ITSELF, RESULTS, ROUNDS, STORE, TWINS
from scratchcnn.gradcheck.diagnosis.edits.sites import Site
from scratchcnn.gradcheck.diagnosis.edits.watched import Seen

# Ways to store a value, in words.
STORES = {"+=": "+=", "add.at": "np.add.at, which adds several times to an entry,", "=": "="}
# The kinds of mistakes in which a function is taken for another one, where it is no wrong operand.
KINDS = {
    **dict.fromkeys(("sum", "mean"), "constant-factor"),
    **dict.fromkeys(("repeat", "tile"), "permuted"),
    **dict.fromkeys(("tril", "triu"), "subset"),
}


def order(site: Site, seen: Seen) -> Iterator[Change]:
    """A loop the other way round, a sum so far from the other end, results exchanged."""
    if site.role == ROUNDS and not isinstance(seen.value, np.ndarray):
        yield Change("permuted", "the loop in reverse", made_by(lambda value: list(value)[::-1]))
    if site.role == CALLED and site.place.name.startswith("cum"):
        said = f"{site.place.name} from the end on"
        yield Change("permuted", said, made_by(lambda function: partial(_from_the_end, function)))
    if site.role == RESULTS and isinstance(seen.value, tuple | list):
        for places in permutations(range(len(seen.value))):
            if places != tuple(range(len(places))):
                yield Change("permuted", f"these in the order {places}", made_by(partial(_taken, places)))


def _from_the_end(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A sum or product so far, of an axis from its end on."""
    owner = getattr(function, "__self__", None)
    array, *rest = (owner, *arguments) if isinstance(owner, np.ndarray) else arguments
    axis = rest[0] if rest else options.get("axis", 0)
    reversed_ = np.flip(np.asarray(array), axis)
    return np.flip(getattr(np, function.__name__)(reversed_, axis), axis)


def _taken(places: tuple[int, ...], value: Any) -> Any:
    return type(value)([value[k] for k in places])


def overwriting(site: Site, seen: Seen) -> Iterator[Change]:
    """What is assigned where it has to be added."""
    if site.role == STORE:
        here = "+=" if seen.value else "="
        for how, said in STORES.items():
            if how != here:
                yield Change("overlap", f"{said} in place of {here}", constant(how))
        yield Change("subset", "nothing assigned", constant("nothing"))
    before = seen.variables.get(site.place.name)
    if site.role == ASSIGNED and isinstance(before, np.ndarray) and np.shape(seen.value) == before.shape:
        yield Change("overlap", "+= in place of =", combined(site.place.name, lambda value, here: value + here))


def twins(site: Site, seen: Seen) -> Iterator[Change]:
    """A function that is taken for another one."""
    if site.role == CALLED:
        for other in TWINS[site.place.name]:
            kind = KINDS.get(site.place.name, "operand")
            yield Change(kind, f"{other} in place of {site.place.name}", made_by(partial(_twin, other)))


def _twin(name: str, function: Any) -> Any:
    if name == ITSELF:
        return lambda argument: argument
    owner = getattr(function, "__self__", None)
    return getattr(owner if isinstance(owner, np.ndarray) else np, name)
