"""The sections of a page, of reports that are made by hand: what they say, in which order, and what is left out."""

import numpy as np
import pytest

from scratchcnn.gradcheck.report import section
from scratchcnn.gradcheck.report.entry import Entry, Picture
from scratchcnn.gradcheck.report.evidence import Evidence
from scratchcnn.gradcheck.report.report import SecondPoint, Violation
from scratchcnn.gradcheck.report.section import Place, Range, need, sections
from scratchcnn.gradcheck.verdict import Verdict
from tests.gradcheck.report.test_messages import entry, report_of

RIGHT, WRONG, UNDECIDED = Verdict.RIGHT, Verdict.WRONG, Verdict.UNDECIDED


def evidence(*off, bound=1.0, wrong=(), undecided=(), kink=(), shape=None, entries=None):
    """The evidence on entries that are 2 by differences, and off by so much."""
    off = np.array(off, float)
    wrong, undecided, kink = (np.isin(np.arange(off.size), which) for which in (wrong, undecided, kink))
    two = np.full(off.size, 2.0)
    entries = np.arange(off.size) if entries is None else np.array(entries)
    return Evidence(
        off.shape if shape is None else shape,
        entries,
        two + off,
        two,
        np.full(off.size, bound),
        ~(wrong | undecided),
        wrong,
        kink,
    )


def part_of(*off, verdict=RIGHT, **fields):
    """The report on an input with such evidence."""
    known = {k: fields.pop(k) for k in ("bound", "wrong", "undecided", "kink", "shape", "entries") if k in fields}
    found = evidence(*off, **known)
    fields = {"size": found.analytic.size, "checked": found.analytic.size, "bound": 1.0} | fields
    counts = {"wrong": int(found.wrong.sum()), "undecided": int((~found.right & ~found.wrong).sum())}
    return entry(verdict=verdict, evidence=found, worst_index=(0,), **(counts | fields))


def report(*parts, verdict=None, **fields):
    verdicts = {part.verdict for part in parts}
    worst = next(v for v in (WRONG, UNDECIDED, RIGHT) if v in verdicts)
    return report_of(*parts, verdict=verdict or worst, **fields)


class TestNeed:
    @pytest.mark.parametrize(
        ("parts", "expected"),
        [
            ([part_of(0.25)], "right"),
            ([part_of(0.5)], "right"),
            ([part_of(0.25), part_of(0.0, -0.51)], "narrow"),
            ([part_of(0.75, method="proved to 70 digits")], "right"),
            ([part_of(0.75, kink=[0])], "right"),
            ([entry()], "right"),
            ([part_of(0.75), part_of(0.1, verdict=UNDECIDED)], "undecided"),
            ([part_of(2.0, verdict=WRONG, wrong=[0]), part_of(0.1, verdict=UNDECIDED)], "wrong"),
        ],
    )
    def test_is_that_of_the_verdict_or_of_an_error_close_to_its_bound(self, parts, expected):
        assert need(report(*parts)) == expected

    def test_those_in_need_come_first_and_of_these_the_closest(self):
        def one(name, *parts, where=None):
            return Entry(name, report(*parts), where=where)

        found = sections(
            [
                one("right", part_of(0.1)),
                one("closer", part_of(0.75)),
                one("open", part_of(0.1, verdict=UNDECIDED, undecided=[0])),
                one("wrong", part_of(3.0, verdict=WRONG, wrong=[0])),
                one("right", part_of(0.2)),
                one("right", part_of(0.2), where="elsewhere"),
            ]
        )
        assert [(each.anchor, each.entry.name, each.need) for each in found] == [
            ("d1", "wrong", "wrong"),
            ("d2", "open", "undecided"),
            ("d3", "closer", "narrow"),
            ("d4", "right", "right"),
            ("d5", "right", "right"),
        ]
        assert [line.share for line in found[3].others] == ["10 %"]
        assert found[3].line.share == "20 %"
        assert len(found[3].shown) == 1


