"""MNIST: the 200 handwritten digits that ship with the package, and the whole set on request.

The 200 digits are the first of the training set, as in the article. The file `data/README.md` beside them states their
origin and licence (Yann LeCun and Corinna Cortes, CC BY-SA 3.0).
"""

import gzip
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.files import read_at_most, read_npz

SHIPPED = 200  # the number of digits in the package
SIDE = 28  # pixels, the side of an image
MOST_AXES = 3  # of an array in an IDX file


@dataclass(frozen=True)
class Part:
    """One of the four arrays of the whole set, all of them uint8.

    Attributes
    ----------
    shape : tuple of int
        The shape of the array.
    idx : str
        The name of its IDX file, as the set was published; a gzipped file has `.gz` appended.
    sha256 : str
        The checksum of the array's bytes.
    """

    shape: tuple[int, ...]
    idx: str
    sha256: str


# The arrays of the whole set, by their names in Keras's `mnist.npz`.
WHOLE = {
    "x_train": Part(
        (60_000, 28, 28), "train-images-idx3-ubyte", "741c988805d008ac6e4c904b69001ba184c24b2c540a4ef403f4c71b676cf757"
    ),
    "y_train": Part(
        (60_000,), "train-labels-idx1-ubyte", "1feba77c54802fa5339a11837ea4b2866434b83314ec45192930f1df69120c13"
    ),
    "x_test": Part(
        (10_000, 28, 28), "t10k-images-idx3-ubyte", "6d87418db22cc8025d05968bec9bd5c3932904b23485740db143a061a2c9d161"
    ),
    "y_test": Part(
        (10_000,), "t10k-labels-idx1-ubyte", "ddeff807876a9661a1110d45c266c86239a3a1b7d37da0c3716a7a683c852ff5"
    ),
}


@dataclass(frozen=True, eq=False)
class Digits:
    """Images of digits with their labels.

    Attributes
    ----------
    images : (N, 28, 28) array of uint8
        Grey levels: 0 is paper, 255 is ink.
    labels : (N,) array of uint8
        The digit that each image shows, 0 to 9.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        """Give N, the number of digits."""
        return len(self.labels)

    def __getitem__(self, which: slice | NDArray[np.integer]) -> "Digits":
        """Select digits by a slice, or by an array of indices."""
        return Digits(self.images[which], self.labels[which])

    def x(self, dtype: Any = np.float64) -> NDArray[Any]:
        """Convert the images to the network's input: one channel, scaled to [0, 1].

        Parameters
        ----------
        dtype : dtype
            The dtype of the result.

        Returns
        -------
        (N, 1, 28, 28) array
            The images.
        """
        return self.images[:, np.newaxis].astype(dtype) / 255

    def y(self, dtype: Any = np.float64) -> NDArray[Any]:
        """Convert the labels to the article's targets: 1 if the digit is greater than 4, else 0.

        Parameters
        ----------
        dtype : dtype
            The dtype of the result.

        Returns
        -------
        (N, 1) array
            The targets.
        """
        return (self.labels[:, np.newaxis] > 4).astype(dtype)


def load_digits(count: int = SHIPPED) -> Digits:
    """Load the first training digits of MNIST from inside the package.

    Parameters
    ----------
    count : int
        The number of digits, 1 to 200.

    Returns
    -------
    Digits
        The first `count` digits.

    Raises
    ------
    ValueError
        If `count` is not between 1 and 200.
    """
    if not 1 <= count <= SHIPPED:
        raise ValueError(f"count must be between 1 and {SHIPPED}, the digits that ship with the package; got {count}")
    with (
        files("scratchcnn.digits").joinpath("data/digits.npz").open("rb") as file,
        np.load(file, allow_pickle=False) as data,
    ):
        return Digits(images=data["images"], labels=data["labels"])[:count]


def load_mnist(path: Path | None = None) -> tuple[Digits, Digits]:
    """Load all of MNIST: 60,000 digits for training and 10,000 for testing.

    Parameters
    ----------
    path : Path or None
        Keras's `mnist.npz`, or a folder with the four IDX files as they were published, plain or gzipped. None:
        Keras downloads the set once and keeps it.

    Returns
    -------
    tuple of two Digits
        The training digits and the test digits.

    Raises
    ------
    OSError
        If a file cannot be read.
    ValueError
        If a file is damaged or is not MNIST, or Keras is missing or cannot download the set.
    """
    if path is None:
        source, arrays = "Keras's download", _from_keras()
    else:
        source, arrays = str(path), _from_folder(path) if path.is_dir() else read_npz(path)
    for name in WHOLE:
        _check(source, name, arrays)
    return Digits(arrays["x_train"], arrays["y_train"]), Digits(arrays["x_test"], arrays["y_test"])


def _check(source: str, name: str, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Refuse an array that is not MNIST's; the checks with the most informative messages come first."""
    part = WHOLE[name]
    if name not in arrays:
        raise ValueError(f"{source} is not MNIST: it has no array {name}, only {', '.join(arrays) or 'none'}")
    array = arrays[name]
    if array.dtype != np.uint8 or array.shape != part.shape:
        raise ValueError(
            f"{source} is not MNIST: {name} must be uint8 of shape {part.shape}, "
            f"got {array.dtype} of shape {array.shape}"
        )
    if array.ndim == 1 and array.max() > 9:
        raise ValueError(f"{source} is not MNIST: {name} must be digits from 0 to 9, got {array.max()}")
    if hashlib.sha256(array.tobytes()).hexdigest() != part.sha256:
        raise ValueError(f"{source} is not MNIST, or was altered: {name} has another checksum")


