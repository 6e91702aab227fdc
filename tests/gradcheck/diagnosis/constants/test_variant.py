"""A copy of forward's code in which one constant is another one, wherever it stands."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.constants.places import places
from scratchcnn.gradcheck.diagnosis.constants.variant import variant

RATE, TABLE, NAMES = 0.25, np.array([0.5, 1.5, 2.5]), {"a": 3}


def by_default(x, rate=7.5, *, power=3):
    return rate * x**power


def by_global(x):
    return RATE * x


def by_array(x):
    return TABLE * x


def in_code(x):
    return 7.5 * x + 7.5


def enclosing(rate):
    def by_cell(x):
        return rate * x

    return by_cell


def through_a_helper(x):
    return by_default(x) + by_global(x)


ENCLOSED = enclosing(0.5)
CASES = {
    "default": (by_default, 7.5, 2.5, lambda x: 2.5 * x**3),
    "keyword": (by_default, 3, 2, lambda x: 7.5 * x**2),
    "global": (by_global, 0.25, 4.0, lambda x: 4 * x),
    "array": (by_array, TABLE, TABLE[::-1], lambda x: TABLE[::-1] * x),
    "cell": (ENCLOSED, 0.5, 2.0, lambda x: 2 * x),
    "helper's default": (through_a_helper, 7.5, 2.5, lambda x: 2.5 * x**3 + 0.25 * x),
    "helper's global": (through_a_helper, 0.25, 4.0, lambda x: 7.5 * x**3 + 4 * x),
}
X = np.array([1.0, 2.0, -3.0])


@pytest.mark.parametrize(("forward", "value", "other", "expected"), CASES.values(), ids=CASES)
def test_one_constant_is_another_one_in_the_copy_alone(forward, value, other, expected):
    before = forward(X)
    (place,) = (each for each in places(forward) if np.array_equal(each.value, value))
    _, copy = variant(forward, place, other)
    np.testing.assert_allclose(copy(X), expected(X))
    np.testing.assert_array_equal(forward(X), before)
    np.testing.assert_array_equal(variant(forward)[1](X), before)


def test_of_the_same_number_twice_one_is_another():
    one, two = (each for each in places(in_code) if each.value == 7.5)
    assert variant(in_code, one, 2.0)[1](1.0) == 2 + 7.5
    assert variant(in_code, two, 2.0)[1](1.0) == 7.5 + 2


def test_what_a_copy_is_made_of_is_known():
    world, copy = variant(through_a_helper)
    assert set(world.functions) == {through_a_helper, by_default, by_global}
    assert world.codes == [each.__code__ for each in world.functions]
    ((original, names),) = world.globals.values()
    assert original is globals()
    assert {"by_default", "by_global", "RATE"} <= names
    assert "missing" not in names
    assert copy is not through_a_helper
    world, copy = variant(by_array)
    assert [array is TABLE for array in world.arrays] == [True]
    assert copy.__globals__["TABLE"] is not TABLE


def test_what_an_array_of_the_copy_gets_is_not_seen_outside():
    def forward(x):
        TABLE[0] = 9
        NAMES["b"] = 1
        return TABLE * x

    np.testing.assert_array_equal(variant(forward)[1](np.ones(3)), [9, 1.5, 2.5])
    np.testing.assert_array_equal(TABLE, [0.5, 1.5, 2.5])
    assert NAMES == {"a": 3}


def test_an_array_has_one_copy():
    held = TABLE

    def forward(x):
        return held is TABLE

    assert variant(forward)[1](X)
