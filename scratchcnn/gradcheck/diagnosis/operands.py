"""Mistakes in what a derivative is taken at: an operand not transposed, an output for an input, an option forgotten."""

import inspect
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.activations import sigmoid
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import Estimate
from scratchcnn.gradcheck.diagnosis.rearrangements import rearrangements
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.terms import softmax

# What an option is where it does nothing.
NEUTRAL: dict[str, tuple[Any, ...]] = {
    "stride": (1,),
    "padding": (0,),
    "dilation": (1,),
    "axis": (0, 1, -1, -2, None),
    "temperature": (1.0,),
}
# What may be taken for an operand once too often.
FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "the sigmoid": sigmoid,
    "the tanh": np.tanh,
    "the softmax": softmax,
}
# What options have by default in the libraries that people copy from.
USUAL = (1e-12, 1e-8, 1e-7, 1e-6, 1e-5, 1e-3, 0.01, 0.1, 0.2, 0.5, 0.9, 0.99, 0.999, 10.0, 1e4)
# Calls of forward that operands may take for an input: no further one is tried after these.
MOST_CALLS = 400
# The kinds of what is done to an operand as a whole.
TURNS = ("transposed", "rotated")
KINDS = {"stride": "stride-ignored", "padding": "padding-not-cropped", "axis": "broadcast"}


