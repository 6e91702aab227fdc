"""Runs a table: a check for each function and dtype, and what it came to."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from time import perf_counter
from zlib import crc32

import numpy as np

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.adapters import from_jax, from_tensorflow, from_torch
from tests.gradcheck.adapters.sweep.draws import Row

ADAPTERS = {"torch": from_torch, "jax": from_jax, "tensorflow": from_tensorflow}
DTYPES = "float64", "float32"
VERDICTS = "right", "wrong", "undecided", "error"


@dataclass(frozen=True)
class Result:
    """What a check came to: one of `VERDICTS`, and what there is to say if it is not right."""

    name: str
    dtype: str
    verdict: str
    text: str
    seconds: float


def drawn(name: str, row: Row, dtype: str, seed: int) -> list[np.ndarray]:
    """The inputs of a row; those of float32 are those of float64, rounded."""
    rng = np.random.default_rng((seed, crc32(name.encode())))
    return [a.astype(dtype) if a.dtype.kind == "f" else a for a in (draw(rng) for draw in row[1:])]


def check(framework: str, name: str, row: Row, dtype: str, seed: int) -> Result:
    """Checks a row; that it cannot be called is a result, too."""
    began = perf_counter()
    try:
        pair = ADAPTERS[framework](row[0], *drawn(name, row, dtype, seed))
        report = check_gradient(*pair, diagnosis=False, seed=seed)
        verdict, text = report.verdict.value, "" if report.ok else str(report)
    except Exception as error:
        verdict, text = "error", str(error)
    return Result(name, dtype, verdict, text, perf_counter() - began)


def sweep(framework: str, rows: dict[str, Row], seeds: Sequence[int]) -> Iterator[Result]:
    """The results of all rows, in both dtypes."""
    for name, row in rows.items():
        for dtype in DTYPES:
            for seed in seeds:
                yield check(framework, name, row, dtype, seed)


def table(framework: str, results: Sequence[Result]) -> str:
    """How many there are of each verdict, by dtype."""
    lines = [" ".join(f"{title:>10}" for title in (framework, *VERDICTS, "seconds"))]
    for dtype in DTYPES:
        of = [r for r in results if r.dtype == dtype]
        counts = Counter(r.verdict for r in of)
        cells = dtype, *(counts[v] for v in VERDICTS), f"{sum(r.seconds for r in of):.0f}"
        lines.append(" ".join(f"{cell:>10}" for cell in cells))
    return "\n".join(lines)
