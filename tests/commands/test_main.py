"""The command line: misuse, help, and files that cannot be written."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stdout

import pytest

from scratchcnn.commands import main as cli
from tests.commands.process import run


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


# Output that cannot be written

UNBUFFERED = [{"PYTHONUNBUFFERED": ""}, {"PYTHONUNBUFFERED": "1"}]
# A quick command of each kind that prints to standard output.
QUICK = [["--only", "dense"], ["train", "--epochs", "1"], ["--help"], ["train", "--help"], ["--version"]]


@pytest.mark.parametrize("environment", UNBUFFERED, ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_a_full_output_exits_with_2_and_one_line(arguments, environment):
    with open("/dev/full", "wb") as full:
        done = run(*arguments, stdout=full, **environment)
    assert done.stderr == "scratchcnn: the output cannot be written: No space left on device\n"
    assert done.returncode == 2


@pytest.mark.parametrize("environment", UNBUFFERED, ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("arguments", QUICK, ids=" ".join)
def test_a_pipe_that_nobody_reads_exits_with_2_in_silence(arguments, environment):
    read, write = os.pipe()
    os.close(read)
    with open(write, "wb") as pipe:
        done = run(*arguments, stdout=pipe, **environment)
    assert done.stderr == ""
    assert done.returncode == 2


def test_the_output_may_go_to_a_stream_that_is_no_file():
    with redirect_stdout(io.StringIO()) as out:
        assert cli.main(["train", "--epochs", "1", "--digits", "2"]) == 0
    assert out.getvalue().startswith("2 digits, 1 epochs: ")


def closed(*arguments, streams):
    """Run a command in a process whose output is closed."""
    command = " ".join([sys.executable, "-m", "scratchcnn", *arguments, *streams])
    done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
    return done.returncode, done.stdout, done.stderr


def test_a_closed_output_exits_with_2_and_one_line():
    assert closed("--only", "dense", streams=[">&-"]) == (2, "", "scratchcnn: standard output is closed\n")
    assert closed("--only", "dense", streams=[">&-", "2>&-"]) == (2, "", "")


def test_a_closed_standard_error_changes_nothing():
    code, out, _ = closed("--only", "dense", streams=["2>&-"])
    assert code == 0
    assert "1 of 1 right" in out


@pytest.mark.parametrize("environment", UNBUFFERED, ids=["buffered", "unbuffered"])
def test_a_full_standard_error_does_not_change_the_exit_code(environment):
    with open("/dev/full", "wb") as full:
        assert run("--only", "dense", stderr=full, **environment).returncode == 0
        assert run("--only", "nothing", stderr=full, **environment).returncode == 2
        assert run("--only", "dense", stdout=full, stderr=full, **environment).returncode == 2


# Arguments that are not UTF-8


@pytest.mark.parametrize("arguments", [["--only", b"d\xff"], ["--json", b"d\xff/rows.json"], [b"d\xff"]], ids=str)
def test_arguments_that_are_not_utf_8_are_shown_escaped(arguments):
    done = run(*arguments)
    assert done.returncode == 2
    assert r"d\udcff" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
