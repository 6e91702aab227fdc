"""The parts of a record are carried back, and on, layer by layer, to the same numbers as one by one."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.steps import layers
from scratchcnn.gradcheck.diagnosis.steps.layers import Layers
from scratchcnn.gradcheck.diagnosis.steps.tape import Part

# Two inputs; their sum; its product with the first input; the logarithm of the sum, which no output depends on.
PARTS = [
    [],
    [],
    [Part(0, 1.0, 0), Part(1, 1.0, 0)],
    [Part(2, 3.0, 1), Part(0, 5.0, 1)],
    [Part(2, np.inf, 2)],
    [Part(3, 2.0, 3), Part(2, 7.0, 3), Part(0, 11.0, 3)],
]


def carried(parts, adjoint):
    found = Layers(parts)
    found.carry(adjoint, lambda some, above: above * found.factor[some][:, None])
    return adjoint


@pytest.mark.parametrize("at_once", [1, 2, 500_000])
def test_adjoints_are_sums_over_all_ways(at_once, monkeypatch):
    monkeypatch.setattr(layers, "MOST_AT_ONCE", at_once)
    adjoint = np.zeros((len(PARTS), 2))
    adjoint[5] = [1.0, -1.0]
    by_the_sum = 2 * 3 + 7
    expected = [by_the_sum + 2 * 5 + 11, by_the_sum, by_the_sum, 2, 0, 1]
    np.testing.assert_array_equal(carried(PARTS, adjoint), np.array([expected, expected]).T * [1, -1])


@pytest.mark.parametrize("at_once", [1, 2, 500_000])
def test_tangents_are_sums_over_all_ways(at_once, monkeypatch):
    monkeypatch.setattr(layers, "MOST_AT_ONCE", at_once)
    found, tangent = Layers(PARTS), np.zeros((len(PARTS), 2))
    tangent[0] = [1.0, 0.0]
    found.push(tangent, np.stack([found.factor, -found.factor], axis=1))
    product = 3 + 5
    np.testing.assert_array_equal(tangent[:, 0], [1, 0, 1, product, np.inf, 2 * product + 7 + 11])
    np.testing.assert_array_equal(tangent[:, 1], 0)


def test_a_record_of_constants_carries_nothing_back():
    np.testing.assert_array_equal(carried([[], []], np.ones((2, 1))), np.ones((2, 1)))
