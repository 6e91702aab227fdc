"""How far an entry is moved: its unit, and steps that are exact in floating point."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array

# Four standard deviations are the natural scale of data that sit this many times farther from zero than they spread.
FAR_SPREADS = 8.0
# Above this standard deviation of log2|x| an array spans decades, and the scale of an entry is its own size.
DECADES_DEVIATION = 5.0
# Steps are this times a power of two: no multiples of the spacing of float32, whose rounding they would all share.
UNEVEN_STEP = 0.8090169943749475
# The smallest steps of a ladder are so many roundoffs of its unit.
SMALLEST_ROUNDOFFS = 2.0**8


def units(x: Array) -> Array:
    """The scale of each entry of an input: a power of two near the change that matters to it.

    Near the larger of |x| and the median of the array's sizes; near four standard deviations where the data sit far
    from zero (`1e6 + small`), since their size is then that of an offset; near |x| itself where the array spans
    decades; 1 where there is nothing to go by.

    Parameters
    ----------
    x
        (entries,) the input, flat.

    Returns
    -------
    (entries,) positive and finite.
    """
    size = np.abs(x)
    known = size[(size > 0) & np.isfinite(size)]
    if not known.size:
        return np.ones_like(x)
    typical = np.sort(known)[known.size // 2]  # the median, at a fraction of its cost
    scale = np.maximum(size, typical)
    if known.size > 1:
        spread = 4 * np.std(x[np.isfinite(x)] / typical) * typical
        if np.std(np.log2(known)) > DECADES_DEVIATION:
            scale = np.where(size > 0, size, typical)
        elif 0 < spread * FAR_SPREADS < 4 * abs(typical):
            scale = np.full_like(x, spread)
    tiny, huge = np.finfo(x.dtype).smallest_normal * 2.0**20, np.finfo(x.dtype).max / 64
    scale = np.clip(np.where(np.isfinite(scale), scale, typical), tiny, huge)
    power: Array = np.exp2(np.floor(np.log2(scale)))
    return power


def symmetric(x: Array, step: Array) -> tuple[Array, Array, Array]:
    """Points `x - h` and `x + h` that are both exact, with the `h` near `step` that makes them so.

    The sum is rounded on the side away from zero, where numbers are coarser; the step that this amounts to is then
    exact on the other side too. An uneven pair would be off by f'' times half an ulp, which stiff functions show.

    Returns
    -------
    below, above, h
        Arrays of the broadcast shape of `x` and `step`.
    """
    outer = np.where(x < 0, x - step, x + step)
    h = np.abs(outer - x)
    return x - h, x + h, h
