"""What roundings of a small format explain, and what they do not."""

import ml_dtypes
import numpy as np
import pytest

from scratchcnn.gradcheck import Verdict
from scratchcnn.gradcheck.case import prepare
from scratchcnn.gradcheck.formats import format_of, own_format
from scratchcnn.gradcheck.low_precision import (
    MOST_ROUNDINGS,
    VOUCHING_NORM,
    all_together,
    differs_from_reference,
    entry_tolerance,
    vouching_share,
)
from scratchcnn.gradcheck.numerical.caller_warnings import quiet

BFLOAT16 = own_format(np.dtype(ml_dtypes.bfloat16)) or format_of(np.zeros(1, ml_dtypes.bfloat16))
U = BFLOAT16.eps / 2


class TestEntry:
    def test_an_entry_may_be_off_by_its_own_rounding_that_of_the_largest_and_those_of_its_terms(self):
        values, terms = np.array([1.0, -4.0, 0.0]), np.array([0.0, 0.0, 8.0])
        found = entry_tolerance(values, terms, BFLOAT16)
        assert found == pytest.approx(2 * U * np.array([1 + 4, 4 + 4, 4 + MOST_ROUNDINGS / 2 * 8]))

    def test_what_is_not_finite_is_not_the_largest(self):
        found = entry_tolerance(np.array([1.0, np.inf, np.nan]), np.zeros(3), BFLOAT16)
        assert found[0] == pytest.approx(2 * U * 2)
        assert np.isnan(entry_tolerance(np.array([np.nan]), np.zeros(1), BFLOAT16)).all()

    def test_below_the_normal_numbers_all_are_a_smallest_number_apart(self):
        assert entry_tolerance(np.zeros(2), np.zeros(2), BFLOAT16).tolist() == [BFLOAT16.smallest] * 2


def told(value, distance, *, bound=0.0, terms=0.0, points=1):
    value = np.asarray(value, float)
    full = [np.broadcast_to(a, value.shape).astype(float) for a in (distance, bound, terms)]
    return all_together(full[0], full[1], value, full[2], BFLOAT16, points)


class TestAllTogether:
    """A thousand entries of size one, in bfloat16: u is 2^-8 or so."""

    rng = np.random.default_rng(0)
    value = rng.choice([-1.0, 1.0], 1000) * rng.uniform(0.5, 2, 1000)
    roundings = U * value * rng.uniform(-1, 1, 1000)

    def test_roundings_are_right(self):
        verdict, why = told(self.value, self.roundings)
        assert verdict is Verdict.RIGHT
        assert "of their norm" in why

    @pytest.mark.parametrize("scale", [1.0, 1e-3])
    @pytest.mark.parametrize("factor", [1.25, 0.75, 4.0, 0.5, -1.0])
    def test_a_factor_is_wrong_and_named(self, factor, scale):
        """Its roundings are as many times larger."""
        verdict, why = told(scale * self.value, scale * ((factor - 1) * self.value + factor * self.roundings))
        assert verdict is Verdict.WRONG
        assert why.startswith(f"are {factor:.2g} times the derivative, roundings explain 1 ± ")

    @pytest.mark.parametrize("scale", [1.0, 1e-3])
    def test_what_is_no_factor_is_wrong_by_its_norm(self, scale):
        explained = 1.3 * U * (1 + 3 / np.sqrt(1000))
        value = scale * self.value
        assert told(value, np.roll(value, 1) / 4) == (
            Verdict.WRONG,
            f"are off by 0.25 of their norm, roundings explain {explained:.2g}",
        )
        assert told(value, np.roll(value, 1) / 400) == (
            Verdict.RIGHT,
            f"are off by 0.0025 of their norm, roundings explain {explained:.2g}",
        )

    def test_a_factor_with_more_that_is_wrong_is_no_factor(self):
        verdict, why = told(self.value, 0.5 * self.value + 0.5 * np.roll(self.value, 1))
        assert verdict is Verdict.WRONG
        assert why.startswith("are off by 0.7")

    def test_a_small_distance_that_roundings_do_not_explain_is_undecided(self):
        """A kernel may lose digits in sums: nothing is called wrong below two hundredths."""
        share = 0.9 * VOUCHING_NORM
        assert told(self.value, share * self.value)[0] is Verdict.UNDECIDED
        assert told(self.value, 1.1 * VOUCHING_NORM * self.value)[0] is Verdict.WRONG
        assert told(self.value, share * np.roll(self.value, 1))[0] is Verdict.UNDECIDED
        assert told(self.value, 0.001 * self.value)[0] is Verdict.RIGHT

    def test_roundings_of_large_terms_explain_much_but_vouch_for_little(self):
        off = 0.5 * np.roll(self.value, 1)
        assert told(self.value, off)[0] is Verdict.WRONG
        verdict, why = told(self.value, off, terms=200.0)
        assert verdict is Verdict.UNDECIDED
        share = 1.3 * U * (1 + 3 / np.sqrt(1000)) * np.sqrt(1 + 200**2 * 1000 / np.sum(self.value**2))
        assert why == f"are off by 0.5 of their norm; roundings would explain {share:.2g}"

    def test_bounds_of_the_numerical_side_explain_as_much(self):
        off = 0.5 * np.roll(self.value, 1)
        assert told(self.value, off, bound=2.0)[0] is Verdict.UNDECIDED
        assert told(self.value, 0.5 * self.value, bound=2.0)[0] is Verdict.UNDECIDED
        assert told(self.value, 0.5 * self.value, bound=0.1)[0] is Verdict.WRONG

    @pytest.mark.parametrize(
        ("points", "u", "verdict"),
        [
            (1, 1.1, Verdict.UNDECIDED),
            (1, 1.6, Verdict.WRONG),
            (2, 1.1, Verdict.UNDECIDED),
            (2, 1.6, Verdict.WRONG),
            (1024, 0.35, Verdict.UNDECIDED),
            (1024, 0.6, Verdict.WRONG),
        ],
    )
    def test_a_mean_over_points_close_by_shows_more(self, points, u, verdict):
        """Of ten roundings the root mean square is 1.3 u; that of one, 0.42 u, may be the same at all points."""
        off = u * U * 100 * np.roll(np.sign(self.value), 1)
        assert told(self.value, off, terms=100.0, points=points)[0] is verdict

    def test_a_single_entry_may_be_off_by_more_than_many(self):
        """The mean square of N entries is within 1 + 3 / sqrt(N) of what is expected."""
        share = 3 * U
        assert told([1.0], share, terms=0.0)[0] is Verdict.RIGHT
        assert told(self.value, share * np.roll(self.value, 1), terms=0.0)[0] is Verdict.UNDECIDED

    def test_a_derivative_of_zero(self):
        assert told(np.zeros(4), 0.0) == (Verdict.RIGHT, "")
        assert told(np.zeros(4), BFLOAT16.smallest / 8) == (Verdict.RIGHT, "")
        assert told(np.zeros(4), 1.0) == (Verdict.WRONG, "are not zero")
        assert told(np.zeros(4), 1.0, bound=2.0) == (Verdict.RIGHT, "")
        assert told(np.zeros(4), 1.0, terms=200.0) == (Verdict.RIGHT, "")


