"""What a layer has: its parameters, and where their gradients are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.cotangents import joined
from scratchcnn.gradcheck.adapters.calling.methods import STEPS, usual_method
from scratchcnn.gradcheck.adapters.calling.returned import Leaf, leaves_of
from scratchcnn.gradcheck.adapters.layers.gradients import Missing, Source, find_sources, try_out
from scratchcnn.gradcheck.adapters.layers.parameters import asked_parameters, find_parameters
from scratchcnn.gradcheck.adapters.layers.running import Parameter, Way


@dataclass(frozen=True)
class Found:
    """A layer that was looked into: how it is run, its parameters, and where the gradient of each leaf is.

    The leaves are those of the inputs, then the parameters.
    """

    way: Way
    parameters: tuple[Parameter, ...]
    names: tuple[str, ...]
    sources: tuple[Source, ...]

    def values(self, layer: Any) -> list[Any]:
        """The parameters of a layer, copied."""
        return [np.array(p.get(layer)) for p in self.parameters]

    def leaves(self, arrays: Sequence[Any]) -> list[Leaf]:
        """What these arrays are, the inputs and the parameters."""
        ways = [*self.way.inputs.keys, *(p.slots[0].words[0] for p in self.parameters)]
        return leaves_of(self.names, ways, arrays)


def look(
    made: Any,
    way: Way,
    params: Sequence[str] | str | None,
    grads: Mapping[str, str | None],
    returns: Sequence[str | None] | None,
) -> Found:
    """Looks into a layer that has run forward.

    Where gradients are missing, and the layer has a method that takes a step, they are looked for in what that does.

    Raises
    ------
    TypeError, ValueError
        A parameter or a gradient is not found.
    """
    __tracebackhide__ = True
    inputs, usual = way.inputs.leaves, usual_method(made, STEPS)

    def all_of() -> list[Parameter]:
        after = list(try_out(made, way, inputs, ()).now)
        return find_parameters(made, lambda layer: joined(way.run_forward(layer, inputs).output), way.copied, after)

    parameters = all_of() if params is None else asked_parameters(made, params, all_of, way.call)
    parameters = [replace(p, name=f"layer.{p.name}") if p.name in way.inputs.paths else p for p in parameters]
    names = (*way.inputs.paths, *(p.name for p in parameters))
    missing: Missing | None = None
    for step in (way.step, *((usual,) if usual is not None and way.step is None else ())):
        found = Found(replace(way, step=step), tuple(parameters), names, ())
        leaves = found.leaves([*inputs, *found.values(made)])
        try:
            trial = try_out(made, found.way, inputs, parameters)
            return replace(found, sources=tuple(find_sources(trial, found.way, leaves, parameters, grads, returns)))
        except Missing as error:
            missing = missing or error
        except Exception:
            if missing is None:  # else it was a guess: what is missing is the news
                raise
    raise missing or Missing(way.call)
