"""The numerical side's bounds, held to derivatives known to fifty digits."""

import mpmath as mp
import numpy as np
import pytest

from scratchcnn.gradcheck import numerical_gradient
from tests.gradcheck.functions import KNOWN, Known

ENTRIES = 32
DRAWS = 4


def measured(known: Known, seed: int):
    """Per entry of one draw: the distance from the truth by the bound, the relative bound, and the status."""
    rng = np.random.default_rng(seed)
    x = known.draw(rng, ENTRIES)
    cotangent = rng.uniform(0.5, 2, ENTRIES) * rng.choice([-1, 1], ENTRIES)
    with np.errstate(all="ignore"):
        found = numerical_gradient(known.forward, [x], 0, cotangent)
    truth = [known.derivative(mp.mpf(float(v))) * mp.mpf(float(c)) for v, c in zip(x, cotangent, strict=True)]
    outside = np.array(
        [abs(mp.mpf(float(v)) - t) > mp.mpf(float(b)) for v, b, t in zip(found.value, found.bound, truth, strict=True)]
    )
    size = np.array([float(abs(t)) for t in truth])
    relative = np.divide(found.bound, size, out=np.zeros(ENTRIES), where=size > 0)
    return outside, relative, found.status


@pytest.mark.parametrize("known", [k for k in KNOWN if k.kind == "smooth"], ids=lambda k: k.name)
def test_bounds_of_smooth_functions_hold_and_are_tight(known):
    draws = [measured(known, seed) for seed in range(DRAWS)]
    assert not np.concatenate([d[0] for d in draws]).any()
    assert np.median(np.concatenate([d[1] for d in draws])) <= 1e-10
    assert (np.concatenate([d[2] for d in draws]) == "ok").all()


@pytest.mark.parametrize("known", [k for k in KNOWN if k.kind == "broken"], ids=lambda k: k.name)
def test_bounds_beside_kinks_and_jumps_hold(known):
    for seed in range(DRAWS):
        outside, _, status = measured(known, seed)
        assert not (outside & (status == "ok")).any()


def test_the_interval_at_a_kink_spans_the_one_sided_derivatives():
    found = numerical_gradient(lambda x: np.maximum(x, 0), [[0.0, 1.0]], 0, [2.0, 2.0])
    assert list(found.status) == ["kink", "ok"]
    assert found.method[0] == "one-sided"
    np.testing.assert_array_less(found.value[0] - found.bound[0], 1e-12)
    np.testing.assert_array_less(2 - 1e-12, found.value[0] + found.bound[0])


def test_a_point_on_a_jump_is_undecided():
    found = numerical_gradient(np.floor, [[1.0, 1.5]], 0, [1.0, 1.0])
    assert list(found.status) == ["jump", "ok"]


def test_a_value_that_is_not_finite_is_undecided():
    with np.errstate(all="ignore"):
        found = numerical_gradient(np.log, [[0.0]], 0, [1.0])
    assert list(found.status) == ["not finite"]


def test_arrays_come_back_in_the_input_s_shape():
    found = numerical_gradient(lambda x, w: x @ w, [np.ones((2, 3)), np.ones((3, 4))], 1, np.ones((2, 4)))
    assert {a.shape for a in (found.value, found.bound, found.status, found.method)} == {(3, 4)}
    np.testing.assert_array_less(np.abs(found.value - 2), found.bound)


def test_misuse_is_named():
    with pytest.raises(ValueError, match=r"output's shape \(2,\), got \(3,\)"):
        numerical_gradient(np.sin, [[1.0, 2.0]], 0, [1.0, 1.0, 1.0])
    with pytest.raises(TypeError, match="int64"):
        numerical_gradient(np.sin, [[1, 2]], 0, [1.0, 1.0])
    with pytest.raises(ValueError, match="index"):
        numerical_gradient(np.sin, [[1.0]], 1, [1.0])


def test_the_complex_step_sees_through_an_offset():
    x = np.random.default_rng(4).standard_normal(8)
    found = numerical_gradient(lambda x: 1e8 + np.sin(x), [x], 0, np.ones(8))
    assert set(found.method) == {"complex step"}
    assert (np.abs(found.value - np.cos(x)) <= found.bound).all()
    assert (found.bound < 1e-12).all()


@pytest.mark.parametrize(
    "forward",
    [
        lambda x: 1e8 + np.abs(x),  # real
        lambda x: 1e8 + np.sin(np.conj(x)),  # minus the derivative
        lambda x: 1e8 + np.sin(x.astype(np.float64)),  # drops the imaginary part
    ],
    ids=["abs", "conj", "float64"],
)
def test_the_complex_step_is_dropped_where_it_is_broken(forward):
    x = np.random.default_rng(4).standard_normal(8)
    found = numerical_gradient(forward, [x], 0, np.ones(8))
    assert "complex step" not in set(found.method)
