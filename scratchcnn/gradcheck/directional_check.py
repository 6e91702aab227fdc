"""The gradient against the directional derivative: one number that a mistake at any entry of an input changes."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from scratchcnn.gradcheck.analytic import FEW_ROUNDOFFS, ULP_FACTOR, trembling
from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.case import Case
from scratchcnn.gradcheck.numerical import staircases
from scratchcnn.gradcheck.numerical.directional import MOVE_ROUNDING, directional_derivative, moved_along
from scratchcnn.gradcheck.numerical.kinks import DECIDED, Slope, slope
from scratchcnn.gradcheck.numerical.ladder import climb
from scratchcnn.gradcheck.numerical.noise import EPS, least_noise
from scratchcnn.gradcheck.numerical.probe import Contraction, Line, Probe
from scratchcnn.gradcheck.numerical.sums import in_sums
from scratchcnn.gradcheck.points import Point
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.verdict import SUM_ROUNDOFFS, ZERO_ROUNDOFFS, Verdict, small_in

# As a share of the gradient's norm along it: a direction vouches if it would show a mistake of this size.
VISIBLE_SHARE = 1e-3
# As shares of the direction: the moves that are tried. A relu that wakes among thousands lies between the steps of a
# large move, and often not between those of a small one.
STEP_SHARES = (1.0, 2.0**-10, 2.0**-20)
# Of more outputs than this, sums are looked at over all scales; and how many sums.
MANY_OUTPUTS, SUMS = 1024, 256


@dataclass(frozen=True)
class DirectionalResult:
    """What a direction tells: the gradient's value along it, and the value of differences with its tolerance."""

    verdict: Verdict
    analytic: float = np.nan
    value: float = np.nan
    tolerance: float = np.nan

    def __str__(self) -> str:
        analytic, value = apart(self.analytic, self.value)
        return f"the gradient gives {analytic}, differences {value} ± {self.tolerance:.2g}"


