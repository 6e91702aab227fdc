"""Trees of arrays as inputs and outputs: named by their paths, whatever backward returns of them."""

from collections import namedtuple
from dataclasses import dataclass
from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, assert_gradient, check_gradient, prove_gradient

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 3))
PARAMS = {"w": RNG.normal(size=(3, 4)), "b": RNG.normal(size=4)}


def dense(x, params):
    return x @ params["w"] + params["b"]


def dense_backward(g, x, params):
    return g @ params["w"].T, {"b": g.sum(axis=0), "w": x.T @ g}  # in another order


@dataclass
class Weights:
    w: np.ndarray
    b: np.ndarray


Pair = namedtuple("Pair", ["w", "b"])


def polar(x, y):
    """The length and the angle."""
    return np.hypot(x, y), np.arctan2(y, x)


def polar_backward(cotangents, x, y):
    g, h = cotangents
    r = np.hypot(x, y)
    return g * x / r - h * y / r**2, g * y / r + h * x / r**2


def test_the_leaves_of_a_dict_are_named_by_their_paths():
    report = check_gradient(dense, dense_backward, X, PARAMS)
    assert [(each.name, each.verdict) for each in report.inputs] == [
        ("x", Verdict.RIGHT),
        ("params['w']", Verdict.RIGHT),
        ("params['b']", Verdict.RIGHT),
    ]


def test_a_wrong_leaf_is_named():
    def wrong(g, x, params):
        grad_x, gradients = dense_backward(g, x, params)
        return grad_x, gradients | {"w": gradients["w"] / 2}

    report = check_gradient(dense, wrong, X, PARAMS)
    assert str(report).startswith(
        "wrong is WRONG as the gradient of dense: the gradient of params['w'] is 1/2\n  times the true one"
    )
    assert [each.verdict for each in report.inputs] == [Verdict.RIGHT, Verdict.WRONG, Verdict.RIGHT]


@pytest.mark.parametrize("kind", [Weights, Pair, lambda w, b: (w, b), lambda w, b: [w, b]])
def test_dataclasses_named_tuples_tuples_and_lists(kind):
    def forward(x, weights):
        w, b = (weights.w, weights.b) if hasattr(weights, "w") else weights
        return x @ w + b

    def backward(g, x, weights):
        w = weights.w if hasattr(weights, "w") else weights[0]
        return g @ w.T, kind(x.T @ g, g.sum(axis=0))

    assert_gradient(forward, backward, X, kind(PARAMS["w"], PARAMS["b"]))


def test_backward_may_return_the_leaves_in_a_row():
    def backward(g, x, params):
        return g @ params["w"].T, x.T @ g, g.sum(axis=0)

    assert_gradient(dense, backward, X, PARAMS)


def test_nested_trees_and_a_single_one():
    tree = {"layers": [{"w": RNG.normal(size=3)}, {"w": RNG.normal(size=3)}], "scale": np.array(2.0)}

    def forward(tree):
        first, second = (layer["w"] for layer in tree["layers"])
        return tree["scale"] * first * second

    def backward(g, tree):
        first, second = (layer["w"] for layer in tree["layers"])
        s = tree["scale"]
        return {"scale": (g * first * second).sum(), "layers": [{"w": g * s * second}, {"w": g * s * first}]}

    report = check_gradient(forward, backward, tree)
    assert report.ok
    assert [each.name for each in report.inputs] == [
        "tree['layers'][0]['w']",
        "tree['layers'][1]['w']",
        "tree['scale']",
    ]


def test_the_name_of_a_tree_stands_for_its_leaves():
    assert [each.name for each in check_gradient(dense, dense_backward, X, PARAMS, wrt="params").inputs] == [
        "params['w']",
        "params['b']",
    ]
    assert [each.name for each in check_gradient(dense, dense_backward, X, PARAMS, wrt=["params['b']"]).inputs] == [
        "params['b']"
    ]


def test_several_outputs_have_a_cotangent_each():
    x, y = RNG.uniform(1, 2, size=(2, 5))
    report = check_gradient(polar, polar_backward, x, y)
    assert report.ok
    assert [each.name for each in report.inputs] == ["x", "y"]
    assert "proved" in report.inputs[0].method
    assert not check_gradient(polar, lambda c, x, y: polar_backward((c[0], 0 * c[1]), x, y), x, y)


def test_outputs_that_are_named_alone_count():
    x, y = RNG.uniform(1, 2, size=(2, 5))

    def of_the_length(cotangents, x, y):
        assert not np.any(cotangents[1])
        return polar_backward((cotangents[0], 0), x, y)

    assert_gradient(polar, of_the_length, x, y, outputs=0)
    assert not check_gradient(polar, of_the_length, x, y, outputs=[0], grad_output=(np.ones(5), np.ones(5))).violations


def test_integer_outputs_have_no_cotangent():
    def largest(x):
        places = np.argsort(-x)[:2]
        return {"values": x[places], "places": places}

    def backward(cotangents, x):
        assert cotangents["places"] is None
        gradient = np.zeros_like(x)
        gradient[np.argsort(-x)[:2]] = cotangents["values"]
        return gradient

    report = check_gradient(largest, backward, RNG.normal(size=5))
    assert report.ok
    assert report.inputs[0].name == "x"


def test_options_bound_by_partial_stay_in_the_report():
    def forward(x, params, *, scale):
        return scale * dense(x, params)

    def backward(g, x, params, *, scale):
        return dense_backward(scale * g, x, params)

    report = check_gradient(partial(forward, scale=3.0), partial(backward, scale=2.0), X, PARAMS)
    assert report.verdict is Verdict.WRONG
    assert "options of forward: scale=3.0; of backward: scale=2.0" in report.sample


