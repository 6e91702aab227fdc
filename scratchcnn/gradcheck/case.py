"""What the caller hands in, validated and copied: two functions, and the point to check them at."""

import inspect
import operator
import reprlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from scratchcnn.gradcheck.adapters.calling.returned import by_key
from scratchcnn.gradcheck.arrays import Array, is_masked
from scratchcnn.gradcheck.effort import Timed
from scratchcnn.gradcheck.formats import FLOAT64, Format, coarsest, format_of, own_format
from scratchcnn.gradcheck.raised import WrongForm, in_words
from scratchcnn.gradcheck.trees import is_tree
from scratchcnn.gradcheck.written import Written

Forward = Callable[..., Any]
Backward = Callable[..., Any]


class SeveralOutputs(TypeError):
    """Forward returns a tree of arrays."""

    def __init__(self, output: Any) -> None:
        super().__init__(f"forward must return one array, got {type(output).__name__}")
        self.output = output


class SmallFormat(TypeError):
    """Forward answers in a number format that is not one of NumPy's own dtypes."""


class CallerError(Exception):
    """The caller's function raised: the message says which one, and what it was given."""

    # Tracebacks and pytest's summary put the module before the name, unless it is `builtins`.
    __module__ = "builtins"

    def __reduce__(self) -> Any:
        return _caller_error, self.args


def _caller_error(*arguments: Any) -> CallerError:
    """How pickle makes the exception again: by a function, since `builtins` has no such class."""
    return CallerError(*arguments)


# pytest hides the frames of this module where the fault is the caller's.
__tracebackhide__ = operator.methodcaller("errisinstance", CallerError)


