"""What a page of reports shows: reports with a name, the place they come from, and pictures beside them."""

from dataclasses import dataclass

from scratchcnn.gradcheck.arrays import Array
from scratchcnn.gradcheck.report.report import Report


@dataclass(frozen=True, eq=False)
class Picture:
    """An array that is shown beside a report.

    Attributes
    ----------
    title
        What it is, in a few words.
    values
        The array. The last two axes are those of an image, the ones before are shown as images side by side.
    signed
        Whether it has a colour on either side of zero; else it is shown as ink, dark on light, from zero on.
    """

    title: str
    values: Array
    signed: bool = False


@dataclass(frozen=True)
class Entry:
    """A report on a page. Entries of the same name and place share a section.

    Attributes
    ----------
    name
        What is differentiated, as the table calls it.
    report
        What the check found.
    where
        Where it belongs: a file with its line, the name of a test, a heading.
    equation, note
        The equation of the derivative, and a remark; empty if there is none.
    pictures
        What is shown beside it.
    """

    name: str
    report: Report
    where: str | None = None
    equation: str = ""
    note: str = ""
    pictures: tuple[Picture, ...] = ()
