"""What a check found: for a person to read, and for a machine."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchcnn.gradcheck.verdict import Verdict

SCHEMA = 1


class GradientMismatch(AssertionError):
    """The analytic gradient is wrong; the text is the report, which is also at `report`."""

    def __init__(self, report: "Report") -> None:
        super().__init__(str(report))
        self.report = report


class GradientUndecided(GradientMismatch):
    """Nothing was found wrong, but the check could not vouch for every entry."""


@dataclass(frozen=True)
class Violation:
    """A breach of the contract: `kind` names it, `waived` says that the caller allowed it."""

    kind: str
    message: str
    input: str | None = None
    waived: bool = False


@dataclass(frozen=True)
class Diagnosis:
    """A known mistake that explains a mismatch: `share` of the wrong entries."""

    kind: str
    input: str
    message: str
    share: float


@dataclass(frozen=True)
class InputReport:
    """The verdict on one input's gradient.

    `checked` of `size` entries were looked at, `wrong` and `undecided` of them found so. `analytic`, `numerical` and
    `bound` are those of the entry at `worst_index`: the worst of the wrong ones, else of the undecided ones, else of
    all. `method` says how it was decided, `reason` what else there is to say.
    """

    name: str
    verdict: Verdict
    size: int
    checked: int
    wrong: int
    undecided: int
    worst_index: tuple[int, ...] | None
    analytic: float
    numerical: float
    bound: float
    method: str
    reason: str

    @property
    def error(self) -> float:
        """The distance between the two values at the worst entry."""
        return abs(self.analytic - self.numerical)


@dataclass(frozen=True)
class Report:
    """The outcome of a check. It is true where the verdict is RIGHT, and its text is the message."""

    forward: str
    backward: str
    verdict: Verdict
    inputs: tuple[InputReport, ...]
    violations: tuple[Violation, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether the gradient is right."""
        return self.verdict is Verdict.RIGHT

    def __bool__(self) -> bool:
        return self.ok

    def __str__(self) -> str:
        lines = [f"{self.backward} is {self.verdict.value.upper()} as the gradient of {self.forward}"]
        for violation in self.violations:
            where = f" of {violation.input!r}" if violation.input else ""
            waived = " (allowed)" if violation.waived else ""
            lines.append(f"  {violation.kind}{where}{waived}: {violation.message}")
        for entry in self.inputs:
            lines.extend(_describe(entry))
        lines.extend(f"  perhaps {d.kind} of {d.input!r}: {d.message}" for d in self.diagnoses)
        lines.extend(f"  note: {note}" for note in self.notes)
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Plain data, ready for JSON: finite numbers, strings, lists; a number that is not finite becomes a string."""
        return {
            "schema": SCHEMA,
            "forward": self.forward,
            "backward": self.backward,
            "verdict": self.verdict.value,
            "inputs": [_plain(vars(i)) for i in self.inputs],
            "violations": [_plain(vars(v)) for v in self.violations],
            "diagnoses": [_plain(vars(d)) for d in self.diagnoses],
            "notes": list(self.notes),
        }


def _describe(entry: InputReport) -> list[str]:
    counts = f"{entry.checked} of {entry.size} entries checked"
    if entry.wrong:
        counts += f", {entry.wrong} wrong"
    if entry.undecided:
        counts += f", {entry.undecided} undecided"
    lines = [f"  {entry.name}: {entry.verdict.value} ({counts}; {entry.method})"]
    if entry.reason:
        lines.append(f"    {entry.reason}")
    if entry.worst_index is not None:
        place = f"{entry.name}[{', '.join(map(str, entry.worst_index))}]" if entry.worst_index else entry.name
        word = {Verdict.WRONG: "worst wrong entry", Verdict.UNDECIDED: "worst undecided entry"}.get(
            entry.verdict, "worst entry"
        )
        lines.append(
            f"    {word} {place}: analytic {entry.analytic:.17g}, numerical {entry.numerical:.17g} ± {entry.bound:.2g}"
            f" (off by {entry.error:.2g})"
        )
    return lines


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: _scalar(value) for name, value in fields.items()}


def _scalar(value: Any) -> Any:
    if isinstance(value, Verdict):
        return value.value
    if isinstance(value, tuple):
        return [_scalar(v) for v in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else str(float(value))
    return value
