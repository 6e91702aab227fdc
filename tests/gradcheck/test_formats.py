"""The small number formats, and what NumPy's own ones are beside them."""

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck.formats import COARSE_EPS, FLOAT64, coarsest, format_of, own_format

BFLOAT16, E4M3 = ml_dtypes.bfloat16, ml_dtypes.float8_e4m3fn


def test_bfloat16_as_its_definition_has_it():
    """Eight bits of exponent and seven of fraction."""
    found = format_of(BFLOAT16)
    assert (found.eps, found.smallest, found.largest) == (2.0**-7, 2.0**-133, (2 - 2.0**-7) * 2.0**127)
    assert (str(found), found.is_small, found.is_coarse) == ("bfloat16", True, False)
    assert found.dtype == np.dtype(BFLOAT16)


def test_float8_is_coarser_than_bfloat16():
    found = format_of(E4M3)
    assert (found.eps, found.smallest, found.largest) == (2.0**-3, 2.0**-9, 448.0)
    assert found.is_coarse
    assert found.eps > COARSE_EPS


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble, int, "U1", ml_dtypes.int4])
def test_what_is_no_small_format(dtype):
    assert format_of(dtype) is None


@pytest.mark.parametrize(("dtype", "digits", "exponent"), [(np.float16, 10, -24), (np.float32, 23, -149)])
def test_own_formats_are_those_with_fewer_digits_than_float64(dtype, digits, exponent):
    found = own_format(dtype)
    assert (found.dtype, found.eps, found.smallest) == (np.dtype(dtype), 2.0**-digits, 2.0**exponent)
    assert found.largest == float(np.finfo(dtype).max)
    assert not found.is_small


def test_own_formats_of_others():
    assert own_format(BFLOAT16) == format_of(BFLOAT16)
    for dtype in (np.float64, np.longdouble, int, np.complex64):
        assert own_format(dtype) is None
    assert (FLOAT64.dtype, FLOAT64.eps) == (np.dtype(float), 2.0**-52)


def test_the_coarsest():
    bfloat16, e4m3 = format_of(BFLOAT16), format_of(E4M3)
    assert coarsest([bfloat16, None, e4m3]) is e4m3
    assert coarsest([e4m3, bfloat16]) is e4m3
    assert coarsest([None, bfloat16]) is bfloat16
    assert coarsest([]) is None
    assert coarsest([None]) is None


def test_rounded_is_the_nearest_number_in_the_array_s_own_dtype():
    numbers = np.array([1 + 2.0**-9, 1 + 2.0**-7, 1e300])
    with np.errstate(all="raise"):
        rounded = format_of(BFLOAT16).rounded(numbers)
    assert (rounded.dtype, rounded.tolist()) == (np.float64, [1, 1 + 2.0**-7, np.inf])


def test_cast_is_of_float32_alone():
    bfloat16 = format_of(BFLOAT16)
    assert bfloat16.cast(np.ones(2, np.float32)).dtype == np.dtype(BFLOAT16)
    for dtype in (np.float64, np.int32):
        array = np.ones(2, dtype)
        assert bfloat16.cast(array) is array
