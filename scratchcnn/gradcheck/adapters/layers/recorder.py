"""An optimiser that changes nothing and remembers which gradient it was handed with which parameter."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from scratchcnn.gradcheck.trees import flatten

# How the names of an optimiser's methods begin.
METHODS = ("update", "step", "apply", "optimi", "adjust", "minimi", "get_", "compute", "calc", "run")


class Recorder:
    """Stands in for an optimiser in whatever form: `opt.update(W, dW)`, `opt.step(params, grads)`, `opt(W, dW)`.

    Each call, and each such method, takes a parameter and its gradient, or containers of them, in either order, and
    returns the parameter as it was.
    """

    def __init__(self) -> None:
        self.parameters: list[Any] = []
        self.gradients: dict[int, Any] = {}

    def expect(self, parameters: Sequence[Any]) -> None:
        """Forgets what it was handed, and knows these arrays for parameters, by identity."""
        self.parameters = list(parameters)
        self.gradients = {}

    def gradient(self, position: int) -> Any:
        """What was handed over with the parameter in this position; None if nothing was."""
        return self.gradients.get(position)

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        """Remembers the gradient that comes with each parameter."""
        given = [a for a in (*arguments, *keywords.values()) if isinstance(a, np.ndarray | dict | list | tuple)]
        if len(given) < 2:
            return given[0] if given else None
        first, second = (flatten(g)[0] for g in given[:2])
        for a, b in zip(first, second, strict=False):
            self._pair(a, b)
        return given[0] if any(self._position(a) is not None for a in first) else given[1]

    def _pair(self, a: Any, b: Any) -> None:
        for parameter, gradient in ((a, b), (b, a)):
            position = self._position(parameter)
            if position is not None:
                self.gradients[position] = gradient
                return

    def _position(self, array: Any) -> int | None:
        return next((k for k, p in enumerate(self.parameters) if p is array), None)

    def __getattr__(self, name: str) -> Any:
        if not name.startswith(METHODS):
            raise AttributeError(name)
        return self

    def __deepcopy__(self, memo: Any) -> "Recorder":
        return self  # layers copy the optimiser that they are handed
