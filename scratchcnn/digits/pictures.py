"""Pictures of single digits, made to look like those of MNIST: what a network that learnt from MNIST can read."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image

SIDE, BOX = 28, 20
MIDDLE = 14  # of the pixels 0 to 27, where MNIST has the centre of mass
FAINT = 0.1  # of the full ink: what is fainter is the paper's
CONTRAST = 32  # grey levels of 255: a picture that has fewer shows nothing


def read_digit(path: Path) -> NDArray[np.uint8]:
    """Read the picture of a digit, dark on light or light on dark, and make it look like MNIST's.

    As there, the digit is scaled to fit into 20x20 pixels and put into 28x28 so that its centre of mass is in the
    middle, light on black.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-Based Learning Applied to Document Recognition" (1998),
    section III.A.

    Parameters
    ----------
    path
        A file that Pillow can read, of any size.

    Returns
    -------
    Grey levels, (28, 28): 0 is paper, 255 is ink.

    Raises
    ------
    OSError
        If there is no such file, or it may not be read.
    ValueError
        If it is not a picture, or shows nothing.
    """
    from PIL import Image

    with path.open("rb") as file:
        try:
            with Image.open(file) as image:
                grey = _grey(image)
        except Exception as error:  # Pillow has many types for what it cannot read
            raise ValueError(f"{path} is not a picture that can be read: {error}") from error
    ink = _ink(grey)
    if ink.max() < CONTRAST:
        raise ValueError(f"{path} shows no digit: its brightest and darkest pixels are nearly alike")
    return _centred(_fitted(ink / ink.max()))


def _grey(image: "Image") -> NDArray[np.float64]:
    """Grey levels, 0 to 255; where the picture is transparent, those of a paper that what is drawn stands out from."""
    if image.mode.startswith("I"):
        return np.asarray(image, np.float64) / 257  # 16 bits
    grey, alpha = np.asarray(image.convert("LA"), np.float64).transpose(2, 0, 1)
    opaque = alpha / 255
    paper = 0 if (grey * opaque).sum() > 127.5 * opaque.sum() and opaque.min() < 1 else 255
    seen: NDArray[np.float64] = grey * opaque + paper * (1 - opaque)
    return seen


def _ink(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far each pixel is from the paper, towards the digit: the paper is what most of the border shows."""
    border = np.concatenate([grey[0], grey[-1], grey[:, 0], grey[:, -1]])
    paper = float(np.median(border))
    ink: NDArray[np.float64] = np.maximum(grey - paper if paper < 127.5 else paper - grey, 0)
    return ink


def _fitted(ink: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cut the paper off, and scale what is left so that its longer side is 20 pixels."""
    from PIL import Image

    seen = ink > FAINT
    (top, bottom), (left, right) = (np.flatnonzero(seen.any(axis=axis))[[0, -1]] for axis in (1, 0))
    digit = Image.fromarray((255 * ink[top : bottom + 1, left : right + 1]).astype(np.float32))
    scale = BOX / max(digit.size)
    size = (max(1, round(digit.width * scale)), max(1, round(digit.height * scale)))
    scaled: NDArray[np.float64] = np.asarray(digit.resize(size, Image.Resampling.BICUBIC), np.float64).clip(0, 255)
    return scaled


def _centred(digit: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Put it into 28x28 pixels with its centre of mass in the middle, as nearly as whole pixels allow."""
    places = []
    for axis, length in enumerate(digit.shape):
        mass = digit.sum(axis=1 - axis)
        centre = float(mass @ np.arange(length) / mass.sum())
        start = min(max(round(MIDDLE - centre), 0), SIDE - length)
        places.append(slice(start, start + length))
    image: NDArray[Any] = np.zeros((SIDE, SIDE), np.uint8)
    image[tuple(places)] = np.rint(digit)
    return image
