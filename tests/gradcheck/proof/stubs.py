"""Stand-ins for what judges a gradient, and what a proof says."""

from types import SimpleNamespace

import numpy as np

from scratchcnn.gradcheck import Verdict
from scratchcnn.gradcheck.findings import Findings
from scratchcnn.gradcheck.proof.outcome import Proven
from scratchcnn.gradcheck.proof.proofs import Proofs

EPS = float(np.finfo(np.float64).eps)


def judge_of(
    values, y=(1.0, -4.0), noise=0.0, own=0.0, findings=None, precision=np.float64, along=Verdict.RIGHT, step=0.0
):
    """A judge of an input: backward answers `values` in floats, and forward `y`."""
    y = np.array(y)
    return SimpleNamespace(
        index=0,
        eps=EPS,
        step=step,
        precision=np.dtype(precision),
        noise=np.broadcast_to(noise, y.shape),
        probe=SimpleNamespace(y0=y, outputs=y.size),
        case=SimpleNamespace(names=["x"]),
        analytic=SimpleNamespace(
            values={0: np.array(values)}.__getitem__,
            own_error=lambda index, entries, status, most: (
                own + 0.0 * entries + (0 if set(status) == {"ok"} else np.nan)
            ),
        ),
        by_sample=lambda: findings,
        along=lambda: SimpleNamespace(verdict=along),
    )


def proven_of(value, *, wrong=False, right=None, exact=None, bound=0.0, **fields):
    value = np.array(value, float)
    wrong = np.broadcast_to(wrong, value.shape).copy()
    right = ~wrong if right is None else np.array(right)
    return Proven(value, right, wrong, np.broadcast_to(bound, value.shape).copy(), exact=exact or {}, **fields)


def findings_of(entries, right=False, wrong=False, bound=1e-9):
    size = len(entries)
    of_each = [np.broadcast_to(np.array(a, float), size).copy() for a in (1.0, 1.0, bound, 0.0)]
    flags = [np.broadcast_to(a, size).copy() for a in (right, wrong)]
    return Findings(np.array(entries), *of_each, *flags, np.full(size, "noise", object), "differences")


def proofs_of(proof, located=None):
    """Proofs that have been made."""
    proofs = Proofs.__new__(Proofs)
    proofs.notes, proofs.strays, proofs.dropped, proofs.through = [], set(), set(), set()
    proofs.spent, proofs.seconds, proofs._widths = 0.0, 1.0, {}
    proofs.setting = SimpleNamespace(case=SimpleNamespace(names=["x"]))
    proofs.__dict__["first"] = proof
    proofs.located = lambda index: located
    return proofs
