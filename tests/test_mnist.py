"""The digits that ship with the package: their printed counts, their format, their size."""

from importlib.resources import files

import numpy as np
import pytest

from scratchcnn.mnist import load_digits

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
    # The best known start of any data set: five, zero, four.
    assert few.labels.tolist() == [5, 0, 4]


@pytest.mark.parametrize("count", [-1, 0, 201])
def test_count_out_of_range(count):
    with pytest.raises(ValueError, match=f"between 1 and 200.*got {count}"):
        load_digits(count)


def test_file_is_small_and_states_its_licence():
    folder = files("scratchcnn").joinpath("data")
    assert len(folder.joinpath("digits.npz").read_bytes()) <= 40_000
    readme = folder.joinpath("README.md").read_text(encoding="utf-8")
    for fact in ("Yann LeCun", "Corinna Cortes", "Attribution-Share Alike 3.0", "first 200 training digits"):
        assert fact in readme
