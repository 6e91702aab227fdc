"""Losses: one function that returns `(loss, gradient)`, two functions, or an object with a method for either."""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeAlias

import numpy as np

from scratchcnn.gradcheck.adapters.calling.batch import Averaged
from scratchcnn.gradcheck.adapters.calling.cotangents import times_cotangent
from scratchcnn.gradcheck.adapters.calling.methods import GRADIENTS, LOSSES, method_of
from scratchcnn.gradcheck.adapters.calling.returned import leaves_of, sorted_gradients
from scratchcnn.gradcheck.adapters.options import require_options
from scratchcnn.gradcheck.adapters.pair import Inputs, Pair, inputs_of, named, positional, title, with_gradients
from scratchcnn.gradcheck.adapters.state import Generators, LastForward
from scratchcnn.gradcheck.written import note_call

Functions: TypeAlias = tuple[Callable[..., Any], Callable[..., Any] | None]


def from_loss(
    loss: Any,
    *inputs: Any,
    gradient: Callable[..., Any] | None = None,
    fixed: Mapping[str, Any] | None = None,
    returns: Sequence[str | None] | None = None,
    mean: Sequence[str] | str | bool = (),
    batch_axis: int = 0,
    seed: int | None = 0,
) -> Pair:
    """The pair that a check takes, of a loss whose gradient takes no cotangent.

    The adapter multiplies the gradient by the cotangent of the loss, a number; of a loss for each sample, by that of
    the sample.

    Parameters
    ----------
    loss
        A function `loss(*inputs) -> (loss, gradients)`, or `(gradients, loss)` of a loss that is a number; or, with
        `gradient`, one that returns the loss alone. Or an object with a method for either (`forward` and `backward`,
        `loss` and `gradient`, `__call__` and `grad`, ...); a class is made anew for each call.
    inputs
        The inputs of the check, arrays or trees of arrays: then they are returned as well, as arrays.
    gradient
        `gradient(*inputs)`, of the same parameters as `loss`, those left out that it does not take: one gradient, a
        tuple of them in the order of the inputs, or a dict by their names.
    fixed
        Arguments that are no inputs, by their names: labels, a regulariser, options.
    returns
        The names of the inputs whose gradients are returned, in order, where that is another than theirs; None for
        what is no gradient. What it does not name is not checked.
    mean, batch_axis, seed
        As for `from_cache`.

    Returns
    -------
    tuple
        `(forward, backward)`, and the inputs where they were given.

    Raises
    ------
    TypeError, ValueError
        It cannot be told what is what; the message shows the call to make.
    """
    __tracebackhide__ = True
    options: dict[str, Any] = {"gradient": gradient, "fixed": fixed, "returns": returns}
    options |= {"mean": mean, "batch_axis": batch_axis, "seed": seed}
    require_options(**options)
    fixed = dict(fixed or {})
    call = f"from_loss({title(loss)})" if gradient is None else f"from_loss({title(loss)}, gradient={title(gradient)})"
    make, other = _sources(loss, gradient)
    value, _ = make()
    unknown = [name for name in fixed if positional(value) and not _takes(value, name)]
    if unknown:
        raise ValueError(f"fixed names {unknown[0]!r}, which {title(loss)} does not take: {positional(value)}")
    known = inputs_of(value, inputs, skip=tuple(fixed))
    averaged, shared = Averaged(mean, batch_axis, known.paths), Generators(seed, (loss, gradient))
    form = _Loss(make, other, known, fixed, averaged, returns, shared, call)

    def forward_of_leaves(*leaves: Any) -> Any:
        return form.forward_of(leaves)

    def backward_of_leaves(grad_output: Any, *leaves: Any) -> tuple[Any, ...]:
        return form.backward_of(grad_output, leaves)

    with_gradients(forward_of_leaves, returns, known.paths)
    note_call(forward_of_leaves, from_loss, known, {"loss": loss}, **options)
    back = title(gradient) if gradient is not None else f"{title(loss)}'s gradient"
    return (
        named(forward_of_leaves, title(loss), known.paths),
        named(backward_of_leaves, back, ["grad_output", *known.paths] if known.paths else ()),
        *known.leaves,
    )