@dataclass(frozen=True)
class Case:
    """One check: the functions, the inputs in the caller's dtype, their names, and which of them are checked.

    `named` says whether the caller named these in `wrt`: then backward may answer for them alone. `formats` are the
    small number formats of the inputs, if any has one, and `output_format` is the coarsest of the outputs; their
    numbers are held in float32 here. `reference` is the name of the function that answers for forward in float64, and
    `alone` says that backward then is called in the inputs' own formats alone. `kernel` is what the
    functions were made of where some are in a small format. `parts` are the paths of several outputs that are checked
    as one row of numbers, each with how many it has. `domains` and `structures` are what the caller says of inputs by
    their index (`restrictions`). `symmetric` are inputs that are looked at for symmetric changes. `asked` are the
    options of the call that say what is differentiated, as an expression; `written` is the rest of the call.
    """

    forward: Timed
    backward: Timed
    inputs: tuple[Array, ...]
    names: tuple[str, ...]
    wrt: tuple[int, ...]
    output: Array = field(repr=False)
    named: bool = False
    formats: tuple[Format | None, ...] = ()
    output_format: Format | None = None
    reference: str = ""
    alone: bool = False
    kernel: Any = None
    parts: tuple[tuple[str, int], ...] = ()
    domains: Mapping[int, Any] = field(default_factory=dict)
    structures: Mapping[int, str] = field(default_factory=dict)
    symmetric: tuple[int, ...] = ()
    asked: str = ""
    written: Written = field(default_factory=Written)

    @property
    def format(self) -> Format | None:
        """The coarsest small format of inputs and outputs; None where all are in dtypes of NumPy's own."""
        return coarsest((*self.formats, self.output_format))

    @property
    def unmeasured(self) -> tuple[Forward, Backward]:
        """Both functions as the caller wrote them, with their options; nothing measures their calls."""
        forward, backward = (partial(f.func, *f.args, **f.keywords) for f in (self.forward, self.backward))
        return forward, backward

    def dtype(self, index: int) -> str:
        """The name of an input's number format."""
        return str((self.formats and self.formats[index]) or self.inputs[index].dtype)

    def eps(self, index: int) -> float:
        """The eps of an input. A kernel in a small format has that of the coarsest."""
        own = float(np.finfo(self.inputs[index].dtype).eps)
        return own if self.format is None else max(own, self.format.eps)

    def own_eps(self, index: int) -> float:
        """The eps of an input's small format; 0 where it has none."""
        of = self.formats[index] if self.formats else None
        return 0.0 if of is None else of.eps

    def strange_answer(self, index: int) -> Format | None:
        """The number format of a gradient, where it is not its input's small format, nor the output's dtype."""
        answer = self.kernel.strange_answer(index) if self.kernel is not None else None
        return None if answer is None else own_format(answer) or FLOAT64

    def rounded(self, inputs: Sequence[Array]) -> tuple[Array, ...]:
        """The nearest inputs in their formats."""
        formats = self.formats or (None,) * len(inputs)
        return tuple(a if f is None else f.rounded(a) for a, f in zip(inputs, formats, strict=True))

    def rounded_cotangent(self, cotangent: Array) -> Array:
        """The nearest cotangent in the format of the output."""
        return cotangent if self.output_format is None else self.output_format.rounded(cotangent)

    @property
    def sample(self) -> str:
        """The dtypes and shapes of the inputs, and the options that functools.partial binds."""
        shapes = (f"{self.dtype(k)}{list(a.shape)}" for k, a in enumerate(self.inputs))
        inputs = ", ".join(f"{name} {shape}" for name, shape in zip(self.names, shapes, strict=True))
        forward, backward = _options(self.forward), _options(self.backward)
        if forward != backward:
            return f"{inputs}; options of forward: {forward or 'none'}; of backward: {backward or 'none'}"
        return f"{inputs}; options: {forward}" if forward else inputs

    def copies(self, dtype: DTypeLike | None = None) -> tuple[Array, ...]:
        """Fresh copies of the inputs, the floating ones in `dtype`."""
        return tuple(a.astype(dtype) if dtype is not None and a.dtype.kind == "f" else a.copy("K") for a in self.inputs)

    def gradients(self, cotangent: Array, inputs: Sequence[Array]) -> list[Any]:
        """What backward returns, as a list with one item for each input; nothing is checked.

        Arrays are copied: backward may hand out the same buffers at every call.

        A bare array is one gradient; the keys of a dict name the inputs. Where backward answers only for the inputs
        that are checked, in the order of the inputs, the others get None.

        Raises
        ------
        TypeError
            It returned something else.
        """
        given = self.in_order(call(self.backward, "backward", cotangent, *inputs))
        return [g.copy() if isinstance(g, np.ndarray) else g for g in given]

    def in_order(self, given: Any) -> list[Any]:
        """What backward returned, as `gradients` has it."""
        if isinstance(given, dict):
            return by_key(given, self.names)
        if given is None or isinstance(given, Iterator):
            expected = "an array, or a tuple of arrays, one for each input"
            raise TypeError(f"backward must return {expected}; got {type(given).__name__}")
        gradients = list(given) if isinstance(given, tuple | list) else [given]
        if len(gradients) == len(self.inputs) or len(gradients) != len(self.wrt):
            return gradients
        of = dict(zip(sorted(self.wrt), gradients, strict=True))
        return [of.get(index) for index in range(len(self.inputs))]


def prepare(
    forward: Forward,
    backward: Backward,
    inputs: Sequence[Any],
    names: Sequence[str] | None = None,
    wrt: Sequence[int | str] | int | str | None = None,
) -> Case:
    """Validates the functions and inputs of a check.

    Raises
    ------
    TypeError
        A function cannot be called, an input is no array of numbers, or is asked for and not floating, `wrt` has
        something that is neither name nor index, or the output is no single array.
    ValueError
        There are no inputs, the number of names is wrong, or `wrt` has an unknown name or index.
    CallerError
        forward raised.
    """
    __tracebackhide__ = True
    for name, function in (("forward", forward), ("backward", backward)):
        if not callable(function):
            raise TypeError(f"{name} must be a function, got {type(function).__name__}")
    if not inputs:
        raise ValueError("no inputs: pass the arrays that forward takes, as in check_gradient(forward, backward, x, w)")
    arrays = tuple(map(_array, inputs, range(len(inputs))))
    forward, backward = Timed(forward), Timed(backward)
    labels = _names(forward, names, len(arrays))
    chosen = _chosen(wrt, labels, arrays)
    output = output_array(call(forward, "forward", *(a.copy("K") for a in arrays)))
    return Case(forward, backward, arrays, labels, chosen, output, named=wrt is not None)


