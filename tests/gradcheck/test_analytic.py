"""What backward says, in which precision, and how far its own roundoff may have moved that."""

import numpy as np
import pytest

from scratchcnn.gradcheck.analytic import Analytic, trembling
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.numerical.steps import units
from scratchcnn.gradcheck.points import Point

EPS, EPS32 = float(np.finfo(np.float64).eps), float(np.finfo(np.float32).eps)
X = np.array([1.0, -3.0, 0.25])
G = np.array([0.5, 1.0, -2.0])
FINE = np.finfo(np.longdouble).eps < EPS  # whether there is a longdouble


def square(x):
    return x**2


def square_backward(g, x):
    return (2 * g * x,)


def constant_backward(g, x):
    return (np.full_like(x, [3.0, -6.0, 1.5]),)


def analytic(backward=square_backward, x=X, forward=square, g=G, unsteady=False, **options):
    case = prepare(forward, backward, (x,), **options)
    g = g.astype(case.output.dtype)
    return Analytic(case, g, case.gradients(g.copy(), case.copies()), unsteady=unsteady)


def only(dtype, backward=square_backward):
    """A backward pass that refuses other floats."""

    def refusing(g, x):
        if x.dtype != dtype:
            raise TypeError(f"{dtype} only")
        return backward(g, x)

    return refusing


class TestPrecision:
    def test_in_float64_the_answer_itself_is_judged(self):
        found = analytic()
        assert (found.low, found.double, found.narrow) == (False, None, False)
        assert found.values(0).tolist() == (2 * G * X).tolist()

    def test_float32_is_judged_in_float64(self):
        third = (X / 3).astype(np.float32)
        found = analytic(x=third)
        assert (found.low, found.narrow) == (True, False)
        assert found.values(0).dtype == np.float64
        assert found.values(0).tolist() == (2 * G * third.astype(np.float64)).tolist()

    @pytest.mark.parametrize(
        "backward",
        [
            only(np.float32),
            lambda g, x: square_backward(g, x) * (2 if x.dtype == np.float64 else 1),  # two gradients for one input
            lambda g, x: (square_backward(g, x)[0].astype(np.float32),),
            lambda g, x: (square_backward(g, x)[0][: 2 if x.dtype == np.float64 else 3],),
            lambda g, x: (None if x.dtype == np.float64 else square_backward(g, x)[0],),
        ],
    )
    def test_or_in_float32_where_backward_refuses_float64(self, backward):
        found = analytic(backward, X.astype(np.float32))
        assert (found.low, found.double, found.narrow) == (True, None, True)
        assert found.values(0).dtype == np.float64
        assert found.values(0).tolist() == (2 * G * X).tolist()

    @pytest.mark.parametrize(
        ("x", "backward", "eps"),
        [
            (X, square_backward, EPS),
            (X.astype(np.float32), square_backward, EPS32),
            (X.astype(np.float32), only(np.float32), EPS32),
            (X, lambda g, x: (square_backward(g, x)[0].astype(np.float32),), EPS32),
            (X, lambda g, x: (np.array([1, -6, -1]),), EPS),
            (X.astype(np.float32), lambda g, x: (only(np.float32)(g, x)[0].astype(float),), EPS32),
            (X.astype(np.longdouble), square_backward, EPS),
        ],
    )
    def test_a_gradient_is_held_to_the_eps_of_its_input_or_of_the_answer(self, x, backward, eps):
        assert analytic(backward, x).eps(0) == eps


class TestSpread:
    def test_it_is_zero_unless_backward_is_known_not_to_repeat_itself(self):
        assert analytic().spread(0) == 0

    def test_it_is_twice_the_widest_difference_of_some_calls(self):
        calls = []

        def backward(g, x):
            calls.append(None)
            return (2 * g * x + np.array([0.0, 1.0, -2.0]) * (len(calls) % 4),)

        found = analytic(backward, unsteady=True)  # the first call is off by one time the error, others by 0 to 3
        assert found.spread(0).tolist() == [0, 4, 8]


