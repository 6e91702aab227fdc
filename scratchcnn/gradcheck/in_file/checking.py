"""The checks of the pairs of a file."""

import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from scratchcnn.gradcheck.effort import SECONDS_PER_INPUT
from scratchcnn.gradcheck.harvest.calls import Call
from scratchcnn.gradcheck.harvest.checking import PairCheck, not_checked
from scratchcnn.gradcheck.harvest.pairs import Pair
from scratchcnn.gradcheck.in_file.drawing import Asked, CannotDraw, calls_of
from scratchcnn.gradcheck.in_file.shrinking import shrunk
from scratchcnn.gradcheck.in_file.target import short_name
from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.report import Report
from scratchcnn.gradcheck.verdict import Verdict

# As a share of the time of an input: how long a smaller call is looked for.
SHRINKING_SHARE = 5.0


def check_pairs(pairs: Sequence[Pair], module: ModuleType, asked: Asked, options: Mapping[str, Any]) -> Iterator[Entry]:
    """Checks each pair at each of its samples; what is wrong is shown at the smallest call that shows it.

    Parameters
    ----------
    pairs
        Of the module.
    module
        Where a function `samples` may stand.
    asked
        What the command line says of the inputs.
    options
        Of `check_gradient`; `seed` seeds the inputs too.
    """
    for pair in pairs:
        rng = np.random.default_rng(options["seed"])
        try:
            reports = [_checked(pair, call, options) for call in calls_of(pair, module, rng, asked)]
        except CannotDraw as error:
            reports = [not_checked(pair, str(error))]
        except SystemExit as error:  # of the caller's code: it must not end the checks as if all were well
            reports = [not_checked(pair, f"it ends the process: SystemExit({error.code!r})")]
        for report in reports or [not_checked(pair, "its samples(rng) gives none")]:
            yield Entry(short_name(pair), report, _place(pair))


def _checked(pair: Pair, call: Call, options: Mapping[str, Any]) -> Report:
    """The report on a pair at a call, or, where it is wrong, at a smaller one."""
    check = PairCheck(pair, options)
    report = check.report(call)
    if report.verdict is not Verdict.WRONG or pair.framework:
        return report
    smaller = check.report(shrunk(check, call, SHRINKING_SHARE * options.get("seconds", SECONDS_PER_INPUT)))
    if smaller is report:
        return report
    return replace(smaller, notes=(*smaller.notes, f"found with {report.sample}, and made smaller"))


def _place(pair: Pair) -> str:
    """The file and line of backward."""
    function: Any = pair.backward
    if pair.framework:
        function = getattr(function, "backward", None) or getattr(function, "bwd", None)
    code = getattr(inspect.unwrap(function), "__code__", None)
    return f"{Path(code.co_filename).name}:{code.co_firstlineno}" if code is not None else ""
