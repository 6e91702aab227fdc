"""An expression of backward that is not what flows back to the expression of forward that it belongs to."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import combinations, product
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis import inner
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.edits.change import Change, broadcasts, constant, is_array
from scratchcnn.gradcheck.diagnosis.edits.look import Suspect
from scratchcnn.gradcheck.diagnosis.edits.seen import EACH, MOMENT
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.suspects import is_right_with, suspects_of
from scratchcnn.gradcheck.diagnosis.rearrangements import axes_in_words
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.steps.flows import own_parts

# As a share of the largest entry: what differs by less is the same.
SAME = 1e-9
# Entries that a factor or a multiple has to fit for each number in it: fewer prove nothing.
ENTRIES = 3
# What forgetting that a mean depends on the values leaves out.
CONSTANT = "a term, as of a mean taken for a constant: one that is the same"
# What may be made of a value.
FUNCTIONS: dict[str, Callable[[Any], Any]] = {
    **inner.FUNCTIONS,
    "1 / {}": lambda v: 1 / v,
    "1 / {}²": lambda v: 1 / v**2,
    "log({})": np.log,
}


def wrong_flow(scene: Scene, index: int) -> Iterator[Claim]:
    """With what flows back to an expression of forward in place of one of backward, the gradient is right."""
    look = scene.look
    if look is None or scene.analytic(index).shape != scene.inputs[index].shape:
        return
    right = scene.right_beside(index)
    for suspect, text in fitting(scene, index, suspects_of(scene, index)):
        where = f"{_said(text)} in place of {suspect.site.where}"
        scene.located.setdefault(index, f"becomes wrong at {suspect.site.where}, where {_said(text)} belongs")
        for kind, said in _relations(scene, suspect.site, text):
            holds = _related(suspect.site, text, index, right, (kind, said))
            yield Claim(kind, f"right with {where}: {said}", holds, inside=True)


def fitting(scene: Scene, index: int, suspects: Sequence[Suspect]) -> Iterator[tuple[Suspect, str]]:
    """The expressions in whose places what flows back to one of forward makes the gradient right; its text."""
    right = scene.right_beside(index)
    for suspect, (text, flow) in product(suspects, scene.flows.items()):
        if _may_be(suspect, text, flow.adjoint) and _fits(scene, suspect.site, text, index, right):
            yield suspect, text


def begins(scene: Scene, suspect: Suspect, text: str) -> bool:
    """Whether an expression is wrong when it is computed first: what is computed later is then not the cause."""
    flow = scene.flows[text].adjoint
    return not _same(suspect.seen.value, flow[-1] if text.startswith(EACH) else flow)


def last_right(scene: Scene, before: int) -> int:
    """The number in their order of the last expression before another that is what flows back to one of forward's.

    It is 0 where there is none.
    """
    known = [f.adjoint[-1] if text.startswith(EACH) else f.adjoint for text, f in scene.flows.items()]
    found = 0
    for number, (site, seen) in enumerate(scene.look.sites if scene.look is not None else ()):
        if number < before and site.times == 1 and any(_is_flow(seen.value, flow) for flow in known):
            found = number
    return found


def _is_flow(value: Any, flow: Array) -> bool:
    return is_array(value) and value.shape == flow.shape and _same(value, flow)


def _may_be(suspect: Suspect, text: str, flow: Array) -> bool:
    value, rounds = suspect.seen.value, suspect.seen.rounds
    if suspect.site.times > 1 or not is_array(value):
        return False
    if text.startswith(EACH):
        return len(rounds) == len(flow) and value.shape == flow.shape[1:] and not _same(np.array(rounds), flow[::-1])
    return value.shape == flow.shape and not _same(value, flow)


def _same(one: Array, other: Array) -> bool:
    return bool((np.abs(one - other) <= SAME * np.abs(other).max(initial=0)).all())


def _fits(s: Scene, site: Site, text: str, index: int, right: list[int]) -> bool:
    flow = s.flows.get(text)
    if flow is None:
        return False
    edit = partial(_of_round, flow.adjoint) if text.startswith(EACH) else constant(flow.adjoint)
    return is_right_with(s, site, Change("", f"∂E/∂(`{text}`)", edit), index, right)


def _of_round(adjoints: Array, _: Any, variables: dict[str, Any]) -> Any:
    """What flows back to a round of forward's loop: backward goes through them from the last to the first."""
    return adjoints[-1 - variables[MOMENT].round]


