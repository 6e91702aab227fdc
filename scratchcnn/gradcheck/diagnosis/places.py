"""Where a gradient is wrong: a description that covers all wrong entries and no right one."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS
from scratchcnn.gradcheck.diagnosis.scales import SAME, number, recognized
from scratchcnn.gradcheck.diagnosis.scene import Scene

# A relative error below this is called small.
SLIGHT = 1e-3
# So many entries have to be right for one that is wrong to be told apart.
FEW = 2
# Labels of which each may be where a gradient is wrong.
FEW_LABELS = 8

Where = Callable[[Scene], Array]


def wrong_places(scene: Scene, index: int) -> Iterator[Claim]:
    """Sets of entries that are wrong where the others are right."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape != shape or not shape:
        return
    bad, known = wrong_entries(scene, index)
    if not bad.any():
        return
    yield from slight(scene, index)
    if not (known & ~bad).any():
        return
    times = _times(scene, index)
    for message, kind, where in _sets(scene, index):
        if times is not None:
            said = f"the true one but {message}: there it is {_in_words(scene, times)}"
            yield Claim(kind, said, _exactly(index, where, times), places=_told(where))
        yield Claim(kind, f"the true one but {message}", _exactly(index, where), places=_told(where))


def _told(where: Where) -> Callable[[Scene], tuple[Array, Array]] | None:
    """The values that a threshold is on, and the entries beyond it; None of a sign, which says something by itself."""
    return (lambda s: (where.of(s), where(s))) if isinstance(where, Beyond) and where.threshold else None


