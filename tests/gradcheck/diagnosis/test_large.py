"""Mistakes in layers as large as people have them: each has the name that it has in a small one."""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.diagnosis.edits.sizes import MOST_NUMBERS, of_bounded_size
from scratchcnn.gradcheck.diagnosis.sets import sets


def gated(x, w):
    s = x[:, 0] * w
    return np.tanh(s) + x[:, 0]


def gated_backward(g, x, w):
    s = x[:, 0] * w
    t = np.tanh(s)
    dw = g * (1 - t) * x[:, 0]
    return (g * (1 - t**2) * w + g)[:, None], dw


def gated_in_bytes(x, w):
    """No record of it can be made, and the derivative by each entry takes too many calls."""
    s = np.frombuffer(x.tobytes(), x.dtype).reshape(x.shape)[:, 0] * w
    return np.tanh(s) + x[:, 0]


def cubic(x):
    return np.frombuffer((x + 0.5 * x**3).tobytes(), x.dtype)


def cubic_backward(g, x):
    return g * (1 + 0.5 * x**2)


def cross_entropy(z, t):
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return -(t * np.log(p)).sum(1).mean()


def cross_entropy_backward(g, z, t):
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    return g * (p - t)


def solved(c, a):
    """x with x exp(a x) = c, by steps of Newton's method."""
    x = 0.5 * np.ones_like(c)
    for _ in range(20):
        f = x * np.exp(a * x) - c
        x = x - f / (np.exp(a * x) * (1 + a * x))
    return x


def solved_backward(g, c, a):
    x = solved(c, a)
    e = np.exp(a * x)
    fx = e
    return g / fx, -g * x**2 * e / fx


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def cause(forward, backward, *inputs, **options):
    return check_gradient(forward, backward, *inputs, **options).diagnoses[0].message


@pytest.mark.parametrize("forward", [gated, gated_in_bytes])
def test_an_entry_that_is_lost_in_roundoff_hides_no_cause(forward, rng):
    """At some of the entries t² is 1 but for its last digits."""
    x, w = rng.normal(size=(400, 1)), 4 * rng.normal(size=400)
    assert cause(forward, gated_backward, x, w).startswith("right with `t ** 2` in place of `t`: `1 - t` (test_large")


def test_a_constant_is_found_along_a_direction(rng):
    message = cause(cubic, cubic_backward, rng.normal(size=400))
    assert message.startswith("right with `3 * (x**2)` in place of `x**2`: `0.5 * x**2` (test_large.py")


def test_a_long_record_of_forward_leaves_calls_for_the_search(rng):
    z, t = rng.normal(size=(128, 10)), np.eye(10)[rng.integers(10, size=128)]
    assert cause(cross_entropy, cross_entropy_backward, z, t, wrt=["z"]).startswith(
        "128 times the true one (128 is the length"
    )


def test_a_change_in_a_loop_takes_no_more_memory_with_each_round(rng):
    c, a = rng.uniform(0.5, 1.5, 5), rng.uniform(0.5, 1, 5)
    assert not check_gradient(solved, solved_backward, c, a)


def test_what_stands_for_a_value_makes_no_large_array_with_it():
    row, many = np.ones(3), np.ones(int(MOST_NUMBERS**0.5) + 1)
    assert of_bounded_size(row, row[:, None], 1).shape == (3, 1)
    with pytest.raises(ValueError, match="3 axes in place of 1"):
        of_bounded_size(row, row[:, None, None], 1)
    with pytest.raises(ValueError, match="an array of shape"):
        of_bounded_size(many, many[:, None], 1)
    columns = of_bounded_size(np.negative, lambda v: -v[:, None], 0)
    assert columns(row).shape == (3, 1)
    with pytest.raises(ValueError, match="an array of shape"):
        columns(many)
    assert of_bounded_size(many[:, None] * row, (many[:, None] * row).T, 2).shape == (3, len(many))


def test_of_many_places_some_near_both_ends_are_looked_at_by_themselves():
    single = [said for said, *_ in sets((2000,)) if said.startswith("everywhere but")]
    assert len(single) == 8
    assert {"everywhere but at index 0 of axis 0", "everywhere but at index 1999 of axis 0"} <= set(single)
    assert len([said for said, *_ in sets((20,)) if said.startswith("everywhere but")]) == 20


LUMA = np.array([0.3, 0.6, 0.1])


def toned(image):
    y = image @ LUMA
    return image * (np.sqrt(y) / (1 + y))[..., None]


def toned_backward(g, image):
    y = image @ LUMA
    return g * (np.sqrt(y) / (1 + y))[..., None]


def test_a_path_that_is_forgotten_is_named_where_no_record_can_be_made():
    image = np.random.default_rng(0).uniform(0.1, 1, size=(50, 60, 3))
    (first, *_) = check_gradient(toned, toned_backward, image).diagnoses
    assert first.kind == "missing-term"
    assert first.message.startswith("the true one with `image` in `image @ LUMA` (test_large.py:")
    assert ") taken for a constant (along a random direction through all 9000 entries" in first.message
