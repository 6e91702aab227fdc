"""Files are written as a whole, or not at all."""

import os
from pathlib import Path


def check_writable(path: Path) -> None:
    """Checks, before the work is done, that its result can be written.

    Parameters
    ----------
    path
        The name of the file to be written.

    Raises
    ------
    OSError
        `path` is a directory, or its directory does not exist or is not writable.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{path.parent} is not a directory")
    if not os.access(path if _is_special(path) else path.parent, os.W_OK):
        raise PermissionError(f"no permission to write {path}")


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file under another name and renames it: a reader sees the old file or the new one, never a part.

    Parameters
    ----------
    path
        The file's name.
    content
        The file's content.

    Raises
    ------
    OSError
        The file cannot be written. An existing file stays as it is, and no other file remains.
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
