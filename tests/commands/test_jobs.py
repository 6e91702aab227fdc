"""The option `--jobs` of the commands: the same rows and reports, from other processes."""

import json
import os

import pytest

from scratchcnn.commands.main import main
from scratchcnn.commands.rows import Check, run_all
from scratchcnn.gradcheck import Verdict, check_gradient
from tests.commands.process import run
from tests.commands.test_interruption import ENDLESS, HANGS, SIGNALS, every_signal, started

SLOW = '''
import os
import time
from pathlib import Path

import numpy as np


def largest(x):
    """x : (400,) array"""
    (Path(__file__).parent / f"{os.getpid()}.pid").touch()
    time.sleep(1e-3)
    return np.maximum(np.frombuffer(x.tobytes()), 0).sum()  # no proof runs on bytes


def largest_backward(g, x):
    return g * (x > 0)
'''


def test_verify_has_the_same_rows(tmp_path):
    found = []
    for jobs in ([], ["--jobs", "2"]):
        path = tmp_path / f"rows{len(jobs)}.json"
        done = run("verify", "--only=dense", "--only=do/dz2", "--json", path, *jobs)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        found.append([{name: value for name, value in row.items() if name != "seconds"} for row in rows])
    assert found[0] == found[1]
    assert len(found[0]) == 2


def test_rows_are_made_in_other_processes():
    def reports():
        yield check_gradient(lambda x: x * os.getpid(), lambda g, x: g * os.getpid(), [1.0], proof=False)

    rows = list(run_all([Check("block", str(k), "", reports) for k in range(3)], 2))
    assert [row.name for row in rows] == list("012")
    assert {row.verdict for row in rows} == {Verdict.RIGHT}
    slopes = {float(row.reports[0].inputs[0].analytic) for row in rows}
    assert slopes
    assert float(os.getpid()) not in slopes


def test_check_looks_at_entries_in_other_processes(tmp_path):
    (tmp_path / "layers.py").write_text(SLOW)
    done = run("check", tmp_path / "layers.py", "--seconds=4", "--jobs=2")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert len(list(tmp_path.glob("*.pid"))) > 1


@pytest.mark.parametrize("command", [["verify"], ["check", "layers.py"]])
@pytest.mark.parametrize(
    ("jobs", "said"),
    [("0", "must be at least 1, got 0"), ("-3", "must be at least 1, got -3"), ("two", "invalid int value: 'two'")],
)
def test_another_number_of_jobs_is_refused(command, jobs, said, capsys):
    with pytest.raises(SystemExit) as end:
        main([*command, f"--jobs={jobs}"])
    assert end.value.code == 2
    assert f"argument --jobs: {said}" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["verify"], ["check", "layers.py"]])
def test_too_many_are_refused_before_any_is_started(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "layers.py").write_text("", encoding="utf-8")
    with pytest.raises(SystemExit, match="2"):
        main([*command, "--jobs=99999"])
    assert "error: --jobs: at most " in capsys.readouterr().err


def test_the_trial_has_no_jobs(capsys):
    with pytest.raises(SystemExit) as end:
        main(["verify", "--published", "--jobs=2"])
    assert end.value.code == 2
    assert "--jobs is for the rows that there are without --published" in capsys.readouterr().err


@pytest.mark.parametrize("command", [["verify"], ["check", "layers.py"]])
def test_without_loky_jobs_say_what_to_install(command, monkeypatch, capsys):
    monkeypatch.setattr("scratchcnn.gradcheck.jobs.find_spec", lambda name: None)
    with pytest.raises(SystemExit) as end:
        main([*command, "--jobs=2"])
    assert end.value.code == 2
    assert 'error: --jobs needs loky: pip install "scratchcnn[jobs]"' in capsys.readouterr().err


@every_signal
def test_a_signal_ends_verify_with_all_its_processes(tmp_path, number):
    with started(ENDLESS, "verify", "--jobs=2", folder=tmp_path) as process:
        assert process.stdout.readline() == "running\n"
        process.send_signal(number)
        _, said = process.communicate(timeout=HANGS)  # the processes have the output open until they end
    assert (process.returncode, said) == SIGNALS[number]
