"""Functions of trees (dicts, lists, tuples, dataclasses of arrays) as functions of their leaves.

A check knows functions of arrays that return one array. Trees among the inputs become their leaves, named by their
paths; several outputs become one row of numbers.
"""

import inspect
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import (
    Backward,
    Case,
    Forward,
    SeveralOutputs,
    SmallFormat,
    call,
    describe,
    holds_several,
    prepare,
)
from scratchcnn.gradcheck.formats import coarsest, format_of, own_format
from scratchcnn.gradcheck.hints import refuse_other_forms
from scratchcnn.gradcheck.kernel import kernel_of, widened
from scratchcnn.gradcheck.raised import WrongForm
from scratchcnn.gradcheck.trees import LEAF, Structure, flatten, is_tree, paths, unflatten
from scratchcnn.gradcheck.wrapping import wrapped

# pytest shows none of this module's frames.
__tracebackhide__ = True

# The gradient of a real L by z = x + iy is ∂L/∂x + i ∂L/∂y in PyTorch, ∂L/∂x - i ∂L/∂y in JAX.
CONVENTIONS = ("torch", "jax")


@dataclass(frozen=True)
class Inputs:
    """The inputs of a call, trees or arrays, with the names of their leaves."""

    names: tuple[str, ...]
    structures: tuple[Structure, ...]
    conjugated: bool = False

    @property
    def paths(self) -> tuple[str, ...]:
        """The name of each leaf: `params['w']`."""
        return tuple(p for name, s in zip(self.names, self.structures, strict=True) for p in paths(s, name))

    def leaves_of(self, inputs: Sequence[Any]) -> list[Any]:
        """The leaves of inputs that are built alike."""
        return [leaf for value in inputs for leaf in _flat(value)[0]]

    def built(self, leaves: Sequence[Any]) -> list[Any]:
        """The arguments of a call, made of these leaves."""
        rest = iter(leaves)
        return [unflatten(s, [next(rest) for _ in range(s.size)]) for s in self.structures]

    def gradients(self, returned: Any) -> tuple[Any, ...]:
        """The gradients of all leaves, of what backward returns: a tree for each input, or the leaves.

        Raises
        ------
        TypeError
            It is neither.
        """
        given = list(returned) if isinstance(returned, tuple | list) else [returned]
        if len(self.structures) == 1 and (len(given) != 1 or not isinstance(returned, tuple | list)):
            alike = is_tree(returned) and set(_keys(returned)) == set(self.structures[0].keys)
            given = [returned] if alike or not isinstance(returned, tuple | list) else given
        several = len(self.structures) > 1 and all(s.size == 1 for s in self.structures)
        in_a_row = len(given) == len(self.paths) and not any(map(is_tree, given))
        if len(given) == len(self.structures) and not (several and in_a_row):
            parts = zip(given, self.structures, self.names, strict=True)
            return tuple(leaf for each in parts for leaf in aligned(*each, self.conjugated, lenient=True))
        if in_a_row:
            return tuple(given)
        raise WrongForm(
            f"backward must return a gradient for each of the {len(self.structures)} inputs ({', '.join(self.names)}),"
            f" or for each of their {len(self.paths)} leaves; got {len(given)}"
        )

    def chosen(self, wrt: Any) -> Any:
        """What to check, with the name of a tree replaced by those of its leaves."""
        if isinstance(wrt, str) or not isinstance(wrt, Sequence):
            wrt = [] if wrt is None else [wrt]
        of = {name: paths(s, name) for name, s in zip(self.names, self.structures, strict=True)}
        return [leaf for item in wrt for leaf in (of.get(item, (item,)) if isinstance(item, str) else (item,))] or None


