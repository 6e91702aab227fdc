"""Mistakes of a sum that broadcasting makes: over other axes, as a mean, or not at all."""

from collections.abc import Callable, Iterator
from itertools import combinations

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.estimates import ROUNDOFFS, Estimate
from scratchcnn.gradcheck.diagnosis.rearrangements import axes_in_words
from scratchcnn.gradcheck.diagnosis.reordered import only_moves
from scratchcnn.gradcheck.diagnosis.scales import SAME
from scratchcnn.gradcheck.diagnosis.scene import Scene

# Entries that have to have one factor for that to be no chance.
ALIKE = 3


def summed(scene: Scene, index: int) -> Iterator[Claim]:
    """The parts that the true gradient sums up, summed over other axes.

    The parts are known where each output depends on one entry at most of each kind: a bias, a scale. Then they are the
    cotangent times the derivative of each output when all entries move alike.
    """
    shape, axes = scene.analytic(index).shape, scene.cotangent.ndim
    if not shape or not axes or only_moves(scene, index):
        return
    for count in range(axes + 1):
        for over in combinations(range(axes), count):
            for mean in (False, True) if over else (False,):
                said = f"{'averaged' if mean else 'summed'} over {axes_in_words(over)}" if over else "not summed"
                message = f"what the outputs contribute, {said}"
                yield Claim("broadcast", message, _summed(index, shape, over, mean))
            if shape == scene.inputs[index].shape and over:
                message = f"the cotangent summed over {axes_in_words(over)}: what it is multiplied by is missing"
                yield Claim("missing-factor", message, _cotangent_summed(index, shape, over, None))
                for k, array in enumerate(scene.inputs):
                    if k != index and array.shape == scene.cotangent.shape and array.dtype.kind == "f":
                        message = f"the cotangent times {scene.names[k]}, summed over {axes_in_words(over)}"
                        yield Claim("operand", message, _cotangent_summed(index, shape, over, k))
                        message = f"{message}: {scene.names[k]} has a factor in forward that is missing"
                        yield Claim("missing-factor", message, _unscaled(index, shape, over, k))


def _summed(index: int, shape: tuple[int, ...], over: tuple[int, ...], mean: bool) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        parts = _parts(s, index)
        if parts is None:
            return False
        value, error = parts.value.sum(axis=over), parts.error.sum(axis=over)
        if mean:
            count = np.prod([parts.value.shape[k] for k in over])
            value, error = value / count, error / count
        lengths = [n for n in shape if n > 1]
        found = [n for n in value.shape if n > 1]
        if len(found) != len(lengths) or any(a < b for a, b in zip(found, lengths, strict=True)):
            return False
        value, error = np.squeeze(value), np.squeeze(error)
        corner = tuple(slice(0, n) for n in lengths)
        return s.agrees(index, Estimate(value[corner].reshape(shape), error[corner].reshape(shape)))

    return holds


def _parts(s: Scene, index: int) -> Estimate | None:
    """What each output contributes to the gradient; None where outputs depend on several entries."""
    jacobian = s.jacobian(index)
    moved = np.abs(jacobian.value) > 2 * jacobian.error
    if (moved.sum(axis=1) > 1).any():
        return None
    each = Estimate(jacobian.value.sum(axis=1), jacobian.error.sum(axis=1)).reshaped(s.cotangent.shape)
    return each.times(s.cotangent)


def _cotangent_summed(
    index: int, shape: tuple[int, ...], over: tuple[int, ...], k: int | None
) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        terms = s.cotangent if k is None else s.cotangent * s.inputs[k]
        total, size = terms.sum(axis=over), np.abs(terms).sum(axis=over)
        if total.size != int(np.prod(shape)):
            return False
        return s.agrees(index, Estimate(total.reshape(shape), ROUNDOFFS * s.eps * size.reshape(shape)))

    return holds


def _unscaled(index: int, shape: tuple[int, ...], over: tuple[int, ...], k: int) -> Callable[[Scene], bool]:
    """Whether the gradient is that sum, and the true one has an input times numbers that are the same along an axis."""
    summed_up = _cotangent_summed(index, shape, over, k)

    def holds(s: Scene) -> bool:
        if not summed_up(s):
            return False
        parts, x = _parts(s, index), s.inputs[k]
        if parts is None:
            return False
        factor = parts.value / (s.cotangent * x)
        error = parts.error / np.abs(s.cotangent * x) + SAME * np.abs(factor)
        axes = [axis for axis, length in enumerate(x.shape) if length >= ALIKE]
        return any((np.abs(factor - factor.mean(axis=axis, keepdims=True)) <= error).all() for axis in axes)

    return holds


def cotangent_alone(scene: Scene, index: int) -> Iterator[Claim]:
    """The cotangent itself, the same along the axes that the output does not have."""
    shape, whole = scene.inputs[index].shape, scene.cotangent.shape
    if len(whole) < len(shape) and whole and scene.analytic(index).shape == shape and not only_moves(scene, index):
        for axes in combinations(range(len(shape)), len(shape) - len(whole)):
            if tuple(n for axis, n in enumerate(shape) if axis not in axes) == whole:
                said = f"the cotangent itself, the same along axis {' and '.join(map(str, axes))}: what it is"
                yield Claim("missing-factor", f"{said} multiplied by is missing", _broadcast(index, axes))