def _from_keras() -> dict[str, NDArray[Any]]:
    """Load the four arrays by Keras, which downloads them if necessary."""
    if find_spec("keras") is None:
        raise ValueError(
            "the whole of MNIST is downloaded by Keras, which is missing: "
            'pip install "scratchcnn[mnist]", or name a file that you have (`--data`)'
        )
    mnist = import_module("keras.datasets.mnist")
    try:
        (x_train, y_train), (x_test, y_test) = mnist.load_data()
    except Exception as error:  # Keras raises a bare Exception if there is no network
        raise ValueError(f"Keras could not download MNIST ({error}); name a file that you have (`--data`)") from error
    return {"x_train": x_train, "y_train": y_train, "x_test": x_test, "y_test": y_test}


def _from_folder(folder: Path) -> dict[str, NDArray[Any]]:
    """Read the four arrays from IDX files."""
    return {name: _read_idx(_plain_or_gzipped(folder / part.idx), prod(part.shape)) for name, part in WHOLE.items()}


def _plain_or_gzipped(path: Path) -> Path:
    """Give the name of the plain file if it exists, else that of the gzipped file."""
    gzipped = path.with_name(f"{path.name}.gz")
    if not path.exists() and not gzipped.exists():
        raise ValueError(f"{path.parent} has no {path.name} and no {gzipped.name}")
    return path if path.exists() else gzipped


def _read_idx(path: Path, size: int) -> NDArray[np.uint8]:
    """Read an IDX file of bytes, plain or gzipped, with an array of `size` bytes. Nothing is unpacked beyond these.

    Its header is the bytes 0, 0, 8 (the code of unsigned bytes) and the number of axes, then the length of each axis as
    a big-endian int32. The array's bytes follow.

    Source: LeCun, Cortes and Burges, "The MNIST Database of Handwritten Digits", section "File Formats".
    """
    most = 4 + 4 * MOST_AXES + size
    content = _unpacked(path, most) if path.suffix == ".gz" else read_at_most(path, most)
    head = 4 + 4 * content[3] if len(content) > 3 else 4
    if content[:3] != b"\0\0\x08" or len(content) < head or content[3] > MOST_AXES:
        raise ValueError(f"{path} is not an IDX file of bytes: it begins with {content[:4]!r}")
    shape = tuple(np.frombuffer(content[4:head], ">i4").tolist())
    if min(shape, default=0) < 0 or len(content) - head != prod(shape):
        raise ValueError(f"{path} is damaged: it should hold {prod(shape)} bytes, got {len(content) - head}")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)


def _unpacked(path: Path, most: int) -> bytes:
    """Unpack a gzipped file as far as its content may reach."""
    with path.open("rb") as packed, gzip.open(packed) as file:
        try:
            content = file.read(most + 1)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"{path} is not a gzip file, or is damaged: {error}") from error
    if len(content) > most:
        raise ValueError(f"{path} is too large when it is unpacked: it may have {most:,} bytes")
    return content