def test_a_coarser_format_vouches_for_more():
    assert vouching_share(U / 100) == VOUCHING_NORM
    assert vouching_share(0.25) == 0.0625


class TestReference:
    X = np.linspace(0.5, 4, 24).reshape(4, 6).astype(np.float32)

    def differs(self, kernel, x=X, reference=np.sin):
        """What says that a forward in float32 alone is another function than what it is in float64."""

        def forward(x):
            return kernel(x) if x.dtype == np.float32 else reference(x)

        with quiet():
            return differs_from_reference(prepare(forward, lambda g, x: (g,), (x,)), np.random.default_rng(0))

    def test_roundings_are_no_difference(self):
        assert self.differs(np.sin) is None
        assert self.differs(lambda x: np.sin(x) * np.float32(1 + 2.0**-23)) is None

    def test_roundings_of_inputs_that_cancel_are_no_difference(self):
        x = np.array([1000.1, -999.9, 1234.5, -1234.7, 0.3], np.float32)

        def total(x):
            return x.sum(keepdims=True)

        assert self.differs(lambda x: total(x) + np.float32(1e-4), x, total) is None
        assert self.differs(lambda x: total(x) + np.float32(1e-2), x, total) is not None

    def test_nan_on_both_sides_is_no_difference(self):
        def forward(x):
            return np.where(x == x[0, 0], np.nan, x).astype(x.dtype)

        assert self.differs(forward, reference=forward) is None

    def test_more_is_told_with_both_numbers_and_where(self):
        def other(x):
            y = np.sin(x)
            y[2, 3] += 1e-3
            y[1, 1] += 1e-5
            return y

        told = self.differs(other)
        assert told.kind == "reference"
        at = np.sin(self.X[2, 3].astype(float))
        assert f"forward gives {at + 1e-3:.4f}"[:20] in told.message
        assert "at [2, 3], the reference" in told.message

    def test_what_is_not_finite_on_one_side_alone_differs(self):
        assert "nan at [0, 0]" in self.differs(lambda x: np.where(x == x[0, 0], np.float32(np.nan), np.sin(x))).message
        x = self.X.copy()
        x[0, 0] = np.inf
        assert self.differs(np.exp, x, np.exp) is None
