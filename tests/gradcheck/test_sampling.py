"""Which entries are looked at, where not all can be."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scratchcnn.gradcheck.sampling import sample

SHAPES = st.lists(st.integers(1, 6), min_size=0, max_size=3).map(tuple)


def drawn(shape, most, seed=0):
    return sample(shape, most, np.random.default_rng(seed))


@given(SHAPES, st.none() | st.integers(0, 40), st.integers(0, 9))
def test_as_many_entries_as_there_is_room_for_each_once_in_order(shape, most, seed):
    size = int(np.prod(shape, dtype=int))
    chosen = drawn(shape, most, seed)
    assert len(chosen) == (size if most is None else min(size, most))
    assert chosen.dtype.kind == "i"
    assert (np.diff(chosen) > 0).all()
    assert ((chosen >= 0) & (chosen < size)).all()


def test_no_entries_of_an_empty_array():
    assert drawn((3, 0, 2), None).tolist() == drawn((3, 0, 2), 5).tolist() == []


@pytest.mark.parametrize("seed", range(5))
def test_the_ends_of_the_array_come_first(seed):
    assert drawn((5, 7), 1, seed).tolist() == [0]
    assert drawn((5, 7), 2, seed).tolist() == [0, 34]


@pytest.mark.parametrize("seed", range(5))
def test_then_the_first_and_the_last_place_of_each_axis(seed):
    """With room for all of these, each edge of each axis has an entry beside the corners."""
    shape = (9, 8, 7)
    chosen = {tuple(int(k) for k in np.unravel_index(flat, shape)) for flat in drawn(shape, 8, seed)}
    assert {(0, 0, 0), (8, 7, 6)} <= chosen
    others = chosen - {(0, 0, 0), (8, 7, 6)}
    for axis, length in enumerate(shape):
        for place in (0, length - 1):
            assert any(index[axis] == place for index in others)
    # The places along the other axes are drawn: those at which all axes are at an end would be the corners again.
    assert any(0 < k < length - 1 for index in others for k, length in zip(index, shape, strict=True))


def test_every_entry_may_be_drawn():
    seen = set()
    for seed in range(60):
        chosen = drawn((4, 5), 12, seed).tolist()
        assert len(chosen) == len(set(chosen)) == 12
        seen |= set(chosen)
    assert seen == set(range(20))


def test_a_large_array_has_as_many_as_there_is_room_for():
    for most in (50, 599):
        assert len(set(drawn((20, 30), most).tolist())) == most


def test_the_same_generator_draws_the_same_entries():
    assert np.array_equal(drawn((20, 30), 50, 3), drawn((20, 30), 50, 3))
    assert not np.array_equal(drawn((20, 30), 50, 3), drawn((20, 30), 50, 4))
