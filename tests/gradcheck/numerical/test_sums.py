"""Many outputs as a few sums of them."""

import numpy as np
import pytest

from scratchcnn.gradcheck.numerical.noise import least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Probe
from scratchcnn.gradcheck.numerical.sums import in_sums

X = np.array([0.5, -1.0])
WEIGHTS = np.array([1.0, -2.0, 3.0, 0.5, -0.25])


def forward(x):
    return np.concatenate([x, x**2, [x[0] * x[1]]])


def contraction(function=forward):
    probe = Probe(function, [X], 0)
    return Contraction(probe, WEIGHTS, np.array([1e-9, 2e-9, 3e-9, 4e-9, 5e-9]))


def test_what_outputs_change_by_is_added_with_their_weights():
    given = contraction()
    summed = in_sums(given, 2)
    assert (summed.probe.outputs, summed.probe.y0.tolist(), summed.cotangent.tolist()) == (2, [0, 0], [1, 1])
    y = np.empty(2)
    summed.probe.move(np.array([0, 1]), np.array([1.0, -3.0]), y)
    # The outputs were 0.5, -1, 0.25, 1, -0.5, and are 1, -3, 1, 9, -3 now.
    assert y.tolist() == [1 * 0.5 - 2 * -2, 3 * 0.75 + 0.5 * 8 - 0.25 * -2.5]
    assert summed.probe.x.tolist() == X.tolist()


def test_noise_is_added_and_the_roundoff_of_the_outputs():
    given = contraction()
    of_each = np.abs(WEIGHTS) * (given.noise + least_noise(given.probe))
    assert in_sums(given, 2).noise == pytest.approx([of_each[:2].sum(), of_each[2:].sum()])


@pytest.mark.parametrize("count", [1, 3, 5])
def test_every_output_is_in_one_sum(count):
    summed = in_sums(contraction(), count)
    y = np.empty(count)
    summed.probe.move(0, 2.0, y)
    changes = forward(np.array([2.0, -1.0])) - forward(X)
    assert y.sum() == pytest.approx(WEIGHTS @ changes)


def test_an_output_of_another_shape_is_no_value():
    summed = in_sums(contraction(lambda x: forward(x) if x[0] < 1 else x), 2)
    y = np.empty(2)
    summed.probe.move(0, 2.0, y)
    assert np.isnan(y).all()


def test_forward_may_write_into_its_input():
    def writes(x):
        x *= 2
        return forward(x)

    probe = Probe(writes, [X], 0, fresh=True)
    summed = in_sums(Contraction(probe, WEIGHTS, np.zeros(5)), 2)
    y = np.empty(2)
    summed.probe.move(0, 0.5, y)
    assert y.tolist() == [0, 0]
