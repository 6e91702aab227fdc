"""Pictures of single digits, normalized like the images of MNIST, so that a network trained on MNIST can read them."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.digits.mnist import SIDE

if TYPE_CHECKING:
    from PIL.Image import Image

BOX = 20  # pixels, the longer side of a digit in MNIST
MIDDLE = 14  # the pixel, of 0 to 27, at which MNIST puts the centre of mass
FAINT = 0.1  # of the darkest ink; fainter pixels are counted as paper
CONTRAST = 32  # grey levels of 255; a picture with less contrast shows no digit
MOST_PIXELS = 2**26  # of a picture; its header says how many there are, before any is unpacked
ENOUGH_PIXELS = 2**22  # of a picture that is looked at; a larger one is scaled down by a whole number first
# What white is in pictures of 32-bit numbers, which do not say it: the least of these that no pixel exceeds.
WHITES = (1, 2**8 - 1, 2**16 - 1, 2**31 - 1, 2**32 - 1)


def read_digit(path: Path) -> NDArray[np.uint8]:
    """Read the picture of a digit, dark on light or light on dark, and normalize it like the images of MNIST.

    The digit becomes light on black, is scaled to fit into 20x20 pixels, and is placed in 28x28 pixels so that its
    centre of mass is in the middle.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition" (1998),
    section III.A.

    Parameters
    ----------
    path : Path
        A file that Pillow can read, of at most 2²⁶ pixels. The orientation that a camera notes (EXIF) is applied.

    Returns
    -------
    (28, 28) array of uint8
        Grey levels: 0 is paper, 255 is ink.

    Raises
    ------
    OSError
        If the file does not exist, or may not be read.
    ValueError
        If the file is not a picture, is too large, or shows no digit.
    """
    from PIL import Image, ImageOps

    with path.open("rb") as file:
        try:
            with Image.open(file) as image:
                if image.width * image.height > MOST_PIXELS:
                    raise ValueError(f"it has {image.width} x {image.height} pixels; {MOST_PIXELS:,} are allowed")
                grey = _grey(ImageOps.exif_transpose(image))
        except Exception as error:  # Pillow raises many types of exceptions for files that it cannot read
            raise ValueError(f"{path} is not a picture that can be read: {error}") from error
    ink = _ink(grey)
    if ink.max() < CONTRAST:
        raise ValueError(f"{path} shows no digit: its brightest and darkest pixels are nearly alike")
    return _centred(_fitted(ink / ink.max()))


def _grey(image: "Image") -> NDArray[np.float64]:
    """Give the grey levels, 0 to 255; transparent pixels become black if the opaque ones are light, else white."""
    from PIL import Image

    if image.mode.startswith(("I", "F")):
        levels = np.asarray(image, np.float32)
        if not np.isfinite(levels).all() or levels.min() < 0:
            raise ValueError("its pixels must be finite and not negative")
        brightest = levels.max()
        white = 2**16 - 1 if ";16" in image.mode else next((w for w in WHITES if brightest <= w), brightest)
        return np.asarray(_reduced(Image.fromarray(255 * (levels / np.float32(white)))), np.float64)
    grey, alpha = np.asarray(_reduced(image.convert("LA")), np.float64).transpose(2, 0, 1)
    opacity = alpha / 255
    paper = 0 if (grey * opacity).sum() > 127.5 * opacity.sum() and opacity.min() < 1 else 255
    composed: NDArray[np.float64] = grey * opacity + paper * (1 - opacity)
    return composed


def _reduced(image: "Image") -> "Image":
    """Scale a large picture down by a whole number: each pixel is then the mean of a square of pixels."""
    factor = math.ceil(math.sqrt(image.width * image.height / ENOUGH_PIXELS))
    return image.reduce(factor) if factor > 1 else image


def _ink(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give the difference of each pixel from the paper, towards the digit; the paper is the median of the border."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = float(np.median(border))
    ink: NDArray[np.float64] = np.maximum(grey - paper if paper < 127.5 else paper - grey, 0)
    return ink


def _fitted(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut the paper around the digit off, and scale the digit so that its longer side is 20 pixels."""
    from PIL import Image

    drawn = ink > FAINT
    (top, bottom), (left, right) = (np.flatnonzero(drawn.any(axis=axis))[[0, -1]] for axis in (1, 0))
    digit = Image.fromarray((255 * ink[top : bottom + 1, left : right + 1]).astype(np.float32))
    scale = BOX / max(digit.size)
    size = (max(1, round(digit.width * scale)), max(1, round(digit.height * scale)))
    scaled: NDArray[np.float64] = np.asarray(digit.resize(size, Image.Resampling.BICUBIC), np.float64).clip(0, 255)
    return scaled


def _centred(digit: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Place the digit in 28x28 pixels, with its centre of mass in the middle to the nearest pixel if it fits there."""
    places = []
    for axis, length in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis)
        centre = float(mass @ np.arange(length) / mass.sum())
        start = min(max(round(MIDDLE - centre), 0), SIDE - length)
        places.append(slice(start, start + length))
    image: NDArray[Any] = np.zeros((SIDE, SIDE), np.uint8)
    image[tuple(places)] = np.rint(digit)
    return image
