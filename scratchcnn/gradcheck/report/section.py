"""The sections of a page: the reports on a derivative, put in words and pictures, those in need first."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from scratchcnn.gradcheck.report.curve import curve
from scratchcnn.gradcheck.report.entry import Entry
from scratchcnn.gradcheck.report.evidence import Evidence
from scratchcnn.gradcheck.report.pictures import BAD, OPEN, Drawn, Seen, picture, pictures_of, seen
from scratchcnn.gradcheck.report.report import InputReport, Report, SecondPoint
from scratchcnn.gradcheck.report.steps import Steps, followed, telling
from scratchcnn.gradcheck.report.wording import apart
from scratchcnn.gradcheck.verdict import Verdict

# From the one that needs to be looked at first to the one that does not.
NEEDS = ("wrong", "undecided", "narrow", "right")
# As a share of the bound: a right gradient whose error is larger is a narrow one.
NARROW_SHARE = 0.5
# Reports of one section that are shown in full, if they are not right; of those that are, one is.
MOST_IN_FULL = 3
# A ratio: how far outside its bound an entry is said to be.
MOST_TIMES = 1000
# Rows of the table of wrong entries.
MOST_ENTRIES = 8
# Letters of all pictures of a page: once there are so many, what needs to be seen less has none.
MOST_LETTERS = 1_500_000
# Sections of a page: once there are so many, what is right has only its line in the table.
MOST_SECTIONS = 150
# What stands between the methods of a report, and at how many entries each decided.
_BETWEEN, _COUNT = re.compile(r"[,;] "), re.compile(r" (at \d+ of )?\d+$")


class Paper:
    """The space that is left for pictures."""

    def __init__(self, letters: int) -> None:
        self.letters = letters

    def __bool__(self) -> bool:
        return self.letters > 0

    def take(self, drawn: Iterable[Drawn]) -> tuple[Drawn, ...]:
        """Uses the space that some pictures need."""
        pictures = tuple(drawn)
        self.letters -= sum(len(each.svg) for each in pictures)
        return pictures


@dataclass(frozen=True)
class Place:
    """A wrong or undecided entry in words: its index, both values, how far apart they are, and the bound."""

    index: str
    analytic: str
    numerical: str
    error: str
    bound: str


@dataclass(frozen=True)
class Part:
    """What a report says of one input.

    Attributes
    ----------
    name, need, counts, method, reason
        Of the input; `need` is one of `NEEDS`.
    worst
        The entry that is farthest from its bound, or closest to it; None where none was looked at.
    other_point
        The point that the numbers belong to, if it is not the caller's own.
    pictures, curve
        What is drawn.
    places, more
        The first entries that are wrong or undecided, and how many more there are.
    full
        Whether there was no space left for pictures.
    """

    name: str
    need: str
    counts: str
    method: str
    reason: str
    worst: Place | None
    other_point: str
    pictures: tuple[Drawn, ...] = ()
    curve: Drawn | None = None
    places: tuple[Place, ...] = ()
    more: int = 0
    full: bool = False


@dataclass(frozen=True)
class Range:
    """An array in words: its name, its dtype and shape, its least and its largest number."""

    name: str
    shape: str
    least: str
    largest: str


@dataclass(frozen=True)
class Shown:
    """A report in full: its inputs, its second point, and what the lines that show a mistake again import."""

    report: Report
    parts: tuple[Part, ...]
    second: tuple[Range, ...] = ()
    imports: tuple[str, ...] = ()


@dataclass(frozen=True)
class Line:
    """A line of a table: a report, or all reports of a section together.

    Attributes
    ----------
    need, sample, counts
        As of a `Part`; the sample says what it was checked with.
    error, bound, share
        Of the entry that came closest to its bound, or is farthest outside; empty where there is none.
    filled
        In per cent: how much of the bound's meter is filled, on a logarithmic scale.
    method
        How the entries were decided.
    """

    need: str
    sample: str
    counts: str
    error: str
    bound: str
    share: str
    filled: int
    method: str


@dataclass(frozen=True)
class Section:
    """The reports on one derivative.

    Attributes
    ----------
    anchor, entry
        Its name in links, and the first of its entries.
    line
        Its line in the table.
    shown, others
        The reports in full, and a line for each of the others. None in full: it has no more than its line in the table.
    pictures
        What stands beside them.
    """

    anchor: str
    entry: Entry
    line: Line
    shown: tuple[Shown, ...]
    others: tuple[Line, ...] = ()
    pictures: tuple[Drawn, ...] = field(default=())

    @property
    def need(self) -> str:
        """One of `NEEDS`."""
        return self.line.need


def sections(entries: Iterable[Entry]) -> list[Section]:
    """The sections of a page, those in need first.

    Parameters
    ----------
    entries
        The reports. Those of the same name and place share a section.
    """
    together: dict[tuple[str, str | None], list[Entry]] = {}
    for entry in entries:
        together.setdefault((entry.name, entry.where), []).append(entry)
    groups = sorted(together.values(), key=lambda group: min(NEEDS.index(need(entry.report)) for entry in group))
    paper = Paper(MOST_LETTERS)
    return [_section(number, group, paper) for number, group in enumerate(groups, 1)]


def _section(number: int, entries: Sequence[Entry], paper: Paper) -> Section:
    anchor = f"d{number}"
    reports = sorted((entry.report for entry in entries), key=_rank)
    bad = [report for report in reports if not report.ok]
    count = min(max(1, len(bad)), MOST_IN_FULL)
    if number > MOST_SECTIONS and not bad:
        return Section(anchor, entries[0], _line(reports), ())
    given = [each for entry in entries for each in entry.pictures] if paper else []
    return Section(
        anchor=anchor,
        entry=entries[0],
        line=_line(reports),
        pictures=paper.take(picture(each, f"{anchor}-p{k}") for k, each in enumerate(given)),
        shown=tuple(_shown(report, f"{anchor}-{k}", paper) for k, report in enumerate(reports[:count], 1)),
        others=tuple(_line([report]) for report in reports[count:]),
    )


def _rank(report: Report) -> tuple[int, float]:
    """The order of reports: those in need first, and of these those that are closest to their bounds."""
    return NEEDS.index(need(report)), -max((_closest(part)[0] for part in report.inputs), default=0.0)


def need(report: Report) -> str:
    """One of `NEEDS`."""
    if report.verdict is not Verdict.RIGHT:
        return str(report.verdict.value)
    return "narrow" if any(_need(part) == "narrow" for part in report.inputs) else "right"


def _need(part: InputReport) -> str:
    """The same of an input."""
    narrow = part.verdict is Verdict.RIGHT and _closest(part)[0] > NARROW_SHARE and not part.method.startswith("proved")
    return "narrow" if narrow else str(part.verdict.value)


def _closest(part: InputReport) -> tuple[float, float, float]:
    """The share of its bound, the error and the bound: of the worst entry, or of the one that is closest to its bound.

    A share of 0 and NaN where nothing is known, or the entry is undecided.
    """
    evidence = part.evidence
    if part.verdict is Verdict.WRONG and part.wrong:
        error, bound = float(part.error), float(part.bound)
        return (error / bound if bound > 0 and np.isfinite(error) else np.inf), error, bound
    if evidence is None or evidence.closest is None or part.verdict is Verdict.UNDECIDED:
        return 0.0, np.nan, np.nan
    k = evidence.closest
    error = float(abs(evidence.analytic[k] - evidence.numerical[k]))
    return float(evidence.closeness[k]), error, float(evidence.bound[k])


def _line(reports: Sequence[Report]) -> Line:
    """A line on some reports together, the first of which is the one in need."""
    parts = [part for report in reports for part in report.inputs if part.size]
    checked, size = (sum(getattr(part, name) for part in parts) for name in ("checked", "size"))
    worst = min(parts, key=lambda p: (NEEDS.index(_need(p)), -_closest(p)[0]), default=None)
    share, error, bound = (0.0, np.nan, np.nan) if worst is None else _closest(worst)
    known = np.isfinite(error)
    breaches = dict.fromkeys(v.kind for report in reports for v in report.violations if not v.waived)
    return Line(
        need=min((need(report) for report in reports), key=NEEDS.index),
        sample=reports[0].sample,
        counts=f"{checked:,} of {size:,}",
        error=f"{error:.2g}" if known else "",
        bound=f"{bound:.2g}" if known else "",
        share=_in_words(share) if known else "",
        filled=round(100 * float(np.clip(1 + np.log10(max(share, 1e-9)) / 6, 0.0, 1.0))),
        method=", ".join([*breaches, *dict.fromkeys(way for part in parts for way in _ways(part.method))]),
    )


def _ways(method: str) -> list[str]:
    """The methods alone: "differences" and "ladder" of "differences 25, ladder 4"."""
    return [_COUNT.sub("", way) for way in _BETWEEN.split(method)]


def _in_words(share: float) -> str:
    """The share of the bound that an error takes up."""
    if share <= 1:
        return f"{100 * share:.2g} %" if share else "no error"
    return f"{share:.2g} times" if share < MOST_TIMES else f"over {MOST_TIMES} times"


def _shown(report: Report, name: str, paper: Paper) -> Shown:
    steps = followed(report) if paper else {}
    ranked = sorted(report.inputs, key=lambda part: NEEDS.index(_need(part)))
    parts = tuple(_part(report, part, steps.get(part.name), f"{name}-{k}", paper) for k, part in enumerate(ranked, 1))
    return Shown(report, parts, tuple(_ranges(report.second_point)), tuple(_imports(report)))


def _ranges(point: SecondPoint | None) -> Iterator[Range]:
    if point is not None:
        for name, array in zip((*point.names, "grad_output"), (*point.inputs, point.grad_output), strict=True):
            ends = (f"{array.min():.4g}", f"{array.max():.4g}") if array.size else ("–", "–")
            yield Range(name, f"{array.dtype}{list(array.shape)}", *ends)


def _imports(report: Report) -> Iterator[str]:
    """What the lines that show a mistake again need to import."""
    text = "\n".join(report.again)
    if "np." in text:
        yield "import numpy as np"
    for function in ("check_gradient", "check_jvp"):
        if f"{function}(" in text:
            yield f"from scratchcnn.gradcheck import {function}"


def _part(report: Report, part: InputReport, steps: Steps | None, name: str, paper: Paper) -> Part:
    counts = f"{part.checked:,} of {part.size:,} entries compared"
    counts += f", {part.wrong:,} wrong" * bool(part.wrong) + f", {part.undecided:,} undecided" * bool(part.undecided)
    evidence = part.evidence
    if evidence is None:
        return Part(part.name, _need(part), counts, part.method, part.reason, None, part.where)
    worst = None
    if part.verdict is Verdict.RIGHT and evidence.closest is not None:
        k, place = evidence.closest, telling(part) or ()
        numbers = (float(a[k]) for a in (evidence.analytic, evidence.numerical, evidence.bound))
        worst = _place(part.name, place, *numbers)
    elif part.worst_index is not None:
        worst = _place(part.name, part.worst_index, part.analytic, part.numerical, part.bound)
    compared = report.compared.get(part.name)
    found = seen(part.name, evidence, compared, report.called)
    places = list(_places(part.name, found, evidence))
    full = not paper
    entry = _called(part.name, steps.index) if steps is not None else ""
    drawn = curve(steps, f"{name}-v", entry) if steps is not None and not full else None
    paper.take([drawn] if drawn is not None else [])
    return Part(
        name=part.name,
        need=_need(part),
        counts=counts,
        method=part.method,
        reason=part.reason,
        worst=worst,
        other_point=part.where,
        pictures=paper.take(pictures_of(found, name) if not full else ()),
        curve=drawn,
        places=tuple(places[:MOST_ENTRIES]) if len(places) > 1 else (),
        more=max(0, len(places) - MOST_ENTRIES),
        full=full,
    )


def _places(name: str, found: Seen, evidence: Evidence) -> Iterator[Place]:
    """The entries that are wrong, those that are farthest off first, and then the undecided ones."""
    bound = evidence.whole(evidence.bound)
    distance = np.nan_to_num(np.abs(found.difference), nan=np.inf)
    for state in (BAD, OPEN):
        entries = np.argwhere(found.state == state)
        for place in entries[np.argsort(-distance[found.state == state], kind="stable")].tolist():
            at = tuple(place)
            yield _place(name, at, float(found.analytic[at]), float(found.numerical[at]), float(bound[at]))


def _place(name: str, at: tuple[int, ...], analytic: float, numerical: float, bound: float) -> Place:
    one, other = apart(analytic, numerical, 6)
    error = abs(analytic - numerical)
    return Place(_called(name, at), one, other, *(f"{e:.2g}" if np.isfinite(e) else "" for e in (error, bound)))


def _called(name: str, at: tuple[int, ...]) -> str:
    return f"{name}[{', '.join(map(str, at))}]" if at else name
