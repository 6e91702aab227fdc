"""How far floats may be from balls."""

import numpy as np
import pytest

from scratchcnn.gradcheck.proof.floats import is_on_the_same_path
from scratchcnn.gradcheck.proof.outcome import Proof
from tests.gradcheck.proof.stubs import EPS, judge_of


class TestPath:
    @pytest.mark.parametrize(
        ("off", "noise", "same"),
        [
            ((0, 0), 0, True),
            ((60 * 4 * EPS, 0), 0, True),  # 64 roundoffs of the largest
            ((70 * 4 * EPS, 0), 0, False),
            ((1e-3, 1e-3), 3e-4, True),
            ((1e-3, 1e-3), 2e-4, False),
            ((1e-3, 0), [3e-4, 0], True),
            ((1e-3, 1e-9), [3e-4, 0], False),
        ],
    )
    def test_is_the_same_where_outputs_are_to_their_roundoff_or_noise(self, off, noise, same):
        proof = Proof({}, np.array([1.0, -4.0]) + off)
        assert is_on_the_same_path(judge_of([0.0], noise=noise), proof) is same

    def test_is_not_where_outputs_are_unknown_or_others(self):
        assert not is_on_the_same_path(judge_of([0.0]), Proof({}))
        assert not is_on_the_same_path(judge_of([0.0]), Proof({}, np.ones(3)))
