"""A value in the source that has the wrong sign, or is too large by a constant."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.budget import TooDear
from scratchcnn.gradcheck.diagnosis.constants.places import literals
from scratchcnn.gradcheck.diagnosis.edits.change import (
    Change,
    Changes,
    combined,
    is_array,
    is_value,
    is_whole,
    made_by,
    rewritten,
)
from scratchcnn.gradcheck.diagnosis.edits.places import AXIS, EXPONENT, FACTOR, INDEX, LIMIT, TERM
from scratchcnn.gradcheck.diagnosis.edits.seen import Edit, Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.variables import is_name
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS
from scratchcnn.gradcheck.diagnosis.scales import SAME, factor_of, number, recognized
from scratchcnn.gradcheck.diagnosis.scene import Scene

# What a value may lack where the gradient is not linear in it; and how many numbers of forward's are tried.
FEW_TIMES, MOST_TAKEN = (2, 3, 1 / 2), 4


def scales(scene: Scene, index: int, *, known: bool) -> Changes:
    """The constant that a value has to be multiplied by, found from the gradient with the value twice as large.

    It is one that is known, or any other one. Where the whole gradient lacks a constant, so does each of its factors:
    that tells nothing.
    """
    everywhere = _is_multiple(scene, index)

    def changes(site: Site, seen: Seen) -> Iterator[Change]:
        if everywhere:
            return
        factor = _constant(scene, index, site, seen)
        if factor is None or not _is_linear(scene, site, index):
            return
        exact, name = _recognized(scene, factor)
        if _is_known(exact, name) is not known:
            return
        if abs(factor + 1) < SAME:
            yield Change("sign", rewritten(site.text, "-{}"), made_by(lambda v: -v))
            return
        kinds = ("option-ignored", "constant-factor") if "the option" in name else ("constant-factor",)
        for said, edit in (*_by_a_variable(site, seen, exact), *_by_a_number(site, exact, name)):
            yield from (Change(kind, said, edit) for kind in kinds)

    return changes


def _by_a_variable(site: Site, seen: Seen, factor: float) -> Iterator[tuple[str, Edit]]:
    """A factor in words, and the edit: times a whole number that a variable holds, or divided by it."""
    for name, value in seen.variables.items():
        if is_name(name) and name != site.text and is_whole(value) and value not in (0, 1):
            for said, times, made in (("{} * {name}", value, np.multiply), ("{} / {name}", 1 / value, np.divide)):
                if abs(times - factor) <= SAME * abs(factor):
                    yield rewritten(site.text, said, name), combined(name, made)
                    return


def _by_a_number(site: Site, factor: float, name: str) -> Iterator[tuple[str, Edit]]:
    """The same of a number, and what that is."""
    said = rewritten(site.text, f"{number(factor)} * {{}}") + (f" ({name})" if name else "")
    yield said, made_by(lambda v: factor * v)


def _is_multiple(scene: Scene, index: int) -> bool:
    """Whether the gradient is a constant times the true one, as far as is known entry by entry."""
    try:
        scene.truth(index)
    except TooDear:  # along one direction, any gradient is
        return False
    factor = factor_of(scene, index)
    return bool(np.isfinite(factor)) and scene.is_times(index, factor)


def stretches(scene: Scene, index: int, *, known: bool) -> Changes:
    """A constant that a value lacks, where the gradient is not linear in it: the argument of a function.

    It is one that is known, or any other one.
    """
    few = dict.fromkeys((*FEW_TIMES, *_of_forward(scene)))

    def changes(site: Site, seen: Seen) -> Iterator[Change]:
        factor = _constant(scene, index, site, seen)
        if factor is not None and not _is_linear(scene, site, index) and site.role != LIMIT:
            exact, name = _recognized(scene, factor)
            if _is_known(exact, name) is not known:
                return
            said = rewritten(site.text, f"{number(exact)} * {{}}") + (f" ({name})" if name else "")
            yield Change("option-ignored" if "the option" in name else "operand", said, made_by(lambda v: exact * v))
        elif known and factor is None and is_value(seen.value) and site.role in (TERM, FACTOR):
            for times in few:
                said = rewritten(site.text, f"{times:g} * {{}}")
                yield Change("constant-factor", said, made_by(lambda v, times=times: times * v))  # type: ignore[misc]

    return changes


def _constant(scene: Scene, index: int, site: Site, seen: Seen) -> float | None:
    if not (_is_array(seen.value) or isinstance(seen.value, float)) or site.role in (AXIS, INDEX, EXPONENT):
        return None
    factor = _factor(scene, site, index)
    return None if factor is None or abs(factor) < SAME or abs(factor - 1) < SAME else factor


def _of_forward(scene: Scene) -> list[float]:
    """The numbers in the code of forward, and one divided by each."""
    some = sorted({abs(n) for n in literals(scene.constants)} - {0, 1})[:MOST_TAKEN]
    return [each for n in some for each in (n, 1 / n)]


def _is_array(value: Any) -> bool:
    return is_array(value) or (isinstance(value, np.ndarray) and value.dtype.kind == "c")


def _recognized(scene: Scene, factor: float) -> tuple[float, str]:
    value, name = next(recognized(scene, abs(factor)), (abs(factor), ""))
    return float(np.copysign(value, factor)), name


def _is_known(factor: float, name: str) -> bool:
    """Whether a constant has a name, or is a whole number or one divided by such."""
    return bool(name) or "." not in number(factor)


def _is_linear(scene: Scene, site: Site, index: int) -> bool:
    """Whether twice the value changes the gradient as much as zero in its place does."""
    look = scene.look
    if look is None or (twice := look.twice(site.number)) is None or (none := look.without(site.number)) is None:
        return False
    here, more, less = scene.analytic(index), twice[index], none[index]
    if more.shape != here.shape or less.shape != here.shape:
        return False
    # An entry may be a small difference of large terms.
    size = (np.abs(here) + np.abs(more) + np.abs(less)).max(initial=0)
    return bool((np.abs(more - 2 * here + less) <= ROUNDOFFS * scene.eps * size).all())


def _factor(scene: Scene, site: Site, index: int) -> float | None:
    """How many times the value makes the gradient right, where that is linear in it."""
    look = scene.look
    twice = None if look is None else look.twice(site.number)
    if twice is None or twice[index] is None or twice[index].shape != scene.inputs[index].shape:
        return None
    try:
        truth = scene.truth(index)
    except TooDear:
        return _plain_factor(scene, twice[index], index)
    known = np.isfinite(truth.error)
    share = (twice[index] - scene.analytic(index))[known]
    missing, size = (truth.value - scene.analytic(index))[known], float((share**2).sum())
    if not 0 < size < np.inf:
        return None
    more = float((missing * share).sum()) / size
    tolerance = truth.error[known] + ROUNDOFFS * scene.eps * (np.abs(truth.value[known]) + np.abs(share))
    return 1 + more if (np.abs(missing - more * share) <= 4 * tolerance).all() else None


def _plain_factor(scene: Scene, twice: Array, index: int) -> float | None:
    """The same where only the slope along a direction is known: any value has such a factor, the wrong one a plain one.

    `twice` is the gradient with the value twice as large.
    """
    direction, slopes = scene.along_here(index)
    here, more = (float((g * direction).sum()) for g in (scene.analytic(index), twice))
    error = scene.error_along(scene.analytic(index) * direction, scene.cotangent, slopes)
    if not error < SAME / 2 * abs(more - here):
        return None
    factor = 1 + (float((scene.cotangent * slopes.value).sum()) - here) / (more - here)
    plain = "." not in number(factor) or any(name for _, name in recognized(scene, abs(factor)))
    return factor if plain else None
