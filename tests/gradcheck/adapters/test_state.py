"""The seed of what is drawn, and the data that another call of forward had."""

import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck.adapters import state
from scratchcnn.gradcheck.adapters.state import Generators, LastForward, _generators_of, are_plain, seeded


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


class TestShared:
    @pytest.mark.parametrize("draw", [random.random, np.random.random, drawn], ids=["random", "numpy.random", "both"])
    def test_what_a_function_draws_is_the_same_at_each_call_and_they_are_put_back(self, draw):
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        expected = drawn()
        random.seed(3)
        np.random.seed(3)  # noqa: NPY002
        shared = Generators(7)
        first, second = shared.run(draw), shared.run(draw)
        with seeded(7):
            assert first == second == draw()
        assert drawn() == expected

    def test_a_function_that_does_not_draw_is_called_once_each_time_and_they_are_left_alone(self, monkeypatch):
        monkeypatch.setattr("scratchcnn.gradcheck.adapters.state.seeded", None)
        calls = []
        shared = Generators(7)
        for count in (1, 2, 3):
            shared.run(lambda: calls.append(1))
            assert len(calls) == count

    def test_without_a_seed_a_function_draws_as_it_would(self):
        shared = Generators(None)
        with seeded(7):
            expected = drawn(), drawn()
        with seeded(7):
            assert (shared.run(drawn), shared.run(drawn)) == expected


RNG = np.random.default_rng(0)


def by_a_global():
    return RNG.random()


def by_default(rng=np.random.default_rng(1)):  # noqa: B008
    return rng.random()


def by_keyword(*, rng=np.random.default_rng(2)):  # noqa: B008
    return rng.random()


def enclosed(rng):
    def draw():
        return rng.random_sample() if isinstance(rng, np.random.RandomState) else rng.random()

    return draw


def unfinished():
    def draw():
        return later() if RNG.random() < 0 else 1.0

    if RNG is None:
        later = draw
    return draw


class OfClass:
    rng = np.random.default_rng(4)

    @classmethod
    def draw(cls):
        return cls.rng.random()

    @staticmethod
    def by_name():
        return OfClass.rng.random()


class TestGeneratorsOfTheCaller:
    @pytest.mark.parametrize(
        ("draw", "functions"),
        [
            (by_a_global, None),
            (by_default, None),
            (by_keyword, None),
            (enclosed(np.random.default_rng(3)), None),
            (enclosed(np.random.RandomState(3)), None),
            (lambda: by_a_global(), None),
            (partial(lambda rng: rng.random(), np.random.default_rng(5)), None),
            (partial(lambda rng: rng.random(), rng=np.random.default_rng(5)), None),
            (OfClass.draw, [OfClass]),
            (OfClass.by_name, None),
            (OfClass().draw, [OfClass]),
        ],
    )
    def test_they_draw_the_same_at_each_call_and_go_on_afterwards_as_before(self, draw, functions):
        shared = Generators(0, [draw] if functions is None else functions)
        first = [shared.run(draw) for _ in range(3)]
        assert len(set(first)) == 1
        assert draw() == first[0]  # nothing was drawn from it
        assert shared.run(draw) == first[0]
        left_alone = Generators(None, [draw])
        assert left_alone.run(draw) != left_alone.run(draw)

    def test_what_raises_leaves_them_as_they_were(self):
        def draws_and_raises():
            by_a_global()
            drawn()
            raise KeyError

        state, shared = RNG.bit_generator.state, Generators(0, [draws_and_raises])
        for _ in range(2):
            before = random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002
            with pytest.raises(KeyError):
                shared.run(draws_and_raises)
            assert RNG.bit_generator.state == state
            assert (random.getstate(), np.random.get_state()[1].tolist()) == before  # noqa: NPY002

    def test_several_threads_draw_the_same(self):
        shared = Generators(0, [by_a_global])
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda _: shared.run(lambda: (by_a_global(), drawn())), range(64)))
        assert len(set(found)) == 1

    def test_what_is_not_assigned_and_libraries_are_passed_over(self):
        assert len(_generators_of([unfinished(), np.random.default_rng, np.sum, len, None, 3])) == 1
        assert _generators_of([np.random.Generator, enclosed(None)]) == []

    @pytest.mark.parametrize("module", ["numpy", "numpy.random", "scipy.stats", "scratchcnn.gradcheck"])
    def test_libraries_are_not_looked_into(self, module):
        kind, function = type("Kind", (), {"rng": RNG}), lambda: RNG.random()
        assert _generators_of([kind]) == _generators_of([function]) == [RNG]
        kind.__module__ = function.__module__ = module
        assert _generators_of([kind]) == _generators_of([function]) == []

    def test_no_more_functions_are_looked_into_than_a_few(self, monkeypatch):
        monkeypatch.setattr(state, "MOST_LOOKED_AT", 3)
        assert len(_generators_of([by_a_global])) == 1
        assert _generators_of([by_a_global, print, len, sum]) == []


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
