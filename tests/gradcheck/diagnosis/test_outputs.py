"""Outputs that backward leaves out."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.outputs import without_some_outputs
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

ROWS, COLUMNS = np.indices((6, 7))


@pytest.mark.parametrize(
    ("shape", "some", "said", "kind"),
    [
        ((6, 7), COLUMNS < 2, "at the first 2 places along axis 1", "missing-term"),
        ((6, 7), ROWS > 3, "at the last 2 places along axis 0", "subset"),
        ((6, 7), ROWS > COLUMNS, "below the diagonal", "missing-term"),
        ((7,), np.arange(7) % 2 == 1, "at every second place along axis 0, from 1 on", "subset"),
        ((2, 6, 7), (ROWS < 2) | (ROWS > 3), "at both ends of axis 1, 2 places wide", "border"),
        ((2, 6, 7), COLUMNS < 3, "at the first 3 places along axis 2", "border"),
        ((2, 6, 7), ROWS < 3, "at the first 3 places along axis 1", "missing-term"),
    ],
)
def test_are_told_by_their_places_and_the_axes_that_they_end_along(shape, some, said, kind):
    scenes = [
        scene_of(lambda x: x * x.sum(), lambda g, x: np.where(some, 0, g) * x.sum() + (np.where(some, 0, g) * x).sum(),
                 drawn(*shape), seed=seed)
        for seed in (0, 1)
    ]  # fmt: skip
    assert held(without_some_outputs, *scenes) == {f"the true one without the outputs {said}": kind}


def test_not_where_none_is_left_out():
    for factor in (1.0, 2.0):
        scene = scene_of(lambda x: np.sin(x), lambda g, x, f=factor: f * g * np.cos(x), drawn(6, 7))
        assert held(without_some_outputs, scene) == {}
