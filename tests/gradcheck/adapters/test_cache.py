"""Functions that hand a cache on: in whatever order of arguments and nesting of gradients."""

import inspect
from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_cache
from tests.gradcheck.adapters.layers.row import draw

X, W, B = draw(5, 4), draw(4, 3), draw(3)


def affine(x, w, b):
    return x @ w + b, (x, w)


def gradients(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)


def mixed(cache, dout):
    dx, dw, db = gradients(dout, cache)
    return db, dw, dx


@pytest.mark.parametrize(
    "backward",
    [
        gradients,
        lambda cache, dout: gradients(dout, cache),
        lambda saved, upstream: gradients(upstream, saved),
        lambda dout, *cache: gradients(dout, cache),
        lambda w, cache, dout: gradients(dout, cache),
        lambda dout, cache: list(gradients(dout, cache)),
        lambda dout, cache: (gradients(dout, cache)[0], list(gradients(dout, cache)[1:])),
        lambda dout, cache: dict(zip(("dx", "dw", "db"), gradients(dout, cache), strict=True)),
        lambda dout, cache: dict(zip(("x_grad", "grad_w", "d_b"), gradients(dout, cache), strict=True)),
        lambda dout, cache: dict(zip(("dinput", "dweights", "dbias"), gradients(dout, cache), strict=True)),
        lambda dout, cache: (gradients(dout, cache)[0], dict(zip("bw", gradients(dout, cache)[:0:-1], strict=True))),
        mixed,  # the shapes fit in one order only
    ],
)
def test_arguments_and_gradients_are_sorted(backward):
    report = check_gradient(*from_cache(affine, backward), X, W, B)
    assert [r.name for r in report.inputs] == ["x", "w", "b"]
    assert report.ok, report


def test_what_cannot_be_sorted_is_named():
    def backward(a, b):  # either could be the cotangent
        return gradients(b, a)[1::-1]

    def square(x, w):
        return x @ w, (x, w)

    pair = from_cache(square, backward, order=("cache", "grad_output"), returns=("w", "x"))
    assert check_gradient(*pair, draw(4, 4), draw(4, 4).T).ok


def test_the_parts_of_a_cache_one_by_one():
    pair = from_cache(affine, lambda dout, x, w: gradients(dout, (x, w)), order=("grad_output", "*cache"))
    assert check_gradient(*pair, X, W, B).ok


def test_all_after_the_first_is_the_cache():
    def forward(x, w, b):
        return x @ w + b, x, w

    assert check_gradient(*from_cache(forward, gradients, cache=slice(1, None)), X, W, B).ok


def test_options_are_bound_on_both_functions():
    def forward(x, scale):
        return scale * x, None

    def backward(dout, cache, scale):
        return scale * dout

    assert check_gradient(*from_cache(partial(forward, scale=3), partial(backward, scale=3)), X).ok
    assert not check_gradient(*from_cache(partial(forward, scale=3), partial(backward, scale=2)), X).ok


def test_one_of_several_outputs_has_a_cotangent_and_the_others_zeros():
    def forward(x):
        return (np.sin(x), x**2), x

    def backward(dsin, dsquare, cache):
        return dsin * np.cos(cache) + 2 * cache * dsquare

    for output in (0, 1):
        assert check_gradient(*from_cache(forward, backward, output=output), X).ok


def test_trees_are_given_back_as_arrays():
    def forward(params, inputs):
        return affine(inputs[0], params["w"], params["b"])

    def backward(dout, cache):
        dx, dw, db = gradients(dout, cache)
        return {"w": dw, "b": db}, [dx]

    forward, backward, *arrays = from_cache(forward, backward, {"b": B, "w": W}, [X])
    report = check_gradient(forward, backward, *arrays)
    assert [r.name for r in report.inputs] == ["params['b']", "params['w']", "inputs[0]"]
    assert report.ok, report


def test_integers_have_no_gradient():
    def forward(table, index):
        return table[index], (table, index)

    def backward(dout, cache):
        gradient = np.zeros_like(cache[0])
        np.add.at(gradient, cache[1], dout)
        return gradient

    assert check_gradient(*from_cache(forward, backward), X, np.array([0, 3, 0])).ok


def test_a_cache_in_a_buffer_that_all_calls_share_is_stale():
    buffer = np.empty_like(X)

    def forward(x):
        buffer[...] = np.cos(x)
        return np.sin(x), buffer

    report = check_gradient(*from_cache(forward, lambda dout, cache: dout * cache), X, proof=False)
    assert [v.kind for v in report.violations] == ["stale"]


