"""The layers that a check runs: one copy that lives on, or a new one for each call; and another beside it."""

import copy
import inspect
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.batch import Averaged
from scratchcnn.gradcheck.adapters.calling.cotangents import of_each, times_cotangent
from scratchcnn.gradcheck.adapters.calling.methods import bound
from scratchcnn.gradcheck.adapters.layers.gradients import collected, returned_of
from scratchcnn.gradcheck.adapters.layers.looking import Found
from scratchcnn.gradcheck.adapters.layers.modes import set_training
from scratchcnn.gradcheck.adapters.layers.running import Method
from scratchcnn.gradcheck.adapters.layers.slots import is_array, is_number, slots_of
from scratchcnn.gradcheck.adapters.pair import title
from scratchcnn.gradcheck.adapters.state import RUNNING, LastForward, are_plain
from scratchcnn.gradcheck.raised import in_words
from scratchcnn.gradcheck.remarks import remark


@dataclass(frozen=True)
class Layers:
    """Where layers come from: copies of the one that is given, or what a class or function makes."""

    given: Any
    warm: Method | None
    training: bool | str | None
    call: str

    @property
    def are_made(self) -> bool:
        """Whether a class or function makes them."""
        return isinstance(self.given, type | partial) or inspect.isroutine(self.given)

    def new(self) -> Any:
        """A new layer, warm and in the mode that is asked for.

        Raises
        ------
        TypeError
            It cannot be copied.
        """
        made = self.given() if self.are_made else self._copy()
        if self.warm is not None:
            bound(made, self.warm)()
        if self.training is not None:
            set_training(made, self.training, self.call)
        return made

    def copied(self, layer: Any) -> Any:
        """A copy of a layer; where it cannot be copied, one that is made anew, with the same numbers in it."""
        try:
            return copy.deepcopy(layer)
        except Exception:
            if not self.are_made:
                raise
        made = self.new()
        for place, value in slots_of(layer, is_number):
            place.put(made, np.copy(value) if is_array(value) else value)
        return made

    def _copy(self) -> Any:
        try:
            return copy.deepcopy(self.given)
        except Exception as error:
            raise TypeError(
                f"{title(type(self.given))} cannot be copied ({in_words(error)}): pass a function that"
                f" makes it, from_layer(lambda: {title(type(self.given))}(...), x)"
            ) from error