class TestTrembling:
    def test_two_differences_of_three_moves(self):
        case = prepare(square, square_backward, (X,))
        (changes,) = trembling(case, Point(case.inputs, G), 2.0**-20)
        assert changes.shape == (6, 3)
        # In the first move both factors grow: by two moves between up and down, by one between up and far.
        assert changes[0] == pytest.approx(4 * 2.0**-20 * np.abs(2 * G * X) * np.sign(2 * G * X), rel=1e-4)
        assert changes[1] == pytest.approx(-2 * 2.0**-20 * (2 * G * X), rel=1e-4)
        # In the others their signs are drawn: both grow, or neither.
        assert (np.abs(changes[2:]) <= 4.01 * 2.0**-20 * np.abs(2 * G * X)).all()
        grow = np.abs(changes[2::2]) > 2.0**-20 * np.abs(2 * G * X)
        assert grow.any()
        assert not grow.all()
        assert grow[0].tolist() != [grow[0, 0]] * 3 or grow[1].tolist() != [grow[1, 0]] * 3  # each by itself

    def test_inputs_move_in_their_own_precision(self):
        case = prepare(square, only(np.float32), (X.astype(np.float32),))
        (changes,) = trembling(case, Point(case.inputs, G.astype(np.float32)), 2.0**-12)
        assert changes.dtype == np.float64
        assert changes[0] == pytest.approx(4 * 2.0**-12 * 2 * G * X, rel=1e-2)

    def test_it_is_the_same_each_time(self):
        case = prepare(square, square_backward, (X,))
        one, other = (trembling(case, Point(case.inputs, G), 2.0**-20)[0] for _ in range(2))
        assert one.tolist() == other.tolist()

    def test_zeros_move_by_a_share_of_the_unit_and_integers_stay(self):
        x, n = np.array([0.0, 4.0]), np.array([3, 0])
        seen = []

        def backward(g, x, n):
            seen.append((x, n))
            return (g * n, None)

        case = prepare(lambda x, n: x * n, backward, (x, n), wrt=(0,))
        changes = trembling(case, Point(case.inputs, np.ones(2)), 2.0**-20)
        assert {n.dtype for _, n in seen} == {n.dtype}
        assert all(same.tolist() == [3, 0] for _, same in seen)
        moved = np.unique(np.abs([x[0] for x, _ in seen]))
        assert moved.tolist() == [units(x)[0] * 2.0**-20, 2 * units(x)[0] * 2.0**-20]
        assert changes[1].tolist() == [[0, 0]]

    def test_moves_at_which_backward_raises_are_left_out_and_nan_is_no_change(self):
        calls = []

        def raising(g, x):
            calls.append(None)
            if len(calls) < 2:
                raise ValueError("not there")
            return (np.where(x < 0, np.nan, 2 * g * x),)

        case = prepare(square, raising, (X,))
        (changes,) = trembling(case, Point(case.inputs, G), 2.0**-20)
        assert changes.shape == (4, 3)
        assert not changes[:, 1].any()
        never = prepare(square, only(np.float16), (X,))
        assert trembling(never, Point(never.inputs, G), 2.0**-20)[0].tolist() == [[0, 0, 0]]


def own_error(found, status="ok", vouching=1.0, **options):
    return found.own_error(0, np.arange(3), np.full(3, status, object), np.full(3, vouching), **options)


class TestOwnError:
    VALUES = np.abs(2 * G * X)

    def test_it_is_eight_times_the_change_by_an_ulp(self):
        """Both factors move: by two ulp each between up and down."""
        error = own_error(analytic())
        assert (error >= 8 * 2 * EPS * self.VALUES).all()
        assert (error <= 8 * 8 * EPS * self.VALUES).all()

    def test_of_some_entries_in_the_order_of_asking(self):
        some = analytic().own_error(0, np.array([2, 0]), np.array(["ok", "kink"], object), np.ones(2))
        assert some[0] == own_error(analytic())[2]
        assert some[1] < EPS

    def test_at_a_kink_moves_break_ties_and_say_nothing(self):
        assert (own_error(analytic(), "kink") < EPS * self.VALUES).all()

    def test_it_is_twice_the_distance_to_the_longdouble_twin_where_that_is_small(self):
        """One ulp changes nothing here; and where longdouble is no wider there is no twin."""

        def backward(g, x):
            return (constant_backward(g, x)[0] + (2.0**-21 if x.dtype == np.float64 else 0),)

        expected = [2 * 2.0**-21 if FINE else 0.0] * 3
        assert own_error(analytic(backward)) == pytest.approx(expected)
        assert own_error(analytic(backward), vouching=2.0**-22).tolist() == [0, 0, 0]
        assert own_error(analytic(backward), "kink") == pytest.approx(expected)

    def test_without_a_longdouble_twin_the_change_alone_counts(self):
        found = analytic(only(np.float64))
        assert (own_error(found) >= 8 * 2 * EPS * self.VALUES).all()
        assert own_error(found, "kink").tolist() == [0, 0, 0]

    def test_a_lower_precision_inside_adds_its_roundoffs(self):
        constant = analytic(constant_backward)
        assert own_error(constant).tolist() == [0, 0, 0]
        assert own_error(constant, inside=EPS32) == pytest.approx(4 * EPS32 * np.array([3, 6, 1.5]))
        error = own_error(analytic(), inside=EPS32)
        assert (error >= (4 + 8) * EPS32 * self.VALUES).all()
        assert (error <= (4 + 8 * 4) * EPS32 * self.VALUES).all()
        assert own_error(analytic(), "kink", inside=EPS32) == pytest.approx(4 * EPS32 * self.VALUES)

    def test_a_gradient_in_a_low_precision_alone_has_more_and_some_of_the_largest_entry(self):
        found = analytic(only(np.float32, constant_backward), X.astype(np.float32))
        values = np.array([3, 6, 1.5])
        assert own_error(found) == pytest.approx((4 + 16) * EPS32 * values + 8 * EPS32 * 6)

    def test_of_a_gradient_that_is_nowhere_finite_it_is_unknown(self):
        nowhere = only(np.float32, lambda g, x: (np.full_like(x, np.nan),))
        assert np.isnan(own_error(analytic(nowhere, X.astype(np.float32)))).all()


