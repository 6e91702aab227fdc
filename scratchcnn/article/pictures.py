"""What the article's network computes with, as pictures beside its derivatives: digits, patches, filters, maps."""

from collections.abc import Callable

from scratchcnn.article.network import FILTERS, MAP, WINDOW
from scratchcnn.article.point import Point
from scratchcnn.gradcheck.report.entry import Picture
from scratchcnn.operations.convolution.patches import patches

FEW_DIGITS = 4  # digits whose feature maps are shown
DIGITS = 12  # digits that are shown of all


def pictures(point: Point, name: str) -> tuple[Picture, ...]:
    """Give the pictures that belong beside a derivative of the network.

    Parameters
    ----------
    point : Point
        Where the network is differentiated.
    name : str
        The derivative's name, such as "∂E/∂f".

    Returns
    -------
    tuple of Picture
        None for a derivative by something that is no image.
    """
    return tuple(show(point) for show in SHOWN.get(name, ()))


def _digits(point: Point) -> Picture:
    return Picture(f"the first {DIGITS} of {len(point.x)} digits, X", point.x[:DIGITS])


def _few_digits(point: Point) -> Picture:
    return Picture(f"the first {FEW_DIGITS} of {len(point.x)} digits, X", point.x[:FEW_DIGITS])


def _patches(point: Point) -> Picture:
    side_by_side = patches(point.x[:1], WINDOW, stride=WINDOW)
    return Picture("patches of the first digit, side by side", side_by_side[0, 0])


def _filters(point: Point) -> Picture:
    return Picture("the filters, f", point.filters, signed=True)


def _maps_before(point: Point) -> Picture:
    return Picture(f"Z1 of the first {FEW_DIGITS} digits", point.z1[:FEW_DIGITS], signed=True)


def _maps(point: Point) -> Picture:
    return Picture(f"A1 of the first {FEW_DIGITS} digits", point.a1[:FEW_DIGITS].reshape(-1, FILTERS, MAP, MAP))


def _weights(point: Point) -> Picture:
    return Picture("the weights, W, as they meet the maps", point.weight.reshape(FILTERS, MAP, MAP), signed=True)


# The pictures beside each derivative.
SHOWN: dict[str, tuple[Callable[[Point], Picture], ...]] = {
    "∂Z2/∂W": (_maps,),
    "∂Z2/∂A1": (_weights,),
    "∂A1/∂Z1": (_maps_before, _maps),
    "∂Z1/∂f": (_few_digits, _patches, _filters),
    "∂Z1/∂X": (_few_digits, _filters),
    "∂E/∂W": (_weights, _maps),
    "∂E/∂f": (_digits, _patches, _filters),
}
