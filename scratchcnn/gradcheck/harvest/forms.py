"""A pair and one of its calls, as the two functions of arrays that a check takes.

What are inputs, and what are options, is told by the values of the call: arrays that hold floats, or trees of them, are
inputs, and so are arrays of integers; numbers, words and None are options. What backward takes is told by the names
of its parameters.
"""

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.adapters.cache import from_cache
from scratchcnn.gradcheck.adapters.calling.arguments import CACHES, CLEARLY, GRAD, OUTPUT, OUTPUTS, Order, order_of
from scratchcnn.gradcheck.adapters.calling.returned import by_key
from scratchcnn.gradcheck.adapters.calling.words import plain, same
from scratchcnn.gradcheck.adapters.jax import from_jax
from scratchcnn.gradcheck.adapters.layer import from_layer
from scratchcnn.gradcheck.adapters.loss import from_loss
from scratchcnn.gradcheck.adapters.pair import named, title
from scratchcnn.gradcheck.adapters.state import seeded
from scratchcnn.gradcheck.adapters.torch import from_torch
from scratchcnn.gradcheck.harvest.arguments import Arguments, bound_to, is_input
from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.pairs import Pair
from scratchcnn.gradcheck.trees import flatten, unflatten

# Seeds what forward draws, as a dropout does.
SEED = 0
_REQUIRED = inspect.Parameter.empty
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Form:
    """What `check_gradient` is given.

    `plain` says that these are the pair's own functions, called as they are, so that a call can be printed.
    """

    forward: Callable[..., Any]
    backward: Callable[..., Any]
    inputs: Sequence[Any]
    wrt: Sequence[str] | None = None
    plain: bool = False


def form_of(pair: Pair, call: Call) -> Form:
    """The two functions that a check takes, and the inputs of the call.

    Raises
    ------
    TypeError, ValueError
        It cannot be told what the arguments, or results, of the pair are.
    """
    if pair.framework:
        return _rule_form(pair, call)
    if pair.owner is not None:
        return _object_form(pair, call)
    return _function_form(pair.forward, pair.backward, call)


def call_forward(pair: Pair, call: Call) -> Any:
    """Calls forward as it was called."""
    if pair.framework:
        rule: Any = pair.forward
        apply = rule.apply if pair.framework == "torch" else rule
        return apply(*call.arguments["args"], **call.arguments.get("kwargs", {}))
    arguments = Arguments(pair.forward, call)
    return arguments.taking_inputs()(*arguments.inputs.values())


def options_of(pair: Pair, call: Call) -> dict[str, Any]:
    """The arguments of a call that are no inputs, by their names."""
    if not pair.framework:
        return Arguments(pair.forward, call).fixed
    given = call.arguments["args"]
    options = {n: v for n, v in zip(rule_names(pair, len(given)), given, strict=True) if not is_input(v)}
    return {**options, **call.arguments.get("kwargs", {})}


def _function_form(forward: Callable[..., Any], backward: Callable[..., Any], call: Call) -> Form:
    arguments = Arguments(forward, call)
    inputs = list(arguments.inputs.values())
    if not inputs:
        raise TypeError(f"no argument of {title(forward)} is an array of floats")
    names = list(arguments.inputs)
    of_inputs = arguments.taking_inputs()
    with seeded(SEED):
        output = of_inputs(*copy.deepcopy(inputs))
    options = _options(backward, arguments)
    bound = bound_to(options, backward)
    if isinstance(output, tuple | list) and len(output) > 1 and _takes_cache(backward, arguments):
        return Form(*_split(from_cache(of_inputs, bound, *inputs, seed=SEED)))
    if not _takes_cotangent(backward, arguments, output):
        return _without_cotangent(of_inputs, bound, arguments, output)
    order = order_of(bound, names, None, f"check_gradient({title(forward)}, {title(backward)}, ...)", cache=False)
    order = _with_optional(_with_spread(order, bound, names), bound, names)

    def called(grad_output: Any, *given: Any) -> Any:
        values = dict(zip(names, given, strict=True)) | {GRAD: grad_output}
        if OUTPUT in order.roles and OUTPUT not in names:
            values[OUTPUT] = of_inputs(*given)
        return order.call(bound, values)

    def of_cotangent(grad_output: Any, *given: Any) -> Any:
        return _of_inputs(called(grad_output, *given), arguments)

    returned = called(_ones(output), *copy.deepcopy(inputs))
    of_those = _of_inputs(returned, arguments)
    checked = _answered(of_those, arguments)
    if order == Order((GRAD, *names)) and of_those is returned:
        return Form(of_inputs, bound, inputs, checked, plain=_is_own(of_inputs, forward) and _is_own(bound, backward))
    return Form(of_inputs, named(of_cotangent, title(backward), ["grad_output", *names]), inputs, checked)


