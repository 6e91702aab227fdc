"""A page of reports: what stands where, and that it needs nothing but itself."""

import pickle
import platform
import re
import subprocess
import sys
from functools import partial

import numpy as np
import pytest

from scratchcnn.gradcheck import InputReport, Report, Verdict, Violation, check_gradient
from scratchcnn.gradcheck.report import page as pages
from scratchcnn.gradcheck.report import section as sections
from scratchcnn.gradcheck.report.entry import Entry, Picture
from scratchcnn.gradcheck.report.page import page, write_page
from tests.gradcheck.difficult import DIFFICULT
from tests.gradcheck.report.entries import ALL, ONE_WRONG, POINT, RIGHT, WRONG, scaled, scaled_backward, without_factor
from tests.gradcheck.report.reading import read


@pytest.fixture(scope="module")
def whole():
    return read(page("Gradients of a package", ALL))


def sine(x):
    return np.sin(x)  # the parameters of a ufunc have no names before NumPy 2.4


def power(x, exponent):
    return x**exponent


def power_backward(g, x, exponent):
    return 2 * g * x


def section(whole, name):
    return next(s for s in whole.all("section", of="derivative") if next(s.all("h2")).text.split(" ", 2)[2] == name)


def rows(table):
    (body,) = table.all("tbody")
    return [[cell.text for cell in row.children] for row in body.children]


def test_the_table_comes_first_and_what_needs_to_be_seen_is_above_the_rest(whole):
    overview, *sections = whole.all("section")
    assert overview.attributes["class"] == "overview"
    (table,) = overview.all("table")
    told = [(verdict, derivative) for verdict, derivative, *_ in rows(table)]
    assert told == [
        ("✗ wrong", "wrong layers.py:12"),
        ("✗ wrong", "one wrong"),
        ("? undecided", "undecided"),
        ("≈ narrow", "narrow"),
        ("✓ right", "right"),
    ]
    assert [next(s.all("h2")).text for s in sections] == [f"{verdict} {name}" for verdict, name in told]
    assert [c.text for c in whole.all(of="count")] == ["✗ wrong 2", "? undecided 1", "≈ narrow 1", "✓ right 1"]
    (title,) = whole.all("title")
    assert title.text == "Gradients of a package"


def test_a_line_of_the_table_has_the_entry_that_is_worst(whole):
    (table, *_) = whole.all("table", of="lines")
    wrong, _, undecided, near, right = (row[2:] for row in rows(table))
    part = WRONG.inputs[0]
    assert wrong[:3] == ["16 of 16", f"{part.error:.2g}", f"{part.bound:.2g}".replace("-", "−")]
    assert wrong[3:] == ["over 1000 times", "differences, proved to 75 digits"]
    assert undecided[:4] == ["3 of 3", "–", "–", ""]
    assert near[3] == "90 %"
    assert re.fullmatch(r"[\d.]+(e−\d+)? %|no error", right[3])


def test_a_wrong_gradient_is_shown_with_its_cause_its_entries_and_how_to_see_it_again(whole):
    shown = section(whole, "wrong layers.py:12")
    assert [cause.text for cause in shown.all(of="cause")] == [
        f"The gradient of x is {WRONG.causes[0].message}.",
    ]
    assert [p.text for p in shown.all(of="equation")] == ["w cos(x)"]
    assert [p.text for p in shown.all(of="note")] == ["a remark"]
    assert [h.text for h in shown.all("h3")] == ["✗ wrong x", "✓ right w", "To see it again"]
    assert [c.text for c in shown.all("figcaption")][:4] == ["analytic", "numerical", "difference", "where it is wrong"]
    (places,) = (t for t in shown.all("table", of="places") if next(t.all("caption"), None))
    listed = rows(places)
    assert len(listed) == 9
    assert listed[-1] == ["and 4 more"]
    apart = [float(row[3].replace("−", "-")) for row in listed[:-1]]
    assert apart == sorted(apart, reverse=True)
    (again,) = shown.all("pre", of="again")
    assert again.text.startswith("import numpy as np from scratchcnn.gradcheck import check_gradient")
    assert again.text.endswith("check_gradient(scaled, without_factor, x, w)")


