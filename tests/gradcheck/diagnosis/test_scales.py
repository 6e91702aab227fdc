"""Mistakes of scale: a sign, a factor, nothing at all, a few last digits."""

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.scales import multiplied, number, recognized, scaled, zero
from tests.gradcheck.diagnosis.claims import drawn, held, scene_of

X = drawn(4, 5)
FIVE = "5 is the length of axis 1 of x and the length of axis 1 of the output"
FOUR = "4 is the length of axis 0 of x and the length of axis 0 of the output"


def sine(x):
    return np.sin(x)


def sine_of_bytes(x):
    """Of which there is no record: its derivatives cost calls."""
    return np.sin(np.frombuffer(x.tobytes())).reshape(x.shape)


def scaled_sine(x, rate=0.7):
    return rate * np.sin(x)


def said(factor, x=X, *, forward=sine, calls=100_000):
    """What is said of a gradient that is so many times the true one."""
    scene = scene_of(forward, lambda g, x: factor * g * np.cos(x), x, calls=calls)
    found = (held(scaled, scene) | held(multiplied, scene)).items()
    return {message.replace(" times the true one", "").removesuffix(" the true one"): kind for message, kind in found}


def test_zeros_are_told():
    assert held(zero, scene_of(sine, lambda g, x: 0 * x, X)) == {
        "zero throughout, the true one is not": "zero-gradient"
    }
    assert held(zero, scene_of(sine, lambda g, x: g * (np.arange(X.size).reshape(X.shape) > 0), X)) == {}
    assert held(zero, scene_of(sine, lambda g, x: np.zeros(3), X)) == {}


@pytest.mark.parametrize(
    ("forward", "calls"), [(sine, 100_000), (sine_of_bytes, 200)], ids=["entry by entry", "along a direction"]
)
@pytest.mark.parametrize(
    ("factor", "expected"),
    [
        (0.0, {}),
        (-1.0, {"minus": "sign"}),
        (2.0, {"2": "constant-factor"}),
        (-0.5, {"minus 1/2": "constant-factor"}),
        (1 / 5, {f"1/5 ({FIVE})": "constant-factor"}),
        (-4.0, {f"minus 4 ({FOUR})": "constant-factor"}),
        (1.3, {"1.3": "constant-factor"}),
        (1 + 1e-4, {"too large by a share of 0.0001": "small-relative"}),
        (1 - 2.5e-3, {"too small by a share of 0.0025": "small-relative"}),
        (1.02, {"1.02": "constant-factor"}),
        (5**0.5, {f"2.23607 (5, of which that is the root, {FIVE[2:]})": "constant-factor"}),
        (20.0, {"20 (20 is the size of x and the size of the output)": "constant-factor"}),
    ],
)
def test_a_factor_is_told_and_what_it_may_be(factor, expected, forward, calls):
    assert said(factor, forward=forward, calls=calls) == expected


def test_of_what_a_factor_may_be_two_things_are_said():
    fifths = f"{FOUR}, {FIVE}, or N and N - 1 exchanged, N = {FIVE.replace(' is ', ', ', 1)}"
    assert list(said(0.8)) == [f"0.8 ({fifths})"]


def test_a_default_of_forward_is_a_number_that_is_known():
    scene = scene_of(scaled_sine, lambda g, x: g * np.cos(x), X)
    assert any("0.7 is the option rate" in message for message in held(scaled, scene))


def test_a_quotient_of_two_lengths_is_offered_where_it_is_nothing_else():
    def forward(x, rate=2.25):
        return rate * np.sin(x)

    def names(of):
        return [name for _, name in recognized(scene_of(of, lambda g, x: g, drawn(3, 2)), 1.5)]

    assert [name[:8] for name in names(sine)] == ["3 is the", "perhaps "]
    assert names(forward) == ["2.25, of which that is the root, is the option rate"]


def test_the_factor_is_the_same_everywhere():
    for factors, count in (((1.3, 1.3), 1), ((1.3, 1.4), 0), ((1 + 1e-4, 1 + 2e-4), 0), ((-1, 1), 0), ((0, 1), 0)):
        scenes = [
            scene_of(sine, lambda g, x, f=f: f * g * np.cos(x), drawn(4, 5, seed=k)) for k, f in enumerate(factors)
        ]
        assert len(held(scaled, *scenes) | held(multiplied, *scenes)) == count


def test_of_what_is_no_multiple_or_of_another_shape_nothing_is_said():
    assert held(scaled, scene_of(sine, lambda g, x: g * x, X)) == {}
    opposite = scene_of(lambda x: x.sum(), lambda g, x: g * np.array([1.0, -1.0]), np.ones(2))
    assert held(scaled, opposite) == {}  # the best multiple is zero
    assert held(scaled, scene_of(sine, lambda g, x: 2 * (g * np.cos(x))[:1], X)) == {}


def test_an_average_over_the_batch():
    scene = scene_of(lambda x, b: x + b, lambda g, x, b: (g, g.mean(0)), X, drawn(5))
    found = held(scaled, scene, index=1)
    assert found["the true one averaged over axis 0 of the output, not summed"] == "broadcast"
    halved = scene_of(lambda x, b: x + b, lambda g, x, b: (g, g.sum(0) / 5), X, drawn(5))
    assert "broadcast" not in held(scaled, halved, index=1).values()
    for forward, gradient, b in (
        (lambda x, b: x + b[:, None], lambda g: g.sum(1) / 4, drawn(4)),
        (lambda x, b: x + b, lambda g: g.sum() / 4, np.array(0.5)),
    ):
        along_no_axis = scene_of(forward, lambda g, x, b, of=gradient: (g, of(g)), X, b)
        assert "broadcast" not in held(scaled, along_no_axis, index=1).values()


