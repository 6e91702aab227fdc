"""What `scratchcnn verify` checks: the article's network as printed, the network that is trained, the catalogue.

A `Check` is a row of the table before it is run, a `Row` is what came out. Every derivative is compared by
`scratchcnn.gradcheck` with differences of its forward, at the 200 digits that ship with the package:

- the *links* of the chain (∂O/∂Z2, ∂Z2/∂W, ...) at the values that the network has there, a sample of their entries
  where there are many;
- the *whole chain* (∂E/∂W, ∂E/∂b, ∂E/∂f): every entry of the parameters, moved on its own and carried through to E.

What an entry cannot move is not computed again: the weights and the bias start at A1, and a filter recomputes its own
576 features of each image, not those of the other two. The derivative that is verified is that of the whole network.
"""

import math
import time
import traceback
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scratchcnn import article
from scratchcnn.catalogue import CATALOGUE, Operation
from scratchcnn.catalogue import check as check_operation
from scratchcnn.gradcheck import Report, Verdict, check_gradient
from scratchcnn.gradcheck.report import InputReport
from scratchcnn.gradcheck.wording import apart
from scratchcnn.mnist import load_digits
from scratchcnn.operations.activations import sigmoid, sigmoid_backward
from scratchcnn.operations.convolution import conv2d, conv2d_backward
from scratchcnn.operations.dense import dense, dense_backward
from scratchcnn.operations.losses import squared_error, squared_error_backward
from scratchcnn.operations.standardize import standardize, standardize_backward

Array = NDArray[Any]
Pair = tuple[Callable[..., Array], Callable[..., Any]]  # a function and its derivative

PRINTED = "the article as printed"
TRAINED = "the network that is trained"
OPERATIONS = "the operations"

WORKERS = 2
SAMPLED = 200  # entries of a large link
BLOCK = 64  # weights that are checked together
FEW = 4  # images for a link that treats each image alike, and on its own


@dataclass(frozen=True)
class Check:
    """A row of the table before it is run.

    Attributes
    ----------
    block, name, equation
        What the row says of itself.
    reports
        Does the work, one report for each part of it.
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

    def to_dict(self) -> dict[str, Any]:
        """Give plain data for JSON, which knows no NaN and no infinity: they become None."""
        data = asdict(self) | {"verdict": self.verdict.value}
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
        row = _row(check, list(check.reports()))
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


def unsaturated(seed: int) -> "Point":
    """Draw a point at the 200 digits where the network has derivatives to speak of, also as printed.

    At the article's own draw (uniform, all above 0) Z2 is near 616, every O is 1 to the last digit and every derivative
    0. Here the filters have both signs, and the weights add up to 0, so that the paper of the images, where A1 is 1/2,
    adds nothing: Z1 and Z2 are of order 1.
    """
    rng, digits = np.random.default_rng(seed), load_digits()
    filters = rng.uniform(-1, 1, (article.FILTERS, 1, article.WINDOW, article.WINDOW))
    weight = rng.normal(0, 4 / math.sqrt(article.FEATURES), (article.FEATURES, 1))
    parameters = article.Parameters(filters, weight - weight.mean(), rng.uniform(-1, 1, 1))
    return Point(seed, digits.x(), digits.y(), parameters)


class Point:
    """Where the article's network is differentiated: images and targets, parameters, and the values up to O."""

    def __init__(self, seed: int, x: Array, y: Array, parameters: article.Parameters) -> None:
        self.seed, self.x, self.y = seed, x, y
        self.filters, self.weight, self.bias = parameters.filters, parameters.weight, parameters.bias

    @cached_property
    def z1(self) -> Array:
        """(N, 3, 24, 24)."""
        return conv2d(self.x, self.filters)

    @cached_property
    def a1(self) -> Array:
        """(N, 1728)."""
        return article.convolution_layer(self.filters, x=self.x)

    @cached_property
    def z2(self) -> Array:
        """(N, 1)."""
        return dense(self.a1, self.weight, self.bias)

    @cached_property
    def o(self) -> Array:
        """(N, 1), not standardized."""
        return sigmoid(self.z2)

    def by_bias(self, *, standardized: bool) -> Pair:
        """E as a function of b, and its derivative, from A1 on."""
        given: dict[str, Any] = {"y": self.y, "standardized": standardized}

        def forward(bias: Array) -> Array:
            return article.error_from_a1(self.a1, self.weight, bias, **given)

        def backward(grad_output: Array, bias: Array) -> tuple[Array]:
            return article.error_from_a1_backward(grad_output, self.a1, self.weight, bias, **given)[2:]

        return forward, backward

    def by_weights(self, block: slice, *, standardized: bool) -> Pair:
        """E as a function of some of the weights, from A1 on, and its derivative.

        What the other weights and b add to Z2 is computed once, and comes in as one more feature, of weight 1. The
        derivative is that of the whole network.
        """
        given: dict[str, Any] = {"y": self.y, "standardized": standardized}
        others = self.weight.copy()
        others[block] = 0
        features = np.hstack([self.a1[:, block], dense(self.a1, others, self.bias)])

        def forward(weight: Array) -> Array:
            return article.error_from_a1(features, np.vstack([weight, [[1.0]]]), np.zeros(1), **given)

        def backward(grad_output: Array, weight: Array) -> tuple[Array]:
            whole = others.astype(weight.dtype)
            whole[block] = weight
            return (article.error_from_a1_backward(grad_output, self.a1, whole, self.bias, **given)[1][block],)

        return forward, backward

    def by_filters(self, *, standardized: bool) -> Pair:
        """E as a function of f, and its derivative. A filter that has not moved keeps its features."""
        given: dict[str, Any] = {"y": self.y, "standardized": standardized}

        def features(k: int, filters: Array) -> Array:
            if filters.dtype == self.filters.dtype and np.array_equal(filters[k], self.filters[k]):
                return self.a1[:, k * article.MAP**2 : (k + 1) * article.MAP**2]
            return article.convolution_layer(filters[k : k + 1], x=self.x)

        def forward(filters: Array) -> Array:
            a1 = np.hstack([features(k, filters) for k in range(article.FILTERS)])
            return article.error_from_a1(a1, self.weight, self.bias, **given)

        def backward(grad_output: Array, filters: Array) -> tuple[Array]:
            return article.error_backward(grad_output, filters, self.weight, self.bias, x=self.x, **given)[:1]

        return forward, backward


