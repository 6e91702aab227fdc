"""Trees of arrays as inputs and outputs: named by their paths, whatever backward returns of them."""

import re
from collections import namedtuple
from dataclasses import dataclass, replace
from functools import partial
from typing import ClassVar

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import CallerError, Verdict, assert_gradient, check_gradient, prove_gradient
from scratchcnn.gradcheck.leaves import aligned, inputs_of, outputs_of, prepared
from scratchcnn.gradcheck.trees import flatten
from tests.gradcheck.kernels import KERNELS, alone_in
from tests.gradcheck.kernels import dense as small_dense
from tests.gradcheck.kernels import dense_backward as small_dense_backward

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
        "wrong is WRONG as the gradient of dense: the gradient of params['w'] is right\n  with no divisor `2`: "
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


def told(inputs, returned):
    """The gradients of the leaves of inputs, given by name, of what backward returned."""
    return inputs_of(None, list(inputs.values()), list(inputs)).gradients(returned)


class TestGradients:
    """Of what backward may return; gradients are letters here."""

    TREE: ClassVar = {"p": {"a": 1.0, "b": {"c": 1.0, "d": 1.0}}}

    @pytest.mark.parametrize(
        "returned",
        [
            {"b": {"d": "D", "c": "C"}, "a": "A"},
            ({"b": {"d": "D", "c": "C"}, "a": "A"},),
            [{"a": "A", "b": {"c": "C", "d": "D"}}],
            ("A", "C", "D"),
            ["A", "C", "D"],
        ],
    )
    def test_of_a_single_tree(self, returned):
        assert told(self.TREE, returned) == ("A", "C", "D")

    def test_of_a_single_pair(self):
        assert told({"p": (1.0, np.ones(2))}, ("A", np.zeros(2)))[0] == "A"
        assert told({"p": (1.0, np.ones(2))}, (("A", "B"),)) == ("A", "B")
        assert told({"p": [np.ones(1), np.ones(1)]}, [[3.0, 4.0]]) == (3, 4)
        assert told({"p": [np.ones(1), np.ones(1)]}, [3.0, 4.0]) == (3, 4)

    def test_of_trees_with_a_single_leaf(self):
        for returned in ({"a": "A"}, [{"a": "A"}]):
            assert told({"p": {"a": 1.0}}, returned) == ("A",)
        for returned in (("A", "X"), ({"a": "A"}, "X")):
            assert told({"p": {"a": 1.0}, "x": 1.0}, returned) == ("A", "X")

    def test_what_is_left_out_or_none_has_none(self):
        assert told(self.TREE, {"b": {"d": "D"}}) == (None, None, "D")
        assert told(self.TREE, (None,)) == (None, None, None)
        assert told(self.TREE | {"x": 1.0}, ({"a": "A", "b": None}, "X")) == ("A", None, None, "X")

    @pytest.mark.parametrize(
        ("returned", "message"),
        [
            (
                {"a": "A", "b": {"c": "C", "e": "E"}},
                r"^the gradient of p\['b'\] must have the keys \['c', 'd'\], got \['c'",
            ),
            ({"a": "A", "b": {}}, r"^the gradient of p\['b'\] must have the keys \['c', 'd'\], got \[\]$"),
            ({"a": "A", "b": np.ones(2)}, r"^the gradient of p\['b'\] must have the keys \['c', 'd'\], got \[\]$"),
            (("A", "C"), r"^backward must return a gradient for each of the 1 inputs \(p\), or .* 3 leaves; got 2$"),
        ],
    )
    def test_other_keys_are_refused(self, returned, message):
        with pytest.raises(TypeError, match=message):
            told(self.TREE, returned)

    def test_but_for_those_that_the_caller_must_give(self):
        structure = flatten(self.TREE["p"])[1]
        assert list(aligned({"a": "A"}, structure, "p", lenient=True)) == ["A", None, None]
        for short in ({"a": "A"}, {"a": "A", "b": {"c": "C"}}):
            with pytest.raises(TypeError, match="must have the keys"):
                list(aligned(short, structure, "p"))

    @pytest.mark.parametrize(("conjugated", "sign"), [(True, -1), (False, 1)])
    def test_of_complex_numbers_in_either_convention(self, conjugated, sign):
        structure = flatten({"a": {"z": Z}})[1]
        real, imaginary = aligned({"a": {"z": 3 + 4j}}, structure, "p", conjugated)
        assert (real, imaginary) == (3, 4 * sign)
        assert list(aligned({"a": {"z": 3 + 4j}}, structure, "p")) == [3, 4]


