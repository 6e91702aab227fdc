"""The arguments of a forward pass: from a function `samples(rng)` beside it, the command line, or its docstring."""

import inspect
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, is_dataclass
from types import ModuleType
from typing import Any

import numpy as np

from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.checking import refusal
from scratchcnn.gradcheck.harvest.forms import rule_names
from scratchcnn.gradcheck.harvest.pairs import Pair
from scratchcnn.gradcheck.in_file.shapes import Shape, is_no_array, lengths_of, shape_of
from scratchcnn.gradcheck.in_file.specs import Spec
from scratchcnn.gradcheck.in_file.target import names_of
from scratchcnn.gradcheck.raised import in_words

_SPREAD = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)


class CannotDraw(Exception):
    """It is not known what the arguments are; the message says how to tell."""


@dataclass(frozen=True)
class Asked:
    """What the command line says of the arguments: arrays to draw, and options, which `__init__` may take as well."""

    inputs: Mapping[str, Spec] = field(default_factory=dict)
    options: Mapping[str, Any] = field(default_factory=dict)


def calls_of(pair: Pair, module: ModuleType, rng: np.random.Generator, asked: Asked) -> list[Call]:
    """The calls at which a pair is checked.

    Raises
    ------
    CannotDraw
        It cannot be told what its arguments are.
    """
    asked = Asked({n: spec for n, spec in asked.inputs.items() if n in parameters_of(pair)}, asked.options)
    samples = None if asked.inputs else _samples(pair, module, rng)
    if samples is None:
        return [_drawn(pair, rng, asked)]
    return [_call(pair, _named(pair, sample, asked)) for sample in samples]


def _samples(pair: Pair, module: ModuleType, rng: np.random.Generator) -> list[Any] | None:
    """What a function for this pair, or for all, gives; None where there is none, or it has nothing for this pair."""
    names = names_of(pair) | {pair.forward.__name__, pair.backward.__name__}
    own = [getattr(module, f"{name}_samples", None) for name in sorted(names)]
    function = next(filter(callable, [*own, getattr(module, "samples", None)]), None)
    if function is None:
        return None
    try:
        given = function(rng)
        given = list(given) if isinstance(given, Iterator) else given
    except Exception as error:
        raise CannotDraw(f"{function.__name__}(rng) raises {in_words(error)}") from error
    if isinstance(given, dict) and not names.isdisjoint(given):
        given = next(value for name, value in given.items() if name in names)
    elif isinstance(given, dict) and any(hasattr(module, str(name)) for name in given):
        return None
    samples = given if isinstance(given, list) else [given]
    own = [sample for sample in samples if not _is_of_another(pair, sample, module)]
    return own if own or not samples else None


def _is_of_another(pair: Pair, sample: Any, module: ModuleType) -> bool:
    """Whether a sample begins with an object of a class of the module that is not the pair's."""
    first = sample[0] if isinstance(sample, tuple) and sample else sample
    kind = type(first)
    owner = pair.owner if isinstance(pair.owner, type) else type(pair.owner)
    return getattr(module, kind.__name__, None) is kind and not isinstance(first, owner) and not is_dataclass(first)


def _named(pair: Pair, sample: Any, asked: Asked) -> dict[str, Any]:
    """The arguments of a sample by the names of the parameters: it is a tuple, a dict, or one array."""
    parameters = _parameters(pair)
    if isinstance(sample, dict):
        return {**sample, **asked.options}
    values = list(sample) if isinstance(sample, tuple) else [sample]
    names = [p.name for p in parameters if p.kind is not p.VAR_KEYWORD]
    if isinstance(pair.owner, type) and values and isinstance(values[0], pair.owner):
        names.insert(0, pair.object_name)
    spread = next((p.name for p in parameters if p.kind is p.VAR_POSITIONAL), None)
    if len(values) > len(names) and spread is None:
        raise CannotDraw(f"samples gives {len(values)} arguments, and {pair.forward.__qualname__} takes {len(names)}")
    if spread is None:
        return {**dict(zip(names, values, strict=False)), **asked.options}
    before = names.index(spread)
    return {**dict(zip(names[:before], values, strict=False)), spread: tuple(values[before:]), **asked.options}


def _drawn(pair: Pair, rng: np.random.Generator, asked: Asked) -> Call:
    """Arguments of the shapes that the command line or else the docstring gives, at which forward is finite."""
    known = _shapes(pair, asked)
    refused, given = "", {**_own_lengths(pair), **asked.options}
    for lengths in lengths_of(list(known.values())):
        lengths |= {letter: given[letter] for letter in lengths if type(given.get(letter)) is int}
        specs = {name: shape.spec(lengths) for name, shape in known.items()} | dict(asked.inputs)
        for positive in (False, True):
            arrays = {name: spec.drawn(rng, positive=positive) for name, spec in specs.items()}
            call = _call(pair, arrays | dict(asked.options))
            reason = refusal(pair, call)
            if not reason:
                return call
            refused = refused or f"{reason}, at {_shown(arrays)}"
    raise CannotDraw(f"{refused}: give other shapes with --input, or write a function samples(rng)")


