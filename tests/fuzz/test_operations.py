"""Every operation, its derivative and its parts, called with whatever people pass."""

import inspect
from decimal import Decimal
from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn import gradient_descent, max_pool2d, max_pool2d_backward
from scratchcnn.catalogue import CATALOGUE, PUBLIC
from tests.fuzz.calls import outcome
from tests.fuzz.values import changed

MOST_ENTRIES = 10_000  # of a result that is looked at


def rows(operation):
    """The calls of an operation's functions that are right, as its samples have them: (function's name, arguments)."""
    names = list(inspect.signature(operation.forward).parameters)
    for sample in operation.samples(np.random.default_rng(0)):
        if all(a.size <= 150 for a in sample.inputs):
            arguments = dict(zip(names, sample.inputs, strict=False)) | sample.options
            output = operation.forward(**arguments)
            yield operation.name, arguments
            grad_output = np.random.default_rng(1).normal(size=output.shape)
            yield f"{operation.name}_backward", {"grad_output": grad_output, **arguments}
            yield from parts(operation, grad_output, arguments)


def parts(operation, grad_output, arguments):
    options = {name: value for name, value in arguments.items() if name in ("stride", "padding")}
    for name in operation.functions.keys() - {operation.name, f"{operation.name}_backward"}:
        x, filters = arguments["x"], arguments["filters"]
        own = (
            {"filters": filters, "image": x.shape[2:]}
            if name.endswith("input")
            else {"x": x, "window": filters.shape[2:]}
        )
        yield name, {"grad_output": grad_output, **own, **options}


STEP = {"parameter": np.arange(6.0).reshape(2, 3), "gradient": np.ones((2, 3)), "rate": 0.5}
RIGHT = [(gradient_descent.__name__, STEP), *(call for operation in CATALOGUE for call in rows(operation))]


CALLS = {
    name: st.sampled_from([each for other, each in RIGHT if other == name]).flatmap(changed) for name in sorted(PUBLIC)
}


def test_every_function_is_fuzzed():
    assert {name for name, _ in RIGHT} == set(PUBLIC)


def plain(value):
    """An argument as a new array of the same numbers, and of the same dtype but in the machine's byte order."""
    if not isinstance(value, np.ndarray):
        return value
    array = np.asarray(value)
    return np.array(array, array.dtype.newbyteorder("="), order="C")


def coarsest(values):
    """The roundoff of the lowest precision among the arguments."""
    dtypes = [value.dtype for value in values if isinstance(value, np.ndarray) and value.dtype.kind in "fc"]
    return max((float(np.finfo(dtype).eps) for dtype in dtypes), default=0.0)


def compare(result, expected, eps):
    """Compare results up to roundoff: a wrong answer, such as one of a mask or a byte order, is off by far more."""
    small = np.sqrt(max(eps, np.finfo(float).eps))
    for one, other in zip(*(r if isinstance(r, tuple) else (r,) for r in (result, expected)), strict=True):
        assert (one is None) == (other is None)
        if one is None or np.size(one) > MOST_ENTRIES:
            continue
        one, other = np.asarray(one), np.asarray(other)
        assert one.shape == other.shape
        assert one.dtype.newbyteorder("=") == other.dtype.newbyteorder("=")
        if one.dtype.kind == "O":
            assert all(map(partial(are_close, small), one.ravel(), other.ravel()))
            continue
        size = max(np.abs(other[np.isfinite(other)]).max(initial=0), 1)  # the numbers of the samples are about 1
        np.testing.assert_allclose(one, other, rtol=small, atol=small * float(size))


def are_close(small, one, other):
    """Whether two numbers of a ring are the same, up to roundoff if they are floats."""
    if isinstance(one, float | complex | np.inexact) and np.isfinite(other):
        return abs(one - other) <= small * max(abs(other), 1)
    return repr(one) == repr(other)


@pytest.mark.parametrize("name", sorted(PUBLIC))
@given(data=st.data())
def test_an_operation_gives_the_right_answer_or_a_clear_error(name, data):
    arguments = data.draw(CALLS[name])
    result = outcome(PUBLIC[name], arguments, says=["window", "inputs"])
    if result is None:
        return
    with np.errstate(all="ignore"):
        expected = PUBLIC[name](**{key: plain(value) for key, value in arguments.items()})
        compare(result, expected, coarsest(arguments.values()))
    if name.endswith("_backward"):
        inputs = [each for key, each in arguments.items() if key != "grad_output"]
        assert all(one is None or one.shape == np.shape(each) for one, each in zip(result, inputs, strict=False))


def test_the_time_does_not_grow_with_the_value_of_a_window():
    """Its pixels beside the image, a quarter of a billion, are not looked at."""
    x = np.arange(6.0).reshape(1, 1, 2, 3)
    assert max_pool2d(x, (2**28, 1), padding="same")[..., 0, :].tolist() == [[[3, 4, 5]]]
    (grad_x,) = max_pool2d_backward(np.ones((1, 1, 1, 3)), x, (2**28, 1), padding="same")
    assert grad_x.tolist() == [[[[0, 0, 0], [1, 1, 1]]]]


@pytest.mark.parametrize("name", ["sigmoid_backward", "tanh_backward"])
def test_a_single_decimal_has_a_derivative(name):
    (found,) = PUBLIC[name](Decimal(1), Decimal("1.5"))
    (expected,) = PUBLIC[name](1.0, 1.5)
    assert float(found) == pytest.approx(float(expected))
