"""A layer that is run: its parameters replaced, forward, backward, and what it leaves behind."""

import copy
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.calling.arguments import CACHE, OPTIMIZER, OUTPUT, RATE, SPREAD, Order
from scratchcnn.gradcheck.adapters.calling.cotangents import cotangents
from scratchcnn.gradcheck.adapters.calling.methods import bound
from scratchcnn.gradcheck.adapters.layers.modes import call_reset, restart
from scratchcnn.gradcheck.adapters.layers.recorder import Recorder
from scratchcnn.gradcheck.adapters.layers.slots import Slot
from scratchcnn.gradcheck.adapters.pair import Inputs, chosen
from scratchcnn.gradcheck.adapters.state import Generators

Method = str | Callable[..., Any]
# What layers that update in place are run at. In w - rate g nothing of g is lost, only of w; a division by a power of
# two is exact. In float16 a larger one overflows.
LARGE, LARGE_IN_HALF = 2.0**60, 2.0**6


@dataclass(frozen=True)
class Parameter:
    """A parameter of a layer: its name, and the places that hold it (the same array in each)."""

    name: str
    slots: tuple[Slot, ...]

    def get(self, layer: Any) -> Any:
        """Its value."""
        return self.slots[0].get(layer)

    def is_in(self, layer: Any) -> bool:
        """Whether the layer has it: some have none before their first call."""
        return self.slots[0].is_in(layer) and self.get(layer) is not None

    def is_within(self, place: Slot) -> bool:
        """Whether one of its places is within this one."""
        return any(slot.way[: len(place.way)] == place.way for slot in self.slots)

    def put(self, layer: Any, value: Any) -> None:
        """Replaces it, wherever it is kept."""
        for slot in self.slots:
            if slot.is_in(layer):
                slot.put(layer, value)


@dataclass(frozen=True)
class Ran:
    """What a forward pass returned: all outputs, the one that is checked, and the cache where it hands one on."""

    outputs: Any
    output: Any
    cache: Any = None


@dataclass(frozen=True)
class Way:
    """How a layer is run: its methods, their arguments, and what happens around them."""

    call: str
    inputs: Inputs
    forward: Method
    backward: Method
    order: Order
    keywords: Mapping[str, Any] = field(default_factory=dict)
    fixed: Mapping[str, Any] = field(default_factory=dict)
    output: int | str | None = None
    reset: Method | None = None
    rates: tuple[Slot, ...] = ()
    step: Method | None = None
    optimizers: tuple[Slot, ...] = ()
    generators: tuple[tuple[Slot, bytes], ...] = ()
    shared: Generators = field(default_factory=lambda: Generators(None))
    copied: Callable[[Any], Any] = copy.deepcopy
    recorder: Recorder = field(default_factory=Recorder)

    @property
    def is_one(self) -> bool:
        """Whether one method returns `(output, gradients)`."""
        return self.forward == self.backward

    @property
    def steps(self) -> bool:
        """Whether parameters may be changed by backward, or after it."""
        return RATE in self.order.roles or bool(self.rates) or self.step is not None

    def run_forward(self, layer: Any, inputs: Sequence[Any]) -> Ran:
        """Runs forward on the leaves of the inputs."""
        call_reset(layer, self.reset)
        restart(layer, self.generators)
        outputs = self.shared.run(lambda: self._called(layer, inputs))
        cache = None
        if CACHE in self.order.roles:
            if not isinstance(outputs, tuple | list) or len(outputs) < 2:
                raise TypeError(
                    f"backward takes a cache, but forward returns no (output, cache): {type(outputs).__name__}"
                )
            *outputs, cache = outputs
            outputs = outputs[0] if len(outputs) == 1 else tuple(outputs)
        if self.is_one:
            outputs, cache = outputs
        return Ran(outputs, chosen(outputs, self.output, self.call, self.order.cotangents), cache)

    def _called(self, layer: Any, inputs: Sequence[Any]) -> Any:
        """What forward returns; beside something that is fixed, inputs are passed by name."""
        function, arguments = bound(layer, self.forward), self.inputs.built(inputs)
        if not self.fixed:
            return function(*arguments, **self.keywords)
        return function(**dict(zip(self.inputs.names, arguments, strict=True)), **self.fixed, **self.keywords)

    def run_backward(
        self,
        layer: Any,
        grad_output: Any,
        ran: Ran,
        inputs: Sequence[Any],
        parameters: Mapping[str, Any],
        share: float = 1.0,
    ) -> Any:
        """Runs backward, and the step where there is one, at a share of the usual rate; returns what backward does."""
        rate = share * rate_for([*inputs, *parameters.values()])
        self.recorder.expect(list(parameters.values()))
        values: dict[str, Any] = dict(zip(self.inputs.names, self.inputs.built(inputs), strict=True))
        values |= self.fixed
        values |= {CACHE: ran.cache, OUTPUT: ran.output, RATE: rate, OPTIMIZER: self.recorder}
        values |= cotangents(grad_output, ran.outputs, self.output, self.order, self.call)
        values |= {role: getattr(layer, role) for role in self.order.roles if role not in values and role != SPREAD}
        for slot in self.optimizers:
            slot.put(layer, self.recorder)
        with self._at(rate, layer):
            returned = ran.cache if self.is_one else self.order.call(bound(layer, self.backward), values)
            if self.step is not None:
                step = bound(layer, self.step)
                step(*([rate] if takes_one(step) else []))
        return returned

    @contextmanager
    def _at(self, rate: float, layer: Any) -> Iterator[None]:
        """Puts the rate where the layer keeps its own, and that back."""
        before = [slot.get(layer) for slot in self.rates]
        for slot in self.rates:
            slot.put(layer, rate)
        try:
            yield
        finally:
            for slot, value in zip(self.rates, before, strict=True):
                slot.put(layer, value)


def rate_for(arrays: Sequence[Any]) -> float:
    """The rate at which the change of a parameter shows its gradient."""
    half = any(isinstance(a, np.ndarray) and a.dtype == np.float16 for a in arrays)
    return LARGE_IN_HALF if half else LARGE


def takes_one(function: Callable[..., Any]) -> bool:
    """Whether a step takes the rate."""
    try:
        return bool(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return False
