"""A gradient that went through a lower precision."""

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.precision import PRECISIONS, _of_numpy, as_if_rounded, rounded
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(4, 5)
DTYPES = {"bfloat16": ml_dtypes.bfloat16, "float16": np.float16, "float32": np.float32}


def sine(x):
    return np.sin(x)


def through(name, array):
    return array.astype(DTYPES[name]).astype(float)


def test_the_formats_have_their_names():
    assert [precision.name for precision in PRECISIONS] == list(DTYPES)
    half = _of_numpy(np.float16)
    assert (half.name, half.eps, half.short(np.array(1 + 2.0**-12))) == ("float16", 2.0**-10, 1)


@pytest.mark.parametrize("precision", PRECISIONS, ids=lambda precision: precision.name)
def test_numbers_of_a_precision_are_those_of_its_format(precision):
    numbers = np.concatenate([drawn(50), 100 * drawn(50), [0.0, 1.0, -2.0]])
    assert np.array_equal(precision.short(numbers), through(precision.name, numbers))
    assert precision.eps == float(ml_dtypes.finfo(DTYPES[precision.name]).eps)


@pytest.mark.parametrize("name", DTYPES)
class TestRounded:
    def test_is_told_with_the_coarsest_first(self, name):
        scene = scene_of(sine, lambda g, x: through(name, g * np.cos(x)), X)
        assert next(iter(held(rounded, scene).items())) == (f"the true one rounded to {name}", "precision")

    @pytest.mark.parametrize("of", ["the cotangent", "w"])
    def test_before_it_is_multiplied(self, name, of):
        w = drawn(4, 5, seed=2)

        def backward(g, x, w):
            inner = through(name, (w if of == "the cotangent" else g) * np.cos(x))
            return inner * (g if of == "the cotangent" else w), 0 * w

        found = held(rounded, scene_of(lambda x, w: w * np.sin(x), backward, X, w))
        assert list(found.items())[:2] == [
            (f"the true one with what {of} is multiplied by rounded to {name}", "precision"),
            (f"off by roundoffs of {name}", "small-relative"),
        ]

    def test_of_small_numbers_too(self, name):
        scene = scene_of(lambda x: np.sin(x) / 64, lambda g, x: through(name, g * np.cos(x) / 64), X)
        assert f"the true one rounded to {name}" in held(rounded, scene)
        wrong = scene_of(lambda x: np.sin(x) / 64, lambda g, x: through(name, g * np.cos(x) / 64 + 1 / 64), X)
        assert held(rounded, wrong) == {}
        tiny = scene_of(lambda x: np.sin(x) / 2**20, lambda g, x: g * np.cos(x) / 2**20, X)
        assert held(rounded, tiny) == {}

    def test_of_three_entries(self, name):
        found = held(rounded, scene_of(sine, lambda g, x: through(name, g * np.cos(x)), X[0, :3]))
        assert f"the true one rounded to {name}" in found

    def test_not_where_nothing_is_known(self, name):
        scene = scene_of(
            lambda x: np.maximum(np.frombuffer(x.tobytes()), 0), lambda g, x: through(name, g), np.zeros(5)
        )
        assert not np.isfinite(scene.truth(0).error).any()
        assert held(rounded, scene) == {}

    def test_not_where_it_is_off_by_more_or_of_two_entries_or_of_another_shape(self, name):
        for backward, x in (
            (lambda g, x: through(name, 1.5 * g * np.cos(x)), X),
            (lambda g, x: through(name, g * np.cos(x)), X[0, :2]),
            (lambda g, x: through(name, g * np.cos(x))[:1], X),
            (lambda g, x: g * np.cos(x), X),
        ):
            assert held(rounded, scene_of(sine, backward, x)) == {}


class TestScattered:
    SAID = "the true one but for errors of a few roundoffs of {}, as of numbers kept in it"

    def said(self, errors, x=X):
        found = held(as_if_rounded, scene_of(sine, lambda g, x: g * np.cos(x) * (1 + errors), x))
        assert set(found.values()) <= {"precision"}
        return list(found)

    @pytest.mark.parametrize("name", ["float16", "float32"])
    @pytest.mark.parametrize(("size", "told"), [(3.9, True), (1.0, True), (4.1, False)])
    def test_errors_of_both_signs_up_to_four_roundoffs(self, name, size, told):
        eps = float(np.finfo(DTYPES[name]).eps)
        errors = size * eps * np.linspace(-1, 1, 20).reshape(4, 5)
        assert self.said(errors) == [self.SAID.format(name)] * told
        for one_sign in (np.abs(errors), np.maximum(errors, 0), np.minimum(errors, 0)):
            assert self.said(one_sign) == []
        assert self.said(np.maximum(errors, -eps)) == self.said(np.minimum(errors, eps)) == self.said(errors)

    def test_errors_that_are_much_smaller_are_not_of_it(self):
        spread = np.linspace(-1, 1, 20).reshape(4, 5)
        assert self.said(1.9 * 2.0**-15 * spread) == []  # twice the root of eps to the third, of float16
        assert self.said(2.1 * 2.0**-15 * spread) == [self.SAID.format("float16")]

    def test_of_two_entries_or_of_another_shape_nothing_is_said(self):
        errors = 2.0**-10 * np.array([-1.0, 1.0])
        assert self.said(errors, X[0, :2]) == []
        assert self.said(np.append(errors, 0), X[0, :3]) == [self.SAID.format("float16")]
        assert held(as_if_rounded, scene_of(sine, lambda g, x: (g * np.cos(x))[:1], X)) == {}

    def test_entries_that_are_zero_say_nothing(self):
        errors = 2.0**-10 * np.linspace(-1, 1, 20).reshape(4, 5)
        x = np.where(X > 1, 0, X)
        scene = scene_of(lambda x: x**2, lambda g, x: 2 * g * x * (1 + errors), x)
        assert list(held(as_if_rounded, scene)) == [self.SAID.format("float16")]
        assert held(as_if_rounded, scene_of(lambda x: 0 * x, lambda g, x: g, X)) == {}
