"""A small stand-in for MNIST, made of the digits that ship with the package, in all forms of the whole set."""

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
    """Replace the shapes and checksums of MNIST by those of this set."""
    parts = {
        name: replace(mnist.WHOLE[name], shape=array.shape, sha256=hashlib.sha256(array.tobytes()).hexdigest())
        for name, array in arrays().items()
    }
    for name, part in parts.items():
        monkeypatch.setitem(mnist.WHOLE, name, part)


def write_npz(path, **changed):
    """Write Keras's file, with some arrays changed; None leaves one out."""
    np.savez(path, **{name: array for name, array in (arrays() | changed).items() if array is not None})
    return path


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, ">i4").tobytes() + array.tobytes()


def write_folder(folder, gzipped=()):
    """Write the four IDX files; those of the arrays named in `gzipped` are gzipped."""
    for name, array in arrays().items():
        file = folder / mnist.WHOLE[name].idx
        if name in gzipped:
            file.with_name(f"{file.name}.gz").write_bytes(gzip.compress(idx(array)))
        else:
            file.write_bytes(idx(array))
    return folder
