"""What a check found: for a person to read, and for a machine."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.report.causes import Diagnosis, headed
from scratchcnn.gradcheck.report.evidence import Called, Evidence
from scratchcnn.gradcheck.report.wording import LINE_WIDTH, TIE, apart, explained, wrapped, wrapped_code
from scratchcnn.gradcheck.tracing import untraced
from scratchcnn.gradcheck.verdict import Verdict

# The version of the form of `Report.to_dict`.
SCHEMA = 2
# In numbers: a second point of at most so many is shown in the text of a report.
SHOWN_NUMBERS = 12
# Entries along an axis: a wrong gradient with at most so many is shown beside the true one.
SHOWN_SIDE = 6
# Of the verdict in a notebook, on light and on dark grounds.
COLOURS = {Verdict.RIGHT: "#1a9641", Verdict.WRONG: "#d7301f", Verdict.UNDECIDED: "#b8860b"}
# Columns: how far that is indented, and what stands between the two.
SIDE_INDENT, BETWEEN = 6, "   "


class GradientMismatch(AssertionError):
    """The analytic gradient is wrong; the text is the report, which is also at `report`."""

    # Tracebacks and pytest's summary put the module before the name, unless it is `builtins`.
    __module__ = "builtins"

    def __init__(self, report: "Report") -> None:
        super().__init__(str(report))
        self.report = report

    def __reduce__(self) -> Any:
        return _raised, (isinstance(self, GradientUndecided), self.report)


class GradientUndecided(GradientMismatch):
    """Nothing is wrong, but the check could not vouch for every entry."""

    __module__ = "builtins"


def _raised(undecided: bool, report: "Report") -> GradientMismatch:
    """How pickle makes the exceptions again: by a function, since `builtins` has no such class."""
    return GradientUndecided(report) if undecided else GradientMismatch(report)


@dataclass(frozen=True)
class Violation:
    """A breach of the contract: `kind` names it, `waived` says whether the caller allowed it."""

    kind: str
    message: str
    input: str | None = None
    waived: bool = False


@dataclass(frozen=True, eq=False)
class Compared:
    """A wrong gradient beside the true one, entry by entry; NaN where that is not known.

    Attributes
    ----------
    analytic, numerical
        Both, of the input's shape.
    wrong
        Which entries differ.
    """

    analytic: Array
    numerical: Array
    wrong: Array


@dataclass(frozen=True, eq=False)
class SecondPoint:
    """The second point that a gradient is checked at: values for all inputs, and the cotangent there."""

    inputs: tuple[Array, ...]
    grad_output: Array
    names: tuple[str, ...]

    def __str__(self) -> str:
        """The values, rounded; empty if they are many."""
        arrays = (*self.inputs, self.grad_output)
        if sum(a.size for a in arrays) > SHOWN_NUMBERS:
            return ""
        texts = (np.array2string(a, precision=6, separator=", ").replace("\n", "") for a in arrays)
        return ", ".join(f"{n} = {t}" for n, t in zip((*self.names, "grad_output"), texts, strict=True))


@dataclass(frozen=True, eq=False)
class InputReport:
    """The verdict on one input's gradient.

    Attributes
    ----------
    size, checked, wrong, undecided
        How many entries there are, were looked at, are wrong, and are undecided.
    worst_index
        The worst of the wrong entries, or of the undecided ones if none is wrong, or of all.
    analytic, numerical, bound
        The two derivatives at this entry, and the distance up to which they count as the same.
    method
        How the entries were decided.
    reason
        Why entries are undecided, or what is wrong along a direction.
    where
        The other point that the three numbers belong to; empty if it is the caller's own.
    evidence
        What was compared entry by entry, if anything was.
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
    where: str = ""
    evidence: Evidence | None = field(default=None, repr=False)

    def __eq__(self, other: object) -> bool:
        """Whether two reports are the same; one NaN equals another here."""
        return isinstance(other, InputReport) and self._values() == other._values()

    def __hash__(self) -> int:
        return hash(self._values())

    def _values(self) -> tuple[Any, ...]:
        return tuple("NaN" if value != value else value for value in self.facts.values())

    @property
    def facts(self) -> dict[str, Any]:
        """The fields by name, without the evidence."""
        return {name: value for name, value in vars(self).items() if name != "evidence"}

    @property
    def error(self) -> float:
        """The distance between the two values at the worst entry."""
        return abs(self.analytic - self.numerical)


