"""Files that are damaged, or made by somebody else: what is in them is given rightly, or there is a clear error."""

import gzip
import io
import json
from functools import cache

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from scratchcnn.digits import mnist
from scratchcnn.digits.mnist import load_digits, load_mnist
from scratchcnn.digits.pictures import read_digit
from scratchcnn.files import read_npz
from scratchcnn.network.model import Model
from scratchcnn.network.training import Training
from tests.digits import small_mnist
from tests.fuzz.calls import outcome
from tests.fuzz.damage import VALUES, archive_changes, changed, changes, other_json
from tests.network.trainings import begin

ERRORS = (ValueError, OSError)
MODES = ["L", "RGB", "RGBA", "P", "1", "I;16", "F", "LA", "CMYK"]
FORMATS = ["PNG", "BMP", "GIF", "TIFF", "JPEG", "PPM", "WEBP"]

# The folder is one for all draws of a test; each writes its file anew.
fuzz = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])


def read(reader, path):
    """Read a file, or a folder; an error names it."""
    return outcome(reader, {"path": path}, ERRORS, says=[path.name])


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """Gives a training that was saved, as bytes. Such a file is a model's file, too."""
    path = tmp_path_factory.mktemp("training") / "saved.npz"
    begin().save(path)
    return path.read_bytes


def fits(found):
    """Whether a model, or that of a training, has finite parameters of the shapes that its layers have."""
    model = found.model if isinstance(found, Training) else found
    shapes = tuple(each.shape for each in model.parameters)
    return shapes == model.network.shapes and all(np.isfinite(each).all() for each in model.parameters)


@fuzz
@given(changes=archive_changes)
def test_a_damaged_model_is_refused_or_fits_its_layers(tmp_path, saved, changes):
    path = tmp_path / "model.npz"
    path.write_bytes(changed(saved(), changes))
    for kind in (Model, Training):
        found = read(kind.load, path)
        assert found is None or (isinstance(found, kind) and fits(found))


def is_json(array):
    try:
        return isinstance(json.loads(str(array)), dict | list)
    except ValueError:
        return False


@fuzz
@given(which=st.integers(0, 9), place=st.integers(0, 99), value=st.sampled_from(VALUES), removed=st.booleans())
def test_a_model_of_other_layers_is_refused_or_fits_them(tmp_path, saved, which, place, value, removed):
    with np.load(io.BytesIO(saved())) as file:
        arrays = {name: file[name] for name in file.files}
    texts = sorted(name for name, array in arrays.items() if array.dtype.kind == "U" and is_json(array))
    name = texts[which % len(texts)]
    arrays[name] = np.array(other_json(str(arrays[name]), place, value, removed))
    path = tmp_path / "model.npz"
    np.savez(path, **arrays)
    for kind in (Model, Training):
        found = read(kind.load, path)
        assert found is None or fits(found)


@fuzz
@given(changes=archive_changes)
def test_a_damaged_archive_is_refused_or_read(tmp_path, changes):
    file = io.BytesIO()
    np.savez(file, a=np.arange(6.0).reshape(2, 3), b=np.arange(4), c=np.array("text"), d=np.zeros((0, 3)))
    path = tmp_path / "arrays.npz"
    path.write_bytes(changed(file.getvalue(), changes))
    found = read(read_npz, path)
    assert found is None or all(isinstance(each, np.ndarray) for each in found.values())


@pytest.fixture(scope="module")
def small():
    """Gives a small stand-in for MNIST, whose shapes and checksums are asked for."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        small_mnist.stand_in(monkeypatch)
        yield small_mnist.arrays


@fuzz
@given(name=st.sampled_from(sorted(mnist.WHOLE)), changes=changes, packed=st.booleans())
def test_a_damaged_set_of_digits_is_refused_or_is_the_set(tmp_path, small, name, changes, packed):
    for each in tmp_path.iterdir():
        each.unlink()
    small_mnist.write_folder(tmp_path, gzipped=[name])
    path = tmp_path / f"{mnist.WHOLE[name].idx}.gz"
    content = small_mnist.idx(small()[name])
    if packed:
        path.write_bytes(changed(gzip.compress(content, compresslevel=1), changes))
    else:
        path.write_bytes(gzip.compress(changed(content, changes), compresslevel=1))
    found = outcome(load_mnist, {"path": tmp_path}, ERRORS, says=[tmp_path.name])
    if found is not None:
        train, test = found
        read_again = {"x_train": train.images, "y_train": train.labels, "x_test": test.images, "y_test": test.labels}
        assert all(np.array_equal(array, read_again[key]) for key, array in small().items())


@cache
def picture(mode, kind):
    """A picture of a digit as a file's bytes; None if there are none of that mode and format."""
    image = Image.fromarray(load_digits().images[1])
    file = io.BytesIO()
    try:
        image.convert(mode).save(file, kind)
    except (OSError, ValueError, KeyError):
        return None
    return file.getvalue()


@fuzz
@given(
    kind=st.sampled_from([(mode, kind) for mode in MODES for kind in FORMATS if picture(mode, kind)]), changes=changes
)
def test_a_damaged_picture_is_refused_or_read(tmp_path, kind, changes):
    path = tmp_path / "digit.png"
    path.write_bytes(changed(picture(*kind), changes))
    found = read(read_digit, path)
    assert found is None or (found.shape == (28, 28) and found.dtype == np.uint8)
