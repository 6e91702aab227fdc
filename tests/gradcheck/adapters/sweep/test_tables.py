"""The tables are well-formed, and a mistake would be seen. The sweep itself is run by request."""

from importlib import import_module
from importlib.util import find_spec

import numpy as np
import pytest

from tests.gradcheck.adapters.sweep.run import ADAPTERS, Result, drawn, table
from tests.gradcheck.adapters.sweep.truth import SMOOTH, truth

INSTALLED = [name for name in ADAPTERS if find_spec(name)]
# An input has at most so many entries.
MOST_ENTRIES = 24


def rows_of(framework):
    return import_module(f"tests.gradcheck.adapters.sweep.{framework}_table").TABLE


@pytest.mark.parametrize("framework", INSTALLED)
def test_every_row_is_a_function_with_small_inputs(framework):
    rows = rows_of(framework)
    assert len(rows) >= 150
    for name, row in rows.items():
        assert callable(row[0]), name
        inputs, again = drawn(name, row, "float32", 0), drawn(name, row, "float32", 0)
        assert any(a.dtype == np.float32 for a in inputs), name
        for a, b in zip(inputs, again, strict=True):
            assert a.size <= MOST_ENTRIES, name
            assert a.dtype in (np.float32, np.int64), name
            np.testing.assert_array_equal(a, b, err_msg=name)


@pytest.mark.parametrize("framework", INSTALLED)
def test_a_draw_follows_from_the_name_and_the_seed(framework):
    row = next(iter(rows_of(framework).values()))
    first, other_name, other_seed = (
        drawn("a", row, "float64", 0),
        drawn("b", row, "float64", 0),
        drawn("a", row, "float64", 1),
    )
    assert not np.array_equal(first[0], other_name[0])
    assert not np.array_equal(first[0], other_seed[0])


def test_every_truth_has_a_row():
    if set(INSTALLED) == set(ADAPTERS):
        assert set(SMOOTH) <= {name for framework in ADAPTERS for name in rows_of(framework)}


@pytest.mark.parametrize("factor", [1 + 1e-8, -1, np.nan])
def test_mpmath_sees_a_wrong_entry(factor):
    def backward(g, x):
        return (g * np.cos(x) * np.array([1, factor, 1]),)

    found = truth("sin", backward, [np.array([0.3, 0.7, -2])])
    assert found.at == (0.7,)
    expected = abs(factor - 1) if np.isfinite(factor) else np.inf
    np.testing.assert_allclose(found.off, expected, rtol=1e-6)


def test_mpmath_agrees_with_right_entries():
    found = truth(
        "hypot", lambda g, x, y: (g * x / np.hypot(x, y), g * y / np.hypot(x, y)), [np.ones(2), np.arange(2.0) + 1]
    )
    assert found.off < 1e-15
    assert truth("no function of mpmath's", None, []) is None


def test_the_table_counts_by_dtype():
    results = [Result("sin", "float64", "right", "", 1.0), Result("cos", "float32", "wrong", "off", 2.0)]
    _, double, single = (line.split() for line in table("torch", results).splitlines())
    assert double == ["float64", "1", "0", "0", "0", "1"]
    assert single == ["float32", "0", "1", "0", "0", "2"]