@dataclass(frozen=True)
class LayerForm:
    """A layer as a pair of functions of its inputs and parameters.

    `clears` says that the gradients in the layer are set to zero before each forward. `running` holds the layer that
    lives on, and another beside it; `slower` are the gradients of the first call at half the rate of learning.
    """

    found: Found
    layers: Layers
    averaged: Averaged
    returns: Sequence[str | None] | None
    clears: bool
    last: LastForward = field(default_factory=LastForward)
    running: list[Any] = field(default_factory=list)
    slower: list[Any] = field(default_factory=list)

    def start(self, made: Any, *, adds_up_is_known: bool) -> None:
        """Makes both of one that has run forward.

        Raises
        ------
        TypeError
            Gradients add up from call to call, and nothing clears them.
        """
        if self.layers.are_made:
            return  # nothing lives on, and nothing adds up
        self.running[:] = [self.layers.copied(made), self.layers.copied(made)]
        if not adds_up_is_known:
            self._refuse_sums(self.layers.copied(made))

    def forward_of(self, leaves: Sequence[Any]) -> Any:
        """The output at these inputs and parameters."""
        with RUNNING:
            layer = self._layer(0, leaves)
            inputs, _ = self._placed(layer, leaves)
            output = self.found.way.run_forward(layer, inputs).output
            self.last.remember(leaves)
        return output

    def backward_of(self, grad_output: Any, leaves: Sequence[Any]) -> tuple[Any, ...]:
        """Their gradients, after a forward there."""
        found = self._gradients(self._layer(0, leaves), grad_output, leaves)
        if self.found.way.steps and not self.slower:
            self.slower[:] = self._gradients(self._layer(0, leaves), grad_output, leaves, share=0.5)
            self._remark_updates(found)
        return tuple(found)

    def _remark_updates(self, gradients: Sequence[Any]) -> None:
        """Says which gradients of inputs a slower rate of learning changes."""
        inputs = len(gradients) - len(self.found.parameters)
        for name, one, other in list(zip(self.found.names, gradients, self.slower, strict=True))[:inputs]:
            if not np.array_equal(one, other, equal_nan=True):
                remark(
                    f"the gradient of {name!r} changes with the rate of learning: backward uses what it has updated"
                    " already"
                )

    def _gradients(self, layer: Any, grad_output: Any, leaves: Sequence[Any], share: float = 1.0) -> list[Any]:
        way, sources = self.found.way, self.found.sources
        if way.steps:
            layer = self.layers.copied(layer)  # a step leaves more than parameters: a momentum
        inputs, parameters = self._placed(layer, leaves)
        ran = way.run_forward(layer, inputs)
        self._run_beside(leaves)
        of_name = {p.name: value for p, value in zip(self.found.parameters, parameters, strict=True)}
        given = way.run_backward(layer, grad_output, ran, inputs, of_name, share)
        known = self.found.leaves(leaves)
        returned = returned_of(given, known, sources, self.returns, way.call)
        gradients = self.averaged.undone(collected(layer, way, sources, returned, leaves[len(inputs) :], leaves), known)
        return gradients if way.order.cotangents else [times_cotangent(grad_output, g) for g in gradients]

    def _run_beside(self, leaves: Sequence[Any]) -> None:
        """Runs another layer forward on other data, where the last forward was on such."""
        other = self.last.other_than(leaves)
        if other is not None:
            beside = self._layer(1, other)
            self.found.way.run_forward(beside, self._placed(beside, other)[0])

    def _layer(self, which: int, leaves: Sequence[Any]) -> Any:
        """The layer that lives on (0), or another (1); made anew where a class or function makes them."""
        if not self.layers.are_made:
            # What is no array of floats (the balls of a proof) must not be seen in a later call.
            return self.running[which] if are_plain(leaves) else self.layers.copied(self.running[which])
        made = self.layers.new()
        if not all(p.is_in(made) for p in self.found.parameters):
            self.found.way.run_forward(made, self.found.way.inputs.leaves)  # its first call builds it
        return made

    def _placed(self, layer: Any, leaves: Sequence[Any]) -> tuple[Sequence[Any], list[Any]]:
        """Replaces the parameters; returns the inputs and the parameters as the layer has them."""
        parameters = self.found.parameters
        first = len(leaves) - len(parameters)
        values = [v.copy() if self.found.way.steps else v for v in leaves[first:]]
        for parameter, value, source in zip(parameters, values, self.found.sources[first:], strict=True):
            parameter.put(layer, value)
            if self.clears and source.slot is not None and source.kind == "kept":
                source.slot.put(layer, np.zeros_like(value))
        return leaves[:first], values

    def _refuse_sums(self, layer: Any) -> None:
        way = self.found.way
        values = [*way.inputs.leaves, *self.found.values(layer)]
        cotangent = of_each(way.run_forward(layer, way.inputs.leaves).output, np.ones_like)
        once, twice = ([np.copy(g) for g in self._gradients(layer, cotangent, values)] for _ in range(2))
        for name, source, a, b in zip(self.found.names, self.found.sources, once, twice, strict=True):
            if source.kind == "kept" and np.any(a) and np.array_equal(2 * a, b):
                raise TypeError(
                    f"the gradient of {name!r} in {source.slot} grows with each call of backward. If it is meant to add"
                    f" up, say what clears it: {way.call.removesuffix(')')}, reset='name of the method'), or reset=True"
                    " to have it set to zero"
                )