def test_a_tree_is_proved():
    assert prove_gradient(dense, dense_backward, X, PARAMS).verdict is Verdict.RIGHT


@pytest.mark.parametrize(
    ("backward", "options", "error", "message"),
    [
        (
            lambda g, x, p: (g, {"w": x, "c": x, "b": x}),
            {},
            TypeError,
            r"the gradient of params must have the keys \['w', 'b'\], got \['w', 'c', 'b'\]",
        ),
        (
            lambda g, x, p: (g, g, g, g),
            {},
            TypeError,
            r"for each of the 2 inputs \(x, params\), or for each of their 3 leaves",
        ),
        (dense_backward, {"outputs": 0}, ValueError, "forward returns one array; got 0"),
        (dense_backward, {"wrt": "weights"}, ValueError, "'weights', which is none of"),
    ],
)
def test_misuse_is_named(backward, options, error, message):
    with pytest.raises(error, match=message):
        check_gradient(dense, backward, X, PARAMS, **options)


def test_an_output_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match=r"outputs names 2, which is none of \[0\], \[1\]"):
        check_gradient(polar, polar_backward, [1.0], [2.0], outputs=2)


# Complex numbers

Z = RNG.normal(size=4) + 1j * RNG.normal(size=4)


def test_a_complex_input_is_two_real_ones():
    report = check_gradient(lambda z: z**2, lambda g, z: g * np.conj(2 * z), Z)
    assert [(each.name, each.verdict) for each in report.inputs] == [
        ("z.real", Verdict.RIGHT),
        ("z.imag", Verdict.RIGHT),
    ]
    assert_gradient(lambda z: z**2, lambda g, z: 2 * g * z, Z, convention="jax")
    assert_gradient(lambda z: np.abs(z) ** 2, lambda g, z: 2 * g * z, Z)
    assert_gradient(lambda z: np.abs(z) ** 2, lambda g, z: 2 * g * np.conj(z), Z, convention="jax")


@pytest.mark.parametrize(
    ("forward", "backward"),
    [(lambda z: z**2, lambda g, z: 2 * g * z), (lambda z: np.abs(z) ** 2, lambda g, z: 2 * g * np.conj(z))],
)
def test_a_conjugated_gradient_is_named(forward, backward):
    report = check_gradient(forward, backward, Z)
    assert report.verdict is Verdict.WRONG
    first = {d.input: d.kind for d in reversed(report.diagnoses)}
    assert {*first.values()} == {"conjugated"}
    assert "is conjugated: what it is in the other convention" in " ".join(str(report).split())


def test_fourier_transforms():
    w = RNG.normal(size=4) + 1j * RNG.normal(size=4)

    def filtered(z, w):
        return np.fft.ifft(np.fft.fft(z) * w)

    def backward(g, z, w):
        g = np.fft.fft(g)
        return np.fft.ifft(g * np.conj(w)), np.conj(np.fft.fft(z)) * g / len(z)

    assert_gradient(filtered, backward, Z, w)
    assert_gradient(lambda x: np.fft.rfft(x).real, rfft_backward, RNG.normal(size=6))


def rfft_backward(g, x):
    """Of the real part: cosines."""
    return g @ np.cos(2 * np.pi * np.outer(np.arange(len(g)), np.arange(len(x))) / len(x))


def test_an_unknown_convention_is_named():
    with pytest.raises(ValueError, match="convention must be one of 'torch', 'jax', got 'numpy'"):
        check_gradient(dense, dense_backward, X, PARAMS, convention="numpy")


# Functions in another form


class Layer:
    def forward(self, x):
        return x

    def backward(self, grad_output):
        return grad_output


@pytest.mark.parametrize(
    ("forward", "backward", "adapter"),
    [
        (lambda x: (x, x), lambda dout, cache: dout, "from_cache"),
        (lambda x: x, lambda ctx, g: g, "from_cache"),
        (Layer(), lambda g, x: g, "from_layer"),
        (Layer().forward, Layer(), "from_layer"),
    ],
)
def test_another_form_names_its_adapter(forward, backward, adapter):
    with pytest.raises(TypeError, match=rf"{adapter}; check_gradient\(\*{adapter}\("):
        check_gradient(forward, backward, [1.0, 2.0])


def test_a_layer_s_methods_name_its_adapter():
    layer = Layer()
    with pytest.raises(TypeError, match=r"from_layer; check_gradient\(\*from_layer\(layer, x\)\)"):
        check_gradient(layer.forward, layer.backward, [1.0, 2.0])


def test_a_key_that_is_left_out_is_no_gradient():
    report = check_gradient(dense, lambda g, x, p: (g @ p["w"].T, {"w": x.T @ g}), X, PARAMS)
    assert "backward gave None for \"params['b']\"" in report.violations[0].message
    table = {"w": np.ones(3), "which": np.arange(3)}
    assert check_gradient(lambda p: p["w"] ** 2, lambda g, p: {"w": 2 * g * p["w"]}, table).ok


def test_what_is_no_array_in_a_tree_is_named_by_its_path():
    with pytest.raises(TypeError, match=r"p\['mode'\] must be an array of numbers, got str: an option is bound"):
        check_gradient(lambda p: p["w"] ** 2, lambda g, p: g, {"w": np.ones(3), "mode": "train"})
