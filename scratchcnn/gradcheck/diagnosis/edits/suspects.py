"""The expressions of backward that may make a gradient wrong, and whether a change of one makes it right."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.budget import TooDear
from scratchcnn.gradcheck.diagnosis.edits.change import Change, is_array, is_numeric
from scratchcnn.gradcheck.diagnosis.edits.exchanges import may_be_exchanged
from scratchcnn.gradcheck.diagnosis.edits.look import Look, Suspect
from scratchcnn.gradcheck.diagnosis.edits.order import rebinds
from scratchcnn.gradcheck.diagnosis.edits.places import LIMIT, NAMES
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.estimates import alike
from scratchcnn.gradcheck.diagnosis.places import wrong_entries
from scratchcnn.gradcheck.diagnosis.scene import NEAR, Scene

# As a share of the largest entry: what is further away from it is wrong.
FAR = 1e-3


def suspects_of(scene: Scene, index: int) -> list[Suspect]:
    """The expressions of backward that may make a gradient wrong, the likely ones first."""
    if scene.look is None:
        return []
    known = scene.look.suspects
    if index not in known:
        found = _suspects(scene, scene.look, index, scene.right_beside(index))
        copies: dict[tuple[str, str], list[Any]] = {}
        for site, seen in scene.look.forward_sites:
            copies.setdefault(_text(site), []).append(seen.value)
        extra = _written(scene.look.sites) - _written(scene.look.forward_sites)  # more often than forward has it
        marked = (s._replace(copied=_is_copied(s, copies) and _text(s.site) not in extra) for s in found)
        recomputes = _recomputing(scene.look)
        known[index] = sorted(
            marked, key=lambda s: (s.shared, s.copied, s.seen.depth, recomputes(s.site), not s.alone, s.site.times)
        )
    return known[index]


def _recomputing(look: Look) -> Callable[[Site], bool]:
    """Tells whether an expression is a part of one that computes what forward computes, too: it is hardly wrong."""
    single = (seen.rounds or [seen.value] for _, seen in look.forward_sites)
    known = {value.tobytes() for values in single for value in values if is_array(value)}
    values = {(site.text, site.file, site.line): seen.value for site, seen in look.sites}
    parts = [site for site, _ in look.sites if site.around != site.text]
    around = {(site.text, site.file, site.line): site.around for site in parts}

    def recomputes(site: Site) -> bool:
        text: str | None = site.around
        while text is not None:
            value = values.get((text, site.file, site.line))
            if is_array(value) and value.tobytes() in known:  # type: ignore[union-attr]
                return True
            text = around.get((text, site.file, site.line))
        return False

    return recomputes


def _text(site: Site) -> tuple[str, str]:
    return site.text, site.around


def _written(sites: Iterable[tuple[Site, Seen]]) -> Counter[tuple[str, str]]:
    """How often each expression is written."""
    return Counter(_text(site) for site, _ in sites if site.times == 1)


def _is_copied(suspect: Suspect, copies: Mapping[tuple[str, str], Sequence[Any]]) -> bool:
    site, value = suspect.site, suspect.seen.value
    return site.times == 1 and any(_is_the_same(value, other) for other in copies.get(_text(site), ()))


def _is_the_same(value: Any, other: Any) -> bool:
    if isinstance(value, np.ndarray):
        return isinstance(other, np.ndarray) and np.array_equal(value, other)
    return not isinstance(value, float) or (isinstance(other, float) and value == other)


def _suspects(scene: Scene, look: Look, index: int, right: list[int]) -> Iterator[Suspect]:
    """The expressions that matter to every wrong entry; those that matter to a right gradient, too, are `shared`."""
    for site, seen in look.sites:
        if site.role == NAMES and not may_be_exchanged(*map(seen.variables.get, site.text.split("` and `"))):
            continue
        numeric = is_numeric(seen.value)
        # Who knows what these matter to: what earlier rounds of a loop added is lost where an array is assigned anew.
        if not numeric or site.role == LIMIT or rebinds(site, seen):
            yield Suspect(site, _less(seen, scene, index), True)
            continue
        reach = look.reach(site.number, index)
        if reach is None or (_wrong_entries(scene, index)[0] & ~reach).any():
            continue
        shared = any((reached := look.reach(site.number, k)) is not None and reached.any() for k in right)
        alone = shared or not any(_reaches_right(scene, look, site, k) for k in scene.wrt)
        yield Suspect(site, _less(seen, scene, index), alone, shared=shared)


def _reaches_right(scene: Scene, look: Look, site: Site, index: int) -> bool:
    """Whether an expression matters to an entry that is right."""
    reach = None if scene.gradients[index] is None else look.reach(site.number, index)
    if reach is None or reach.shape != scene.inputs[index].shape:
        return False
    bad, known = _wrong_entries(scene, index)
    return bool((reach & known & ~bad).any())


def _wrong_entries(scene: Scene, index: int) -> tuple[Array, Array]:
    try:
        return wrong_entries(scene, index)
    except TooDear:  # nobody knows which
        nowhere = np.zeros(scene.inputs[index].shape, bool)
        return nowhere, nowhere


def _less(seen: Seen, scene: Scene, index: int) -> Seen:
    """The same without values that are the true gradient: whoever has that does not search for it."""
    shape = scene.inputs[index].shape

    def holds(value: Any) -> bool:
        return isinstance(value, np.ndarray) and value.shape == shape and is_true(scene, value, index)

    variables = {k: v for k, v in seen.variables.items() if not holds(v)}
    earlier = [tuple(v for v in values if not holds(v.value)) for values in seen.earlier]
    return replace(seen, variables=variables, earlier=earlier)


def is_right_with(s: Scene, site: Site, change: Change, index: int, right: list[int]) -> bool:
    """Whether a change makes a gradient the true one, and leaves those right that are right, here and elsewhere."""
    gradients = None if s.look is None else s.look.changed(site.number, change)
    if gradients is None or not is_true(s, gradients[index], index):
        return False
    if s.right_at is not None and not is_right_with(s.right_at, site, change, index, right):
        return False
    return all(is_true(s, gradients[k], k) for k in right if s.look.differs(gradients, k))  # type: ignore[union-attr]


def is_true(s: Scene, gradient: Any, index: int) -> bool:
    """Whether a gradient is the true one: at every entry, where there is time to find the derivative of each.

    At a further point, two calls along a direction are enough: what holds at every entry of the first hardly fails
    there by so little.
    """
    if gradient is None or gradient.shape != s.inputs[index].shape or gradient.dtype.kind != "f":
        return False
    if s.further and s.off(index, gradient) <= NEAR:
        return True
    try:
        truth = s.truth(index)
    except TooDear:
        return s.is_true(gradient, index)
    largest = truth.value.item(truth.largest)
    if abs(gradient.item(truth.largest) - largest) > FAR * abs(largest):
        return False  # most are wrong there, too
    return alike(gradient, truth, s.eps, s.slack(index))
