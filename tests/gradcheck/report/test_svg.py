"""A figure as a part of a page: its colours are the page's, its names its own, and it brings nothing along."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.figure import Figure

from scratchcnn.gradcheck.report import svg
from scratchcnn.gradcheck.report.svg import INK, LINE, PAGE_COLOURS, POINTS, RIGHT, SOFT, UNDECIDED, WRONG, as_svg

SVG, HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"


def figure():
    """One with texts, clipped lines, marks, and an image."""
    made = Figure(figsize=(200 / POINTS, 100 / POINTS), dpi=POINTS)
    axes = made.add_axes((0.1, 0.1, 0.8, 0.8))
    axes.plot([1, 2, 3], [3, 1, 2], "o-", color=INK)
    axes.axhline(1.5, color=WRONG)
    axes.imshow(np.eye(3), extent=(1, 2, 1, 2), aspect="auto")
    axes.set_xlabel("a step", fontsize=11, color=SOFT)
    axes.tick_params(color=LINE, labelcolor=RIGHT)
    for spine in axes.spines.values():
        spine.set_color(UNDECIDED)
    return made


@pytest.fixture
def text():
    return as_svg(figure(), "one", 'what it shows: "x" < 1')


@pytest.fixture
def root(text):
    return ElementTree.fromstring(text)


def test_it_is_an_image_with_words_that_is_as_wide_as_the_page_lets_it_be(root):
    assert root.tag == f"{SVG}svg"
    assert (root.attrib["role"], root.attrib["aria-label"]) == ("img", 'what it shows: "x" < 1')
    assert root.attrib["style"] == "max-width: 200px"
    assert root.attrib["viewBox"] == "0 0 200 100"
    assert not {"width", "height"} & root.attrib.keys()


def test_it_brings_no_style_sheet_no_metadata_and_no_ground(root):
    tags = {element.tag.split("}")[-1] for element in root.iter()}
    assert {"path", "text", "use", "image", "clipPath"} <= tags
    assert not {"metadata", "style"} & tags
    assert not [e for e in root.iter() if "fill: #ffffff" in e.attrib.get("style", "")]


def test_what_refers_to_a_part_finds_it_under_the_name_of_the_figure(root):
    ids = [e.attrib["id"] for e in root.iter() if "id" in e.attrib]
    assert len(ids) == len(set(ids))
    assert ids
    used = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            used |= set(re.findall(r"url\(#([^)]+)\)", value))
            if key == HREF:
                used.add(value.removeprefix("#"))
    assert used == set(ids)
    assert all(identifier.startswith("one-") for identifier in ids)
    assert {HREF, "clip-path"} <= {key for e in root.iter() for key in e.attrib}


def test_an_image_holds_its_pixels_itself(root):
    (image,) = root.iter(f"{SVG}image")
    assert image.attrib["href"].startswith("data:image/png;base64,")
    assert HREF not in image.attrib


def test_texts_have_the_font_of_the_page_and_a_size_of_their_own(root):
    texts = {element.text: element.attrib["style"] for element in root.iter(f"{SVG}text")}
    assert re.search(r"(^|; )font-size: 11px(;|$)", texts["a step"])
    assert all(re.search(r"(^|; )font-size: [\d.]+px(;|$)", style) for style in texts.values())
    assert not any("font:" in style or "font-family" in style for style in texts.values())


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("font: 11px 'DejaVu Sans', sans-serif; text-anchor: middle", "font-size: 11px; text-anchor: middle"),
        ("font-size: 9.5px; font-family: 'DejaVu Sans', serif; fill: #000", "font-size: 9.5px; fill: #000"),
        ("fill: #000; font-size: 9.5px; font-family: serif", "fill: #000; font-size: 9.5px; "),
    ],
)
def test_a_font_is_known_in_all_forms_that_versions_of_matplotlib_give_it(written, kept):
    root = ElementTree.fromstring(f'<svg xmlns="http://www.w3.org/2000/svg"><text style="{written}">1</text></svg>')
    svg._keep_what_is_needed(root)
    assert root[0].attrib["style"] == kept


def test_colours_are_the_variables_of_the_page_s_style_sheet(text):
    assert "#01010" not in text
    for variable in PAGE_COLOURS.values():
        assert variable in text
    assert set(re.findall(r"var\(--\w+\)", text)) == {
        *("var(--ink)", "var(--soft)", "var(--line)", "var(--wrong)", "var(--undecided)", "var(--right)"),
    }


def test_it_stands_in_one_line_and_is_the_same_each_time(text):
    assert "\n" not in text
    assert not "".join(element.tail or "" for element in ElementTree.fromstring(text).iter()).strip()
    assert as_svg(figure(), "one", 'what it shows: "x" < 1') == text
    assert as_svg(figure(), "two", "") != text
    assert text.startswith("<svg ")
    assert "xlink:href" in text
    assert "ns0" not in text
