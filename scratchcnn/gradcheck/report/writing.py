"""Files are written as a whole, or not at all."""

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path


def check_writable(path: Path) -> None:
    """Checks, before the work is done, that its result can be written. A file is made beside it, and removed.

    Parameters
    ----------
    path
        The name of the file to be written.

    Raises
    ------
    OSError
        `path` is a directory or may not be written, its directory does not exist or is not writable, its name is
        too long, or it is a link that leads nowhere or to itself.
    """
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a directory")
    destination = _destination(path)
    for folder in (path.parent, destination.parent):
        if not folder.is_dir():
            raise FileNotFoundError(f"{folder} is not a directory")
    if destination.exists() and not os.access(destination, os.W_OK):
        raise PermissionError(f"no permission to write {path}")
    if not _is_special(path):
        part = _part(destination)
        part.touch(exist_ok=False)
        part.unlink()


def write_atomically(path: Path, content: bytes) -> None:
    """Writes a file under another name and renames it: a reader sees the old file or the new one, never a part.

    Several threads or processes may write the same file: the last one to rename has written it.

    Parameters
    ----------
    path
        The file's name. An existing file keeps its mode; a symbolic link stays, and its target is replaced.
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
