"""Entries of a kernel in a small format: judged together, and acquitted where its roundings explain them."""

from types import SimpleNamespace

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict, roundings
from scratchcnn.gradcheck.dithering import LEAST_POINTS
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.leaves import prepared
from scratchcnn.gradcheck.low_precision import entry_tolerance
from scratchcnn.gradcheck.roundings import _acquit, to_the_roundings
from tests.gradcheck.kernels import alone_in

RNG = np.random.default_rng(0)
ENTRIES = np.arange(1, 200)  # all but the first
G = RNG.choice([-1.0, 1.0], 200) * RNG.uniform(0.5, 2, 200)


def product(x, w):
    return x * w


def own_format_of_the_inputs():
    x = np.ones(2, ml_dtypes.bfloat16)
    return prepared(product, product, [x, x], None, None, None)[0].format


def findings_of(value, analytic, bound=0.0, wrong=False, entries=None):
    size = np.size(value)
    of_each = (np.broadcast_to(np.asarray(a, float), size).copy() for a in (analytic, value, bound, 0.0))
    wrong = np.broadcast_to(wrong, size).copy()
    entries = np.arange(size) if entries is None else entries
    return Findings(entries, *of_each, ~wrong, wrong, np.full(size, "noise", object), "differences")


def judged(
    change=lambda values: values,
    mistake=lambda values: values,
    *,
    dtype=ml_dtypes.bfloat16,
    reference=product,
    points=32,
    wrong=False,
    status="ok",
    terms=0.0,
    scale=0.0,
):
    """The findings for the gradient by w of a product: `change` says how it is off, `mistake` how it is everywhere."""
    x, w = (RNG.uniform(1, 2, 200).astype(dtype) for _ in range(2))
    backward = alone_in(dtype, lambda g, x, w: (g * w, mistake(g * x)))
    case, _ = prepared(alone_in(dtype, product), backward, [x, w], None, None, None, reference=reference)
    cotangent = case.rounded_cotangent(G.astype(np.float32))
    value = (cotangent.astype(float) * x.astype(float))[ENTRIES]
    analytic = SimpleNamespace(case=case, cotangent=cotangent, terms=lambda index: np.full(200, terms * index))
    status = np.full(ENTRIES.size, status, object)
    found = SimpleNamespace(
        entries=ENTRIES, status=status, bound=np.zeros(ENTRIES.size), scale=np.full(ENTRIES.size, scale)
    )
    findings = findings_of(value, change(value), wrong=wrong, entries=ENTRIES)
    to_the_roundings(analytic, 1, found, findings, points, np.random.default_rng(0))
    return findings


def test_what_is_right_is_said_to_be_to_the_roundings(monkeypatch):
    monkeypatch.setattr(roundings, "dithered", None)  # nobody looks closer
    findings = judged(lambda v: v * (1 + 2.0**-9))
    assert (findings.vouched, findings.remark) == (Verdict.RIGHT, "")
    assert findings.method == "differences, to the roundings of bfloat16"


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({}, " (the mean over 32 points close by)"),
        ({"points": LEAST_POINTS}, f" (the mean over {LEAST_POINTS} points close by)"),
        ({"points": LEAST_POINTS - 1}, ""),
        ({"reference": None}, ""),
    ],
)
def test_a_factor_is_looked_at_close_by_too_if_there_are_a_reference_and_time(options, told):
    findings = judged(lambda v: 2 * v, lambda v: 2 * v, wrong=True, **options)
    assert findings.vouched is Verdict.WRONG
    assert findings.remark.startswith("taken together the entries are 2 times the derivative, roundings explain 1 ± ")
    assert findings.remark.endswith(told)
    assert ("close by" in findings.remark) is bool(told)
    assert findings.wrong.all()


def test_what_is_off_at_the_inputs_alone_is_taken_back():
    """As roundings are; the entries are wrong each by itself, and the gradient is right at all points close by."""
    findings = judged(lambda v: 1.01 * v, wrong=True)
    assert (findings.vouched, findings.remark) == (Verdict.RIGHT, "")
    assert not findings.wrong.any()
    assert findings.right.any()
    assert set(findings.reason) == {"unstable"}
    assert (findings.bound > 0.01 * np.abs(findings.value)).all()


