"""How much each output trembles: the roundoff of a forward pass, measured.

Nobody can see what a black box summed: `(1e8 + sin x) - 1e8` has an error of 1e-8 in a result of size one. So the
inputs are moved in small strides, where a smooth function is nearly a straight line, and what differencing leaves
of the outputs is their noise (Hamming 1962, section 1.6; Moré and Wild, "Estimating computational noise", 2011).
"""

from functools import cache

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.numerical.probe import Probe

EPS = float(np.finfo(np.float64).eps)

# Places of the points along a direction, in strides: uneven, since at even ones the roundings of a staircase can come
# out alike (golden section sampling). From 1, since the point itself may sit on a jump or a kink.
STRIDE_PLACES = np.arange(1, 11) + 0.7 * (np.arange(1, 11) * 0.6180339887498949 % 1 - 0.5)
# In units of the input. Roundoff shows at all of them; a forward pass that goes through float32 inside, or adds a large
# offset, moves in stairs that only the larger ones see.
STRIDES = 2.0 ** -np.array([45.6, 36.3, 27.4, 18.7])
# What a measured standard deviation is multiplied by to cover the worst of some thousand roundings.
NOISE_COVERAGE = 8.0
# What grows by more than this from one stride to the next is suspected to be curvature, and no noise.
ABRUPT_FACTOR = 16.0
# A stride at which steps are told from curvature is halved down to the one before it, and so many times more.
EXTRA_HALVINGS = 3
# Below this many spacings of x the points of a stride that is halved on would fall together.
DISTINCT_SPACINGS = 4
# What a third difference of a smooth function becomes when its stride is halved: an eighth, give or take.
GRADUAL_FALL = (1 / 24, 1 / 3)
# No output is taken to be better than this many roundoffs, two to four units in its last place.
FLOOR_ROUNDOFFS = 2.0
# By how much the noise is taken to grow with the output, where a step leads to larger outputs.
MOST_GROWTH = 1024.0


def noise_at(y: Array, y0: Array, noise: Array) -> Array:
    """The noise of outputs `y` (..., outputs) that a step led to, from that of `y0`: roundoff grows with the output.

    Below the normal numbers it is some of their spacing.
    """
    info = np.finfo(y.dtype)
    size = np.abs(y)
    with np.errstate(all="ignore"):
        growth = np.where(y0 != 0, np.clip(size / np.abs(y0), 1, MOST_GROWTH), 1)
        least = FLOOR_ROUNDOFFS * np.where(size > 0, np.maximum(info.eps * size, info.smallest_subnormal), 0)
        grown: Array = np.maximum(noise * growth, least)
    return grown


def least_noise(probe: Probe) -> Array:
    """(outputs,) the least that is taken for the roundoff of each output: that of a forward of a few operations."""
    least: Array = FLOOR_ROUNDOFFS * float(np.finfo(probe.dtype).eps) * np.abs(probe.y0)
    return least


