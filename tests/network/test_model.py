"""Models: a network with its parameters, and the file that keeps both."""

import contextlib
import io
import json
import pickle
import re
import zipfile
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn.network import model as models
from scratchcnn.network.layers import Conv2d, Dense, Flatten, Layer, LeakyRelu, MaxPool2d, Relu
from scratchcnn.network.model import Model
from scratchcnn.network.network import Network
from tests.network.cases import networks, same

SMALL = Network((Conv2d(1, 2, 3, padding=1), MaxPool2d(2), Relu(), Flatten(), Dense(8, 3)))


def small(seed=0):
    return Model(SMALL, SMALL.draw(np.random.default_rng(seed)))


@given(networks())
def test_a_model_comes_back_as_it_was(tmp_path_factory, drawn):
    network, x, parameters, _ = drawn
    path = tmp_path_factory.mktemp("model") / "model.npz"
    for dtype in (np.float32, np.float64):
        model = Model(network, tuple(p.astype(dtype) for p in parameters))
        model.save(path)
        loaded = Model.load(path)
        assert same(model, loaded)
        assert {p.dtype for p in loaded.parameters} == {np.dtype(dtype)}
        assert np.array_equal(model.logits(x), loaded.logits(x))


def test_arrays_beside_it_come_back(tmp_path):
    small().save(tmp_path / "model.npz", {"step": np.array(7)})
    model, beside = Model.load_with_beside(tmp_path / "model.npz")
    assert same(model, small())
    assert beside == {"step": 7}


def test_arrays_beside_it_have_names_of_their_own(tmp_path):
    with pytest.raises(ValueError, match="beside must have other names than the model's arrays, got layers"):
        small().save(tmp_path / "model.npz", {"layers": np.array(7)})
    assert not (tmp_path / "model.npz").exists()


def test_options_may_be_numbers_of_numpy(tmp_path):
    padding = np.array([[1, 0], [0, 1]])
    network = Network((Conv2d(1, np.int64(2), (np.int8(3), 2), padding=padding), LeakyRelu(alpha=np.float32(0.25))))
    Model(network, network.draw(np.random.default_rng(0))).save(tmp_path / "model.npz")
    loaded = Model.load(tmp_path / "model.npz").network
    assert loaded.layers == (Conv2d(1, 2, (3, 2), padding=((1, 0), (0, 1))), LeakyRelu(alpha=0.25))


def test_an_option_that_is_no_data_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(Layer, "named", dict(Layer.named))

    @dataclass(frozen=True)
    class Labelled(Layer):
        labels: set

        shapes = ((1,),)

    with pytest.raises(TypeError, match=r"an option of a layer cannot be saved: \{1\}"):
        Model(Network((Labelled({1}),)), (np.ones(1, np.float32),)).save(tmp_path / "model.npz")


@settings(max_examples=150)
@given(st.data())
def test_a_damaged_file_is_refused_or_harmless(tmp_path_factory, data):
    """One byte is changed, or the end is cut off; a checksum protects the numbers."""
    path = tmp_path_factory.mktemp("damaged") / "model.npz"
    small().save(path)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= data.draw(st.integers(1, 255))
    else:
        del content[place:]
    path.write_bytes(content)
    with contextlib.suppress(ValueError):
        assert same(Model.load(path), small())


def archive(**arrays):
    """Write the arrays of a model to an archive, some of them changed; None leaves one out."""
    layers = [{"layer": "Conv2d", "channels": 1, "filters": 2, "window": 3, "stride": 1, "padding": 1}]
    good = {"format": "scratchcnn network, version 1", "layers": json.dumps(layers)}
    good |= {"parameter_0": np.ones((2, 1, 3, 3), np.float32), "parameter_1": np.zeros(2, np.float32)}
    buffer = io.BytesIO()
    np.savez(buffer, **{name: array for name, array in (good | arrays).items() if array is not None})
    return buffer.getvalue()


def npy():
    buffer = io.BytesIO()
    np.save(buffer, np.ones(3))
    return buffer.getvalue()


