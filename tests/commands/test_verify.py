"""The command `verify`, through real processes: its table, its JSON and its exit code; and the trial."""

import json

import numpy as np
import pytest

from scratchcnn.commands import main as cli
from scratchcnn.commands.page import entries
from scratchcnn.commands.rows import Check, Row
from scratchcnn.gradcheck import Verdict, Violation, check_gradient
from tests.commands.process import WRONG, run
from tests.gradcheck.report.reading import read

ARTICLE = ["∂E/∂O", "∂O/∂Z2", "∂Z2/∂W", "∂Z2/∂b", "∂Z2/∂A1", "∂A1/∂Z1", "∂Z1/∂f", "∂Z1/∂X", "∂E/∂W", "∂E/∂b", "∂E/∂f"]
TRAINED = ["∂Ẑ2/∂Z2", "∂E/∂W", "∂E/∂b", "∂E/∂f"]
# fmt: off
OPERATIONS = [
    "patches", "conv2d", "dense", "sigmoid", "squared_error", "standardize", "flatten", "pad2d", "max_pool2d",
    "avg_pool2d", "tanh", "relu", "leaky_relu", "softmax_cross_entropy",
]
# fmt: on


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("verify")


@pytest.fixture(scope="module")
def whole(folder):
    """Run `python -m scratchcnn` in a locale without ∂; give the process, and the JSON that it wrote beside a page."""
    files = "--json", folder / "rows.json", "--report", folder / "page.html"
    done = run(*files, LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    return done, json.loads((folder / "rows.json").read_bytes().decode("utf-8"))


def test_verify_finds_everything_right(whole):
    done, document = whole
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert {row["verdict"] for row in document["rows"]} == {"right"}
    assert done.stdout.rstrip().endswith(f"{len(document['rows'])} of {len(document['rows'])} right")


def test_verify_has_three_blocks(whole):
    _, document = whole
    names = {}
    for row in document["rows"]:
        names.setdefault(row["block"], []).append(row["name"])
    printed, trained, operations = names.values()
    assert printed == ARTICLE
    assert trained == TRAINED
    assert operations == OPERATIONS


def test_verify_checks_every_entry_of_the_parameters(whole):
    for row in whole[1]["rows"]:
        if row["name"] in ("∂E/∂W", "∂E/∂b", "∂E/∂f"):
            assert row["checked"] == row["entries"] == {"W": 1728, "b": 1, "f": 75}[row["name"][-1]]


def test_verify_says_how_many_of_how_many(whole):
    done, document = whole
    sizes = {"∂Z2/∂A1": 200 * 1728, "∂A1/∂Z1": 200 * 3 * 24 * 24, "∂Z1/∂X": 200 * 28 * 28}
    for row in document["rows"]:
        assert 0 < row["checked"] <= row["entries"] == sizes.get(row["name"], row["entries"])
        assert f"{row['checked']:,} of {row['entries']:,}" in done.stdout


def test_verify_says_why_the_bias_of_the_trained_network_has_no_gradient(whole):
    (row,) = (row for row in whole[1]["rows"] if row["name"] == "∂E/∂b" and "trained" in row["block"])
    assert row["note"] == "0: a constant added to every Z2 goes with the mean"
    assert row["note"] in whole[0].stdout


def test_verify_proves_every_row(whole):
    """Every row is proved to sixty digits at least, since no formula has a rounded constant."""
    done, document = whole
    assert {(row["name"], row["not_proved"]) for row in document["rows"] if row["not_proved"]} == set()
    for row in document["rows"]:
        assert row["proved"] == "exact" or row["proved"] >= 60, row["name"]
        assert 0 < row["proved_entries"] <= row["entries"]
    exact = {row["name"] for row in document["rows"] if row["proved"] == "exact"}
    assert exact >= {"∂Z2/∂W", "∂Z1/∂f", "conv2d", "patches", "dense", "squared_error", "flatten", "pad2d", "relu"}
    assert "proved" in done.stdout


def test_verify_proves_the_whole_chain_at_some_of_the_digits(whole):
    chains = [row for row in whole[1]["rows"] if row["name"] in ("∂E/∂W", "∂E/∂b", "∂E/∂f")]
    assert [row["proved_entries"] for row in chains] == [1728, 1, 75] * 2
    assert {row["proved_of"] for row in chains} == {"12 of the 200 digits"}


def test_json_document(whole):
    _, document = whole
    assert document["schema"] == 1
    for row in document["rows"]:
        assert row["equation"]
        assert row["worst_error"] >= 0
        assert row["bound"] >= 0
        assert row["seconds"] > 0


def test_piped_table_is_neither_cut_nor_wrapped(whole):
    done, document = whole
    lines = done.stdout.splitlines()
    assert "…" not in done.stdout
    assert "\x1b" not in done.stdout
    for row in document["rows"]:
        # The whole row is on one line.
        parts = (
            row["name"],
            row["equation"],
            f"{row['checked']:,} of {row['entries']:,}",
            "right",
            "proved:" if row["proved_of"] else "",
            row["note"],
        )
        assert any(all(part in line for part in parts) for line in lines), row


def test_only_names_rows_on_any_keyboard():
    done = run("verify", "--only", "∂Z2/∂b", "--only", "do/dz2", "--only", "Dense")
    assert done.returncode == 0, done.stdout + done.stderr
    assert [word for word in done.stdout.split() if word in ("∂Z2/∂b", "∂O/∂Z2", "dense", "∂E/∂O")] == [
        "∂O/∂Z2",
        "∂Z2/∂b",
        "dense",
    ]
    assert "3 of 3 right" in done.stdout


def test_only_an_unknown_name_lists_those_there_are(capsys):
    with pytest.raises(SystemExit, match="2"):
        cli.main(["--only", "dens"])
    message = capsys.readouterr().err
    assert "no row named dens" in message
    for name in {*ARTICLE, *TRAINED, *OPERATIONS}:
        assert name in message


def test_the_seed_decides_the_figures(tmp_path):
    rows = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        path = tmp_path / f"{name}.json"
        assert cli.main(["verify", "--only", "∂O/∂Z2", "--seed", str(seed), "--json", str(path)]) == 0
        (row,) = json.loads(path.read_text(encoding="utf-8"))["rows"]
        rows.append((row["worst_error"], row["bound"]))
    assert rows[0] == rows[1] != rows[2]


# verify --report


def test_the_page_has_a_section_for_each_row(whole, folder):
    page = read((folder / "page.html").read_text(encoding="utf-8"))
    (table, *_) = page.all("table", of="lines")
    found = [next(row.all("th")).text for row in table.all("tr")][1:]
    assert found == [f"{row['name']} {row['block']}" for row in whole[1]["rows"]]
    for row, section in zip(whole[1]["rows"], page.all("section", of="derivative"), strict=True):
        assert next(section.all("p", of="equation")).text == row["equation"]
        note = next(section.all("p", of="note")).text
        assert note.startswith(row["note"])
        assert "proved " in note


def test_the_page_is_small_enough_to_send(whole, folder):
    assert (folder / "page.html").stat().st_size <= 3e6


def test_the_page_shows_what_the_network_computes_with(whole, folder):
    page = read((folder / "page.html").read_text(encoding="utf-8"))
    captions = {}
    for section in page.all("section", of="derivative"):
        name = next(section.all("h2")).text.split()[2]
        for given in section.all("div", of="given"):
            captions.setdefault(name, [caption.text for caption in given.all("figcaption")])
    digits, few, patches, filters = (
        "the first 12 of 200 digits, X",
        "the first 4 of 200 digits, X",
        "patches of the first digit, side by side",
        "the filters, f",
    )
    maps, weights = "A1 of the first 4 digits", "the weights, W, as they meet the maps"
    gradients = [f"∂E/∂W, {what}" for what in ("analytic", "numerical", "difference")]
    assert captions == {
        "∂Z2/∂W": [maps],
        "∂Z2/∂A1": [weights],
        "∂A1/∂Z1": ["Z1 of the first 4 digits", maps],
        "∂Z1/∂f": [few, patches, filters],
        "∂Z1/∂X": [few, filters],
        "∂E/∂W": [weights, maps, *gradients],
        "∂E/∂f": [digits, patches, filters],
    }
    words = [svg.attributes["aria-label"] for svg in page.all("svg")]
    assert "patches of the first digit, side by side: 5 by 5 by 5 by 5 in ink, from 0 to 1" in words
    assert any(text.startswith("∂E/∂W, numerical: an array of 3 by 24 by 24, from ") for text in words)


def test_a_wrong_derivative_comes_first_on_the_page(tmp_path):
    path = tmp_path / "page.html"
    assert run("--only", "conv2d", "--only", "dense", "--report", path, script=WRONG).returncode == 1
    page = read(path.read_text(encoding="utf-8"))
    assert [next(section.all("h2")).text for section in page.all("section", of="derivative")] == [
        "✗ wrong dense the operations",
        "✓ right conv2d the operations",
    ]
    assert "The gradient of weight is 2 times the true one" in next(page.all("p", of="cause")).text


def test_a_backward_that_raises_has_a_section_too(tmp_path):
    path = tmp_path / "page.html"
    assert run("--only", "dense", "--report", path, script=RAISES).returncode == 1
    page = read(path.read_text(encoding="utf-8"))
    (cause,) = page.all("p", of="cause")
    assert cause.text.startswith("error: CallerError: backward (dense_backward) raised IndexError: off by one")


def test_a_mistake_that_only_a_proof_finds_has_a_section_too():
    report = check_gradient(np.sin, lambda g, x: g * np.cos(x), np.ones(2))
    check = Check("block", "sin", "cos", lambda: [report])
    row = Row(
        "block", "sin", "cos", Verdict.WRONG, 2, note="x: wrong by a proof", details="all of it", reports=(report,)
    )
    found = list(entries([check], [row]))
    assert [entry.report.verdict for entry in found] == [Verdict.WRONG, Verdict.RIGHT]
    assert found[0].report.violations == (Violation("proof", "x: wrong by a proof"),)
    assert "all of it" in str(found[0].report)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--report", "page.txt"], "must end in .html"),
        (["--report", "nowhere/page.html"], "nowhere is not a directory"),
        (["--published", "--report", "nowhere/page.html"], "nowhere is not a directory"),
    ],
)
def test_a_page_that_cannot_be_written_is_refused_before_the_work(monkeypatch, capsys, arguments, message):
    for work in ("commands.rows.run", "article.trial.run_trial"):
        monkeypatch.setattr(f"scratchcnn.{work}", None)
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    assert message in capsys.readouterr().err


