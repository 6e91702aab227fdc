"""What people pass by mistake, and what they pass rightly in an unusual form."""

import tempfile
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import strategies as st

JUNK = [
    *(
        None,
        True,
        False,
        5,
        -1,
        2.5,
        float("nan"),
        float("inf"),
        10**30,
        -(10**400),
        1j,
        Fraction(1, 2),
        Decimal("1.5"),
    ),
    *("same", "abc", b"x", {}, {1, 2}, set(), object(), len, int, [], (), [[1.0], [1.0, 2.0]], [None], ["a"], [[]]),
    *(np.float64(2), np.int8(2), np.uint64(2**63), np.bool_(True), np.array(3), np.datetime64("2020-01-01"), slice(1)),
    *(Path("x"), range(3), Ellipsis, memoryview(b"abc"), [10**400, 1.5], [10**400, 1], [Fraction(1, 3)], [[True]]),
]
# For windows, strides, paddings, axes and sizes. A number is small or so large that nothing of that size can be made.
NUMBERS = [
    *(-(10**30), -(2**31), -2, -1, 0, 1, 2, 3, 2**31 - 1, 2**31, 2**63, 10**30, 10**400, True, np.int8(1), np.int64(2)),
    *(np.uint64(2**63), np.uint8(1), 1.0, 1.5, np.float32(2), float("nan"), float("inf"), Fraction(2), np.array(2)),
    *(
        "same",
        "valid",
        "2",
        b"2",
        None,
        (),
        (1,),
        (1, 2),
        [2, 1],
        (1, 2, 3),
        {1, 2},
        {1: 2},
        np.array([1, 2]),
        [1, True],
    ),
    *(np.array([1.5, 2]), np.array([[0, 1], [1, 0]]), ((0, 1), (1, 0)), ((0, 1),), ((1,), (2,)), [[0, 1], [1, 0]], 2j),
    *((1, "a"), (None, 1), ((0, 1), 1), (1, (0, 1)), range(1, 3), (2**31, 1), (1, 10**30), (2**29, 1), (1, 2**31 - 1)),
    *((1, -1), (0, 0), (-1,), np.array([], int), np.array([2**62, 1]), "", object(), ((0, 2**31), (0, 0)), [[[1]]]),
]
DTYPES = [
    *("float16", "float32", "float64", "longdouble", ">f8", ">f4", "complex64", "complex128", ">c16", "clongdouble"),
    *("bool", "int8", "uint8", "int64", "uint64", ">i4", "object", "str", "bytes", "M8[s]", "m8[s]", "V8"),
    [("a", "f8"), ("b", "i4")],
]
SPECIAL = [float("nan"), float("inf"), -float("inf"), 1e308, -1e308, 5e-324, 65504.0, -0.0, 1e30]


class Subclass(np.ndarray):
    """An array of somebody's own."""


def in_dtype(array, dtype):
    with np.errstate(all="ignore"):
        if dtype == "V8" or isinstance(dtype, list):
            return np.zeros(array.shape, dtype)
        if np.dtype(dtype).kind in "mM":
            return array.astype("int64").astype(dtype)
        return array.astype(dtype)


def mapped(array):
    """The array in a file."""
    if not array.size:
        return array
    with tempfile.TemporaryFile() as file:
        copy = np.memmap(file, array.dtype, "w+", shape=array.shape)
    copy[...] = array
    return copy


def read_only(array):
    copy = array.copy()
    copy.flags.writeable = False
    return copy


def with_gaps(array):
    """The array as a view of every second number of a larger one."""
    return np.repeat(array, 2, axis=-1)[..., ::2] if array.ndim else array


def of_fractions(array):
    return np.array([Fraction(float(each)) for each in array.ravel()], object).reshape(array.shape)


# Other forms of the same numbers.
FORMS = [
    np.asfortranarray,
    mapped,
    read_only,
    with_gaps,
    lambda a: a[::-1][::-1] if a.ndim else a,
    lambda a: a.copy()[..., ::-1][..., ::-1] if a.ndim else a,
    lambda a: a.view(Subclass),
    lambda a: a.view(np.matrix) if a.ndim == 2 else a,
    lambda a: a.tolist(),
    lambda a: tuple(a.tolist()) if a.ndim else a,
    lambda a: a.astype(a.dtype.newbyteorder()) if a.dtype.kind in "fciu" else a,
]
# Other numbers.
CHANGES = [
    lambda a: np.ma.masked_array(a, a == a),
    lambda a: np.ma.masked_array(a),
    lambda a: np.broadcast_to(a.reshape(-1)[:1].reshape((1,) * a.ndim), a.shape) if a.size else a,
    lambda a: a[:0] if a.ndim else a,
    lambda a: a[..., :0] if a.ndim else a,
    lambda a: a[..., :1] if a.ndim else a,
    lambda a: a[:1] if a.ndim else a,
    lambda a: a[None],
    lambda a: a[0] if a.ndim and len(a) else a,
    lambda a: a.reshape(-1),
    lambda a: a.T,
    lambda a: np.array(list(map(str, a.ravel())), object).reshape(a.shape),
    lambda a: np.array([None] * a.size, object).reshape(a.shape),
    lambda a: np.repeat(a, 2, axis=0) if a.ndim else a,
    of_fractions,
]


# Strategies made once: to make one anew for each call would take longer than the call.
junk, numbers, dtypes = st.sampled_from(JUNK), st.sampled_from(NUMBERS), st.sampled_from(DTYPES)
special, other_forms, changes = st.sampled_from(SPECIAL), st.sampled_from(FORMS), st.sampled_from(CHANGES)
kinds = st.sampled_from(["form", "form", "dtype", "dtype", "special", "change", "junk"])
numbers_or_junk, twentieth = numbers | junk, st.integers(0, 19)


@st.composite
def with_a_special_number(draw, array):
    changed = np.array(array)
    if changed.size and changed.dtype.kind == "f":
        with np.errstate(over="ignore"):
            changed.reshape(-1)[draw(st.integers(0, changed.size - 1))] = draw(special)
    return changed


@st.composite
def forms(draw, array):
    """The same numbers in another form, or other numbers, or no numbers."""
    kind = draw(kinds)
    if kind == "form":
        return draw(other_forms)(array)
    if kind == "dtype":
        return in_dtype(array, draw(dtypes))
    if kind == "special":
        return draw(with_a_special_number(array))
    if kind == "change":
        return draw(changes)(array)
    return draw(junk)


def others(value):
    """What may stand in place of an argument."""
    if isinstance(value, np.ndarray):
        return forms(value)
    return numbers_or_junk


@cache
def some_of(names):
    return st.lists(st.sampled_from(names), max_size=3, unique=True)


@st.composite
def changed(draw, arguments):
    """The arguments of a call, by name, up to three of them others."""
    arguments = dict(arguments)
    for name in draw(some_of(tuple(sorted(arguments)))):
        arguments[name] = draw(others(arguments[name]))
    if draw(twentieth) == 0:  # one array as two arguments
        arrays = [name for name, value in arguments.items() if isinstance(value, np.ndarray)]
        if len(arrays) > 1:
            one, two = draw(st.permutations(arrays))[:2]
            arguments[one] = arguments[two]
    return arguments
