"""What stands for the low precisions of NumPy in a copy that computes in float64."""

import types

import numpy as np
import pytest

from scratchcnn.gradcheck.diagnosis.widths import Widened, wider, with_wider_names

LOW, WIDE = np.array([[1.5, -0.25, 3]], np.float16), np.array([1.5, -0.25])


@pytest.mark.parametrize(
    ("value", "wide"),
    [
        ("float16", "float64"),
        ("float32", "float64"),
        ("complex64", "complex128"),
        ("f2", "f8"),
        ("f4", "f8"),
        ("c8", "c16"),
        ("<f2", "<f8"),
        ("<f4", "<f8"),
        (np.float16, np.float64),
        (np.float32, np.float64),
        (np.complex64, np.complex128),
        (np.dtype(np.float32), np.dtype(np.float64)),
        (np.dtype(np.complex64), np.dtype(np.complex128)),
    ],
)
def test_a_type_a_dtype_and_its_name_have_a_wider_one(value, wide):
    found = wider(value)
    assert (type(found), found) == (type(wide), wide)


@pytest.mark.parametrize(
    "value", [np.float32(0.1), np.complex64(1 + 0.1j), LOW, LOW.astype(np.complex64), np.array(LOW[0, 0])]
)
def test_numbers_and_arrays_are_the_same_in_a_wider_type(value):
    found = wider(value)
    expected = np.dtype(np.complex128 if value.dtype.kind == "c" else np.float64)
    assert (type(found), found.dtype) == (np.ndarray if isinstance(value, np.ndarray) else expected.type, expected)
    np.testing.assert_array_equal(found, value, strict=False)


@pytest.mark.parametrize(
    "value",
    ["single", "half", "float64", int, np.int32, np.float64(0.1), np.int8(3), WIDE, np.arange(3), 0.1, None, ("f4",)],
)
def test_anything_else_stands_for_itself(value):
    assert wider(value) is value


@pytest.mark.parametrize("dtype", [np.int16, np.float64, bool, [("of", "f4")]], ids=str)
def test_a_dtype_of_no_low_precision_stays(dtype):
    assert wider(np.dtype(dtype)) == np.dtype(dtype)


def test_the_names_of_dtypes_in_code_are_wider_ones_also_in_functions_within():
    def outer():
        def inner(named="<f2"):
            return "f4", "single", named, "f8" in {"f4", "f2"}

        return "float32", 4, inner()

    made = types.FunctionType(with_wider_names(outer.__code__), {})
    assert made() == ("float64", 4, ("f8", "single", "<f8", True))
    assert outer() == ("float32", 4, ("f4", "single", "<f2", False))


def test_code_that_names_no_low_precision_is_the_same_code():
    def outer():
        return [np.zeros(3, "float64"), lambda named=("f8", 1): "f8" in {"f8", named}]

    assert with_wider_names(outer.__code__) is outer.__code__


def test_a_module_has_the_wider_types_and_is_itself_in_all_else():
    module = Widened(np)
    assert (module.__name__, module.__doc__) == (np.__name__, np.__doc__)
    assert (module.float32, module.half, module.csingle) == (np.float64, np.float64, np.complex128)
    assert (module.int32, module.exp, module.pi) == (np.int32, np.exp, np.pi)
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = module.no_such_name


def test_a_module_within_a_module_has_the_wider_types_too_and_is_found_once():
    module = Widened(np)
    assert module.linalg.norm is np.linalg.norm
    assert module.lib.stride_tricks.as_strided is np.lib.stride_tricks.as_strided
    first, second = module.fft, module.fft
    assert isinstance(first, Widened)
    assert first is second
