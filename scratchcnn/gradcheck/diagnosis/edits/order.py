"""What is done in the wrong order, or over what was there before: loops, sums so far, results, assignments."""

import ast
from collections.abc import Callable, Iterator
from functools import partial
from itertools import combinations, islice, permutations
from types import FunctionType
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.edits.change import (
    Change,
    combined,
    constant,
    expression,
    is_array,
    is_value,
    made_by,
    variable,
)
from scratchcnn.gradcheck.diagnosis.edits.places import (
    ASSIGNED,
    AUGMENTED,
    CALLED,
    ITSELF,
    MOST_RESULTS,
    REDUCED,
    RESULTS,
    ROUNDS,
    STORE,
    TWINS,
)
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.rearrangements import axes_in_words

# Axes of arrays that are tried.
MOST_AXES = 4
# Rounds of a loop that is tried in reverse, at most.
MOST_ITEMS = 100_000
# Functions of the caller's that are tried in place of one.
MOST_HELPERS = 8
# Other ways to store a value: in words, with a place for the other way, and from one to the other.
WAYS: dict[str, dict[str, str]] = {
    "+= in place of =": {"=": "+="},
    "= in place of +=": {"+=": "=", "-=": "="},
    "np.{} in its place, as an index comes several times": {"=": "add.at", "+=": "add.at", "-=": "subtract.at"},
}
# The kinds of mistakes in which a function is taken for another one, where it is no wrong operand.
KINDS = {
    **dict.fromkeys(("sum", "mean"), "constant-factor"),
    **dict.fromkeys(("repeat", "tile"), "permuted"),
    **dict.fromkeys(("tril", "triu"), "subset"),
}


def order(site: Site, seen: Seen) -> Iterator[Change]:
    """A loop the other way round, a sum so far from the other end, results exchanged."""
    if site.role == ROUNDS and not isinstance(seen.value, np.ndarray):
        yield Change("permuted", "the loop in reverse", made_by(_reversed))
    if site.role == CALLED and site.place.name.startswith("cum"):
        said = f"{site.place.name} from the end on"
        yield Change("permuted", said, made_by(lambda function: partial(_from_the_end, function)))
    if site.role == RESULTS and isinstance(seen.value, tuple | list) and len(seen.value) <= MOST_RESULTS:
        for places in permutations(range(len(seen.value))):
            if places != tuple(range(len(places))):
                kind = "swapped" if "@" not in site.text and all(map(_is_value, seen.value)) else "permuted"
                yield Change(kind, f"`{site.text}` in the order {places}", made_by(partial(_taken, places)))


def rest(site: Site, seen: Seen) -> Iterator[Change]:
    """The counters of a loop that are left out, in place of those that it goes through."""
    if site.role != ROUNDS or not isinstance(seen.value, range) or seen.value.step != 1:
        return
    known = [each for each in seen.rounds if isinstance(each, range)] or [seen.value]  # of some nothing is kept
    lengths = {n for array in seen.variables.values() if is_array(array) for n in array.shape}
    for end in sorted(n for n in lengths if n >= max(each.stop for each in known)):
        for again, said in ((1, f"from the last of them on, below {end}"), (0, f"after the last of them, below {end}")):
            yield Change("permuted", f"the counters of `{site.text}` {said}", made_by(partial(_behind, again, end)))
    if any(each.start for each in known):
        for again, said in (
            (1, "from 0 up to the first of them"),
            (0, "from 0 up to the one before the first of them"),
        ):
            change = made_by(partial(_before_the_first, again))
            yield Change("permuted", f"the counters of `{site.text}` {said}", change)


def _behind(again: int, end: int, counters: range) -> range:
    return range(counters.stop - again, end)


def _before_the_first(again: int, counters: range) -> range:
    return range(counters.start + again)


def _reversed(rounds: Any) -> list[Any]:
    """The rounds of a loop from the last to the first; those of an iterator that may have no end are not."""
    items = list(islice(rounds, MOST_ITEMS + 1))
    if len(items) > MOST_ITEMS:
        raise ValueError("a loop of too many rounds")
    return items[::-1]


def _is_value(value: Any) -> bool:
    return isinstance(value, float | np.ndarray | np.floating)


