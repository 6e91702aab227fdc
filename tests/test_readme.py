"""README.md and the guides are true: commands work, examples print what is shown, and tables say what the code says."""

import inspect
import re
import subprocess
import sys

import numpy as np
import pytest

import scratchcnn
from scratchcnn.article import network as article
from scratchcnn.commands.checks import all_checks
from scratchcnn.commands.main import main
from scratchcnn.gradcheck import assert_gradient, check_gradient
from scratchcnn.gradcheck.contract import VIOLATION_KINDS
from tests import readme
from tests.assertions import assert_within
from tests.readme import GUIDES, ROOT, with_table

README = readme.README.read_text(encoding="utf-8")
TABLES = readme.EQUATIONS.read_text(encoding="utf-8")
BLOCKS = [block for page in GUIDES for block in readme.blocks(page)]
# Those of the adapters run in `tests/gradcheck/adapters`, and those that are files in `tests/test_readme_files.py`.
EXAMPLES = [
    (text, after)
    for (language, text), after in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True)
    if language == "python" and "gradcheck.adapters" not in text and not text.startswith("# ")
]
EQUATIONS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in TABLES.splitlines()
    if line.startswith("|") and "tests/" in line
]
OPTIONS = re.findall(r"^\| `(\w+)` \| (.*) \| `(.*?)` \|$", README, flags=re.MULTILINE)


def test_its_first_block_is_the_two_commands_each_on_a_line_of_its_own():
    second = 'pip install -e ".[test,tensorflow]" && pytest -n auto'
    assert BLOCKS[0] == ("", f"pip install -e . && python -m scratchcnn\n{second}\n")
    assert re.findall("^pip install .*", README, flags=re.MULTILINE) == BLOCKS[0][1].splitlines()


def test_the_table_of_options_has_each_once_with_its_default():
    parameters = {**inspect.signature(check_gradient).parameters, **inspect.signature(assert_gradient).parameters}
    defaults = {p.name: repr(p.default) for p in parameters.values() if p.kind is p.KEYWORD_ONLY}
    assert len(OPTIONS) == len(defaults)
    assert {name: default for name, _, default in OPTIONS} == defaults


def test_the_kinds_that_may_be_allowed_are_listed():
    (meaning,) = (meaning for name, meaning, _ in OPTIONS if name == "allow")
    assert tuple(re.findall(r"`([\w-]+)`", meaning)) == VIOLATION_KINDS


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_links_to_is_there(page):
    links = re.findall(r"\]\((?!https?://)([^)#]*)#?([^)]*)\)", page.read_text(encoding="utf-8"))
    pages = [(page.parent / link if link else page, heading) for link, heading in links]
    assert [str(path) for path, heading in pages if not path.exists() or heading not in anchors(path)] == []


def anchors(page):
    """What a link may name in a page: nothing, or a heading, as GitHub writes it."""
    headings = re.findall("^#+ (.*)", page.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return {"", *(re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings)}


@pytest.mark.parametrize(("example", "after"), EXAMPLES)
def test_an_example_runs_and_prints_what_is_shown(example, after):
    process = subprocess.run(
        [sys.executable, "-W", "error", "-X", "utf8", "-c", example],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
    )
    assert process.stderr == ""
    assert process.returncode == 0
    shown = after[1] if after[0] == "text" else ""
    assert words(process.stdout) == words(shown)


def words(text):
    """Remove the numbers from a text, since roundoff differs between machines."""
    return re.sub(r"-?\d[\d.]*(e[+-]?\d+)?", "0", text)


def shown_after(command):
    """Give the commands of the block that begins with this one, and the lines that the block after it shows."""
    (k,) = (k for k, (_, text) in enumerate(BLOCKS) if text.startswith(command))
    return BLOCKS[k][1].splitlines(), BLOCKS[k + 1][1].splitlines()


def test_the_trial_prints_the_table_that_is_shown():
    (command,), shown = shown_after("python -m scratchcnn verify --published")
    process = subprocess.run(
        [sys.executable, "-X", "utf8", *command.split()[1:]], cwd=ROOT, capture_output=True, encoding="utf-8"
    )
    assert (process.returncode, process.stderr) == (0, "")

    def cells(lines):
        # The machine's roundoff decides how many of the sampled entries are wrong and how many undecided.
        plain = (re.sub(r" at \d+ of \d+", "", line).replace("─", "").split() for line in lines)
        return [words for words in plain if words]

    assert cells(shown) == cells(process.stdout.splitlines())


def test_training_along_either_gradient_comes_to_what_is_shown(capsys):
    """Allow 1 % of E and two digits of 200: training multiplies the roundoff, which differs between machines."""
    commands, shown = shown_after("python -m scratchcnn train --epochs 50")
    assert len(commands) == len(shown) == 4
    for command, line in zip(commands, shown, strict=True):
        assert main(command.split()[3:]) == 0
        numbers = [re.findall(r"\d[\d.]*", text) for text in (line, capsys.readouterr().out)]
        expected, actual = (np.array(each, float) for each in numbers)
        assert np.array_equal(expected[:2], actual[:2])
        assert_within(actual[2:], expected[2:], [0.01 * expected[2], 1.0])


def test_there_is_an_example_that_is_right_and_one_that_is_wrong():
    wrong = ["is WRONG" in text for _, (_, text) in EXAMPLES]
    assert (any(wrong), all(wrong)) == (True, False)


@pytest.mark.parametrize("cells", EQUATIONS, ids=lambda cells: cells[3].strip("`").split("::")[-1])
def test_an_equation_names_what_exists(cells):
    _, functions, row, test = cells
    for name in re.findall("`(.*?)`", functions):
        module = article if name.startswith("article.") else scratchcnn
        assert callable(getattr(module, name.removeprefix("article."))), name
    assert row in {"", *(check.name for check in all_checks())}
    file, *names = test.strip("`").split("::")
    source = (ROOT / file).read_text(encoding="utf-8")
    for name in names:
        assert re.search(rf"^ *(def|class) {name}\b", source, flags=re.MULTILINE), name


def test_every_derivative_of_the_network_has_its_equation():
    rows = {cells[2] for cells in EQUATIONS}
    assert rows >= {check.name for check in all_checks() if check.name.startswith("∂")}


def test_every_operation_has_its_line():
    assert "| `dense` |" in TABLES
    assert with_table(TABLES) == TABLES, "the table of operations is old: python -m tests.readme writes it"
