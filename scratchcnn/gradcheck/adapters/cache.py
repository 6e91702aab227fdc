"""Functions that hand a cache on: `out, cache = forward(*inputs)`, `grads = backward(dout, cache)`."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from scratchcnn.gradcheck.adapters.calling.arguments import CACHE, OUTPUT, Order, order_of
from scratchcnn.gradcheck.adapters.calling.batch import Averaged
from scratchcnn.gradcheck.adapters.calling.cotangents import cotangents
from scratchcnn.gradcheck.adapters.calling.returned import leaves_of, sorted_gradients
from scratchcnn.gradcheck.adapters.options import require_options
from scratchcnn.gradcheck.adapters.pair import Inputs, Pair, chosen, inputs_of, named, title, with_gradients
from scratchcnn.gradcheck.adapters.state import Generators, LastForward
from scratchcnn.gradcheck.written import note_call


def from_cache(
    forward: Callable[..., Any],
    backward: Callable[..., Any],
    *inputs: Any,
    order: Sequence[str] | None = None,
    returns: Sequence[str | None] | None = None,
    output: int | str | None = None,
    cache: int | slice = -1,
    mean: Sequence[str] | str | bool = (),
    batch_axis: int = 0,
    seed: int | None = 0,
) -> Pair:
    """The pair that a check takes, of functions that hand a cache on.

    Parameters
    ----------
    forward
        `forward(*inputs) -> (out, cache)`. Options are bound by `functools.partial`.
    backward
        `backward(dout, cache)`, whose result is one gradient, a tuple of them in the order of the inputs, or a dict by
        their names (`dx` or `grad_x` will do), nested or not. It may take its arguments in another order, the parts of
        the cache one by one, and inputs and output as well.
    inputs
        The inputs of the check, arrays or trees of arrays: then they are returned as well, as arrays.
    order
        The arguments of backward, in order, where their names do not tell: `("cache", "grad_output")`; `"*cache"` for
        its parts one by one, `"output"`, or the name of an input.
    returns
        The names of the inputs whose gradients backward returns, in order, where that is another than theirs; None for
        what is no gradient. What it does not name is not checked.
    output
        Which output is checked, where forward returns several beside the cache: its index or key. Where backward takes
        a cotangent for each, those of the others are zero.
    cache
        Where in what forward returns the cache is; `slice(1, None)` for all after the first.
    mean
        The names of the inputs whose gradients backward divides by the number of samples, or True for all.
    batch_axis
        The axis of the first input along which the samples are.
    seed
        Of a forward that draws (a dropout) from the generators of `numpy.random` or `random`: they are seeded before
        each call, and put back after it. A generator that forward refers to draws the same at each call. None: all are
        left alone.

    Returns
    -------
    tuple
        `(forward, backward)`, and the inputs where they were given.

    Raises
    ------
    TypeError, ValueError
        It cannot be told what an argument, a result or an output is; the message shows the call to make.
    """
    __tracebackhide__ = True
    options: dict[str, Any] = {"order": order, "returns": returns, "output": output, "cache": cache}
    options |= {"mean": mean, "batch_axis": batch_axis, "seed": seed}
    require_options(**options)
    known = inputs_of(forward, inputs)
    call = f"from_cache({title(forward)}, {title(backward)})"
    arguments = order_of(backward, known.names, order, call, cache=True)
    averaged = Averaged(mean, batch_axis, known.paths)
    form = _Cached(
        forward, backward, known, arguments, averaged, cache, output, returns, Generators(seed, (forward,)), call
    )

    def forward_of_leaves(*leaves: Any) -> Any:
        return form.forward_of(leaves)

    def backward_of_leaves(grad_output: Any, *leaves: Any) -> tuple[Any, ...]:
        return form.backward_of(grad_output, leaves)

    with_gradients(forward_of_leaves, returns, known.paths)
    note_call(forward_of_leaves, from_cache, known, {"forward": forward, "backward": backward}, **options)
    return (
        named(forward_of_leaves, title(forward), known.paths),
        named(backward_of_leaves, title(backward), ["grad_output", *known.paths] if known.paths else ()),
        *known.leaves,
    )


@dataclass(frozen=True)
class _Cached:
    """Both functions, and what is known of them."""

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: Inputs
    order: Order
    averaged: Averaged
    where: int | slice
    output: int | str | None
    returns: Sequence[str | None] | None
    shared: Generators
    call: str
    last: LastForward = field(default_factory=LastForward)

    def forward_of(self, leaves: Sequence[Any]) -> Any:
        outputs, _ = self._run(leaves)
        self.last.remember(leaves)
        return self._chosen(outputs)

    def backward_of(self, grad_output: Any, leaves: Sequence[Any]) -> tuple[Any, ...]:
        outputs, cache = self._run(leaves)
        other = self.last.other_than(leaves)
        if other is not None:
            self._run(other)
        parts = outputs[0] if len(outputs) == 1 else outputs
        values = dict(zip(self.inputs.names, self.inputs.built(leaves), strict=False))
        values |= {CACHE: cache, OUTPUT: self._chosen(outputs)}
        values |= cotangents(grad_output, parts, self.output, self.order, self.call)
        returned = self.order.call(self.backward, values)
        known = leaves_of(self.inputs.paths, self.inputs.keys, leaves)
        return tuple(self.averaged.undone(sorted_gradients(returned, known, self.returns, self.call), known))

    def _run(self, leaves: Sequence[Any]) -> tuple[tuple[Any, ...], Any]:
        """The outputs and the cache."""
        given = self.shared.run(lambda: self.forward(*self.inputs.built(leaves)))
        if not isinstance(given, tuple | list) or len(given) < 2:
            raise TypeError(
                f"forward must return (output, cache), got {type(given).__name__}: functions without a cache need no"
                " adapter: check_gradient(forward, backward, *inputs)"
            )
        places = range(len(given))[self.where]
        taken = [places] if isinstance(places, int) else list(places)
        cache = given[self.where]
        return tuple(g for k, g in enumerate(given) if k not in taken), cache

    def _chosen(self, outputs: tuple[Any, ...]) -> Any:
        return chosen(outputs[0] if len(outputs) == 1 else outputs, self.output, self.call, self.order.cotangents)