@pytest.mark.usefixtures("drawing_from_the_shared_generator")
def test_what_is_drawn_is_the_same_at_each_call():
    def forward(x):
        mask = np.random.rand(*x.shape) < 0.5  # noqa: NPY002
        return x * mask, mask

    def another_mask(dout, cache):
        return dout * (np.random.rand(*dout.shape) < 0.5)  # noqa: NPY002

    assert check_gradient(*from_cache(forward, lambda dout, cache: dout * cache), X).ok
    for report in (
        check_gradient(*from_cache(forward, lambda dout, cache: dout * cache, seed=None), X),
        check_gradient(*from_cache(forward, another_mask), X),
    ):
        assert [v.kind for v in report.violations] == ["nondeterministic"]
        assert "undecided: chance at" in " ".join(str(report).split())


def test_an_input_whose_gradient_is_not_returned_is_not_checked():
    pair = from_cache(lambda x, w: (x * w, w), lambda dout, w: dout * w, X, X + 1, returns=("x",))
    report = check_gradient(*pair)
    assert (report.ok, [r.name for r in report.inputs]) == (True, ["x"])


GAIN = np.array([2.0, -1.0, 0.5])


@pytest.mark.parametrize(
    "backward",
    [
        lambda dout, inputs: (dout * inputs[1], (dout * inputs[0]).sum(axis=0)),
        lambda error, x: (error * x[1], (error * x[0]).sum(axis=0)),
        lambda a, b: (a * b[1], (a * b[0]).sum(axis=0)),
        lambda y, x: (y * x[1], (y * x[0]).sum(axis=0)),
        lambda g, c: (g * c[1], (g * c[0]).sum(axis=0)),
        lambda cache, g: (g * cache[1], (g * cache[0]).sum(axis=0)),
        lambda saved_inputs, dout: (dout * saved_inputs[1], (dout * saved_inputs[0]).sum(axis=0)),
    ],
)
def test_of_two_arguments_the_cotangent_is_the_first_unless_the_names_say_otherwise(backward):
    x = np.random.default_rng(0).normal(size=(4, 3))
    assert check_gradient(*from_cache(lambda x, gamma: (x * gamma, (x, gamma)), backward, x, GAIN)).ok


def test_the_functions_have_the_names_of_the_caller_s_and_parameters_for_the_inputs():
    forward, backward, *_ = from_cache(affine, gradients, X, W, B)
    assert (forward.__name__, backward.__name__) == ("affine", "gradients")
    assert list(inspect.signature(forward).parameters) == ["x", "w", "b"]
    assert list(inspect.signature(backward).parameters) == ["grad_output", "x", "w", "b"]


def test_the_call_is_shown_with_the_options_that_were_given():
    def wrong(cache, dout):
        return gradients(2 * dout, cache)

    options = {"order": ("cache", "grad_output"), "mean": ("x",), "seed": 3}
    made = from_cache(affine, wrong, X, W, B, **options)[0].made
    assert (made.adapter, made.options) == ("from_cache", options)
    assert made.given == {"forward": affine, "backward": wrong}


def test_a_mean_along_another_axis_is_known():
    def by_columns(x, w):
        return x * w, (x, w)

    def mean_of_columns(dout, cache):
        return dout * cache[1] / 4, dout * cache[0]

    x, w = draw(5, 4), draw(5, 4)
    assert check_gradient(*from_cache(by_columns, mean_of_columns, x, w, mean="x", batch_axis=1)).ok
    assert not check_gradient(*from_cache(by_columns, mean_of_columns, x, w, mean="x")).ok


def test_one_of_two_outputs_is_checked_beside_the_cache():
    def two(x):
        return x**2, x**3, x

    assert check_gradient(*from_cache(two, lambda dout, cache: 3 * dout * cache**2, X, output=1)).ok
    forward, *_ = from_cache(two, gradients, X)
    with pytest.raises(TypeError) as raised:
        forward(X)
    assert str(raised.value) == (
        "forward returns a tuple of 2: name the output to check, as in from_cache(two, gradients, output=0)"
    )


def test_a_backward_pass_that_cannot_be_told_is_said_with_the_call():
    with pytest.raises(TypeError, match=r"from_cache\(affine, <lambda>, order="):
        from_cache(affine, lambda dout, first, second: 0, X, W, B)


def test_without_a_cache_no_adapter_is_needed():
    forward, *_ = from_cache(lambda x: x, gradients, X)
    with pytest.raises(TypeError) as raised:
        forward(X)
    assert str(raised.value) == (
        "forward must return (output, cache), got ndarray: functions without a cache need no adapter:"
        " check_gradient(forward, backward, *inputs)"
    )


def test_a_mean_is_of_an_input():
    with pytest.raises(ValueError, match=r"^mean names 'q', which is none of \['x', 'w', 'b'\]$"):
        from_cache(affine, gradients, X, W, B, mean="q")
