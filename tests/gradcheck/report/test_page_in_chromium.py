"""Pages opened in Chromium, at the width of a telephone and of a screen, light and dark.

This file is collected where Chromium and Playwright are installed: see `conftest.py`.
"""

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.report.entry import Entry, Picture
from scratchcnn.gradcheck.report.page import write_page
from tests.browser import SCHEMES, WIDTHS, browser, faults
from tests.commands.process import run
from tests.gradcheck.report.entries import ALL

# Rows of every kind: with digits, patches and filters, with maps, with parts that are joined, with many samples.
ROWS = ["∂Z1/∂f", "∂A1/∂Z1", "∂E/∂b", "∂E/∂W", "relu"]


@pytest.fixture(scope="module")
def started():
    with browser() as chromium:
        yield chromium


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A page of mistakes, one of names that fit no line, and one that `verify` writes."""
    folder = tmp_path_factory.mktemp("pages")
    write_page(folder / "mistakes.html", "Mistakes", ALL)
    long = "a_long_name_without_a_blank_" * 5
    report = check_gradient(np.sin, lambda g, x: 2e-9 * g * np.cos(x), np.ones((3, 4)), names=(long,))
    write_page(folder / "names.html", long, [Entry(long, report, long, long, long, (Picture(long, np.eye(3)),))])
    done = run(*(word for row in ROWS for word in ("--only", row)), "--report", folder / "verify.html")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("name", ["mistakes", "names", "verify"])
def test_a_page_is_whole_and_its_links_lead_to_their_places(started, pages, name, width, scheme):
    assert faults(started, pages / f"{name}.html", width, scheme) == []


# What the test above must find.
PLANTED = {
    '<img src="https://127.0.0.1:9/x.png">': "loaded from outside: https://127.0.0.1:9/x.png",
    '<img src="missing.png">': "loaded from outside: file:",
    '<link rel="stylesheet" href="missing.css">': "loaded from outside: file:",
    '<img src="data:image/png;base64,AAAA">': "no image: data:image/png;base64,AAAA",
    '<a href="#nowhere">to nothing</a>': "leads nowhere: #nowhere",
    '<a href="https://127.0.0.1:9/">out</a>': "leads outside: https://127.0.0.1:9/",
    '<script>console.error("late")</script>': "console: late",
    '<script>throw new Error("broken")</script>': "error: broken",
    '<div style="width: 2000px">wide</div>': "wider than 1400: ",
    '<p style="color: #aaa">dim</p>': "too little contrast at P.: dim: 2.",
}


@pytest.mark.parametrize("planted", PLANTED)
def test_a_fault_is_found(started, tmp_path, planted):
    path = tmp_path / "page.html"
    write_page(path, "Sound", [])
    path.write_text(path.read_text(encoding="utf-8").replace("</main>", f"{planted}</main>"), encoding="utf-8")
    assert any(fault.startswith(PLANTED[planted]) for fault in faults(started, path))


def test_the_page_changes_with_the_scheme(started, pages):
    grounds = []
    for scheme in SCHEMES:
        context = started.new_context(color_scheme=scheme)
        page = context.new_page()
        page.goto((pages / "mistakes.html").as_uri())
        grounds.append(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        context.close()
    assert grounds == ["rgb(250, 249, 246)", "rgb(18, 20, 24)"]
