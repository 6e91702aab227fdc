"""What `scratchcnn verify` checks: the article's network as printed, the network that is trained, the catalogue.

A `Check` is a row of the table before it is run, a `Row` is what came out. Every derivative is compared by
`scratchcnn.gradcheck` with differences of its forward, at the 200 digits that ship with the package:

- the *links* of the chain (∂O/∂Z2, ∂Z2/∂W, ...) at the values that the network has there, a sample of their entries
  where there are many;
- the *whole chain* (∂E/∂W, ∂E/∂b, ∂E/∂f): every entry of the parameters, moved on its own and carried through to E.

Beside the differences each row is proved in ball arithmetic, as far as that is quick: the links of all digits, or of a
few where they have many entries; the whole chain, as `article` has it, of the first digits; the small samples of the
operations. The verdict comes from the differences; a proof that something is wrong makes the row wrong, too.
"""

import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np

from scratchcnn.article import network as article
from scratchcnn.article.point import PROVED, Array, Pair, Point, unsaturated
from scratchcnn.catalogue import CATALOGUE, Operation
from scratchcnn.catalogue import check as check_operation
from scratchcnn.catalogue import prove as prove_operation
from scratchcnn.digits.mnist import SHIPPED
from scratchcnn.gradcheck import Proved, Report, Verdict, check_gradient, prove_gradient
from scratchcnn.gradcheck.proof.prove_gradient import plain_digits
from scratchcnn.gradcheck.report.report import InputReport
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.operations.activations import sigmoid, sigmoid_backward
from scratchcnn.operations.convolution.conv2d import conv2d, conv2d_backward
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.losses import squared_error, squared_error_backward
from scratchcnn.operations.standardize import standardize, standardize_backward

PRINTED = "the article as printed"
TRAINED = "the network that is trained"
OPERATIONS = "the operations"

WORKERS = 2
SAMPLED = 200  # entries of a large link
BLOCK = 64  # weights that are checked together
FEW = 4  # images for a link that treats each image alike, and on its own
NO_PROOF = "no proof was asked for"


@dataclass(frozen=True)
class Check:
    """A row of the table before it is run.

    Attributes
    ----------
    block, name, equation
        What the row says of itself.
    reports
        Does the work, one report for each part of it.
    proofs
        Proves what of it can be proved in little time: each of its parts, None for one that is left out.
    of
        What `proofs` looks at, in words; empty: at all that the reports see.
    entries
        How many entries the derivative has in the network, where the reports see fewer; 0: as many as they see.
    note
        A remark for the reader.
    """

    block: str
    name: str
    equation: str
    reports: Callable[[], Iterable[Report]]
    entries: int = 0
    note: str = ""
    proofs: Callable[[], Iterable[Proved | None]] = tuple
    of: str = ""


@dataclass(frozen=True)
class Row:
    """A row of the table.

    Attributes
    ----------
    block, name, equation
        As in `Check`.
    verdict
        Right only if all is right.
    entries, checked
        How many entries the derivative has, and how many were compared.
    worst_error, bound
        Distance and bound of the entry that comes closest to its bound, or is furthest outside; NaN where none was
        compared.
    seconds
        What it took.
    note
        What is wrong in one line, or the check's remark where nothing is.
    details
        The reports in full that are not right.
    proved
        To how many digits the derivative is proved, the least of all entries that are proved right; infinite where it
        is so exactly, NaN where nothing is proved.
    proved_entries
        How many entries are proved right.
    proved_of
        Of what, where that is not all that was compared: "20 of the 200 digits".
    not_proved
        Why nothing is proved; empty where something is.
    """

    block: str
    name: str
    equation: str
    verdict: Verdict
    entries: int
    checked: int = 0
    worst_error: float = math.nan
    bound: float = math.nan
    seconds: float = 0.0
    note: str = ""
    details: str = ""
    proved: float = math.nan
    proved_entries: int = 0
    proved_of: str = ""
    not_proved: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON, which knows no NaN and no infinity: they become None.

        `proved` is a number of digits, or "exact".
        """
        data = asdict(self) | {"verdict": self.verdict.value, "proved": plain_digits(self.proved)}
        return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in data.items()}


def run_all(checks: Iterable[Check]) -> Iterator[Row]:
    """Run checks two at a time (NumPy lets go of the interpreter's lock where it works), and give the rows in order."""
    pool = ThreadPoolExecutor(WORKERS)
    try:
        yield from pool.map(run, checks)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)  # interrupted: what has not begun is dropped