def _is_own(function: Callable[..., Any], given: Callable[..., Any]) -> bool:
    """Whether this is the function that was given, or `functools.partial` of it."""
    return function is given or isinstance(function, partial)


def _options(backward: Callable[..., Any], arguments: Arguments) -> dict[str, Any]:
    """The arguments of the call that are no inputs and that backward takes under the same names."""
    parameters = inspect.signature(backward).parameters
    return {n: v for n, v in arguments.fixed.items() if n in parameters or _double(parameters)}


def _double(parameters: Mapping[str, inspect.Parameter]) -> bool:
    """Whether a function takes `**options`, whatever their names."""
    return any(p.kind is p.VAR_KEYWORD for p in parameters.values())


def _required(backward: Callable[..., Any], arguments: Arguments) -> list[inspect.Parameter]:
    """The parameters of backward that must be given, and that no argument of forward has the name of."""
    parameters = inspect.signature(backward).parameters.values()
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    required = [p for p in parameters if p.default is _REQUIRED and p.kind in kinds]
    return [p for p in required if not any(same(p.name, name) for name in arguments.values)]


def _takes_cache(backward: Callable[..., Any], arguments: Arguments) -> bool:
    """Whether backward takes what forward hands on: a parameter of that name, or one more than the cotangent."""
    unknown = _required(backward, arguments)
    return any(plain(p.name) in CACHES for p in unknown) or len(unknown) == 2


def _takes_cotangent(backward: Callable[..., Any], arguments: Arguments, output: Any) -> bool:
    """Whether backward is given a gradient from above; else it is the derivative itself.

    Raises
    ------
    TypeError
        It takes one argument, which may be either.
    """
    unknown = [p for p in _required(backward, arguments) if plain(p.name) not in OUTPUTS]
    parameters = inspect.signature(backward).parameters.values()
    if not unknown:  # a cotangent with a default, as in dout=1
        return any(CLEARLY.fullmatch(plain(p.name)) for p in parameters if p.name not in arguments.values)
    if len(parameters) == 1 and not CLEARLY.fullmatch(plain(unknown[0].name)) and len(arguments.inputs) == 1:
        raise TypeError(
            f"{title(backward)}({unknown[0].name}): is {unknown[0].name!r} the input, the output, or the gradient from"
            " above? Give it the name of the input, 'output', or 'grad_output'"
        )
    return True


def _without_cotangent(
    forward: Callable[..., Any], derivative: Callable[..., Any], arguments: Arguments, output: Any
) -> Form:
    """The form of a derivative that takes no cotangent: of a number, of each entry alone, or a Jacobian."""
    names, inputs = list(arguments.inputs), list(arguments.inputs.values())
    if np.ndim(output) == 0:
        shared = [n for n in names if n in inspect.signature(derivative).parameters] or names
        returned = derivative(*copy.deepcopy([arguments.inputs[n] for n in shared]))
        checked = _answered(returned, arguments)
        return Form(*_split(from_loss(forward, *inputs, gradient=derivative, returns=checked, seed=SEED)), checked)
    takes_output = not any(same(n, names[0]) for n in inspect.signature(derivative).parameters)

    def slope(x: Any) -> Any:
        return derivative(forward(x) if takes_output else x)

    shape = np.shape(inputs[0])
    times = None if len(inputs) != 1 else _times(np.shape(output), shape, np.shape(slope(copy.deepcopy(inputs[0]))))
    if times is None:
        raise TypeError(
            f"{title(derivative)} takes no gradient from above: it can be checked where there is one input, as the"
            " derivative of each entry alone, of the shape of input and output, or as the Jacobian, of the output's"
            " axes and then the input's"
        )

    def backward(grad_output: Any, x: Any) -> Any:
        return times(grad_output, slope(x))

    return Form(forward, named(backward, title(derivative), ["grad_output", *names]), inputs)


def _times(output: Shape, given: Shape, found: Shape) -> Callable[[Any, Any], Any] | None:
    """How the gradient from above is multiplied by a derivative of this shape; None where it fits neither."""
    if output == given and len(found) <= len(given):
        return lambda g, slope: g * slope
    if found == (*output, *given):
        return lambda g, slope: np.tensordot(g, slope, len(output))
    if output[:-1] == given[:-1] and found == (*output, given[-1]):  # one for each sample
        return lambda g, slope: np.einsum("...i,...ij->...j", g, slope)
    return None


