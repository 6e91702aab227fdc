"""The contract as it is observed, without any derivative: what exactly is said, and of which input."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck.case import CallerError, prepare
from scratchcnn.gradcheck.contract import _differ, observe
from scratchcnn.gradcheck.formats import own_format
from scratchcnn.gradcheck.numerical.same import SAME_ROUNDOFFS
from scratchcnn.gradcheck.points import Point
from tests.gradcheck.pairs import RemembersTheLastForward

X = np.array([[0.5, -1.5], [2.0, 0.25], [-0.75, 1.25]])
G, OTHER = np.array([[1.0, -1.5], [0.75, 1.25], [-0.5, 2.0]]), np.array([[-0.5, 1.0], [1.5, -2.0], [1.75, 0.625]])
EPS = float(np.finfo(float).eps)
# More than any call takes, so that backward is called as often as it ever is.
LONG = 1e6


def forward(x):
    return np.sin(x)


def right(g, x):
    return g * np.cos(x)


def watched(backward, *inputs, function=forward, second=None, drawn=True, wrt=None, seconds=LONG):
    case = prepare(function, backward, inputs or (X,), wrt=wrt)
    return observe(case, G.astype(case.output.dtype), OTHER.astype(case.output.dtype), second, seconds, drawn=drawn)


def told(backward, *inputs, **options):
    """The violations: the kind and the input of each."""
    return [(v.kind, v.input) for v in watched(backward, *inputs, **options).violations]


def messages(backward, *inputs, **options):
    return [v.message for v in watched(backward, *inputs, **options).violations]


def at_call(number, change):
    """The right backward, but for one call: the count begins at 1."""
    calls = []

    def backward(g, x):
        calls.append(None)
        return change(right(g, x)) if len(calls) == number else right(g, x)

    return backward


def product(x, y):
    return x * y


def times(g, x, y):
    return g * y, g * x


class TestRepeated:
    @pytest.mark.parametrize("number", [2, 10])
    def test_a_nan_at_one_call_of_ten_is_found(self, number):
        """NaN differs from itself, and from a number: no comparison may take it for the same."""
        nan_once = at_call(number, lambda grad: np.where(X == 2.0, np.nan, grad))
        assert messages(nan_once) == [
            f"call {number} of backward gives another gradient than the first, at the same arguments"
        ]

    def test_a_nan_at_the_first_call_alone_is_found(self):
        assert ("nondeterministic", "x") in told(at_call(1, lambda grad: np.where(X == 2.0, np.nan, grad)))

    def test_the_same_nan_at_every_call_is_no_difference(self):
        assert told(lambda g, x: np.where(x == 2.0, np.nan, right(g, x))) == []
        assert told(lambda g, x: np.where(x == 2.0, np.inf * g, right(g, x))) == []

    def test_the_other_infinity_is_a_difference(self):
        infinite = np.where(X == 2.0, np.inf, 0.0)
        calls = []

        def backward(g, x):
            calls.append(None)
            return right(g, x) + (-infinite if len(calls) == 3 else infinite)

        assert ("nondeterministic", "x") in told(backward)

    def test_calls_may_differ_by_the_roundoff_of_the_largest_entry(self):
        """Sums in another order differ in their last bits; 64 roundoffs of the largest entry are allowed, no more."""
        largest = np.abs(right(G, X)).max()
        for roundoffs, violations in ((SAME_ROUNDOFFS / 2, []), (2 * SAME_ROUNDOFFS, [("nondeterministic", "x")])):
            for entry in ((0, 0), (2, 1)):
                nudge = np.zeros(X.shape)
                nudge[entry] = roundoffs * EPS * largest
                assert told(at_call(4, lambda grad, nudge=nudge: grad + nudge)) == violations
                assert told(at_call(4, lambda grad, nudge=nudge: grad - nudge)) == violations

    def test_the_roundoff_is_that_of_the_gradient_s_dtype(self):
        x = X.astype(np.float32)
        grows = at_call(4, lambda grad: grad * np.float32(1 + 2.0**-19))
        assert told(grows, x) == []
        assert told(at_call(4, lambda grad: grad * (1 + 2.0**-19))) == [("nondeterministic", "x")]

    def test_each_input_is_named_by_itself(self):
        calls = []

        def backward(g, x, y):
            calls.append(None)
            return g * y, g * x * (2 if len(calls) == 5 else 1)

        assert told(backward, X, X + 1, function=product) == [("nondeterministic", "y")]

    def test_backward_is_called_ten_times_at_most_and_twice_at_least(self):
        assert told(at_call(10, lambda grad: 2 * grad)) == [("nondeterministic", "x")]
        assert told(at_call(2, lambda grad: 2 * grad), seconds=0.0) == [("nondeterministic", "x")]
        assert told(at_call(3, lambda grad: 2 * grad), drawn=False, seconds=0.0) == []

    def test_a_forward_that_draws_is_found(self):
        for number in (1, 3, 4):
            calls = []

            def drawing(x, number=number, calls=calls):
                calls.append(None)
                return np.sin(x) + (len(calls) == number)

            found = watched(right, function=drawing)
            (violation,) = found.violations
            assert violation.kind == "nondeterministic"
            assert violation.message == (
                "forward gives another output at the same inputs: fix its seed, or pass what it draws as an input"
            )
            assert found.unsteady

    @pytest.mark.parametrize("number", [2, 3])
    def test_a_forward_that_raises_later_is_reported_by_its_role(self, number):
        calls = []

        def later(x):
            calls.append(None)
            return np.sin(x) / (len(calls) != number)

        with np.errstate(divide="raise"), pytest.raises(CallerError, match=r"^forward raised FloatingPointError"):
            watched(right, function=lambda x: later(x))


class TestForm:
    def test_a_gradient_of_objects_is_no_array_of_numbers(self):
        found = watched(lambda g, x: right(g, x).astype(object))
        assert [(v.kind, v.message) for v in found.violations if v.kind == "shape"] == [
            ("shape", "the gradient is no array of real numbers but of object")
        ]
        assert found.usable == ()

    def test_what_has_no_shape_is_an_array_of_objects(self):
        found = watched(lambda g, x: ([[1.0], [2.0, 3.0]],), wrt=("x",))
        assert [(v.kind, v.message, v.input) for v in found.violations] == [
            ("shape", "the gradient is no array of real numbers but of object", "x"),
        ]

    @pytest.mark.parametrize("number", range(1, 12))
    @pytest.mark.parametrize("strange", [X > 0, "text", {1.0}, np.array("2026", "M8[Y]")], ids=str)
    def test_what_holds_no_real_numbers_is_seen_at_each_call(self, strange, number):
        found = watched(at_call(number, lambda gradient: strange))
        assert found.violations

    def test_a_gradient_that_is_masked_cannot_be_judged(self):
        found = watched(lambda g, x: np.ma.array(right(g, x), mask=x > 1))
        assert [(v.kind, v.message, v.input) for v in found.violations] == [
            ("shape", "the gradient is masked: fill it with numbers, a mask would be ignored", "x")
        ]
        assert found.usable == ()

    def test_another_dtype_is_judged_all_the_same(self):
        found = watched(lambda g, x: right(g, x).astype(np.float32))
        assert [v.message for v in found.violations] == [
            "the gradient has dtype float32, the input float64: return it in the input's dtype, "
            "or allow 'dtype' to have it judged as float32"
        ]
        assert found.usable == (0,)

    def test_another_byte_order_is_not_another_dtype(self):
        swapped = X.astype(X.dtype.newbyteorder())
        assert told(right, swapped) == []

    def test_a_wider_gradient_is_right_where_the_output_is_as_wide(self):
        inputs = X.astype(np.float32), X + 1
        assert told(times, *inputs, function=product) == []
        wider = watched(lambda g, x, y: (g * y, (g * x).astype(np.longdouble)), *inputs, function=product)
        assert [(v.kind, v.input) for v in wider.violations] == [("dtype", "y")]

    def test_integers_are_no_gradient_of_floats(self):
        found = watched(lambda g, x: np.rint(right(g, x)).astype(np.int64))
        assert ("dtype", "x") in [(v.kind, v.input) for v in found.violations]
        assert not found.unsteady  # equal integers are no difference

    def test_a_kernel_that_answers_in_another_format(self):
        case = prepare(forward, right, (X,))
        for answer, messages in (
            (np.float16, ["the gradient has dtype float16, the input float64: return it in the input's dtype"]),
            (None, []),
        ):
            kernel = SimpleNamespace(strange_answer={0: answer}.__getitem__)
            found = observe(replace(case, kernel=kernel), G, OTHER, None, LONG, drawn=True)
            assert [(v.kind, v.message, v.input) for v in found.violations] == [("dtype", m, "x") for m in messages]
        # An answer with as many digits as the input's own format is none of another format.
        kernel = SimpleNamespace(strange_answer=lambda index: np.float16)
        case = replace(case, kernel=kernel, formats=(own_format(np.float16),))
        assert observe(case, G, OTHER, None, LONG, drawn=True).violations == []

    def test_another_shape(self):
        found = watched(lambda g, x, y: (g * y, (g * x).T), X, X + 1, function=product)
        (violation,) = found.violations
        assert (violation.kind, violation.input, found.usable) == ("shape", "y", (0,))
        assert violation.message == "the gradient has shape (2, 3), the input (3, 2)"

    def test_none_is_no_gradient_of_an_input_that_is_checked(self):
        violation = watched(lambda g, x, y: (None, g * x), X, X + 1, function=product).violations[0]
        assert (violation.kind, violation.input) == ("count", "x")
        assert violation.message == (
            "backward gave None for 'x', which is checked: name in wrt= only what has a gradient"
        )
        assert told(lambda g, x, y: (None, g * x), X, X + 1, function=product, wrt=(1,)) == []


class TestCount:
    def message(self, backward, *inputs, **options):
        found = watched(backward, *inputs, **options)
        assert found.mutates is False
        assert (found.usable, [v.kind for v in found.violations]) == ((), ["count"])
        return found.violations[0].message

    def test_what_to_return(self):
        two = (X, X + 1)
        assert self.message(lambda g, x: (g, g)) == (
            "backward must return one gradient for the input x; it returned 2 "
            "(a tuple or list holds one for each input)"
        )
        assert self.message(lambda g, x, y: g, *two, function=product) == (
            "backward must return one gradient for each of the inputs x, y; it returned 1: "
            "return None for an input that has no gradient, or name in wrt= those that it returns"
        )
        assert self.message(lambda g, x, y, z: (g,), *two, X, function=lambda x, y, z: x + y + z, wrt=(1, 0)) == (
            "backward must return one gradient for each of the inputs x, y, z; it returned 1: "
            "return None for an input that has no gradient, or only the gradients of x and y, named in wrt"
        )


class TestWriting:
    def test_each_function_and_input_is_named(self):
        def function(x, y):
            y[0, 0] = 9.0
            return x * 2

        def backward(g, x, y):
            x[0, 0] = 7.0
            return g * 2, 0 * y

        found = watched(backward, X, X + 1, function=function)
        assert [(v.message, v.input) for v in found.violations if v.kind == "mutation"] == [
            ("forward writes into its input 'y'", "y"),
            ("backward writes into its input 'x'", "x"),
        ]
        assert found.mutates

    def test_the_cotangent(self):
        def backward(g, x):
            g *= np.cos(x)
            return g.copy()

        found = watched(backward)
        assert found.violations[0].message == "backward writes into the cotangent it is given"
        assert found.mutates

    def test_nothing_is_written_where_nothing_changes_also_with_nan(self):
        with_nan = np.where(X == 2.0, np.nan, X)
        found = watched(lambda g, x: np.nan_to_num(right(g, x)), with_nan)
        assert not found.mutates
        assert not any(v.kind == "mutation" for v in found.violations)


class TestOtherCotangents:
    def test_one_of_two_gradients_is_deaf(self):
        found = watched(lambda g, x, y: (g * y, 0 * g + x), X, X + 1, function=product, drawn=False)
        (violation,) = found.violations
        assert (violation.kind, violation.input) == ("ignores-cotangent", "y")
        assert violation.message == "the gradient stays the same for another cotangent"

    def test_every_cotangent_has_the_dtype_of_the_output(self):
        seen = set()

        def backward(g, x):
            seen.add((g.dtype, g.shape))
            return right(g, x)

        assert (
            told(backward, X.astype(np.float32), second=Point([X.astype(np.float32)], OTHER.astype(np.float32))) == []
        )
        assert seen == {(np.dtype(np.float32), X.shape)}

    def test_a_gradient_of_zeros_is_not_deaf(self):
        assert told(lambda g, x: 0 * x, function=lambda x: 0 * x) == []

    def test_minus_the_cotangent_gives_minus_the_gradient(self):
        (violation,) = watched(lambda g, x: np.abs(g) * np.cos(x)).violations
        assert (violation.kind, violation.input) == ("ignores-cotangent", "x")
        assert violation.message == "minus the cotangent does not give minus the gradient, which must be linear in it"
        assert told(lambda g, x: np.abs(g) * np.cos(x), drawn=False) == []

    def test_nothing_is_said_of_the_sign_where_the_gradient_is_not_finite(self):
        assert told(lambda g, x: np.where(g > 1.9, np.nan, right(g, x))) == []


class TestAfterOtherData:
    SECOND = Point([X + 0.25], OTHER)

    def test_after_forward(self):
        layer = RemembersTheLastForward()
        (violation,) = watched(layer.backward, function=layer.forward, second=self.SECOND).violations
        assert (violation.kind, violation.input) == ("stale", "x")
        assert violation.message == (
            "after forward on other data, backward gives another gradient here: where it is meant to follow a forward "
            "on the same data, call forward in it first, or allow 'stale'"
        )

    def test_after_backward(self):
        kept = []

        def backward(g, x):
            kept.append(x.copy())
            before = kept[-2] if len(kept) > 1 else x
            return g * np.cos(before)

        (message,) = messages(backward, second=self.SECOND)
        assert message.startswith("after forward and backward on other data, ")

    def test_nothing_is_stale_where_there_is_no_other_point_or_a_function_refuses_it(self):
        layer = RemembersTheLastForward()
        assert told(layer.backward, function=layer.forward) == []

        def refusing(x):
            if x[0, 0] != X[0, 0]:
                raise ValueError("not here")
            return np.sin(x)

        assert told(right, function=refusing, second=self.SECOND) == []


NAN, INF = np.nan, np.inf


@pytest.mark.parametrize(
    ("a", "b", "differ"),
    [
        ([1.0, 2.0], [1.0, 2.0], False),
        ([1.0, 2.0], [[1.0, 2.0]], True),
        ([1, 2], [1, 2], False),
        ([1, 2], [1, 3], True),
        ([1.0, 2.0], [1, 3], True),
        ([1, 3], [1.0, 2.0], True),
        ([NAN, INF, -INF, 1.0], [NAN, INF, -INF, 1.0], False),
        ([NAN, 1.0], [2.0, 1.0], True),
        ([2.0, 1.0], [NAN, 1.0], True),
        ([INF, 1.0], [-INF, 1.0], True),
        ([NAN, 1.0], [NAN, 1.5], True),
        ([NAN, NAN], [NAN, NAN], False),
        # Up to 64 roundoffs of the largest entry that is finite.
        ([1.0, 0.0, INF], [1.0, SAME_ROUNDOFFS * EPS, INF], False),
        ([1.0, 0.0, INF], [1.0, 2 * SAME_ROUNDOFFS * EPS, INF], True),
    ],
)
def test_when_two_gradients_differ(a, b, differ):
    assert _differ(np.array(a), np.array(b)) is differ
