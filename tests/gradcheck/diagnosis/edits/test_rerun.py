"""What backward needs of a call of forward before it, and what both keep from earlier calls."""

import numpy as np
import pytest

from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.diagnosis.edits.watched import Rerun
from tests.gradcheck.diagnosis.claims import drawn

X, G = drawn(4), drawn(4, seed=1)


def looked(forward, backward, inputs=(X,)):
    """A copy that was run once, and what it answered."""
    rerun = Rerun(prepare(forward, backward, list(inputs)))
    gradients, _ = rerun.watched(list(inputs), G)
    return rerun, gradients


class Keeping:
    """A layer whose backward needs what forward kept."""

    def __init__(self):
        self.x, self.calls = None, []

    def forward(self, x):
        self.x = x
        self.calls.append(1)
        return np.sin(x)

    def backward(self, g, x):
        return g * np.cos(self.x)


def test_forward_is_called_before_a_backward_that_uses_what_it_kept():
    layer = Keeping()
    rerun, (dx,) = looked(layer.forward, layer.backward)
    assert rerun.keeps is True
    np.testing.assert_array_equal(dx, G * np.cos(X))
    other = X + 1
    (dx,) = rerun.edited([other], G, -1, lambda value, _: value)
    np.testing.assert_array_equal(dx, G * np.cos(other))
    assert layer.calls == [1]  # by `prepare`


@pytest.mark.parametrize("nearby", [True, False])
def test_where_forward_is_not_defined_nearby_nobody_knows_what_is_kept(nearby):
    keep = np.array([True, False, True, True])

    def picky(x, kept):
        if not (np.isfinite(x).all() if nearby else np.array_equal(x, X)) or (kept != keep).any():
            raise ValueError("elsewhere")
        return np.sin(x) * kept

    rerun, _ = looked(picky, lambda g, x, kept: (g * np.cos(x) * kept, None), inputs=(X, keep))
    assert rerun.keeps is not nearby


def test_a_gradient_that_is_no_number_may_need_nothing_of_forward():
    rerun, _ = looked(np.sin, lambda g, x: g * np.nan)
    assert rerun.keeps is False


def test_forward_is_not_called_for_a_backward_that_needs_nothing_of_it():
    rerun, _ = looked(np.sin, lambda g, x: g * np.cos(x))
    rerun.forward = None
    (dx,) = rerun.edited([X], G, -1, lambda value, _: value)
    np.testing.assert_array_equal(dx, G * np.cos(X))


def test_what_is_kept_from_earlier_calls_is_there_again_after_a_run_without_it():
    known, names = [], {}

    def caching(x):
        known.append(x)
        names.setdefault("x", x)
        return np.sin(x)

    def cached(g, x):
        return g * np.cos(known[0]) + 0 * names["x"]

    rerun, _ = looked(caching, cached)
    other = X + 1
    (dx,) = rerun.edited([other], G, -1, lambda value, _: value)
    assert not np.array_equal(dx, G * np.cos(other))
    (dx,) = rerun.forgetful([other], G)
    np.testing.assert_array_equal(dx, G * np.cos(other))
    (dx,) = rerun.edited([other], G, -1, lambda value, _: value)
    assert not np.array_equal(dx, G * np.cos(other))