def _with_spread(order: Order, backward: Callable[..., Any], names: Sequence[str]) -> Order:
    """The order, with the inputs that forward takes as `*parameters`, where backward does so too."""
    spread = any(p.kind is p.VAR_POSITIONAL for p in inspect.signature(backward).parameters.values())
    starred = [name for name in names if spread and name.endswith("]") and name not in order.roles]
    return Order((*order.positional, *starred), order.keywords)


def _with_optional(order: Order, backward: Callable[..., Any], names: Sequence[str]) -> Order:
    """The order, with the inputs that backward takes but can do without, such as a bias."""
    optional = [
        (p.name, name)
        for p in inspect.signature(backward).parameters.values()
        for name in names
        if p.default is not _REQUIRED and p.name == name and name not in order.roles
    ]
    return Order(order.positional, (*order.keywords, *optional))


def _of_inputs(returned: Any, arguments: Arguments) -> Any:
    """The gradients of the inputs, where backward returns one for each argument, None for the options."""
    if isinstance(returned, dict):
        if [returned.keys()] == [getattr(value, "keys", tuple)() for value in arguments.inputs.values()]:
            return returned  # it is that of the one input, which is a dict too
        returned = by_key(returned, list(arguments.values))
    many = isinstance(returned, tuple | list) and len(returned) == len(arguments.values) > len(arguments.inputs)
    return (
        tuple(g for g, n in zip(returned, arguments.values, strict=True) if n in arguments.inputs) if many else returned
    )


def _answered(returned: Any, arguments: Arguments) -> list[str] | None:
    """The inputs that backward answers for, where it returns fewer gradients than inputs hold floats: the first."""
    floating = [n for n, v in arguments.inputs.items() if not isinstance(v, np.ndarray) or v.dtype.kind == "f"]
    given = returned if isinstance(returned, tuple | list) else [returned]
    return floating[: len(given)] if len(given) < len(floating) else None


def _ones(output: Any) -> Any:
    """A cotangent, to see what backward returns."""
    leaves, structure = flatten(output)
    return unflatten(structure, [np.ones_like(leaf) for leaf in leaves])


def _split(pair: Sequence[Any]) -> tuple[Any, Any, Sequence[Any]]:
    forward, backward, *inputs = pair
    return forward, backward, inputs


def _object_form(pair: Pair, call: Call) -> Form:
    """The form of an object's methods: of a layer with a state, or of functions that are kept in a class."""
    first = next(iter(call.arguments))
    hidden = {"self", "cls", pair.object_name}
    owner = call.arguments[first] if first in hidden else pair.owner
    rest = {name: value for name, value in call.arguments.items() if name not in hidden}
    call = Call(rest, call.spread, call.where, call.size, call.options)
    forward, backward = (getattr(owner, method.__name__) for method in (pair.forward, pair.backward))
    arguments = Arguments(forward, call)
    shared = [name for name in arguments.inputs if name in inspect.signature(backward).parameters]
    if shared and len(shared) == sum(not name.endswith("]") for name in arguments.inputs):
        return _function_form(forward, backward, call)
    inputs = list(arguments.inputs.values())
    return Form(*_split(from_layer(owner, *inputs, fixed=arguments.fixed, seed=SEED)))


def _rule_form(pair: Pair, call: Call) -> Form:
    """The form of a framework's rule: its tensors are inputs, what else it is given stays."""
    given = call.arguments["args"]
    places = [k for k, value in enumerate(given) if hasattr(value, "__dlpack__")]
    rule: Any = pair.forward
    apply = rule.apply if pair.framework == "torch" else rule

    def of_tensors(*tensors: Any) -> Any:
        there = dict(zip(places, tensors, strict=True))
        return apply(*(there.get(k, value) for k, value in enumerate(given)), **call.arguments.get("kwargs", {}))

    names = rule_names(pair, len(given))
    function = named(of_tensors, title(pair.forward), [names[k] for k in places])
    adapter = from_torch if pair.framework == "torch" else from_jax
    forward, backward, *inputs = adapter(function, *(given[k] for k in places))
    asked = [names[k] for k in places if getattr(given[k], "requires_grad", False)]
    return Form(forward, backward, inputs, asked or None)


def rule_names(pair: Pair, count: int) -> list[str]:
    """The names of a rule's arguments: of torch's those of its forward, less the context."""
    rule: Any = pair.forward
    names = list(inspect.signature(rule.forward if pair.framework == "torch" else rule).parameters)
    names = names[1:] if pair.framework == "torch" and names[:1] == ["ctx"] else names
    return [*names[:count], *(f"input {k}" for k in range(len(names), count))]
