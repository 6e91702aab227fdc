"""Networks of layers: the gradient of a whole network, planted mistakes in one layer, and the file of a model."""

import contextlib
import io
import json
import pickle
import zipfile
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scratchcnn import softmax_cross_entropy
from scratchcnn.gradcheck import Verdict, assert_gradient, check_gradient
from scratchcnn.network.layers import (
    AvgPool2d,
    Conv2d,
    Dense,
    Flatten,
    Layer,
    LeakyRelu,
    MaxPool2d,
    Pad2d,
    Relu,
    Sigmoid,
    Standardize,
    Tanh,
)
from scratchcnn.network.network import Model, Network
from tests.network.cases import names, networks, same

SMALL = Network((Conv2d(1, 2, 3, padding=1), MaxPool2d(2), Relu(), Flatten(), Dense(8, 3)))


def error(network, labels, *arguments):
    return softmax_cross_entropy(network.forward(*arguments), labels)


# The gradient of a whole network


@settings(max_examples=15)
@given(networks())
def test_the_gradient_of_any_network(drawn):
    network, x, parameters, _ = drawn
    assert_gradient(network.forward, network.backward, x, *parameters, names=names(network), max_entries=12)


@settings(max_examples=15)
@given(networks())
def test_the_gradient_that_training_follows(drawn):
    network, x, parameters, labels = drawn

    def backward(grad_output, *parameters):
        _, gradients = network.error_and_gradients(x, labels, *parameters)
        return tuple(grad_output * gradient for gradient in gradients)

    forward = partial(error, network, labels, x)
    assert_gradient(forward, backward, *parameters, names=names(network)[1:], max_entries=12)
    assert network.error_and_gradients(x, labels, *parameters)[0] == forward(*parameters)


@given(networks())
def test_forward_is_layer_after_layer(drawn):
    network, x, parameters, _ = drawn
    rest = list(parameters)
    values = x
    for layer in network.layers:
        values = layer.forward(values, *(rest.pop(0) for _ in layer.shapes))
    assert np.array_equal(network.forward(x, *parameters), values)
    assert rest == []


def test_every_layer_is_drawn():
    drawn = set()

    @settings(max_examples=200, database=None, derandomize=True)
    @given(networks())
    def draw(drawn_network):
        drawn.update(type(layer).__name__ for layer in drawn_network[0].layers)

    draw()
    images = {"Conv2d", "MaxPool2d", "AvgPool2d", "Pad2d", "Flatten"}
    assert drawn == images | {"Relu", "Tanh", "Sigmoid", "LeakyRelu", "Dense"}


# Planted mistakes

DEEP = Network(
    (
        Pad2d(1),
        Conv2d(1, 2, 3),
        Tanh(),
        AvgPool2d(2, stride=1),
        Standardize(),
        Sigmoid(),
        Conv2d(2, 2, 2),
        MaxPool2d(2),
        LeakyRelu(),
        Relu(),
        Flatten(),
        Dense(8, 3),
    )
)


def of_deep():
    rng = np.random.default_rng(0)
    return rng.normal(size=(2, 1, 6, 6)), *(rng.normal(size=shape) for shape in DEEP.shapes)


def test_the_deep_one_is_right():
    assert_gradient(DEEP.forward, DEEP.backward, *of_deep(), names=names(DEEP), max_entries=4)


@pytest.mark.parametrize("name", sorted({type(layer).__name__ for layer in DEEP.layers}))
def test_a_mistake_in_a_layer_is_found(monkeypatch, name):
    """The largest entry of the layer's gradient is off by a thousandth, and ∂E/∂x with it."""
    right = Layer.named[name].derivative

    def wrong(*arguments, **options):
        gradient, *others = right(*arguments, **options)
        gradient = gradient.copy()
        gradient[np.unravel_index(abs(gradient).argmax(), gradient.shape)] *= 1.001
        return gradient, *others

    monkeypatch.setattr(Layer.named[name], "derivative", staticmethod(wrong))
    report = check_gradient(DEEP.forward, DEEP.backward, *of_deep(), wrt=[0], max_entries=4)
    assert report.verdict is Verdict.WRONG


@pytest.mark.parametrize("layer", [Conv2d(1, 2, 3), Dense(4, 2)], ids=["Conv2d", "Dense"])
@pytest.mark.parametrize("which", [0, 1])
def test_a_mistake_in_the_gradient_of_parameters_is_found(monkeypatch, layer, which):
    network = Network((layer,) if isinstance(layer, Dense) else (layer, Flatten()))
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, 4) if isinstance(layer, Dense) else (3, 1, 4, 4))
    right = type(layer).backward_parameters

    def wrong(self, *arguments):
        gradients = list(right(self, *arguments))
        gradients[which] = gradients[which] * 1.001
        return tuple(gradients)

    def backward(grad_output, *parameters):
        return tuple(grad_output * g for g in network.error_and_gradients(x, labels, *parameters)[1])

    labels = np.array([0, 1, 1])
    parameters = [rng.normal(size=shape) for shape in network.shapes]
    assert check_gradient(partial(error, network, labels, x), backward, *parameters)
    monkeypatch.setattr(type(layer), "backward_parameters", wrong)
    report = check_gradient(partial(error, network, labels, x), backward, *parameters)
    assert [i.verdict for i in report.inputs] == [Verdict.WRONG if k == which else Verdict.RIGHT for k in range(2)]


def test_the_first_layer_is_not_asked_for_the_gradient_of_x(monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("∂E/∂x is not needed")

    first, *others = SMALL.layers
    monkeypatch.setattr(Conv2d, "derivative", staticmethod(fail))
    parameters = SMALL.draw(np.random.default_rng(0))
    images, labels = np.ones((2, 1, 4, 4), np.float32), np.array([0, 2])
    SMALL.error_and_gradients(images, labels, *parameters)
    # Layers without parameters below it are not asked either: the convolution is the first layer that learns.
    Network((Relu(), Pad2d(0), first, *others)).error_and_gradients(images, labels, *parameters)


def test_parameters_that_are_missing_are_named():
    with pytest.raises(ValueError, match="the network has 4 parameters, got 3"):
        SMALL.forward(np.ones((1, 1, 4, 4)), *SMALL.draw(np.random.default_rng(0))[:3])


# The file


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


def test_an_option_that_is_no_data_is_named(tmp_path):
    network = Network((Conv2d(1, 2, 3, padding={1}),))
    with pytest.raises(TypeError, match=r"an option of a layer cannot be saved: \{1\}"):
        Model(network, network.draw(np.random.default_rng(0))).save(tmp_path / "model.npz")


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
    "wrong option": archive(layers='[{"layer": "Conv2d", "channels": 1, "filters": 2, "window": "3"}]'),
}


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