def test_the_lines_to_see_it_again_run(whole):
    (again,) = section(whole, "wrong layers.py:12").all("pre", of="again")
    lines = "".join(again.pieces).strip().splitlines()
    known = {"scaled": scaled, "without_factor": without_factor}
    exec("\n".join([*lines[:-1], f"report = {lines[-1]}"]), known)
    assert known["report"].verdict is Verdict.WRONG


def test_the_second_point_is_shown(whole):
    (second,) = section(whole, "wrong layers.py:12").all("details", of="second")
    names = [row[0] for row in rows(next(second.all("table")))]
    assert names == ["x", "w", "grad_output"]
    x = WRONG.second_point.inputs[0]
    assert rows(next(second.all("table")))[0][1:] == [
        "float64[3, 4]",
        f"{x.min():.4g}".replace("-", "−"),
        f"{x.max():.4g}",
    ]


def test_pictures_and_curves_have_words_for_those_who_do_not_see_them(whole):
    drawings = list(whole.all("svg"))
    assert drawings
    for svg in drawings:
        assert svg.attributes["role"] == "img"
        assert len(svg.attributes["aria-label"]) > 20
    words = [svg.attributes["aria-label"] for svg in section(whole, "one wrong").all("svg")]
    assert words[0].startswith("analytic: an array of 3 by 4, from ")
    assert words[2].startswith("difference: an array of 3 by 4, from ")
    assert words[2].endswith("0.25, the largest in size at [1, 2]")
    assert words[3] == "where it is wrong: 1 wrong of 12 entries, the first at [1, 2]"
    assert words[4].startswith("Central differences of x[1, 2] at 50 steps from ")
    assert words[4].endswith(" The analytic value is off by 2.5e-01.")


def test_every_link_leads_somewhere_on_the_page_and_nothing_is_loaded(whole):
    ids = [e.attributes["id"] for e in whole.all() if "id" in e.attributes]
    assert len(ids) == len(set(ids))
    links = [e.attributes["href"] for e in whole.all("a")]
    assert len(links) == 2 * len(ALL)
    assert {link.removeprefix("#") for link in links} <= set(ids)
    for element in whole.all():
        for key, value in element.attributes.items():
            if key.split(":")[-1] in ("href", "src", "srcset", "data", "action", "poster"):
                assert value.startswith(("#", "data:")), (element.tag, value)
            for target in re.findall(r"url\(([^)]*)\)", value):
                assert target.removeprefix("#") in ids
    (style,) = whole.all("style")
    assert "url(" not in style.text
    assert "@import" not in style.text
    assert not list(whole.all("script"))


def test_names_from_outside_are_shown_and_not_obeyed():
    name = "<script>alert('&')</script>"
    report = Report(
        name, name, Verdict.WRONG, (), (Violation(name, name, name),), notes=(name,), sample=name, again=(name,)
    )  # fmt: skip
    whole = read(page(name, [Entry(name, report, name, name, name, (Picture(name, np.eye(3)),))]))
    assert not list(whole.all("script"))
    (title,) = whole.all("title")
    assert title.text == name
    assert [a.text for a in whole.all("a")] == [name, "to the table"]


def test_reports_of_one_name_and_place_share_a_section():
    entries = [Entry("scaled", report, where) for report, where in ((RIGHT, "a"), (WRONG, "a"), (RIGHT, "b"))]
    whole = read(page("", entries))
    (table, *others) = whole.all("table", of="lines")
    assert [row[:3] for row in rows(table)] == [
        ["✗ wrong", "scaled a", "32 of 32"],
        ["✓ right", "scaled b", "16 of 16"],
    ]
    (other,) = others
    assert [row[:3] for row in rows(other)] == [["✓ right", RIGHT.sample, "16 of 16"]]


def test_no_more_than_three_wrong_reports_of_a_section_are_shown_in_full():
    whole = read(page("", [Entry("scaled", WRONG)] * 5))
    assert len(list(whole.all("article"))) == 3
    (summary,) = (s for s in whole.all("summary") if "more" in s.text)
    assert summary.text == "2 more checks of it"


def test_a_gradient_of_another_shape_has_a_violation_and_no_pictures():
    report = check_gradient(sine, lambda g, x: (g * np.cos(x)).sum(), np.ones(4))
    whole = read(page("", [Entry("sin", report)]))
    causes = [cause.text for cause in whole.all(of="cause")]
    assert causes[0].startswith("The gradient of x is an array of shape (), not (4,)")
    assert causes[1] == "shape of x: the gradient has shape (), the input (4,)"
    assert not list(whole.all("svg"))