class TestSections:
    def test_at_most_three_that_are_not_right_are_shown_in_full(self):
        wrong = report(part_of(3.0, verdict=WRONG, wrong=[0]))
        right = report(part_of(0.1))
        for number, full, others in ((2, 2, 1), (5, 3, 3)):
            (found,) = sections([Entry("f", each) for each in [right, *[wrong] * number]])
            assert (len(found.shown), len(found.others)) == (full, others)
            assert all(not each.report.ok for each in found.shown)

    def test_what_is_right_beyond_a_limit_has_no_more_than_its_line(self, monkeypatch):
        monkeypatch.setattr(section, "MOST_SECTIONS", 1)
        wrong = [Entry(f"wrong {k}", report(part_of(3.0, verdict=WRONG, wrong=[0]))) for k in range(2)]
        rows = sections([*wrong, Entry("right", report(part_of(0.1)))])
        assert [len(each.shown) for each in rows] == [1, 1, 0]
        assert rows[2].line.share == "10 %"
        assert rows[2].pictures == ()

    def test_without_space_there_are_no_pictures(self, monkeypatch):
        monkeypatch.setattr(section, "MOST_LETTERS", 1)
        picture = Picture("image", np.eye(3))
        first, second = sections(
            [Entry(name, report(part_of(0.1, 0.2)), pictures=(picture,)) for name in ("first", "second")]
        )
        assert (len(first.pictures), len(second.pictures)) == (1, 0)
        assert [each.shown[0].parts[0].full for each in (first, second)] == [True, True]
        monkeypatch.setattr(section, "MOST_LETTERS", 10**6)
        (found,) = sections([Entry("first", report(part_of(0.1, 0.2)), pictures=(picture, picture))])
        assert len(found.pictures) == 2
        assert (found.shown[0].parts[0].full, len(found.shown[0].parts[0].pictures)) == (False, 3)


class TestLine:
    def line(self, *reports):
        return sections([Entry("f", each) for each in reports])[0].line

    def test_is_of_all_reports_together(self):
        breaches = Violation("stale", "it is"), Violation("dtype", "it is", waived=True), Violation("stale", "again")
        one = report(
            part_of(0.25, 0.0, size=3000, method="differences 25, ladder 4"), sample="x float64[3]", violations=breaches
        )
        other = report(
            part_of(0.125, size=0), part_of(0.5, size=2, method="proved at 3 of 4; ladder"), sample="another"
        )
        line = self.line(other, one)
        assert (line.need, line.sample, line.counts) == ("right", "another", "3 of 3,002")
        assert (line.error, line.bound, line.share) == ("0.5", "1", "50 %")
        assert line.method == "stale, proved, ladder, differences"

    @pytest.mark.parametrize(
        ("off", "share", "filled"),
        [
            (0.0, "no error", 0),
            (1e-3, "0.1 %", 50),
            (0.25, "25 %", 90),
            (1.0, "1e+02 %", 100),
            (2.5, "2.5 times", 100),
            (999.0, "1e+03 times", 100),
            (2000.0, "over 1000 times", 100),
        ],
    )
    def test_says_how_much_of_the_bound_is_filled(self, off, share, filled):
        wrong = {"verdict": WRONG, "wrong": [0]} if off > 1 else {}
        line = self.line(report(part_of(off, analytic=off, numerical=0.0, **wrong)))
        assert (line.share, line.filled) == (share, filled)

    def test_of_what_is_not_known_says_nothing(self):
        for part in (entry(), part_of(0.5, verdict=UNDECIDED, undecided=[0]), part_of(0.5, kink=[0])):
            line = self.line(report(part))
            assert (line.error, line.bound, line.share, line.filled) == ("", "", "", 0)
        empty = self.line(report(part_of(0.5, size=0, checked=0)))
        assert (empty.counts, empty.share) == ("0 of 0", "")

    def test_a_wrong_value_without_a_number_is_far_outside(self):
        worst = self.line(report(part_of(np.nan, verdict=WRONG, wrong=[0], analytic=np.nan)))
        assert (worst.error, worst.filled) == ("", 100)

    def test_is_that_of_the_input_in_need(self):
        wrong = part_of(3.0, verdict=WRONG, wrong=[0], analytic=3.0, numerical=0.0)
        assert self.line(report(part_of(0.9), wrong)).share == "3 times"


