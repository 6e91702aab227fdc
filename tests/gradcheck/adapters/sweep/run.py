"""Runs a table: a check for each function and dtype, and what it came to."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any
from zlib import crc32

import numpy as np

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_jax, from_tensorflow, from_torch
from tests.gradcheck.adapters.sweep.draws import Row
from tests.gradcheck.adapters.sweep.truth import Truth, truth


def from_jitted(function: Callable[..., Any], *inputs: np.ndarray) -> tuple[Any, ...]:
    """A function of JAX, compiled once: not jitted, a scan is compiled at each call, for 0.3 s."""
    import jax

    return from_jax(jax.jit(function), *inputs)


ADAPTERS = {"torch": from_torch, "jax": from_jitted, "tensorflow": from_tensorflow}
DTYPES = "float64", "float32"
VERDICTS = "right", "wrong", "undecided", "error"


@dataclass(frozen=True)
class Result:
    """What a check came to: one of `VERDICTS`, what there is to say if it is not right, and what mpmath says."""

    name: str
    dtype: str
    verdict: str
    text: str
    seconds: float
    truth: Truth | None = None


def drawn(name: str, row: Row, dtype: str, seed: int, halves: bool = False) -> list[np.ndarray]:
    """The inputs of a row; those of float32 are those of float64, rounded. Halves have ties, zeros and kinks."""
    rng = np.random.default_rng((seed, crc32(name.encode())))
    inputs = [np.round(2 * a) / 2 if halves and a.dtype.kind == "f" else a for a in (draw(rng) for draw in row[1:])]
    return [a.astype(dtype) if a.dtype.kind == "f" else a for a in inputs]


def check(framework: str, name: str, row: Row, dtype: str, seed: int, halves: bool) -> Result:
    """Checks a row; that it cannot be called is a result, too."""
    began = perf_counter()
    try:
        forward, backward, *inputs = ADAPTERS[framework](row[0], *drawn(name, row, dtype, seed, halves))
        report = check_gradient(forward, backward, *inputs, diagnosis=False, seed=seed)
    except Exception as error:
        return Result(name, dtype, "error", str(error), perf_counter() - began)
    text, seconds = "" if report.ok else str(report), perf_counter() - began
    known = None if halves else truth(name, backward, inputs)  # at a kink or a pole mpmath has no derivative
    return Result(name, dtype, report.verdict.value, text, seconds, known)


def sweep(framework: str, rows: dict[str, Row], seed: int, halves: bool) -> Iterator[Result]:
    """The results of all rows, in both dtypes."""
    for name, row in rows.items():
        for dtype in DTYPES:
            yield check(framework, name, row, dtype, seed, halves)


def table(framework: str, results: Sequence[Result]) -> str:
    """How many there are of each verdict, by dtype."""
    lines = [" ".join(f"{title:>10}" for title in (framework, *VERDICTS, "seconds"))]
    for dtype in DTYPES:
        of = [r for r in results if r.dtype == dtype]
        counts = Counter(r.verdict for r in of)
        cells = dtype, *(counts[v] for v in VERDICTS), f"{sum(r.seconds for r in of):.0f}"
        lines.append(" ".join(f"{cell:>10}" for cell in cells))
    return "\n".join(lines)
