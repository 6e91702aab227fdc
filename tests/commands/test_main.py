"""The command line, through real processes: what it prints, writes and exits with."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from scratchcnn.commands import main as cli

ARTICLE = ["∂E/∂O", "∂O/∂Z2", "∂Z2/∂W", "∂Z2/∂b", "∂Z2/∂A1", "∂A1/∂Z1", "∂Z1/∂f", "∂Z1/∂X", "∂E/∂W", "∂E/∂b", "∂E/∂f"]
TRAINED = ["∂Ẑ2/∂Z2", "∂E/∂W", "∂E/∂b", "∂E/∂f"]
# fmt: off
OPERATIONS = [
    "patches", "conv2d", "dense", "sigmoid", "squared_error", "standardize", "flatten", "pad2d", "max_pool2d",
    "avg_pool2d", "tanh", "relu", "leaky_relu", "softmax_cross_entropy",
]
# fmt: on


def run(*arguments, script=None, **environment):
    """Run a command, or a Python script with the arguments, in a process of its own."""
    command = [sys.executable, "-c", textwrap.dedent(script)] if script else [sys.executable, "-m", "scratchcnn"]
    done = subprocess.run([*command, *map(str, arguments)], capture_output=True, env={**os.environ, **environment})
    done.stdout, done.stderr = done.stdout.decode("utf-8"), done.stderr.decode("utf-8")
    return done


# verify


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


# train


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("train")
    save, plot = folder / "learnt.npz", folder / "learnt.png"
    done = run("train", "--epochs", 4, "--digits", 30, "--seed", 7, "--save", save, "--plot", plot)
    assert (done.returncode, done.stderr) == (0, "")
    return done, save, plot


def test_train_says_what_came_out(trained):
    with np.load(trained[1], allow_pickle=False) as learnt:
        error, accuracy = learnt["error"][-1], learnt["accuracy"][-1]
    assert trained[0].stdout == f"30 digits, 4 epochs: E {error:.4f}, accuracy {accuracy:.1%}\n"


def test_train_saves_what_was_learnt(trained):
    with np.load(trained[1], allow_pickle=False) as learnt:
        shapes = {name: learnt[name].shape for name in learnt.files}
    assert shapes == {"filters": (3, 1, 5, 5), "weight": (1728, 1), "bias": (1,), "error": (4,), "accuracy": (4,)}


def test_train_saves_what_the_library_learns(trained):
    from scratchcnn.article.training import train
    from scratchcnn.digits.mnist import load_digits

    digits = load_digits(30)
    *_, last = train(digits.x(), digits.y(), epochs=4, seed=7)
    with np.load(trained[1], allow_pickle=False) as learnt:
        # BLAS may sum in another order in the other process.
        np.testing.assert_allclose(learnt["filters"], last.parameters.filters, rtol=1e-9)


def test_train_plots(trained):
    assert trained[2].read_bytes().startswith(b"\x89PNG\r\n\x1a\n")


def test_train_leaves_only_its_files(trained):
    assert sorted(path.name for path in trained[1].parent.iterdir()) == ["learnt.npz", "learnt.png"]


@pytest.mark.parametrize(("name", "rate"), [("exact", 0.68), ("published", 0.01)])
def test_train_descends_along_either_gradient(capsys, name, rate):
    from scratchcnn.article.published import DESCENTS
    from scratchcnn.article.training import train
    from scratchcnn.digits.mnist import load_digits

    digits = load_digits(30)
    *_, last = train(digits.x(), digits.y(), epochs=3, rate=rate, seed=1, gradient=DESCENTS[name].gradient)
    assert cli.main(["train", "--gradient", name, "--epochs", "3", "--digits", "30", "--seed", "1"]) == 0
    assert capsys.readouterr().out == f"30 digits, 3 epochs: E {last.error:.4f}, accuracy {last.accuracy:.1%}\n"


@pytest.fixture
def drawn(monkeypatch):
    """List the arguments of each call that draws for `--plot`."""
    calls = []

    def draw(histories, learnt):
        calls.append((histories, learnt))
        return b""

    monkeypatch.setattr("scratchcnn.commands.course.training_as_png", draw)
    return calls


@pytest.mark.parametrize("name", ["exact", "published"])
def test_plot_draws_both_gradients_from_the_same_parameters_at_steps_as_long(drawn, tmp_path, name):
    options = ["--epochs", "3", "--digits", "30", "--plot", str(tmp_path / "a.png")]
    rates = {"exact": 0.34, "published": 0.005}
    assert cli.main(["train", "--gradient", name, "--rate", str(rates[name]), *options]) == 0
    for other, rate in rates.items():
        assert cli.main(["train", "--gradient", other, "--rate", str(rate), *options]) == 0
    (histories, learnt), *alone = drawn
    assert next(iter(histories)) == name
    assert learnt is histories[name][-1].parameters
    for (each, _), other in zip(alone, rates, strict=True):
        np.testing.assert_allclose(
            [epoch.error for epoch in histories[other]], [epoch.error for epoch in each[other]], rtol=1e-9
        )


def test_plot_says_where_the_other_gradient_leads_nowhere(drawn, monkeypatch, capsys, tmp_path):
    from scratchcnn.article.published import DESCENTS

    monkeypatch.setitem(DESCENTS, "exact", DESCENTS["exact"]._replace(rate=1e308))
    options = ["--epochs", "2", "--digits", "30", "--plot", str(tmp_path / "a.png")]
    assert cli.main(["train", "--gradient", "published", *options]) == 0
    assert "scratchcnn: the exact gradient, after 0 epochs: the error is not finite" in capsys.readouterr().err
    assert [len(history) for history in drawn[0][0].values()] == [2, 0]


WITHOUT_MATPLOTLIB = """
    import sys

    sys.modules["matplotlib"] = None
    import scratchcnn.article.training
    from scratchcnn.commands.main import main

    scratchcnn.article.training.train = None  # not to be reached
    sys.exit(main(sys.argv[1:]))