class TestPart:
    def part(self, *parts, **fields):
        (found,) = sections([Entry("f", report(*parts, **fields))])
        return found.shown[0].parts[0]

    def test_says_what_the_report_says(self):
        part = self.part(part_of(0.25, 0.75, size=1234, where="at the second point", reason="as it is"))
        assert (part.name, part.need, part.counts) == ("x", "narrow", "2 of 1,234 entries compared")
        assert (part.method, part.reason, part.other_point) == ("differences", "as it is", "at the second point")
        assert part.worst == Place("x[1]", "2.75", "2", "0.75", "1")
        assert (part.places, part.more) == ((), 0)

    def test_of_what_is_wrong_or_undecided_lists_the_entries_the_worst_first(self):
        off = [0.0, 2.0, 5.0, 0.5, np.nan, 0.25]
        part = self.part(part_of(*off, verdict=WRONG, wrong=[1, 2, 4], undecided=[3, 5], shape=(2, 3), analytic=9.0))
        assert part.counts == "6 of 6 entries compared, 3 wrong, 2 undecided"
        assert [place.index for place in part.places] == ["x[1, 1]", "x[0, 2]", "x[0, 1]", "x[1, 0]", "x[1, 2]"]
        assert part.places[0] == Place("x[1, 1]", "nan", "2", "", "1")
        assert part.worst == Place("x[0]", "9", "0.5", "8.5", "1")
        many = self.part(part_of(*[2.0] * 11, verdict=WRONG, wrong=range(11)))
        assert (len(many.places), many.more) == (8, 3)
        assert self.part(part_of(2.0, 0.0, verdict=WRONG, wrong=[0])).places == ()

    def test_of_an_input_without_entries_nothing_is_shown(self):
        part = self.part(entry(where="there"))
        assert (part.worst, part.pictures, part.other_point, part.full) == (None, (), "there", False)

    def test_the_inputs_in_need_come_first(self):
        (found,) = sections(
            [Entry("f", report(part_of(0.1, name="a"), part_of(3.0, name="b", verdict=WRONG, wrong=[0])))]
        )
        assert [part.name for part in found.shown[0].parts] == ["b", "a"]

    def test_of_a_single_number_there_is_no_index(self):
        assert self.part(part_of(0.25, shape=())).worst.index == "x"


def test_the_second_point_is_told_by_its_ends():
    point = SecondPoint((np.array([[1.5, -2.0]], np.float32), np.empty((0, 2))), np.array([3.0]), ("x", "w"))
    (found,) = sections([Entry("f", report(entry(), second_point=point))])
    assert found.shown[0].second == (
        Range("x", "float32[1, 2]", "-2", "1.5"),
        Range("w", "float64[0, 2]", "–", "–"),
        Range("grad_output", "float64[1]", "3", "3"),
    )
    assert sections([Entry("f", report(entry()))])[0].shown[0].second == ()


@pytest.mark.parametrize(
    ("again", "imports"),
    [
        (("x = np.ones(2)", "check_gradient(f, b, x)"),
         ("import numpy as np", "from scratchcnn.gradcheck import check_gradient")),
        (("check_jvp(f, b, 1)",), ("from scratchcnn.gradcheck import check_jvp",)),
        ((), ()),
    ],
)  # fmt: skip
def test_what_shows_it_again_has_its_imports(again, imports):
    (found,) = sections([Entry("f", report(entry(), again=again))])
    assert found.shown[0].imports == imports
