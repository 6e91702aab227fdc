"""Mistakes in code that rounds to float32 or float16: they are named in a copy that does not."""

from functools import partial

import numpy as np
import pytest
from numpy import float32

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_layer
from tests.gradcheck.diagnosis.claims import drawn

X = drawn(5, 4).astype(np.float32)
W = drawn(4, 3, seed=1).astype(np.float32)
DTYPE = np.dtype("float32")
HALF = np.float32(0.5)
SCALES = np.array([0.1, 2.0, 0.7, 1.3], np.float32)


def by_attribute(a):
    return a.astype(np.float32)


def by_imported_name(a):
    return np.asarray(a, float32)


def by_string(a):
    return a.astype("float32")


def by_short_string(a):
    return np.array([row.astype("f4") for row in a])


def by_dtype_of_the_module(a):
    return a.astype(DTYPE)


def by_default(a, dtype=np.float32):
    return np.array(a, dtype=dtype)


def into_a_buffer(a):
    made = np.zeros(a.shape, dtype=np.float32)
    made += a
    return made


def in_half_precision(a):
    return a.astype(np.float16)


def causes(forward, backward, *inputs, **options):
    return [d.message for d in check_gradient(forward, backward, *inputs, **options).diagnoses]


ROUNDING = [
    by_attribute,
    by_imported_name,
    by_string,
    by_short_string,
    by_dtype_of_the_module,
    by_default,
    into_a_buffer,
    in_half_precision,
    partial(by_default, dtype="float32"),
]


@pytest.mark.parametrize("inputs", [(X,), (X.astype(np.float64),)], ids=lambda inputs: str(inputs[0].dtype))
@pytest.mark.parametrize("rounded", ROUNDING, ids=lambda f: getattr(f, "__name__", "by_an_option"))
def test_a_mistake_is_named_however_the_code_rounds(rounded, inputs):
    def forward(x):
        return np.tanh(rounded(x))

    def backward(g, x):
        t = np.tanh(rounded(x))
        return rounded(g * (1 - t))

    found = causes(forward, backward, *inputs, allow=("dtype",))
    said = "the true one without the factor 1 + tanh(x) (in float64, at 20 of 20 entries, and at a second point)"
    assert said in found


def test_what_is_kept_in_a_low_precision_is_a_constant_of_the_copy():
    def forward(x):
        return (HALF * SCALES * np.sin(x)).astype(np.float32)

    def backward(g, x):
        return (HALF * SCALES * g * np.sin(x)).astype(np.float32)

    assert causes(forward, backward, X)[0].startswith("right with cos in place of sin: `np.sin(x)`")


class Dense:
    def __init__(self, dtype="float32"):
        self.dtype = dtype
        self.W = W.astype(dtype)

    def forward(self, x):
        self.x = x.astype(self.dtype)
        return np.maximum(self.x @ self.W, np.float32(0))

    def backward(self, d):
        self.dW = (self.x.T @ d).astype(self.dtype)
        return ((d * (self.x @ self.W > 0)) @ self.W.T).astype(self.dtype)


def test_a_layer_that_names_its_dtype():
    found = causes(*from_layer(Dense(), X))
    assert found[0].startswith("right with `d * ((self.x @ self.W) > 0)` in place of `d`: `self.x.T @ d`")
    assert "(in float64, at 12 of 12 entries" in found[0]


def test_rounding_itself_is_still_named():
    def backward(g, x):
        return (g * np.cos(x)).astype(np.float32).astype(np.float64)

    found = causes(np.sin, backward, X.astype(np.float64))
    assert found == ["the true one rounded to float32 (at 20 of 20 entries, and at a second point)"]


def test_code_that_rounds_nothing_is_searched_as_it_is():
    found = causes(np.sin, lambda g, x: g * np.sin(x), X)
    assert found
    assert not any("in float64" in message for message in found)


def test_a_copy_that_answers_something_else_tells_nothing():
    def scale(x):
        return 1.0 if np.asarray(x, np.float32).dtype.itemsize == 4 else 3.0

    def forward(x):
        return scale(x) * np.sin(x)

    def backward(g, x):
        return -scale(x) * g * np.cos(x)

    found = causes(forward, backward, X)
    assert [message.partition(" (")[0] for message in found] == ["minus the true one"]
    assert "in float64" not in found[0]


def test_what_is_pasted_shows_the_mistake_of_code_that_rounds():
    def forward(x, w):
        return np.maximum(x @ w, 0).astype(np.float32)

    def backward(g, x, w):
        return ((g * (x @ w > 0)) @ w.T).astype(np.float32), (x.T @ g).astype(np.float32)

    report = check_gradient(forward, backward, X, W)
    assert "x = rng.normal(size=(5, 4)).astype(np.float32)" in str(report)