def _own_lengths(pair: Pair) -> dict[str, Any]:
    """What a shape may be given by: the defaults of a class's `__init__`, the attributes of an object."""
    if not isinstance(pair.owner, type):
        return dict(getattr(pair.owner, "__dict__", {}))
    try:
        parameters = inspect.signature(pair.owner).parameters.values()
    except (TypeError, ValueError):  # a class written in C has no signature to read
        return {}
    return {p.name: p.default for p in parameters}


def _shapes(pair: Pair, asked: Asked) -> dict[str, Shape]:
    """The shapes that the docstring gives of what the command line says nothing of."""
    places = (pair.forward, pair.owner, pair.backward)
    docstring = "\n".join(inspect.getdoc(place) or "" for place in places if place is not None)
    known: dict[str, Shape] = {}
    for parameter in _parameters(pair):
        name, needed = parameter.name, parameter.default is parameter.empty and parameter.kind not in _SPREAD
        if name in asked.inputs or name in asked.options:
            continue
        shape = shape_of(docstring, name)
        if shape is not None and (needed or shape.axes):  # a number with a default is an option
            known[name] = shape
        elif needed:
            raise CannotDraw(_unknown(name, docstring))
    return known


def _unknown(name: str, docstring: str) -> str:
    """What is said of an argument of which nothing is known, or only that it is no array."""
    if is_no_array(docstring, name):
        return (
            f"{name!r} is no array, as the docstring says: give --option {name}=VALUE (a dict, too:"
            f" --option \"{name}={{'stride': 1}}\"), or write a function samples(rng) that returns the arguments"
        )
    return (
        f"no shape is known of {name!r}: give --input {name}=4x3 (or --option {name}=VALUE), say it in the docstring,"
        f" as in `{name} : (N, D) array`, or write a function samples(rng) that returns the arguments"
    )


def _call(pair: Pair, values: Mapping[str, Any]) -> Call:
    """The call with these arguments; what a class's `__init__` takes of them makes its object.

    Raises
    ------
    CannotDraw
        Some of them are no parameters, or an object cannot be made.
    """
    parameters = _parameters(pair)
    names = [p.name for p in parameters]
    arguments = {p.name: p.default for p in parameters if p.default is not p.empty}
    arguments |= {name: value for name, value in values.items() if name in names}
    others = {name: value for name, value in values.items() if name not in names}
    starred, double = (next((p.name for p in parameters if p.kind is kind), "") for kind in _SPREAD)
    owner = others.pop(pair.object_name, None)
    if pair.object_name:
        arguments[pair.object_name] = owner if owner is not None else _made(pair, others)
    elif double:
        arguments[double] = others
    elif others:
        raise CannotDraw(f"{pair.forward.__qualname__} takes no {next(iter(others))!r}: it takes {', '.join(names)}")
    if pair.framework:
        arguments = {"args": tuple(_tensor(arguments[n], pair.framework) for n in names if n in arguments)}
        return Call(arguments, ("args", ""), "", 0, ())
    order = [pair.object_name, *names] if pair.object_name else names
    empty: dict[str, Any] = {starred: (), double: {}}
    complete = {name: arguments.get(name, empty.get(name)) for name in order if name in arguments or name in empty}
    return Call(complete, (starred, double), "", 0, ())


def _made(pair: Pair, options: Mapping[str, Any]) -> Any:
    """The object whose methods are checked.

    Raises
    ------
    CannotDraw
        Its class cannot be called with these options.
    """
    if not isinstance(pair.owner, type):
        return pair.owner
    try:
        return pair.owner(**options)
    except Exception as error:  # what a caller's class raises has no end
        name = pair.owner.__name__
        raise CannotDraw(
            f"{name} cannot be made ({in_words(error)}): make one beside it (layer = {name}(...)), give"
            f" what it takes with --option, or write a function samples(rng) that returns ({name}(...), x)"
        ) from error


def parameters_of(pair: Pair) -> list[str]:
    """The names of what forward takes."""
    return [parameter.name for parameter in _parameters(pair)]


def _parameters(pair: Pair) -> list[inspect.Parameter]:
    """The parameters of forward that a call fills, without the object or context."""
    function: Any = pair.forward
    if pair.framework:
        function = function.forward if pair.framework == "torch" else function
    parameters = list(inspect.signature(function).parameters.values())
    if pair.framework == "torch":
        known = rule_names(pair, len(parameters))
        return [p for p in parameters if p.name in known]
    return parameters[1:] if pair.object_name else parameters


def _tensor(value: Any, framework: str) -> Any:
    """An array as a tensor of the framework; all else as it is."""
    if not isinstance(value, np.ndarray):
        return value
    if framework == "jax":
        import jax.numpy as jnp

        return jnp.asarray(value)
    import torch

    tensor = torch.from_numpy(value)
    return tensor.requires_grad_() if value.dtype.kind == "f" else tensor


def _shown(arrays: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value.dtype}{list(value.shape)}" for name, value in arrays.items())
