"""Where a gradient is wrong: by index, by a threshold, at the border, where windows overlap, at ties."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.places import (
    _between,
    _has_samples,
    is_sequence,
    single_entry,
    wrong_entries,
    wrong_places,
)
from tests.gradcheck.diagnosis.claims import at, drawn, held, scene_of

X, IMAGES = drawn(4, 5), drawn(3, 2, 5, 4)
S = np.s_


def tanh(x):
    return np.tanh(x)


def slope(x):
    return 1 - np.tanh(x) ** 2


def around(middle):
    return lambda x: ~at(middle)(x)


def garbled(where):
    """The gradient of tanh with numbers at some places that come from nowhere."""
    return lambda g, x: g * np.where(where(x), np.cos(7 * x) + 3, slope(x))


PLACES = [
    (X, at(0), {"at the first index of axis 0": "batch", "at both ends of axis 0": "batch"}),
    (X, at(S[:, -1]), {"at the last index of axis 1": "subset", "at both ends of axis 1": "subset"}),
    (X, at(S[:, 0], S[:, -1]), {"at both ends of axis 1": "subset"}),
    (X, at(2), {"at index 2 of axis 0": "batch"}),
    (X, at(S[:, 3]), {"at index 3 of axis 1": "subset"}),
    (X, at(S[1:]), {"at all samples but the first": "batch"}),
    (X, at(S[:-1]), {"at all samples but the last": "batch"}),
    (X[:2], at(0), {"at the first index of axis 0": "batch"}),
    (IMAGES, at(1), {f"at {place}": "batch" for place in  # half of a set may be right by chance
                     ("index 1 of axis 0", "all samples but the first", "all samples but the last")}),
    (IMAGES, at(0, 2), {"at both ends of axis 0": "batch"}),
    (IMAGES, at(S[:, 0]), {"at the first index of axis 1": "subset"}),
    (IMAGES, at(S[..., 0, :]), {"at the first index of axis 2": "border", "at both ends of axis 2": "border"}),
    (IMAGES, at(S[..., 2, :]), {"at index 2 of axis 2": "subset"}),
    (IMAGES, around(S[..., 1:-1, 1:-1]), {"at the border of its last two axes": "border"}),
    (drawn(2, 1, 7, 6), around(S[..., 2:-2, 2:-2]), {"up to 2 entries from the border of its last two axes": "border"}),
    # A filter that is right in its middle alone has no border.
    (drawn(2, 1, 5, 5), around(S[..., 2, 2]), {"up to 2 entries from the border of its last two axes": "subset"}),
    (drawn(2, 1, 3, 3), around(S[..., 1, 1]), {"at the border of its last two axes": "subset"}),
    (X, lambda x: x < 0, {"where x is below 0": "subset", "where the output is below 0": "subset"}),
    (X, lambda x: np.abs(x) > 1,
     {"where |x| is above 1": "subset", "where |the output| is above 0.7587": "subset"}),
    (X, lambda x: np.abs(x) < 0.3,
     {"where |x| is below 0.2675": "subset", "where |the output| is below 0.2608": "subset"}),
    (np.array([1.0, 2, 1, 2, 3, 0.5, 0.25]), at(0, 1, 2, 3), {"where x is equal to another entry": "kink"}),
    (np.array([[1.0, 0, 3], [0, 0.5, 0.2]]), lambda x: x == 0,
     {"where x is zero": "subset", "where the output is zero": "subset", "where x is equal to another entry": "kink"}),
    (X, at((0, 1), (2, 2)), {}),
]  # fmt: skip


@pytest.mark.parametrize(("x", "where", "said"), PLACES)
def test_a_place_is_all_that_is_wrong_and_nothing_that_is_right(x, where, said):
    found = held(wrong_places, scene_of(tanh, garbled(where), x))
    found = {said: kind for said, kind in found.items() if "cotangent" not in said and "there it is" not in said}
    assert found == {f"the true one but {message}": kind for message, kind in said.items()}


def test_a_threshold_may_be_on_another_input_or_on_a_difference_or_on_the_cotangent():
    def product(x, y, w):
        return x * y + w

    def wrong(where):
        return lambda g, x, y, w: (g * np.where(where(g, x, y), y + 2, y), g * x, g.sum(0))

    y, w = drawn(4, 5, seed=1), np.zeros(5)
    for where, said in (
        (lambda g, x, y: y > 0, {"where y is above 0"}),
        (lambda g, x, y: x > y, {"where (x - y) is above 0"}),
        (lambda g, x, y: np.abs(x - y) > 1, {"where |(x - y)| is above 1"}),
        (lambda g, x, y: g > 0, {"where the cotangent is above 0"}),
        (lambda g, x, y: x * y < 0, {"where the output is below 0"}),
    ):
        found = held(wrong_places, scene_of(product, wrong(where), X, y, w))
        assert found == {f"the true one but {message}": "subset" for message in said}
    labels = np.arange(20).reshape(4, 5) % 3
    wrong = garbled(lambda x: labels == 2)
    scene = scene_of(lambda x, labels: np.tanh(x), lambda g, x, labels: (wrong(g, x), None), X, labels, wrt=[0])
    assert held(wrong_places, scene) == {"the true one but where labels is 2": "subset"}
    rows = np.arange(4)
    scene = scene_of(lambda x, rows: x[rows], lambda g, x, rows: (np.where(x > 0, 2, g), None), X, rows, wrt=[0])
    assert "the true one but where x is above 0" in held(wrong_places, scene)


@pytest.mark.parametrize(
    ("factor", "words"),
    [(4.0, "4 times as large (4 is the length of axis 0 of x and the length of axis 0 of the output)"),
     (-0.5, "-1/2 times as large"), (1.3, "1.3 times as large")],
)  # fmt: skip
def test_a_number_that_it_is_multiplied_by_there_is_told(factor, words):
    def scene(factor, seed):
        return scene_of(tanh, lambda g, x: g * slope(x) * np.where(at(S[:, -1])(x), factor, 1), drawn(4, 5, seed=seed))

    message = f"the true one but at the last index of axis 1: there it is {words}"
    assert held(wrong_places, scene(factor, 0), scene(factor, 1))[message] == "subset"
    assert message not in held(wrong_places, scene(factor, 0), scene(1.1 * factor, 1))


def test_a_place_in_a_row_of_numbers_says_little_and_comes_late():
    for x, first in ((X[0], "where x is above "), (X, "at the first index of axis 0")):
        messages = [claim.message for claim in wrong_places(scene_of(tanh, garbled(lambda x: x > 0), x), 0)]
        order = [message for message in messages if "index" in message or "where x" in message]
        assert order[0].startswith(f"the true one but {first}")


def test_a_place_must_be_wrong_elsewhere_too():
    here, there, opposite = (
        scene_of(tanh, garbled(lambda x, sign=sign: sign * x < 0), drawn(4, 5, seed=seed))
        for seed, sign in ((0, 1), (1, 1), (1, -1))
    )
    assert "the true one but where x is below 0" in held(wrong_places, here, there)
    assert held(wrong_places, here, opposite) == {}
    all_below = scene_of(tanh, garbled(lambda x: x < 0), -np.abs(X))  # where nothing is told apart
    assert held(wrong_places, here, all_below) == {}


def test_half_of_what_a_place_shows_may_be_right_by_chance():
    for count, said in ((3, True), (2, False)):  # of 5
        scene = scene_of(tanh, garbled(at((0, S[5 - count :]))), X)
        assert ("the true one but at the first index of axis 0" in held(wrong_places, scene)) is said
    # What is zero shows nothing.
    scene = scene_of(lambda x: x**2, lambda g, x: g * (2 * x + at(0)(x) * (x != 0)), np.where(at((0, S[2:]))(X), 0, X))
    assert "the true one but at the first index of axis 0" in held(wrong_places, scene)


def test_where_windows_overlap():
    def windows(x):
        return x[..., :-1, :] + x[..., 1:, :]

    def backward(g, x):
        grad = np.zeros_like(x)
        grad[..., 1:, :] = g
        grad[..., :-1, :] = g  # assigned
        return grad

    message = "the true one but where windows overlap (an entry that several outputs see)"
    for images in (IMAGES, IMAGES[0]):
        assert held(wrong_places, scene_of(windows, backward, images)).get(message) == "overlap"
    assert message not in held(wrong_places, scene_of(windows, backward, X))


@pytest.mark.parametrize(
    "backward",
    [lambda g, x: g * slope(x), lambda g, x: g, lambda g, x: (g * slope(x))[0]],
    ids=["right", "all wrong", "another shape"],
)
def test_nothing_is_said_where_nothing_or_everything_is_wrong(backward):
    assert held(wrong_places, scene_of(tanh, backward, X)) == held(single_entry, scene_of(tanh, backward, X)) == {}
    scalar = np.array(0.5)
    assert held(wrong_places, scene_of(tanh, lambda g, x: 2 * g, scalar)) == {}
    assert held(single_entry, scene_of(tanh, lambda g, x: 2 * g, scalar)) == {}


def test_what_is_not_finite_is_wrong():
    scene = scene_of(tanh, lambda g, x: np.where(at(2)(x), np.nan, g * slope(x)), X)
    assert "the true one but at index 2 of axis 0" in held(wrong_places, scene)
    bad, known = wrong_entries(scene, 0)
    assert bad.tolist() == at(2)(X).tolist()
    assert known.all()


class TestSingleEntry:
    def test_is_named_by_its_place(self):
        scene = scene_of(tanh, garbled(at((1, 2))), X)
        assert held(single_entry, scene) == {"the true one but at [1, 2]": "single-entry"}

    def test_is_one_of_three_at_least(self):
        for count, said in ((3, 1), (2, 0)):
            assert len(held(single_entry, scene_of(tanh, garbled(at(0)), X[0, :count]))) == said

    def test_is_alone(self):
        assert held(single_entry, scene_of(tanh, garbled(at((1, 2), (3, 3))), X)) == {}


class TestSmall:
    def off(self, share, where):
        return scene_of(tanh, lambda g, x: g * slope(x) * (1 + share * where(x)), X)

    @pytest.mark.parametrize(("share", "said"), [(1e-5, "1e-05"), (-9e-4, "0.0009")])
    def test_by_how_much_and_at_how_many_entries(self, share, said):
        everywhere = self.off(share, at(S[:]))
        assert held(wrong_places, everywhere) == {f"off by a share of {said} at 20 of 20 entries": "small-relative"}
        one = f"off by a share of {said} at 1 of 20 entries"
        assert held(single_entry, self.off(share, at((1, 2)))) == {
            "the true one but at [1, 2]": "single-entry",
            one: "small-relative",
        }

    def test_a_large_error_is_not(self):
        assert held(wrong_places, self.off(2e-3, at(S[:]))) == {}

    def test_elsewhere_it_must_be_small_too(self):
        there = self.off(2e-3, at(S[:]))
        assert held(wrong_places, self.off(1e-5, at(S[:])), there) == {}


@pytest.mark.parametrize(
    ("low", "high", "threshold"),
    [
        (-1, 0.5, 0),
        (-0.5, 0, 0),
        (0.2, 1.7, 1),
        (0.2, 0.4, 0.3),
        (-1.5, -0.5, -1),
        (1, 1.5, 1),
        (0.5, 1, 0.75),
        (0, 0.5, 0),
    ],
)
def test_a_threshold_is_zero_or_whole_if_it_can_be(low, high, threshold):
    assert _between(low, high) == pytest.approx(threshold)


def no_gradients(g, *inputs):
    return tuple(np.zeros(np.shape(a)) for a in inputs)


class TestFirstAxis:
    @pytest.mark.parametrize(
        ("forward", "inputs", "samples"),
        [
            (tanh, (X,), True),
            (lambda x: x.sum(), (X,), True),
            (lambda x: x.sum(axis=1), (X,), True),
            (lambda x, b: x + b.sum(), (X, X[:, 0]), True),
            (lambda x, w: x @ w, (X, drawn(5, 4)), True),
            (lambda x: x.cumsum(axis=0), (X,), False),
            (lambda x: x - x.mean(axis=0), (X,), False),
            (lambda x: x.T @ x, (X,), False),
            (lambda x, y: x * y.cumsum(axis=0), (X, X), False),
            (tanh, (X[0],), False),
            (lambda x: x[:2], (X,), False),
        ],
    )
    def test_is_that_of_samples_where_none_sees_another(self, forward, inputs, samples):
        assert _has_samples(scene_of(forward, no_gradients, *inputs), 0) is samples

    @pytest.mark.parametrize(
        ("forward", "x", "sequence"),
        [
            (lambda x: x.cumsum(axis=0), X, True),
            (lambda x: x[::-1].cumsum(axis=0)[::-1], X, True),
            (lambda x: np.concatenate([x[:-1] * x[1:], x[-1:]]), X, True),
            (lambda x: np.concatenate([x[:1], x[:-1] * x[1:]]), X, True),
            (tanh, X, False),
            (lambda x: x - x.mean(axis=0), X, False),
            (lambda x: x.sum(), X, False),
            (lambda x: x[:2].cumsum(axis=0), X, False),
        ],
    )
    def test_is_that_of_time_where_outputs_see_what_came_before_alone(self, forward, x, sequence):
        assert is_sequence(scene_of(forward, no_gradients, x)) is sequence


def test_rows_are_told_by_their_labels_and_wrong_ones_count_where_the_truth_is_zero():
    labels = np.array([0, 3, -1, 1, 2, -1])

    def kept(x, labels):
        return np.where(labels[:, None] >= 0, np.tanh(x), 0.0)

    scene = scene_of(kept, lambda g, x, labels: (g * slope(x), None), drawn(6, 4), labels, wrt=[0])
    assert held(wrong_places, scene) == {
        "the true one but where labels is -1": "subset",
        "the true one but where the output is zero": "subset",
    }
