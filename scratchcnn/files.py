"""Atomic writing of files, and safe reading of .npz archives."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an .npz archive; pickled objects are refused.

    Parameters
    ----------
    path : Path
        The file's name.

    Returns
    -------
    dict of str to array
        The arrays by name.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is not an .npz archive, is damaged, or holds pickled objects.
    """
    content = path.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: np.asarray(archive[name]) for name in archive.files}
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen types of exceptions for such files
        raise ValueError(f"{path} is not an .npz file, or is damaged: {error}") from error


def check_writable(path: Path) -> None:
    """Check, before the work is done, that its result can be written.

    Parameters
    ----------
    path : Path
        The name of the file to be written.

    Raises
    ------
    OSError
        If `path` is a directory, or its directory does not exist or is not writable.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is not a directory")
    if not os.access(path if _is_special(path) else path.parent, os.W_OK):
        raise PermissionError(f"no permission to write {path}")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under another name and rename it: a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    path : Path
        The file's name.
    content : bytes
        The file's content.

    Raises
    ------
    OSError
        If the file cannot be written. An existing file stays as it is, and no other file remains.
    """
    if _is_special(path):
        path.write_bytes(content)
        return
    destination = path.resolve()  # a symbolic link stays, and its target is replaced
    part = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the content is on the disk before the rename, in case the machine crashes
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)


def _is_special(path: Path) -> bool:
    """Whether `path` is a device or a pipe (/dev/null, /dev/stdout), which must not be replaced by a file."""
    return path.exists() and not path.is_file()
