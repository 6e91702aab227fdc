"""Elementwise factors: one that is missing, or there once too often."""

from collections.abc import Callable, Iterator
from itertools import combinations, permutations
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.activations import sigmoid
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS, Estimate, alike
from scratchcnn.gradcheck.diagnosis.reordered import only_moves
from scratchcnn.gradcheck.diagnosis.scene import Scene

Quantity = Callable[[Scene], Array]


# Entries that have to have one factor for that to be no chance.
ALIKE = 3
# A factor that is as near to 0 or 1 is taken to be that.
SLIGHT = 1e-3
# What may be made of an input before it is a factor.
TRANSFORMS: dict[str, Callable[[Array], Array]] = {
    "{}": lambda x: x,
    "({} > 0)": lambda x: (x > 0).astype(float),
    "1 - {}": lambda x: 1 - x,
    "{}²": lambda x: x**2,
    "sign({})": np.sign,
    "exp({})": np.exp,
    "tanh({})": np.tanh,
    "1 + tanh({})": lambda x: 1 + np.tanh(x),
    "1 - tanh²({})": lambda x: 1 - np.tanh(x) ** 2,
    "sigmoid({})": sigmoid,
    "1 - sigmoid({})": lambda x: sigmoid(-x),
    "sigmoid({}) (1 - sigmoid({}))": lambda x: sigmoid(x) * sigmoid(-x),
    "cos({})": np.cos,
    "sin({})": np.sin,
}


