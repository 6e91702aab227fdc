"""Safe reading of .npz archives; and atomic writing of files, which the harness does by itself."""

import io
import sys
import zipfile
from functools import partial
from itertools import islice
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from scratchcnn.gradcheck.report.writing import check_writable as check_writable
from scratchcnn.gradcheck.report.writing import write_atomically as write_atomically

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
            return {name: _of_characters(name, np.asarray(archive[name])) for name in archive.files}
    except Exception as error:  # zipfile, zlib and NumPy raise a dozen types of exceptions for such files
        raise ValueError(f"{path} is not an .npz file, or is damaged: {error}") from error


def _of_characters(name: str, array: NDArray[Any]) -> NDArray[Any]:
    """Refuse texts with numbers that stand for no character: Python cannot make a string of these."""
    if array.dtype.kind == "U" and array.size and array.itemsize:
        numbers = np.ascontiguousarray(array).view(np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if numbers.max() > sys.maxunicode:
            raise ValueError(f"{name} holds {numbers.max():,}, which stands for no character")
    return array


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
