from fractions import Fraction

import numpy as np
import pytest

from scratchcnn.operations._masking import keep

CHOSEN = np.array([True, False, True, False])


@pytest.mark.parametrize("values", [[1.0, 2.0, -3.0, -4.0], [np.inf, np.inf, -np.inf, np.nan], [1j, 2j, 3.0, np.inf]])
def test_what_is_not_chosen_is_zero_whatever_it_was(values):
    with np.errstate(invalid="raise"):
        kept = keep(np.array(values), CHOSEN)
    assert np.array_equal(kept, [values[0], 0, values[2], 0])


def test_fractions_stay_fractions():
    kept = keep(np.array([Fraction(1, 3)] * 4), CHOSEN)
    assert kept.tolist() == [Fraction(1, 3), 0, Fraction(1, 3), 0]
    assert isinstance(kept[0], Fraction)