class TestOutputs:
    TREE: ClassVar = {
        "a": np.ones((2, 3)),
        "n": np.arange(2),
        "b": np.ones(4, np.float32),
        "c": {"d": np.ones((1, 2))},
    }

    def test_are_put_in_a_row_and_their_cotangents_taken_out_of_it(self):
        outputs = outputs_of(self.TREE, None)
        row = outputs.joined({"a": np.arange(6.0).reshape(2, 3), "n": 9, "b": np.arange(6, 10), "c": {"d": [[10, 11]]}})
        assert row.tolist() == list(range(12))
        split = outputs.split(row)
        assert split["a"].tolist() == [[0, 1, 2], [3, 4, 5]]
        assert split["n"] is None
        assert split["b"].tolist() == [6, 7, 8, 9]
        assert split["c"]["d"].tolist() == [[10, 11]]
        assert outputs.parts == (("output['a']", 6), ("output['b']", 4), ("output['c']['d']", 2))

    @pytest.mark.parametrize("asked", ["b", ["b"], "['b']"])
    def test_one_alone_is_as_it_is_and_the_others_have_zeros(self, asked):
        outputs = outputs_of(self.TREE, asked)
        assert outputs.joined(self.TREE).shape == (4,)
        split = outputs.split(np.full(4, 7.0))
        assert split["b"].tolist() == [7] * 4
        assert (split["a"].tolist(), split["n"], split["c"]["d"].tolist()) == ([[0] * 3] * 2, None, [[0, 0]])
        assert outputs_of(self.TREE, ["a"]).split(np.ones((2, 3)))["b"].dtype == np.float32
        assert outputs.parts == ()

    def test_by_the_key_that_their_paths_begin_with(self):
        assert outputs_of(self.TREE, "c").which == (3,)
        assert outputs_of(self.TREE, ["c", "a"]).which == (0, 3)
        assert outputs_of(Pair(X, X), "b").which == (1,)

    def test_complex_ones_are_conjugated_in_the_other_convention(self):
        outputs = replace(outputs_of({"z": Z, "n": 3, "m": np.arange(2)}, None), conjugated=True)
        split = outputs.split(np.arange(8.0))
        assert split["z"].tolist() == [0 - 4j, 1 - 5j, 2 - 6j, 3 - 7j]
        assert replace(outputs, conjugated=False).split(np.arange(8.0))["z"][1] == 1 + 5j

    def test_none_of_floats_is_refused(self):
        message = r"^none of forward's outputs holds floats: \[0\] int64, \[1\] bool$"
        with pytest.raises(TypeError, match=message):
            outputs_of((np.arange(2), np.ones(2, bool)), None)


class TestNames:
    def names(self, *inputs, forward=dense, names=None):
        return [each.name for each in check_gradient(forward, dense_backward, *inputs, names=names).inputs]

    def test_of_the_inputs_or_of_all_leaves(self):
        assert self.names(X, PARAMS, names=["a", "p"]) == ["a", "p['w']", "p['b']"]
        assert self.names(X, PARAMS, names=("a", "w", "b")) == ["a", "w", "b"]

    def test_of_parameters_that_nobody_knows(self):
        assert inputs_of(max, [X, PARAMS], None).names == ("input 0", "input 1")
        assert inputs_of(lambda x, *rest: 0, [X, PARAMS, X], None).names == ("x", "input 1", "input 2")
        assert inputs_of(dense, [X, X], None) is None
        assert inputs_of(dense, [X, []], None) is None

    @pytest.mark.parametrize("names", ["xp", [1, 2], ["x", 2], 5])
    def test_that_are_no_strings_are_refused(self, names):
        with pytest.raises(
            TypeError, match=rf"^names must be strings, one for each input, got {re.escape(repr(names))}$"
        ):
            check_gradient(dense, dense_backward, X, PARAMS, names=names)

    def test_of_a_function_among_the_inputs(self):
        message = r"got function: an option is bound to the functions, by functools.partial or a lambda$"
        with pytest.raises(TypeError, match=message):
            check_gradient(lambda p: p["w"], lambda g, p: g, {"w": X, "act": lambda x: x})

    def test_of_those_that_are_checked_where_there_are_several_outputs(self):
        case, _ = prepared(polar, polar_backward, [[1.0], [2.0]], None, "y", None)
        assert case.wrt == (1,)
        assert case.parts == (("output[0]", 1), ("output[1]", 1))


