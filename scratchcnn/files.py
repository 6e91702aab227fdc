"""Atomic writing of files, and safe reading of .npz archives."""

import io
import os
import secrets
import stat
import zipfile
from contextlib import suppress
from functools import partial
from itertools import islice
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

MOST_BYTES = 2**28  # of the arrays of an archive together, unpacked
MOST_ARRAYS = 10_000  # in an archive
PIECE = 2**20  # bytes that are read at a time
# The readers of the header of an array, by the version of its format. NumPy writes others for structured arrays only.
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}


def read_at_most(path: Path, most: int) -> bytes:
    """Read a file that is not larger than it may be.

    Parameters
    ----------
    path : Path
        The file's name.
    most : int
        The number of bytes that it may have. A device that never ends has more.

    Returns
    -------
    bytes
        The content.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it has more bytes. What follows them is not read.
    """
    with path.open("rb") as file:
        # In pieces, since `read` allocates all that it may read.
        content = b"".join(islice(iter(partial(file.read, PIECE), b""), most // PIECE + 1))
    if len(content) > most:
        raise ValueError(f"{path} is too large: it may have {most:,} bytes")
    return content


def read_npz(path: Path, most: int = MOST_BYTES) -> dict[str, NDArray[Any]]:
    """Read all arrays of an .npz archive; pickled objects are refused.

    The sizes of the arrays are read from their headers, and added up, before any array is unpacked.

    Parameters
    ----------
    path : Path
        The file's name.
    most : int
        The number of bytes that the arrays may have together.

    Returns
    -------
    dict of str to array
        The arrays by name.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If the file is not an .npz archive, is damaged, is too large when it is unpacked, or holds pickled objects.
    """
    content = read_at_most(path, 2 * most)  # what cannot be packed grows a little
    try:
        _check_members(content, most)
        with np.load(io.BytesIO(content), allow_pickle=False) as archive:
            return {name: np.asarray(archive[name]) for name in archive.files}
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen types of exceptions for such files
        raise ValueError(f"{path} is not an .npz file, or is damaged: {error}") from error


def _check_members(content: bytes, most: int) -> None:
    """Refuse an archive that has more than its arrays, or arrays that are larger than they say or may be."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = archive.infolist()
        names = {member.filename for member in members}
        if len(names) != len(members) or len(members) > MOST_ARRAYS:
            raise ValueError(f"it has {len(members)} arrays with {len(names)} names; {MOST_ARRAYS:,} are allowed")
        total = sum(member.file_size for member in members)
        if total > most:
            raise ValueError(f"its arrays have {total:,} bytes; {most:,} are allowed")
        for member in members:
            if not member.filename.endswith(".npy") or member.compress_type not in (
                zipfile.ZIP_STORED,
                zipfile.ZIP_DEFLATED,
            ):
                raise ValueError(f"{member.filename} is no array")
            with archive.open(member) as file:
                _check_header(file, member)


def _check_header(file: IO[bytes], member: zipfile.ZipInfo) -> None:
    """Refuse an array whose header promises another size than it has."""
    version = npy.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f"{member.filename} has the unknown version {version}")
    shape, _, dtype = HEADERS[version](file)
    size = file.tell() + prod(shape) * dtype.itemsize
    if size != member.file_size and not dtype.hasobject:  # `np.load` refuses objects, which have no size of their own
        raise ValueError(f"{member.filename} should have {size:,} bytes, got {member.file_size:,}")


def check_writable(path: Path) -> None:
    """Check, before the work is done, that its result can be written. A file is made beside it, and removed.

    Parameters
    ----------
    path : Path
        The name of the file to be written.

    Raises
    ------
    OSError
        If `path` is a directory or may not be written, its directory does not exist or is not writable, its name is
        too long, or it is a link that leads nowhere or to itself.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory")
    destination = _destination(path)
    if not destination.parent.is_dir():
        raise FileNotFoundError(f"{destination.parent} is not a directory")
    if destination.exists() and not os.access(destination, os.W_OK):
        raise PermissionError(f"no permission to write {path}")
    if not _is_special(path):
        part = _part(destination)
        part.touch(exist_ok=False)
        part.unlink()


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under another name and rename it: a reader sees the old file or the new one, never a part.

    Several threads or processes may write the same file: the last one to rename has written it.

    Parameters
    ----------
    path : Path
        The file's name. An existing file keeps its mode; a symbolic link stays, and its target is replaced.
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
    destination = _destination(path)
    part = _part(destination)
    try:
        with part.open("xb") as file:
            if destination.exists():
                part.chmod(stat.S_IMODE(destination.stat().st_mode))
            file.write(content)
            file.flush()
            os.fsync(file.fileno())  # the content is on the disk before the rename, in case the machine crashes
        part.replace(destination)
    finally:
        part.unlink(missing_ok=True)


def _destination(path: Path) -> Path:
    """Follow links to the file that is to be written; a name too long, or links in a circle, are an `OSError`."""
    with suppress(FileNotFoundError, NotADirectoryError):  # of a new file, or in a directory that does not exist
        path.stat()
    return Path(os.path.realpath(path))


def _part(destination: Path) -> Path:
    """Name a file beside the destination that nobody else writes to, however long the name of the destination is."""
    return destination.with_name(f".{secrets.token_hex(8)}.part")


def _is_special(path: Path) -> bool:
    """Whether `path` is a device or a pipe (/dev/null, /dev/stdout), which must not be replaced by a file."""
    return path.exists() and not path.is_file()
