"""The names that people give to things in a backward pass: which name is the gradient of which."""

import re
from collections.abc import Sequence
from typing import Any

# Names of one thing.
ALIKE = (
    frozenset({"w", "weight", "weights", "kernel", "kernels", "filter", "filters"}),
    frozenset({"b", "bias", "biases"}),
    frozenset({"x", "input", "inputs", "prev", "aprev", "in", "data", "z", "a"}),
    frozenset({"gamma", "scale", "g"}),
    frozenset({"beta", "shift"}),
)
# What a name is put together with to make that of its gradient: dW, grad_W, W_grad, delta_w, d_weights, nabla_w.
BEFORE = ("d", "grad", "grads", "gradient", "gradients", "delta", "nabla", "g", "de", "dl", "dj")
AFTER = ("grad", "grads", "gradient", "gradients", "delta", "d", "g", "prime", "bar")
# Containers of gradients, and the field of a parameter that holds its gradient.
GRADIENTS = frozenset({"grad", "grads", "gradient", "gradients", "delta", "deltas", "dparams", "gradparams"})
# Containers of parameters.
CONTAINERS = frozenset({"params", "param", "parameters", "theta"})
# The field of a parameter that holds its value.
FIELDS = frozenset({"data", "value", "val", "array"})
# The same in one letter, of values and of gradients: only beside each other do they say anything.
SHORT_VALUES, SHORT_GRADIENTS = frozenset({"v", "p"}), frozenset({"g", "d"})
# Containers of what a layer remembers, gradients too.
STORES = frozenset({"cache", "caches", "memory", "saved", "store", "state"})


def plain(name: Any) -> str:
    """The name in small letters, without underscores."""
    return re.sub(r"[^a-z0-9]", "", str(name).lower())


def same(a: Any, b: Any, *, alike: bool = False) -> bool:
    """Whether two names are equal, or, with `alike`, names of one thing."""
    a, b = plain(a), plain(b)
    return a == b or (alike and any(a in group and b in group for group in ALIKE))


def is_gradient_name(name: Any, of: Any, *, alike: bool = False) -> bool:
    """Whether the one is a name for the gradient of the other: `dW`, `grad_W`, `W_grad` of `W`."""
    name = plain(name)
    stems = [name.removeprefix(b) for b in BEFORE if name.startswith(b) and len(name) > len(b)]
    stems += [name.removesuffix(a) for a in AFTER if name.endswith(a) and len(name) > len(a)]
    return any(same(stem, of, alike=alike) for stem in stems)


def matching(found: Sequence[Any], wanted: Sequence[Sequence[Any]]) -> int | None:
    """Which leaf a gradient belongs to, by the keys on the way to either; None where that cannot be told.

    `found` are the keys of the gradient, such as `("dconv1", "w")`; of each leaf the last as many are compared.
    Equal names go before names of gradients, and these before other names of the same thing.
    """
    for alike in (False, True):
        for match in (same, is_gradient_name):
            fitting = [k for k, way in enumerate(wanted) if _fits(found, way, match, alike)]
            if len(fitting) == 1:
                return fitting[0]
    return None


def _fits(found: Sequence[Any], way: Sequence[Any], match: Any, alike: bool) -> bool:
    if not found or len(found) > len(way):
        return False
    *heads, last = zip(found, way[-len(found) :], strict=True)
    return match(*last, alike=alike) and all(
        same(a, b, alike=alike) or is_gradient_name(a, b, alike=alike) for a, b in heads
    )
