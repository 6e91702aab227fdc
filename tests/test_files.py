"""Files are written as a whole, or not at all."""

import os
from pathlib import Path

import pytest

from scratchcnn.files import check_writable, write_atomically


def test_a_failed_write_leaves_the_old_file(monkeypatch, tmp_path):
    path = tmp_path / "rows.json"
    write_atomically(path, b"old")

    def full(self, destination):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_device_is_written_to_and_not_replaced():
    null = Path(os.devnull)
    check_writable(null)
    write_atomically(null, b"gone")
    assert not null.is_file()