def test_one_wrong_entry_is_enough_to_look_closer():
    wrong = np.arange(ENTRIES.size) == 7
    findings = judged(lambda v: np.where(wrong, 1.01 * v, v), wrong=wrong)
    assert findings.reason[wrong] == ["unstable"]
    assert set(findings.reason[~wrong]) == {"noise"}


def test_without_a_reference_nothing_is_taken_back():
    assert judged(lambda v: 1.01 * v, wrong=True, reference=None).wrong.all()


def test_over_many_points_roundings_explain_less():
    explained = [
        float(judged(lambda v: 2 * v, lambda v: 2 * v, reference=each).remark.split(" ± ")[1].split()[0])
        for each in (product, None)
    ]
    assert explained[0] < 0.7 * explained[1]


@pytest.mark.parametrize(("noise", "wrong"), [(0.2, False), (0.01, True)])
def test_what_changes_from_point_to_point_explains_more(noise, wrong):
    findings = judged(lambda v: v + 0.5, lambda v: v + noise * RNG.choice([-1, 1], v.size), wrong=True)
    assert findings.wrong.any() == wrong


@pytest.mark.parametrize(("terms", "verdict"), [(0.0, Verdict.WRONG), (40.0, Verdict.UNDECIDED)])
def test_large_terms_explain_more(terms, verdict):
    findings = judged(lambda v: v + 0.1 * np.resize([1, -1], v.size), reference=None, terms=terms)
    assert findings.vouched is verdict


@pytest.mark.parametrize(("scale", "verdict"), [(0.0, Verdict.WRONG), (1e6, Verdict.UNDECIDED)])
def test_in_float32_what_forward_loses_explains_more(scale, verdict):
    findings = judged(lambda v: v + 0.1 * np.resize([1, -1], v.size), dtype=np.float32, points=0, scale=scale)
    assert findings.vouched is verdict
    assert findings.method.endswith("to the roundings of float32")


@pytest.mark.parametrize("status", ["noise", "ok"])
def test_of_entries_that_are_not_known_nothing_is_said(status):
    findings = judged(lambda v: 2 * v if status == "noise" else np.nan * v, status=status)
    assert (findings.method, findings.remark) == ("differences", "")


def test_some_of_them_do_not_spoil_the_rest():
    lost = np.arange(ENTRIES.size) < 5
    status = np.where(np.arange(ENTRIES.size) < 2, "noise", "ok")
    findings = judged(lambda v: np.where(lost, 9.0, v), status=status, wrong=lost)
    assert findings.wrong.tolist() == lost.tolist()
    findings = judged(lambda v: np.where(lost, np.nan, v))
    assert (findings.vouched, findings.remark) == (Verdict.RIGHT, "")


def test_in_a_format_of_float64_nothing_is_said():
    findings = judged(lambda v: 2 * v, dtype=np.float64, reference=None)
    assert (findings.method, findings.remark) == ("differences", "")


def test_what_is_taken_back_and_what_is_right_after():
    value = np.array([50.0, 1.0, 1.0, 1.0, 1.0, -4.0])
    off = np.array([0.01, 0.01, 0.12, -0.2, 0.01, -0.06])
    findings = findings_of(value, value + off, bound=0.5, wrong=np.array([True, True, True, True, False, True]))
    findings.right[:] = False
    tolerance = np.array([0.15, 0.15, 0.15, 0.15, 0.001])
    _acquit(findings, np.arange(1, 6), tolerance, 2.0**-7)  # to vouch, a distance is at most 2 % of the largest
    assert findings.wrong.tolist() == [True, False, False, True, False, False]
    assert findings.right.tolist() == [False, True, False, False, False, False]
    assert findings.reason.tolist() == ["noise", "unstable", "unstable", "noise", "noise", "unstable"]
    assert findings.bound.tolist() == [0.5, 0.15, 0.15, 0.5, 0.5, 0.001]


def test_the_bound_of_what_is_taken_back_is_that_of_an_entry():
    findings = judged(lambda v: 1.01 * v, wrong=True, terms=3.0)
    least = entry_tolerance(findings.analytic, np.full(ENTRIES.size, 3.0), own_format_of_the_inputs())
    assert (findings.bound >= least).all()
    assert (findings.bound <= 2 * least).all()
