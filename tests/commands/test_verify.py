"""The command `verify`, through real processes: its table, its JSON and its exit code; and the trial."""

import json

import pytest

from scratchcnn.commands import main as cli
from tests.commands.process import run

pytestmark = pytest.mark.xdist_group("verify")  # what they share is made once

ARTICLE = ["∂E/∂O", "∂O/∂Z2", "∂Z2/∂W", "∂Z2/∂b", "∂Z2/∂A1", "∂A1/∂Z1", "∂Z1/∂f", "∂Z1/∂X", "∂E/∂W", "∂E/∂b", "∂E/∂f"]
TRAINED = ["∂Ẑ2/∂Z2", "∂E/∂W", "∂E/∂b", "∂E/∂f"]
# fmt: off
OPERATIONS = [
    "patches", "conv2d", "dense", "sigmoid", "squared_error", "standardize", "flatten", "pad2d", "max_pool2d",
    "avg_pool2d", "tanh", "relu", "leaky_relu", "softmax_cross_entropy",
]
# fmt: on


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Run `python -m scratchcnn` in a locale without ∂; give the process, and the JSON that it wrote."""
    path = tmp_path_factory.mktemp("verify") / "rows.json"
    done = run("--json", path, LANG="C", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    return done, json.loads(path.read_bytes().decode("utf-8"))


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
    done = run("verify", "--only", "∂Z2/∂b", "--only", "dO/dZ2", "--only", "dense")
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


# verify --published


def test_a_trial_prints_a_table_and_writes_its_rows(monkeypatch, capsys, tmp_path):
    """One draw and two quick rows; the test of the README runs the whole trial."""
    from scratchcnn.article.trial import Trial

    rows = Trial.rows
    monkeypatch.setattr("scratchcnn.article.trial.DRAWS", 1)
    monkeypatch.setattr(Trial, "rows", lambda self: [rows(self)[0], rows(self)[-1]])
    path = tmp_path / "rows.json"
    assert cli.main(["verify", "--published", "--seed", "3", "--json", str(path)]) == 0
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


def test_a_trial_that_calls_something_what_it_is_not_exits_with_1(monkeypatch, capsys):
    from scratchcnn.article import trial

    def judge(self):
        return trial.Trial.judge(self, "the derivative", trial.exact, frozenset(trial.Cause))

    monkeypatch.setattr("scratchcnn.article.trial.DRAWS", 1)
    monkeypatch.setattr(trial.Trial, "rows", lambda self: [lambda: judge(self)])
    assert cli.main(["--published"]) == 1
    assert capsys.readouterr().out.rstrip().endswith("0 of 1 what they are; not: the derivative")


# Mistakes and interruption


WRONG = """
    import sys
    from scratchcnn.operations import dense

    right = dense.dense_backward

    def dense_backward(grad_output, x, weight, bias):
        grad_x, grad_weight, grad_bias = right(grad_output, x, weight, bias)
        return grad_x, 2 * grad_weight, grad_bias

    dense.dense_backward = dense_backward
    from scratchcnn.commands.main import main

    sys.exit(main(sys.argv[1:]))
"""


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
