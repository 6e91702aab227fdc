"""The published gradient on trial: how far it is from the derivative, cause by cause, and the harness's verdict.

Each gradient is compared with the derivative at the 200 digits, at parameters that the article's code draws: by the
cosine between the two, and by the quotient of their lengths. The harness then checks a sample of the gradient's entries
at the first few digits, which takes seconds; the mistakes show there as well.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np

from scratchcnn.article.network import FILTERS, MAP, Parameters
from scratchcnn.article.point import FunctionPair, Point
from scratchcnn.article.published import ALL, Cause, draw_as_published, images_as_published, published
from scratchcnn.article.training import Gradient, exact
from scratchcnn.digits.mnist import load_digits
from scratchcnn.gradcheck import Report, Verdict, check_gradient, numerical_gradient
from scratchcnn.gradcheck.report.entry import Entry, Picture
from scratchcnn.operations import Array

DRAWS = 10  # draws of the parameters, at which the gradients are compared
HARNESS_DIGITS = 10  # digits at which the harness checks a gradient
HARNESS_ENTRIES = 25  # entries that the harness checks
THREADS = 2  # rows at the same time; NumPy releases the interpreter's lock while it computes


@dataclass(frozen=True)
class Side:
    """The comparison of a gradient by W, or by f, with the derivative.

    Attributes
    ----------
    cosines : tuple of float
        The cosine between the gradient and the derivative, for each draw of the parameters.
    lengths : tuple of float
        The length of the gradient divided by that of the derivative, for each draw.
    verdict : Verdict
        The harness's verdict.
    wrong, checked : int
        The number of entries that the harness calls wrong, and the number that it checked. In the row of bounded
        differences, `wrong` is the number of bounds that the derivative lies outside of.
    expected : Verdict
        The verdict that the causes should lead to.
    """

    cosines: tuple[float, ...]
    lengths: tuple[float, ...]
    verdict: Verdict
    wrong: int
    checked: int
    expected: Verdict


@dataclass(frozen=True)
class TrialRow:
    """A row of the trial's table: a gradient's name, its comparison by W and by f, and what a page shows of it."""

    name: str
    weight: Side
    filters: Side
    entries: tuple[Entry, ...] = field(default=(), repr=False)

    @property
    def as_expected(self) -> bool:
        """Whether the verdicts are as expected."""
        return all(side.verdict is side.expected for side in (self.weight, self.filters))

    def to_dict(self) -> dict[str, Any]:
        """Convert the row to plain data for JSON."""
        sides = {"weight": asdict(self.weight), "filters": asdict(self.filters)}
        for side in sides.values():
            side |= {name: side[name].value for name in ("verdict", "expected")}
        return {"name": self.name, **sides}


class Trial:
    """The rows of the trial, and the digits, draws and derivatives that they share.

    Parameters
    ----------
    seed : int
        The seed of the first draw; the next draws have the next seeds.
    explained : bool, default False
        Whether the harness names the mistakes that it finds; it takes longer.
    """

    def __init__(self, seed: int, *, explained: bool = False) -> None:
        self.explained = explained
        digits = load_digits()
        self.x, self.y = images_as_published(digits), digits.y()
        self.seeds = range(seed, seed + DRAWS)
        self.draws = [draw_as_published(each) for each in self.seeds]

    @cached_property
    def truths(self) -> list[Parameters]:
        """The derivative at each draw."""
        return [exact(draw, self.x, self.y) for draw in self.draws]

    def rows(self) -> list[Callable[[], TrialRow]]:
        """List the rows of the table as functions that compute them."""
        alone = [(cause.value, frozenset({cause})) for cause in Cause]
        together = ("the first two of these", frozenset({Cause.JACOBIAN, Cause.MEANS}))
        candidates = [*alone, together, ("all four: as published", ALL)]
        return [
            partial(self.judge, "the derivative", exact, frozenset()),
            self.measure,
            *(partial(self.judge, name, partial(published, causes=causes), causes) for name, causes in candidates),
        ]

    def judge(self, name: str, gradient: Gradient, causes: frozenset[Cause]) -> TrialRow:
        """Compare a gradient with the derivative at every draw, and let the harness check it at the first.

        Parameters
        ----------
        name : str
            The gradient's name in the table.
        gradient : function of the parameters, the images and the targets
            The gradient.
        causes : frozenset of Cause
            Its mistakes, which determine the expected verdicts.

        Returns
        -------
        TrialRow
            The comparison by W and by f.
        """
        x, y = self.x[:HARNESS_DIGITS], self.y[:HARNESS_DIGITS]
        point = Point(self.seeds[0], x, y, self.draws[0])
        check = partial(check_gradient, seed=point.seed, max_entries=HARNESS_ENTRIES, diagnosis=self.explained)
        found = [gradient(draw, self.x, self.y) for draw in self.draws]
        by_weights = [(each.weight, truth.weight) for each, truth in zip(found, self.truths, strict=True)]
        by_filters = [(each.filters, truth.filters) for each, truth in zip(found, self.truths, strict=True)]
        weight_report = check(*_by_weights(point, gradient), point.weight)
        filters_report = check(*_by_filters(point, gradient), point.filters)
        weight = _side(by_weights, weight_report, wrong=Cause.JACOBIAN in causes)
        filters = _side(by_filters, filters_report, wrong=bool(causes))
        entries = (
            Entry("∂E/∂W", weight_report, name, note=_likeness(weight), pictures=_whole(*by_weights[0])),
            Entry("∂E/∂f", filters_report, name, note=_likeness(filters), pictures=_whole(*by_filters[0])),
        )
        return TrialRow(name, weight, filters, entries)

    def measure(self) -> TrialRow:
        """Check the derivative at the first draw, every entry of it, against bounded differences of E.

        Returns
        -------
        TrialRow
            The comparison by W and by f.
        """
        point = Point(self.seeds[0], self.x, self.y, self.draws[0])
        by_weights, _ = _by_weights(point, exact)
        by_filters, _ = _by_filters(point, exact)
        return TrialRow(
            "the same by bounded differences",
            _measured(by_weights, point.weight, self.truths[0].weight),
            _measured(by_filters, point.filters, self.truths[0].filters),
        )


def run_trial(seed: int, *, explained: bool = False) -> tuple[int, Iterator[TrialRow]]:
    """Run the trial on `THREADS` threads.

    Parameters
    ----------
    seed : int
        The seed of the first draw of the parameters.
    explained : bool, default False
        Whether the harness names the mistakes that it finds, for a page.

    Returns
    -------
    int
        The number of rows.
    iterator of TrialRow
        The rows, in order.
    """
    rows = Trial(seed, explained=explained).rows()

    def computed() -> Iterator[TrialRow]:
        with ThreadPoolExecutor(THREADS) as pool:
            yield from pool.map(lambda row: row(), rows)

    return len(rows), computed()


def _by_weights(point: Point, gradient: Gradient) -> FunctionPair:
    """Give E as a function of W, and a gradient as its backward pass."""
    forward, _ = point.by_weights(slice(None), standardized=True)

    def backward(grad_output: Array, weight: Array) -> tuple[Array]:
        return (grad_output * gradient(Parameters(point.filters, weight, point.bias), point.x, point.y).weight,)

    return forward, backward


def _by_filters(point: Point, gradient: Gradient) -> FunctionPair:
    """Give E as a function of f, and a gradient as its backward pass."""
    forward, _ = point.by_filters(standardized=True)

    def backward(grad_output: Array, filters: Array) -> tuple[Array]:
        return (grad_output * gradient(Parameters(filters, point.weight, point.bias), point.x, point.y).filters,)

    return forward, backward


def _side(pairs: list[tuple[Array, Array]], report: Report, *, wrong: bool) -> Side:
    """Combine the pairs (gradient, derivative) and the harness's report; `wrong`: whether it should find a mistake."""
    (part,) = report.inputs
    expected = Verdict.WRONG if wrong else Verdict.RIGHT
    return Side(*_cosines_and_lengths(pairs), report.verdict, part.wrong, part.checked, expected)


