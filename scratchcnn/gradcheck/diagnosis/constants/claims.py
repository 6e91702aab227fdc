"""Claims about the constants of forward: backward has another one."""

from collections.abc import Callable, Iterator
from functools import cache, partial
from typing import Any

from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.constants.places import limits, named, others
from scratchcnn.gradcheck.diagnosis.constants.variant import Place, variant
from scratchcnn.gradcheck.diagnosis.scene import Scene

# Calls of forward that constants may take for an input.
MOST_CALLS = 600


def without_a_limit(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient of a forward in which a limit is not there: a mask that backward forgot."""
    forward = scene.caller
    if forward is not None and scene.analytic(index).shape == scene.inputs[index].shape:
        for place in scene.constants:
            for other in limits(place):
                said = f"that of a forward with {other.said}{named(place)}: a mask is forgotten"
                holds = cache(_of(index, forward, place, other.value))
                for kind in (other.kind, "operand"):  # or what it limits is taken for its result
                    yield Claim(kind, said, holds, along=True)


def with_another_constant(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient of a forward in whose code one constant is another one."""
    forward = scene.caller
    if forward is None or scene.analytic(index).shape != scene.inputs[index].shape:
        return
    last = scene.budget.spent + MOST_CALLS
    for place in scene.constants:
        if scene.budget.spent > last:
            return
        for other in others(place):
            said = f"that of a forward with {other.said}{named(place)}"
            yield Claim(other.kind, said, _of(index, forward, place, other.value), along=True)


def _of(index: int, forward: Callable[..., Any], place: Place, value: Any) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        _, changed = variant(forward, place, value)
        return s.is_derivative(index, forward=s.budget.counted(partial(changed)))

    return holds