def single_entry(scene: Scene, index: int) -> Iterator[Claim]:
    """One entry is wrong, of several."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape != shape or not shape:
        return
    bad, known = wrong_entries(scene, index)
    if bad.sum() == 1 and (known & ~bad).sum() >= FEW:
        place = tuple(int(k) for k in np.argwhere(bad)[0])
        yield from slight(scene, index)
        yield Claim("single-entry", f"the true one but at {list(place)}", _exactly(index, _at(index, place)))


def wrong_entries(scene: Scene, index: int) -> tuple[Array, Array]:
    """Which entries are wrong, and of which the derivative is known."""
    if index not in scene.wrong:
        scene.wrong[index] = _wrong_entries(scene, index)
    return scene.wrong[index]


def _wrong_entries(scene: Scene, index: int) -> tuple[Array, Array]:
    truth, analytic = scene.truth(index), scene.analytic(index)
    known = np.isfinite(truth.error)
    with np.errstate(all="ignore"):
        off, finite = np.abs(analytic - truth.value), np.isfinite(analytic)
        tolerance = truth.error + ROUNDOFFS * scene.eps * (np.abs(truth.value) + np.abs(analytic))
        # The tolerance of an infinite entry is infinite.
        bad = known & ~(finite & (off <= tolerance))
        hardly = bad & finite & (off <= truth.error + scene.slack(index))  # it may be roundoff
    return bad & ~hardly, known & ~hardly


def _times(s: Scene, index: int) -> float | None:
    """The number that the true derivative is multiplied by at every wrong entry; None where there is none."""
    bad, _ = wrong_entries(s, index)
    truth, gradient = s.truth(index).value[bad], s.analytic(index)[bad]
    size = float((truth * truth).sum())
    times = float((truth * gradient).sum()) / size if bad.sum() >= FEW and 0 < size < np.inf else 0.0
    tolerance = s.truth(index).error[bad] + ROUNDOFFS * s.eps * np.abs(truth)
    fits = (np.abs(gradient - times * truth) <= (1 + 2 * abs(times)) * tolerance).all()
    return times if fits and abs(times) > SLIGHT else None


def _in_words(scene: Scene, times: float) -> str:
    value, name = next(recognized(scene, abs(times)), (abs(times), ""))
    return f"{number(float(np.copysign(value, times)))} times as large" + (f" ({name})" if name else "")


def _exactly(index: int, where: Where, times: float | None = None) -> Callable[[Scene], bool]:
    """Whether the wrong entries all lie in the set, and make up most of it: some may be right by chance."""

    def holds(s: Scene) -> bool:
        bad, known = wrong_entries(s, index)
        if times is not None and bad.any():
            there = _times(s, index)
            if there is None or abs(there - times) > SAME * abs(times):
                return False
        some = where(s) & known
        if (bad & ~some).any() or not (known & ~some).any():
            return False
        # A mistake may not show where there is nothing to be wrong about.
        visible = some & (bad | (np.abs(s.truth(index).value) > s.truth(index).error))
        return bool(2 * bad.sum() >= visible.sum())

    return holds


def slight(scene: Scene, index: int) -> Iterator[Claim]:
    """Wrong by a small share, at some entries."""
    bad, _ = wrong_entries(scene, index)
    relative = np.abs(scene.analytic(index)[bad] / scene.truth(index).value[bad] - 1).max()
    if relative < SLIGHT:
        count = f"{int(bad.sum())} of {bad.size} entries"
        yield Claim("small-relative", f"off by a share of {relative:.2g} at {count}", _slightly(index))


def _slightly(index: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        bad, _ = wrong_entries(s, index)
        return bool((np.abs(s.analytic(index)[bad] / s.truth(index).value[bad] - 1) < SLIGHT).all())

    return holds


def _at(index: int, place: tuple[int, ...]) -> Where:
    def where(s: Scene) -> Array:
        some = np.zeros(s.inputs[index].shape, bool)
        some[place] = True
        return some

    return where


def _sets(scene: Scene, index: int) -> Iterator[tuple[str, str, Where]]:
    """Sets of entries that mistakes are made at: what is said, the kind of mistake, the entries."""
    x, name = scene.inputs[index], scene.names[index]
    ways = (_by_thresholds, _by_position) if x.ndim < 2 else (_by_position, _by_thresholds)
    for way in ways:  # a place in a row of numbers says little
        yield from way(scene, index)
    yield f"where {name} is equal to another entry", "kink", _tied(index)


def _by_position(scene: Scene, index: int) -> Iterator[tuple[str, str, Where]]:
    """Sets that an index describes."""
    x = scene.inputs[index]
    samples = _has_samples(scene, index)
    for axis, length in enumerate(x.shape):
        if length < 2:
            continue
        spatial = x.ndim > 2 and axis >= 2
        kind = "batch" if axis == 0 and samples else "border" if spatial else "subset"
        for said, place in (("the first", 0), ("the last", length - 1)):
            yield f"at {said} index of axis {axis}", kind, _slab(index, axis, [place])
            if length > 2 and kind == "batch":
                others = [k for k in range(length) if k != place]
                yield f"at all samples but {said}", kind, _slab(index, axis, others)
        if length > 2:
            yield f"at both ends of axis {axis}", kind, _slab(index, axis, [0, length - 1])
            for place in range(1, length - 1):
                yield (
                    f"at index {place} of axis {axis}",
                    "batch" if kind == "batch" else "subset",
                    _slab(index, axis, [place]),
                )
    for width in range(1, (min(x.shape[-2:]) + 1) // 2 if x.ndim > 2 else 0):
        near = "at the border" if width == 1 else f"up to {width} entries from the border"
        # A filter that is right in its middle alone has no border.
        kind = "subset" if x.shape[-2:] == (2 * width + 1,) * 2 else "border"
        yield f"{near} of its last two axes", kind, _frame(index, width)
    if x.ndim > 2 and samples and scene.cotangent.ndim == x.ndim:
        yield "where windows overlap (an entry that several outputs see)", "overlap", _overlap(index)


def _by_thresholds(scene: Scene, index: int) -> Iterator[tuple[str, str, Where]]:
    """Sets that a threshold on an input, a difference of two, the cotangent or the output describes."""
    x, name = scene.inputs[index], scene.names[index]
    for k, array in enumerate(scene.inputs):
        if array.ndim and array.shape == x.shape[: array.ndim] and array.dtype.kind in "iub":  # of entries, or of rows
            for value in np.unique(array)[:FEW_LABELS].tolist():
                yield f"where {scene.names[k]} is {value}", "subset", _is(index, k, value)
        if array.shape == x.shape and array.dtype.kind == "f":
            yield from _by_threshold(scene, index, scene.names[k], _input(k))
            if k != index:
                yield from _by_threshold(scene, index, f"({name} - {scene.names[k]})", _difference(index, k))
    if scene.cotangent.shape == x.shape:
        yield from _by_threshold(scene, index, "the cotangent", lambda s: s.cotangent)
        yield from _by_threshold(scene, index, "the output", lambda s: s.output)


def is_sequence(scene: Scene) -> bool:
    """Whether the first axis is that of time: outputs depend on the entries of an input before, and on none behind."""
    shape = scene.cotangent.shape
    return any(_one_way(_blocks(scene, k)) for k in scene.wrt if shape and scene.inputs[k].shape[:1] == shape[:1])


def _one_way(blocks: Array) -> bool:
    below, above = np.tril(blocks, -1).any(), np.triu(blocks, 1).any()
    return bool(below != above)


def _has_samples(scene: Scene, index: int) -> bool:
    """Whether the first axis is that of samples: each one's outputs depend on its own entries alone, of all inputs."""
    x, output = scene.inputs[index], scene.cotangent
    if x.ndim > 1 and output.size == 1:
        return True  # a loss: nobody knows
    if x.ndim < 2 or output.ndim < 1 or x.shape[0] != output.shape[0]:
        return False
    alike = [k for k in scene.wrt if scene.inputs[k].ndim > 1 and scene.inputs[k].shape[0] == x.shape[0]]
    return not any((_blocks(scene, k) & ~np.eye(x.shape[0], dtype=bool)).any() for k in alike)