def test_a_page_without_the_extra_is_refused_before_the_work(monkeypatch, capsys):
    monkeypatch.setattr("scratchcnn.commands.rows.run", None)
    monkeypatch.setattr("scratchcnn.gradcheck.report.page.find_spec", lambda name: None)
    with pytest.raises(SystemExit, match="2"):
        cli.main(["--report", "page.html"])
    assert 'a page needs Jinja2 and Matplotlib: pip install "scratchcnn[report]"' in capsys.readouterr().err


# verify --published


def test_a_trial_prints_a_table_and_writes_its_rows(monkeypatch, capsys, tmp_path):
    """One draw and two quick rows; the test of the README runs the whole trial."""
    from scratchcnn.article.trial import Trial

    rows = Trial.rows
    monkeypatch.setattr("scratchcnn.article.trial.DRAWS", 1)
    monkeypatch.setattr(Trial, "rows", lambda self: [rows(self)[0], rows(self)[-1]])
    path = tmp_path / "rows.json"
    files = "--json", str(path), "--report", str(tmp_path / "page.html")
    assert cli.main(["verify", "--published", "--seed", "3", *files]) == 0
    out = capsys.readouterr().out
    assert out.rstrip().endswith("the harness calls 2 of 2 what they are")
    truth, published = json.loads(path.read_text(encoding="utf-8"))["rows"]
    assert (truth["name"], truth["weight"]["verdict"], truth["filters"]["verdict"]) == (
        "the derivative", "right", "right",
    )  # fmt: skip
    (cosine,) = published["filters"]["cosines"]
    (line,) = (line for line in out.splitlines() if "as published" in line)
    assert line.count("wrong at") == 2
    assert f" {cosine:.2f} " in line
    page = read((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert [next(section.all("h2")).text for section in page.all("section", of="derivative")] == [
        *(f"✗ wrong {name} all four: as published" for name in ("∂E/∂W", "∂E/∂f")),
        *(f"✓ right {name} the derivative" for name in ("∂E/∂W", "∂E/∂f")),
    ]
    notes = [note.text for note in page.all("p", of="note") if "cosine" in note.text]
    assert notes[1].startswith(f"with the derivative it has a cosine of {cosine:.2f}, and it is ")
    words = [svg.attributes["aria-label"] for svg in page.all("svg")]
    assert words[0].startswith("this gradient at all digits: an array of 3 by 24 by 24, from ")
    assert any(text.startswith("the derivative at all digits: an array of 3 by 1 by 5 by 5, from ") for text in words)


def test_a_trial_that_calls_something_what_it_is_not_exits_with_1(monkeypatch, capsys):
    from scratchcnn.article import trial

    def judge(self):
        return trial.Trial.judge(self, "the derivative", trial.exact, frozenset(trial.Cause))

    monkeypatch.setattr("scratchcnn.article.trial.DRAWS", 1)
    monkeypatch.setattr(trial.Trial, "rows", lambda self: [lambda: judge(self)])
    assert cli.main(["--published"]) == 1
    assert capsys.readouterr().out.rstrip().endswith("0 of 1 what they are; not: the derivative")


# Mistakes and interruption


def test_a_wrong_derivative_exits_with_1_and_is_named(tmp_path):
    path = tmp_path / "rows.json"
    done = run("--only", "dense", "--only", "sigmoid", "--only", "dZ2/dW", "--json", path, script=WRONG)
    assert done.returncode == 1, done.stderr
    (line,) = (line for line in done.stdout.splitlines() if line.split()[:1] == ["dense"] and " of " in line)
    assert "weight: wrong at (" in line
    assert "1 of 3 right; not right: ∂Z2/∂W (the article as printed), dense (the operations)" in done.stdout
    verdicts = {row["name"]: row["verdict"] for row in json.loads(path.read_text(encoding="utf-8"))["rows"]}
    assert verdicts == {"∂Z2/∂W": "wrong", "sigmoid": "right", "dense": "wrong"}


RAISES = WRONG.replace("return grad_x, 2 * grad_weight, grad_bias", "raise IndexError('off by one')")


def test_a_backward_that_raises_is_named_and_leaves_the_other_rows_alone():
    done = run("--only", "dense", "--only", "sigmoid", script=RAISES)
    assert done.returncode == 1, done.stderr
    assert "dense_backward" in done.stdout
    assert "off by one" in done.stdout
    assert "1 of 2 right; not right: dense (the operations)" in done.stdout


def test_interrupted(monkeypatch, capsys):
    def interrupt(check):
        raise KeyboardInterrupt

    monkeypatch.setattr("scratchcnn.commands.rows.run", interrupt)
    assert cli.main(["--only", "dense"]) == 130
    assert capsys.readouterr().err == "scratchcnn: interrupted\n"
