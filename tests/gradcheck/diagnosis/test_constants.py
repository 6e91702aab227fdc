"""Constants in forward's code: what they are for, and gradients of a forward that has another one."""

import inspect

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_cache
from scratchcnn.gradcheck.diagnosis.constants.places import limits, others, places
from scratchcnn.gradcheck.diagnosis.constants.roles import AXIS, INDEX, LIMIT, NUMBER, role
from scratchcnn.gradcheck.diagnosis.constants.variant import variant

TABLE = np.array([0.5, 1.5, 2.5])
RATE = 0.25


def drawn(*shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape)


def various(x):
    """A constant of each role."""
    shifted = np.maximum(x[1:], 0.125) * 3
    return shifted.sum(axis=1) + np.where(shifted > 0.75, 1.5, shifted).mean(0)


def with_default(x, rate=0.5):
    return rate * x**2


def enclosed(rate):
    return lambda x: np.exp(rate * x)


def test_what_a_constant_is_for_is_read_from_the_source():
    found = [(p.value, role(p.owner, p.key)) for p in places(various)]
    expected = {(0.125, LIMIT), (3, NUMBER), (1, AXIS), (0.75, LIMIT), (1.5, NUMBER), (0, AXIS)}
    assert all(each in found for each in expected)
    assert (1, INDEX) in found or (slice(1, None), INDEX) in found  # the latter since Python 3.14


def test_constants_are_found_in_defaults_closures_and_globals():
    assert [p.value for p in places(with_default)] == [0.5, 2]
    assert 0.375 in [p.value for p in places(enclosed(0.375))]
    assert any(p.value is TABLE for p in places(lambda x: x * TABLE))
    assert RATE in [p.value for p in places(lambda x: x * RATE)]


def cached(x):
    return 3 * x**2, x


def test_the_constants_of_an_adapter_are_none_of_forward():
    forward, _ = from_cache(cached, lambda grad, x: grad * x)
    assert {p.value for p in places(forward)} == {3, 2}


def test_a_variant_has_another_constant_and_leaves_the_function_alone():
    (place,) = (p for p in places(various) if p.value == 3)
    _, other = variant(various, place, 6)
    x = np.abs(drawn(3, 2)) / 9
    assert not np.array_equal(other(x), various(x))
    assert 6 not in various.__code__.co_consts
    assert inspect.unwrap(various)(x).shape == (2,)


def test_a_limit_that_is_infinite_limits_nothing():
    (place,) = (p for p in places(various) if p.value == 0.125)
    assert [each.value for each in limits(place)] == [-np.inf, np.inf]
    assert not list(limits(next(p for p in places(various) if p.value == 3)))


def test_the_kind_says_what_the_constant_is_for():
    kinds = {p.value: {o.kind for o in others(p)} for p in places(various) if p.value in (3, 1.5, 0.75)}
    assert kinds[3] == {"sign", "missing-term", "missing-factor", "constant-factor"}
    assert kinds[0.75] == {"operand"}
    axis = next(p for p in places(various) if role(p.owner, p.key) == AXIS)
    assert {o.kind for o in others(axis)} == {"broadcast"}


def centred(x):
    return np.tanh(x - x.mean(axis=1, keepdims=True))


def centred_backward(g, x, axis=0):
    d = g * (1 - np.tanh(x - x.mean(axis=axis, keepdims=True)) ** 2)
    return (d - d.mean(axis=axis, keepdims=True),)


CASES = {
    "axis": (centred, centred_backward, (drawn(4, 4),), "broadcast", "mean over axis 1 (keepdims=True)"),
    "table": (
        lambda x: np.tanh(x * TABLE),
        lambda g, x: ((1 - np.tanh(x * TABLE[::-1]) ** 2) * g * TABLE[::-1],),
        (drawn(4, 3),),
        "rotated",
        "in reverse along axis 0: `x * TABLE[::-1]`",
    ),
    "mask": (
        lambda x: np.maximum(x * x - 0.5, 0) * x,
        lambda g, x: (g * (3 * x * x - 0.5),),
        (drawn(3, 4),),
        "subset",
        "no limit in place of 0",
    ),
    "power": (
        lambda x: np.exp(-(x**2)),
        lambda g, x: (-3 * g * x**2 * np.exp(-(x**3)),),
        (drawn(4),),
        "constant-factor",
        "3 in place of 2",
    ),
}


@pytest.mark.parametrize(("forward", "backward", "inputs", "kind", "said"), CASES.values(), ids=CASES)
def test_another_constant_is_named_with_its_place(forward, backward, inputs, kind, said):
    report = check_gradient(forward, backward, *inputs)
    assert kind in [d.kind for d in report.diagnoses]
    assert said in " ".join(d.message for d in report.diagnoses)


def test_the_right_constant_is_not_diagnosed():
    assert check_gradient(centred, lambda g, x: centred_backward(g, x, axis=1), drawn(4, 4)).diagnoses == ()