def test_an_empty_page_says_so():
    empty = page("", [])
    assert "Nothing was checked." in empty
    assert f"NumPy {np.__version__}, Python {platform.python_version()}" in empty


def test_what_comes_from_another_process_has_pictures_and_no_curve():
    whole = read(page("", [Entry("scaled", pickle.loads(pickle.dumps(ONE_WRONG)))]))
    captions = [caption.text for caption in whole.all("figcaption")]
    assert captions[:4] == ["analytic", "numerical", "difference", "where it is wrong"]
    assert not any(caption.startswith("central differences") for caption in captions)


def test_a_layer_that_has_learnt_since_has_no_curve():
    weight = {"w": 2.0}
    report = check_gradient(lambda x: weight["w"] * np.sin(x), lambda g, x: 2.001 * g * np.cos(x), np.ones(3))
    assert sum("central differences" in c.text for c in read(page("", [Entry("f", report)])).all("figcaption")) == 1
    weight["w"] = 2.5
    assert not any("central differences" in c.text for c in read(page("", [Entry("f", report)])).all("figcaption"))


def test_what_only_the_diagnosis_looked_at_is_shown_and_said():
    report = check_gradient(scaled, without_factor, *POINT, max_entries=5)
    whole = read(page("", [Entry("scaled", report)]))
    words = [svg.attributes["aria-label"] for svg in whole.all("svg")]
    assert "where it is wrong: 12 wrong of 12 entries, as the diagnosis found, the first at [0, 0]" in words
    assert "not known" not in next(whole.all(of="pictures")).text


def test_of_a_sample_the_rest_is_grey():
    report = check_gradient(np.sin, lambda g, x: g * np.cos(x), np.linspace(0, 1, 20), max_entries=5, proof=False)
    drawn = {f.children[0].text: f.text for f in read(page("", [Entry("sin", report)])).all("figure")}
    assert "grey" not in drawn["analytic"]
    assert f"grey: {20 - report.inputs[0].checked} of 20 not known" in drawn["numerical"]
    assert report.inputs[0].checked < 20


def test_a_page_of_many_checks_has_pictures_of_those_in_need_and_stays_small(monkeypatch):
    monkeypatch.setattr(sections, "MOST_LETTERS", 100_000)
    entries = [Entry(f"right {k}", RIGHT) for k in range(20)] + [Entry("wrong", WRONG)]
    whole = read(page("", entries))
    drawn = [len(list(section.all("svg"))) for section in whole.all("section", of="derivative")]
    assert drawn == sorted(drawn, reverse=True)
    assert drawn[0] > 6
    assert drawn[-1] == 0
    assert len(list(whole.all("a"))) == 2 * len(entries)
    *_, last = whole.all("section", of="derivative")
    assert "no pictures: the page holds as many as it can" in last.text


def test_of_very_many_checks_all_are_in_the_table_and_those_in_need_have_sections(monkeypatch):
    monkeypatch.setattr(sections, "MOST_SECTIONS", 3)
    entries = [Entry(f"right {k}", RIGHT) for k in range(4)] + [Entry(f"wrong {k}", WRONG) for k in range(2)]
    whole = read(page("", entries))
    assert [row[1] for row in rows(next(whole.all("table", of="lines")))] == [
        *("wrong 0", "wrong 1", "right 0", "right 1", "right 2", "right 3"),
    ]
    assert [a.text for a in whole.all("a") if a.text != "to the table"] == ["wrong 0", "wrong 1", "right 0"]
    assert len(list(whole.all("section", of="derivative"))) == 3
    assert "3 that are right and not linked have no section" in next(whole.all("p", of="legend")).text


def test_numbers_that_are_not_finite_are_drawn():
    def nowhere(g, x):
        grad = g * np.cos(x)
        grad[1] = np.nan
        grad[2] = np.inf
        return grad

    whole = read(page("", [Entry("sin", check_gradient(sine, nowhere, np.linspace(0.5, 1, 5)))]))
    words = [svg.attributes["aria-label"] for svg in whole.all("svg")]
    assert words[0].startswith("analytic: an array of 5 entries, from ")
    assert "where it is wrong: 2 wrong of 5 entries, the first at [1]" in words
    (worst,) = whole.all("dl", of="worst")
    assert [dd.text for dd in worst.all("dd")][:2] == ["x[1]", "nan"]