def _blocks(scene: Scene, index: int) -> Array:
    """Whether the outputs of one place along the first axis depend on the entries of another one."""
    x, output = scene.inputs[index], scene.cotangent
    count = x.shape[0]
    moved: Array = np.abs(scene.jacobian(index).value) > 2 * scene.jacobian(index).error
    return np.asarray(moved.reshape(count, output.size // count, count, x.size // count).any(axis=(1, 3)))


def _difference(one: int, other: int) -> Where:
    return lambda s: s.inputs[one] - s.inputs[other]


def _is(index: int, k: int, value: Any) -> Where:
    def where(s: Scene) -> Array:
        some, shape = s.inputs[k] == value, s.inputs[index].shape
        return np.broadcast_to(some.reshape(some.shape + (1,) * (len(shape) - some.ndim)), shape)

    return where


def _input(k: int) -> Where:
    return lambda s: s.inputs[k]


def _by_threshold(scene: Scene, index: int, name: str, of: Where) -> Iterator[tuple[str, str, Where]]:
    """Sets that a threshold on a value describes: above it, below it, or by size."""
    bad, known = wrong_entries(scene, index)
    if (known & ~bad).sum() < FEW:
        return
    for said, function in ((name, lambda a: a), (f"|{name}|", np.abs)):
        value = function(of(scene))
        for sign, word in ((1, "above"), (-1, "below")):
            inside, outside = sign * value[bad], sign * value[known & ~bad]
            if inside.min() > outside.max():
                threshold = sign * _between(float(outside.max()), float(inside.min())) + 0.0  # no -0.0
                yield f"where {said} is {word} {threshold:.4g}", "subset", Beyond(of, function, sign, threshold)
    if (of(scene)[bad] == 0).all():
        yield f"where {name} is zero", "subset", lambda s: of(s) == 0


def _between(low: float, high: float) -> float:
    """A threshold between two numbers: a whole one, or zero, if there is one."""
    if low < 0 <= high:
        return 0.0
    middle = (low + high) / 2
    return float(np.ceil(low)) if low <= np.ceil(low) < high else middle


@dataclass(frozen=True)
class Beyond:
    """The entries at which a value is above a threshold, or below it."""

    of: Where
    function: Callable[[Array], Array]
    sign: int
    threshold: float

    def __call__(self, s: Scene) -> Array:
        """Those at a point."""
        beyond: Array = self.sign * self.function(self.of(s)) > self.sign * self.threshold
        return beyond


def _slab(index: int, axis: int, places: list[int]) -> Where:
    def where(s: Scene) -> Array:
        some = np.zeros(s.inputs[index].shape, bool)
        some[(slice(None),) * axis + (places,)] = True
        return some

    return where


def _frame(index: int, width: int) -> Where:
    def where(s: Scene) -> Array:
        some = np.ones(s.inputs[index].shape, bool)
        some[..., width:-width, width:-width] = False
        return some

    return where


def _overlap(index: int) -> Where:
    """Entries that more outputs see than the least that any entry is seen by."""

    def where(s: Scene) -> Array:
        jacobian = s.jacobian(index)
        seen = (np.abs(jacobian.value) > 2 * jacobian.error).sum(axis=0).reshape(s.inputs[index].shape)
        least = seen[seen > 0].min(initial=seen.max())
        some: Array = seen > least
        return some

    return where


def _tied(index: int) -> Where:
    def where(s: Scene) -> Array:
        x = s.inputs[index]
        values, counts = np.unique(x, return_counts=True)
        some: Array = np.isin(x, values[counts > 1])
        return some

    return where
