"""Mistakes of a sum: over other axes, as a mean, not at all, assigned in place of added."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.sums import (
    averaged,
    cotangent_alone,
    less_the_cotangent,
    overwritten,
    spread,
    summed,
)
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X, IMAGES = drawn(4, 5), drawn(3, 2, 4, 5)


def shifted(x, b):
    return x + b


def scaled(x, w):
    return x * w


def shifted_channels(x, b):
    return x + b[:, None, None]


def said(family, forward, backward, *inputs, index=1, **options):
    return held(family, scene_of(forward, backward, *inputs, **options), index=index)


@pytest.mark.parametrize("size", [1e-9, 1.0, 1e9])
def test_a_cotangent_of_any_size_gives_the_same_answer(size):
    g = size * drawn(4, 5, seed=2)
    found = said(summed, scaled, lambda g, x, w: (g * w, g.sum(0)), X, drawn(5), cotangent=g)
    assert list(found.values()) == ["missing-factor"]
    found = said(less_the_cotangent, lambda x: x**2 + x, lambda g, x: 2 * g * x, X, index=0, cotangent=g)
    assert list(found.values()) == ["missing-term"]


class TestSummed:
    @pytest.mark.parametrize(
        ("gradient", "how"),
        [
            (lambda g: g.mean(0), "averaged over axis 0"),
            (lambda g: g.sum(0, keepdims=True), "summed over axis 0"),
            (lambda g: g[:, :3].sum(0), "summed over axis 0"),
            (lambda g: g.sum(1), "summed over axis 1"),
            (lambda g: g, "not summed"),
            (lambda g: g.sum(keepdims=True), "summed over axes 0 and 1"),
            (lambda g: g.mean(keepdims=True), "averaged over axes 0 and 1"),
        ],
    )
    def test_over_other_axes(self, gradient, how):
        found = said(summed, shifted, lambda g, x, b: (g, gradient(g)), X, drawn(5))
        assert found == {f"what the outputs contribute, {how}": "broadcast"}

    @pytest.mark.parametrize(
        ("gradient", "how"),
        [
            (lambda g: g.mean((0, 2, 3)), "averaged over axes 0 and 2 and 3"),
            (lambda g: g.sum((0, 2)), "summed over axes 0 and 2"),
            (lambda g: g.sum((1, 2, 3)), "summed over axes 1 and 2 and 3"),
        ],
    )
    def test_of_images(self, gradient, how):
        found = said(summed, shifted_channels, lambda g, x, b: (g, gradient(g)), IMAGES, drawn(2))
        assert found == {f"what the outputs contribute, {how}": "broadcast"}

    def test_of_what_a_scale_multiplies(self):
        found = said(summed, scaled, lambda g, x, w: (g * w, (g * x).mean(0)), X, drawn(5))
        assert found == {"what the outputs contribute, averaged over axis 0": "broadcast"}

    @pytest.mark.parametrize("factor", [2.0, 1.0 + 1e-7, 0.0])
    def test_nothing_of_another_number(self, factor):
        assert said(summed, scaled, lambda g, x, w: (g * w, factor * (g * x).mean(0)), X, drawn(5)) == {}

    @pytest.mark.parametrize("off", [0.0, 1e-9])
    def test_a_mean_of_many_is_held_to_all_its_digits(self, off):
        x = drawn(200, 2)
        found = said(summed, shifted, lambda g, x, b: (g, (1 + off) * g.mean(0)), x, drawn(2))
        assert list(found.values()) == ["broadcast"] * (off == 0)

    def test_where_outputs_depend_on_several_entries_nothing(self):
        assert said(summed, lambda x, w: x @ w, lambda g, x, w: (g @ w.T, x.T @ g), X, drawn(5, 3)) == {}

        def neighbours(x, b):
            return x + b + np.roll(b, 1)

        assert said(summed, neighbours, lambda g, x, b: (g, 2 * g.sum(0)), X, drawn(5)) == {}

    def test_of_the_cotangent_times_an_input_no_factor_is_known_where_outputs_depend_on_several_entries(self):
        def forward(x, w):
            return x * (w + np.roll(w, 1))

        found = said(summed, forward, lambda g, x, w: (g * w, (g * x).sum(0)), X, drawn(5))
        assert list(found.values()) == ["operand"]

    def test_of_entries_that_merely_move_or_of_a_number_or_of_a_loss_nothing_is_asked(self):
        for forward, x in ((lambda x: x[::-1].copy(), X), (lambda x: x * X, np.array(2.0)), (lambda x: x.sum(), X)):
            scene = scene_of(forward, lambda g, x: g if g.shape == x.shape else g.sum() + 0 * x, x)
            assert list(summed(scene, 0)) == []

    def test_of_a_number_or_of_a_loss_nothing(self):
        assert said(summed, lambda x, b: (x * b).sum(), lambda g, x, b: (g * b, g * x), X, np.array(2.0)) == {}
        assert said(summed, lambda x, b: x.sum() + b.sum(), lambda g, x, b: (g + 0 * x, g + 0 * b), X, drawn(5)) == {}

    def test_the_cotangent_alone(self):
        found = said(summed, scaled, lambda g, x, w: (g * w, g.sum(0)), X, drawn(5))
        message = "the cotangent summed over axis 0: what it is multiplied by is missing"
        assert found == {message: "missing-factor"}
        assert said(summed, scaled, lambda g, x, w: (g * w, g.sum(0)[None]), X, drawn(1, 5)) == found

    def test_along_an_axis_of_one(self):
        found = said(summed, shifted, lambda g, x, b: (g, g.mean((0, 1))), drawn(3, 1, 5), drawn(5))
        assert found["what the outputs contribute, averaged over axis 0"] == "broadcast"

    def test_the_cotangent_times_another_input(self):
        def backward(g, x, w, y, rows):
            return g * w, (g * y).sum(0), 0 * y, None

        found = said(
            summed,
            lambda x, w, y, rows: x * w + 0 * y,
            backward,
            X,
            drawn(5),
            drawn(4, 5, seed=1),
            np.ones((4, 5), int),
        )
        assert found == {"the cotangent times y, summed over axis 0": "operand"}

    @pytest.mark.parametrize(
        ("factor", "known"),
        [
            (2.0 * np.arange(1, 6), True),  # the same down each column
            (np.arange(1.0, 5)[:, None], True),  # and along each row
            (np.arange(1.0, 21).reshape(4, 5), False),
            (np.arange(1.0, 21).reshape(4, 5) / 1e4, False),
        ],
    )
    def test_the_cotangent_times_an_input_that_has_a_factor(self, factor, known):
        found = said(summed, lambda x, w: factor * x * w, lambda g, x, w: (g * w, (g * x).sum(0)), X, drawn(5))
        message = "the cotangent times x, summed over axis 0"
        missing = {f"{message}: x has a factor in forward that is missing": "missing-factor"}
        assert found == {message: "operand"} | (missing if known else {})

    @pytest.mark.parametrize("size", [1e-6, 1e6])
    def test_a_factor_is_known_to_the_digits_of_forward(self, size):
        """Here those of float32."""

        def forward(x, w):
            return (np.arange(1.0, 6) * x * w).astype(np.float32)

        found = said(summed, forward, lambda g, x, w: (g * w, (g * x).sum(0)), size * X, drawn(5))
        assert list(found.values()) == ["operand", "missing-factor"]

    def test_three_entries_with_one_factor_are_enough(self):
        x, factor = drawn(3, 2), np.arange(1.0, 3)
        found = said(summed, lambda x, w: factor * x * w, lambda g, x, w: (g * w, (g * x).sum(0)), x, drawn(2))
        assert list(found.values()) == ["operand", "missing-factor"]

    def test_of_two_rows_or_of_zeros_no_factor_is_known(self):
        def forward(x, w):
            return x * w * np.arange(1.0, 3)

        for x in (drawn(2, 2), np.where(X[:, :2] > 0.5, 0, X[:, :2])):
            found = said(summed, forward, lambda g, x, w: (g * w, (g * x).sum(0)), x, drawn(2))
            assert list(found) == ["the cotangent times x, summed over axis 0"]


class TestCotangent:
    @pytest.mark.parametrize(("axis", "shape"), [(0, (4, 4)), (1, (4, 4)), (1, (4, 5))])
    def test_the_same_along_an_axis(self, axis, shape):
        def backward(g, x):
            return np.broadcast_to(np.expand_dims(g, axis), x.shape)

        found = said(cotangent_alone, lambda x: (x**2).sum(1), backward, drawn(*shape), index=0)
        message = f"the cotangent itself, the same along axis {axis}: what it is multiplied by is missing"
        assert found == {message: "missing-factor"}

    def test_the_same_along_two(self):
        backward = lambda g, x: np.broadcast_to(g[:, None, None], x.shape)  # noqa: E731
        found = said(cotangent_alone, lambda x: (x**2).sum((1, 2)), backward, drawn(4, 3, 2), index=0)
        message = "the cotangent itself, the same along axis 1 and 2: what it is multiplied by is missing"
        assert found == {message: "missing-factor"}

    def test_not_where_it_is_something_else(self):
        squares = lambda x: (x**2).sum(1)  # noqa: E731
        assert said(cotangent_alone, squares, lambda g, x: 2 * x * g[:, None], X, index=0) == {}
        assert said(cotangent_alone, squares, lambda g, x: g, X, index=0) == {}
        assert said(cotangent_alone, lambda x: (x**2).sum(), lambda g, x: g + 0 * x, X, index=0) == {}
        assert said(cotangent_alone, lambda x: x**2, lambda g, x: g, X, index=0) == {}

    def test_less_or_more_than_the_true_one(self):
        def forward(x):
            return x**2 + x

        for gradient, message in (
            (lambda g, x: 2 * g * x, "the true one less the cotangent itself: a term is missing"),
            (lambda g, x: 2 * g * (x + 1), "the true one plus the cotangent itself"),
        ):
            assert said(less_the_cotangent, forward, gradient, X, index=0) == {message: "missing-term"}
        assert said(less_the_cotangent, forward, lambda g, x: g * (2 * x + 1.5), X, index=0) == {}
        assert said(less_the_cotangent, lambda x: x.sum(0), lambda g, x: 0 * x, X, index=0) == {}
        assert said(less_the_cotangent, forward, lambda g, x: (2 * g * x)[:1], X, index=0) == {}


@pytest.mark.parametrize(
    ("reduced", "axis", "how"),
    [
        (np.sum, 0, "summed over its own axis 0"),
        (np.mean, 1, "averaged over its own axis 1"),
        (np.sum, (0, 1), "summed over its own axes 0 and 1"),
        (np.mean, (0, 1), "averaged over its own axes 0 and 1"),
    ],
)
def test_a_gradient_that_is_the_same_along_its_own_axes(reduced, axis, how):
    def backward(g, x):
        return np.broadcast_to(reduced(g * 2 * x, axis=axis, keepdims=True), x.shape)

    found = said(spread, lambda x: x**2, backward, np.where(X > 1, 0, X), index=0)
    assert found == {f"the true one {how}, and the same along them": "broadcast"}
    assert said(spread, lambda x: x**2, lambda g, x: backward(g, x)[:1], X, index=0) == {}
    rectified = np.maximum(X, 0)
    assert said(spread, lambda x: x**2, lambda g, x: backward(g, x) + (x == 0), rectified, index=0) == {}
    long = list(spread(scene_of(lambda x: np.sin(x), lambda g, x: g, drawn(1, 2)), 0))
    assert len(long) == 2  # an axis of one entry is none


def sums_of_pairs(x):
    return x[:-1] + x[1:]


def pairs_backward(g, x):
    grad = np.zeros_like(x)
    grad[1:] += g
    grad[:-1] += g
    return grad


class TestAveraged:
    def said(self, times, x=None):
        x = drawn(6) if x is None else x
        return said(averaged, sums_of_pairs, lambda g, x: pairs_backward(g, x) * times, x, index=0)

    def test_each_entry_divided_by_a_number_of_its_own(self):
        message = "the true one with each entry divided by a whole number of its own, up to 3: averaged, not added"
        assert self.said(1 / np.array([1, 2, 3, 2, 2, 1])) == {message: "overlap"}

    def test_or_multiplied(self):
        message = "the true one with each entry times a whole number of its own, up to 3: added several times"
        assert self.said(np.array([1, 2, 2, 3, 2, 1])) == {message: "overlap"}

    def test_two_different_numbers_are_enough_and_large_ones_are_known(self):
        def backward(g, x):
            return pairs_backward(g, x) * np.exp(x) * np.array([1, 10_000_000, 1, 1, 1, 1])

        message = "the true one with each entry times a whole number of its own, up to 10000000: added several times"
        found = said(averaged, lambda x: sums_of_pairs(np.exp(x)), backward, drawn(6), index=0)
        assert found == {message: "overlap"}

    @pytest.mark.parametrize(
        "times",
        [
            [2] * 6,
            [1, 2, 2.1, 3, 2, 1],
            [1, 2, 0, 3, 2, 1],
            [-1, 2, 2, 3, 2, 1],
            [np.inf, 1 / 2, 1 / 2, 1 / 3, 1 / 2, 1],
        ],
    )
    def test_no_other_numbers(self, times):
        assert self.said(np.array(times)) == {}

    def test_an_entry_that_nobody_sees_has_no_number(self):
        counts = np.array([1, 2, 2, 3, 2, 1, 5])
        found = said(
            averaged,
            lambda x: sums_of_pairs(x[:-1]),
            lambda g, x: counts * np.append(pairs_backward(g, x[:-1]), 0),
            drawn(7),
            index=0,
        )
        assert list(found.values()) == ["overlap"]

    def test_the_same_numbers_elsewhere(self):
        counts = np.array([1, 2, 2, 3, 2, 1])
        scenes = [
            scene_of(sums_of_pairs, lambda g, x, n=n: pairs_backward(g, x) * n, drawn(6, seed=k))
            for k, n in enumerate((counts, counts, counts[::-1]))
        ]
        assert len(held(averaged, *scenes[:2])) == 1
        assert held(averaged, scenes[0], scenes[2]) == {}
        other = scene_of(sums_of_pairs, lambda g, x: 2.1 * pairs_backward(g, x), drawn(6))
        assert held(averaged, scenes[0], other) == {}

    def test_of_an_entry_that_is_zero_none_is_known(self):
        g = np.array([1.5, -1.5, 0.75, 1.25, -0.5])  # the second entry's is zero

        def backward(at_zero, times):
            return lambda g, x: pairs_backward(g, x) * times + at_zero * (np.arange(6) == 1)

        counts = np.array([1, 7, 2, 3, 2, 1])
        for at_zero, known in ((0.0, True), (0.5, False)):
            scene = scene_of(sums_of_pairs, backward(at_zero, counts), drawn(6), cotangent=g)
            assert [message[-22:] for message in held(averaged, scene)] == ["3: added several times"] * known
        scenes = [scene_of(sums_of_pairs, backward(0.0, counts), drawn(6), cotangent=c) for c in (g, np.arange(1.0, 6))]
        assert len(held(averaged, *scenes)) == 1

    def test_of_an_entry_that_is_zero_to_roundoff_none_is_known(self):
        counts = np.array([1, 7, 2, 3, 2, 1])

        def forward(x):
            return x[:-1] / 3 + x[1:] / 7

        def backward(g, x):
            return counts * (np.append(g, 0) / 3 + np.append(0, g) / 7)

        scenes = [
            scene_of(forward, backward, drawn(6), cotangent=np.array(c))
            for c in ([7.0, -3, 1, 2, 1], [1.0, 2, 3, 4, 5])
        ]
        assert len(held(averaged, *scenes)) == 1

    def test_not_where_nothing_is_added(self):
        counts, x = np.array([1, 2, 2, 3, 2, 1]), drawn(6)
        for back, told in ((-1, 1), (None, 0)):  # each output sees a neighbour, or its own entry alone

            def forward(x, back=back):
                return x + np.roll(x, 1) if back else 2 * x

            def backward(g, x, back=back):
                return counts * (g + np.roll(g, back) if back else 2 * g)

            assert len(said(averaged, forward, backward, x, index=0)) == told


class TestOverwritten:
    MESSAGE = (
        "what one output alone contributes, where several see an entry: assigned (=), not added (+=), or added once "
        "where an index comes several times"
    )

    def assigned(self, *slices):
        def backward(g, x):
            grad = np.zeros_like(x)
            for some in slices:
                grad[some] = g
            return grad

        return backward

    def said(self, backward, forward=sums_of_pairs, x=None):
        return said(overwritten, forward, backward, drawn(6) if x is None else x, index=0)

    def test_by_the_last_or_the_first(self):
        later, earlier = slice(1, None), slice(None, -1)
        for backward in (self.assigned(later, earlier), self.assigned(earlier, later)):
            assert self.said(backward) == {self.MESSAGE: "overlap"}

    def test_not_where_it_is_right_or_anything_else(self):
        later = slice(1, None)
        for backward in (
            pairs_backward,
            lambda g, x: 2 * self.assigned(later)(g, x),
            lambda g, x: 0 * x,
            lambda g, x: self.assigned(later)(g, x)[1:],
            lambda g, x: self.assigned(later)(g, x) * np.where(np.arange(6) == 5, 1.5, 1),  # that one output sees
            lambda g, x: pairs_backward(g, x) * np.where(np.arange(6) == 2, 0, 1),
        ):
            assert self.said(backward) == {}

    def test_an_entry_may_be_left_out_beside(self):
        assigned = self.assigned(slice(1, None))
        assert self.said(lambda g, x: assigned(g, x) * (np.arange(6) != 2)) == {self.MESSAGE: "overlap"}

    def test_of_the_entries_whose_derivative_is_known(self):
        """At zero the absolute value has none."""
        assigned = self.assigned(slice(1, None))
        x = np.where(np.arange(6) == 2, 0, drawn(6))

        def forward(x):
            return sums_of_pairs(np.abs(np.frombuffer(x.tobytes())))  # of bytes there are differences alone

        assert self.said(lambda g, x: assigned(g, x) * np.sign(x), forward, x) == {self.MESSAGE: "overlap"}

    def test_in_float32_with_its_roundoff(self):
        backward = self.assigned(slice(1, None))
        scene = scene_of(
            lambda x: sums_of_pairs(x / 3),
            lambda g, x: (backward(g, x) / 3).astype(np.float32),
            drawn(6),
            eps=2.0**-23,
        )
        assert held(overwritten, scene) == {self.MESSAGE: "overlap"}

    def test_an_entry_that_one_output_sees_is_held_to_its_own_digits(self):
        """Beside a much larger one it is off by a thousandth."""
        assigned, sizes = self.assigned(slice(1, None)), np.array([1, 1e6, 1, 1, 1, 1e-6])
        for off, found in ((0.0, {self.MESSAGE: "overlap"}), (1e-3, {})):
            last = 1 + off * (np.arange(6) == 5)
            assert (
                self.said(lambda g, x, t=last: t * sizes * assigned(g, x), lambda x: sums_of_pairs(sizes * x)) == found
            )

    def test_where_no_entry_is_seen_by_several(self):
        assert self.said(lambda g, x: g, forward=lambda x: np.sin(x)) == {}
        assert self.said(lambda g, x: g * np.cos(x), forward=lambda x: np.sin(x)) == {}

    def test_by_all_features_of_one_row(self):
        filters = drawn(2, seed=1)

        def backward(g, x):
            grad = np.zeros_like(x)
            grad[1:] = g @ filters
            grad[:-1] = g @ filters
            return grad

        assert self.said(backward, lambda x: np.outer(x[:-1] + x[1:], filters)) == {self.MESSAGE: "overlap"}

    def test_by_all_channels_of_one_place(self):
        filters = drawn(2, seed=1)

        def forward(x):
            return filters[:, None] * (x[:, None, :-1] + x[:, None, 1:])

        def backward(g, x):
            grad = np.zeros_like(x)
            grad[:, 1:] = (filters[:, None] * g).sum(1)
            grad[:, :-1] = (filters[:, None] * g).sum(1)
            return grad

        assert self.said(backward, forward, drawn(3, 5)) == {self.MESSAGE: "overlap"}
