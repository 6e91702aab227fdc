"""The gradient of another forward: backward is right for one in which a function, or an option of it, is another."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.edits.change import Change, constant, is_value, made_by
from scratchcnn.gradcheck.diagnosis.edits.order import owner_of, twin
from scratchcnn.gradcheck.diagnosis.edits.places import CALLED, MODE
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.scene import Scene

# Functions that limit an array.
LIMITED = ("clip", "maximum", "minimum")
# Functions that reduce an array, and what is at its border: each may be taken for another.
REDUCTIONS = ("mean", "sum", "max", "min")
MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def of_another_forward(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient of a forward in which a function is another one."""
    if scene.look is None or scene.analytic(index).shape != scene.inputs[index].shape:
        return
    for site, seen in scene.look.forward_sites:
        for change in (*_limits(site), *_reductions(site, seen), *_modes(site, seen)):
            said = f"that of a forward with {change.said}: {site.where}"
            forward = scene.look.rerun.other_forward(site.number, change.edit)
            yield Claim(change.kind, said, _of(index, forward), along=True)
    if scene.record is None:  # else the steps of the record tell it
        yield from _constants(scene, index)


def _constants(scene: Scene, index: int) -> Iterator[Claim]:
    """An expression of forward is taken for a constant."""
    assert scene.look is not None
    for site, seen in scene.look.forward_sites:
        if site.times == 1 and is_value(seen.value) and site.text != site.around and len(seen.rounds) == 1:
            said = f"the true one with `{site.text}` in {site.where} taken for a constant"
            yield Claim("missing-term", said, partial(_is_constant, site.number, index), along=True, inside=True)


def _is_constant(number: int, index: int, s: Scene) -> bool:
    if s.look is None or number not in s.look.by_forward:
        return False
    return _of(index, s.look.rerun.other_forward(number, constant(s.look.by_forward[number].value)))(s)


def _of(index: int, forward: Callable[..., Any]) -> Callable[[Scene], bool]:
    return lambda s: s.is_derivative(index, forward=s.budget.counted(forward))


def _limits(site: Site) -> Iterator[Change]:
    if site.role == CALLED and site.place.name in LIMITED:
        yield Change(
            "subset", "no limit (a mask is forgotten)", made_by(lambda function: partial(_unlimited, function))
        )


def _unlimited(function: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
    """The array that is not limited: the first of the arguments that is one."""
    given = (*owner_of(function), *arguments)
    return next((a for a in given if np.ndim(a)), given[0])


def _reductions(site: Site, seen: Seen) -> Iterator[Change]:
    name = site.place.name
    if site.role == CALLED and name in REDUCTIONS:
        for other in REDUCTIONS:
            if other != name:
                yield Change("operand", f"{other} in place of {name}", made_by(partial(twin, other)))


def _modes(site: Site, seen: Seen) -> Iterator[Change]:
    if site.role == MODE and isinstance(seen.value, str):
        for other in MODES:
            if other != seen.value:
                for kind in ("border", "option-ignored"):
                    yield Change(kind, f"mode '{other}' in place of '{seen.value}'", constant(other))