def _from_the_end(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """A sum or product so far, of an axis from its end on."""
    array, *rest = (*owner_of(function), *arguments)
    axis = rest[0] if rest else options.get("axis")  # without one, it goes through all entries
    reversed_ = np.flip(np.asarray(array), axis)
    return np.flip(getattr(np, function.__name__)(reversed_, axis), axis)


def _taken(places: tuple[int, ...], value: Any) -> Any:
    return type(value)([value[k] for k in places])


def overwriting(site: Site, seen: Seen) -> Iterator[Change]:
    """What is assigned where it has to be added, or added once where an index comes several times."""
    if site.role == STORE:
        for said, instead in WAYS.items():
            if site.times > 1 or seen.value in instead:
                yield Change(
                    "overlap", said.format(instead.get(seen.value, "add.at")), made_by(partial(_otherwise, instead))
                )
        copied = _copied(site, seen)
        said = f"no update of a copy of `{copied}`, which is needed as it was" if copied else "nothing assigned"
        yield Change("stale" if copied else "subset", said, constant("nothing"))
    if rebinds(site, seen):
        yield Change("overlap", "+= in place of =", combined(site.place.name, lambda value, here: value + here))
    if site.place.argument == AUGMENTED and "+=" in site.around and is_value(seen.value):
        yield Change("overlap", "= in place of +=", combined(site.place.name, lambda value, here: value - here))


def _copied(site: Site, seen: Seen) -> str:
    """The variable that an array which is updated in place is a copy of; "" where it is none."""
    name = site.text.partition("[")[0]
    array = seen.variables.get(name)
    if array is None or not is_array(array) or not array.any():  # a sum begins with zeros
        return ""
    others = ((k, v) for k, v in seen.variables.items() if k != name and is_array(v))
    return next((k for k, v in others if np.array_equal(v, array)), "")


def _otherwise(instead: dict[str, str], how: str) -> str:
    return instead.get(how, how)


def rebinds(site: Site, seen: Seen) -> bool:
    """Whether an array, or a number, is assigned to a variable that holds one of its shape."""
    before = seen.variables.get(site.place.name, ())
    if site.role != ASSIGNED or not is_value(before) or not is_value(seen.value):
        return False
    return bool(np.shape(seen.value) == np.shape(before))


def reductions(site: Site, seen: Seen) -> Iterator[Change]:
    """Sums and means that are taken over other axes, which are kept with length 1."""
    if site.role == CALLED and site.place.name in REDUCED:
        for count in range(1, MOST_AXES + 1):
            for axes in combinations(range(MOST_AXES), count):
                said = f"{site.place.name} over {axes_in_words(axes)} (keepdims=True)"
                yield Change("broadcast", said, made_by(lambda function, axes=axes: partial(_over, axes, function)))  # type: ignore[misc]


def _over(axes: tuple[int, ...], function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    array = (*owner_of(function), *arguments)[0]
    rest = {k: v for k, v in options.items() if k not in ("axis", "keepdims")}
    return getattr(np, function.__name__)(array, axis=axes, keepdims=True, **rest)


def entries(site: Site, seen: Seen) -> Iterator[Change]:
    """One row, or column, alone where all of them have to be added."""
    name, axis = _single(site.text)
    array = seen.variables.get(name)
    if not is_array(array) or not -array.ndim <= axis < array.ndim:  # type: ignore[union-attr]
        return
    if np.shape(seen.value) == tuple(np.delete(array.shape, axis)):  # type: ignore[union-attr]
        for kind in ("batch", "missing-term", "subset"):
            said = f"`{name}.sum(axis={axis})` in place of `{site.text}`"
            yield Change(kind, said, combined(name, partial(_added, axis)))


def _single(text: str) -> tuple[str, int]:
    """An array of which one place along an axis is taken, a number that is spelled out, and the axis; else ""."""
    tree = expression(text)
    if not isinstance(tree, ast.Subscript) or not isinstance(tree.value, ast.Name):
        return "", 0
    parts = [ast.unparse(part) for part in (tree.slice.elts if isinstance(tree.slice, ast.Tuple) else [tree.slice])]
    places = [k for k, part in enumerate(parts) if part not in (":", "...")]
    if len(places) != 1 or not parts[places[0]].removeprefix("-").isdigit():
        return "", 0
    from_the_end = "..." in parts[: places[0]]
    return tree.value.id, places[0] - len(parts) if from_the_end else places[0]


def _added(axis: int, _: Any, array: Any) -> Any:
    return array.sum(axis=axis)


def twins(site: Site, seen: Seen) -> Iterator[Change]:
    """A function that is taken for another one."""
    if site.role == CALLED:
        for other in TWINS.get(site.place.name, ()):
            kind = KINDS.get(site.place.name, "operand")
            yield Change(kind, f"{other} in place of {site.place.name}", made_by(partial(twin, other)))


def helpers(site: Site, seen: Seen) -> Iterator[Change]:
    """Another function of the caller's, of as many arguments."""
    if site.role == CALLED and isinstance(seen.value, FunctionType):
        known = {**seen.variables, **seen.value.__globals__}
        others = [(name, f) for name, f in known.items() if isinstance(f, FunctionType) and name != site.text]
        count = seen.value.__code__.co_argcount
        for name, _ in [each for each in others if each[1].__code__.co_argcount == count][:MOST_HELPERS]:
            yield Change("operand", f"`{name}` in place of `{site.text}`", variable(name))


def twin(name: str, function: Any) -> Any:
    """The function of another name: of NumPy, or a method of the same array."""
    if name == ITSELF:
        return lambda *arguments, **_: (*owner_of(function), *arguments)[0]
    if function.__name__ in REPEATED:
        return partial(REPEATED[function.__name__], *owner_of(function))
    return getattr(next(iter(owner_of(function)), np), name)


def _repeated(array: Any, counts: Any) -> Any:
    """In place of `tile`: each entry several times, one after the other."""
    counts = np.broadcast_to(counts, max(np.size(counts), 1)).tolist()
    array = np.reshape(array, (1,) * (len(counts) - np.ndim(array)) + np.shape(array))
    for axis, count in enumerate(counts, np.ndim(array) - len(counts)):
        array = np.repeat(array, count, axis)
    return array


def _tiled(array: Any, repeats: Any, axis: int | None = None) -> Any:
    """In place of `repeat`: all entries, several times."""
    if axis is None:
        return np.tile(np.ravel(array), repeats)
    counts = np.ones(np.ndim(array), int)
    counts[axis] = repeats
    return np.tile(array, counts)


REPEATED: dict[str, Callable[..., Any]] = {"tile": _repeated, "repeat": _tiled}
"""By the name of a function that repeats entries: the other one, with the same arguments."""


def owner_of(function: Any) -> tuple[Any, ...]:
    """The array whose method it is; nothing where it is a function of a module."""
    owner = getattr(function, "__self__", None)
    return (owner,) if isinstance(owner, np.ndarray) else ()
