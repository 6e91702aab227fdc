"""The digits that ship with the package: the article's counts, format and size; and the reading of all of MNIST."""

import gzip
import tracemalloc
from importlib.resources import files
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.digits import mnist
from scratchcnn.digits.mnist import load_digits, load_mnist
from tests.digits import small_mnist

# The article, "CNN from Scratch using NumPy".
PRINTED_COUNTS = {1: 26, 9: 23, 7: 21, 4: 21, 3: 21, 0: 21, 2: 20, 6: 19, 8: 15, 5: 13}


def test_class_counts_as_printed():
    labels, counts = np.unique(load_digits().labels, return_counts=True)
    assert dict(zip(labels.tolist(), counts.tolist(), strict=True)) == PRINTED_COUNTS


def test_109_zeros_and_91_ones_as_printed():
    targets, counts = np.unique(load_digits().y(), return_counts=True)
    assert dict(zip(targets.tolist(), counts.tolist(), strict=True)) == {0.0: 109, 1.0: 91}


def test_target_is_one_above_four():
    digits = load_digits()
    assert digits.y()[:, 0].tolist() == [float(label > 4) for label in digits.labels.tolist()]


def test_images_and_labels():
    digits = load_digits()
    assert digits.images.shape == (200, 28, 28)
    assert digits.labels.shape == (200,)
    assert digits.images.dtype == digits.labels.dtype == np.uint8
    assert digits.images.min() == 0
    assert digits.images.max() == 255


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_network_input(dtype):
    digits = load_digits(7)
    x = digits.x(dtype)
    assert x.shape == (7, 1, 28, 28)
    assert x.dtype == digits.y(dtype).dtype == dtype
    assert digits.y(dtype).shape == (7, 1)
    assert x.min() == 0
    assert x.max() == 1
    np.testing.assert_array_equal(x[:, 0], digits.images.astype(dtype) / dtype(255))


def test_first_digits():
    digits = load_digits()
    few = load_digits(3)
    assert len(few) == 3
    np.testing.assert_array_equal(few.images, digits.images[:3])
    # MNIST is known to begin with five, zero, four.
    assert few.labels.tolist() == [5, 0, 4]


@pytest.mark.parametrize("count", [-1, 0, 201])
def test_count_out_of_range(count):
    with pytest.raises(ValueError, match=f"between 1 and 200.*got {count}"):
        load_digits(count)


def test_file_is_small_and_states_its_licence():
    folder = files("scratchcnn.digits").joinpath("data")
    assert len(folder.joinpath("digits.npz").read_bytes()) <= 40_000
    readme = folder.joinpath("README.md").read_text(encoding="utf-8")
    for fact in ("Yann LeCun", "Corinna Cortes", "Attribution-Share Alike 3.0", "first 200 training digits"):
        assert fact in readme


def test_some_of_the_digits():
    digits = load_digits()
    for which in (slice(3, 6), np.array([3, 4, 5])):
        some = digits[which]
        assert len(some) == 3
        np.testing.assert_array_equal(some.images, digits.images[3:6])
        np.testing.assert_array_equal(some.labels, digits.labels[3:6])


# All of MNIST, for which a small set stands in


@pytest.fixture
def small(monkeypatch):
    small_mnist.stand_in(monkeypatch)


NAMES = list(mnist.WHOLE)


@pytest.mark.parametrize("form", ["npz", "plain", "gzipped", "mixed"])
def test_every_form_of_the_set(small, tmp_path, form):
    if form == "npz":
        path = small_mnist.write_npz(tmp_path / "mnist.npz")
    else:
        path = small_mnist.write_folder(tmp_path, {"plain": [], "gzipped": NAMES, "mixed": NAMES[1:3]}[form])
    train, test = load_mnist(path)
    shipped = load_digits()
    for part, expected in ((train, shipped[:150]), (test, shipped[150:])):
        np.testing.assert_array_equal(part.images, expected.images)
        np.testing.assert_array_equal(part.labels, expected.labels)


def altered(array):
    array = array.copy()
    array.flat[-1] ^= 1
    return array


WRONG = {
    "other shape": ({"x_test": np.zeros((50, 28, 27), np.uint8)}, r"x_test must be uint8 of shape \(50, 28, 28\)"),
    "fewer": ({"y_train": np.zeros(149, np.uint8)}, r"got uint8 of shape \(149,\)"),
    "other dtype": ({"x_train": np.zeros((150, 28, 28))}, "got float64 of shape"),
    "labels": ({"y_test": np.full(50, 10, np.uint8)}, "y_test must be digits from 0 to 9, got 10"),
    "altered image": ({"x_train": altered(small_mnist.arrays()["x_train"])}, "x_train has another checksum"),
    "altered label": ({"y_train": altered(small_mnist.arrays()["y_train"])}, "y_train has another checksum"),
    "missing": ({"y_test": None}, "it has no array y_test, only x_train, y_train, x_test"),
    "pickled": ({"x_test": np.array([{}, {}])}, "Object arrays cannot be loaded"),
}


@pytest.mark.parametrize(("changed", "message"), WRONG.values(), ids=WRONG)
def test_a_wrong_npz_is_refused_by_name(small, tmp_path, changed, message):
    path = small_mnist.write_npz(tmp_path / "mnist.npz", **changed)
    with pytest.raises(ValueError, match=message) as refusal:
        load_mnist(path)
    assert str(refusal.value).startswith(f"{path} is not ")