def _said(text: str) -> str:
    return f"∂E/∂(`{text.removeprefix(EACH)}`){' of each round' if text.startswith(EACH) else ''}"


def _related(site: Site, text: str, index: int, right: list[int], relation: tuple[str, str]) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        return _fits(s, site, text, index, right) and relation in _relations(s, site, text)

    return holds


def _relations(s: Scene, site: Site, text: str) -> Iterator[tuple[str, str]]:
    """What an expression lacks, compared with what it should be: the kind of the mistake, and the words."""
    seen = None if s.look is None else s.look.seen.get(site.number)
    if seen is None or text not in s.flows or not is_array(seen.value):
        return
    value, flow = seen.value, s.flows[text].adjoint
    if value.shape != flow.shape:
        return
    for later, part in _own_parts(s, text):
        if _same(part, value):
            yield "missing-term", f"that takes each entry of `{later}` to depend on its own alone (a diagonal Jacobian)"
    near = SAME * max(float(np.abs(flow).max()), float(np.abs(value).max()))
    different = np.abs(flow - value) > near
    if not different.all() and (np.abs(flow[different]) <= near).all():
        yield "subset", "a mask is missing, where nothing flows back"
    elif not different.all() and (np.abs(value[different]) <= near).all():
        yield "subset", "that lets nothing flow back at some entries where something does"
    known = {k: v for k, v in seen.variables.items() if is_array(v)}
    with np.errstate(all="ignore"):
        yield from _factors(value, flow, known)
        yield from _terms(value, flow, known)


def _own_parts(s: Scene, text: str) -> Iterator[tuple[str, Array]]:
    """By the texts of later expressions: what flows back if their entries depend on those at their places."""
    for later, flow in s.flows.items():
        if s.record is not None and later != text and flow.nodes.size == s.flows[text].nodes.size:
            part = own_parts(s.record, s.flows[text], flow)
            if part is not None:
                yield later, part


def _factors(value: Array, flow: Array, known: dict[str, Array]) -> Iterator[tuple[str, str]]:
    """Values that the expression has to be multiplied by."""
    there = value != 0
    if there.sum() <= ENTRIES or (flow[~there] != 0).any():
        return
    for name, array in known.items():
        for said, function in FUNCTIONS.items():
            factor = function(array)
            if broadcasts(factor, flow) and len(np.unique(factor)) > 1 and _same(value * factor, flow):
                yield "missing-factor", f"that lacks the factor {said.format(f'`{name}`')}"
    for over, axes in _axes(flow):
        if _is_multiple(flow, value, axes):
            yield "missing-factor", f"that lacks a factor, the same along {over}"


def _terms(value: Array, flow: Array, known: dict[str, Array]) -> Iterator[tuple[str, str]]:
    """Values a multiple of which is missing, or one multiple for each place along some axes."""
    missing = flow - value
    ones = {"": np.ones_like(flow)}
    for name, array in {**ones, **{k: v for k, v in known.items() if broadcasts(v, flow)}}.items():
        term = np.broadcast_to(array, flow.shape)
        for over, axes in _axes(flow):
            if _is_multiple(missing, term, axes) and not _is_multiple(flow, value, axes):
                what = f"a multiple of `{name}` along {over}" if name else f"{CONSTANT} along {over}"
                yield "missing-term", f"that lacks {what}"


def _axes(flow: Array) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Axes along which there are entries enough for one number to prove something: in words, and their numbers."""
    for count in range(1, flow.ndim + 1):
        for axes in combinations(range(flow.ndim), count):
            if np.prod([flow.shape[k] for k in axes]) >= ENTRIES:
                yield axes_in_words(axes), axes


def _is_multiple(missing: Array, term: Array, axes: tuple[int, ...]) -> bool:
    size = (term * term).sum(axis=axes, keepdims=True)
    multiple = (missing * term).sum(axis=axes, keepdims=True) / np.where(size > 0, size, 1)
    return _same(multiple * term, missing)