def zip_of_text():
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("format", "scratchcnn network, version 1")
    return buffer.getvalue()


FOREIGN = {
    "text": b"hello",
    "empty": b"",
    "pickle": pickle.dumps([1, 2]),
    "npy": npy(),
    "zip of text": zip_of_text(),
    "other version": archive(format="scratchcnn network, version 2"),
    "no format": archive(format=None),
    "no layers": archive(layers=None),
    "no parameter": archive(parameter_1=None),
    "pickled parameter": archive(parameter_1=np.array([{}, {}])),
    "wrong shape": archive(parameter_0=np.ones((2, 1, 3, 4), np.float32)),
    "wrong dtype": archive(parameter_1=np.zeros(2, int)),
    "not finite": archive(parameter_1=np.array([0, np.nan])),
    "layers are no JSON": archive(layers="[{"),
    "layers are a number": archive(layers="3"),
    "nothing learnt": archive(layers='[{"layer": "Relu"}]'),
    "layer of another kind": archive(layers='[{"layer": "Magic"}]'),
    "unknown option": archive(layers='[{"layer": "Relu", "slope": 1}]'),
    "missing option": archive(layers='[{"layer": "Conv2d", "channels": 1, "filters": 2}]'),
    "layers are named": archive(layers='{"layer": "Relu"}'),
    "layer without a name": archive(layers='[{"alpha": 0.5}]'),
    "layer whose name is a list": archive(layers='[{"layer": ["Relu"]}]'),
    "other byte order": archive(parameter_1=np.zeros(2, ">f4")),
}


def with_option(name, value):
    """The layers of the good archive, with an option that is not there, or is another one."""
    layer = {"layer": "Conv2d", "channels": 1, "filters": 2, "window": 3, "stride": 1, "padding": 1} | {name: value}
    return json.dumps([layer])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("channels", -1, "channels must be at least 1, got -1"),
        ("channels", 1.0, "channels must be an integer, got 1.0"),
        ("channels", True, "channels must be an integer, got True"),
        ("filters", None, "filters must be an integer, got None"),
        ("filters", 10**22, "filters must be at most 2147483647, got 1"),
        ("window", "3", "window must be an integer or a pair, got '3'"),
        ("window", [3, 3, 3], "window must be an integer or a pair"),
        ("stride", 0, "stride must be at least 1, got 0"),
        ("stride", 1.5, "stride must be"),
        ("stride", None, "stride must be an integer or a pair, got None"),
        ("padding", "wide", 'padding must be "valid", "same" or numbers of pixels'),
        ("padding", -1, "padding must be at least 0, got -1"),
        ("padding", float("nan"), "NaN is no number of JSON"),
        ("colour", 3, "unexpected keyword argument 'colour'"),
    ],
    ids=lambda value: repr(value) if not isinstance(value, str) or len(value) < 9 else "",
)
def test_a_wrong_option_in_a_file_is_named(tmp_path, name, value, message):
    path = tmp_path / "model.npz"
    path.write_bytes(archive(layers=with_option(name, value)))
    with pytest.raises(ValueError, match=re.escape(message)) as refusal:
        Model.load(path)
    assert str(refusal.value).startswith(f"{path} is not a model that scratchcnn has saved: ")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 9 + "]" * 9, "its text is nested 9 deep; 8 are allowed"),
        ('{"a":' * 100_000, "its text is nested 100000 deep"),
        (" " * 2**20 + "[]", "its text has 1,048,578 characters; 1,048,576 are allowed"),
        (["[]", "[]"], r"a text belongs where it has shape \(2,\), dtype <U2"),
        (3.0, r"a text belongs where it has shape \(\), dtype float64"),
        ("[Infinity]", "Infinity is no number of JSON"),
        ("[1" + "0" * 5000 + "]", "Exceeds the limit"),
    ],
    ids=["deep", "far too deep", "long", "two", "number", "infinity", "digits"],
)
def test_a_text_that_is_no_small_json_is_refused(text, message):
    with pytest.raises(ValueError, match=message):
        models.read_json(np.array(text))


