"""The pictures of a report: a gradient beside the numerical one, their difference, and which entries are wrong."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.report.arrangement import Arrangement, arranged
from scratchcnn.gradcheck.report.entry import Picture
from scratchcnn.gradcheck.report.evidence import Called, Evidence
from scratchcnn.gradcheck.report.report import Compared
from scratchcnn.gradcheck.report.svg import LINE, POINTS, SOFT, UNDECIDED, WRONG, as_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# Red, green, blue of 255: numbers above and below zero. Zero is the ground, and both are seen on a light one and on a
# dark one, by the colour-blind too.
ABOVE, BELOW = (214, 104, 16), (38, 120, 200)
# What is not finite, and what was not looked at, with its opacity.
NOT_FINITE, UNKNOWN, UNKNOWN_OPACITY = (190, 30, 140), (128, 128, 128), 0.28
# The ground of what is wrong and of what is undecided, with its opacity.
WRONG_GROUND, UNDECIDED_GROUND, GROUND_OPACITY = (208, 40, 110), (200, 140, 20), 0.4
# Ink: the style sheet turns it white on a dark ground.
BLACK = (0, 0, 0)
# In pixels: the width and the height of a picture that its cells fill, and the least and the largest side of a cell.
WIDTH, HEIGHT, LEAST_CELL, LARGEST_CELL = 220, 330, 2.0, 26.0
# In pixels: an image that would be flatter, or narrower, has cells that are no squares.
LEAST_SIDE = 24.0
# In pixels: the gap between images, with labels and without, and the height of a label.
GAP, LABEL = 6.0, 9.0
# Marks of single entries, where there are at most so many; where there are few, they have at least so many pixels.
MOST_MARKS, FEW_MARKS, LEAST_MARK = 400, 40, 6.0
# States of an entry, from what needs to be seen least to most.
NOT_LOOKED_AT, FINE, OPEN, BAD = range(4)


@dataclass(frozen=True)
class Drawn:
    """A picture for the page.

    Attributes
    ----------
    title, svg
        Its caption, and the picture; empty where words say all.
    low, high
        The ends of its scale; empty where it has none.
    notes
        How to read it.
    ink
        Whether it is drawn in ink, which is white on a dark ground.
    """

    title: str
    svg: str
    low: str = ""
    high: str = ""
    notes: tuple[str, ...] = ()
    ink: bool = False


@dataclass(frozen=True, eq=False)
class Seen:
    """Both gradients of an input at every entry, NaN where one is not known, and the state of each entry.

    `further`: whether a diagnosis looked at more entries than the check.
    """

    analytic: Array
    numerical: Array
    state: Array
    further: bool = False

    @property
    def difference(self) -> Array:
        """The analytic gradient less the numerical one."""
        with np.errstate(invalid="ignore"):
            difference: Array = self.analytic - self.numerical
        return difference


def seen(name: str, evidence: Evidence, compared: Compared | None, called: Called | None) -> Seen:
    """What is known of an input's gradient: what the check compared, what a diagnosis did, what backward answered."""
    analytic, numerical = evidence.whole(evidence.analytic), evidence.whole(evidence.numerical)
    states = np.where(evidence.wrong, BAD, np.where(evidence.right, FINE, OPEN))
    state = np.nan_to_num(evidence.whole(states), nan=NOT_LOOKED_AT)
    if compared is not None and compared.analytic.shape == evidence.shape:
        known = np.isfinite(compared.numerical)
        state = np.where(compared.wrong, BAD, np.where(known & ~np.equal(state, OPEN), FINE, state))
        return Seen(compared.analytic, compared.numerical, state, bool((state == BAD).sum() > evidence.wrong.sum()))
    given = called.gradient(name) if called is not None and not evidence.where else None
    if given is not None and given.shape == evidence.shape:
        analytic = np.where(state == NOT_LOOKED_AT, given, analytic)
    return Seen(analytic, numerical, state)


