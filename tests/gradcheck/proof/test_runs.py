"""The runs of a proof: their directions, and the caller's state that they leave as it was."""

import math
from time import thread_time

import numpy as np
import pytest
from flint import ctx

from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof.outcome import Rounding
from scratchcnn.gradcheck.proof.prove import prove
from scratchcnn.gradcheck.proof.runs import WEIGHT_BITS, Runs
from scratchcnn.gradcheck.proof.world.run import NotRun
from tests.gradcheck.proof.proofs import cotangent_of, normal, proved


def runs_at(forward, *inputs, backward=lambda g, *x: x, wrt=None, asked=None, until=math.inf):
    everything = range(len(inputs))
    return Runs(
        (forward, backward),
        Point(inputs, np.ones(np.shape(forward(*(a.copy() for a in inputs))))),
        everything if wrt is None else wrt,
        everything if asked is None else asked,
        np.random.default_rng(0),
        until,
    )


def runs_of(*sizes):
    return runs_at(lambda *x: x[0], *map(np.ones, sizes))


def slopes(moved):
    return [int(float(s)) for s in moved.slopes]


def test_weights_are_of_sixty_bits_and_both_signs_and_no_two_alike():
    drawn = runs_of(200, 100).drawn(np.arange(50, 250))
    assert list(drawn) == list(range(50, 250))
    assert all(1 << (WEIGHT_BITS - 1) <= abs(w) < 1 << WEIGHT_BITS for w in drawn.values())
    assert len({abs(w) for w in drawn.values()}) == 200
    assert 60 < sum(w > 0 for w in drawn.values()) < 140


def test_directions_differ_from_each_other():
    runs = runs_of(5)
    assert runs.drawn(np.arange(5)) != runs.drawn(np.arange(5))


def test_the_slopes_are_those_along_the_direction():
    moved = runs_of(4).along({0: 3, 2: -5})
    assert slopes(moved) == [3, 0, -5, 0]
    assert (moved.met, moved.rounded, moved.still) == (False, False, False)


def test_entries_of_all_inputs_that_are_looked_at_stand_in_a_row():
    x, rows, y = np.array([[1.0, 2.0]]), np.array([1, 0]), np.array([[3.0, 4.0]])
    runs = runs_at(lambda x, rows, y: x[:, rows] * y, x, rows, y, wrt=[0, 2])
    moved = runs.along({1: 2, 2: 5})
    assert [float(v) for v in moved.outputs] == [6, 4]
    assert slopes(moved) == [2 * 3 + 2 * 5, 0]
    assert runs.along({}).still


def test_a_number_that_is_rounded_to_a_whole_one_is_told():
    assert runs_at(np.rint, np.array([1.25])).along({0: 1}).rounded


def test_balls_show_the_coarsest_dtype():
    x, y = np.ones(2), np.ones(2, np.float32)
    for inputs in ((x, y), (y, x)):
        assert runs_at(lambda x, y: x + y, *inputs).world.dtype == np.float32


def test_entries_of_the_same_value_move_alike_and_zeros_stay():
    values = np.array([1.0, 2.0, 0.0, 1.0]), np.array([9.0]), np.array([[2.0, 5.0]])
    drawn = runs_at(lambda *x: x[0], *values, wrt=[0, 2]).drawn_alike()
    assert sorted(drawn) == [0, 1, 3, 4, 5]
    assert drawn[0] == drawn[3]
    assert drawn[1] == drawn[4]
    assert len(set(drawn.values())) == 3


@pytest.mark.parametrize(
    ("forward", "kinks"),
    [
        (lambda x: np.where(x >= 0, 3 * x, 3 * x), False),
        (lambda x: np.maximum(x, 0), True),
        (np.abs, True),
        (lambda x: np.where(x >= 0, x, x - 1), True),  # a jump on the left
        (lambda x: np.where(x > 0, x + 1, x), True),  # and on the right
        (lambda x: np.maximum(x[:1], 0) + np.minimum(x[1:], 0), True),  # both sides agree along (1, 1), not elsewhere
    ],
)
def test_at_a_tie_a_kink_is_told(forward, kinks):
    far = 1 << WEIGHT_BITS
    moved = runs_at(forward, np.zeros(2)).moved({0: far, 1: far})
    assert (moved.met, moved.kinks) == (True, kinks)
    if not kinks:
        assert slopes(moved) == [3 * far, 3 * far]


def test_where_no_tie_is_met_there_is_no_kink():
    moved = runs_at(np.abs, np.ones(2)).moved({0: 2, 1: 2})
    assert (moved.met, moved.kinks, slopes(moved)) == (False, False, [2, 2])


def test_a_slope_without_limit_does_not_agree_with_itself():
    assert runs_at(lambda x: np.where(x >= 0, x, x) + 0 * np.sqrt(x), np.zeros(1)).moved({0: 2}).kinks