def _printed(point: Point) -> Iterator[Check]:
    """Z1 = X * f, A1 = sigmoid(Z1), Z2 = A1 W + b, O = sigmoid(Z2), E = sum (y - O)^2 / 2."""
    link = partial(_link, PRINTED, point.seed)
    loss, activation = (squared_error, squared_error_backward), (sigmoid, sigmoid_backward)
    linear, convolution = (dense, dense_backward), (conv2d, conv2d_backward)
    yield link("∂E/∂O", "-(y - O)", loss, lambda: (point.o, point.y))
    yield link("∂O/∂Z2", "O (1 - O)", activation, lambda: (point.z2,))
    yield link("∂Z2/∂W", "A1", linear, lambda: (point.a1, point.weight, point.bias), 1)
    yield link("∂Z2/∂b", "1", linear, lambda: (point.a1, point.weight, point.bias), 2)
    yield link("∂Z2/∂A1", "W", linear, lambda: (point.a1[:FEW], point.weight, point.bias), entries=point.a1.size)
    yield link("∂A1/∂Z1", "A1 (1 - A1)", activation, lambda: (point.z1[:FEW],), entries=point.z1.size)
    yield link("∂Z1/∂f", "X", convolution, lambda: (point.x[:FEW], point.filters), 1)
    yield link("∂Z1/∂X", "f", convolution, lambda: (point.x[:FEW], point.filters), entries=point.x.size)
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
) -> Check:
    """One factor of the chain rule, at the values of the network: an operation with respect to one of its inputs."""

    def reports() -> Iterator[Report]:
        yield check_gradient(*pair, *inputs(), wrt=(wrt,), seed=seed, max_entries=SAMPLED)

    return Check(block, name, equation, reports, entries)


def _chain(block: str, point: Point, outer: str, *, standardized: bool = False) -> Iterator[Check]:
    """∂E/∂W, ∂E/∂b and ∂E/∂f through the whole chain, at all their entries; `outer` is the chain as far as Z2."""

    def by_w() -> Iterator[Report]:
        for start in range(0, article.FEATURES, BLOCK):
            part = slice(start, start + BLOCK)
            pair = point.by_weights(part, standardized=standardized)
            names = (f"weight[{part.start}:{part.stop}]",)
            yield check_gradient(*pair, point.weight[part], names=names, seed=point.seed, max_entries=None)

    def by_b() -> Iterator[Report]:
        yield check_gradient(*point.by_bias(standardized=standardized), point.bias, seed=point.seed, max_entries=None)

    def by_f() -> Iterator[Report]:
        yield check_gradient(
            *point.by_filters(standardized=standardized), point.filters, seed=point.seed, max_entries=None
        )

    zero = "0: a constant added to every Z2 goes with the mean" if standardized else ""
    yield Check(block, "∂E/∂W", f"{outer} · ∂Z2/∂W", by_w)
    yield Check(block, "∂E/∂b", f"{outer} · ∂Z2/∂b", by_b, note=zero)
    yield Check(block, "∂E/∂f", f"{outer} · ∂Z2/∂A1 · ∂A1/∂Z1 · ∂Z1/∂f", by_f)


def _catalogued(operation: Operation, seed: int) -> Check:
    """One row for an operation, at all the inputs that its row of the catalogue draws."""

    def reports() -> Iterator[Report]:
        rng = np.random.default_rng(seed)
        return (check_operation(operation, sample, seed=seed) for sample in operation.samples(rng))

    return Check(OPERATIONS, operation.name, operation.equation, reports, note=operation.note)