def test_layers_are_a_list(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(archive(layers="{}"))
    with pytest.raises(ValueError, match="its layers must be a list, got dict"):
        Model.load(path)


def test_brackets_in_a_text_do_not_nest():
    assert models.read_json(np.array(json.dumps(["[" * 100, '\\"[' * 100]))) == ["[" * 100, '\\"[' * 100]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Model("network", ()), "network must be a Network, got 'network'"),
        (
            lambda: Model(small().network, [[1.0]]),
            r"the arrays of the kind parameter must be in a tuple, got \[\[1.0\]\]",
        ),
        (lambda: Model.load(3), "path must be a str or a Path, got 3"),
        (lambda: Network([Relu()]), r"layers must be a tuple of layers, got \[Relu\(\)\]"),
        (lambda: Network((Relu,)), "layers must be a tuple of layers, got "),
    ],
)
def test_what_is_of_another_type_is_named(make, message):
    with pytest.raises(TypeError, match=message):
        make()


def test_parameters_that_do_not_fit_are_named():
    parameters = SMALL.draw(np.random.default_rng(0))
    with pytest.raises(ValueError, match="the network has 4 parameters, got 3"):
        Model(SMALL, parameters[:3])
    with pytest.raises(ValueError, match=r"parameter_1 must have the shape \(2,\), got shape \(3,\)"):
        Model(SMALL, (parameters[0], np.zeros(3), *parameters[2:]))
    with pytest.raises(ValueError, match="none of its layers has parameters"):
        Model(Network((Relu(),)), ())


@pytest.mark.parametrize("bias", [np.full(3, np.inf), np.zeros(3, int), np.zeros(3, ">f4")], ids=str)
def test_what_could_not_be_loaded_is_not_saved(tmp_path, bias):
    path = tmp_path / "model.npz"
    small().save(path)
    with pytest.raises(ValueError, match="parameter_3 must hold finite numbers, float32 or float64"):
        Model(SMALL, (*small().parameters[:3], bias)).save(path)
    assert same(Model.load(path), small())


def test_a_model_that_is_too_large_to_be_loaded_is_not_saved(tmp_path, monkeypatch):
    monkeypatch.setattr(models, "MOST_BYTES", 1000)
    with pytest.raises(ValueError, match=r"the model is too large for a file: .* bytes, 1,000 are allowed"):
        small().save(tmp_path / "model.npz")
    assert list(tmp_path.iterdir()) == []


def test_weights_that_overflow_give_no_answer():
    network = Network((Dense(100, 2),))
    large = Model(network, (np.full((100, 2), 3e38, np.float32), np.zeros(2, np.float32)))
    assert np.isfinite(large.logits(np.full((1, 100), 1e-3))).all()
    for x in (1.0, np.nan):
        with pytest.raises(ValueError, match="the output of the network is not finite: its parameters, or its input"):
            large.logits(np.full((1, 100), x))


def test_the_archive_that_the_others_are_made_of_is_good(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(archive())
    assert Model.load(path).network.layers == (Conv2d(1, 2, 3, padding=1),)


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_a_foreign_file_is_refused_by_name(tmp_path, content):
    path = tmp_path / "model.npz"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=str(path)):
        Model.load(path)


def test_a_pickle_is_never_opened(tmp_path):
    path = tmp_path / "model.npz"
    path.write_bytes(archive(parameter_1=np.array([Trap(), Trap()])))
    with pytest.raises(ValueError, match="Object arrays cannot be loaded when allow_pickle=False"):
        Model.load(path)


class Trap:
    """An object that runs code when it is unpickled."""

    def __reduce__(self):
        return pytest.fail, ("a pickle was opened",)


def test_a_full_disk_leaves_the_old_file(monkeypatch, tmp_path):
    path = tmp_path / "model.npz"
    small(0).save(path)

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        small(1).save(path)
    assert same(Model.load(path), small(0))
    assert list(tmp_path.iterdir()) == [path]