def at_another_operand(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient at inputs one of which is another one, or has its entries moved."""
    last = scene.budget.spent + MOST_CALLS
    for other, array in enumerate(scene.inputs):
        name = scene.names[other]
        if array.dtype.kind != "f" or array.size < 2 or scene.budget.spent > last:
            continue
        for kind, replaced, value in _replacements(scene, other):
            yield Claim(kind, f"the true one for {replaced} in place of {name}", _at(index, other, value), along=True)
        for kind, message, function in rearrangements(array.shape):
            if kind not in TURNS and (kind != "permuted" or array.ndim < 2):
                said = message.replace("the true one", name, 1)
                yield Claim(kind, f"the true one for {said}", _at(index, other, _moved(other, function)), along=True)


def at_a_turned_operand(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient at inputs one of which is transposed or turned, or for other labels."""
    for other, array in enumerate(scene.inputs):
        if array.dtype.kind in "iu" and array.ndim:
            for kind, said, value in _other_classes(scene, index, other):
                yield Claim(kind, f"the true one for {said}", _at(index, other, value), along=True)
        if array.dtype.kind == "f" and array.size > 1:
            for kind, message, function in rearrangements(array.shape):
                if kind in TURNS:
                    said = message.replace("the true one", scene.names[other], 1)
                    yield Claim(
                        kind, f"the true one for {said}", _at(index, other, _moved(other, function)), along=True
                    )


def with_another_option(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient of forward with an option left at its default, or at what does nothing."""
    inner = getattr(scene.unguarded, "func", None)
    for name, value in scene.options.items():
        if inner is None:
            return
        for other in _defaults(inner, name, value):
            if not np.array_equal(other, value):
                kind = KINDS.get(name, "option-ignored")
                message = f"that of {name}={_short(other)}; forward has {name}={_short(value)}"
                changed = partial(inner, **{**scene.options, name: other})
                yield Claim(kind, message, _of(index, changed), along=True)
                if name == "padding":
                    uncropped = _uncropped(index, changed, value)
                    yield Claim(kind, "that of the padded image, not cropped", uncropped, along=True)


def as_of_stride_one(scene: Scene, index: int) -> Iterator[Claim]:
    """Each output's part of an image's gradient where it would be if the windows stood one pixel apart."""
    shape = scene.inputs[index].shape
    if len(shape) < 3 or scene.cotangent.ndim != len(shape) or scene.analytic(index).shape != shape:
        return
    for down, right in product((1, 2, 3), repeat=2):
        if (down, right) != (1, 1):
            message = f"that of stride 1; forward moves by {down} and {right}"
            yield Claim("stride-ignored", message, _closer(index, down, right))


def _closer(index: int, down: int, right: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        shape = s.inputs[index].shape
        parts = s.jacobian(index).times(s.cotangent.reshape(-1, 1))
        value, error = np.zeros((2, *shape))
        for row, place in enumerate(np.ndindex(*s.cotangent.shape)):
            up, left = (down - 1) * place[-2], (right - 1) * place[-1]
            if up < shape[-2] and left < shape[-1]:
                rows, columns = slice(0, shape[-2] - up), slice(0, shape[-1] - left)
                value[..., rows, columns] += parts.value[row].reshape(shape)[..., up:, left:]
                error[..., rows, columns] += parts.error[row].reshape(shape)[..., up:, left:]
        return s.agrees(index, Estimate(value, error))

    return holds


def _replacements(scene: Scene, other: int) -> Iterator[tuple[str, str, Callable[[Scene], Array]]]:
    shape, name = scene.inputs[other].shape, scene.names[other]
    if scene.output.shape == shape:
        yield "operand", "the output", lambda s: s.output
    for k, array in enumerate(scene.inputs):
        if k != other and array.shape == shape and array.dtype.kind == "f":
            yield "operand", scene.names[k], _input(k)
    yield "operand", f"minus {name}", lambda s: -s.inputs[other]
    for said, signs in _signs(scene, other):
        yield "operand", f"{name} with the sign of {said}", _with_sign(other, signs)
    yield "missing-factor", "ones", lambda s: np.ones_like(s.inputs[other])
    if len(shape) > 1 and shape[0] > 1:
        yield (
            "batch",
            "the first sample's values, for all,",
            lambda s: np.broadcast_to(s.inputs[other][:1], shape).copy(),
        )


def _signs(scene: Scene, other: int) -> Iterator[tuple[str, Callable[[Scene], Array]]]:
    """Arrays of an input's shape whose signs may choose the branch in place of its own."""
    shape = scene.inputs[other].shape
    for k, array in enumerate(scene.inputs):
        if k != other and array.shape == shape and array.dtype.kind == "f":
            yield scene.names[k], _input(k)
    if scene.cotangent.shape == shape:
        yield "the cotangent", lambda s: s.cotangent


def _with_sign(other: int, signs: Callable[[Scene], Array]) -> Callable[[Scene], Array]:
    return lambda s: np.copysign(s.inputs[other], signs(s))


def at_a_function_of_an_operand(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient at inputs one of which has gone through a function once too often."""
    for other, array in enumerate(scene.inputs):
        if array.dtype.kind == "f" and array.size > 1:
            name = scene.names[other]
            for said, function in FUNCTIONS.items():
                message = f"the true one for {said} of {name} in place of {name}"
                yield Claim("operand", message, _at(index, other, _moved(other, function)), along=True)


def _other_classes(scene: Scene, index: int, other: int) -> Iterator[tuple[str, str, Callable[[Scene], Array]]]:
    """Labels that are off by one, or those of another sample."""
    name, shape = scene.names[other], scene.inputs[index].shape
    for by in (1, -1):
        if shape:
            yield "shifted", f"{name} {'+' if by > 0 else '-'} 1", _next_class(other, by, shape[-1])
        yield "shifted", f"{name} moved by {by}", _moved(other, partial(np.roll, shift=by, axis=0))
    yield "permuted", f"{name} in reverse", lambda s: s.inputs[other][::-1].copy()


def _input(k: int) -> Callable[[Scene], Array]:
    return lambda s: s.inputs[k]


def _next_class(other: int, by: int, classes: int) -> Callable[[Scene], Array]:
    return lambda s: (s.inputs[other] + by) % classes


def _moved(other: int, function: Callable[[Array], Array]) -> Callable[[Scene], Array]:
    return lambda s: np.ascontiguousarray(function(s.inputs[other]))


def _at(index: int, other: int, value: Callable[[Scene], Array]) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        inputs = list(s.inputs)
        inputs[other] = value(s)
        if np.array_equal(inputs[other], s.inputs[other]):
            return False
        # An odd function's gradient with a wrong sign is said so.
        return s.is_derivative(index, inputs=inputs) and not s.is_derivative(index, -s.cotangent)

    return holds


def _short(value: Any) -> str:
    return " ".join(repr(value).split())


def _defaults(function: Callable[..., Any], name: str, value: Any) -> Iterator[Any]:
    """What an option may be in its place: what does nothing, the default, and of an array its entries elsewhere."""
    yield from NEUTRAL.get(name, ())
    try:
        default = inspect.signature(function).parameters[name].default
    except (KeyError, TypeError, ValueError):
        default = inspect.Parameter.empty
    if default is not inspect.Parameter.empty and default not in NEUTRAL.get(name, ()):
        yield default
    if type(value) is bool:
        yield not value
    if type(value) in (int, float):
        yield from (type(value)(n) for n in (0, 1, 2, 3))
    if type(value) is float:
        yield from USUAL
    if isinstance(value, np.ndarray):
        yield from (np.zeros_like(value), np.ones_like(value))
        yield from (function(value) for kind, _, function in rearrangements(value.shape) if kind != "permuted")


def _of(index: int, forward: Callable[..., Any]) -> Callable[[Scene], bool]:
    """With the cotangent in the corner of that forward's output, where this is larger."""

    def holds(s: Scene) -> bool:
        try:
            output = np.asarray(forward(*(a.copy() for a in s.inputs)))
        except Exception:  # the option cannot be that
            return False
        if output.ndim != s.cotangent.ndim:
            return False
        cotangent = np.zeros(output.shape)
        common = tuple(slice(0, min(a, b)) for a, b in zip(output.shape, s.cotangent.shape, strict=True))
        cotangent[common] = s.cotangent[common]
        return s.is_derivative(index, cotangent, forward=forward)

    return holds


def _uncropped(index: int, forward: Callable[..., Any], padding: Any) -> Callable[[Scene], bool]:
    """The gradient by an image that was padded before, cut off at the size of the image."""

    def holds(s: Scene) -> bool:
        x, around = s.inputs[index], _frame(padding)
        if x.ndim < 2 or around is None:
            return False
        padded = np.pad(x, [(0, 0)] * (x.ndim - 2) + around)
        corner = tuple(slice(0, length) for length in x.shape)

        def of_corner(*inputs: Array) -> Any:
            given, whole = list(inputs), padded.copy()
            whole[corner] += inputs[index] - x
            given[index] = whole
            return forward(*given)

        return s.is_derivative(index, forward=of_corner)

    return holds


def _frame(padding: Any) -> list[tuple[int, int]] | None:
    """((top, bottom), (left, right)) of a padding in numbers; None of one by name."""
    if isinstance(padding, int):
        return [(padding, padding)] * 2
    if not isinstance(padding, tuple | list) or len(padding) != 2:
        return None
    pairs = [(p, p) if isinstance(p, int) else tuple(p) for p in padding]
    return [(int(before), int(after)) for before, after in pairs]
