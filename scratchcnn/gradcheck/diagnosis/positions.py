"""More sets of entries at which a gradient is wrong: wide borders, halves of a matrix, what an index picks.

Offered where no cause was proved. At each point, such a set holds all wrong entries, and no right one but zeros.
"""

from collections.abc import Callable, Iterator

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.diagnosis.claim import Claim
from scratchcnn.gradcheck.diagnosis.places import wrong_entries
from scratchcnn.gradcheck.diagnosis.scene import Scene
from scratchcnn.gradcheck.diagnosis.sets import sets

Where = Callable[[Scene], Array]
# Right entries that a set has to leave out.
FEW = 2


def wrong_positions(scene: Scene, index: int) -> Iterator[Claim]:
    """Sets of entries that are wrong where all others are right."""
    x = scene.inputs[index]
    if scene.analytic(index).shape != x.shape or not x.shape:
        return
    for said, kind, where in (*_picked(scene, index), *_by_place(scene, index), *_extremes(scene, index)):
        alone = said.removeprefix("everywhere but ")
        message = f"the true one but {said}" if alone == said else f"the true one {alone} alone"
        yield Claim(kind, message, _exactly(index, where))


def _by_place(scene: Scene, index: int) -> Iterator[tuple[str, str, Where]]:
    """Sets of at most half of the entries, and borders: what holds of most of them says little, unless it is lost."""
    lost = not scene.analytic(index)[wrong_entries(scene, index)[0]].any()
    for said, kind, some in sets(scene.inputs[index].shape):
        if kind == "border" or 2 * some.sum() <= some.size or lost:
            yield said, kind, _fixed(some)


def _exactly(index: int, where: Where) -> Callable[[Scene], bool]:
    def holds(s: Scene) -> bool:
        (bad, known), truth = wrong_entries(s, index), s.truth(index)
        some = where(s) & known
        right = some & ~bad & (np.abs(truth.value) > truth.error)
        return bool(bad.any() and not (bad & ~some).any() and not right.any() and (known & ~some).sum() >= FEW)

    return holds


def _extremes(scene: Scene, index: int) -> Iterator[tuple[str, str, Where]]:
    """The largest or smallest entries along an axis."""
    for axis, length in enumerate(scene.inputs[index].shape):
        for word, of in (("largest", np.max), ("smallest", np.min)) if length > 1 else ():
            yield f"at the {word} entry along axis {axis}", "subset", _extreme(index, of, axis)


def _picked(scene: Scene, index: int) -> Iterator[tuple[str, str, Where]]:
    """What an array of indices picks: the rows that it names, those it names twice, or an entry of each row."""
    x = scene.inputs[index]
    for k, array in enumerate(scene.inputs):
        if array.dtype.kind not in "iu" or not array.size or array.min() < 0:
            continue
        name = scene.names[k]
        if array.max() < x.shape[0]:
            yield f"in the rows that {name} names", "subset", _named(index, k, lambda count: count > 0)
            yield f"in the rows that {name} names twice or more", "overlap", _named(index, k, lambda count: count > 1)
            yield f"in the rows that {name} does not name", "subset", _named(index, k, lambda count: count == 0)
        if x.ndim == 2 and array.shape == x.shape[:1] and array.max() < x.shape[1]:
            yield f"at the entry of each row that {name} names", "subset", _entry_of_rows(index, k)


def _fixed(some: Array) -> Where:
    return lambda s: some


def _extreme(index: int, of: Callable[..., Array], axis: int) -> Where:
    return lambda s: s.inputs[index] == of(s.inputs[index], axis=axis, keepdims=True)


def _named(index: int, k: int, which: Callable[[Array], Array]) -> Where:
    def where(s: Scene) -> Array:
        count = np.bincount(s.inputs[k].reshape(-1), minlength=s.inputs[index].shape[0])
        shape = s.inputs[index].shape
        return np.broadcast_to(which(count).reshape(-1, *[1] * (len(shape) - 1)), shape)

    return where


def _entry_of_rows(index: int, k: int) -> Where:
    return lambda s: np.arange(s.inputs[index].shape[1]) == s.inputs[k][:, None]