def less_the_cotangent(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient less the cotangent, or with it added: of a sum, the entry's own part."""
    if scene.inputs[index].shape == scene.cotangent.shape == scene.analytic(index).shape:
        for said, sign in (("less the cotangent itself: a term is missing", -1), ("plus the cotangent itself", 1)):
            yield Claim("missing-term", f"the true one {said}", _plus_cotangent(index, sign))


def _plus_cotangent(index: int, sign: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        term = sign * s.cotangent
        return s.agrees(index, s.truth(index).plus(Estimate(term, ROUNDOFFS * s.eps * np.abs(term))))

    return holds


def _broadcast(index: int, axes: tuple[int, ...]) -> Callable[[Scene], bool]:
    return lambda s: bool((s.analytic(index) == np.expand_dims(s.cotangent, axes)).all())


def spread(scene: Scene, index: int) -> Iterator[Claim]:
    """The true gradient summed, or averaged, over some of its own axes, and the same number everywhere along them."""
    shape = scene.inputs[index].shape
    if scene.analytic(index).shape != shape:
        return
    long = [axis for axis, length in enumerate(shape) if length > 1]
    for count in range(1, len(long) + 1):
        for over in combinations(long, count):
            for reduced, said in ((np.sum, "summed"), (np.mean, "averaged")):
                message = f"the true one {said} over its own {axes_in_words(over)}, and the same along them"
                yield Claim("broadcast", message, _spread(index, over, reduced))


def _spread(index: int, over: tuple[int, ...], reduced: Callable[..., Array]) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        truth = s.truth(index)
        return s.agrees(index, truth.mapped(lambda a: np.broadcast_to(reduced(a, axis=over, keepdims=True), a.shape)))

    return holds


def averaged(scene: Scene, index: int) -> Iterator[Claim]:
    """Each entry of the true gradient divided by a whole number of its own, or multiplied by one."""
    if scene.analytic(index).shape != scene.inputs[index].shape:
        return
    for divided in (True, False):
        counts = _counts(scene, index, divided)
        if counts is not None:
            many = f"a whole number of its own, up to {int(np.nanmax(counts))}"
            what = f"divided by {many}: averaged, not added" if divided else f"times {many}: added several times"
            yield Claim("overlap", f"the true one with each entry {what}", _counted(index, divided, counts))


def _counts(s: Scene, index: int, divided: bool) -> Array | None:
    """The whole numbers that the entries of the true gradient were divided by, or multiplied by; NaN where it is zero.

    None if they are no whole numbers, or all the same.
    """
    truth, gradient = s.truth(index), s.analytic(index)
    zero = np.abs(truth.value) <= truth.error
    if _is_elementwise(s, index):  # nothing is added there
        return None
    unlike = (np.abs(gradient[zero]) > truth.error[zero]).any() or (gradient[~zero] == 0).any()
    if unlike or not np.isfinite(truth.error).all():
        return None
    ratio = truth.value / gradient if divided else gradient / truth.value
    counts = np.where(zero, np.nan, np.rint(ratio))
    exact = np.abs(ratio - counts)[~zero] <= SAME * counts[~zero]
    different = np.unique(counts[~zero])
    return counts if exact.all() and len(different) > 1 and different[0] >= 1 else None


def _is_elementwise(s: Scene, index: int) -> bool:
    """Whether each entry is seen by one output, at its own place."""
    if s.inputs[index].shape != s.cotangent.shape:
        return False
    jacobian = s.jacobian(index)
    moved = np.abs(jacobian.value) > 2 * jacobian.error
    return not moved[~np.eye(len(moved), dtype=np.bool_)].any()


def _counted(index: int, divided: bool, counts: Array) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        found = _counts(s, index, divided)
        if found is None:
            return False
        known = np.isfinite(found) & np.isfinite(counts)
        return bool(known.any() and (found == counts)[known].all())

    return holds


def overwritten(scene: Scene, index: int) -> Iterator[Claim]:
    """Where several outputs see an entry, the part of one of them: assigned, not added."""
    if scene.analytic(index).shape != scene.inputs[index].shape:
        return
    yield Claim(
        "overlap",
        "what one output alone contributes, where several see an entry: assigned (=), not added (+=), or added once "
        "where an index comes several times",
        _one_of(index),
    )


def _one_of(index: int) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        return any(_each_is_one_of(s, index, parts) for parts in _groups(s, index))

    return holds


def _groups(s: Scene, index: int) -> Iterator[Estimate]:
    """(groups, entries): what each output adds to each entry; and the same summed over the channels of a place.

    The channels, or the features of a row, are along axis 1.
    """
    parts = s.jacobian(index).times(s.cotangent.reshape(-1, 1))
    yield parts
    if s.cotangent.ndim > 1:
        entries = parts.value.shape[1]
        yield parts.mapped(lambda a: a.reshape(*s.cotangent.shape, entries).sum(axis=1).reshape(-1, entries))


def _each_is_one_of(s: Scene, index: int, parts: Estimate) -> bool:
    gradient = s.analytic(index).reshape(-1)
    known = np.isfinite(parts.error).all(axis=0)
    tolerance = parts.error + ROUNDOFFS * s.eps * np.abs(parts.value)
    there = np.abs(parts.value) > 2 * tolerance
    several = known & (there.sum(axis=0) > 1)
    one = ((np.abs(gradient - parts.value) <= tolerance) & there).any(axis=0)
    alone = np.abs(gradient - parts.value.sum(axis=0)) <= tolerance.sum(axis=0)
    dropped = gradient == 0
    return bool(
        several.any()
        and one[several].any()
        and (one | dropped)[several].all()
        and (alone | dropped)[known & ~several].all()
    )
