"""How far an entry is moved: its unit, and steps that are exact in floating point."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array

# In standard deviations. Data that sit farther from zero than this many times four of them have an offset, and their
# scale is their spread.
FAR_SPREADS = 8.0
# Of log2|x|, in powers of two. An array with a larger standard deviation spans decades: each entry is its own scale.
DECADES_DEVIATION = 5.0
# Every step is this number times a power of two. It is no multiple of the spacing of float32: steps that are would all
# share one rounding.
UNEVEN_STEP = 0.8090169943749475
# In roundoffs of the unit: the smallest step of a ladder. Below it roundoff hides every difference.
SMALLEST_ROUNDOFFS = 2.0**8


def units(x: Array) -> Array:
    """The scale of each entry of an input: a power of two near the change that matters to it.

    The scale is the larger of |x| and the median size of the array. There are three exceptions. Data far from zero
    (`1e6 + small`) have an offset, and the scale is four standard deviations. In an array that spans decades it is |x|
    of each entry. It is 1 where the array has no finite number but zero.

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
    """Points `x - h` and `x + h` that are both exact, and the `h` near `step` that makes them so.

    The sum is rounded on the side away from zero, where numbers are coarser; the step that results is then exact on the
    other side too. A pair of unequal steps would have an error of f'' times half an ulp, which stiff functions show.

    Returns
    -------
    below, above, h
        Arrays of the broadcast shape of `x` and `step`.
    """
    outer = np.where(x < 0, x - step, x + step)
    h = np.abs(outer - x)
    return x - h, x + h, h
