"""The catalogues by proof alone: none right is accused, no mistake is missed, and most functions run on balls."""

import re
from collections import Counter

import pytest

from tests.gradcheck.proof.catalogues import proof_of, rows, said

SEEDS = range(2)
# Why functions do not run on balls.
REASONS = {
    "rounds to fewer digits": r"rounds to float(16|32), which a ball cannot",
    "complex numbers": "needs complex numbers",
    "eigenvalues": r"linalg\.eigvals\w* is not available on balls",
    "bits of floats": "looks at the bits of floats",
    "another library": r"cannot create mpf from Ball",
    "a gradient of another shape": "gradient of another shape",
    "no entries": "there is nothing to prove",
}
# Off by 45 roundoffs, which two roundings of a constant may be as well.
WITHIN_CONSTANTS = {
    "exact conv2d: 1 + 1e-14 in one filter entry",
    "exact dense: 1 + 1e-14",
    "exact avg_pool2d: 1 + 1e-14",
}
# What backward leaves out is below a millionth of the scale: a series that ends after its first term.
TRIFLES = {"later_noise: (x - sin x) / x^3 beside 0"}


@pytest.fixture(scope="module")
def found():
    """(row, proof, what it says) of every case at every seed."""
    answers = []
    for seed in SEEDS:
        for row in rows(seed):
            proof = proof_of(row, seed)
            answers.append((row, proof, said(proof)))
    return answers


def test_nothing_right_is_accused(found):
    right = [(row, proof, answer) for row, proof, answer in found if row.truth == "right"]
    assert [row.name for row, _, answer in right if answer == "wrong"] == []
    assert {row.name for row, _, answer in right if answer == "trifle"} <= TRIFLES
    assert sum(answer == "right" for *_, answer in right) > 0.7 * len(right)


def test_no_mistake_is_missed_where_the_proof_runs(found):
    mistakes = [(row, proof, answer) for row, proof, answer in found if row.truth == "wrong"]
    assert {row.name for row, _, answer in mistakes if answer == "right"} <= WITHIN_CONSTANTS
    assert sum(answer in ("wrong", "trifle") for *_, answer in mistakes) > 0.7 * len(mistakes)


def test_what_is_left_open_of_the_planted_mistakes_is_at_kinks(found):
    planted = [row.name for row, _, answer in found if row.catalogue == "mistakes" and answer == "open"]
    at_kinks = r"slope|tied|every maximum|twice the slope|NaN|divided by a zero"
    assert [name for name in planted if not re.search(at_kinks, name)] == []


def test_known_derivatives_are_proved_by_mpmath_s(found):
    known = [(row, proof, answer) for row, proof, answer in found if row.catalogue == "derivatives"]
    ran = [(row, proof, answer) for row, proof, answer in known if answer != "not run"]
    assert len(ran) > 0.9 * len(known)
    assert {answer for *_, answer in ran} == {"right"}
    digits = {row.name: min(p.digits for p in proof.inputs.values()) for row, proof, _ in ran}
    assert {name for name, count in digits.items() if count < 25} == {"product of 1e150 and 1e-150"}  # it is not 1


def test_most_functions_run_and_the_others_say_why(found):
    ran, why = Counter(), Counter()
    for row, proof, answer in found:
        ran[row.catalogue, answer != "not run"] += 1
        if answer == "not run":
            kinds = [kind for kind, pattern in REASONS.items() if re.search(pattern, proof.reason)]
            assert len(kinds) == 1, f"{row.name}: {proof.reason}"
            why[kinds[0]] += 1
            print(f"{row.catalogue}, {row.name}: {proof.reason}")
    print(dict(ran), dict(why))
    for catalogue in {catalogue for catalogue, _ in ran}:
        count = ran[catalogue, True]
        assert count >= 0.8 * (count + ran[catalogue, False]), catalogue
