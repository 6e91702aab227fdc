"""Layers: objects with a forward and a backward, which keep parameters and gradients wherever they like."""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from scratchcnn.gradcheck.adapters.calling.arguments import Order, order_of, takes_cache
from scratchcnn.gradcheck.adapters.calling.batch import Averaged
from scratchcnn.gradcheck.adapters.calling.methods import BACKWARDS, FORWARDS, bound, method_of
from scratchcnn.gradcheck.adapters.layers.form import LayerForm, Layers
from scratchcnn.gradcheck.adapters.layers.looking import look
from scratchcnn.gradcheck.adapters.layers.modes import flag_of, generators_of, keywords_of, reset_of
from scratchcnn.gradcheck.adapters.layers.running import Method, Way
from scratchcnn.gradcheck.adapters.layers.steps import optimizers_of, rates_of
from scratchcnn.gradcheck.adapters.options import require_options
from scratchcnn.gradcheck.adapters.pair import Pair, inputs_of, named, title
from scratchcnn.gradcheck.adapters.state import Generators
from scratchcnn.gradcheck.written import note_call


def from_layer(
    layer: Any,
    *inputs: Any,
    forward: Method | None = None,
    backward: Method | None = None,
    params: Sequence[str] | str | None = None,
    grads: Mapping[str, str | None] | None = None,
    order: Sequence[str] | None = None,
    returns: Sequence[str | None] | None = None,
    output: int | str | None = None,
    mean: Sequence[str] | str | bool = (),
    batch_axis: int = 0,
    training: bool | str | None = None,
    reset: Method | bool | None = None,
    warm: Method | None = None,
    fixed: Mapping[str, Any] | None = None,
    rate: str | None = None,
    step: Method | None = None,
    optimizer: str | Sequence[str] | None = None,
    seed: int | None = 0,
) -> Pair:
    """The pair that a check takes, of a layer; its parameters are inputs: `assert_gradient(*from_layer(layer, x))`.

    The layer is copied, and stays as it is. For each call its parameters are replaced, never written into. Forward is
    run before each backward. What follows is found by usual names and by trying the layer out; what is not found is
    asked for by a message that shows the call to make.

    Parameters
    ----------
    layer
        The layer, or a network of layers; or a class or function that makes one, which is then made for each call.
    inputs
        What forward takes, arrays or trees of arrays.
    forward, backward
        The names of the methods, or functions that take the layer first. The same name twice is that of a method that
        returns `(loss, gradients)`. A backward that takes no cotangent is that of a loss: the adapter applies it.
    params
        Where the parameters are: `("W", "b")`, `"params"`, `("layers[0].W",)`. Default: the arrays that the layer keeps
        and that its output depends on.
    grads
        Where gradients are after backward, by the name of their input or parameter: `{"W": "cache['dW']"}`; None for
        those that are not to be had. Default: what backward returns, what has a name for it (`dW`, `grads['W']`,
        `W['grad']`, `W.grad`, ...), what is handed to an optimiser, or by how much a step changes the parameter.
    order
        The arguments of backward, in order, where their names do not tell: `"grad_output"`, `"cache"`, `"output"`,
        `"rate"`, `"optimizer"`, or the name of an input or attribute.
    returns
        The names of the inputs and parameters whose gradients backward returns, in order; None for something else.
    output
        Which output is checked, where forward returns several: its index or key.
    mean
        The names of the inputs and parameters whose gradients are averaged over the samples, or True for all.
    batch_axis
        The axis of the first input along which the samples are.
    training
        What the layer's flag for training is set to: a parameter of forward, an attribute, or `train()` and `eval()`.
    reset
        What clears gradients that add up (`+=`) before each forward: a method, a function of the layer, or True to have
        them set to zero.
    warm
        What is called once for a layer that is new: a method, or a function of the layer. Forward is run once anyway.
    fixed
        Arguments of forward that are no inputs, by their names: labels, masks, the input of a layer that has no
        gradient for it.
    rate
        The attribute that holds the rate, where backward, or `step`, takes its step in place.
    step
        The method that takes the step after backward, or a function of the layer and the rate.
    optimizer
        The attributes that hold an optimiser: another is put there that notes what it is handed.
    seed
        Of a forward that draws (a dropout) from the generators of `numpy.random` or `random`: they are seeded before
        each call, and put back after it. Generators that the layer holds, or its class refers to, draw the same at each
        call. None: all are left alone.

    Returns
    -------
    tuple
        `(forward, backward, *inputs, *parameters)`.

    Raises
    ------
    TypeError, ValueError
        Something is not found, or an option names what is not there; the message shows the call to make.
    """
    __tracebackhide__ = True
    options: dict[str, Any] = {"forward": forward, "backward": backward, "params": params, "grads": grads}
    options |= {"order": order, "returns": returns, "output": output, "mean": mean, "batch_axis": batch_axis}
    options |= {"training": training, "reset": reset, "warm": warm, "fixed": fixed, "rate": rate, "step": step}
    options |= {"optimizer": optimizer, "seed": seed}
    require_options(**options)
    shown = title(layer) if inspect.isroutine(layer) or isinstance(layer, type) else f"{title(layer)}(...)"
    call = f"from_layer({shown}, {'x' if len(inputs) < 2 else '*inputs'})"
    fixed = dict(fixed or {})
    _refuse(layer, inputs or tuple(fixed), call)
    layers = Layers(layer, warm, None, call)
    made = layers.new()
    runs, takes = _methods(made, forward, backward, call)
    flag = flag_of(bound(made, runs))
    if training is not None and flag is None:
        layers = replace(layers, training=training)
        made = layers.new()
    known = inputs_of(bound(made, runs), inputs, skip=(*fixed, flag.name if flag else ""), empty=True)
    way = Way(
        call=call,
        inputs=known,
        forward=runs,
        backward=takes,
        order=Order(()) if runs == takes else _order(made, takes, (*known.names, *fixed), order, call),
        keywords=keywords_of(flag, training),
        fixed=fixed,
        output=output,
        reset=reset_of(made, reset),
        rates=rates_of(made, rate, call),
        step=step,
        optimizers=optimizers_of(made, optimizer, call),
        generators=() if seed is None else generators_of(made),
        shared=Generators(seed, (type(made),)),
        copied=layers.copied,
    )
    way.run_forward(made, known.leaves)  # layers may be built by the first call
    found = look(made, way, params, grads or {}, returns)
    averaged = Averaged(mean, batch_axis, found.names)
    form = LayerForm(found, layers, averaged, returns, clears=reset is True)
    form.start(made, adds_up_is_known=reset is not None or way.reset is not None)
    forward_of_leaves = note_call(lambda *given: form.forward_of(given), from_layer, known, {"layer": layer}, **options)
    return (
        named(forward_of_leaves, _title(made, runs, "forward"), found.names),
        named(
            lambda g, *given: form.backward_of(g, given), _title(made, takes, "backward"), ["grad_output", *found.names]
        ),
        *known.leaves,
        *found.values(made),
    )


