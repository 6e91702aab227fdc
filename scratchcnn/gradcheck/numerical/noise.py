"""The noise of each output: the roundoff of a forward pass, measured.

Nobody can see what a black box summed: `(1e8 + sin x) - 1e8` has an error of 1e-8 in a result of size one. So the
inputs are moved in small strides, on which a smooth function is nearly a straight line. What differencing leaves of the
outputs is their noise (Hamming 1962, section 1.6; Moré and Wild, "Estimating computational noise", 2011).
"""

from functools import cache

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.probe import Line, Probe

# One roundoff of a float64: the distance from 1 to the next number.
EPS = float(np.finfo(np.float64).eps)
# In strides: the places of the points along a direction. They are uneven, since at even places the roundings of a
# staircase can come out alike (golden section sampling). They begin at 1, since the point itself may be a jump or kink.
STRIDE_PLACES = np.arange(1, 11) + 0.7 * (np.arange(1, 11) * 0.6180339887498949 % 1 - 0.5)
# In units of the input. Roundoff shows at all of these strides. A forward pass that goes through float32 inside, or
# adds a large offset, moves in stairs that only the larger strides show.
STRIDES = 2.0 ** -np.array([45.6, 36.3, 27.4, 18.7])
# In standard deviations: the noise that covers the worst of some thousand roundings.
NOISE_COVERAGE = 8.0
# A ratio: what grows by more from one stride to the next may be curvature, and not noise.
ABRUPT_FACTOR = 16.0
# Steps are told from curvature by halving the stride, down to the next finer stride of `STRIDES` and this many times
# more, so that the fall of a smooth function shows.
EXTRA_HALVINGS = 3
# In spacings of x: the smallest stride that is looked at. The points of a finer one would coincide.
DISTINCT_SPACINGS = 4
# Ratios: between these lies the third difference of a smooth function after its stride was halved (an eighth, about).
GRADUAL_FALL = (1 / 24, 1 / 3)
# In roundoffs of an output: the least noise of any output, two to four units in its last place.
FLOOR_ROUNDOFFS = 2.0
# A ratio: the noise grows with the size of the output that a step leads to, but by no more than this.
MOST_GROWTH = 1024.0


def noise_at(y: Array, y0: Array, noise: Array) -> Array:
    """The noise of outputs `y` (..., outputs) at some step, from that of `y0` at the point.

    Roundoff grows with the output. Below the normal numbers it is some spacings of the subnormal ones.
    """
    info = np.finfo(y.dtype)
    size = np.abs(y)
    with np.errstate(all="ignore"):
        growth = np.where(y0 != 0, np.clip(size / np.abs(y0), 1, MOST_GROWTH), 1)
        least = FLOOR_ROUNDOFFS * np.where(size > 0, np.maximum(info.eps * size, info.smallest_subnormal), 0)
        grown: Array = np.maximum(noise * growth, least)
    return grown


def least_noise(probe: Probe) -> Array:
    """(outputs,) the least noise of each output: the roundoff of a forward pass of a few operations."""
    least: Array = FLOOR_ROUNDOFFS * float(np.finfo(probe.dtype).eps) * np.abs(probe.y0)
    return least


