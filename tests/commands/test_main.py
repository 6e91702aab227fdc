"""The command line: misuse, help, and files that cannot be written."""

import os

import pytest

from scratchcnn.commands import main as cli
from tests.commands.process import WRONG, run


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


def test_an_output_that_cannot_be_written_exits_with_2_and_says_so_in_a_line():
    with open("/dev/full", "w") as full:
        done = run("--only", "flatten", stdout=full)
    assert done.returncode == 2
    assert done.stderr == "scratchcnn: cannot write the output: No space left on device\n"


@pytest.mark.parametrize(("arguments", "code"), [(["--only", "flatten"], 0), (["--only", "dense"], 1)])
def test_a_reader_that_closes_the_pipe_early_changes_no_result(arguments, code, tmp_path):
    path = tmp_path / "rows.json"
    reader, writer = os.pipe()
    os.close(reader)
    with open(writer, "w") as pipe:
        done = run(*arguments, "--json", path, stdout=pipe, script=WRONG)
    assert (done.returncode, done.stderr) == (code, "")
    assert path.stat().st_size > 0


def test_no_output_is_no_mistake():
    program = "import sys; sys.stdout = None; from scratchcnn.commands.main import main; sys.exit(main(sys.argv[1:]))"
    done = run("--only", "flatten", script=program)
    assert (done.returncode, done.stderr) == (0, "")
