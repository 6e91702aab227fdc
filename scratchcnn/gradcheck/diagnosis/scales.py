"""Mistakes of scale: a sign, a factor, nothing at all, a few last digits."""

import re
from collections.abc import Iterator, Sequence
from itertools import permutations
from math import prod
from typing import Any

import numpy as np

from scratchcnn.gradcheck.diagnosis.budget import TooDear
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.constants.places import default_of, numbers
from scratchcnn.gradcheck.diagnosis.edits.variables import is_name
from scratchcnn.gradcheck.diagnosis.scene import Scene

# A factor that differs from one by less is called a small relative error.
SMALL = 1e-2
# What a factor may be, at most so many are said.
MOST_SAID = 2
# A length whose quotient with the next smaller one proves little.
SMALL_LENGTH = 4
# What a variance, or a length less one, is written with.
ONE_LESS = ("ddof", "var(", "std(", "cov(", "- 1")
# A factor is taken to be a number that is known if it differs from it by less than this.
SAME = 1e-6
# What a number is, whatever it is of: the batch is axis 0 of several arrays.
THINGS = re.compile(r"the length of axis \d+|the option \w+|the \w+ of \w+|`[^`]+` in forward|a number in forward")


def scaled(scene: Scene, index: int) -> Iterator[Claim]:
    """A constant times the true gradient."""
    gradient = scene.analytic(index)
    if gradient.shape != scene.inputs[index].shape or not gradient.any():
        return
    yield Claim("sign", "minus the true one", lambda s: s.is_times(index, -1))
    factor = factor_of(scene, index)
    if factor == 0 or not np.isfinite(factor) or abs(factor + 1) < SAME:
        return

    def is_times(s: Scene, factor: float = factor) -> bool:
        return s.is_times(index, factor)

    if abs(factor - 1) < SMALL:
        yield Claim(
            "small-relative", f"too {'large' if factor > 1 else 'small'} by a share of {abs(factor - 1):.3g}", is_times
        )
        return
    found = list(recognized(scene, abs(factor))) if is_times(scene) else []
    if found:
        exact = found[0][0] if factor > 0 else -found[0][0]
        averaged = list(_averaged_over(scene, index, exact))
        if averaged or not _may_be_several(found):
            yield Claim("constant-factor", _times(exact, found), lambda s: is_times(s, exact))
        for axis in averaged:
            said = f"the true one averaged over axis {axis} of the output, not summed"
            yield Claim("broadcast", said, lambda s: is_times(s, exact))
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


def zero(scene: Scene, index: int) -> Iterator[Claim]:
    """Nothing at all."""
    if scene.analytic(index).shape == scene.inputs[index].shape and not scene.analytic(index).any():
        yield Claim("zero-gradient", "zero throughout, the true one is not", lambda s: not s.analytic(index).any())


def multiplied(scene: Scene, index: int) -> Iterator[Claim]:
    """A constant times the true gradient, whatever the constant is."""
    gradient = scene.analytic(index)
    if gradient.shape != scene.inputs[index].shape or not gradient.any():
        return
    factor = factor_of(scene, index)
    if factor != 0 and np.isfinite(factor) and min(abs(factor - 1), abs(factor + 1)) >= SMALL:
        found = list(recognized(scene, abs(factor))) if scene.is_times(index, factor) else []
        exact = float(np.copysign(found[0][0], factor)) if found else factor
        yield Claim("constant-factor", _times(exact, found), lambda s: s.is_times(index, exact))


def _times(factor: float, found: Sequence[tuple[float, str]]) -> str:
    """What is said of a gradient that is so many times the true one, and what that number may be."""
    name = ", or ".join(dict.fromkeys(name for _, name in found[:MOST_SAID] if name))
    minus = "minus " if found and factor < 0 else ""
    return f"{minus}{number(abs(factor) if minus else factor)} times the true one" + (f" ({name})" if name else "")


def _may_be_several(found: Sequence[tuple[float, str]]) -> bool:
    """Whether a factor may be one of several things, and none of them is an option: the code tells more then."""
    if "the option" in found[0][1]:
        return False
    things = {thing for _, name in found for thing in THINGS.findall(name)} or {name for _, name in found if name}
    return len(things) != 1 or any(name.startswith("perhaps") for _, name in found)


def _averaged_over(scene: Scene, index: int, factor: float) -> Iterator[int]:
    """The axes of the output that an input with fewer axes is summed over, where one by their length is the factor."""
    shape, whole = scene.inputs[index].shape, scene.cotangent.shape
    if 0 < len(shape) < len(whole) and whole[len(whole) - len(shape) :] == shape:
        for axis, length in enumerate(whole[: len(whole) - len(shape)]):
            if abs(factor * length - 1) < SAME and length > 1:
                yield axis


def factor_of(scene: Scene, index: int) -> float:
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
        if abs(whole - round(whole)) < SAME * abs(whole) and round(abs(whole)) >= 1:
            divided = whole != value and abs(round(whole)) > 1
            return f"{'-' if whole < 0 else ''}1/{abs(round(whole))}" if divided else f"{round(whole)}"
    return f"{value:.6g}"


