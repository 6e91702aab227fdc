"""A set as small as the digits that ship with the package, in the forms that MNIST has."""

import gzip
import hashlib
from dataclasses import replace

import numpy as np

from scratchcnn.digits import mnist

TRAIN, TEST = 150, 50


def arrays():
    digits = mnist.load_digits()
    return {
        "x_train": digits.images[:TRAIN],
        "y_train": digits.labels[:TRAIN],
        "x_test": digits.images[TRAIN:],
        "y_test": digits.labels[TRAIN:],
    }


def stand_in(monkeypatch):
    """Let this set be the whole of MNIST: shapes and checksums are those of its arrays."""
    parts = {
        name: replace(mnist.WHOLE[name], shape=array.shape, sha256=hashlib.sha256(array.tobytes()).hexdigest())
        for name, array in arrays().items()
    }
    for name, part in parts.items():
        monkeypatch.setitem(mnist.WHOLE, name, part)


def write_npz(path, **changed):
    """Write Keras's file; with some arrays changed, or left out where None."""
    np.savez(path, **{name: array for name, array in (arrays() | changed).items() if array is not None})
    return path


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def write_folder(folder, gzipped=()):
    """Write the four IDX files, the named ones gzipped."""
    for name, array in arrays().items():
        file = folder / mnist.WHOLE[name].idx
        if name in gzipped:
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            file.write_bytes(idx(array))
    return folder
