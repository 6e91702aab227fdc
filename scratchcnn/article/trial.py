"""The published gradient on trial: how far it is from the truth, by which of its causes, and what the harness says.

Each gradient is compared with the derivative at the 200 digits, at parameters that the article's code draws: the cosine
between the two, and how many times as long it is. Then the harness is asked. It sees the first few digits only, and a
sample of the entries: what is wrong is so there, too, and found within seconds.
"""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from scratchcnn.article.network import Parameters
from scratchcnn.article.point import Pair, Point
from scratchcnn.article.published import ALL, Cause, draw_as_published, images_as_published, published
from scratchcnn.article.training import Gradient, exact
from scratchcnn.digits.mnist import load_digits
from scratchcnn.gradcheck import Report, Verdict, check_gradient, numerical_gradient
from scratchcnn.operations import Array

SEEDS = 10
SEEN = 10  # digits that the harness sees
SAMPLED = 25  # entries that it looks at
THREADS = 2  # NumPy lets go of the interpreter where it works


@dataclass(frozen=True)
class Side:
    """What is found of a gradient by one kind of the parameters.

    Attributes
    ----------
    cosines, lengths
        For each draw of the parameters: the cosine between the gradient and the derivative, and its length divided by
        the derivative's.
    verdict, wrong, checked
        What the harness says, and at how many entries of those that it looked at; of the bounded differences: how many
        bounds the derivative is outside of.
    expected
        What it has to say, by the causes.
    """

    cosines: tuple[float, ...]
    lengths: tuple[float, ...]
    verdict: Verdict
    wrong: int
    checked: int
    expected: Verdict


@dataclass(frozen=True)
class TrialRow:
    """One gradient: its name, and what is found of it by W and by f."""

    name: str
    weight: Side
    filters: Side

    @property
    def as_expected(self) -> bool:
        """Whether the harness calls right what is right, and wrong what is wrong."""
        return all(side.verdict is side.expected for side in (self.weight, self.filters))

    def to_dict(self) -> dict[str, Any]:
        """Give plain data, ready for JSON."""
        sides = {"weight": asdict(self.weight), "filters": asdict(self.filters)}
        for side in sides.values():
            side |= {name: side[name].value for name in ("verdict", "expected")}
        return {"name": self.name, **sides}


class Trial:
    """All that is compared: the digits, the draws, and the derivative there."""

    def __init__(self, seed: int) -> None:
        digits = load_digits()
        self.x, self.y = images_as_published(digits), digits.y()
        self.seeds = range(seed, seed + SEEDS)
        self.draws = [draw_as_published(each) for each in self.seeds]

    @cached_property
    def truths(self) -> list[Parameters]:
        """The derivative at each draw."""
        return [exact(draw, self.x, self.y) for draw in self.draws]

    def rows(self) -> list[Callable[[], TrialRow]]:
        """List the rows, before they are found out."""
        alone = [(cause.value, frozenset({cause})) for cause in Cause]
        together = ("the first two of these", frozenset({Cause.JACOBIAN, Cause.MEANS}))
        candidates = [*alone, together, ("all four: as published", ALL)]
        return [
            partial(self.judge, "the derivative", exact, frozenset()),
            self.measure,
            *(partial(self.judge, name, partial(published, causes=causes), causes) for name, causes in candidates),
        ]

    def judge(self, name: str, gradient: Gradient, causes: frozenset[Cause]) -> TrialRow:
        """Compare a gradient with the derivative at every draw, and ask the harness at the first."""
        point = Point(self.seeds[0], self.x[:SEEN], self.y[:SEEN], self.draws[0])
        found = [gradient(draw, self.x, self.y) for draw in self.draws]
        weight = _side(
            [(each.weight, truth.weight) for each, truth in zip(found, self.truths, strict=True)],
            check_gradient(*_by_weights(point, gradient), point.weight, seed=point.seed, max_entries=SAMPLED),
            wrong=Cause.JACOBIAN in causes,
        )
        filters = _side(
            [(each.filters, truth.filters) for each, truth in zip(found, self.truths, strict=True)],
            check_gradient(*_by_filters(point, gradient), point.filters, seed=point.seed, max_entries=SAMPLED),
            wrong=bool(causes),
        )
        return TrialRow(name, weight, filters)

    def measure(self) -> TrialRow:
        """Find the derivative at the first draw from differences of E alone, and hold the other one to their bounds."""
        point = Point(self.seeds[0], self.x, self.y, self.draws[0])
        by_weights, _ = _by_weights(point, exact)
        by_filters, _ = _by_filters(point, exact)
        return TrialRow(
            "the same by bounded differences",
            _measured(by_weights, point.weight, self.truths[0].weight),
            _measured(by_filters, point.filters, self.truths[0].filters),
        )


def run_trial(seed: int) -> tuple[int, Iterator[TrialRow]]:
    """Say how many rows there are, and find them out, in order, on a few threads."""
    rows = Trial(seed).rows()

    def found() -> Iterator[TrialRow]:
        with ThreadPoolExecutor(THREADS) as pool:
            yield from pool.map(lambda row: row(), rows)

    return len(rows), found()


def _by_weights(point: Point, gradient: Gradient) -> Pair:
    """E as a function of W, and what is taken for its derivative."""
    forward, _ = point.by_weights(slice(None), standardized=True)

    def backward(grad_output: Array, weight: Array) -> tuple[Array]:
        return (grad_output * gradient(Parameters(point.filters, weight, point.bias), point.x, point.y).weight,)

    return forward, backward


def _by_filters(point: Point, gradient: Gradient) -> Pair:
    """E as a function of f, and what is taken for its derivative."""
    forward, _ = point.by_filters(standardized=True)

    def backward(grad_output: Array, filters: Array) -> tuple[Array]:
        return (grad_output * gradient(Parameters(filters, point.weight, point.bias), point.x, point.y).filters,)

    return forward, backward


def _side(pairs: list[tuple[Array, Array]], report: Report, *, wrong: bool) -> Side:
    (part,) = report.inputs
    expected = Verdict.WRONG if wrong else Verdict.RIGHT
    return Side(*_alike(pairs), report.verdict, part.wrong, part.checked, expected)


def _measured(forward: Callable[..., Array], at: Array, truth: Array) -> Side:
    found = numerical_gradient(forward, (at,), 0, 1.0)
    outside = int((np.abs(found.value - truth) > found.bound).sum())
    decided = bool((found.status == "ok").all())
    verdict = Verdict.WRONG if outside else Verdict.RIGHT if decided else Verdict.UNDECIDED
    return Side(*_alike([(found.value, truth)]), verdict, outside, truth.size, Verdict.RIGHT)


def _alike(pairs: list[tuple[Array, Array]]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Give the cosine between each gradient and its truth, and the quotient of their lengths."""
    lengths = [(np.linalg.norm(gradient), np.linalg.norm(truth)) for gradient, truth in pairs]
    cosines = [
        float(np.vdot(gradient, truth) / (one * other))
        for (gradient, truth), (one, other) in zip(pairs, lengths, strict=True)
    ]
    return tuple(cosines), tuple(float(one / other) for one, other in lengths)