@pytest.mark.parametrize("kept", [0, 10, 0.5, 0.99])
def test_a_truncated_npz_is_refused_by_name(small, tmp_path, kept):
    path = small_mnist.write_npz(tmp_path / "mnist.npz")
    content = path.read_bytes()
    path.write_bytes(content[: int(kept * len(content) if kept < 1 else kept)])
    with pytest.raises(ValueError, match=rf"{path} is not an .npz file, or is damaged"):
        load_mnist(path)


def test_a_bit_that_flips_in_an_npz_is_noticed(small, tmp_path):
    path = small_mnist.write_npz(tmp_path / "mnist.npz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 16
    path.write_bytes(content)
    with pytest.raises(ValueError, match="damaged: Bad CRC-32"):
        load_mnist(path)


DAMAGED = {
    "truncated": (False, lambda content: content[:-1], r"is damaged: it should hold 50 bytes, got 49"),
    "longer": (False, lambda content: content + b"\0", r"is damaged: it should hold 50 bytes, got 51"),
    "altered": (False, lambda content: content[:-1] + b"\x07", "y_test has another checksum"),
    "other magic": (False, lambda content: b"\x89PNG" + content[4:], r"is not an IDX file of bytes.*PNG"),
    "other type": (False, lambda content: content[:2] + b"\x0d" + content[3:], "is not an IDX file of bytes"),
    "other axes": (
        False,
        lambda content: small_mnist.idx(np.zeros((50, 1), np.uint8)),
        r"got uint8 of shape \(50, 1\)",
    ),
    "head only": (False, lambda content: content[:6], "is not an IDX file of bytes"),
    "empty": (False, lambda content: b"", "is not an IDX file of bytes: it begins with b''"),
    "many axes": (False, lambda content: b"\0\0\x08\xff" + bytes(4 * 255), "is too large"),
    "more axes": (False, lambda content: b"\0\0\x08\x04" + bytes(16), r"is not an IDX file of bytes"),
    "negative lengths": (
        False,
        lambda content: b"\0\0\x08\x02" + 2 * b"\xff\xff\xff\xff" + b"\0",
        r"is damaged: it should hold 1 bytes, got 1",
    ),
    "much longer": (False, lambda content: content + bytes(100), r"is too large: it may have 66 bytes"),
    "gzip of more": (
        True,
        lambda content: gzip.compress(bytes(10_000_000)),
        r"is too large when it is unpacked: it may have 66 bytes",
    ),
    "gzip truncated": (True, lambda content: content[:-4], "is not a gzip file, or is damaged"),
    "gzip altered": (True, lambda content: content[:-6] + b"xx" + content[-4:], "is not a gzip file, or is damaged"),
    "not gzipped": (True, lambda content: b"hello", "is not a gzip file, or is damaged"),
}


@pytest.mark.parametrize(("gzipped", "damage", "message"), DAMAGED.values(), ids=DAMAGED)
def test_a_damaged_idx_file_is_refused_by_name(small, tmp_path, gzipped, damage, message):
    small_mnist.write_folder(tmp_path, ["y_test"] if gzipped else [])
    file = tmp_path / f"t10k-labels-idx1-ubyte{'.gz' if gzipped else ''}"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match=message) as refusal:
        load_mnist(tmp_path)
    assert str(refusal.value).startswith(str(tmp_path))


def test_a_gzipped_file_is_not_unpacked_beyond_its_array(small, tmp_path):
    small_mnist.write_folder(tmp_path, ["y_test"])
    (tmp_path / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(20_000_000)))
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="is too large when it is unpacked"):
            load_mnist(tmp_path)
        assert tracemalloc.get_traced_memory()[1] < 2_000_000
    finally:
        tracemalloc.stop()


def test_a_missing_idx_file_is_named(small, tmp_path):
    small_mnist.write_folder(tmp_path)
    (tmp_path / "train-labels-idx1-ubyte").unlink()
    with pytest.raises(ValueError, match=r"has no train-labels-idx1-ubyte and no train-labels-idx1-ubyte\.gz"):
        load_mnist(tmp_path)


def test_without_a_path_keras_has_it(small, monkeypatch):
    arrays = small_mnist.arrays()
    pairs = (arrays["x_train"], arrays["y_train"]), (arrays["x_test"], arrays["y_test"])
    monkeypatch.setattr(mnist, "find_spec", lambda name: name)
    monkeypatch.setattr(mnist, "import_module", lambda name: SimpleNamespace(load_data=lambda: pairs))
    assert [len(part) for part in load_mnist()] == [150, 50]


def test_a_download_that_fails_is_said(monkeypatch):
    def fail():
        raise Exception("URL fetch failure")

    monkeypatch.setattr(mnist, "find_spec", lambda name: name)
    monkeypatch.setattr(mnist, "import_module", lambda name: SimpleNamespace(load_data=fail))
    with pytest.raises(ValueError, match=r"could not download MNIST \(URL fetch failure\)"):
        load_mnist()


def test_without_keras_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(mnist, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r'pip install "scratchcnn\[mnist\]"'):
        load_mnist()