@dataclass(frozen=True)
class Outputs:
    """Several outputs, some of which are differentiated: a row of their numbers, and back.

    Attributes
    ----------
    structure
        Of the tree that forward returns.
    shapes, dtypes
        Of its leaves.
    which
        The leaves that are differentiated.
    """

    structure: Structure
    shapes: tuple[tuple[int, ...], ...]
    dtypes: tuple[np.dtype[Any], ...]
    which: tuple[int, ...]
    conjugated: bool = False

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """The paths of the outputs in the row, each with how many numbers it has; none of a single one."""
        names = paths(self.structure, "output")
        found = tuple((names[k], int(np.prod(self.shapes[k], dtype=np.int64))) for k in self.which)
        return found if len(found) > 1 else ()

    def joined(self, output: Any) -> Array:
        """The differentiated outputs, one after the other; a single one as it is."""
        leaves, _ = flatten(output)
        if len(self.which) == 1:
            return np.asarray(leaves[self.which[0]])
        return np.concatenate([np.reshape(leaves[k], -1) for k in self.which])

    def split(self, cotangent: Array) -> Any:
        """The cotangents of all outputs, as a tree: zeros, or None where it holds no floats, for the others."""
        parts: list[Any] = []
        for k, (shape, dtype) in enumerate(zip(self.shapes, self.dtypes, strict=True)):
            parts.append(np.zeros(shape, dtype) if dtype.kind == "f" and k not in self.which else None)
        if len(self.which) == 1:
            parts[self.which[0]] = cotangent
            return _conjugated(unflatten(self.structure, parts), self.conjugated)
        start = 0
        for k in self.which:
            count = int(np.prod(self.shapes[k], dtype=np.int64))
            parts[k] = cotangent[start : start + count].reshape(self.shapes[k])
            start += count
        return _conjugated(unflatten(self.structure, parts), self.conjugated)


def inputs_of(forward: Callable[..., Any], given: Sequence[Any], names: Sequence[str] | None) -> Inputs | None:
    """The inputs of a call where some are trees; None where all are arrays."""
    structures = tuple(_flat(value)[1] for value in given)
    if all(s.kind is None for s in structures):
        return None
    if names is not None and (not holds_several(names) or not all(isinstance(name, str) for name in names)):
        raise TypeError(f"names must be strings, one for each input, got {names!r}")
    if names is None or len(list(names)) != len(given):
        names = list(_parameters(forward))[: len(given)]
        names += [f"input {k}" for k in range(len(names), len(given))]
    return Inputs(tuple(names), structures)


def _conjugated(tree: Any, conjugated: bool) -> Any:
    """The tree, its complex arrays conjugated if asked."""
    if not conjugated:
        return tree
    leaves, structure = flatten(tree)
    signs = [-1 if isinstance(way, str) and way.endswith(".imag") else 1 for way in paths(structure)]
    return unflatten(structure, [x if x is None else s * x for x, s in zip(leaves, signs, strict=True)])


def _flat(value: Any) -> tuple[list[Any], Structure]:
    """The leaves of an input; an empty list is an empty array."""
    empty = isinstance(value, list | tuple) and not value
    return ([value], LEAF) if empty else flatten(value)


def outputs_of(output: Any, asked: Any) -> Outputs:
    """Which of several outputs are differentiated: those of floats, or those that the caller names.

    Parameters
    ----------
    output
        What forward returns, a tree.
    asked
        Indices, keys or paths of outputs; None for all of floats.

    Raises
    ------
    TypeError
        None of them holds floats.
    ValueError
        There is no such output.
    """
    __tracebackhide__ = True
    leaves, structure = flatten(output)
    arrays = [np.asarray(leaf) for leaf in leaves]
    if any(format_of(a.dtype) for a in arrays):
        raise SmallFormat
    names = [name.removeprefix("output") for name in paths(structure, "output")]
    which = [k for k, a in enumerate(arrays) if a.dtype.kind == "f"]
    if asked is not None:
        wanted = [asked] if isinstance(asked, str | int) else list(asked)
        which = sorted({k for item in wanted for k in _places(item, names)})
    if not which:
        found = ", ".join(f"{name} {array.dtype}" for name, array in zip(names, arrays, strict=True))
        raise TypeError(f"none of forward's outputs holds floats: {found}")
    return Outputs(structure, tuple(a.shape for a in arrays), tuple(a.dtype for a in arrays), tuple(which))