def test_functions_that_are_difficult_have_pages():
    entries = [
        Entry(each.name, check_gradient(each.forward, each.backward, *each.draw(np.random.default_rng(0))))
        for each in DIFFICULT[::7]
    ]
    assert len(list(read(page("", entries)).all("section", of="derivative"))) == len(entries) >= 9


def test_an_input_of_one_number_has_no_pictures_but_its_curve():
    report = check_gradient(lambda x: np.sin(x), lambda g, x: 1.5 * g * np.cos(x), np.float64(1))
    captions = [caption.text for caption in read(page("", [Entry("sin", report)])).all("figcaption")]
    assert captions == ["central differences of x: distance to the numerical value, against the step"]


def test_given_pictures_are_drawn_in_ink_or_in_two_colours():
    digits, filters = np.ones((2, 1, 4, 5)), np.linspace(-1, 1, 75).reshape(3, 1, 5, 5)
    pictures = Picture("digits", digits), Picture("filters", filters, signed=True)
    whole = read(page("", [Entry("scaled", RIGHT, pictures=pictures)]))
    (given,) = whole.all(of="given")
    ink, signed = given.children
    assert (ink.attributes["class"], "class" in signed.attributes) == ("ink", False)
    (svg,) = ink.all("svg")
    assert svg.attributes["aria-label"] == "digits: 2 by 1 by 4 by 5 in ink, from 0 to 1"
    assert list(signed.all("p", of="scale"))


def test_a_given_picture_of_which_nothing_is_known_says_so():
    unknown = Picture("gradient", np.full((2, 3), np.nan), signed=True)
    whole = read(page("", [Entry("scaled", RIGHT, pictures=(unknown,))]))
    (given,) = whole.all(of="given")
    (svg,) = given.all("svg")
    assert svg.attributes["aria-label"] == "gradient: an array of 2 by 3; nothing of it is known"


def test_the_lines_to_see_a_check_with_options_again_import_partial():
    forward, backward = partial(power, exponent=3), partial(power_backward, exponent=3)
    whole = read(page("", [Entry("power", check_gradient(forward, backward, np.ones(2)))]))
    imports = "import numpy as np from scratchcnn.gradcheck import check_gradient from functools import partial"
    assert imports in whole.text


def test_a_page_is_written_as_a_whole_or_not_at_all(tmp_path):
    path = tmp_path / "page.html"
    write_page(path, "first", [])
    with pytest.raises(AttributeError):
        write_page(path, "second", [Entry("", None)])
    assert "<title>first</title>" in path.read_text(encoding="utf-8")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("missing", "named"), [({"jinja2"}, "Jinja2"), ({"jinja2", "matplotlib"}, "Jinja2 and Matplotlib")]
)
def test_what_is_missing_is_named_with_what_brings_it(monkeypatch, missing, named):
    monkeypatch.setattr(pages, "find_spec", lambda name: None if name in missing else object())
    with pytest.raises(ModuleNotFoundError) as caught:
        page("", [])
    assert str(caught.value) == f'a page needs {named}: pip install "scratchcnn[report]"'


def test_a_check_that_nobody_shows_loads_nothing_to_draw_with():
    script = """
import sys
import numpy as np
from scratchcnn.gradcheck import check_gradient
assert check_gradient(np.sin, lambda g, x: g * np.cos(x), np.ones(3))
print(*sorted({"matplotlib", "jinja2", "scratchcnn.gradcheck.report.steps"} & sys.modules.keys()))
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)
    assert done.stdout.split() == []


def test_the_steps_of_a_curve_are_taken_when_it_is_drawn():
    calls = []

    def counted(x):
        calls.append(1)
        return np.sin(x)

    report = check_gradient(counted, lambda g, x: g * np.cos(x), np.ones(3))
    before = len(calls)
    page("", [Entry("sin", report)])
    assert len(calls) > before + 50


def test_two_reports_with_unlike_evidence_are_the_same_if_their_figures_are():
    a, b = (check_gradient(scaled, scaled_backward, *POINT) for _ in range(2))
    assert a == b
    assert isinstance(a.inputs[0], InputReport)
    assert "evidence" not in a.to_dict()["inputs"][0]