def test_another_input_that_is_a_single_number():
    def forward(x, s, t):
        return x * s * t

    for gradient, message in (
        (lambda g, s, t: g * s, "the true one without the factor t"),
        (lambda g, s, t: g * s * s * t, "the true one times s once more"),
    ):
        scenes = [
            scene_of(
                forward, lambda g, x, s, t, of=gradient: (of(g, s, t), s, t), X, np.array([3.7 + k]), np.array(1.9 + k)
            )
            for k in (0, 1)
        ]
        assert held(scaled, *scenes) == {message: "missing-factor"}


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (3.0, "3"),
        (1.0, "1"),
        (-3.0, "-3"),
        (1 / 3, "1/3"),
        (-0.25, "-1/4"),
        (0.3, "0.3"),
        (2.5, "2.5"),
        (1e-7, "1/10000000"),
    ],
)
def test_a_number_for_a_reader(value, text):
    assert number(value) == text


class TestRecognized:
    def told(self, factor, *shapes, options=None):
        inputs = [drawn(*shape) for shape in shapes]
        scene = scene_of(lambda x, *rest: x, lambda g, x, *rest: (g, *rest), *inputs)
        scene.options = options or {}
        return list(recognized(scene, factor))

    def test_lengths_sizes_and_pixels_and_their_reciprocals(self):
        assert self.told(1 / 3, (2, 3, 4, 5)) == [
            (pytest.approx(1 / 3), "3 is the length of axis 1 of x and the length of axis 1 of the output")
        ]
        assert self.told(20.0, (2, 3, 4, 5)) == [(20, "20 is the pixels of x and the pixels of the output")]
        assert self.told(120.0, (2, 3, 4, 5)) == [(120, "120 is the size of x and the size of the output")]
        both = "the length of axis 0 of x, the length of axis 1 of x, and 2 others"
        assert self.told(3.0, (3, 3, 1)) == [(3, f"3 is {both}")]
        assert self.told(3.0, (3,), (3,)) == [(3, "3 is the length of axis 0 of x, and 2 others")]

    def test_options(self):
        assert self.told(0.7, (4,), options={"rate": 0.7, "name": "n", "zero": 0.0, "far": np.inf}) == [
            (0.7, "0.7 is the option rate")
        ]
        assert self.told(1 / 0.7, (4,), options={"rate": 0.7})[0][1] == "0.7 is the option rate"
        assert self.told(0.3, (4,), options={"rate": 0.7})[0][1] == "0.3 is 1 less the option rate"
        assert self.told(7 / 3, (4,), options={"rate": 0.7})[0][1] == "2.33333 is the option rate, divided by 1 less it"
        assert self.told(5.5, (4,), options={"rate": 6.5}) == []

    def test_quotients_only_where_nothing_else_is_known(self):
        of = "the length of axis {} of x and the length of axis {} of the output"
        assert self.told(7 / 11, (7, 11)) == [(7 / 11, f"7 is {of.format(0, 0)}, 11 is {of.format(1, 1)}")]
        n = f"N = 7, {of.format(0, 0)}"
        assert self.told(6 / 7, (7,)) == [(6 / 7, f"N and N - 1 exchanged, {n}")]
        assert self.told((7 / 6) ** 0.5, (7,)) == [((7 / 6) ** 0.5, f"the roots of N and N - 1 exchanged, {n}")]
        assert self.told(2 / 7, (2, 7)) == [(2 / 7, f"2 is {of.format(0, 0)}, 7 is {of.format(1, 1)}")]
        assert self.told(3.0, (7,), options={"k": 1}) == []
        assert len(self.told(5**0.5, (4, 5))) == 1
        assert self.told(4 / 3, (4,))[0][1].startswith("perhaps N and N - 1 exchanged, N = 4")

    def test_a_half_or_two_need_no_reason(self):
        assert self.told(2.0, (7,)) == [(2.0, "")]
        assert self.told(0.5, (7,)) == [(0.5, "")]
        assert self.told(3.0, (7,)) == []


@pytest.mark.parametrize(
    ("factor", "shape", "certain"),
    [
        (1 / 5, (4, 5), True),
        (4.0, (4, 5), True),
        (1 / 4, (4, 4), False),  # of either axis
        (2.0, (2, 5), False),  # a square has that factor, too
        (0.5, (4, 5), False),
        (0.7, (4, 5), True),
        (0.7, (7, 10), True),  # also a quotient of lengths: an option is likelier
        (0.75, (4, 5), False),  # N and N - 1 exchanged
    ],
)
def test_a_factor_that_may_be_several_things_is_said_after_what_the_code_tells(factor, shape, certain):
    x = drawn(*shape)
    scene = scene_of(scaled_sine, lambda g, x: factor * 0.7 * g * np.cos(x), x)
    early, late = held(scaled, scene), held(multiplied, scene)
    assert bool(early) is certain
    assert len(late) == 1
    assert set(early) <= set(late)