def _places(item: Any, names: Sequence[str]) -> list[int]:
    """The leaves of an output: by its path, or the key or index that its path begins with."""
    starts = (f"[{item!r}]", f".{item}", str(item))
    found = [k for k, name in enumerate(names) if any(name == s or name.startswith((f"{s}[", f"{s}.")) for s in starts)]
    if not found:
        raise ValueError(f"outputs names {item!r}, which is none of {', '.join(names)}")
    return found


def _keys(tree: Any) -> tuple[Any, ...]:
    """The keys of a tree's own level."""
    return flatten(tree)[1].keys


def aligned(
    gradient: Any, structure: Structure, name: str, conjugated: bool = False, *, lenient: bool = False
) -> Iterator[Any]:
    """The leaves of a gradient in the order of its input's, whatever the order of keys.

    Raises `WrongForm` where its keys are others; `lenient` takes None for those that are missing.
    """
    if structure.kind is None:
        yield gradient
    elif gradient is None:
        yield from [None] * structure.size
    elif structure.kind is complex:
        yield from (np.real(gradient), np.imag(np.conj(gradient) if conjugated else gradient))
    else:
        parts = _children(gradient)
        missing = [key for key in structure.keys if key not in parts]
        if len(parts) > len(structure.keys) - len(missing) or (missing and not (lenient and parts)):
            raise WrongForm(f"the gradient of {name} must have the keys {list(structure.keys)}, got {list(parts)}")
        for key, child in zip(structure.keys, structure.children, strict=True):
            yield from aligned(parts.get(key), child, f"{name}[{key!r}]", conjugated, lenient=lenient)


def _children(tree: Any) -> dict[Any, Any]:
    if isinstance(tree, dict):
        return tree
    if not is_tree(tree) and not isinstance(tree, tuple | list):
        return {}
    if isinstance(tree, tuple | list):
        return dict(zip(getattr(tree, "_fields", range(len(tree))), tree, strict=True))
    return {key: getattr(tree, key) for key in _keys(tree)}


def _parameters(function: Callable[..., Any]) -> Iterator[str]:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):  # a function written in C
        return
    yield from (p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD))


def prepared(
    forward: Forward,
    backward: Backward,
    inputs: Sequence[Any],
    names: Sequence[str] | None,
    wrt: Any,
    grad_output: Any,
    outputs: Any = None,
    convention: str = "torch",
    reference: Forward | None = None,
) -> tuple[Case, Any]:
    """The case of a check, and the cotangent as the case has it.

    Parameters
    ----------
    forward, backward, inputs, names, wrt, grad_output
        As in `check_gradient`.
    outputs
        Which of several outputs are differentiated; None for all that hold floats.
    convention
        Of the gradients of complex numbers, "torch" or "jax".
    reference
        Forward in float64.

    Raises
    ------
    TypeError, ValueError
        As `prepare` and `outputs_of`; if one output is asked for where forward returns a single array; and if reference
        returns an output of another shape than forward.
    """
    __tracebackhide__ = True
    refuse_other_forms(forward, backward, inputs)
    if not isinstance(convention, str) or convention not in CONVENTIONS:
        raise ValueError(f"convention must be one of {', '.join(map(repr, CONVENTIONS))}, got {convention!r}")
    if reference is not None and not callable(reference):
        raise TypeError(f"reference must be a function of the inputs, got {type(reference).__name__}")
    wrt = differentiated(forward, inputs) if wrt is None else wrt
    asked = (names, wrt, outputs, convention == "jax")
    kernel = kernel_of(inputs, reference)
    if not any(kernel.inputs) and reference is None:
        try:
            return _as_arrays(forward, backward, inputs, grad_output, *asked)
        except SmallFormat:  # the output of a kernel whose inputs are in a dtype of NumPy's own
            pass
    kernel.try_float64(forward, inputs)
    forward, backward = kernel.forward(forward), kernel.backward(backward)
    case, cotangent = _as_arrays(forward, backward, _widened(inputs), widened(grad_output)[0], *asked)
    output = coarsest(kernel.outputs)
    if reference is None:
        return replace(case, formats=kernel.inputs, output_format=output, kernel=kernel), cotangent
    found = replace(
        case,
        formats=tuple(map(own_format, kernel.dtypes)),
        output_format=output or own_format(case.output.dtype),
        reference=describe(reference, "the reference"),
        alone=kernel.is_alone,
        kernel=kernel,
    )
    widest = (a.astype(np.float64) if a.dtype.kind == "f" else a.copy() for a in found.inputs)
    shape = np.shape(call(found.forward, "reference", *widest))
    if shape != found.output.shape:
        raise ValueError(f"reference must return what forward returns, of shape {found.output.shape}; got {shape}")
    return found, cotangent


