"""The options of the plugin as values, and what is refused."""

from pathlib import Path

import pytest
from _pytest.config.argparsing import Parser

from scratchcnn.gradcheck import jobs
from scratchcnn.gradcheck.in_pytest import settings as module
from scratchcnn.gradcheck.in_pytest.settings import Settings, settings_of
from scratchcnn.pytest_plugin import pytest_addoption
from tests.gradcheck.in_pytest.stand_ins import Config

NOTHING = dict.fromkeys(("report", "seed", "seconds", "jobs", "harvest", "pairs"), "")


def made(config=None, **given):
    return settings_of(Config() if config is None else config, NOTHING | given)


def test_what_is_not_given_is_left_open():
    assert made() == Settings(None, {}, (), ())
    assert made(jobs="1").check == {}


def test_numbers_and_lists_are_read():
    found = made(seed="7", seconds="0.5", harvest="net, torch ,", pairs="{}_vjp,vjp_{}")
    assert found.check == {"seed": 7, "seconds": 0.5}
    assert type(found.check["seed"]) is int
    assert (found.harvest, found.pairs) == (("net", "torch"), ("{}_vjp", "vjp_{}"))
    assert made(seed="0").check == {"seed": 0}
    assert made(seconds="5e-324").check == {"seconds": 5e-324}


@pytest.mark.parametrize("given_on_the_command_line", [True, False])
def test_a_path_of_the_configuration_file_is_relative_to_its_folder(tmp_path, monkeypatch, given_on_the_command_line):
    (tmp_path / "root").mkdir()
    monkeypatch.chdir(tmp_path)
    options = {"gradient_report": "found.json"} if given_on_the_command_line else {}
    found = made(Config(options=options, root=tmp_path / "root"), report="found.json").report
    assert found == (Path("found.json") if given_on_the_command_line else tmp_path / "root" / "found.json")


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"seed": "-1"}, "--gradient-seed must be an integer, at least 0, got '-1'"),
        ({"seed": "1.5"}, "--gradient-seed must be an integer, at least 0, got '1.5'"),
        ({"seconds": "0"}, "--gradient-seconds must be a number above 0, got '0'"),
        ({"seconds": "inf"}, "--gradient-seconds must be a number above 0, got 'inf'"),
        ({"seconds": "nan"}, "--gradient-seconds must be a number above 0, got 'nan'"),
        ({"seconds": "soon"}, "--gradient-seconds must be a number above 0, got 'soon'"),
        ({"jobs": "0"}, "--gradient-jobs must be an integer, at least 1, got '0'"),
        ({"pairs": "{}"}, "--gradient-pairs must have {} once, beside other letters, got '{}'"),
        ({"pairs": "{}_a, b"}, "--gradient-pairs must have {} once, beside other letters, got 'b'"),
        ({"pairs": "{}_{}"}, "--gradient-pairs must have {} once, beside other letters, got '{}_{}'"),
        ({"report": "found.doc"}, "--gradient-report: "),
    ],
)
def test_what_is_no_such_option_is_refused(given, message):
    with pytest.raises(pytest.UsageError) as raised:
        made(**given)
    assert str(raised.value).startswith(message)
    assert str(raised.value) == message or "report" in given


class TestJobs:
    @pytest.fixture
    def state(self, monkeypatch):
        """How many processes there are, and whether they have ended."""
        found = []

        class Processes:
            def __init__(self, jobs):
                self.jobs = jobs

            def __enter__(self):
                found.append(self.jobs)
                return self

            def __exit__(self, *_):
                found.append("ended")

        monkeypatch.setattr(module, "processes", Processes)
        monkeypatch.setattr(jobs, "missing", lambda: "")
        return found

    def test_processes_end_with_pytest(self, state):
        config = Config()
        assert made(config, jobs="3").check["executor"].jobs == 3
        assert state == [3]
        (end,) = config.cleanups
        end()
        assert state == [3, "ended"]

    def test_too_many_are_refused(self, state):
        with pytest.raises(
            pytest.UsageError, match=r"^--gradient-jobs: at most \d+ processes on \d+ cores, got 99999$"
        ):
            made(jobs="99999")
        assert state == []

    def test_what_they_need_is_said(self, state, monkeypatch):
        monkeypatch.setattr(jobs, "missing", lambda: "loky: install it")
        with pytest.raises(pytest.UsageError, match=r"^--gradient-jobs needs loky: install it$"):
            made(jobs="2")
        assert state == []


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (["--gradient-harvest=net", "--gradient-harvest", "torch,jax"], ("net,torch,jax", "", None)),
        (["--gradient-pairs={}_a", "--gradient-pairs={}_b"], ("", "{}_a,{}_b", None)),
        (["--gradient-seed=1", "--gradient-seed=2"], ("", "", "2")),
    ],
)
def test_a_list_that_is_given_several_times_is_as_one(given, found):
    parser = Parser(_ispytest=True)
    pytest_addoption(parser)
    options = parser.parse(given)
    assert (options.gradient_harvest or "", options.gradient_pairs or "", options.gradient_seed) == found
