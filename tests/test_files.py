"""Files are written as a whole, or not at all; archives are read as far as they are what they say."""

import io
import os
import stat
import tracemalloc
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from scratchcnn import files
from scratchcnn.files import check_writable, read_at_most, read_npz, write_atomically
from tests.commands.process import run

# Writing


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


FULL = """
    import resource, sys
    from pathlib import Path
    from scratchcnn.files import write_atomically

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        write_atomically(Path(sys.argv[1]), bytes(1001))
    except OSError as error:
        print(error.strerror)
    resource.setrlimit(resource.RLIMIT_FSIZE, before)  # what measures coverage writes a file at the end
"""


def test_a_file_that_the_system_cuts_off_leaves_the_old_one(tmp_path):
    """A limit of the process stands in for a disk that becomes full on the way."""
    path = tmp_path / "model.npz"
    path.write_bytes(b"old")
    done = run(path, script=FULL)
    assert (done.stdout, done.stderr) == ("File too large\n", "")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_threads_that_write_one_file_do_not_meet(tmp_path):
    path = tmp_path / "rows.json"
    contents = [bytes([k]) * 50_000 for k in range(8)]
    with ThreadPoolExecutor(len(contents)) as pool:
        list(pool.map(lambda content: [write_atomically(path, content) for _ in range(20)], contents))
    assert path.read_bytes() in contents
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o755])
def test_the_mode_of_a_replaced_file_stays(tmp_path, mode):
    path = tmp_path / "model.npz"
    path.touch()
    path.chmod(mode)
    write_atomically(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode


def test_a_new_file_has_the_mode_that_any_new_file_has(tmp_path):
    (tmp_path / "any").touch()
    write_atomically(tmp_path / "new", b"new")
    assert (tmp_path / "new").stat().st_mode == (tmp_path / "any").stat().st_mode


def test_a_link_stays_a_link(tmp_path):
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_link_to_a_file_that_is_yet_to_be_written(tmp_path):
    link = tmp_path / "link"
    link.symlink_to("target")
    check_writable(link)
    write_atomically(link, b"new")
    assert (tmp_path / "target").read_bytes() == b"new"


def test_a_name_may_be_as_long_as_the_system_allows(tmp_path):
    path = tmp_path / ("a" * 255)
    check_writable(path)
    write_atomically(path, b"new")
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_no_file_is_written_to_and_not_replaced(tmp_path):
    """A pipe of the test's own: a mistake in the code must not replace a device of the machine, /dev/null above all."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        check_writable(pipe)
        write_atomically(pipe, b"gone")
        assert os.read(reader, 100) == b"gone"
    finally:
        os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_what_can_be_written_stays_as_it_was_before(tmp_path):
    path = tmp_path / "rows.json"
    check_writable(path)
    assert list(tmp_path.iterdir()) == []
    path.write_bytes(b"old")
    check_writable(path)
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("loop", "symbolic links"),
        ("nowhere", "missing is not a directory"),
        ("missing/rows.json", "missing is not a directory"),
        ("file/rows.json", "file is not a directory"),
        ("folder", "is a directory"),
        ("a" * 256, "File name too long"),
    ],
    ids=["links in a circle", "link to nowhere", "no folder", "file for a folder", "folder", "name too long"],
)
def test_what_could_not_be_written_is_refused_before(tmp_path, name, message):
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "nowhere").symlink_to("missing/rows.json")
    (tmp_path / "file").touch()
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match=message):
        check_writable(tmp_path / name)


def test_a_file_or_folder_without_permission_is_refused_before(tmp_path, monkeypatch):
    """The system's answers are replaced, since nothing is forbidden to the user that tests often run as."""
    path = tmp_path / "rows.json"
    path.touch()

    def refuse(self, **options):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda name, mode: False)
        with pytest.raises(PermissionError, match="no permission to write"):
            check_writable(path)
    monkeypatch.setattr(Path, "touch", refuse)
    with pytest.raises(PermissionError, match="Permission denied"):
        check_writable(path)


# Reading


def packed(**members):
    """An archive with members of these contents, as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(f"{name}.npy", content)
    return buffer.getvalue()


def as_npy(array):
    buffer = io.BytesIO()
    np.save(buffer, array)
    return buffer.getvalue()


def with_text():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("readme.txt", "hello")
    return buffer.getvalue()


def with_a_name_twice():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.npy", as_npy(1.0))
        archive.writestr("b.npy", as_npy(2.0))
    return buffer.getvalue().replace(b"b.npy", b"a.npy")


def by_lzma():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("a.npy", as_npy(np.zeros(10)))
    return buffer.getvalue()


def test_all_arrays_of_an_archive(tmp_path):
    path = tmp_path / "a.npz"
    arrays = {"a": np.arange(6.0).reshape(2, 3), "b": np.array("text"), "c": np.zeros((0, 3), bool)}
    for save in (np.savez, np.savez_compressed):
        save(path, **arrays)
        found = read_npz(path)
        assert found.keys() == arrays.keys()
        for name, array in arrays.items():
            assert found[name].dtype == array.dtype
            assert np.array_equal(found[name], array)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (packed(a=as_npy(np.zeros(200_000))), "its arrays have 1,600,128 bytes; 1,000,000 are allowed"),
        (packed(**{f"a{k}": as_npy(np.zeros(20_000)) for k in range(7)}), "bytes; 1,000,000 are allowed"),
        (packed(a=as_npy(np.zeros(10))[:-8]), "a.npy should have 208 bytes, got 200"),
        (packed(a=as_npy(np.zeros(10)) + b"more"), "a.npy should have 208 bytes, got 212"),
        (packed(a=as_npy(np.zeros(10)).replace(b"(10,), }   ", b"(9**9,), }  ")), "malformed"),
        (packed(a=as_npy(np.zeros(10)).replace(b"(10,), }   ", b"(99999,), } ")), "a.npy should have 800,120 bytes"),
        (packed(a=b"\x93NUMPY\x09\x00" + as_npy(np.zeros(10))[8:]), "unknown version"),
        (packed(**{f"a{k}": b"" for k in range(11)}), "it has 11 arrays with 11 names; 10 are allowed"),
        (with_a_name_twice(), "it has 2 arrays with 1 names"),
        (with_text(), "readme.txt is no array"),
        (by_lzma(), "a.npy is no array"),
        (
            packed(a=as_npy(np.array("text")).replace(b"t\0\0\0", b"t\0\0\1", 1)),
            "a holds 16,777,332, which stands for no",
        ),
        (packed(a=as_npy(np.array("text", ">U4")).replace(b"\0\0\0t", b"\1\0\0t", 1)), "which stands for no character"),
    ],
    ids=[
        "large",
        "large together",
        "short",
        "long",
        "no shape",
        "other shape",
        "version",
        "many",
        "twice",
        "text",
        "packed otherwise",
        "no character",
        "no character in another byte order",
    ],
)
def test_what_is_not_what_it_says_is_refused(tmp_path, monkeypatch, content, message):
    monkeypatch.setattr(files, "MOST_ARRAYS", 10)
    path = tmp_path / "a.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=f"{path} is not an .npz file, or is damaged.*{message}"):
        read_npz(path, 1_000_000)


def test_a_large_array_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "a.npz"
    path.write_bytes(packed(a=as_npy(np.zeros(4_000_000))))
    assert path.stat().st_size < 100_000
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="are allowed"):
            read_npz(path, 1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_file_that_never_ends_is_not_read_to_its_end():
    with pytest.raises(ValueError, match="/dev/zero is too large: it may have 1,000 bytes"):
        read_at_most(Path("/dev/zero"), 1000)
