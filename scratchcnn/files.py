"""Files that are either whole or not there, and archives of arrays that are read with suspicion."""

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


def read_npz(path: Path) -> dict[str, NDArray[Any]]:
    """Read all arrays of an .npz archive, never a pickle.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is not such an archive, or damaged.
    """
    content = path.read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: np.asarray(archive[name]) for name in archive.files}
    except Exception as error:  # zipfile, zlib and NumPy have a dozen types for it
        raise ValueError(f"{path} is not an .npz file, or is damaged: {error}") from error


def check_writable(path: Path) -> None:
    """Find out before the work is done that its result cannot be written.

    Raises
    ------
    OSError
        If `path` is a directory, or its directory is not there or may not be written to.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is not a directory")
    if not os.access(path if _is_special(path) else path.parent, os.W_OK):
        raise PermissionError(f"no permission to write {path}")


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file beside its destination and rename it: a reader sees the old file or the new one, never a part.

    Raises
    ------
    OSError
        If it cannot be written; nothing is left behind then.
    """
    if _is_special(path):
        path.write_bytes(content)
        return
    destination = path.resolve()  # a link stays, what it points to is replaced
    part = destination.with_name(f".{destination.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # on the disk before it has the name: a crash leaves the old file
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)


def _is_special(path: Path) -> bool:
    """Tell whether `path` is a device or a pipe (/dev/null, /dev/stdout), which is written to and never replaced."""
    return path.exists() and not path.is_file()
