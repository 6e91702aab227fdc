"""README.md is true: its commands work, its examples print what it shows, and its table is the catalogue's."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import scratchcnn
from scratchcnn.article import network as article
from scratchcnn.commands.checks import all_checks
from scratchcnn.commands.main import main
from tests.assertions import assert_within
from tests.readme import with_table

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
# The fenced blocks, as (language, text), in order.
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)
# Those of the adapters run in `tests/gradcheck/adapters`, and those that are files in `tests/test_readme_files.py`.
EXAMPLES = [
    (text, BLOCKS[k + 1])
    for k, (language, text) in enumerate(BLOCKS)
    if language == "python" and "gradcheck.adapters" not in text and not text.startswith("# ")
]
EQUATIONS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in README.splitlines()
    if line.startswith("|") and "tests/" in line
]


def test_its_first_block_is_the_two_commands_each_on_a_line_of_its_own():
    second = 'pip install -e ".[test]" && pytest -n auto --dist loadgroup'
    assert BLOCKS[0] == ("", f"pip install -e . && python -m scratchcnn\n{second}\n")
    assert re.findall("^pip install .*", README, flags=re.MULTILINE) == BLOCKS[0][1].splitlines()


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
    assert "| `dense` |" in README
    assert with_table(README) == README, "the table of operations is old: python -m tests.readme writes it"
