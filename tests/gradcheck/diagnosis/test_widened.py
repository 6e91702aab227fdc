"""Mistakes in code that rounds to float32 or float16: they are named in a copy that does not."""

import sys
from functools import partial
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest
from numpy import float32

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_layer
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.diagnosis.widened import ROUNDINGS, _change, widened
from scratchcnn.gradcheck.setting import Setting
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


def by_default_within(a):
    def rounded(b, dtype="float32"):
        return b.astype(dtype)

    return rounded(a)


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
    by_default_within,
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


def copy_of(forward, backward, *inputs):
    """The check in a copy that does not round; None where there is none."""
    cotangent = drawn(5, 4, seed=2).astype(np.float32)
    observed = SimpleNamespace(gradients=[])
    return widened(Setting(prepare(forward, backward, inputs), cotangent, observed, None, None))


def times(g, x):
    return g * np.cos(x)


def rounding(a):
    return np.sin(a).astype(np.float32)


def rounding_backward(g, x):
    return rounding(g) * np.cos(x)


@pytest.mark.parametrize(("forward", "backward"), [(rounding, times), (np.sin, rounding_backward)])
def test_what_the_roundings_of_a_gradient_change_is_known(forward, backward):
    (share,) = copy_of(forward, backward, X).roundings
    assert (0 < share < np.finfo(np.float32).eps) == (backward is rounding_backward)
    assert copy_of(np.sin, times, X) is None


def installed(monkeypatch, name, function):
    """A function as if it came from an installed package of this name."""
    package = ModuleType(name)
    package.__file__ = str(Path(pytest.__file__).parents[1] / f"{name}.py")
    monkeypatch.setitem(sys.modules, name, package)
    exec(f"import numpy as np\n\ndef function{function}", vars(package))
    return package.function


def test_the_code_of_an_installed_package_is_copied_too(monkeypatch):
    forward = installed(monkeypatch, "one_package", "(x):\n    return np.sin(x).astype(np.float32)")
    backward = installed(monkeypatch, "another_package", "(g, x):\n    return (g * np.cos(x)).astype(np.float32)")
    assert copy_of(forward, times, X).roundings == (0,)
    assert copy_of(np.sin, backward, X).roundings > (0,)


def in_single_precision(a):
    if a.dtype.itemsize > 4:
        raise ValueError("single precision only")
    return rounding(a)


@pytest.mark.parametrize(
    ("forward", "backward"),
    [
        (in_single_precision, times),
        (rounding, lambda g, x: in_single_precision(g) * np.cos(x)),
        (rounding, lambda g, x: g * np.cos(in_single_precision(x))),
    ],
)
def test_code_that_does_not_run_in_float64_has_no_copy(forward, backward):
    assert copy_of(rounding, times, X) is not None
    assert copy_of(forward, backward, X) is None


def test_code_that_computes_something_else_in_float64_has_no_copy():
    def scale(by):
        return 1.0 + by * (np.asarray(X, np.float32).dtype.itemsize == 4)

    for by, there in ((ROUNDINGS / 2, True), (ROUNDINGS * 2, False)):
        assert (copy_of(lambda x, by=by: scale(by) * np.sin(x), times, X) is not None) == there


@pytest.mark.parametrize(
    ("own", "wide", "share"),
    [
        (None, None, 0),
        (None, np.nan, np.inf),
        (np.nan, None, np.inf),
        ([], [], 0),
        ([0.0, 0.0], [0.0, 0.0], 0),
        ([0.0, 1.0], [0.0, 0.0], np.inf),
        ([2.0, -4.0], [2.0, -5.0], 0.2),
        ([2e-3], [1e-3], 1),
        ([True, False], [True, True], 1),
        ([4.0], [4.0 + 3j], 0.6),
        ([4.0], [[4.0]], np.inf),
        ([1.0, np.nan], [2.0, np.nan], 0.5),
        ([1.0, np.nan], [np.nan, 1.0], np.inf),
        ([np.inf, 1.0], [np.inf, 1.5], 0),
        (np.float32(2), 4.0, 0.5),
    ],
)
def test_a_change_is_a_share_of_the_largest_entry(own, wide, share):
    found = _change(own if own is None else np.array(own), wide if wide is None else np.array(wide))
    assert found == pytest.approx(share, rel=1e-15, abs=0)
