"""TensorFlow's functions and Keras's layers, as NumPy arrays in and out."""

import inspect

import keras
import numpy as np
import pytest
import tensorflow as tf
from tensorflow.python.framework.config import is_op_determinism_enabled

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.adapters import from_tensorflow
from scratchcnn.gradcheck.adapters.frameworks import as_numpy
from scratchcnn.gradcheck.adapters.tensorflow import _in_dtype
from tests.gradcheck.adapters.checks import checked
from tests.gradcheck.adapters.layers.row import draw

X, W = draw(4, 3), draw(3, 2)


@tf.custom_gradient
def softplus(x):
    e = tf.exp(x)
    return tf.math.log1p(e), lambda upstream: upstream * (1 - 1 / (1 + e))


@tf.custom_gradient
def product(x, w):
    """The gradient of w has the wrong sign."""
    return x @ w, lambda upstream: (upstream @ tf.transpose(w), -tf.transpose(x) @ upstream)


KEPT = {}


@tf.custom_gradient
def kept(x):
    KEPT["x"] = x
    return tf.sin(x), lambda upstream: upstream * tf.cos(KEPT["x"])


@pytest.mark.parametrize(
    ("function", "inputs", "wrong"),
    [
        (softplus, (X,), set()),
        (tf.function(softplus), (X,), set()),
        (product, (X, W), {"w"}),
        (kept, (X,), {"stale"}),
        (lambda x, k: tf.gather(x, k), (X, np.array([0, 2, 0])), set()),
        (lambda x, w: tf.stop_gradient(x) @ w, (X, W), {"x"}),
    ],
)
def test_what_is_wrong_is_found_and_what_is_right_is_not_accused(function, inputs, wrong):
    report = checked(*from_tensorflow(function), *inputs)
    found = {r.name for r in report.inputs if r.verdict is Verdict.WRONG} | {v.kind for v in report.violations}
    assert found == wrong, report
    assert report.ok is not bool(wrong), report


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_layer_is_checked_with_its_weights_in_the_dtype_of_its_input_and_stays_as_it_was(dtype):
    layer = keras.layers.BatchNormalization()
    layer(X)
    before = [v.numpy() for v in layer.variables]
    forward, backward, *arrays = from_tensorflow(layer, X.astype(dtype), training=True)
    assert [a.dtype for a in arrays] == [dtype] * 3
    assert forward(*arrays).dtype == dtype
    report = checked(forward, backward, *arrays)
    assert [r.name for r in report.inputs] == ["inputs", "gamma", "beta"]
    assert report.ok, report
    assert all(np.array_equal(a, b.numpy()) for a, b in zip(before, layer.variables, strict=True))


def model_with_a_dropout():
    return keras.Sequential([keras.layers.Dense(3, activation="tanh"), keras.layers.Dropout(0.4)])


def test_a_model_with_a_dropout():
    report = checked(*from_tensorflow(model_with_a_dropout(), X, training=True))
    assert report.ok, report


def test_a_dropout_drops_other_entries_in_another_precision_which_is_not_asked():
    forward, _, *arrays = from_tensorflow(model_with_a_dropout(), X.astype(np.float32), training=True)
    forward(*arrays)
    with pytest.raises(TypeError, match=r"^the layer draws: in float64 other numbers than in float32$"):
        forward(*(a.astype(np.float64) for a in arrays))


class Sine(keras.layers.Layer):
    """It says nothing of how it is made, and its gradient lacks the inner derivative."""

    def __init__(self, thing):
        super().__init__()
        self.thing = thing

    def build(self, shape):
        self.w = self.add_weight(shape=(shape[-1], 2), name="w")

    def call(self, x):
        @tf.custom_gradient
        def sine(z):
            return tf.sin(z), lambda upstream: upstream

        return sine(x @ self.w)


def test_a_layer_without_a_configuration_is_checked_in_its_own_dtype():
    forward, backward, *arrays = from_tensorflow(Sine(object()), X)
    assert [a.dtype for a in arrays] == [np.float32, np.float32]
    report = checked(forward, backward, *arrays)
    assert [r.verdict for r in report.inputs] == [Verdict.WRONG] * 2, report
    with pytest.raises(TypeError, match=r"^Sine computes in float32 only, got float64$"):
        forward(*(a.astype(np.float64) for a in arrays))


def test_the_configuration_of_a_twin_has_its_dtype_at_every_depth():
    def config(dtype):
        policy = {"class_name": "DTypePolicy", "config": {"name": dtype}}
        return {"dtype": dtype, "units": 3, "cell": {"config": {"dtype": policy}}, "layers": [{"dtype": dtype}, ("a",)]}

    assert _in_dtype(config("float32"), "float64") == config("float64")
    assert _in_dtype({"dtype": None}, "float64") == {"dtype": None}


class Scaled(keras.layers.Layer):
    def call(self, x, training=False):
        return (2 if training else 3) * x


@pytest.mark.parametrize(("training", "factor"), [(None, 3), (False, 3), (True, 2)])
def test_a_layer_is_told_whether_it_trains(training, factor):
    forward, _, x = from_tensorflow(Scaled(), X, training=training)
    assert np.array_equal(forward(x), factor * X)


def product_of_two():
    one, other = keras.Input((3,), name="a"), keras.Input((3,), name="b")
    return keras.Model({"a": one, "b": other}, keras.layers.Dense(2)(one * other))


