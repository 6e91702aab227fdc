"""The bank itself: its right pairs are right, its mistakes wrong, and no kind is rare."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import settings

from scratchcnn.gradcheck import Verdict, check_gradient
from tests.gradcheck.diagnosis.bank import BANK, half
from tests.gradcheck.mistakes.planting import BREACHES, VALUES

# One draw of each case; twenty-five in the deep profile.
SEEDS = range(max(1, settings().max_examples // 400))
# Kinds that the article's operations do not need.
MORE_VALUES = ["operand", "option-ignored"]
# What mistakes are planted in, once each, at every draw that a mistake has.
PLANTED_IN = {(m.right.name, m.draw): m for m in BANK}


def judged(forward, backward, mistake, seed, *, diagnosis=False):
    """The report on every entry, however long that takes: a busy machine must not leave a tie undecided."""
    inputs = mistake.draw(np.random.default_rng(seed))
    options = {"seed": seed, "max_entries": None, "diagnosis": diagnosis, **mistake.right.options}
    with np.errstate(all="ignore"):
        return check_gradient(forward, backward, *inputs, **options)


def test_the_bank_is_large_and_no_kind_is_rare():
    assert len({m.name for m in BANK}) == len(BANK) >= 160
    assert len({m.right.name for m in BANK}) >= 24
    counts = Counter(kind for m in BANK for kind in m.kinds)
    assert {*counts} == {*VALUES, *MORE_VALUES, *BREACHES}
    assert not [kind for kind in (*VALUES, *MORE_VALUES) if counts[kind] < 3]


def test_inputs_are_small_and_in_double_precision():
    for mistake in BANK:
        for a in mistake.draw(np.random.default_rng(0)):
            assert a.size <= 64, mistake.name
            assert a.dtype in (np.float64, np.int64), mistake.name


def test_the_coin_falls_evenly_and_is_the_same_in_every_run():
    assert 0.4 < np.mean([half(m.name) for m in BANK]) < 0.6
    assert not half("batch norm 1d: mean taken for a constant")
    assert half("batch norm 1d: deviation taken for a constant")


@pytest.mark.parametrize("mistake", PLANTED_IN.values(), ids=lambda m: m.name)
def test_the_right_gradient_is_right(mistake):
    for seed in SEEDS:
        report = judged(mistake.right.forward, mistake.right.backward, mistake, seed)
        assert report.verdict is Verdict.RIGHT, f"seed {seed}: {report}"


@pytest.mark.parametrize("mistake", BANK, ids=lambda m: m.name)
def test_a_mistake_is_wrong(mistake):
    for seed in SEEDS:
        report = judged(*mistake.pair(), mistake, seed)
        assert report.verdict is Verdict.WRONG, f"seed {seed}: {report}"
        violations, breaches = {v.kind for v in report.violations}, {*mistake.kinds} & {*BREACHES}
        # A wrong value is found by its value, not for a breach that the planting brought along.
        values = violations <= {"stale", "elsewhere", "ignores-cotangent"}
        assert breaches & violations if breaches else values, f"seed {seed}: {report}"


def test_nine_tenths_of_the_half_that_nobody_looked_at_are_named():
    """By their own kind among the first two. (Claims were worked out on the other half.) Few get other names alone."""
    found = Counter()
    for mistake in (m for m in BANK if not half(m.name)):
        kinds = [d.kind for d in judged(*mistake.pair(), mistake, 1, diagnosis=True).diagnoses]
        first = list(dict.fromkeys(kinds))[:2]
        found["named" if {*first} & {*mistake.kinds} else "misnamed" if kinds else "unnamed"] += 1
    share = {name: count / found.total() for name, count in found.items()}
    assert share["named"] >= 0.9
    assert share["misnamed"] <= 0.05
