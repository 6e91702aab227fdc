"""The seed of what is drawn, and the data that another call of forward had."""

import random
from contextlib import suppress

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters.state import LastForward, SharedGenerators, are_plain, seeded


@pytest.fixture(autouse=True)
def as_before():
    """What Python and NumPy draw globally goes on after a test as before it."""
    before = random.getstate(), np.random.get_state()  # noqa: NPY002
    yield
    random.setstate(before[0])
    np.random.set_state(before[1])  # noqa: NPY002


def drawn():
    return random.random(), np.random.random()  # noqa: NPY002 - what the caller's layers draw from


def test_draws_are_the_same_and_what_was_before_goes_on():
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    expected = [drawn(), drawn()]
    random.seed(3)
    np.random.seed(3)  # noqa: NPY002
    inside, found = [], []
    for _ in range(2):
        found.append(drawn())
        with suppress(KeyError), seeded(7):
            inside.append(drawn())
            raise KeyError
    assert found == expected
    assert inside[0] == inside[1]
    with seeded(8):
        assert all(a != b for a, b in zip(drawn(), inside[0], strict=True))


class TestSharedGenerators:
    @pytest.mark.parametrize("draw", [random.random, np.random.random, drawn], ids=["random", "numpy.random", "both"])
    def test_what_a_function_draws_is_the_same_at_each_call_and_they_are_put_back(self, draw):
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        expected = drawn()
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        shared = SharedGenerators(7)
        first, second = shared.run(draw), shared.run(draw)
        with seeded(7):
            assert first == second == draw()
        assert drawn() == expected

    def test_a_function_that_does_not_draw_is_called_once_each_time_and_they_are_left_alone(self, monkeypatch):
        monkeypatch.setattr("scratchcnn.gradcheck.adapters.state.seeded", None)
        calls = []
        shared = SharedGenerators(7)
        for count in (1, 2, 3):
            shared.run(lambda: calls.append(1))
            assert len(calls) == count

    def test_without_a_seed_a_function_draws_as_it_would(self):
        shared = SharedGenerators(None)
        with seeded(7):
            expected = drawn(), drawn()
        with seeded(7):
            assert (shared.run(drawn), shared.run(drawn)) == expected


class TestLastForward:
    X = np.ones(2)

    def test_is_another_one_where_any_input_differs(self):
        last = LastForward()
        assert last.other_than([self.X]) is None
        last.remember([self.X, 2 * self.X])
        assert last.other_than([self.X, 2 * self.X]) is None
        for others in ([self.X, self.X], [self.X], [self.X, 2 * self.X, self.X], [np.ones(3), 2 * self.X]):
            found = last.other_than(others)
            assert [a.tolist() for a in found] == [[1, 1], [2, 2]]

    def test_is_kept_as_a_copy(self):
        last, x = LastForward(), self.X.copy()
        last.remember([x])
        x *= 5
        assert last.other_than([x])[0].tolist() == [1, 1]

    def test_is_of_plain_arrays_alone(self):
        strange = np.array([1, "x"], object)
        last = LastForward()
        last.remember([self.X])
        assert last.other_than([strange]) is None
        last.remember([strange])
        assert last.other_than([self.X]) is None


@pytest.mark.parametrize("kind", "fiubc")
def test_arrays_of_numbers_are_plain(kind):
    array = np.zeros(2, {"f": np.float32, "i": np.int8, "u": np.uint8, "b": bool, "c": complex}[kind])
    assert are_plain([array, array])
    assert not are_plain([array, array.astype(object)])
    assert not are_plain([array, array.tolist()])