@pytest.mark.parametrize(
    ("layer", "given", "names"),
    [
        (keras.layers.Multiply(), [X, X.astype(np.float32)], ["inputs[0]", "inputs[1]"]),
        (keras.layers.Concatenate(), [X.astype(np.float32), X[:, :2]], ["inputs[0]", "inputs[1]"]),
        (product_of_two(), {"a": X, "b": X[::-1]}, ["inputs['a']", "inputs['b']", "kernel", "bias"]),
    ],
)
def test_a_layer_that_takes_several_arrays_at_once(layer, given, names):
    forward, backward, *arrays = from_tensorflow(layer, given)
    assert forward(*arrays).dtype == np.float64
    report = checked(forward, backward, *arrays)
    assert [r.name for r in report.inputs] == names
    assert report.ok, report


class Product(keras.layers.Layer):
    def call(self, both):
        return both[0] * both[1]


@pytest.mark.parametrize("dtypes", [("float32", "float64"), ("float64", "float32"), ("float64", "float64")])
def test_the_arrays_of_a_layer_are_computed_with_in_their_common_dtype(dtypes):
    given = [a.astype(dtype) for a, dtype in zip((X, X[::-1]), dtypes, strict=True)]
    forward, backward, *arrays = from_tensorflow(Product(), given)
    assert np.array_equal(forward(*arrays), given[0].astype(np.float64) * given[1])
    assert [g.dtype for g in backward(X, *arrays)] == list(dtypes)


class Chosen(Sine):
    """Rows of an array, by their numbers."""

    def build(self, shapes):
        super().build(shapes["of"])

    def call(self, some):
        return super().call(tf.gather(some["of"], some["rows"]))


def test_the_arrays_of_a_layer_without_a_configuration_are_given_in_its_own_dtype():
    _, _, *arrays = from_tensorflow(Chosen(object()), {"rows": np.array([2, 0]), "of": X})
    assert [a.dtype for a in arrays] == [np.int64, np.float32, np.float32]


def test_the_numbers_of_python_are_options_of_a_function():
    forward, _, x = from_tensorflow(lambda factor, x, shift: factor * x + shift, 3, X, 0.5)
    assert x is X
    assert list(inspect.signature(forward).parameters) == ["x"]
    assert np.array_equal(forward(X), 3 * X + 0.5)


def test_seed_and_flags_are_put_back():
    tf.random.set_seed(3)
    expected = tf.random.uniform((2,))
    tf.random.set_seed(3)
    forward, backward = from_tensorflow(lambda x: x * tf.random.uniform(x.shape, dtype=x.dtype))
    output = forward(X)
    assert not is_op_determinism_enabled()
    assert np.array_equal(backward(np.ones_like(X), X)[0] * X, output)
    assert np.array_equal(tf.random.uniform((2,)), expected)


def test_functions_have_names_and_parameters_for_the_inputs():
    def cube(x, w):
        return x**3 * w

    dense = keras.layers.Dense(2)
    two = keras.Sequential([keras.layers.Dense(2, name=name, use_bias=False) for name in "ab"], name="two")
    for made, name, parameters in (
        (from_tensorflow(cube, X, X), "cube", ["x", "w"]),
        (from_tensorflow(cube), "cube", ["x", "w"]),
        (from_tensorflow(tf.function(cube), X, X), "cube", ["x", "w"]),
        (from_tensorflow(dense, X), "Dense", ["inputs", "kernel", "bias"]),
        (from_tensorflow(two, X), "Sequential", ["inputs", "two/a/kernel", "two/b/kernel"]),
    ):
        forward, backward, *_ = made
        assert (forward.__qualname__, backward.__qualname__) == (name, f"vjp of {name}")
        assert list(inspect.signature(forward).parameters) == parameters
        assert list(inspect.signature(backward).parameters) == ["grad_output", *parameters]
        assert forward.computed_by == "TensorFlow"


def test_several_outputs_are_asked_about_with_the_call():
    def two(x):
        return x, x**2

    forward, *_ = from_tensorflow(two, X)
    with pytest.raises(TypeError, match=r"as in from_tensorflow\(two, output=0\)$"):
        forward(X)


def test_a_layer_is_made_a_graph_of_once_for_each_dtype():
    calls = []

    class Noted(keras.layers.Layer):
        def call(self, inputs):
            calls.append(inputs.dtype)
            return 2 * inputs

    forward, _, x = from_tensorflow(Noted(), X.astype(np.float32))
    forward(x)
    calls.clear()
    assert np.array_equal(forward(x), 2 * x)
    assert calls == []


def test_one_of_several_outputs():
    assert checked(*from_tensorflow(lambda x: (tf.sin(x), tf.argmax(x, 1)), tf.constant(X), output=0)).ok


def test_what_the_framework_has_no_numbers_for_is_not_rounded_silently():
    forward, _ = from_tensorflow(tf.sin)
    with pytest.raises(TypeError, match=r"^tensorflow has no arrays of object$"):
        forward(X.astype(object))


@pytest.mark.parametrize("function", [lambda z: tf.abs(z) ** 2, lambda z: z**2, tf.exp])
def test_complex_numbers_are_their_two_parts(function):
    z = draw(4, 2) @ [1, 1j]
    assert check_gradient(*from_tensorflow(function, z)).verdict is Verdict.RIGHT
    assert check_gradient(*from_tensorflow(function), z).verdict is Verdict.RIGHT


def test_a_layer_needs_inputs_and_the_backend_tensorflow(monkeypatch):
    layer = keras.layers.Dense(2)
    with pytest.raises(
        TypeError, match=r"needs the inputs of a layer, for its weights to follow them: from_tensorflow.Dense, x.$"
    ):
        from_tensorflow(layer)
    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(TypeError, match="takes Keras layers on the backend tensorflow, this one is torch's"):
        from_tensorflow(layer, X)


def test_a_tensor_is_an_array():
    assert as_numpy(tf.constant([1.0, 2.0])).tolist() == [1.0, 2.0]
