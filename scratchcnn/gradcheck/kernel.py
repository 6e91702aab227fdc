"""Kernels in small number formats, and kernels that have a reference in float64, as a check takes them.

A check knows NumPy's own floats. A kernel in a small format becomes a function of float32 arrays, which hold its
numbers exactly: its arguments are rounded to the format and its results widened. In float64 the caller's reference
answers, if there is one; else the kernel itself, if it takes float64. A kernel that takes float64, and answers there as
its reference does, is judged in float64.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from scratchcnn.gradcheck.formats import Format, coarsest, format_of
from scratchcnn.gradcheck.raised import WrongForm
from scratchcnn.gradcheck.trees import flatten, unflatten
from scratchcnn.gradcheck.wrapping import wrapped

# As a share of the largest number: how far a kernel in float64 may be from its reference, as the same function.
SAME = 2.0**-40

# pytest shows none of this module's frames.
__tracebackhide__ = True


def kernel_of(inputs: Sequence[Any], reference: Callable[..., Any] | None) -> "Kernel":
    """The kernel that takes these inputs."""
    leaves = (leaf for value in inputs for leaf in flatten(value)[0])
    dtypes = tuple(np.dtype(getattr(leaf, "dtype", np.float64)) for leaf in leaves)
    return Kernel(tuple(map(format_of, dtypes)), dtypes, reference)


@dataclass
class Kernel:
    """A caller's functions as functions of NumPy's own floats.

    Attributes
    ----------
    inputs, dtypes
        The format of each leaf of the inputs, None for those of NumPy's own dtypes, and all their dtypes.
    reference
        The caller's forward in float64.
    outputs
        The format of each leaf of forward's output, once it was called.
    answers
        The dtype of each leaf of what backward returned in the kernel's own formats, once it was called.
    takes_float64
        Whether the kernel answers in float64 as its reference does.
    """

    inputs: tuple[Format | None, ...]
    dtypes: tuple[np.dtype[Any], ...]
    reference: Callable[..., Any] | None = None
    outputs: tuple[Format | None, ...] = field(default=(), init=False)
    answers: tuple[np.dtype[Any] | None, ...] = field(default=(), init=False)
    takes_float64: bool = field(default=False, init=False)

    def strange_answer(self, index: int) -> np.dtype[Any] | None:
        """The dtype of a gradient that is not its input's small format; None where it is, or is the output's dtype."""
        if len(self.answers) != len(self.dtypes) or self.inputs[index] is None or not any(self.outputs):
            return None
        answer = self.answers[index]
        return None if answer is None or answer == self.dtypes[index] else answer

    def try_float64(self, function: Callable[..., Any], inputs: Sequence[Any]) -> None:
        """Finds out whether the kernel takes float64."""
        if self.reference is None or not self._is_narrow:
            return
        try:
            here, there = (flatten(f(*_in_float64(inputs)))[0] for f in (function, self.reference))
            self.takes_float64 = len(here) == len(there) and all(map(_same, here, there))
        except Exception:  # it takes other dtypes
            self.takes_float64 = False

    def forward(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Forward: in float64 the reference, or the kernel if it takes that as its reference does; else the kernel."""
        return wrapped(function, self._forward)

    def backward(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Backward. It refuses float64 where forward does not answer there as its reference does."""
        return wrapped(function, self._backward)

    def _forward(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        if self.reference is not None and self._is_wide(arguments) and not self.takes_float64:
            if self._is_narrow:
                return self.reference(*arguments)
            own = function(*arguments)  # which may also keep what its backward needs
            return _in_form_of(own, self.reference(*arguments))
        output, formats = widened(function(*self._rounded(arguments)))
        if not self._is_wide(arguments):
            self.outputs = formats
        return output

    def _backward(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        cotangent, *inputs = arguments
        if self._is_wide(inputs):
            if self.is_alone:
                raise TypeError("a kernel with a reference is called in its own number format alone")
            return widened(function(*arguments))[0]
        returned = function(_cast(cotangent, self.outputs), *self._rounded(inputs))
        if not self.answers:
            self.answers = tuple(getattr(leaf, "dtype", None) for leaf in _row(returned))
        return widened(returned)[0]

    @property
    def is_alone(self) -> bool:
        """Whether backward is called in the kernel's own format alone, since a reference answers in float64."""
        return self.reference is not None and self._is_narrow and not self.takes_float64

    @property
    def _is_narrow(self) -> bool:
        """Whether a call in float64 is a wider one than the caller's own."""
        return any(self.inputs) or any(d.kind == "f" and d.itemsize < 8 for d in self.dtypes)

    def _is_wide(self, arguments: Sequence[Any]) -> bool:
        """Whether this is a call in float64 or longdouble, where the caller's own is in less."""
        leaves = [leaf for value in arguments for leaf in flatten(value)[0]]
        wide = [np.asarray(a).dtype.kind == "f" and np.asarray(a).dtype.itemsize >= 8 for a in leaves]
        return any(w and (not self._is_narrow or d.itemsize < 8) for w, d in zip(wide, self.dtypes, strict=True))

    def _rounded(self, arguments: Sequence[Any]) -> list[Any]:
        """The arguments in the formats of the inputs."""
        formats, rounded = iter(self.inputs), []
        for value in arguments:
            count = flatten(value)[1].size
            rounded.append(_cast(value, [next(formats) for _ in range(count)]))
        return rounded


def _cast(tree: Any, formats: Sequence[Format | None]) -> Any:
    """The tree with its leaves in these formats, where they are float32."""
    leaves, structure = flatten(tree)
    if not any(formats) or len(leaves) != len(formats):
        return tree
    pairs = zip(map(_array, leaves), formats, strict=True)
    with np.errstate(all="ignore"):
        return unflatten(structure, [a if f is None or a is None else f.cast(a) for a, f in pairs])


def widened(tree: Any) -> tuple[Any, tuple[Format | None, ...]]:
    """A tree with the leaves of small formats in float32, and the format of each leaf."""
    leaves, structure = flatten(tree)
    formats = tuple(map(_format, leaves))
    if not any(formats):
        return tree, formats
    pairs = zip(leaves, formats, strict=True)
    wide = [leaf if of is None else _widened(leaf) for leaf, of in pairs]
    return unflatten(structure, wide), formats


def _row(returned: Any) -> list[Any]:
    """The leaves of what backward returns; numbers in a tuple are gradients, each by itself."""
    leaves = flatten(returned)[0]
    alone = len(leaves) == 1 and leaves[0] is returned
    return list(returned) if isinstance(returned, list | tuple) and alone else leaves


def _in_float64(inputs: Sequence[Any]) -> list[Any]:
    """Copies of the inputs, with floating numbers in float64."""
    built = []
    for value in inputs:
        leaves, structure = flatten(value)
        arrays = [np.array(_widened(leaf) if _format(leaf) else leaf) for leaf in leaves]
        built.append(unflatten(structure, [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]))
    return built


def _same(here: Any, there: Any) -> bool:
    """Whether two outputs are the same in float64, up to roundoff."""
    a, b = np.asarray(here), np.asarray(there)
    if a.dtype.kind != "f":
        return bool(np.array_equal(a, b))
    if a.dtype != np.float64 or a.shape != b.shape:
        return False
    return bool((np.abs(a - b) <= SAME * np.abs(b).max(initial=0)).all())


def _in_form_of(own: Any, of_reference: Any) -> Any:
    """What the reference returns, whose arrays have the shapes of those that forward returns."""
    expected, given = ([np.shape(leaf) for leaf in flatten(output)[0]] for output in (own, of_reference))
    if expected != given:
        shapes = f"of shape {', '.join(map(str, expected))}; got {', '.join(map(str, given))}"
        raise WrongForm(f"reference must return what forward returns, {shapes}")
    return of_reference


def _format(leaf: Any) -> Format | None:
    """The format of a leaf, which may be a list of numbers, nested or not."""
    if isinstance(leaf, list | tuple):
        return coarsest(map(_format, leaf))
    return format_of(getattr(leaf, "dtype", np.float64))


def _widened(leaf: Any) -> Any:
    if isinstance(leaf, list | tuple):
        return type(leaf)(map(_widened, leaf))
    return np.asarray(leaf).astype(np.float32)


def _array(leaf: Any) -> Any:
    return None if leaf is None else np.asarray(leaf)