def _likeness(side: Side) -> str:
    """Say how far a gradient is from the derivative."""
    cosine, length = float(np.mean(side.cosines)), float(np.mean(side.lengths))
    return f"with the derivative it has a cosine of {cosine:.2f}, and it is {length:.3g} times as long"


def _whole(gradient: Array, truth: Array) -> tuple[Picture, Picture]:
    """Show a gradient by W or f, and the derivative, at the first draw and all digits."""
    shape = gradient.shape if gradient.ndim > 2 else (FILTERS, MAP, MAP)
    return (
        Picture("this gradient at all digits", gradient.reshape(shape), signed=True),
        Picture("the derivative at all digits", truth.reshape(shape), signed=True),
    )


def _measured(forward: Callable[..., Array], at: Array, truth: Array) -> Side:
    """Compare bounded differences of `forward` with the derivative."""
    found = numerical_gradient(forward, (at,), 0, 1.0)
    outside = int((np.abs(found.value - truth) > found.bound).sum())
    decided = bool((found.status == "ok").all())
    verdict = Verdict.WRONG if outside else Verdict.RIGHT if decided else Verdict.UNDECIDED
    return Side(*_cosines_and_lengths([(found.value, truth)]), verdict, outside, truth.size, Verdict.RIGHT)


def _cosines_and_lengths(pairs: list[tuple[Array, Array]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Compute, for each (gradient, derivative), the cosine between them and the quotient of their lengths."""
    lengths = [(np.linalg.norm(gradient), np.linalg.norm(truth)) for gradient, truth in pairs]
    cosines = [
        float(np.vdot(gradient, truth) / (one * other))
        for (gradient, truth), (one, other) in zip(pairs, lengths, strict=True)
    ]
    return tuple(cosines), tuple(float(one / other) for one, other in lengths)
