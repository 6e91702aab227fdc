"""What the caller says of inputs: `domain=` and `structure=`."""

import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, check_gradient
from scratchcnn.gradcheck.invariants import STRUCTURES, has_structure, redrawn_as
from scratchcnn.gradcheck.restrictions import Interval

RNG = np.random.default_rng(0)


def square_root(x):
    """It answers outside of its domain, too: with nonsense."""
    return np.sqrt(np.abs(x))


def square_root_backward(g, x):
    return g / (2 * np.sqrt(x))


def recorded(function, seen):
    def call(*inputs):
        seen.append([np.real(a).copy() for a in inputs])
        return function(*inputs)

    return call


@pytest.mark.parametrize("domain", ["[1e-9, inf)", [1e-9, None], {"x": [1e-9, np.inf]}, {0: "[1e-9, inf]"}])
def test_no_step_leaves_the_domain(domain):
    seen = []
    x = np.array([1e-9, 0.3, 2.0])
    forward = recorded(square_root, seen)
    report = check_gradient(forward, square_root_backward, x, names=["x"], domain=domain, proof=False)
    assert report.verdict is Verdict.RIGHT, str(report)
    assert min(each[0].min() for each in seen) >= 1e-9


def test_without_a_domain_the_same_function_is_another():
    steps = []
    x = np.array([1e-9, 0.3, 2.0])
    check_gradient(recorded(square_root, steps), square_root_backward, x, proof=False)
    assert min(each[0].min() for each in steps) < 1e-9


@pytest.mark.parametrize("domain", [(0, 1), "(0, 1)", (0, None)])
def test_an_open_end_is_never_touched(domain):
    seen = []
    x = np.array([0.25, 0.5, 1e-12])
    report = check_gradient(recorded(np.log, seen), lambda g, x: g / x, x, domain=domain, proof=False)
    assert report.verdict is Verdict.RIGHT
    assert min(each[0].min() for each in seen) > 0


def test_the_second_point_lies_in_the_domain():
    bias = np.zeros(3)
    report = check_gradient(np.arcsin, lambda g, x: g / np.sqrt(1 - x**2), bias, domain=[-0.05, 0.05], proof=False)
    assert np.abs(report.second_point.inputs[0]).max() <= 0.05
    assert report.verdict is Verdict.RIGHT


def test_a_wrong_gradient_is_wrong_within_a_domain_too():
    report = check_gradient(np.log, lambda g, x: -g / x, np.array([0.25, 0.5]), domain=(0, 1))
    assert report.verdict is Verdict.WRONG


@pytest.mark.parametrize(
    ("options", "error", "text"),
    [
        ({"domain": (0, 1)}, ValueError, r"domain says that x lies in \(0, 1\), but x\[1\] is 2"),
        ({"domain": (1, 0)}, ValueError, r"with low below high; got \(1, 0\)"),
        ({"domain": "0..1"}, ValueError, r"domain takes \(low, high\), \[low, high\] or a string"),
        ({"domain": ("a", 1)}, TypeError, r"got \('a', 1\)"),
        ({"domain": 3}, TypeError, "got 3"),
        ({"domain": {"y": (0, 1)}}, ValueError, r"domain names 'y', which is none of \['x'\]"),
        ({"structure": "round"}, ValueError, "structure takes one of 'symmetric', .*; got 'round'"),
        ({"structure": "symmetric"}, ValueError, "structure says that x is symmetric, which it is not"),
        ({"structure": {"y": "any"}}, ValueError, "structure names 'y'"),
    ],
)
def test_misuse_is_named(options, error, text):
    with pytest.raises(error, match=text):
        check_gradient(lambda x: x**2, lambda g, x: 2 * g * x, np.array([0.5, 2.0]), **options)


def nearly(a):
    """With some roundoff: the form cannot be seen."""
    return a * (1 + 1e-10 * RNG.normal(size=a.shape))


B = RNG.normal(size=(4, 4))
FORMS = {
    "symmetric": nearly(B + B.T),
    "positive definite": nearly(B @ B.T + np.eye(4)),
    "distribution": nearly(RNG.dirichlet(np.ones(5), 3)),
    "sorted": np.sort(RNG.normal(size=(2, 6)), axis=-1),
    "any": np.eye(3),
}


@pytest.mark.parametrize("structure", STRUCTURES)
def test_other_values_keep_the_structure(structure):
    given = FORMS[structure]
    for seed in range(20):
        moved = redrawn_as(given, structure, np.random.default_rng(seed))
        assert has_structure(moved, structure)
        assert moved.dtype == given.dtype
        assert not np.array_equal(moved, given)


@pytest.mark.parametrize("structure", [s for s in STRUCTURES if s != "any"])
def test_what_has_no_structure_is_known(structure):
    assert not has_structure(np.array([[1.0, 2.0, 0.0], [5.0, -9.0, 1.0], [0.0, 3.0, 1.0]]), structure)


def test_an_identity_is_another_matrix_at_the_second_point_if_its_form_is_an_accident():
    def forward(x, w):
        return x @ w

    def backward(g, x, w):
        return g @ w, x.T @ g  # the transposition is forgotten: right where w is symmetric

    x = RNG.normal(size=(2, 3))
    assert check_gradient(forward, backward, x, np.eye(3), proof=False).verdict is not Verdict.WRONG
    report = check_gradient(forward, backward, x, np.eye(3), structure={"w": "any"}, proof=False)
    assert [each.kind for each in report.violations] == ["elsewhere"]


def test_the_second_point_of_a_covariance_is_one():
    def log_determinant(c):
        return np.linalg.slogdet(c)[1]

    c = FORMS["positive definite"]
    report = check_gradient(
        log_determinant, lambda g, c: g * np.linalg.inv(c).T, c, structure="positive definite", proof=False
    )
    assert report.verdict is Verdict.RIGHT
    assert has_structure(report.second_point.inputs[0], "positive definite")


@pytest.mark.parametrize(
    ("interval", "text", "held"),
    [
        (Interval(0.0, 1.0, False, False), "(0, 1)", [False, True, False]),
        (Interval(0.0, 1.0, True, False), "[0, 1)", [True, True, False]),
        (Interval(0.0, 1.0, False, True), "(0, 1]", [False, True, True]),
        (Interval(0.0, 1.0, True, True), "[0, 1]", [True, True, True]),
    ],
)
def test_an_interval_holds_its_ends_or_not(interval, text, held):
    assert str(interval) == text
    assert interval.written == text.replace("0", "0.0").replace("1", "1.0")
    for x in (np.array([0.0, 0.5, 1.0]), np.array([0.0, 0.5, 1.0]) + 1e-20j):
        assert interval.holds(x).tolist() == held
    assert interval.holds(np.array([-0.1, 1.1, np.nan])).tolist() == [False] * 3


def test_an_end_may_be_left_open():
    report = check_gradient(np.negative, lambda g, x: (-g,), np.array([-1e300, 0.5]), domain=(None, 1))
    assert report.verdict is Verdict.RIGHT
    with pytest.raises(ValueError, match=r"lies in \(-inf, 0\)"):
        check_gradient(np.negative, lambda g, x: (-g,), np.array([-1e300, 0.5]), domain=(None, 0))
