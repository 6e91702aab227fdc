"""In which order a backward pass takes its arguments: the cotangent, the cache, the inputs, the output, a rate."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

from scratchcnn.gradcheck.adapters.calling.words import plain, same
from scratchcnn.gradcheck.adapters.pair import positional

GRAD, CACHE, SPREAD, OUTPUT, RATE, OPTIMIZER = "grad_output", "cache", "*cache", "output", "rate", "optimizer"
CACHES = frozenset(
    {"cache", "caches", "ctx", "context", "saved", "memory", "state", "residuals", "res", "mem", "tape", "store"}
)
RATES = frozenset({"lr", "learningrate", "rate", "eta", "stepsize", "learnrate"})
OPTIMIZERS = frozenset({"optimizer", "optimiser", "optim", "opt", "solver"})
OUTPUTS = frozenset({"out", "output", "outputs", "y", "result"})
# Names that cotangents have where they have no name for the gradient of something.
COTANGENT = re.compile(
    "d.*|g(|out.*|y|z|h|o)|grad.*|accumgrad.*|outputgrad.*|outgrad.*|err.*|upstream.*|cot.*|ct|top.*"
)
# Names that nothing but a cotangent has.
CLEARLY = re.compile("d(out.*|y|z|h|l.*)|grad.*|upstream.*|cot.*|ct")
OPTIONS = re.compile("debug|drop.*|data.*|dim.*|dtype|decay|depth|device|default.*")
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


@dataclass(frozen=True)
class Order:
    """What each argument of backward is: its role, by position, and by keyword.

    A role is `grad_output` (of several outputs `grad_output 0`, `grad_output 1`, ...), `cache`, `*cache`, `output`,
    `rate`, `optimizer`, or the name of an input or parameter.
    """

    positional: tuple[str, ...]
    keywords: tuple[tuple[str, str], ...] = ()

    @property
    def roles(self) -> tuple[str, ...]:
        """All of them."""
        return (*self.positional, *(role for _, role in self.keywords))

    @property
    def cotangents(self) -> int:
        """How many cotangents backward takes."""
        return sum(role.startswith(GRAD) for role in self.roles)

    def call(self, backward: Callable[..., Any], values: Mapping[str, Any]) -> Any:
        """Calls backward with the values of the roles."""
        arguments: list[Any] = []
        for role in self.positional:
            arguments += values[CACHE] if role == SPREAD else [values[role]]
        return backward(*arguments, **{name: values[role] for name, role in self.keywords})


def order_of(
    backward: Callable[..., Any], names: Sequence[str], order: Sequence[str] | None, call: str, *, cache: bool
) -> Order:
    """The order of backward's arguments, as given or as its parameters are named.

    Parameters
    ----------
    names
        Of the inputs and parameters, which backward may take as well.
    order
        The roles, in order, where they are given; `grad_output` several times for several outputs.
    call
        The call to the adapter, for the message.
    cache
        Whether there is a cache.

    Raises
    ------
    TypeError
        It cannot be told what a parameter is.
    ValueError
        A role in `order` is none.
    """
    if order is not None:
        return _given(order, names, cache=cache)
    try:
        parameters = list(inspect.signature(backward).parameters.values())
    except (TypeError, ValueError):  # a function written in C
        return Order((GRAD, CACHE) if cache else (GRAD,))
    two = [p for p in parameters if p.kind is not p.VAR_KEYWORD and p.default is p.empty]
    if cache and len(two) == 2 and all(p.kind in _POSITIONAL for p in two):
        return Order((CACHE, GRAD) if _cache_first(*two) else (GRAD, CACHE))
    roles = {p.name: role for p in parameters if (role := _role(p, names, cache=cache)) is not None}
    open_ = [p for p in parameters if p.name not in roles and p.default is p.empty and p.kind in _POSITIONAL]
    optional = [p for p in parameters if p.default is not p.empty and _is_cotangent(p)]
    if optional and not open_:  # dout=1
        roles[optional[0].name] = GRAD
    roles |= _cotangents(open_, roles, backward, call, cache=cache)
    if any(p.kind is p.VAR_POSITIONAL for p in parameters) and cache and CACHE not in roles.values():
        start = tuple(roles[p.name] for p in parameters if p.name in roles and p.kind in _POSITIONAL)
        keywords = tuple((p.name, roles[p.name]) for p in parameters if p.name in roles and p.kind is p.KEYWORD_ONLY)
        # After a cotangent with a name `*something` stands for the parts of the cache.
        return Order((*start, SPREAD) if start else (GRAD, CACHE), keywords)
    required = [p for p in parameters if p.name in roles and p.kind in _POSITIONAL and p.default is p.empty]
    others = [p for p in parameters if p.name in roles and p not in required]
    return Order(tuple(roles[p.name] for p in required), tuple((p.name, roles[p.name]) for p in others))


def _cache_first(first: inspect.Parameter, second: inspect.Parameter) -> bool:
    """Whether two arguments are the cache and the cotangent, in that order, and not as usual the other way round."""
    if plain(first.name) in CACHES:
        return True
    return CLEARLY.fullmatch(plain(second.name)) is not None and not _is_cotangent(first)


def _given(order: Sequence[str], names: Sequence[str], *, cache: bool) -> Order:
    known = (GRAD, *((CACHE, SPREAD) if cache else ()), OUTPUT, RATE, OPTIMIZER, *names)
    for role in order:
        if role not in known and not role.startswith(GRAD + " "):
            raise ValueError(f"order has {role!r}, which is none of {', '.join(known)}")
    if not any(role.startswith(GRAD) for role in order):
        raise ValueError(f"order must say where {GRAD!r} goes, got {tuple(order)!r}")
    if list(order).count(GRAD) < 2:
        return Order(tuple(order))
    outputs = count()
    return Order(tuple(f"{GRAD} {next(outputs)}" if role == GRAD else role for role in order))


def _role(parameter: inspect.Parameter, names: Sequence[str], *, cache: bool) -> str | None:
    """What a parameter is by its name; None where that says nothing, or where its default will do."""
    if parameter.kind not in (*_POSITIONAL, parameter.KEYWORD_ONLY):
        return None
    name, optional = plain(parameter.name), parameter.default is not parameter.empty
    if parameter.name in names and not optional:  # whatever else `state` or `lr` may be
        return parameter.name
    if cache and name in CACHES:
        return CACHE
    if name in RATES:
        return RATE
    if name in OPTIMIZERS:
        return OPTIMIZER
    if optional:
        return None
    for alike in (False,) if _is_cotangent(parameter) else (False, True):
        found = [known for known in names if same(name, known, alike=alike)]
        if len(found) == 1:
            return found[0]
    return OUTPUT if name in OUTPUTS else None


def _cotangents(
    open_: Sequence[inspect.Parameter], roles: dict[str, str], backward: Callable[..., Any], call: str, *, cache: bool
) -> dict[str, str]:
    """The roles of the parameters that no name explains: cotangents, and beside one of these the cache."""
    if cache and CACHE not in roles.values() and len(open_) == 2:
        looks = [_is_cotangent(p) for p in open_]
        first, second = open_ if looks[0] or not looks[1] else reversed(open_)
        return {first.name: GRAD, second.name: CACHE}
    if len(open_) == 1:
        return {open_[0].name: GRAD}
    if not open_ and len(roles) == 1 and CACHE not in roles.values():
        return {next(iter(roles)): GRAD}  # backward(x): whatever it is called, it is the cotangent
    unknown = next((p.name for p in open_ if not _is_cotangent(p)), None)
    if unknown is not None:
        text = f"{getattr(backward, '__qualname__', 'backward')}{inspect.signature(backward)}"
        order = tuple(GRAD if _is_cotangent(p) else "..." for p in open_)
        raise TypeError(
            f"what is {unknown!r} in {text}? Say what each argument is, in order ('grad_output', 'cache', 'output',"
            f" 'rate', 'optimizer', or the name of an input): {call.removesuffix(')')}, order={order!r})"
        )
    return {p.name: f"{GRAD} {k}" for k, p in enumerate(open_)}


def _is_cotangent(parameter: inspect.Parameter) -> bool:
    name = plain(parameter.name)
    return COTANGENT.fullmatch(name) is not None and OPTIONS.fullmatch(name) is None


def takes_cache(backward: Callable[..., Any], order: Sequence[str] | None, names: Sequence[str]) -> bool:
    """Whether a method takes a cache, which forward then hands on: as `order` says, or by the name of a parameter.

    `names` are those of the inputs and parameters: one of these is no cache.
    """
    if order is not None:
        return CACHE in order or SPREAD in order
    return any(plain(name) in CACHES and name not in names for name in positional(backward))