class TestBackward:
    X, Y = np.array([1.0, 2.0]), np.array([[3.0], [4.0]])

    def backward(self, backward, **options):
        runs = runs_at(lambda x, y: x * y[:, 0], self.X, self.Y, backward=backward, **options)
        return [float(v) for v in runs.backward()]

    def test_gives_the_entries_of_all_inputs_in_a_row(self):
        assert self.backward(lambda g, x, y: (g * y[:, 0], (g * x)[:, None])) == [3, 4, 1, 2]
        assert self.backward(lambda g, x, y: [None, (g * x)[:, None]], wrt=[1]) == [1, 2]

    def test_may_answer_for_the_inputs_alone_that_it_is_asked_for(self):
        assert self.backward(lambda g, x, y: (g * x)[:, None], wrt=[1], asked=[1]) == [1, 2]
        assert self.backward(lambda g, x, y: (g * y[:, 0], (g * x)[:, None]), wrt=[1], asked=[0]) == [1, 2]

    @pytest.mark.parametrize(
        ("gradients", "message"),
        [
            (lambda g, x, y: (g, y, y), "^backward gives another number of gradients on balls$"),
            (lambda g, x, y: (g[:1], y), "^backward gives a gradient of another shape on balls$"),
        ],
    )
    def test_of_another_form_does_not_count(self, gradients, message):
        with pytest.raises(NotRun, match=message):
            self.backward(gradients)


def test_an_output_of_another_shape_on_balls_does_not_count():
    runs = runs_at(lambda x: x if type(x) is np.ndarray else x[:1], np.ones(2))
    with pytest.raises(NotRun, match=r"^gives an output of another shape on balls$"):
        runs.along({0: 1})


def endless(*arrays):
    x = arrays[-1]
    while len(arrays) > 1 or type(x) is not np.ndarray:
        x = x + 1
    return x


@pytest.mark.parametrize("seconds", [0.0, 0.05])
def test_runs_end_when_their_time_is_over(seconds):
    for run in (lambda runs: runs.along({0: 1}), lambda runs: runs.backward()):
        with pytest.raises(NotRun, match=r"^takes too long$"):
            run(runs_at(endless, np.ones(2), backward=endless, until=thread_time() + seconds))


# The caller's state.


class Layer:
    """Remembers what forward saw, and counts."""

    def __init__(self):
        self.cache, self.calls = None, 0

    def forward(self, x):
        self.cache, self.calls = np.tanh(x), self.calls + 1
        return self.cache.copy()

    def backward(self, g, x):
        self.forward(x)
        return g * (1 - self.cache**2)


def test_caches_inputs_and_the_precision_are_left_as_they_were():
    layer, x = Layer(), normal(4)
    layer.forward(x)
    cache, kept, bits = layer.cache, x.copy(), ctx.prec
    g = np.ones(4)
    proof = prove(layer.forward, layer.backward, Point([x], g), [0], np.random.default_rng(0), 10.0)
    assert proof.inputs[0].right.all()
    assert layer.cache is cache
    assert (layer.calls, ctx.prec) == (1, bits)
    assert np.array_equal(x, kept)
    assert np.array_equal(g, np.ones(4))


def test_writing_into_arguments_spoils_neither_the_proof_nor_the_caller_s_arrays():
    def forward(x):
        x *= 2
        return np.sin(x)

    def backward(g, x):
        x *= 2
        g *= 2
        return g * np.cos(x)

    x = normal(4)
    kept = x.copy()
    assert proved(forward, backward, x.copy()).inputs[0].right.all()
    g = cotangent_of(forward, [x.copy()])
    prove(forward, backward, Point([x], g), [0], np.random.default_rng(0), 10.0)
    assert np.array_equal(x, kept)


def test_what_forward_writes_into_is_whole_again_in_the_next_run():
    def forward(x, s):
        s *= 2
        return x * s

    proof = proved(forward, lambda g, x, s: (2 * g * s * np.array([1, 1, 3, 1]), None), normal(4), normal(4), wrt=[0])
    assert proof.inputs[0].wrong.tolist() == [False, False, True, False]
    assert proof.inputs[0].right.tolist() == [True, True, False, True]


class TestStraightThroughRoundings:
    """The inputs move all the time there, if with a slope of zero: what is made of them is no constant."""

    def along(self, forward, *inputs, rounding, wrt=None):
        point = Point(inputs, np.ones(np.shape(forward(*inputs))))
        wrt = range(len(inputs)) if wrt is None else wrt
        runs = Runs((forward, forward), point, wrt, wrt, np.random.default_rng(0), math.inf, rounding)
        return runs.along({0: 2})

    @pytest.mark.parametrize(("rounding", "value"), [(Rounding.ROUNDED, 1), (Rounding.UNROUNDED, 1.25)])
    def test_slopes_and_values(self, rounding, value):
        moved = self.along(np.rint, np.array([1.25, 2.0]), rounding=rounding)
        assert [float(v) for v in moved.outputs] == [value, 2]
        assert slopes(moved) == [2, 0]
        assert (moved.met, moved.rounded, moved.still) == (False, False, False)

    @pytest.mark.parametrize("wrt", [(0, 1), (0,)])
    def test_an_input_that_stands_still_is_not_rounded_either(self, wrt):
        forward = lambda x, w: np.rint(x) * np.rint(w)  # noqa: E731
        x, w = np.array([1.25]), np.array([2.75])
        assert [float(s) for s in self.along(forward, x, w, rounding=Rounding.UNROUNDED, wrt=wrt).slopes] == [5.5]
        assert [float(s) for s in self.along(forward, x, w, rounding=Rounding.ROUNDED, wrt=wrt).slopes] == [6]

    def test_integers_stay(self):
        x, k = np.array([1.25]), np.array([3])
        assert slopes(self.along(lambda x, k: np.rint(x) * k, x, k, rounding=Rounding.ROUNDED, wrt=(0,))) == [6]