@dataclass(frozen=True)
class _Loss:
    """Where the loss and its gradient come from (None: the first returns both), and what is known of them.

    `other` makes them of another object than `make`, or of the same functions.
    """

    make: Callable[[], Functions]
    other: Callable[[], Functions]
    inputs: Inputs
    fixed: Mapping[str, Any]
    averaged: Averaged
    returns: Sequence[str | None] | None
    shared: Generators
    call: str
    last: LastForward = field(default_factory=LastForward)

    def forward_of(self, leaves: Sequence[Any]) -> Any:
        value, gradient = self.make()
        found = self._called(value, value, leaves)
        self.last.remember(leaves)
        return found if gradient is not None else self._parts(found)[0]

    def backward_of(self, grad_output: Any, leaves: Sequence[Any]) -> tuple[Any, ...]:
        value, gradient = self.make()
        other = self.last.other_than(leaves)
        if gradient is None:  # what the loss returns is right until it is called again
            self._elsewhere(other)
            returned = self._parts(self._called(value, value, leaves))[1]
        else:
            self._called(value, value, leaves)
            self._elsewhere(other)
            returned = self._called(gradient, value, leaves)
        known = leaves_of(self.inputs.paths, self.inputs.keys, leaves)
        gradients = sorted_gradients(returned, known, self.returns, self.call)
        return tuple(times_cotangent(grad_output, g) for g in self.averaged.undone(gradients, known))

    def _elsewhere(self, other: Sequence[Any] | None) -> None:
        """Calls the loss of another object with other data: see `LastForward`."""
        if other is not None:
            value = self.other()[0]
            self._called(value, value, other)

    def _parts(self, found: Any) -> tuple[Any, Any]:
        if not isinstance(found, tuple | list) or len(found) < 2:
            raise TypeError(
                f"{self.call} must be of a function that returns (loss, gradient), got {type(found).__name__}:"
                f" where the gradient is a function of its own, {self.call.removesuffix(')')}, gradient=...)"
            )
        parts = list(found)
        # The loss is the number among them, and comes first where that does not tell.
        numbers = [k for k, p in enumerate(parts) if not isinstance(p, tuple | list | dict) and np.ndim(p) == 0]
        loss = parts.pop(numbers[0] if len(numbers) == 1 else 0)
        return loss, parts[0] if len(parts) == 1 else tuple(parts)

    def _called(self, function: Callable[..., Any], value: Callable[..., Any], leaves: Sequence[Any]) -> Any:
        """Calls the loss, `value`, or its gradient, with the inputs and what is fixed.

        A gradient gets what it has parameters for, by the names that the loss has; where it has names of its own, all
        in the order of the loss; and nothing where it needs nothing: it remembers what the loss was called with.
        """
        built = self.inputs.built(leaves)
        names = [name for name in positional(value) if name not in self.fixed]
        given = dict(zip(names, built, strict=False)) | dict(self.fixed)
        if function is value:
            call = partial(function, **given) if self.fixed else partial(function, *built)
        elif set(_required(function)) <= set(known := {n: each for n, each in given.items() if _takes(function, n)}):
            call = partial(function, **known)
        else:
            in_order = [given[name] for name in positional(value) if name in given]
            call = partial(function, *(in_order if names else built))
        return self.shared.run(call)


def _sources(loss: Any, gradient: Callable[..., Any] | None) -> tuple[Callable[[], Functions], Callable[[], Functions]]:
    """How the two functions are had, twice: of two copies of an object; of a class, of an object that is made anew."""
    if gradient is not None or inspect.isroutine(loss) or not _is_object(loss):
        return (lambda: (loss, gradient),) * 2
    made = loss() if isinstance(loss, type) else loss
    call = f"from_loss({title(loss)})"
    value, back = method_of(made, LOSSES, None, "loss", call), method_of(made, GRADIENTS, None, "gradient", call)

    def methods_of(make: Callable[[], Any]) -> Callable[[], Functions]:
        def methods() -> Functions:
            of = make()
            return getattr(of, value), getattr(of, back)

        return methods

    if isinstance(loss, type):
        return methods_of(loss), methods_of(loss)
    one, other = copy.deepcopy(loss), copy.deepcopy(loss)
    return methods_of(lambda: one), methods_of(lambda: other)


def _is_object(loss: Any) -> bool:
    """Whether it is an object with methods, and no function in another form, such as a partial."""
    return any(hasattr(loss, name) for name in (*LOSSES, *GRADIENTS) if name != "__call__")


def _takes(function: Callable[..., Any], name: str) -> bool:
    parameters = inspect.signature(function).parameters
    return name in parameters or any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _required(function: Callable[..., Any]) -> list[str]:
    parameters = inspect.signature(function).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
