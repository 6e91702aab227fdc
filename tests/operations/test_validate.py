"""What an operation's arguments may be, and what the messages say of others."""

import math
from decimal import Decimal
from fractions import Fraction

import mpmath
import numpy as np
import pytest

from scratchcnn.operations._validate import any_ring, as_array, as_cotangent, as_real, finite, gradients_like, is_masked
from tests.assertions import FLOATS

RAGGED = [[1.0, 2.0], [3.0]]
COMPLEX = (np.complex64, np.complex128)


class Hidden(np.ndarray):
    """Holds objects, and shows another dtype, as arrays of intervals do."""

    @property
    def dtype(self):
        return np.dtype(np.float64)


def error_of(kind, call, *arguments):
    """The whole message of the error, so that no part of it is left to chance."""
    with pytest.raises(kind) as caught:
        call(*arguments)
    assert type(caught.value) is kind
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return str(caught.value)


class TestAsArray:
    @pytest.mark.parametrize("dtype", [*FLOATS, *COMPLEX])
    def test_floats_and_complex_numbers_come_back_as_they_are(self, dtype):
        array = np.ones((2, 3), dtype)
        assert as_array("x", array, "NM") is array

    @pytest.mark.parametrize("dtype", [bool, np.int8, np.uint64, np.int64])
    def test_integers_and_booleans_become_float64(self, dtype):
        array = as_array("x", np.array([0, 1], dtype))
        assert (array.dtype, array.tolist()) == (np.float64, [0, 1])

    @pytest.mark.parametrize("number", [Fraction(1, 3), mpmath.mpf(1), Decimal(1), 1, 1j])
    def test_numbers_of_any_ring_come_back_as_they_are(self, number):
        array = np.array([[number], [number]], object)
        assert as_array("x", array, "NM") is array

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            (RAGGED, "x must be an array, but its rows differ in length ("),
            (np.zeros(3), "x must have 2 axes (N, M), got shape (3,)"),
        ],
    )
    def test_what_is_no_array_of_these_axes_is_a_value_error(self, value, expected):
        assert error_of(ValueError, as_array, "x", value, "NM").startswith(expected)

    @pytest.mark.parametrize(
        ("value", "expected"),
        [
            ([None, "a", "b", 1], "x must hold numbers, got an array of NoneType, str"),
            (["a"], "x must hold numbers, got dtype <U1"),
            (np.zeros(2, "datetime64[s]"), "x must hold numbers, got dtype datetime64[s]"),
            (
                np.ma.masked_array([1.0], [True]),
                "x must not be masked: an operation would ignore its mask, fill it with numbers before",
            ),
        ],
    )
    def test_what_holds_no_numbers_is_a_type_error(self, value, expected):
        if isinstance(value, list) and None in value:
            value = np.array(value, object)
        assert error_of(TypeError, as_array, "x", value) == expected

    def test_one_axis_is_singular(self):
        assert error_of(ValueError, as_array, "bias", 1.0, "K") == "bias must have 1 axis (K), got shape ()"

    def test_any_number_of_axes_will_do_where_none_are_named(self):
        assert [as_array("x", np.ones(shape)).shape for shape in ((), (0,), (2, 3, 4))] == [(), (0,), (2, 3, 4)]


def test_what_is_masked():
    assert is_masked(np.ma.masked_array([1.0], [True]))
    assert not is_masked(np.ones(1))
    assert not is_masked([1.0])


def test_nothing_is_masked_before_numpy_s_masks_are_imported(monkeypatch):
    masked = np.ma.masked_array([1.0], [True])
    monkeypatch.delitem(__import__("sys").modules, "numpy.ma")
    assert not is_masked(masked)


def test_objects_are_of_any_ring_also_where_a_subclass_hides_them():
    assert any_ring(np.array([Fraction(1)]))
    assert any_ring(np.array([Fraction(1)]).view(Hidden))
    assert not any_ring(np.ones(1))


