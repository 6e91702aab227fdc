"""Safe reading of .npz archives; and atomic writing of files, which the harness does by itself."""

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn.gradcheck.report.writing import check_writable as check_writable
from scratchcnn.gradcheck.report.writing import write_atomically as write_atomically


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