def pictures_of(found: Seen, name: str) -> list[Drawn]:
    """The pictures of an input's gradient; none of a single number.

    Parameters
    ----------
    found
        Both gradients.
    name
        A name that no other pictures of the page have.
    """
    if found.state.size < 2:
        return []
    difference = found.difference
    size = np.abs(np.nan_to_num(difference, nan=0.0, posinf=np.inf))
    rank = found.state + 0.5 * size / max(float(size[np.isfinite(size)].max(initial=0)), np.finfo(float).tiny)
    how = arranged(found.state.shape, rank)
    scale = max(_largest(found.analytic), _largest(found.numerical))
    drawn = [
        _signed("analytic", found.analytic, scale, how, rank, f"{name}-a"),
        _signed("numerical", found.numerical, scale, how, rank, f"{name}-n"),
    ]
    if not np.nan_to_num(difference).any():
        drawn.append(Drawn("difference", "", notes=("none: both are the same numbers",)))
    else:
        drawn.append(_signed("difference", difference, _largest(difference), how, rank, f"{name}-d"))
    if (found.state >= OPEN).any():
        drawn.append(_states(found, how, rank, f"{name}-s"))
    return drawn


def picture(given: Picture, name: str) -> Drawn:
    """A picture that was given to the page."""
    values = np.asarray(given.values, np.float64)
    rank = np.abs(np.nan_to_num(values))
    how = arranged(values.shape, np.zeros(values.shape))
    scale = _largest(values)
    if given.signed:
        return _signed(given.title, values, scale, how, rank, name)
    images = _coloured(how.of(values, rank), scale, BLACK, BLACK)
    text = f"{given.title}: {_shape(values.shape)} in ink, from 0 to {scale:.3g}"
    return Drawn(given.title, _drawn(images, how, name, text), notes=how.notes, ink=True)


def _signed(title: str, values: Array, scale: float, how: Arrangement, rank: Array, name: str) -> Drawn:
    """The picture of numbers on either side of zero."""
    known = values[np.isfinite(values)]
    notes = how.notes
    missing = int(np.isnan(values).sum())
    if missing:
        notes = (*notes, f"grey: {missing:,} of {values.size:,} not known, or not numbers")
    text = f"{title}: an array of {_shape(values.shape)}; nothing of it is known"
    if known.size:
        place = [int(k) for k in np.unravel_index(int(np.nanargmax(np.abs(_finite(values)))), values.shape)]
        extreme = f"the largest in size at {place}" if values.ndim else "a single number"
        text = f"{title}: an array of {_shape(values.shape)}, from {known.min():.3g} to {known.max():.3g}, {extreme}"
    svg = _drawn(_coloured(how.of(values, rank), scale, ABOVE, BELOW), how, name, text)
    return Drawn(title, svg, f"−{scale:.3g}", f"{scale:.3g}", notes)


def _states(found: Seen, how: Arrangement, rank: Array, name: str) -> Drawn:
    """Which entries are wrong or undecided: both by a mark of their own."""
    state = found.state
    shown = how.of(state, rank)
    images = np.zeros((*shown.shape, 4))
    images[np.isnan(shown) | (shown == NOT_LOOKED_AT)] = _colour(UNKNOWN, UNKNOWN_OPACITY)
    images[shown == BAD] = _colour(WRONG_GROUND, GROUND_OPACITY)
    images[shown == OPEN] = _colour(UNDECIDED_GROUND, GROUND_OPACITY)
    wrong, undecided, entries = int((state == BAD).sum()), int((state == OPEN).sum()), state.size
    title = "where it is wrong" if wrong else "where it is undecided"
    first = [int(k) for k in np.argwhere(state == (BAD if wrong else OPEN))[0]]
    said = ", ".join([f"{wrong:,} wrong"] * bool(wrong) + [f"{undecided:,} undecided"] * bool(undecided))
    looked = ", as the diagnosis found" if found.further else ""
    text = f"{title}: {said} of {entries:,} entries{looked}, the first at {first}"
    marks = [(shown == BAD, WRONG, "x"), (shown == OPEN, UNDECIDED, "o")]
    return Drawn(title, _drawn(images, how, name, text, marks), notes=(f"{said} of {entries:,}{looked}",))