class TestKernels:
    """Functions that take a small number format alone."""

    KERNEL = alone_in(ml_dtypes.bfloat16, small_dense), alone_in(ml_dtypes.bfloat16, small_dense_backward)
    INPUTS = KERNELS["dense"].inputs(ml_dtypes.bfloat16, 0)

    def test_alone(self):
        g = np.ones((8, 5), ml_dtypes.bfloat16)
        case, cotangent = prepared(*self.KERNEL, self.INPUTS, ["x", "w"], "w", g)
        assert [str(each) for each in (*case.formats, case.output_format)] == ["bfloat16"] * 3
        assert [a.dtype for a in (*case.inputs, cotangent)] == [np.float32] * 3
        assert (case.wrt, case.reference, case.alone) == ((1,), "", False)
        assert case.kernel is not None

    def test_beside_a_reference(self):
        case, cotangent = prepared(*self.KERNEL, self.INPUTS, None, None, None, reference=small_dense)
        assert [str(each) for each in (*case.formats, case.output_format)] == ["bfloat16"] * 3
        assert (case.reference, case.alone, cotangent) == ("dense", True, None)
        assert case.kernel is not None
        inputs = [a.astype(float) for a in self.INPUTS]
        assert np.array_equal(case.forward(*inputs), small_dense(*inputs))
        nameless = prepared(*self.KERNEL, self.INPUTS, None, None, None, reference=partial(small_dense))[0]
        assert nameless.reference == "dense"

    def test_that_takes_float64_too(self):
        case, _ = prepared(small_dense, small_dense_backward, self.INPUTS, None, None, None, reference=small_dense)
        assert (case.reference, case.alone) == ("dense", False)

    def test_with_inputs_and_outputs_of_numpy_s_own_dtypes(self):
        x = np.arange(3.0, dtype=np.float32)
        case, _ = prepared(np.sin, lambda g, x: (g * np.cos(x),), [x], None, None, None, reference=np.cos)
        assert [str(each) for each in (*case.formats, case.output_format)] == ["float32"] * 2
        assert (case.reference, case.alone) == ("cos", True)

    def test_with_an_output_in_a_small_format_alone(self):
        g = np.ones(3, ml_dtypes.bfloat16)
        forward = lambda x: np.sin(x).astype(ml_dtypes.bfloat16)  # noqa: E731
        case, cotangent = prepared(forward, lambda g, x: (g,), [np.ones(3, np.float32)], None, None, g)
        assert str(case.output_format) == "bfloat16"
        assert cotangent.dtype == np.float32

    @pytest.mark.parametrize(
        ("reference", "error", "message"),
        [
            (3, TypeError, r"^reference must be a function of the inputs, got int$"),
            (
                lambda x, w: (x @ w).T,
                ValueError,
                r"^reference must return what forward returns, of shape \(8, 5\); got \(5, 8\)$",
            ),
            (lambda x, w: 1 / 0, CallerError, r"^reference \(kernel\) raised ZeroDivisionError"),
        ],
    )
    def test_a_reference_that_cannot_be_one_is_refused(self, reference, error, message):
        with pytest.raises(error, match=message):
            prepared(*self.KERNEL, self.INPUTS, None, None, None, reference=reference)

    def test_the_reference_has_integers_as_they_are(self):
        x, rows = self.INPUTS[0], np.array([1, 0])
        kernel = lambda x, rows: x[rows]  # noqa: E731
        case, _ = prepared(kernel, lambda g, x, rows: (g, None), [x, rows], None, None, None, reference=kernel)
        assert case.output.shape == (2, 5)


def test_arrays_and_their_cotangent_are_taken_as_they_are():
    g = np.ones((2, 4))
    case, cotangent = prepared(lambda x, w: x @ w, lambda g, x, w: (g @ w.T, x.T @ g), [X, PARAMS["w"]], None, None, g)
    assert cotangent is g
    assert (case.formats, case.reference, case.kernel) == ((), "", None)


@pytest.mark.parametrize(
    ("forward", "kind"), [(lambda x: (x, x + 1), "tuple"), (lambda x: {"y": x, "z": x + 1}, "dict")]
)
@pytest.mark.parametrize("outputs", [None, 0])
def test_where_backward_raises_it_is_said_that_it_takes_all_cotangents_together(forward, kind, outputs):
    named = "y" if outputs == 0 and kind == "dict" else outputs
    with pytest.raises(CallerError) as raised:
        check_gradient(forward, lambda g, h, x: g + h, np.ones(2), outputs=named)
    assert str(raised.value).splitlines()[-1] == f"  its first argument is a {kind} of the cotangents of all outputs"
