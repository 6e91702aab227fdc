"""Which functions of a module are the forward and the backward pass of one thing, by their names."""

import inspect
import pickle
import sys
import types
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from scratchcnn.gradcheck.adapters.calling.methods import BACKWARDS, FORWARDS, usual_method

# How a backward pass is named after the thing, and a forward pass.
BACKWARD_NAMES = (
    *("{}_backward", "{}_back", "{}_bwd", "{}_grad", "{}_gradient", "{}_bprop", "{}_backprop"),
    *("{}_prime", "{}_derivative", "{}_deriv"),
    *("backward_{}", "grad_{}", "d_{}", "d{}"),
)
FORWARD_NAMES = ("{}", "{}_forward", "{}_fwd", "forward_{}")
# The words of a name that say which pass it is, wherever they stand: `conv_backward_naive`, `conv_forward_naive`.
WORDS = {"backward": "forward", "bwd": "fwd", "bprop": "fprop", "backprop": "forward"}
# Of these libraries' layers and functions the adapters of the library take care.
LIBRARIES = ("torch", "jax", "keras", "tensorflow")


@dataclass(frozen=True)
class Pair:
    """A forward pass and its backward pass.

    Attributes
    ----------
    name
        The module and the name of the backward pass, or of the object: `layers.relu_backward`, `layers.Dense`.
    forward, backward
        The two functions; of a class its two methods; of a rule of a framework twice the rule itself.
    owner
        The class, or the object, that the two are methods of; None for functions.
    framework
        "torch" or "jax", of a rule; empty for functions of arrays.
    """

    name: str
    forward: Callable[..., Any]
    backward: Callable[..., Any]
    owner: Any = None
    framework: str = ""

    @property
    def object_name(self) -> str:
        """The parameter of forward that takes the object, `self` as a rule; empty where there is none."""
        if self.owner is None or self.framework:
            return ""
        kind = self.owner if isinstance(self.owner, type) else type(self.owner)
        if isinstance(inspect.getattr_static(kind, self.forward.__name__), staticmethod | classmethod):
            return ""
        return next(iter(inspect.signature(self.forward).parameters), "")

    def __reduce__(self) -> tuple[Any, ...]:
        """Sends the rule of jax, which cannot be pickled, to another process by its name.

        Raises
        ------
        pickle.PicklingError
            It has none there.
        """
        if self.framework != "jax":
            return Pair, (self.name, self.forward, self.backward, self.owner, self.framework)
        module, _, name = self.name.rpartition(".")
        if getattr(sys.modules.get(module), name, None) is not self.forward:
            raise pickle.PicklingError(f"{self.name} is not what a module calls so")
        return _named_rule, (module, name)


def _named_rule(module: str, name: str) -> Pair:
    rule = getattr(import_module(module), name)
    return Pair(f"{module}.{name}", rule, rule, framework="jax")


def find_pairs(module: types.ModuleType, patterns: Sequence[str] = ()) -> list[Pair]:
    """The pairs that a module defines, in the order of its code.

    Parameters
    ----------
    module
        The module; what it imports from others is not looked at.
    patterns
        The names of backward passes, with `{}` for that of the thing. Default: `BACKWARD_NAMES`.
    """
    functions = _functions_of(module)
    found = list(_function_pairs(module, functions, patterns or BACKWARD_NAMES))
    for name, value in list(vars(module).items()):
        kind = value if isinstance(value, type) else type(value)
        if not isinstance(value, types.ModuleType) and _is_layer(kind) and kind.__module__ == module.__name__:
            forward, backward = usual_method(kind, FORWARDS), usual_method(kind, BACKWARDS)
            if forward is not None and backward is not None and _is_written(getattr(kind, forward)):
                methods = getattr(kind, forward), getattr(kind, backward)
                found.append(Pair(f"{module.__name__}.{name}", *methods, owner=value))
    return found


def left_over(module: types.ModuleType, pairs: Sequence[Pair]) -> list[str]:
    """The functions of a module that are backward passes by their names, and belong to none of these pairs."""
    known = {getattr(function, "__name__", "") for pair in pairs for function in (pair.forward, pair.backward)}
    functions = _functions_of(module).items()
    return [name for name, f in functions if set(WORDS) & {*name.split("_")} and f.__name__ not in known]


def find_rules(module: types.ModuleType) -> list[Pair]:
    """The rules of torch and of jax that a module defines: each `autograd.Function`, and each `custom_vjp`."""
    torch, jax = sys.modules.get("torch"), sys.modules.get("jax")
    found = []
    for name, value in vars(module).items():
        is_torch = torch is not None and isinstance(value, type) and issubclass(value, torch.autograd.Function)
        is_jax = jax is not None and isinstance(value, jax.custom_vjp)
        if (is_torch or is_jax) and _is_of(value, module):
            rule: Any = value
            framework = "torch" if is_torch else "jax"
            found.append(Pair(f"{module.__name__}.{name}", rule, rule, framework=framework))
    return found


def _function_pairs(
    module: types.ModuleType, functions: dict[str, Callable[..., Any]], patterns: Sequence[str]
) -> Iterator[Pair]:
    seen: set[str] = set()
    for name, forward in functions.items():
        for stem in _stems(name):
            for pattern in patterns:
                backward = pattern.format(stem)
                if backward in functions and backward not in (name, *seen):
                    seen.add(backward)
                    yield Pair(f"{module.__name__}.{backward}", forward, functions[backward])
    for backward in functions if patterns is BACKWARD_NAMES else ():
        words = backward.split("_")
        name = "_".join(WORDS.get(word, word) for word in words)
        if backward not in seen and len(list(filter(None, words))) > 1 and name != backward and name in functions:
            seen.add(backward)
            yield Pair(f"{module.__name__}.{backward}", functions[name], functions[backward])


def _stems(name: str) -> Iterator[str]:
    """What a function of this name may be the forward pass of: `affine_forward` of `affine`, and of itself."""
    for pattern in FORWARD_NAMES:
        before, after = pattern.split("{}")
        if name.startswith(before) and name.endswith(after) and len(name) > len(before + after):
            yield name[len(before) : len(name) - len(after)]


def _functions_of(module: types.ModuleType) -> dict[str, Callable[..., Any]]:
    """The functions that a module defines, by their names."""
    return {name: f for name, f in vars(module).items() if _is_function(f) and _is_of(f, module)}


def _is_function(value: Any) -> bool:
    return callable(value) and isinstance(inspect.unwrap(value), types.FunctionType)


def _is_of(function: Any, module: types.ModuleType) -> bool:
    return getattr(function, "__module__", None) == module.__name__


def _is_written(method: Any) -> bool:
    """Whether a method does anything: that of a base class raises NotImplementedError, or is `pass`."""
    code = getattr(inspect.unwrap(method), "__code__", None)
    return code is None or (code.co_names != ("NotImplementedError",) and code.co_code[::2] != _NOTHING)


def _nothing(x: Any) -> None: ...


# Its instructions without their arguments.
_NOTHING = _nothing.__code__.co_code[::2]


def _is_layer(kind: type) -> bool:
    """Whether a class may be one of layers: it is not abstract, and no framework's."""
    libraries = {base.__module__.partition(".")[0] for base in kind.__mro__}
    return not inspect.isabstract(kind) and not getattr(kind, "_is_protocol", False) and libraries.isdisjoint(LIBRARIES)
