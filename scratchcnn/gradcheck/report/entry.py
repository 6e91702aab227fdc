"""One check in a list of many: what a table, a page or a file of results is made of."""

from dataclasses import dataclass

from scratchcnn.gradcheck.report.report import Report


@dataclass(frozen=True)
class Entry:
    """A report, the name it is listed under, and where the check was made: a test, or a file and a line."""

    name: str
    report: Report
    where: str | None = None