def _coloured(values: Array, scale: float, above: tuple[int, ...], below: tuple[int, ...]) -> Array:
    """(..., 4) colours: the farther from zero, the less the ground shows through."""
    opacity = np.clip(np.abs(_finite(values)) / (scale or 1.0), 0, 1)
    images = np.empty((*values.shape, 4))
    images[..., :3] = np.where((values > 0)[..., None], above, below) / np.float64(255)
    images[..., 3] = opacity
    images[np.isnan(values)] = _colour(UNKNOWN, UNKNOWN_OPACITY)
    images[np.isinf(values)] = _colour(NOT_FINITE, 1.0)
    return images


def _colour(colour: tuple[int, ...], opacity: float) -> tuple[float, ...]:
    return (*(part / 255 for part in colour), opacity)


def _drawn(images: Array, how: Arrangement, name: str, text: str, marks: Sequence[tuple[Array, str, str]] = ()) -> str:
    """The images side by side, each in a frame, with its label above it."""
    from matplotlib.figure import Figure
    from matplotlib.patches import Rectangle

    count, rows, columns, _ = images.shape
    cell = _cell(how, rows, columns)
    gap, label = GAP, LABEL + 3 if how.labels else 0.0
    width, height = columns * cell[0], rows * cell[1]
    down = -(-count // how.columns)
    whole = how.columns * width + (how.columns - 1) * gap + 2, down * (height + label) + (down - 1) * gap + 2
    figure = Figure(figsize=(whole[0] / POINTS, whole[1] / POINTS), dpi=POINTS)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    for k, image in enumerate(images):
        left = 1 + (k % how.columns) * (width + gap)
        top = 1 + (k // how.columns) * (height + label + gap) + label
        extent = (left, left + width, top + height, top)
        axes.imshow(image, extent=extent, interpolation="none", aspect="auto")
        axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=LINE, linewidth=1))
        if how.labels:
            axes.text(left, top - 3, how.labels[k], fontsize=LABEL, color=SOFT)
        for where, colour, shape in marks:
            _mark(axes, where[k], (left, top), cell, colour, shape)
    axes.set(xlim=(0, whole[0]), ylim=(whole[1], 0))
    return as_svg(figure, name, text)


def _cell(how: Arrangement, rows: int, columns: int) -> tuple[float, float]:
    """The width and the height of a cell: a square, unless the image would be a mere line."""
    wide = (WIDTH - GAP * (how.columns - 1)) / (how.columns * columns)
    side = float(np.clip(min(wide, HEIGHT / rows), LEAST_CELL, LARGEST_CELL))
    least = min(LEAST_SIDE, wide * columns)
    return max(side, least / columns), max(side, LEAST_SIDE / rows)


def _mark(
    axes: "Axes", where: Array, corner: tuple[float, float], cell: tuple[float, float], colour: str, shape: str
) -> None:
    """Marks the entries of an image by a shape, where there is space for one."""
    down, across = np.nonzero(where)
    if 0 < down.size <= MOST_MARKS:
        side = max(0.55 * min(cell), LEAST_MARK if down.size <= FEW_MARKS else 0.0)
        x, y = corner[0] + (across + 0.5) * cell[0], corner[1] + (down + 0.5) * cell[1]
        ring: dict[str, Any] = {"facecolors": "none", "edgecolors": colour} if shape == "o" else {"color": colour}
        axes.scatter(x, y, s=side**2, marker=shape, linewidths=max(0.8, side / 7), **ring)


def _finite(values: Array) -> Array:
    finite: Array = np.where(np.isfinite(values), values, 0.0)
    return finite


def _largest(values: Array) -> float:
    return float(np.abs(_finite(values)).max(initial=0.0))


def _shape(shape: tuple[int, ...]) -> str:
    """A shape in words."""
    return " by ".join(map(str, shape)) + (" entries" if len(shape) == 1 else "") if shape else "a single number"
