"""The gradient of another forward: backward is right for one in which a function, or an option of it, is another."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.edits.change import Change, constant, made_by
from scratchcnn.gradcheck.diagnosis.edits.order import twin
from scratchcnn.gradcheck.diagnosis.edits.places import CALLED, MODE
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.scene import Scene

# Functions that reduce an array, and what is at its border: each may be taken for another.
REDUCTIONS = ("mean", "sum", "max", "min")
MODES = ("constant", "edge", "reflect", "symmetric", "wrap")


def of_another_forward(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient of a forward in which a function is another one."""
    if scene.look is None or scene.analytic(index).shape != scene.inputs[index].shape:
        return
    for site, seen in scene.look.forward_sites:
        for change in (*_reductions(site, seen), *_modes(site, seen)):
            said = f"that of a forward with {change.said}: {site.where}"
            forward = scene.look.rerun.other_forward(site.number, change.edit)
            yield Claim(change.kind, said, _of(index, forward), along=True)


def _of(index: int, forward: Callable[..., Any]) -> Callable[[Scene], bool]:
    return lambda s: s.is_derivative(index, forward=s.budget.counted(forward))


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
