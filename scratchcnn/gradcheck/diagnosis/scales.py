"""Mistakes of scale: a sign, a factor, nothing at all, a few last digits."""

from collections.abc import Iterator
from math import prod

import numpy as np

from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.scene import Scene, TooDear

# A factor that differs from one by less is called a small relative error.
SMALL = 1e-2
# A factor is taken to be a number that is known if it differs from it by less than this.
SAME = 1e-6


def scaled(scene: Scene, index: int) -> Iterator[Claim]:
    """Zero, or a constant times the true gradient."""
    gradient = scene.analytic(index)
    if gradient.shape != scene.inputs[index].shape:
        return
    if not gradient.any():
        yield Claim("zero-gradient", "zero throughout, the true one is not", lambda s: not s.analytic(index).any())
        return
    yield Claim("sign", "minus the true one", lambda s: s.is_times(index, -1))
    factor = _factor(scene, index)
    if factor == 0 or not np.isfinite(factor) or abs(factor + 1) < SAME:
        return

    def is_times(s: Scene, factor: float = factor) -> bool:
        return s.is_times(index, factor)

    if abs(factor - 1) < SMALL:
        yield Claim(
            "small-relative", f"too {'large' if factor > 1 else 'small'} by a share of {abs(factor - 1):.3g}", is_times
        )
        return
    found = next(recognized(scene, abs(factor)), None)
    if found is not None:
        value, name = found
        exact = value if factor > 0 else -value
        minus = "" if factor > 0 else "minus "
        said = f"{minus}{number(value)} times the true one" + (f" ({name})" if name else "")
        yield Claim("constant-factor", said, lambda s: is_times(s, exact))
    yield Claim("constant-factor", f"{number(factor)} times the true one", is_times)
    for k, scalar in enumerate(scene.inputs):
        if k != index and scalar.size == 1 and scalar.dtype.kind == "f":
            name = scene.names[k]
            yield Claim(
                "missing-factor",
                f"the true one without the factor {name}",
                lambda s, k=k: s.is_times(index, 1 / s.inputs[k].reshape(())),  # type: ignore[misc]
            )
            yield Claim(
                "missing-factor",
                f"the true one times {name} once more",
                lambda s, k=k: s.is_times(index, s.inputs[k].reshape(())),  # type: ignore[misc]
            )


def _factor(scene: Scene, index: int) -> float:
    """How many times the true gradient this is, if it is a multiple."""
    gradient = scene.analytic(index)
    try:
        truth = scene.truth(index)
        known = np.isfinite(truth.error)
        return float((gradient[known] * truth.value[known]).sum() / (truth.value[known] ** 2).sum())
    except TooDear:
        direction, slopes = scene.along_here(index)
        return float((gradient * direction).sum() / (scene.cotangent * slopes.value).sum())


def number(value: float) -> str:
    """A number for a reader: a whole one or one divided by a whole one where it is that."""
    for whole in (value, 1 / value):
        if abs(whole - round(whole)) < SAME * abs(whole) and abs(whole) >= 1:
            return f"{round(whole)}" if whole == value else f"1/{round(whole)}"
    return f"{value:.6g}"


def _some(names: list[str]) -> str:
    """The first of what a number may be, and how many others there are."""
    more = f", and {len(names) - 1} more" if len(names) > 2 else ""
    return (names[0] if more else " and ".join(names)) + more


def recognized(scene: Scene, factor: float) -> Iterator[tuple[float, str]]:
    """Numbers of the check that a factor is, or whose reciprocal or root it is, each with what it is."""
    lengths: dict[int, list[str]] = {}
    arrays = [*zip(scene.names, scene.inputs, strict=True), ("the output", scene.output)]
    for name, array in arrays:
        for axis, length in enumerate(array.shape):
            if length > 1:
                lengths.setdefault(length, []).append(f"the length of axis {axis} of {name}")
        if array.ndim > 1 and array.size > 1:
            lengths.setdefault(array.size, []).append(f"the size of {name}")
        if array.ndim > 3:
            lengths.setdefault(prod(array.shape[2:]), []).append(f"the pixels of {name}")
    known = [(float(length), _some(list(dict.fromkeys(of)))) for length, of in lengths.items()]
    known += [(float(v), f"the option {k}") for k, v in scene.options.items() if isinstance(v, int | float) and v]
    for known_number, name in known:
        for value in (known_number, 1 / known_number):
            if abs(value - factor) <= SAME * factor:
                yield value, f"{number(known_number)} is {name}"
        if known_number > 1:
            for value in (known_number / (known_number - 1), (known_number - 1) / known_number):
                for power in (1.0, 0.5):
                    if abs(value**power - factor) <= SAME * factor:
                        yield value**power, f"N and N - 1 exchanged, N = {number(known_number)}, {name}"
    for value in (2.0, 0.5):
        if abs(value - factor) <= SAME * factor:
            yield value, ""