def _some(names: list[str]) -> str:
    """Two of the things that a number may be, of different axes if there are such, and how many others there are."""
    if len(names) <= 2:
        return " and ".join(names)
    axis = names[0].partition(" of ")[2].partition(" of ")[0]
    other = [name for name in names if f"length of {axis} of" not in name][:1]
    left = len(names) - 1 - len(other)
    return ", ".join([names[0], *other]) + f", and {left} other{'s' if left > 1 else ''}"


def recognized(scene: Scene, factor: float) -> Iterator[tuple[float, str]]:
    """Numbers of the check that a factor is, or whose reciprocal it is, each with what it is.

    If there are none: quotients of two lengths, and N and N - 1 exchanged.
    """

    def same(value: float) -> bool:
        return abs(value - factor) <= SAME * factor

    known, found = _numbers(scene), False
    for known_number, name in known:
        for value in filter(same, (known_number, 1 / known_number)):
            found = True
            perhaps = "perhaps " if known_number == 2 and name.startswith("the length") else ""  # 2 is mostly 2
            yield value, f"{perhaps}{number(known_number)} is {name}"
        root = abs(known_number) ** 0.5
        rooted = known_number > 1 and root != round(root) and name.startswith(("the length", "the size", "the option"))
        for value in filter(same, (root, 1 / root) if rooted else ()):
            found = True
            yield value, f"{number(known_number)}, of which that is the root, is {name}"
    if not found and not same(2.0) and not same(0.5):
        yield from filter(lambda pair: same(pair[0]), _from_two(scene, known))
    if same(2.0) or same(0.5):
        yield (2.0 if same(2.0) else 0.5), ""


def _numbers(scene: Scene) -> list[tuple[float, str]]:
    """The lengths, sizes and options of a check, each with what it is."""
    if scene.numbers is None:
        scene.numbers = _numbers_of(scene)
    return scene.numbers


def _numbers_of(scene: Scene) -> list[tuple[float, str]]:
    lengths: dict[int, list[str]] = {}
    arrays = [*zip(scene.names, scene.inputs, strict=True), ("the output", scene.output)]
    for name, array in arrays:
        for axis, length in enumerate(array.shape):
            if length > 1:
                lengths.setdefault(length, []).append(f"the length of axis {axis} of {name}")
    for name, array in arrays:
        if array.ndim > 1 and array.size > 1:
            lengths.setdefault(array.size, []).append(f"the size of {name}")
        if array.ndim > 3:
            lengths.setdefault(prod(array.shape[2:]), []).append(f"the pixels of {name}")
    given = {**dict(filter(None, map(default_of, scene.constants))), **scene.options}
    known = [(float(v), f"the option {k}") for k, v in given.items() if _is_factor(v)]
    made = [(v * v, f"the square of {name}") for v, name in known if abs(v) != 1]
    options = {v for v, _ in known}
    floats = [(v, text) for text, v in _floats(scene) if _is_factor(v) and v not in options]
    known += [(v, f"`{text}` in forward") for v, text in floats if is_name(text)]
    shares = [(v, name) for v, name in known if 0 < v < 1]
    made += [(1 - v, f"1 less {name}") for v, name in shares]
    made += [(v / (1 - v), f"{name}, divided by 1 less it") for v, name in shares]
    known += [(float(length), _some(list(dict.fromkeys(of)))) for length, of in lengths.items()]
    known += [(v, f"`{text}` in forward") for v, text in floats if not is_name(text)]
    return known + [(v, "a number in forward") for v in numbers(scene.constants)] + made


def _floats(scene: Scene) -> Iterator[tuple[str, float]]:
    """The floats that forward reads or computes, each with its text; not those that are spelled out."""
    for text, value in {} if scene.look is None else scene.look.of_forward.items():
        if isinstance(value, float) and any(map(str.isalpha, text)):
            yield text, value


def _is_factor(option: Any) -> bool:
    return isinstance(option, int | float) and bool(option) and bool(np.isfinite(option))


def _has_one_less(scene: Scene) -> bool:
    """Whether forward has a variance, or a length less one; it is taken to have where its code is not known."""
    if scene.look is None:
        return True
    return any(word in site.text for site, _ in scene.look.forward_sites for word in ONE_LESS)


def _from_two(scene: Scene, known: list[tuple[float, str]]) -> Iterator[tuple[float, str]]:
    """Quotients of two lengths, and those of N and N - 1 and their roots, where forward has such."""
    lengths = [(length, name) for length, name in known if length > 1 and name.startswith("the length")]
    for (above, one), (below, other) in permutations(lengths, 2):
        yield above / below, f"{number(above)} is {one}, {number(below)} is {other}"
    for length, name in known if _has_one_less(scene) else ():
        if length > 1:
            for value in (length / (length - 1), (length - 1) / length):
                # A quotient of small numbers may be anything.
                perhaps = "perhaps " if length <= SMALL_LENGTH else ""
                yield value, f"{perhaps}N and N - 1 exchanged, N = {number(length)}, {name}"
                yield value**0.5, f"the roots of N and N - 1 exchanged, N = {number(length)}, {name}"