class DirectionalCheck:
    """A random direction of input `index`, along which the gradient is compared with differences.

    Parameters
    ----------
    case, index
        The functions, and which input.
    probe
        The forward pass as a function of that input, at the point.
    point
        Where backward was called, in the precision that it is judged in.
    gradient
        (size of the input,) what it answered.
    rng
        Draws the direction.
    precision
        The eps that the gradient is held to.
    """

    def __init__(
        self,
        case: Case,
        index: int,
        probe: Probe,
        point: Point,
        gradient: Array,
        rng: np.random.Generator,
        precision: float = EPS,
    ) -> None:
        self.case, self.index, self.probe, self.point, self.precision = case, index, probe, point, precision
        self.eps = float(np.finfo(point.inputs[index].dtype).eps)
        self.direction = probe.unit * rng.choice([-1.0, 1.0], probe.unit.size)
        self.weights = point.cotangent.astype(np.float64).reshape(-1)
        self.analytic = float(gradient @ self.direction)
        self.known = bool(np.isfinite(gradient).all())
        parts = np.abs(gradient * self.direction)
        self.total = float(parts.sum())
        few = FEW_ROUNDOFFS * precision if precision > EPS else 0.0
        self.rounding = (SUM_ROUNDOFFS * self.eps + few) * self.total
        if precision > EPS:
            # Backward may lose what is below a roundoff of forward: g - Σ g p where p is nearly 1.
            self.rounding += ZERO_ROUNDOFFS * precision * float(np.abs(self.weights) @ np.nan_to_num(np.abs(probe.y0)))
        if case.format is not None:
            self.rounding += case.format.smallest * float(np.abs(self.direction).sum())
        zero = SUM_ROUNDOFFS * EPS * float(np.abs(self.weights) @ np.nan_to_num(np.abs(probe.y0)))
        self.enough = max(VISIBLE_SHARE, small_in(precision)) * float(np.sqrt((parts**2).sum())) + zero

    def compare(self, noise: Callable[[], Array], step: float = 0.0, *, climbs: bool = True) -> DirectionalResult:
        """Compares the two.

        Parameters
        ----------
        noise
            Measures a bound (outputs,) for the roundoff of the outputs; it is called only if needed.
        step
            The width of the steps in which forward moves, in units; 0 where it is no staircase.
        climbs
            Whether there is time to look over all scales before a gradient is accused.

        Returns
        -------
        DirectionalResult
            RIGHT where the two agree and the tolerance is small against the gradient, WRONG where they differ.
            UNDECIDED where forward is not known to be finite and smooth along the direction.
        """
        if step:
            return self._beyond_steps(step)
        moves, found = self._by_least_noise()
        value, tolerance, agrees = found
        if agrees and tolerance <= self.enough and abs(self.analytic - value) <= tolerance:
            return self._told(value, tolerance)
        measured = noise()
        found_all = [self._difference(*moved, measured) for moved in moves]
        value, tolerance, agrees = min(found_all, key=lambda each: (not each[2], each[1]))  # the tightest that agrees
        if not agrees or not self.known:
            return self._result(Verdict.UNDECIDED, value, tolerance)
        if abs(self.analytic - value) <= tolerance:
            return self._told(value, tolerance)
        return self._doubted(value, tolerance, measured, climbs=climbs)

    def within(self, found: DirectionalResult, slack: float) -> DirectionalResult:
        """The result where the two may differ by `slack` more."""
        tolerance = found.tolerance + slack
        excused = abs(found.analytic - found.value) <= tolerance
        return self._told(found.value, tolerance) if excused else found

    def _by_least_noise(self) -> tuple[list[tuple[float, Array]], tuple[float, float, bool]]:
        """Moves by smaller and smaller shares of the direction, and what the last of them tells.

        The least noise that there can be is assumed: if both sides agree within it, it need not be measured.
        """
        moves = []
        for share in STEP_SHARES:
            moves.append((share, moved_along(Line(self.probe, slice(None), share * self.direction))))
            value, tolerance, agrees = self._difference(*moves[-1], least_noise(self.probe))
            if agrees and tolerance <= self.enough:
                break
        return moves, (value, tolerance, agrees)

    def _doubted(self, value: float, tolerance: float, noise: Array, *, climbs: bool) -> DirectionalResult:
        """The result where the two differ: backward's own error counts, and all scales are looked at."""
        slack = self.rounding + sum(map(self._trembled, {self.eps, max(self.precision / 2, EPS)}))
        tolerance += slack - self.rounding
        if abs(self.analytic - value) <= tolerance:
            return self._told(value, tolerance)
        # Three steps may agree by chance, where the function turns faster than they resolve.
        wrong = not climbs or self._differs_at_all_scales(noise, slack)
        return self._result(Verdict.WRONG if wrong else Verdict.UNDECIDED, value, tolerance)

    def _result(self, verdict: Verdict, value: float, tolerance: float) -> DirectionalResult:
        return DirectionalResult(verdict, self.analytic, value, tolerance)

    def _told(self, value: float, tolerance: float) -> DirectionalResult:
        """The result where the two agree."""
        return self._result(Verdict.RIGHT if tolerance <= self.enough else Verdict.UNDECIDED, value, tolerance)

    def _trembled(self, relative: float) -> float:
        """How far the gradient along the direction moves when all inputs move by a relative amount."""
        changes = trembling(self.case, self.point, relative)[self.index]
        return ULP_FACTOR * float(np.abs(changes @ self.direction).max())

    def _difference(self, share: float, y: Array, noise: Array) -> tuple[float, float, bool]:
        """The derivative, its tolerance, and whether it is smooth, from moves by a share of the direction."""
        value, bound, agrees = directional_derivative(Contraction(self.probe, self.weights, noise), y)
        # The moves of entries are rounded: the smaller the steps, the more this matters.
        return value / share, (bound + MOVE_ROUNDING * self.total) / share + self.rounding, agrees

    def _beyond_steps(self, width: float) -> DirectionalResult:
        """The result where forward is a staircase. It never accuses: moves so wide may cross kinks of many entries."""
        contraction = Contraction(self.probe, self.weights, least_noise(self.probe))
        fit = staircases.along(contraction, self.direction, width)
        value, tolerance = float(fit.value[0]), float(fit.bound[0]) + self.rounding
        # Strictly, the slope of a staircase is zero: a gradient of zeros is not called right.
        agrees = fit.agrees[0] and self.total != 0 and abs(self.analytic - value) <= tolerance
        return self._told(value, tolerance) if agrees else self._result(Verdict.UNDECIDED, value, tolerance)

    def _differs_at_all_scales(self, noise: Array, slack: float) -> bool:
        """Whether the two differ at steps of any size; of many outputs, sums are looked at where these are smooth."""
        contraction = Contraction(self.probe, self.weights, noise)
        found = None
        if self.probe.outputs > MANY_OUTPUTS and np.isfinite(self.probe.y0).all():
            found = self._over_scales(in_sums(contraction, SUMS))
        if found is None or found.status != "ok":
            found = self._over_scales(contraction)
        return found.status in DECIDED and abs(self.analytic - found.value) > found.bound + slack

    def _over_scales(self, contraction: Contraction) -> Slope:
        """The derivative along the direction, as a climb finds it."""
        probe, widest = contraction.probe, float(self.probe.unit.max())
        line = Line(probe, np.arange(self.direction.size), self.direction / widest)
        climbed = climb(contraction, line, widest, np.ones(probe.outputs, bool))
        found = slope(climbed, contraction.cotangent)
        return replace(found, value=widest * found.value, bound=widest * found.bound)
