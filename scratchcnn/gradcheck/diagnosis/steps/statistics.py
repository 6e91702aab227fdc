"""The means, deviations and other statistics in forward, several of them taken for constants at once."""

from collections.abc import Callable, Iterator
from functools import lru_cache

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.source import called
from scratchcnn.gradcheck.diagnosis.steps.claims import same
from scratchcnn.gradcheck.diagnosis.steps.flows import adjoints
from scratchcnn.gradcheck.diagnosis.steps.record import Record
from scratchcnn.gradcheck.diagnosis.steps.words import parsed

# Functions that compute a statistic: in words, and their names.
SETS: dict[str, tuple[str, ...]] = {
    "every mean": ("mean", "average"),
    "every variance and deviation": ("var", "std"),
    "every mean, variance and deviation": ("mean", "average", "var", "std"),
    "every minimum and maximum": ("min", "max", "amin", "amax", "ptp"),
    "every sum": ("sum",),
    "every statistic": ("mean", "average", "var", "std", "min", "max", "amin", "amax", "ptp", "sum", "norm"),
}


def without_statistics(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient, but several statistics of forward are taken for constants: each alone is a wrong step."""
    if scene.analytic(index).shape == scene.inputs[index].shape and scene.analytic(index).any():
        for said, names in SETS.items():
            sentence = f"the true one with {said} in forward taken for a constant"
            yield Claim("missing-term", sentence, _constants(index, names), inside=True)


def _constants(index: int, names: tuple[str, ...]) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        gradient = _gradient(s.record, s.cotangent, index, names) if s.record is not None else None
        return gradient is not None and bool(same(s, index, gradient))

    return holds


def _gradient(record: Record, cotangent: Array, index: int, names: tuple[str, ...]) -> Array | None:
    """(entries,) the gradient with some statistics taken for constants; None where there are not several."""
    last = {id(record.tape.sites[node]) for node in record.outputs if node >= 0}
    sites = {id(site) for site in record.numbers if id(site) not in last and _function(site[-1]) in names}
    if len(sites) < 2:
        return None
    constant = np.array([id(site) in sites for site in record.tape.sites])
    return adjoints(record, cotangent, constant)[record.inputs[index]]


@lru_cache(maxsize=4096)
def _function(place: tuple[object, int]) -> str:
    """The name of the function that an instruction calls."""
    return called(parsed(*place)[0])  # type: ignore[arg-type]
