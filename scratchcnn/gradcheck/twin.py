"""The gradient in the caller's low precision beside its twin in float64, which is the one that is judged."""

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.input_judge import InputJudge
from scratchcnn.gradcheck.numerical.noise import EPS
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.verdict import VOUCHING_ROUNDOFFS, ZERO_ROUNDOFFS, Verdict

# Outputs in a low precision are those in float64 within so many times their measured noise, in that precision's units.
TWIN_NOISES = 8.0


def judge_twin(judge_of: InputJudge, findings: Findings) -> None:
    """Compares the two, and writes into `findings` what is wrong or undecided about the one in low precision."""
    case, index, analytic = judge_of.case, judge_of.index, judge_of.analytic
    tolerance = analytic.coarse(index)
    if tolerance is None or findings.remark:
        return
    dtype, entries = case.dtype(index), findings.entries
    if np.isfinite(judge_of.probe.y0).all() and not np.isfinite(case.output.astype(np.float64)).all():
        findings.vouched = Verdict.UNDECIDED
        findings.remark = f"in {dtype} forward overflows: in float64 its output is finite"
        return
    given = np.asarray(analytic.given[index], np.float64).reshape(-1)[entries]
    twin = analytic.values(index)[entries]
    # Some roundoffs of the operation count as zero here too: 1 - O has no digits in float32 where O is 1 - 1e-9.
    roundoff = judge_of.roundoff(findings, np.abs(given - twin) > tolerance[entries])
    small = case.format is not None and case.format.is_small
    many = ZERO_ROUNDOFFS if small else VOUCHING_ROUNDOFFS
    allowed = tolerance[entries] + many * roundoff * (case.eps(index) / EPS)
    excess = np.nan_to_num(np.abs(given - twin) - allowed, nan=np.inf)
    excess[(given == twin) | (np.isnan(given) & np.isnan(twin))] = 0
    if not (excess > 0).any():
        return
    if _is_another_function(judge_of):
        findings.vouched = Verdict.UNDECIDED
        findings.remark = (
            f"in {dtype} forward is another function than in float64, by a constant that depends on the dtype (an eps)"
            " or by numbers that it draws: give it that constant, or check it in float64"
        )
    elif small and _is_mostly_right(given, twin):
        findings.vouched = Verdict.UNDECIDED
        findings.remark = f"in {dtype} sums lose digits: keep them in float32, or check it in float64"
    else:
        worst = int(excess.argmax())
        place = [int(k) for k in np.unravel_index(entries[worst], judge_of.x.shape)]
        narrow, wide = apart(given[worst], twin[worst])
        findings.vouched = Verdict.WRONG
        findings.remark = (
            f"in {dtype} the gradient strays from its float64 twin at {int((excess > 0).sum())} entries, most at"
            f" {place}: {narrow}, not {wide} ± {allowed[worst]:.2g}"
        )


def _is_another_function(judge_of: InputJudge) -> bool:
    """Whether forward's outputs in the caller's precision differ from those in float64 by more than roundoff."""
    low = judge_of.case.output
    if low.dtype.kind != "f" or low.size != judge_of.probe.outputs:
        return False
    coarser = max(float(np.finfo(low.dtype).eps), judge_of.case.eps(judge_of.index)) / EPS
    with np.errstate(invalid="ignore"):
        distance = np.abs(low.reshape(-1).astype(np.float64) - judge_of.probe.y0)
    return bool((distance > TWIN_NOISES * coarser * judge_of.noise).any())


def _is_mostly_right(given: Array, twin: Array) -> bool:
    """Whether a gradient is nearer to its float64 twin than to zero: its sums may have lost digits."""
    return float(np.linalg.norm(given - twin)) <= float(np.linalg.norm(twin)) / 2
