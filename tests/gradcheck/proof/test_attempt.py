"""The call that makes a proof of a check's functions, and what a gradient may be off by without consequence."""

from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.proof import attempt
from scratchcnn.gradcheck.proof.attempt import has_flint, proof_of

X, Y, NONE = np.array([0.5, 2.0]), np.array([1.0, 3.0]), np.zeros(0)


def power(x, y, nothing, *, exponent):
    return (x * y) ** exponent


def backward_of(factor, g, x, y, nothing, *, exponent):
    """The gradients by x and y alone; that by y is too large."""
    d = exponent * (x * y) ** (exponent - 1)
    return g * d * y, factor * g * d * x


CASE = prepare(partial(power, exponent=3), partial(backward_of, 2.0, exponent=3), (X, Y, NONE), wrt=[0, 1])
POINT = Point((X, Y, NONE), np.array([1.0, -2.0]))


def proved(wrt=(0, 1, 2), **options):
    return proof_of(CASE, POINT, wrt, np.random.default_rng(0), 10.0, **options)


def test_functions_with_bound_arguments_are_proved_at_the_point_by_the_inputs_that_have_entries():
    found = proved(locate=True)
    assert (sorted(found.inputs), found.reason) == ([0, 1], "")
    assert [p.right.all() for p in found.inputs.values()] == [True, False]
    exact = 3 * (X * Y) ** 2 * X * POINT.cotangent
    assert [found.inputs[1].exact[k] for k in range(2)] == pytest.approx(exact, rel=1e-14)
    np.testing.assert_allclose(found.outputs, (X * Y) ** 3, rtol=1e-15)


def test_entries_are_sought_only_if_they_are_asked_for_and_each_input_alone_is_proved():
    assert proved([1]).inputs[1].exact == {}
    assert sorted(proved([1], locate=True).inputs[1].exact) == [0, 1]
    assert list(proved([0]).inputs) == [0]


def test_calls_of_a_proof_are_no_calls_of_the_check():
    before = CASE.forward.calls
    proved()
    assert CASE.forward.calls == before == 1


def test_time_is_handed_on():
    found = proof_of(CASE, POINT, [0, 1], np.random.default_rng(0), -1.0)
    assert (found.inputs, found.reason) == ({}, "takes too long")


def test_without_flint_there_is_none(monkeypatch):
    assert has_flint()

    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(attempt, "import_module", missing)
    assert not has_flint()