def run(check: Check) -> Row:
    """Run a check. Code under test that raises makes its own row wrong, and leaves the others alone."""
    start = time.perf_counter()
    try:
        row = _with_proofs(_row(check, list(check.reports())), check)
    except Exception as error:
        row = Row(
            *(check.block, check.name, check.equation, Verdict.WRONG, check.entries),
            note=f"{type(error).__name__}: {error}".splitlines()[0],
            details=traceback.format_exc(),
        )
    return replace(row, seconds=time.perf_counter() - start)


def _row(check: Check, reports: list[Report]) -> Row:
    """Fold the reports of one check into its row."""
    bad = [report for report in reports if report.verdict is not Verdict.RIGHT]
    parts = [part for report in reports for part in report.inputs if part.size]
    worst = max(parts, key=lambda part: (_severity(part.verdict), _closeness(part)), default=None)
    return Row(
        *(check.block, check.name, check.equation),
        verdict=max((report.verdict for report in reports), key=_severity, default=Verdict.UNDECIDED),
        entries=check.entries or sum(part.size for part in parts),
        checked=sum(part.checked for part in parts),
        worst_error=math.nan if worst is None else float(worst.error),
        bound=math.nan if worst is None else float(worst.bound),
        note=_fault(bad[0]) if bad else check.note,
        details="\n\n".join(str(report) for report in bad),
    )


def _with_proofs(row: Row, check: Check) -> Row:
    """Add to a row what is proved of it; what is proved wrong makes it wrong."""
    proofs = list(check.proofs())
    made = [proof for proof in proofs if proof is not None]
    parts = [part for proof in made for part in proof.inputs if part.size]
    proved = sum(part.right for part in parts)
    reasons = [part.reason for part in parts if part.reason]
    bad = [proof for proof in made if proof.verdict is Verdict.WRONG]
    if bad:
        fault = next(f"{part.name}: {part.reason}" for part in bad[0].inputs if part.verdict is Verdict.WRONG)
        row = replace(
            row,
            verdict=Verdict.WRONG,
            note=row.note if row.verdict is Verdict.WRONG else fault,
            details="\n\n".join([*([row.details] if row.details else []), *map(str, bad)]),
        )
    if not proved or bad:
        return replace(row, not_proved=reasons[0] if reasons else NO_PROOF)
    entries = sum(part.size for part in parts)
    left_out = len(proofs) - len(made)
    scope = [
        check.of,
        f"{len(made)} of {len(proofs)} samples" if left_out else "",
        f"{proved} of {entries} entries, kinks apart" if proved < entries else "",
    ]
    return replace(
        row,
        proved=min(part.digits for part in parts if part.right),
        proved_entries=proved,
        proved_of=", ".join(filter(None, scope)),
    )


def _severity(verdict: Verdict) -> int:
    return (Verdict.RIGHT, Verdict.UNDECIDED, Verdict.WRONG).index(verdict)


def _closeness(part: InputReport) -> float:
    """Give the share of its bound that the worst error takes: above 1 is outside."""
    return part.error / part.bound if part.bound > 0 else (math.inf if part.error > 0 else 0.0)


def _fault(report: Report) -> str:
    """Say in one line what keeps a report from being right: which input, which entry, both values."""
    for part in report.inputs:
        if part.wrong:
            analytic, numerical = apart(part.analytic, part.numerical, 6)
            return f"{part.name}: wrong at {part.worst_index}: analytic {analytic}, numerical {numerical}"
    for violation in report.violations:
        if not violation.waived:
            where = f"{violation.input}: " if violation.input else ""
            return f"{where}{violation.kind}: {violation.message}"
    for verdict in (Verdict.WRONG, Verdict.UNDECIDED):
        for part in report.inputs:
            if part.verdict is verdict:
                return f"{part.name}: {verdict.value}: {part.reason}"
    return "nothing to check"


def all_checks(seed: int = 0) -> list[Check]:
    """List every row of the table, in order, before it is run. The same seed gives the same figures."""
    point = unsaturated(seed)
    return [*_printed(point), *_trained(point), *(_catalogued(operation, seed) for operation in CATALOGUE)]