def difference_noise(table: Array) -> Array:
    """Standard deviation of the noise in values at `STRIDE_PLACES`.

    A normalized divided difference of order k has the standard deviation of the noise. The difference of a smooth
    function falls with k, the faster the smoother it is. A single kink or jump between the points touches at most three
    of the third differences, so that their median does not see it. Each estimate is at least the noise: the least one
    is taken.

    Parameters
    ----------
    table
        (places, outputs) the values.

    Returns
    -------
    (outputs,) standard deviations.
    """
    table = table - table[0]  # a constant would come back as the roundoff of the weights
    size = np.abs(table).max(axis=0)
    table = table / np.where((size > 0) & np.isfinite(size), size, 1)  # the squares of 1e-200 would vanish
    third = np.abs(_differences(3) @ table)
    median = np.sort(third, axis=0)[len(third) // 2]
    sigma = 1.4826 * median  # the median of |normal| is 1 / 1.4826 deviations
    # There are too few differences of an order above five: all may be small by chance.
    sigma = np.minimum(sigma, np.sqrt(np.mean((_differences(5) @ table) ** 2, axis=0)))
    deviation: Array = sigma * size
    return deviation


@cache
def _differences(order: int) -> Array:
    """(places - order, places): divided differences, each row scaled to unit length so that it keeps a deviation."""
    rows = np.zeros((len(STRIDE_PLACES) - order, len(STRIDE_PLACES)))
    for k, row in enumerate(rows):
        places = STRIDE_PLACES[k : k + order + 1]
        gaps = places[:, None] - places
        np.fill_diagonal(gaps, 1)
        row[k : k + order + 1] = 1 / gaps.prod(axis=1)
        row /= np.sqrt(row @ row)
    return rows


def measure_noise(probe: Probe, rng: np.random.Generator, strides: Array = STRIDES) -> Array:
    """A bound for the roundoff of each output of `probe` near its base point.

    Parameters
    ----------
    probe
        The forward pass as a function of one input.
    rng
        Draws the signs of the direction that the entries move in.
    strides
        In units of the input.

    Returns
    -------
    (outputs,) in the output's unit; never below `FLOOR_ROUNDOFFS` roundoffs of the output.
    """
    direction = probe.unit * rng.choice(np.array([-1.0, 1.0], probe.dtype), probe.base.size)
    return noise_along(Line(probe, slice(None), direction), strides)


def noise_along(line: Line, strides: Array = STRIDES) -> Array:
    """A bound for the roundoff of each output, as points along a line show it.

    A deviation counts as noise in three cases: two strides show it alike; the output stood still before; or finer
    strides show it again (a staircase). An output that shows it for the first time may only be curved, and one that is
    seen to bend gradually is.

    Parameters
    ----------
    line
        How the entries move.
    strides
        In steps of the line, from small to large.
    """
    probe = line.probe
    eps = float(np.finfo(probe.dtype).eps)
    if eps < EPS:  # the roundoff of longdouble shows only at a finer stride
        strides = np.append(strides[0] * eps / EPS, strides)
    noise = least_noise(probe)
    # The largest deviation so far, noise or not; an output near zero has the roundoff of what it was summed from.
    suspected = np.maximum(noise, noise[np.isfinite(noise)].max(initial=0))
    still, curved = np.ones(noise.shape, bool), np.zeros(noise.shape, bool)
    finest = DISTINCT_SPACINGS * float((np.spacing(np.abs(line.x)) / np.abs(line.direction)).max(initial=eps))
    previous = np.append(finest, strides[:-1] * 2.0**-EXTRA_HALVINGS)
    for stride, least in zip(strides, np.maximum(previous, finest), strict=True):
        strided = line.scaled(stride)
        table = outputs_at(strided)
        sigma = NOISE_COVERAGE * difference_noise(table)
        stays = (table[1:] == table[:-1]).any(axis=0)
        sudden = (sigma > ABRUPT_FACTOR * suspected) & ~stays
        accepted = still | (sigma <= ABRUPT_FACTOR * suspected)
        if sudden.any():
            steps, gradual = _at_finer_strides(strided, int(np.log2(max(stride / least, 1))) + 1)
            curved |= sudden & gradual
            accepted |= sudden & steps
        noise = np.where(accepted & ~curved, np.fmax(noise, sigma), noise)
        suspected, still = np.fmax(sigma, suspected), stays
    return noise


def outputs_at(line: Line, places: Array = STRIDE_PLACES) -> Array:
    """(places, outputs): the outputs at some places of a line."""
    table = np.empty((len(places), line.probe.outputs), line.probe.dtype)
    for place, row in zip(places, table, strict=True):
        line.move(place, row)
    return table


def _at_finer_strides(line: Line, halvings: int) -> tuple[Array, Array]:
    """(outputs,) twice: where an output moves in steps, and where it bends gradually, as halving the stride shows."""
    if halvings < 6:  # at the roundoff of the inputs nothing is smooth
        return np.ones(line.probe.outputs, bool), np.zeros(line.probe.outputs, bool)
    tables = (outputs_at(line.scaled(2.0**-k)) for k in range(halvings))
    return steps_or_bends(np.array([np.abs(_differences(3) @ (table - table[0])).max(axis=0) for table in tables]))


def steps_or_bends(largest: Array) -> tuple[Array, Array]:
    """(outputs,) twice: where an output moves in steps, and where it bends gradually.

    The largest third difference of a smooth function (a fast oscillation, say) falls by eight where the stride is
    halved, and that of a kink by two. A step is either met, at its whole height, or missed.

    Parameters
    ----------
    largest
        (halvings, outputs) the largest third differences, from the largest stride to the smallest.
    """
    quarter = largest[0] / 4
    steps = largest[4:].max(axis=0) > quarter
    # The last halving at which the difference has not fallen to a quarter, and the next two.
    halvings = len(largest)
    last = np.minimum(halvings - 1 - (largest >= quarter)[::-1].argmax(axis=0), halvings - 3)
    here, fallen, lower = (np.take_along_axis(largest, last[None] + k, 0)[0] for k in (0, 1, 2))
    low, high = GRADUAL_FALL
    gradual: Array = (fallen < quarter) & (low * here < fallen) & (low * fallen < lower) & (lower < high * fallen)
    return steps, gradual
