"""A term that is missing: a mean, a deviation, a normalizer taken for a constant; a penalty."""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS, SHARP, Estimate
from scratchcnn.gradcheck.diagnosis.rearrangements import axes_in_words
from scratchcnn.gradcheck.diagnosis.scales import number
from scratchcnn.gradcheck.diagnosis.scene import Scene

# Entries that a term has to fit besides one for each of its coefficients: fewer prove nothing.
MORE = 2

Basis = Callable[[Scene], list[Array]]


def missing_term(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient less a term: constant along some axes, or there a multiple of what is known."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape != shape or not shape:
        return
    for message, basis in _bases(scene, index):
        for count in range(1, len(shape) + 1):
            for axes in combinations(range(len(shape)), count):
                where = "" if count == len(shape) else f" along {axes_in_words(axes)}"
                yield Claim("missing-term", message.format(where=where), _lacks(index, axes, basis))


def missing_penalty(scene: Scene, index: int) -> Iterator[Claim]:
    """Of a loss: a constant times an input, by the cotangent; the constant is the same everywhere."""
    if scene.cotangent.size != 1 or scene.analytic(index).shape != scene.inputs[index].shape:
        return
    missing = scene.truth(index).value - scene.analytic(index)
    for k, array in enumerate(scene.inputs):
        if array.shape == missing.shape and array.dtype.kind == "f" and array.any():
            c = float(scene.cotangent.reshape(()))
            factor = float((missing * scene.inputs[k]).sum() / (array**2).sum()) / c
            if not np.isfinite(factor):
                continue
            term = f"{number(factor)} {scene.names[k]}"
            message = f"the true one less {term}, as of a penalty that is forgotten or halved"
            yield Claim("missing-term", message, _lacks_multiple(index, k, factor))


def _lacks_multiple(index: int, k: int, factor: float) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        term = -factor * float(s.cotangent.reshape(())) * s.inputs[k]
        predicted = s.truth(index).plus(Estimate(term, ROUNDOFFS * s.eps * np.abs(term)))
        return s.agrees(index, predicted)

    return holds


def _bases(scene: Scene, index: int) -> Iterator[tuple[str, Basis]]:
    """Terms: what is said of each, and what it is a combination of."""
    shape, name = scene.inputs[index].shape, scene.names[index]
    yield (
        "the true one less a term that is constant{where}, as of a mean taken for a constant",
        lambda s: [_ones(s, index)],
    )
    yield (
        f"the true one less a multiple of {name}" + "{where}, as of a penalty, or of a length taken for a constant",
        lambda s: [s.inputs[index]],
    )
    if scene.output.shape == shape:
        yield (
            "the true one less a multiple of the output{where}, as of a sum or a deviation taken for a constant",
            lambda s: [s.output],
        )
        yield (
            "the true one less a constant and a multiple of the output{where}, as of a mean and a deviation taken for "
            "constants",
            lambda s: [_ones(s, index), s.output],
        )
    yield (
        f"the true one less a constant and a multiple of {name}" + "{where}, as of a mean and a deviation taken for "
        "constants",
        lambda s: [_ones(s, index), s.inputs[index]],
    )
    for k, array in enumerate(scene.inputs):
        if k != index and array.shape == shape and array.dtype.kind == "f":
            yield f"the true one less a multiple of {scene.names[k]}" + "{where}", _input(k)
    for k, array in enumerate(scene.inputs):
        if array.dtype.kind in "iu" and array.shape == shape[:-1]:
            said = f"the true one less a multiple of (class = {scene.names[k]})" + "{where}"
            yield said, _one_hot(k, shape[-1])
    if shape[-1] > 1:
        yield (
            f"the true one less a multiple of the softmax of {name}"
            + "{where}, as of a normalizer taken for a constant",
            lambda s: [softmax(s.inputs[index])],
        )
        for option, value in scene.options.items():
            if isinstance(value, int | float) and value:
                said = f"the true one less a multiple of the softmax of {name} / {option}" + "{where}"
                yield said + ", as of a normalizer taken for a constant", _softmax_of(index, value)


def _softmax_of(index: int, divisor: float) -> Basis:
    return lambda s: [softmax(s.inputs[index] / divisor)]


def _input(k: int) -> Basis:
    return lambda s: [s.inputs[k]]


def _one_hot(k: int, classes: int) -> Basis:
    return lambda s: [(np.arange(classes) == s.inputs[k][..., None]).astype(float)]


def _ones(s: Scene, index: int) -> Array:
    return np.ones_like(s.inputs[index])


def softmax(x: Array) -> Array:
    """The softmax over the last axis."""
    power = np.exp(x - x.max(axis=-1, keepdims=True))
    shares: Array = power / power.sum(axis=-1, keepdims=True)
    return shares


def _lacks(index: int, axes: tuple[int, ...], basis: Basis) -> Callable[[Scene], bool]:
    """Whether what is missing is a combination of the basis, with other coefficients at each place off the axes."""

    def holds(s: Scene) -> bool:
        truth, analytic = s.truth(index), s.analytic(index)
        if analytic.shape != truth.value.shape or not np.isfinite(analytic).all():
            return False
        vectors = [_rows(v, axes) for v in basis(s)]
        rows, length = vectors[0].shape
        if length < len(vectors) + MORE:
            return False
        missing, error = _rows(truth.value - analytic, axes), _rows(truth.error, axes)
        error = error + ROUNDOFFS * s.eps * (np.abs(_rows(truth.value, axes)) + np.abs(_rows(analytic, axes)))
        largest = float(np.abs(missing).max())
        if not np.isfinite(error).all() or (error > SHARP * max(largest, 1e-300)).any():
            return False
        for row in range(rows):
            matrix = np.stack([v[row] for v in vectors], axis=1)
            coefficients, *_ = np.linalg.lstsq(matrix, missing[row], rcond=None)
            left = np.abs(missing[row] - matrix @ coefficients)
            spread = float(np.sqrt((error[row] ** 2).sum()))
            if (left > error[row] + spread + ROUNDOFFS * s.eps * np.abs(missing[row])).any():
                return False
        return True

    return holds


def _rows(array: Array, axes: tuple[int, ...]) -> Array:
    """(places, length): the entries along some axes, for each place off them."""
    back = np.moveaxis(array, axes, range(array.ndim - len(axes), array.ndim))
    return back.reshape(-1, int(np.prod([array.shape[k] for k in axes])))
