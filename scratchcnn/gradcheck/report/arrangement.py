"""How an array of any number of axes is laid out on a page: as images over its last two axes, side by side."""

from dataclasses import dataclass

import numpy as np

from scratchcnn.gradcheck.arrays import Array

# Images of one array that are shown at most.
MOST_IMAGES = 30
# Cells of all of them together, if they are several.
MOST_CELLS = 30_000
# Images in a row, where no axis decides.
ROW_OF_IMAGES = 6
# Letters of all labels in a row.
ROW_OF_LETTERS = 44
# Entries in a row of images, if these are more than so many images.
ROW_OF_ENTRIES, FEW_IMAGES = 112, 3
# Entries along an axis of an image that are shown at most; more are shown as blocks.
MOST_SIDE = 96
# Entries of a row that is not broken into several.
LONGEST_ROW = 24
# How many times as wide as high a broken row is.
ASPECT = 3


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The images of an array.

    Attributes
    ----------
    shape
        The array's shape.
    images
        The shape of the images: how many, rows, columns.
    chosen
        Which images are shown.
    labels
        The indices of these, where there are several.
    columns
        How many stand in a row.
    block
        Rows and columns of the blocks of entries that are shown as one.
    notes
        How to read it.
    """

    shape: tuple[int, ...]
    images: tuple[int, int, int]
    chosen: Array
    labels: tuple[str, ...]
    columns: int
    block: tuple[int, int]
    notes: tuple[str, ...]

    def of(self, array: Array, rank: Array) -> Array:
        """(images, rows, columns) of an array. A block shows its entry of the highest rank (of the array's shape)."""
        values, ranks = (self._stack(a) for a in (array, rank))
        if self.block == (1, 1):
            return values
        places = np.nan_to_num(ranks, nan=-np.inf).argmax(axis=-1)[..., None]
        shown: Array = np.take_along_axis(values, places, -1)[..., 0]
        return shown

    def _stack(self, array: Array) -> Array:
        """The chosen images; with blocks, an axis for the entries of a block. Places without an entry are NaN."""
        count, rows, columns = self.images
        flat = array.reshape(-1).astype(np.float64)
        if flat.size < rows * columns * count:  # a broken row
            flat = np.concatenate([flat, np.full(rows * columns * count - flat.size, np.nan)])
        images = flat.reshape(self.images)[self.chosen]
        if self.block == (1, 1):
            return images
        down, across = self.block
        padded = np.pad(images, ((0, 0), (0, -rows % down), (0, -columns % across)), constant_values=np.nan)
        high, wide = padded.shape[1] // down, padded.shape[2] // across
        blocks = padded.reshape(-1, high, down, wide, across).swapaxes(2, 3)
        stacked: Array = blocks.reshape(-1, high, wide, down * across)
        return stacked


def arranged(shape: tuple[int, ...], need: Array) -> Arrangement:
    """The arrangement of an array.

    Parameters
    ----------
    shape
        The array's shape.
    need
        Of that shape: how much each entry needs to be seen. If there are too many images, those with the highest are
        shown.
    """
    long = [axis for axis, length in enumerate(shape) if length != 1]
    lengths = [shape[axis] for axis in long]
    notes = []
    if len(lengths) < 2:
        size = int(np.prod(lengths, dtype=np.int64))
        columns = size if size <= LONGEST_ROW else int(np.ceil(np.sqrt(ASPECT * size)))
        images = (1, -(-size // max(columns, 1)), columns)
        if images[1] > 1:
            notes.append(f"{size:,} entries, {columns} in a row")
    else:
        images = (int(np.prod(lengths[:-2], dtype=np.int64)), lengths[-2], lengths[-1])
    cells = min(images[1], MOST_SIDE) * min(images[2], MOST_SIDE)
    most = min(MOST_IMAGES, max(1, MOST_CELLS // max(cells, 1)))
    chosen = _most_needed(need.reshape(images[0], -1), most) if images[0] > 1 else np.arange(1)
    if len(chosen) < images[0]:
        notes.append(f"{len(chosen)} of {images[0]} images")
    block = (-(-images[1] // MOST_SIDE) or 1, -(-images[2] // MOST_SIDE) or 1)
    if block != (1, 1):
        notes.append(f"each cell stands for {block[0]} by {block[1]} entries, and shows the one that differs most")
    before = shape[: long[-2]] if len(lengths) > 2 else ()
    labels = tuple(str([int(i) for i in np.unravel_index(k, before)]) for k in chosen) if before else ()
    row = lengths[-3] if len(lengths) > 3 and lengths[-3] <= ROW_OF_IMAGES else ROW_OF_IMAGES
    longest = max(map(len, labels), default=1)
    fitting = max(FEW_IMAGES, ROW_OF_ENTRIES // max(images[2], 1))
    columns = max(1, min(row, len(chosen), fitting, ROW_OF_LETTERS // longest))
    return Arrangement(shape, images, chosen, labels, columns, block, tuple(notes))


def _most_needed(need: Array, most: int) -> Array:
    """(images,) those with the highest need, in their order."""
    order = np.argsort(-need.max(axis=1), kind="stable")[:most]
    chosen: Array = np.sort(order)
    return chosen