def difference_noise(table: Array) -> Array:
    """Standard deviation of the noise in values at `STRIDE_PLACES`.

    A divided difference of order k, normalized, has the deviation of the noise; of a smooth function it falls with k,
    the faster the smoother it is. A single kink or jump between the points touches at most three of the third
    differences, so that their median does not see it. Each estimate is no less than the noise: the least is taken.

    Parameters
    ----------
    table
        (places, outputs): the values.

    Returns
    -------
    (outputs,) standard deviations.
    """
    table = table - table[0]  # what is constant would come back as the roundoff of the weights
    size = np.abs(table).max(axis=0)
    table = table / np.where((size > 0) & np.isfinite(size), size, 1)  # the squares of 1e-200 would vanish
    third = np.abs(_differences(3) @ table)
    median = np.sort(third, axis=0)[len(third) // 2]
    sigma = 1.4826 * median  # the median of |normal| is 1 / 1.4826 deviations
    # Of an order above five there are too few differences: by chance, all may be small.
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
    (outputs,) in the output's unit; never below FLOOR roundoffs of the output.
    """
    direction = probe.unit * rng.choice(np.array([-1.0, 1.0], probe.dtype), probe.base.size)
    return noise_along(probe, slice(None), direction, strides)


def noise_along(probe: Probe, entries: Array | slice, direction: Array, strides: Array = STRIDES) -> Array:
    """The same, along a direction that moves some entries."""
    eps = float(np.finfo(probe.dtype).eps)
    if eps < EPS:  # in longdouble roundoff shows alone at a stride of its own
        strides = np.append(strides[0] * eps / EPS, strides)
    noise = least_noise(probe)
    # The largest deviation so far, noise or not; an output near zero has the roundoff of what it was summed from.
    suspected = np.maximum(noise, noise[np.isfinite(noise)].max(initial=0))
    still, curved = np.ones(noise.shape, bool), np.zeros(noise.shape, bool)
    # Down to strides at which some points would fall together, since x has no numbers between.
    finest = DISTINCT_SPACINGS * float((np.spacing(np.abs(probe.base[entries])) / np.abs(direction)).max(initial=eps))
    previous = np.append(finest, strides[:-1] * 2.0**-EXTRA_HALVINGS)
    for stride, least in zip(strides, np.maximum(previous, finest), strict=True):
        table = outputs_at(probe, entries, direction * stride)
        sigma = NOISE_COVERAGE * difference_noise(table)
        stays = (table[1:] == table[:-1]).any(axis=0)
        sudden = (sigma > ABRUPT_FACTOR * suspected) & ~stays
        accepted = still | (sigma <= ABRUPT_FACTOR * suspected)
        if sudden.any():
            steps, gradual = _at_finer_strides(
                probe, entries, direction * stride, int(np.log2(max(stride / least, 1))) + 1
            )
            curved |= sudden & gradual
            accepted |= sudden & steps
        # What an output shows for the first time may be its curvature; what it shows at two strides alike, or after
        # it stood still, or again at finer strides (a staircase), is noise, unless it was seen to rise gradually.
        noise = np.where(accepted & ~curved, np.fmax(noise, sigma), noise)
        suspected, still = np.fmax(sigma, suspected), stays
    return noise


def outputs_at(probe: Probe, entries: Array | slice, stride: Array, places: Array = STRIDE_PLACES) -> Array:
    """(places, outputs): the values where some entries move by so many strides."""
    table = np.empty((len(places), probe.outputs), probe.dtype)
    for place, row in zip(places, table, strict=True):
        probe.move(entries, probe.base[entries] + stride * place, row)
    return table


def _at_finer_strides(probe: Probe, entries: Array | slice, stride: Array, halvings: int) -> tuple[Array, Array]:
    """(outputs,) twice: whether what outputs show at a stride comes of the steps of a staircase, or of curvature.

    As the stride is halved, the largest third difference of a smooth function (a fast oscillation, say) falls by
    eight, and that of a kink by two, while a step is either met, at its whole height, or not.
    """
    if halvings < 6:  # at roundoff of the inputs nothing is smooth
        return np.ones(probe.outputs, bool), np.zeros(probe.outputs, bool)
    largest = np.empty((halvings, probe.outputs), probe.dtype)
    for k, row in enumerate(largest):
        table = outputs_at(probe, entries, stride * 2.0**-k)
        row[...] = np.abs(_differences(3) @ (table - table[0])).max(axis=0)
    steps = largest[4:].max(axis=0) > largest[0] / 4
    # The last halving at which it has not fallen to a quarter, and the next two.
    quarter = largest[0] / 4
    last = np.minimum(halvings - 1 - (largest >= quarter)[::-1].argmax(axis=0), halvings - 3)
    here, fallen, lower = (np.take_along_axis(largest, last[None] + k, 0)[0] for k in (0, 1, 2))
    low, high = GRADUAL_FALL
    gradual: Array = (fallen < quarter) & (low * here < fallen) & (low * fallen < lower) & (lower < high * fallen)
    return steps, gradual