def call(function: Callable[..., Any], role: str, *arguments: Array) -> Any:
    """Calls the caller's function. An exception is reported with the shapes that the function was given."""
    __tracebackhide__ = True
    try:
        return function(*arguments)
    except WrongForm:
        raise
    except Exception as error:
        name = describe(function, role)
        who = role if name == role else f"{role} ({name})"
        given = ", ".join(_short(a) for a in arguments)
        lines = f"{who} raised {in_words(error)}", f"it was called with {given}", *getattr(error, "__notes__", ())
        raise CallerError("\n  ".join(lines)) from error


def describe(function: Callable[..., Any], role: str = "") -> str:
    """The name of a function, as a reader knows it; a lambda goes by its role."""
    while isinstance(function, partial):
        function = function.func
    short = getattr(function, "__name__", type(function).__name__)  # a ufunc of NumPy 2.0 and 2.1 has no other
    name = str(getattr(function, "__qualname__", short)).rpartition("<locals>.")[2]
    return role if role and name.endswith("<lambda>") else name


def innermost(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself, without the options bound to it and without what stands around it."""
    while isinstance(function, partial) or hasattr(function, "__wrapped__"):
        function = function.func if isinstance(function, partial) else function.__wrapped__
    return function


def as_integer(value: Any) -> int | None:
    """An integer of Python's or NumPy's as Python's; None for anything else, booleans included."""
    if isinstance(value, bool):
        return None
    try:
        return operator.index(value)
    except TypeError:
        return None


def holds_several(value: Any) -> bool:
    """Whether an option is made of several things: a text is one thing, and so is an array without axes."""
    return isinstance(value, Iterable) and not isinstance(value, str) and getattr(value, "ndim", 1) > 0


def _options(function: Callable[..., Any]) -> str:
    """The arguments that functools.partial binds, as in a call."""
    positional: tuple[Any, ...] = ()
    keywords: dict[str, Any] = {}
    while isinstance(function, partial):
        positional, keywords = function.args + positional, function.keywords | keywords
        function = function.func
    return ", ".join([*map(_short, positional), *(f"{name}={_short(value)}" for name, value in keywords.items())])


def _short(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return f"{value.dtype}{list(value.shape)}"
    return describe(value) if inspect.isroutine(value) else reprlib.repr(value)


def output_array(output: Any) -> Array:
    """The output of forward as a copy.

    Raises
    ------
    TypeError
        The output is no single array of real numbers.
    """
    __tracebackhide__ = True
    if output is None:
        raise TypeError("forward must return an array, got None")
    if is_tree(output):
        raise SeveralOutputs(output)
    array = np.array(output)
    if format_of(array.dtype) is not None:
        raise SmallFormat
    if array.dtype.kind not in "fiub":
        raise TypeError(f"forward must return an array of real numbers, got dtype {array.dtype}")
    return array


def real_array(value: Any, what: str) -> Array:
    """What the caller hands in as an array, copied; `what` is its name in the messages.

    Raises
    ------
    TypeError, ValueError
        It is no array of real numbers.
    """
    __tracebackhide__ = True
    if is_masked(value):
        raise TypeError(f"{what} must not be masked: the mask would be ignored, fill it with numbers before")
    try:
        array = np.array(value, copy=True, order="K")
    except ValueError as error:
        ragged = "is a ragged list, its rows differ in length" if isinstance(value, list | tuple) else "is no array"
        raise ValueError(f"{what} {ragged}: {error}") from None
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{what} must be an array of real numbers, got {type(value).__name__} of dtype {array.dtype}")
    return array


def _array(value: Any, position: int) -> Array:
    __tracebackhide__ = True
    if value is None:
        raise TypeError(f"input {position} is None: leave it out, or bind it with functools.partial on both functions")
    return real_array(value, f"input {position}")


def _names(forward: Forward, names: Sequence[str] | None, count: int) -> tuple[str, ...]:
    __tracebackhide__ = True
    if names is not None:
        given = tuple(names) if holds_several(names) else ()
        if len(given) != count:
            raise ValueError(f"names must have one name for each of the {count} inputs, got {names!r}")
        if not all(isinstance(name, str) for name in given):
            raise TypeError(f"names must be strings, got {names!r}")
        if len(set(given)) != count:
            raise ValueError(f"names must differ, got {names!r}")
        if not all(name.isprintable() for name in given):
            raise ValueError(f"names must be printable, got {names!r}")
        return tuple(map(str, given))
    try:
        parameters = inspect.signature(forward).parameters.values()
    except (TypeError, ValueError):  # a function written in C has no signature to read
        parameters = {}.values()
    positional = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return tuple(positional[k] if k < len(positional) else f"input {k}" for k in range(count))


def _chosen(
    wrt: Sequence[int | str] | int | str | None, names: tuple[str, ...], arrays: tuple[Array, ...]
) -> tuple[int, ...]:
    __tracebackhide__ = True
    if wrt is None:
        chosen = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
        if not chosen:
            raise TypeError(f"no floating input to check: got dtypes {[str(a.dtype) for a in arrays]}")
        return tuple(chosen)
    items: Iterable[Any] = wrt if holds_several(wrt) else (wrt,)  # type: ignore[assignment]
    chosen = list(map(partial(index_of, names=names), items))
    if not chosen:
        raise ValueError("wrt is empty: name at least one input, or leave it out to check all")
    for index in chosen:
        if arrays[index].dtype.kind != "f":
            raise TypeError(
                f"input {names[index]!r} has dtype {arrays[index].dtype}: only floating inputs have a gradient"
            )
    return tuple(dict.fromkeys(chosen))


def batched(items: Iterable[Any], case: Case) -> tuple[int, ...]:
    """The inputs whose first axis is that of the samples, as the caller names them.

    Raises
    ------
    TypeError, ValueError
        An input does not exist or has no axis, or the numbers of samples differ.
    """
    __tracebackhide__ = True
    found = tuple(dict.fromkeys(k for item in items for k in indices_of(item, case.names, "batch")))
    lengths = {case.names[k]: case.inputs[k].shape[:1] for k in found}
    if len(set(lengths.values())) > 1 or () in lengths.values():
        raise ValueError(f"batch must name inputs with as many samples along their first axis, got {lengths}")
    return found


def indices_of(item: Any, names: tuple[str, ...], option: str) -> list[int]:
    """The indices of the inputs that an option names: of one, or of all leaves of a tree or a complex array."""
    if isinstance(item, str) and item not in names:
        leaves = [k for k, name in enumerate(names) if name.startswith((f"{item}.", f"{item}["))]
        if leaves:
            return leaves
    return [index_of(item, names, option)]


def index_of(item: Any, names: tuple[str, ...], option: str = "wrt") -> int:
    """The index of an input that an option names, by its name or index."""
    __tracebackhide__ = True
    if isinstance(item, str):
        if item not in names:
            raise ValueError(f"{option} names {item!r}, which is none of {list(names)}")
        return names.index(item)
    index = as_integer(item)
    if index is None:
        raise TypeError(
            f"{option} takes the names or indices of inputs, as in {option}=({names[0]!r},) or {option}=(0,);"
            f" got {item!r}"
        )
    if not 0 <= index < len(names):
        there = "is 1 input: 0" if len(names) == 1 else f"are {len(names)} inputs: 0 .. {len(names) - 1}"
        raise ValueError(f"{option} has index {index}, but there {there}")
    return index