class TestAsReal:
    @pytest.mark.parametrize("value", [[1.5], [Fraction(1, 2)], [mpmath.mpf(1)], np.ones(3, np.float16)])
    def test_real_numbers_are_those_of_as_array(self, value):
        array = as_real("x", value, "N")
        assert array.dtype == as_array("x", value).dtype
        assert array.tolist() == list(value)

    @pytest.mark.parametrize("value", [[1j], [mpmath.mpc(1), mpmath.mpf(1)], [Fraction(1), np.complex128(1)]])
    def test_complex_numbers_are_refused_in_every_ring(self, value):
        array = np.array(value) if value == [1j] else np.array(value, object)
        assert error_of(TypeError, as_real, "z", array) == (
            f"z must be real, since complex numbers are neither larger nor smaller, got {array.dtype}"
        )

    def test_the_axes_and_the_name_are_those_of_as_array(self):
        assert error_of(ValueError, as_real, "x", 1.0, "NM") == "x must have 2 axes (N, M), got shape ()"


class TestFinite:
    @pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
    def test_up_to_the_largest_number_of_the_dtype(self, dtype):
        largest = float(np.finfo(dtype).max)
        assert [finite("rate", sign * largest, np.ones(1, dtype)) for sign in (1, -1)] == [largest, -largest]
        if dtype is not np.float64:
            for sign in (1, -1):
                beyond = sign * float(np.nextafter(largest, math.inf))
                assert error_of(ValueError, finite, "rate", beyond, np.ones(1, dtype)) == (
                    f"rate must be finite, got {beyond!r} beside numbers of {np.dtype(dtype)}"
                )

    @pytest.mark.parametrize("value", [math.inf, -math.inf, math.nan, 10**400, Fraction(10**400)])
    def test_what_no_float_holds_is_refused(self, value):
        assert error_of(ValueError, finite, "rate", value, np.ones(1, np.longdouble)).startswith("rate must be finite,")

    def test_beside_objects_float64_is_the_measure(self):
        beside = np.array([Fraction(1)])
        assert finite("alpha", np.finfo(float).max, beside) == np.finfo(float).max
        assert "beside numbers of object" in error_of(ValueError, finite, "alpha", math.inf, beside)


def test_the_cotangent_has_the_shape_of_the_output():
    assert as_cotangent([1, 2], (2,)).tolist() == [1.0, 2.0]
    assert error_of(ValueError, as_cotangent, [1.0], (2,)) == (
        "grad_output must have the shape of the output, (2,), got shape (1,)"
    )
    assert error_of(TypeError, as_cotangent, ["1"], (1,)) == "grad_output must hold numbers, got dtype <U1"


class TestGradientsLike:
    def test_each_gets_the_dtype_of_its_input(self):
        inputs = np.ones(2, np.float32), np.ones(3, np.longdouble), np.ones(1, np.complex64)
        gradients = gradients_like(inputs, np.ones(2), np.ones(3), np.ones(1))
        assert [gradient.dtype for gradient in gradients] == [a.dtype for a in inputs]

    def test_nothing_is_copied_where_the_dtype_is_right(self):
        gradient = np.ones(2)
        assert gradients_like((np.zeros(2),), gradient)[0] is gradient

    def test_objects_stay_as_they_are(self):
        gradient = np.array([Fraction(1, 3)])
        assert gradients_like((np.zeros(1),), gradient)[0] is gradient
        (bare,) = gradients_like((np.array(Fraction(1)),), Fraction(1, 3))
        assert (type(bare), bare.shape, bare.item()) == (np.ndarray, (), Fraction(1, 3))

    def test_no_imaginary_part_is_lost(self):
        assert error_of(TypeError, gradients_like, (np.ones(1),), np.ones(1, complex)) == (
            "grad_output and the inputs must be all real or all complex: a part of the gradient would be lost"
        )
        (gradient,) = gradients_like((np.ones(1, np.complex64),), np.full(1, 2j))
        assert (gradient.dtype, gradient[0]) == (np.complex64, 2j)

    def test_a_gradient_for_every_input(self):
        with pytest.raises(ValueError, match="zip"):
            gradients_like((np.ones(1), np.ones(1)), np.ones(1))