def _printed(point: Point) -> Iterator[Check]:
    """Z1 = X * f, A1 = sigmoid(Z1), Z2 = A1 W + b, O = sigmoid(Z2), E = sum (y - O)^2 / 2."""
    link = partial(_link, PRINTED, point.seed)
    loss, activation = (squared_error, squared_error_backward), (sigmoid, sigmoid_backward)
    linear, convolution = (dense, dense_backward), (conv2d, conv2d_backward)
    yield link("∂E/∂O", "-(y - O)", loss, lambda: (point.o, point.y))
    yield link("∂O/∂Z2", "O (1 - O)", activation, lambda: (point.z2,))
    yield link("∂Z2/∂W", "A1", linear, lambda: (point.a1, point.weight, point.bias), 1, first=PROVED)
    yield link("∂Z2/∂b", "1", linear, lambda: (point.a1, point.weight, point.bias), 2, first=PROVED)
    yield link(
        "∂Z2/∂A1", "W", linear, lambda: (point.a1[:FEW], point.weight, point.bias), entries=point.a1.size, first=FEW
    )
    yield link("∂A1/∂Z1", "A1 (1 - A1)", activation, lambda: (point.z1[:FEW],), entries=point.z1.size, first=FEW)
    yield link("∂Z1/∂f", "X", convolution, lambda: (point.x[:FEW], point.filters), 1, first=FEW)
    yield link("∂Z1/∂X", "f", convolution, lambda: (point.x[:FEW], point.filters), entries=point.x.size, first=FEW)
    yield from _chain(PRINTED, point, "∂E/∂O · ∂O/∂Z2")


def _trained(point: Point) -> Iterator[Check]:
    """Z2 standardized over the batch before the last sigmoid: Ẑ2 = (Z2 - mean) / std, O = sigmoid(Ẑ2)."""
    pair = (partial(standardize, axis=0), partial(standardize_backward, axis=0))
    yield _link(TRAINED, point.seed, "∂Ẑ2/∂Z2", "(I - 1/N - Ẑ2 Ẑ2ᵀ/N) / std", pair, lambda: (point.z2,))
    yield from _chain(TRAINED, point, "∂E/∂O · ∂O/∂Ẑ2 · ∂Ẑ2/∂Z2", standardized=True)


def _link(
    block: str,
    seed: int,
    name: str,
    equation: str,
    pair: Pair,
    inputs: Callable[[], tuple[Array, ...]],
    wrt: int = 0,
    *,
    entries: int = 0,
    first: int = 0,
) -> Check:
    """One factor of the chain rule, at the values of the network: an operation with respect to one of its inputs.

    `first`: the proof looks at so many images.
    """

    def reports() -> Iterator[Report]:
        yield check_gradient(*pair, *inputs(), wrt=(wrt,), seed=seed, max_entries=SAMPLED, proof=False)

    def proofs() -> Iterator[Proved]:
        batch, *others = inputs()
        yield prove_gradient(*pair, batch[: first or None], *others, wrt=(wrt,), seed=seed)

    return Check(block, name, equation, reports, entries, proofs=proofs, of=_of(first) if first else "")


def _of(images: int) -> str:
    return f"{images} of the {SHIPPED} digits"


def _chain(block: str, point: Point, outer: str, *, standardized: bool = False) -> Iterator[Check]:
    """∂E/∂W, ∂E/∂b and ∂E/∂f through the whole chain, at all their entries; `outer` is the chain as far as Z2."""
    compared = partial(check_gradient, seed=point.seed, max_entries=None, proof=False)

    def by_w() -> Iterator[Report]:
        for start in range(0, article.FEATURES, BLOCK):
            part = slice(start, start + BLOCK)
            pair = point.by_weights(part, standardized=standardized)
            names = (f"weight[{part.start}:{part.stop}]",)
            yield compared(*pair, point.weight[part], names=names)

    def by_b() -> Iterator[Report]:
        yield compared(*point.by_bias(standardized=standardized), point.bias)

    def by_f() -> Iterator[Report]:
        yield compared(*point.by_filters(standardized=standardized), point.filters)

    zero = "0: a constant added to every Z2 goes with the mean" if standardized else ""
    rows = {
        "weight": ("∂E/∂W", f"{outer} · ∂Z2/∂W", by_w, ""),
        "bias": ("∂E/∂b", f"{outer} · ∂Z2/∂b", by_b, zero),
        "filters": ("∂E/∂f", f"{outer} · ∂Z2/∂A1 · ∂A1/∂Z1 · ∂Z1/∂f", by_f, ""),
    }
    for parameter, (name, equation, reports, note) in rows.items():
        proofs = partial(point.proofs_by, parameter, standardized=standardized)
        yield Check(block, name, equation, reports, note=note, proofs=proofs, of=_of(PROVED))


def _catalogued(operation: Operation, seed: int) -> Check:
    """One row for an operation, at all the inputs that its row of the catalogue draws."""

    def reports() -> Iterator[Report]:
        rng = np.random.default_rng(seed)
        return (check_operation(operation, sample, seed=seed) for sample in operation.samples(rng))

    def proofs() -> Iterator[Proved | None]:
        rng = np.random.default_rng(seed)
        return (prove_operation(operation, sample, seed=seed) for sample in operation.samples(rng))

    return Check(OPERATIONS, operation.name, operation.equation, reports, note=operation.note, proofs=proofs)