@dataclass(frozen=True, repr=False)
class Report:
    """The outcome of a check. It is true if the verdict is RIGHT, and its text is the message.

    Attributes
    ----------
    forward, backward
        The names of the functions.
    verdict
        RIGHT, WRONG or UNDECIDED.
    inputs
        What was found of each input.
    violations, diagnoses, notes
        Breaches of the contract, mistakes that explain a mismatch, and what else a reader should know.
    name
        What the caller calls the gradient.
    sample
        What the gradient was checked with.
    second_point
        The second point that it was checked at, if there is one.
    digits
        How many decimal digits floats keep of each entry: of each gradient that was proved, by the name of its input,
        and of forward's output, by the name "output".
    compared
        The wrong gradients beside the true ones, by the names of their inputs.
    again
        Lines of Python that show the mistake again.
    called
        What was called, for pictures; None once the report was pickled, since functions are not.
    """

    forward: str
    backward: str
    verdict: Verdict
    inputs: tuple[InputReport, ...]
    violations: tuple[Violation, ...] = ()
    diagnoses: tuple[Diagnosis, ...] = ()
    notes: tuple[str, ...] = ()
    name: str = ""
    sample: str = ""
    second_point: SecondPoint | None = field(default=None, compare=False)
    digits: dict[str, Array] = field(default_factory=dict, compare=False)
    compared: dict[str, Compared] = field(default_factory=dict, compare=False)
    again: tuple[str, ...] = field(default=(), compare=False)
    called: Called | None = field(default=None, compare=False)
    unexplained: tuple[str, ...] = field(default=(), compare=False)

    @property
    def ok(self) -> bool:
        """Whether the gradient is right."""
        return self.verdict is Verdict.RIGHT

    def __bool__(self) -> bool:
        return self.ok

    def __getstate__(self) -> dict[str, Any]:
        return vars(self) | {"called": None}

    @untraced
    def __str__(self) -> str:
        verdict = self.verdict.value.upper()
        title = f"{self.backward} is {verdict} as the gradient of {self.forward}"
        lines = list(headed(f"{self.name} is {verdict}" if self.name else title, self.causes, self.unexplained))
        if self.sample and not self.ok:
            lines.append(f"  checked with {self.sample}")
        for violation in self.violations:
            where = f" of {violation.input!r}" if violation.input else ""
            waived = " (allowed)" if violation.waived else ""
            lines.append(f"  {violation.kind}{where}{waived}: {violation.message}")
        if any(violation.kind == "elsewhere" for violation in self.violations) and str(self.second_point or ""):
            lines.append(f"  the second point: {self.second_point}".replace(" = ", f"{TIE}={TIE}"))
        for entry in self.inputs:
            lines.extend(_describe(entry))
            if entry.name in self.compared:
                lines.extend(_side_by_side(self.compared[entry.name]))
        lines.extend(f"  note: {note}" for note in self.notes)
        text = [wrapped(line) for line in explained(lines)]
        if self.again:
            text += ["  to see it again:", *(wrapped_code(line, "    ") for line in self.again)]
        return "\n".join(text)

    def _repr_html_(self) -> str:
        """What a notebook shows: the text, its verdict in colour."""
        word = self.verdict.value.upper()
        text = escape(str(self)).replace(f" is {word}", f' is <b style="color: {COLOURS[self.verdict]}">{word}</b>', 1)
        return f"<pre>{text}</pre>"

    @property
    def causes(self) -> list[Diagnosis]:
        """The diagnoses of values; the breaches of the contract are said with the violations, and two kinds once."""
        said = {(violation.kind, violation.message) for violation in self.violations}
        found: dict[tuple[str, str], Diagnosis] = {}
        for each in self.diagnoses:
            if (each.kind, each.message) not in said:
                found.setdefault((each.input, each.message), each)
        return list(found.values())

    # pytest shows it for `assert check_gradient(...)`.
    __repr__ = __str__

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: finite numbers, strings, lists. A number that is not finite becomes a string."""
        return {
            "schema": SCHEMA,
            "name": self.name,
            "sample": self.sample,
            "forward": self.forward,
            "backward": self.backward,
            "verdict": self.verdict.value,
            "inputs": [_plain(i.facts) for i in self.inputs],
            "violations": [_plain(vars(v)) for v in self.violations],
            "diagnoses": [_plain(vars(d)) for d in self.diagnoses],
            "notes": list(self.notes),
        }


def demand_right(report: Report) -> None:
    """Raises `GradientMismatch`, or `GradientUndecided`, unless the report says that the gradient is right."""
    __tracebackhide__ = True
    if report.verdict is Verdict.WRONG:
        raise GradientMismatch(report)
    if report.verdict is Verdict.UNDECIDED:
        raise GradientUndecided(report)


def _describe(entry: InputReport) -> list[str]:
    """The lines on one input."""
    counts = f"{entry.checked} of {entry.size} entries checked"
    if entry.wrong:
        counts += f", {entry.wrong} wrong"
    if entry.undecided:
        counts += f", {entry.undecided} undecided"
    lines = [f"  {entry.name}: {entry.verdict.value} ({counts}; {entry.method})"]
    if entry.reason:
        lines.append(f"    {entry.reason}")
    # An entry is shown if it bears out the verdict. One that agrees says nothing of a mistake along a direction.
    shown = {Verdict.WRONG: entry.wrong, Verdict.UNDECIDED: entry.undecided, Verdict.RIGHT: entry.checked}
    if shown[entry.verdict] and entry.worst_index is not None:
        lines.append(_worst(entry, entry.worst_index))
    elif entry.verdict is Verdict.WRONG and 0 < entry.checked < entry.size:
        lines.append("    max_entries=None looks at every entry, and shows which are wrong")
    return lines


def _worst(entry: InputReport, index: tuple[int, ...]) -> str:
    """The line on the worst entry."""
    kind = "" if entry.verdict is Verdict.RIGHT else f" {entry.verdict.value}"
    place = f"{entry.name}[{', '.join(map(str, index))}]" if index else entry.name
    where = f", {entry.where}" if entry.where else ""
    analytic, numerical = apart(entry.analytic, entry.numerical)
    error, bound = apart(entry.error, entry.bound, 2)
    said, known = f"analytic {analytic},", f"numerical {numerical} ± {bound}"
    if not np.isfinite(entry.numerical):
        known = "no numerical value"
    elif np.isfinite(entry.error):
        known += f" (off by {error})"
    return f"    worst{kind} entry {_tied(place)}{where}: {_tied(said)} {_tied(known)}"


def _side_by_side(compared: Compared) -> Iterator[str]:
    """Two small arrays, row by row: analytic, with a star at what is wrong, and numerical."""
    analytic, numerical, wrong = (np.atleast_2d(a) for a in (compared.analytic, compared.numerical, compared.wrong))
    if analytic.ndim > 2 or max(analytic.shape) > SHOWN_SIDE or not wrong.any():
        return
    left, right = _rows(analytic, wrong), _rows(numerical, np.zeros_like(wrong))
    heads = "analytic (*: wrong)", "numerical"
    widths = [max(map(len, [head, *rows])) for head, rows in zip(heads, (left, right), strict=True)]
    if SIDE_INDENT + sum(widths) + len(BETWEEN) <= LINE_WIDTH:
        for one, other in zip([heads[0], *left], [heads[1], *right], strict=True):
            line = f"{one.ljust(widths[0])}{BETWEEN}{other.ljust(widths[1])}".rstrip()
            yield " " * SIDE_INDENT + _tied(line)


def _rows(array: Array, stars: Array) -> list[str]:
    """The rows of a matrix, in columns of one width."""
    cells = [
        [f"{value:.4g}" + ("*" if star else " ") for value, star in zip(*pair, strict=True)]
        for pair in zip(array.tolist(), stars.tolist(), strict=True)
    ]
    width = max(len(cell) for row in cells for cell in row)
    return [" ".join(cell.rjust(width) for cell in row) for row in cells]


def _tied(words: str) -> str:
    """The words held together on one line."""
    return words.replace(" ", TIE)


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
