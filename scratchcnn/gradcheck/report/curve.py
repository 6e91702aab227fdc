"""The picture of the error of central differences against the step: a V of truncation and roundoff."""

from typing import TYPE_CHECKING, Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.report.pictures import Drawn
from scratchcnn.gradcheck.report.steps import LEAST_STEPS, Steps
from scratchcnn.gradcheck.report.svg import INK, LINE, POINTS, RIGHT, SOFT, WRONG, as_svg

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# In pixels: the picture's size.
WIDTH, HEIGHT = 460, 270
# As shares of the picture: where its frame stands, left, bottom, width and height.
FRAME = (0.125, 0.155, 0.86, 0.825)
# In pixels: the size of its letters.
LETTERS = 11
# Digits and signs of an exponent.
RAISED = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")
# As powers of ten: how much of the picture is left free below and above.
MARGIN = 0.7
# Steps and distances that are drawn: their squares can still be computed.
LEAST, LARGEST = 1e-140, 1e140
# A ratio: halving a step divides the truncation error of a central difference by about four; and how many times in a
# row it must be seen to do so.
QUARTER, TOLERANCE, IN_A_ROW = 4.0, 0.4, 3


def curve(steps: Steps, name: str, entry: str) -> Drawn | None:
    """The picture of an entry's differences; None where too few of them are finite.

    Parameters
    ----------
    steps
        The differences.
    name
        A name that no other picture of the page has.
    entry
        What the entry is called.
    """
    known = np.isfinite(steps.value) & (steps.h > 0)
    to = steps.derivative if steps.status == "ok" else steps.analytic
    if known.sum() < LEAST_STEPS or not np.isfinite(to) or steps.status == "kink":
        return None
    h, error, taken = steps.h[known], np.abs(steps.value[known] - to), steps.taken[known]
    if not error.any():
        return Drawn(f"error of the differences of {entry}", "", notes=("none: each step gives the same number",))
    off = abs(steps.analytic - to) if steps.status == "ok" else float("nan")
    numbers = np.concatenate([h, error[error > 0], [e for e in (off, steps.bound) if np.isfinite(e) and e > 0]])
    if numbers.min() < LEAST or numbers.max() > LARGEST:
        return Drawn(f"error of the differences of {entry}", "", notes=("too small, or too large, to be drawn",))
    notes = []
    if taken.any():
        notes.append("ringed: the steps that the check takes; extrapolated to 0 they give the numerical value")
    if not error.all():
        notes.append("triangles: no error at all")
    svg = _draw(steps, h, error, taken, off, name, _told(h, error, off, steps, entry))
    what = "the numerical value" if steps.status == "ok" else "the analytic value"
    return Drawn(f"central differences of {entry}: distance to {what}, against the step", svg, notes=tuple(notes))


def _draw(steps: Steps, h: Array, error: Array, taken: Array, off: float, name: str, text: str) -> str:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / POINTS, HEIGHT / POINTS), dpi=POINTS)
    axes = figure.add_axes(FRAME)
    axes.set(xscale="log", yscale="log")
    lines = [e for e in (steps.bound if steps.status == "ok" else 0.0, off) if np.isfinite(e) and e > 0]
    shown = np.concatenate([error[error > 0], lines])
    floor, roof = (10.0 ** (np.log10(e) + side * MARGIN) for e, side in ((shown.min(), -1), (shown.max(), 1)))
    _guides(axes, steps, h, error, floor)
    if steps.status == "ok" and steps.bound > 0:
        _level(axes, steps.bound, RIGHT, "-", "bound of the numerical value")
    if off > 0 and np.isfinite(off):
        _level(axes, off, WRONG if off > steps.bound else SOFT, "--", "analytic value")
    exact = error == 0
    axes.plot(h[~exact], error[~exact], "o", color=INK, markersize=3.2, markeredgewidth=0)
    axes.plot(h[exact], np.full(exact.sum(), floor * 10 ** (MARGIN / 3)), "v", color=INK, markersize=4)
    ringed = taken & ~exact
    axes.plot(h[ringed], error[ringed], "o", markersize=9, markerfacecolor="none", markeredgecolor=RIGHT)
    axes.set(xlim=(h.min() / 3, h.max() * 3), ylim=(floor, roof))
    axes.set_xlabel("step", color=INK, fontsize=LETTERS)
    axes.set_ylabel("distance", color=INK, fontsize=LETTERS)
    axes.tick_params(color=LINE, labelcolor=SOFT, labelsize=LETTERS)
    axes.minorticks_off()
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(lambda value, _: "10" + str(round(np.log10(value))).translate(RAISED))
    for spine in axes.spines.values():
        spine.set_color(LINE)
    return as_svg(figure, name, text)


def _guides(axes: "Axes", steps: Steps, h: Array, error: Array, floor: float) -> None:
    """What theory says: roundoff grows as the step shrinks, and truncation with its square."""
    ends = np.array([h.min() / 3, h.max() * 3])
    if steps.roundoff > 0:
        axes.plot(ends, steps.roundoff / ends, ":", color=SOFT, linewidth=1.2)
        at = min(steps.roundoff / floor, h.max()) ** 0.3 * h.min() ** 0.7
        axes.annotate("roundoff / step", (at, steps.roundoff / at), (6, 4), textcoords="offset points", **_small(SOFT))
    bend = _bend(h, error)
    if bend > 0:
        axes.plot(ends, bend * ends**2, ":", color=SOFT, linewidth=1.2)
        at = max((floor / bend) ** 0.5, h.min()) ** 0.35 * h.max() ** 0.65
        place: dict[str, Any] = {"textcoords": "offset points", "ha": "right"}
        axes.annotate("truncation ∝ step²", (at, bend * at**2), (-6, 2), **place, **_small(SOFT))


def _level(axes: "Axes", height: float, colour: str, line: str, label: str) -> None:
    """A horizontal line with its name."""
    axes.axhline(height, color=colour, linestyle=line, linewidth=1.3)
    place: dict[str, Any] = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "ha": "left"}
    axes.annotate(label, (0.02, height), (0, 3), **place, **_small(colour))


def _small(colour: str) -> dict[str, Any]:
    return {"fontsize": LETTERS - 1, "color": colour}


def _bend(h: Array, error: Array) -> float:
    """The factor of the step's square in the truncation error; 0 where no steps show it."""
    with np.errstate(all="ignore"):
        factor = error / h**2
        same = np.abs(QUARTER * factor[:-1] / factor[1:] - QUARTER) < TOLERANCE
    runs = np.flatnonzero(np.convolve(same, np.ones(IN_A_ROW), "valid") == IN_A_ROW)
    return float(factor[runs[0] + IN_A_ROW]) if runs.size else 0.0


def _told(h: Array, error: Array, off: float, steps: Steps, entry: str) -> str:
    """The picture in words."""
    best = int(error.argmin())
    text = (
        f"Central differences of {entry} at {len(h)} steps from {h.max():.1e} down to {h.min():.1e}: the distance is"
        f" {error[0]:.1e} at the largest step, least at {h[best]:.1e} with {error[best]:.1e}, and {error[-1]:.1e} at"
        " the smallest."
    )
    if steps.status == "ok":
        text += f" The bound of the numerical value is {steps.bound:.1e}."
    return text + (f" The analytic value is off by {off:.1e}." if np.isfinite(off) else "")