"""


def test_plot_without_matplotlib_names_the_extra_before_training(tmp_path):
    done = run("train", "--plot", tmp_path / "learnt.png", script=WITHOUT_MATPLOTLIB)
    assert done.returncode == 2
    assert 'pip install "scratchcnn[report]"' in done.stderr


# Misuse


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["fly"], "invalid choice: 'fly'"),
        (["verify", "--seed", "-1"], "must be at least 0, got -1"),
        (["verify", "--seed", "one"], "invalid int value: 'one'"),
        (["verify", "--published", "--only", "dense"], "--only chooses from the rows that there are without"),
        (["train", "--gradient", "other"], "invalid choice: 'other'"),
        (["train", "--epochs", "0"], "epochs must be at least 1, got 0"),
        (["train", "--rate", "nan"], "rate must be a finite number above 0, got nan"),
        (["train", "--rate", "0"], "rate must be a finite number above 0, got 0"),
        (["train", "--digits", "1"], "at least 2 digits, got 1"),
        (["train", "--digits", "201"], "between 1 and 200"),
        (["train", "--rate", "1e308"], "the rate 1e+308 is too large"),
        (["train", "--save", "learnt.txt"], "must end in .npz, got 'learnt.txt'"),
        (["train", "--plot", "learnt.jpg"], "must end in .png, got 'learnt.jpg'"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_misuse_exits_with_2_and_says_why(capsys, arguments, message):
    with pytest.raises(SystemExit, match="2"):
        cli.main(arguments)
    captured = capsys.readouterr()
    assert message in captured.err
    assert captured.out == ""


@pytest.mark.parametrize(
    "arguments", [["verify", "--json", "rows.json"], ["train", "--save", "a.npz"], ["train", "--plot", "a.png"]]
)
@pytest.mark.parametrize("place", ["missing", "file", "folder"])
def test_unwritable_files_are_refused_before_the_work(capsys, monkeypatch, tmp_path, arguments, place):
    monkeypatch.setattr("scratchcnn.commands.rows.run_all", pytest.fail)
    monkeypatch.setattr("scratchcnn.article.training.train", pytest.fail)
    *options, name = arguments
    if place == "file":
        (tmp_path / "file").write_bytes(b"")
    if place == "folder":
        (tmp_path / place / name).mkdir(parents=True)
    with pytest.raises(SystemExit, match="2"):
        cli.main([*options, str(tmp_path / place / name)])
    assert ("is a directory" if place == "folder" else "is not a directory") in capsys.readouterr().err


def test_misuse_in_a_process():
    done = run("train", "--epochs", "none")
    assert done.returncode == 2
    assert "usage: scratchcnn train" in done.stderr


@pytest.mark.parametrize("arguments", [["--help"], ["verify", "--help"], ["train", "--help"], ["--version"]])
def test_help_and_version(arguments, capsys):
    with pytest.raises(SystemExit, match="0"):
        cli.main(arguments)
    assert "scratchcnn" in capsys.readouterr().out


# Files are written as a whole, or not at all


def test_a_failed_write_leaves_the_old_file(monkeypatch, tmp_path):
    from scratchcnn.files import write_atomically

    path = tmp_path / "rows.json"
    write_atomically(path, b"old")

    def full(self, destination):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_stays_a_link(tmp_path):
    from scratchcnn.files import write_atomically

    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_device_is_written_to_and_not_replaced():
    from scratchcnn.files import check_writable, write_atomically

    null = Path(os.devnull)
    check_writable(null)
    write_atomically(null, b"gone")
    assert not null.is_file()