class TestCoarse:
    """The tolerance of a low-precision gradient around its float64 twin."""

    def test_it_is_some_roundoffs_of_the_entry_and_of_the_largest(self):
        found = analytic(constant_backward, X.astype(np.float32)).coarse(0)
        values, floor = np.array([3, 6, 1.5]), float(np.finfo(np.float32).smallest_normal)
        assert found == pytest.approx(16 * EPS32 * values + 8 * EPS32 * 6 + floor)

    def test_and_the_change_when_inputs_and_cotangent_move_by_half_a_roundoff(self):
        found = analytic(x=X.astype(np.float32)).coarse(0)
        values = np.abs(2 * G * X)
        change = (found - 16 * EPS32 * values - 8 * EPS32 * values.max()) / (EPS32 / 2 * values)
        assert change == pytest.approx([8 * 4] * 3, rel=1e-3)

    def test_below_the_normal_numbers_there_is_a_floor(self):
        found = analytic(lambda g, x: (0 * x,), X.astype(np.float32)).coarse(0)
        assert found.tolist() == [float(np.finfo(np.float32).smallest_normal)] * 3

    def test_what_is_not_finite_has_that_of_the_others(self):
        infinite = analytic(lambda g, x: (np.full_like(x, [np.inf, -6.0, np.nan]),), X.astype(np.float32)).coarse(0)
        assert infinite == pytest.approx([8 * EPS32 * 6, 24 * EPS32 * 6, 8 * EPS32 * 6])

    def test_of_a_gradient_that_is_nowhere_finite_there_is_a_tolerance_too(self):
        nowhere = analytic(lambda g, x: (np.full_like(x, np.nan),), X.astype(np.float32))
        assert np.isfinite(nowhere.coarse(0)).all()

    def test_an_input_in_float64_has_none_beside_one_in_float32(self):
        case = prepare(lambda x, y: x * y, lambda g, x, y: (g * y, g * x), (X, X.astype(np.float32)))
        found = Analytic(case, G, case.gradients(G, case.copies()))
        assert found.coarse(0) is None
        assert (found.coarse(1) > 0).all()

    def test_there_is_none_without_a_twin(self):
        assert analytic().coarse(0) is None
        assert analytic(only(np.float32), X.astype(np.float32)).coarse(0) is None


def test_roundoff_is_that_at_an_entry_s_own_size():
    found = analytic(x=np.array([0.0, 1024.0, 1.0]))
    unit = units(found.case.inputs[0])
    roundoff = found.own_roundoff(0, np.array([2, 0, 1]), np.array([1.0, 2.0, 4.0]))
    assert roundoff.tolist() == [unit[2], 2, 4 * max(1, unit[1] / 1024)]
    table = analytic(x=np.array([[0.0, 1024.0], [1.0, 1.0]]), g=np.ones((2, 2)))
    assert table.own_roundoff(0, np.array([2, 1]), np.ones(2)).shape == (2,)


def test_the_sizes_of_terms_are_those_of_moves_by_roundings():
    terms = analytic(x=X.astype(np.float32)).terms(0)
    values = np.abs(2 * G * X)
    assert (terms >= 0.9 * 2 / np.sqrt(3) * values).all()  # in the first move of three both factors grow
    assert (terms <= 2.1 * values).all()
    assert analytic(constant_backward, X.astype(np.float32)).terms(0).tolist() == [0, 0, 0]
    tenfold = analytic(lambda g, x: (20 * g * x,), x=X.astype(np.float32)).terms(0)
    assert tenfold == pytest.approx(10 * terms, rel=1e-3)