def _refuse(layer: Any, inputs: Sequence[Any], call: str) -> None:
    """Refuses what is no layer, or has an adapter of its own.

    Raises
    ------
    TypeError
        The message names what to pass.
    """
    __tracebackhide__ = True
    if inspect.ismethod(layer) and not isinstance(layer.__self__, type):
        owner = title(type(layer.__self__))
        raise TypeError(f"{title(layer)} is a method: pass the {owner} itself, from_layer(layer, x)")
    for kind in (layer if isinstance(layer, type) else type(layer)).__mro__:
        library = kind.__module__.partition(".")[0]
        if library in ("torch", "keras", "tensorflow"):
            adapter = "from_torch" if library == "torch" else "from_tensorflow"
            raise TypeError(f"{title(layer)} is a layer of {library}: {adapter}(layer, x)")
    if not inputs:
        raise TypeError(f"from_layer needs the inputs of forward, to find the layer's parameters: {call}")


def _methods(made: Any, forward: Method | None, backward: Method | None, call: str) -> tuple[Method, Method]:
    """The two methods by their names, or functions that stand for them."""
    __tracebackhide__ = True
    return (
        forward if callable(forward) else method_of(made, FORWARDS, forward, "forward", call),
        backward if callable(backward) else method_of(made, BACKWARDS, backward, "backward", call),
    )


def _order(made: Any, backward: Method, names: Sequence[str], order: Sequence[str] | None, call: str) -> Order:
    """The order of backward's arguments; where it is given, attributes of the layer may be among them."""
    __tracebackhide__ = True
    function = bound(made, backward)
    known = [*names, *(n for n in order or () if hasattr(made, n) and n not in names)]
    return order_of(function, known, order, call, cache=takes_cache(function, order, known))


def _title(made: Any, method: Method, role: str) -> str:
    return f"{title(type(made))}.{method if isinstance(method, str) else role}"