def _widened(inputs: Sequence[Any]) -> list[Any]:
    return [widened(value)[0] for value in inputs]


def differentiated(forward: Forward, inputs: Sequence[Any]) -> list[int] | None:
    """The inputs that have a gradient, where the caller told an adapter which; None where nothing is known."""
    __tracebackhide__ = True
    said = getattr(forward, "differentiated", None)
    if said is None:
        return None
    found = [k for k in said if np.asarray(inputs[k]).dtype.kind not in "biu"]
    if not found:
        raise ValueError("nothing to check: returns= of the adapter names no input that has a gradient")
    return found


def _as_arrays(
    forward: Forward,
    backward: Backward,
    inputs: Sequence[Any],
    grad_output: Any,
    names: Sequence[str] | None,
    wrt: Any,
    outputs: Any,
    conjugated: bool,
) -> tuple[Case, Any]:
    """The case of functions of trees, as functions of arrays, and the cotangent."""
    __tracebackhide__ = True
    known = inputs_of(forward, inputs, names)
    if known is not None:
        known = replace(known, conjugated=conjugated)
        inputs = known.leaves_of(inputs)
        for leaf, path in zip(inputs, known.paths, strict=True):
            if leaf is None or isinstance(leaf, str | bytes) or callable(leaf):
                raise TypeError(
                    f"{path} must be an array of numbers, got {type(leaf).__name__}: an option is bound to the"
                    " functions, by functools.partial or a lambda"
                )
        names = tuple(names) if names is not None and len(names) == len(inputs) else known.paths
        wrt = known.chosen(wrt)
        forward, backward = of_leaves(forward, known), _with_leaves(backward, known)
    try:
        case = prepare(forward, backward, inputs, names, wrt)
    except SeveralOutputs as several:
        found = replace(outputs_of(several.output, outputs), conjugated=conjugated)
        forward, backward = _joined(forward, found), _split(backward, found)
        case = replace(prepare(forward, backward, inputs, names, wrt), parts=found.parts)
        return case, grad_output if grad_output is None else found.joined(grad_output)
    if outputs is not None:
        raise ValueError(f"outputs names some of several outputs, but forward returns one array; got {outputs!r}")
    return case, grad_output


def of_leaves(forward: Forward, known: Inputs) -> Forward:
    """Forward with the leaves of its inputs as arguments."""
    return wrapped(forward, lambda call, leaves: call(*known.built(leaves)))


def _with_leaves(backward: Backward, known: Inputs) -> Backward:
    return wrapped(backward, lambda call, given: known.gradients(call(given[0], *known.built(given[1:]))))


def _joined(forward: Forward, outputs: Outputs) -> Forward:
    return wrapped(forward, lambda call, given: outputs.joined(call(*given)))


def _split(backward: Backward, outputs: Outputs) -> Backward:
    def split(call: Callable[..., Any], given: Sequence[Any]) -> Any:
        cotangents = outputs.split(given[0])
        try:
            return call(cotangents, *given[1:])
        except Exception as error:
            error.add_note(f"its first argument is a {type(cotangents).__name__} of the cotangents of all outputs")
            raise

    return wrapped(backward, split)