def missing_factor(scene: Scene, index: int) -> Iterator[Claim]:
    """The cotangent itself; or the true gradient without an elementwise factor, or with one too many."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape != shape or only_moves(scene, index):
        return
    if scene.cotangent.shape == shape:
        yield Claim(
            "missing-factor",
            "the cotangent itself: the output's derivative is missing",
            lambda s: np.array_equal(s.analytic(index), s.cotangent),
        )
        yield Claim(
            "missing-factor",
            "a constant times the cotangent itself: the output's derivative is missing",
            _constant(scene, index),
        )
        yield Claim("missing-term", "the diagonal of the Jacobian alone, times the cotangent", _diagonal(index))
    telling = [(name, quantity) for name, quantity in quantities(scene, index) if _varies(quantity(scene))]
    for name, quantity in telling:
        yield Claim("missing-factor", f"the true one without the factor {name}", _without(index, quantity))
    for name, quantity in telling:
        mask = name.endswith("> 0)")
        said = f"zero where not {name}, else the true one" if mask else f"the true one times {name} once more"
        yield Claim("subset" if mask else "missing-factor", said, _with(index, quantity))


def _varies(quantity: Array) -> bool:
    """Whether a factor is another one at some entries: one that is the same everywhere is a number."""
    return bool(np.ptp(quantity) > SLIGHT * np.abs(quantity).max(initial=0))


def quantities(scene: Scene, index: int) -> Iterator[tuple[str, Quantity]]:
    """What a gradient may have been multiplied by, entry by entry."""
    shape = scene.inputs[index].shape

    def fits(array: Array) -> bool:
        try:
            return array.size > 1 and array.dtype.kind == "f" and np.broadcast_shapes(array.shape, shape) == shape
        except ValueError:
            return False

    for k, array in enumerate(scene.inputs):
        if fits(array):
            for template, function in TRANSFORMS.items():
                yield template.replace("{}", scene.names[k]), _of_input(k, function)
    for k, array in enumerate(scene.inputs):
        if array.dtype.kind in "iu" and shape and array.shape == shape[:-1]:
            yield f"(class = {scene.names[k]})", _one_hot(index, k)
    arrays = [(name, a, _input(k)) for k, (name, a) in enumerate(zip(scene.names, scene.inputs, strict=True))]
    for name, array, of in (*arrays, ("the output", scene.output, _output)):
        if array.dtype.kind == "f" and array.shape == shape:
            for axis in range(len(shape)):
                if shape[axis] > 1:
                    yield f"the standard deviation of {name} along axis {axis}", _along(of, np.std, axis)
                    yield f"the sum of {name} along axis {axis}", _along(of, np.sum, axis)
                    yield f"the length of {name} along axis {axis}", _along(of, _length, axis)
    if fits(scene.output):
        yield "output", lambda s: s.output
        yield "1 - output", lambda s: 1 - s.output
        yield "1 + output", lambda s: 1 + s.output
        yield "output (1 - output)", lambda s: s.output * (1 - s.output)
        yield "1 - output²", lambda s: 1 - s.output**2
        yield "(output > 0)", lambda s: (s.output > 0).astype(float)
        yield "output²", lambda s: s.output**2
    if fits(scene.cotangent):
        yield "the cotangent", lambda s: s.cotangent
        yield "(the cotangent > 0)", lambda s: (s.cotangent > 0).astype(float)
        if scene.cotangent.shape == shape:
            yield "the output's derivative", _derivative(index)


def _of_input(k: int, function: Callable[[Array], Array]) -> Quantity:
    return lambda s: function(s.inputs[k])


def _input(k: int) -> Quantity:
    return lambda s: s.inputs[k]


def _output(s: Scene) -> Array:
    return s.output


def _one_hot(index: int, k: int) -> Quantity:
    return lambda s: (np.arange(s.inputs[index].shape[-1]) == s.inputs[k][..., None]).astype(float)


def _along(of: Quantity, function: Callable[..., Array], axis: int) -> Quantity:
    return lambda s: function(of(s), axis=axis, keepdims=True)


def _length(array: Array, axis: int, keepdims: bool) -> Array:
    length: Array = np.sqrt((array**2).sum(axis=axis, keepdims=keepdims))
    return length


def _constant(scene: Scene, index: int) -> Callable[[Scene], bool]:
    """Whether the gradient is the cotangent times the constant that it is here."""
    gradient, c = scene.analytic(index), scene.cotangent
    factor = float((gradient * c).sum() / (c * c).sum())

    def holds(s: Scene) -> bool:
        value = factor * s.cotangent
        return bool(value.any()) and s.agrees(index, Estimate(value, 2 * ROUNDOFFS * s.eps * np.abs(value)))

    return holds


def along_axes(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient with a scale along an axis counted twice, not at all, or along another axis."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape != shape or len(shape) < 2:
        return
    vectors = [k for k, array in enumerate(scene.inputs) if array.dtype.kind == "f" and array.ndim == 1]
    for k in vectors:
        name = scene.names[k]
        axes = [axis for axis, length in enumerate(shape) if length == scene.inputs[k].size]
        for axis in axes:
            yield Claim(
                "missing-factor",
                f"the true one without the factor {name} along axis {axis}",
                _vector(index, k, None, axis),
            )
            yield Claim(
                "missing-factor",
                f"the true one times {name} along axis {axis} once more",
                _vector(index, k, axis, None),
            )
        for axis, other in permutations(axes, 2):
            message = f"the true one with {name} along axis {axis} in place of axis {other}"
            yield Claim("broadcast", message, _vector(index, k, axis, other))


def same_along_axes(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient times numbers that are the same along some axes, whatever they are."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape != shape:
        return
    for count in range(len(shape) - 1, 0, -1):
        for axes_of in combinations(range(len(shape)), count):
            along = " and ".join(str(axis) for axis in range(len(shape)) if axis not in axes_of)
            message = (
                f"the true one times a factor for each place along axis {along}: a scale or a deviation is missing"
            )
            yield Claim("missing-factor", message, _same_factor(index, axes_of))


def _vector(index: int, k: int, times: int | None, over: int | None) -> Callable[[Scene], bool]:
    """Whether the gradient is the true one times an input along an axis, or divided by it."""

    def holds(s: Scene) -> bool:
        factor: Any = 1.0
        for axis, power in ((times, 1), (over, -1)):
            if axis is not None:
                shape = [1] * s.inputs[index].ndim
                shape[axis] = -1
                factor = factor * s.inputs[k].reshape(shape) ** power
        return s.is_times(index, factor)

    return holds


def _same_factor(index: int, axes: tuple[int, ...]) -> Callable[[Scene], bool]:
    """Whether gradient and truth have a quotient that is the same along some axes, at three entries or more."""

    def holds(s: Scene) -> bool:
        gradient, truth = s.analytic(index), s.truth(index)
        if np.prod([gradient.shape[axis] for axis in axes]) < ALIKE:
            return False
        product = (gradient * truth.value).sum(axis=axes, keepdims=True)
        factor = product / (truth.value**2).sum(axis=axes, keepdims=True)
        # A factor of 0 or 1 at some places says where the gradient is wrong, not what is missing.
        plain = np.abs(factor * (factor - 1)) < SLIGHT
        if not np.isfinite(factor).all() or plain.any() or np.ptp(factor) < SLIGHT * np.abs(factor).max():
            return False
        return not _is_outer(truth.value, axes) and s.agrees(index, truth.times(factor))

    return holds


def _is_outer(array: Array, axes: tuple[int, ...]) -> bool:
    """Whether an array is the outer product of two, of which one has these axes: any factor fits a wrong one."""
    rows = np.moveaxis(array, axes, range(len(axes))).reshape(int(np.prod([array.shape[k] for k in axes])), -1)
    sizes = np.linalg.svd(rows, compute_uv=False)
    return bool((sizes[1:] <= SLIGHT * sizes[0]).all())


def cropped_cotangent(scene: Scene, index: int) -> Iterator[Claim]:
    """The cotangent itself, cut out in the wrong place."""
    shape, whole = scene.inputs[index].shape, scene.cotangent.shape
    if len(shape) != len(whole) or len(shape) < 2 or scene.analytic(index).shape != shape or shape[:-2] != whole[:-2]:
        return
    for (top, left), corner in _corners(shape, whole):
        kind = "shifted" if top or left else "padding-not-cropped"
        message = f"the cotangent from row {top} and column {left} on: cropped in the wrong place"
        yield Claim(kind, message, _cropped(index, corner))


def _corners(shape: tuple[int, ...], whole: tuple[int, ...]) -> Iterator[tuple[tuple[int, int], Any]]:
    """The places at which a smaller array may be cut out of a larger one, along the last two axes."""
    for top in range(whole[-2] - shape[-2] + 1):
        for left in range(whole[-1] - shape[-1] + 1):
            yield (top, left), (..., slice(top, top + shape[-2]), slice(left, left + shape[-1]))


def _cropped(index: int, corner: Any) -> Callable[[Scene], bool]:
    """Whether the gradient is cut out here, and the true one is cut out elsewhere."""

    def holds(s: Scene) -> bool:
        elsewhere = [s.cotangent[other] for _, other in _corners(s.inputs[index].shape, s.cotangent.shape)]
        cropped = np.array_equal(s.analytic(index), s.cotangent[corner])
        return cropped and any(alike(other, s.truth(index)) for other in elsewhere)

    return holds


def _derivative(index: int) -> Quantity:
    return lambda s: s.truth(index).value / s.cotangent


def _without(index: int, quantity: Quantity) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        factor = quantity(s)
        return s.is_times(index, 1 / factor) and not ((factor == 0).any() or (factor == 1).all())

    return holds


def _with(index: int, quantity: Quantity) -> Callable[[Scene], bool]:
    return lambda s: s.is_times(index, quantity(s))


def _diagonal(index: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        jacobian = s.jacobian(index)
        if jacobian.value.shape[0] != jacobian.value.shape[1]:
            return False
        if not (jacobian.value - np.diag(np.diag(jacobian.value))).any():
            return False
        return s.agrees(index, jacobian.mapped(np.diag).reshaped(s.cotangent.shape).times(s.cotangent))

    return holds
