"""What the derivative of a function makes of a value, and what is taken for it."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.activations import DERIVATIVES
from scratchcnn.gradcheck.diagnosis.edits.change import Change, combined, is_array, is_mask, made_by, rewritten
from scratchcnn.gradcheck.diagnosis.edits.places import INDEX, LIMIT
from scratchcnn.gradcheck.diagnosis.edits.seen import Seen
from scratchcnn.gradcheck.diagnosis.edits.site import Site
from scratchcnn.gradcheck.diagnosis.edits.variables import is_name

# By the output of an activation, its derivative: of the sigmoid, of tanh, of relu.
SLOPES: dict[str, Callable[[Any], Any]] = {
    "{name} * (1 - {name})": lambda a: a * (1 - a),
    "1 - {name} ** 2": lambda a: 1 - a * a,
    "({name} > 0)": lambda a: (a > 0).astype(a.dtype),
}
# As a share: what two ways to compute a slope may be apart.
CLOSE = 1e-9
# Entries that are compared first.
FEW = 4


def slopes(site: Site, seen: Seen) -> Iterator[Change]:
    """The derivative of an activation in place of that of another one."""
    value = seen.value.astype(np.float64) if is_mask(seen.value) else seen.value
    if not is_array(value) or site.role in (INDEX, LIMIT):
        return
    for name, other in seen.variables.items():
        if is_name(name) and name != site.text and is_array(other) and other.shape == value.shape:
            for said, function in _of_another(SLOPES, value, other):
                yield Change("operand", rewritten(site.text, said, name), combined(name, function))
            for activation, function in _of_another(DERIVATIVES, value, other):
                said = f"the derivative of {activation} at `{name}` in place of `{site.text}`"
                yield Change("operand", said, combined(name, function))


def _of_another(
    slopes: dict[str, Callable[[Any], Any]], value: Array, other: Array
) -> Iterator[tuple[str, Callable[[Any, Any], Any]]]:
    """The slopes at some numbers, where a value is another one of them."""
    few, values = other.reshape(-1)[:FEW], value.reshape(-1)[:FEW]  # most end here
    if any(_is_close(slope(few), values) for slope in slopes.values()):
        same = {name: _is_close(slope(other), value) for name, slope in slopes.items()}
        if any(same.values()):
            yield from ((name, _of_other(slopes[name])) for name in slopes if not same[name])


def _is_close(one: Array, other: Array) -> bool:
    return bool(np.allclose(one, other, rtol=CLOSE, atol=0))


def _of_other(slope: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    return lambda _, other: slope(other)


def parts(site: Site, seen: Seen) -> Iterator[Change]:
    """A triangle of a matrix, running sums, or the conjugate: what factorisations, sums and spectra go back through."""
    value = seen.value
    if isinstance(value, np.ndarray) and value.dtype.kind == "c":
        yield Change("conjugated", rewritten(site.text, "conj({})"), made_by(np.conj))
        for said, function in TURNS.items():
            yield Change("operand", rewritten(site.text, said), made_by(function))
        for said, function in _halves(site, value):
            yield Change("subset", f"`{site.text}` with {said}", made_by(function))
    if not is_array(value) or site.role in (INDEX, LIMIT):
        return
    if value.ndim > 1 and value.shape[-1] == value.shape[-2] > 1:
        for said, function in TRIANGLES.items():
            if not np.array_equal(function(value), value):
                yield Change("subset", rewritten(site.text, said), made_by(function))
    for axis in range(value.ndim):
        if value.shape[axis] > 1:
            along = "" if value.ndim == 1 else f" along axis {axis}"
            for end, sums in ((" from the end on", _sums_to_end), ("", _sums)):
                said = f"the running sums of `{site.text}`{along}{end} in its place"
                yield Change("missing-term", said, made_by(partial(sums, axis)))


def _halved(matrix: Array) -> Array:
    half: Array = matrix * (1 - np.eye(matrix.shape[-1]) / 2)
    return half


TRIANGLES: dict[str, Callable[[Array], Array]] = {
    "tril({})": np.tril,
    "triu({})": np.triu,
    "{} with half its diagonal": _halved,
    "{0} + {0}.T": lambda matrix: matrix + np.swapaxes(matrix, -1, -2),
    "tril({}) with half its diagonal": lambda matrix: _halved(np.tril(matrix)),
}


# By a quarter of a turn: the real part takes the place of the imaginary one.
TURNS: dict[str, Callable[[Array], Array]] = {
    "1j * {}": lambda values: 1j * values,
    "-1j * {}": lambda values: -1j * values,
}


def _halves(site: Site, value: Array) -> Iterator[tuple[str, Callable[[Array], Array]]]:
    """Half a spectrum of real numbers: the other half is the same, which counts once or twice in a gradient.

    The first frequency stands alone, and of an even number of places the last one, too.
    """
    if "rfft(" in site.text + site.around and value.ndim and value.shape[-1] > 2:
        for times, said in ((0.5, "halved, which irfft counts twice"), (2.0, "doubled, which rfft leaves out")):
            for end, first in ((-1, "the first and the last frequency"), (None, "the first frequency")):
                yield f"all but {first} {said}", partial(_inner, times, slice(1, end))


def _inner(times: float, inner: slice, values: Array) -> Array:
    made = np.array(values)
    made[..., inner] *= times
    return made


def _sums(axis: int, array: Array) -> Array:
    return np.cumsum(array, axis=axis)


def _sums_to_end(axis: int, array: Array) -> Array:
    return np.flip(np.cumsum(np.flip(array, axis), axis=axis), axis)
