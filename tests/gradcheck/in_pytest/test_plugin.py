"""The pytest plugin: the fixture, the table, the files, JUnit, GitHub; and with pytest-xdist."""

import json
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from scratchcnn.gradcheck import check_gradient
from scratchcnn.gradcheck.report.entry import Entry
from tests.gradcheck.in_pytest.settings import SETTINGS

pytest_plugins = "pytester"

LAYERS = """
import numpy as np


def scaled_tanh(x, scale):
    return scale * np.tanh(x)


def scaled_tanh_backward(g, x, scale):
    return g * scale * (1 - np.tanh(x) ** 2), (g * np.tanh(x)).sum(axis=0)


def wrong_backward(g, x, scale):
    return g * scale * (1 - np.tanh(x)), (g * np.tanh(x)).sum(axis=0)


def broken_backward(g, x, scale):
    raise KeyError("missing")


X, SCALE = np.random.default_rng(0).normal(size=(5, 3)), np.array([0.5, -1.5, 2.0])
"""
TESTS = """
import numpy as np
import pytest
from layers import *


def test_right(gradcheck):
    gradcheck(scaled_tanh, scaled_tanh_backward, X, SCALE)


def test_right_again(gradcheck):
    gradcheck(scaled_tanh, scaled_tanh_backward, X[:2], SCALE)


def test_wrong(gradcheck):
    gradcheck(scaled_tanh, wrong_backward, X, SCALE)


def test_undecided(gradcheck):
    gradcheck(np.floor, lambda g, x: 0 * g, np.array([1.0]))


def test_broken(gradcheck):
    gradcheck(scaled_tanh, broken_backward, X, SCALE)


def test_of_something_else():
    pass
"""
ROWS = [
    ["wrong", "18", "18", "wrong_backward"],
    ["wrong", "0", "0", "broken_backward"],
    ["undecided", "1", "1", "derivative of floor"],
    ["right", "27", "27", "scaled_tanh_backward"],
]
WHY = "the gradient of x is the true one without the factor 1 + tanh(x) (at 15 of 15 entries, and at a second point)"


# A plugin that makes Jinja2 look as if it were not installed.
HIDES = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "jinja2" else found(name, package)
"""


@pytest.fixture
def project(pytester, monkeypatch):
    """A project with tests of each verdict; it is strict about markers and warnings, as this one is."""
    monkeypatch.delenv("GITHUB_STEP_SUMMARY", raising=False)
    pytester.makepyfile(layers=LAYERS, test_layers=TESTS)
    pytester.makeini(SETTINGS)
    return pytester


@dataclass(frozen=True)
class Run:
    """What a run of the project's tests printed and wrote."""

    lines: list[str]
    exit_code: int
    folder: Path

    def read(self, name):
        return (self.folder / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["in one process", "with xdist"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    for name, text in {
        "layers.py": LAYERS,
        "test_layers.py": TESTS,
        "tox.ini": SETTINGS,
        "step.md": "before\n",
    }.items():
        (folder / name).write_text(text, encoding="utf-8")
    command = ["-v", "--gradient-report=report.json", "--junit-xml=junit.xml", *request.param]
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "pytest", *command],
        cwd=folder,
        env=os.environ | {"GITHUB_STEP_SUMMARY": "step.md", "COLUMNS": "80"},
        capture_output=True,
        encoding="utf-8",
    )
    return Run(done.stdout.splitlines(), done.returncode, folder)


def rows(lines):
    """The cells of the table in what pytest prints, without the margins and the number of checks."""
    start = next(k for k, line in enumerate(lines) if line.startswith("verdict "))
    table = lines[start + 2 : lines.index("", start)]
    return [[cells[0], *cells[1:3], cells[5]] for cells in (re.split(r" {2,}", line) for line in table)]


def test_the_table_has_what_needs_a_look_first(run):
    assert rows(run.lines) == ROWS
    text = " ".join(" ".join(run.lines).split())
    assert f"wrong_backward: wrong {WHY}" in text
    assert "broken_backward: wrong raises: backward (broken_backward) raised KeyError: 'missing'" in text
    assert "derivative of floor: undecided x: undecided: jump at 1 (forward jumps here: move the inputs" in text
    assert "1 of 4 right, 2 wrong, 1 undecided" in text
    assert run.exit_code == 1


def test_the_table_fits_80_columns_and_has_no_trailing_blanks(run):
    start = next(k for k, line in enumerate(run.lines) if line.startswith("verdict "))
    end = next(k for k, line in enumerate(run.lines) if line.startswith("1 of 4 right"))
    assert all(line == line.rstrip() and len(line) <= 80 for line in run.lines[start:end])


def test_the_json_file_has_every_check(run):
    document = json.loads(run.read("report.json"))
    found = {entry["where"]: (entry["name"], entry["report"]["verdict"]) for entry in document["entries"]}
    assert found == {
        "test_layers.py::test_right": ("scaled_tanh_backward", "right"),
        "test_layers.py::test_right_again": ("scaled_tanh_backward", "right"),
        "test_layers.py::test_wrong": ("wrong_backward", "wrong"),
        "test_layers.py::test_undecided": ("derivative of floor", "undecided"),
        "test_layers.py::test_broken": ("broken_backward", "wrong"),
    }


def test_the_summary_of_a_job_on_github_gets_the_table_and_what_is_not_right(run):
    summary = run.read("step.md")
    assert summary.startswith("before\n## Gradients\n\n1 of 4 right, 2 wrong, 1 undecided\n")
    assert summary.count("## Gradients") == 1
    assert "| **wrong** | 18 | 18 |" in summary
    assert "### `wrong_backward`: wrong (test_layers.py::test_wrong)" in summary
    assert "check_gradient(scaled_tanh, wrong_backward, x, scale)" in summary


def test_junit_s_file_has_the_verdicts_as_properties(run):
    cases = ET.fromstring(run.read("junit.xml")).iter("testcase")
    properties = {c.get("name"): {p.get("name"): p.get("value") for p in c.iter("property")} for c in cases}
    (wrong,) = properties["test_wrong"].items()
    assert wrong[0] == "gradient wrong_backward"
    assert re.fullmatch(rf"wrong: 18 of 18 entries checked, margin \S+; {re.escape(WHY)}", wrong[1])
    assert properties["test_right"]["gradient scaled_tanh_backward"].startswith("right: 18 of 18 entries checked")
    assert properties["test_of_something_else"] == {}


def test_each_input_is_a_subtest(run):
    failed = {line.partition(" - ")[0] for line in run.lines if line.startswith("SUBFAILED")}
    assert failed == {"SUBFAILED[x] test_layers.py::test_wrong", "SUBFAILED[x] test_layers.py::test_undecided"}
    assert "5 subtests passed" in run.lines[-1]


@pytest.mark.parametrize("distributed", [(), ("-n", "2")], ids=["in one process", "with xdist"])
def test_a_page_shows_what_was_checked(project, distributed):
    project.runpytest_subprocess(*distributed, "--gradient-report=report.html", "-k", "wrong or right_again")
    page = (project.path / "report.html").read_text(encoding="utf-8")
    for text in ("wrong_backward", "test_layers.py::test_wrong", "scaled_tanh_backward", "1 + tanh(x)", "<svg"):
        assert text in page


@pytest.mark.parametrize("distributed", [(), ("-n", "2")], ids=["in one process", "with xdist"])
def test_without_jinja2_a_page_is_refused_before_the_tests(project, distributed):
    project.makepyfile(hides=HIDES)
    result = project.runpytest_subprocess("-p", "hides", "--gradient-report=report.html", *distributed)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert '--gradient-report: a page needs Jinja2: pip install "scratchcnn[report]"' in result.stderr.str()


def test_a_failure_shows_the_report_also_where_the_run_stops_at_the_first(project):
    result = project.runpytest_subprocess("-x", "-k", "wrong")
    text = "\n".join(result.outlines)
    assert "E       GradientMismatch: wrong_backward is WRONG as the gradient of scaled_tanh" in text
    assert "fixture.py" not in text


def test_what_was_checked_is_text_between_two_processes(pytestconfig):
    entry = Entry("sine", check_gradient(np.sin, lambda g, x: g * np.cos(x), np.ones(2)))
    report = pytest.TestReport("test.py::test", ("test.py", 1, "test"), {}, "passed", None, "teardown")
    report.gradients = [entry]
    hook = pytestconfig.hook
    data = json.loads(json.dumps(hook.pytest_report_to_serializable(config=pytestconfig, report=report)))
    (back,) = hook.pytest_report_from_serializable(config=pytestconfig, data=data).gradients
    assert (back.name, back.report) == (entry.name, entry.report)


def test_an_input_without_entries_is_no_failure(project):
    project.makepyfile(
        test_layers="""
        from layers import *

        def test_empty(gradcheck):
            gradcheck(lambda x, y: 2 * x, lambda g, x, y: (2 * g, 0 * y), X, np.zeros((0, 3)))
    """
    )
    project.runpytest_subprocess().assert_outcomes(passed=1)


def test_a_report_that_is_made_elsewhere_is_recorded_too(project):
    project.makepyfile(
        test_layers="""
        import pytest
        from layers import *
        from scratchcnn.gradcheck import GradientMismatch, check_gradient

        @pytest.mark.parametrize("backward", [scaled_tanh_backward, wrong_backward])
        def test_it(gradcheck, backward):
            gradcheck.demand(check_gradient(scaled_tanh, backward, X, SCALE), backward.__name__[:5])
    """
    )
    result = project.runpytest_subprocess("-p", "no:subtests")
    result.assert_outcomes(passed=1, failed=1)
    assert [row[-1] for row in rows(result.outlines)] == ["wrong", "scale"]
    assert "GradientMismatch: wrong_backward is WRONG" in result.stdout.str()


DRAWN = """
import numpy as np
from hypothesis import given, settings, strategies as st

def test_drawn(gradcheck):
    @settings(database=None)
    @given(st.sampled_from([1.0, 1.5]))
    def test(number):
        gradcheck(np.floor, lambda g, x: 0 * g, np.array([number]), on_undecided="assume")

    test()
"""


def test_undecided_draws_are_dropped_and_not_recorded(project):
    project.makepyfile(test_drawn=DRAWN)
    result = project.runpytest_subprocess("test_drawn.py")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["1 of 1 right"])


def test_a_wrong_gradient_of_many_draws_is_one_failure(project):
    project.makepyfile(
        test_drawn="""
        import numpy as np
        from hypothesis import HealthCheck, given, settings
        from scratchcnn.gradcheck.strategies import arrays

        SHARED = [HealthCheck.function_scoped_fixture]

        @settings(database=None, deadline=None, max_examples=5, suppress_health_check=SHARED)
        @given(arrays(3))
        def test_drawn(gradcheck, x):
            gradcheck(np.sin, lambda g, x: -g * np.cos(x), x)
        """
    )
    result = project.runpytest_subprocess("test_drawn.py")
    result.assert_outcomes(failed=1)


def test_a_test_may_expect_that_a_gradient_is_wrong(project):
    project.makepyfile(
        test_expected="""
        import numpy as np
        import pytest

        def twice(gradcheck):
            gradcheck(np.sin, lambda g, x: 2 * g * np.cos(x), np.ones(2), diagnosis=False)

        def test_expected(gradcheck):
            with pytest.raises(AssertionError):
                twice(gradcheck)

        def test_expected_and_failed(gradcheck):
            with pytest.raises(AssertionError):
                twice(gradcheck)
            pytest.fail("of another reason")
        """
    )
    lines = project.runpytest_subprocess("test_expected.py").outlines
    ends = sorted(line.partition(" - ")[0] for line in lines if line.startswith(("FAILED", "SUBFAILED")))
    of_the_second = "test_expected.py::test_expected_and_failed"
    assert ends == [f"FAILED {of_the_second}", f"SUBFAILED[x] {of_the_second}"]


def test_without_subtests_the_test_alone_fails(project):
    result = project.runpytest_subprocess("-p", "no:subtests", "-k", "wrong")
    result.assert_outcomes(failed=1, deselected=5)


@pytest.mark.parametrize("way", ["option", "setting"])
def test_seed_and_seconds_reach_the_check(project, way):
    project.makepyfile(
        test_layers="""
        import pytest
        from layers import *
        from scratchcnn.gradcheck.in_pytest import fixture

        @pytest.mark.gradient(seed=5)
        @pytest.mark.parametrize(("given", "expected"), [({}, (5, 0.25)), ({"seed": 3}, (3, 0.25))])
        def test_options(gradcheck, monkeypatch, given, expected):
            def check(*arguments, seed, seconds):
                assert (seed, seconds) == expected
                return check_gradient(*arguments, seed=seed, seconds=seconds)

            check_gradient = fixture.check_gradient
            monkeypatch.setattr(fixture, "check_gradient", check)
            gradcheck(scaled_tanh, scaled_tanh_backward, X, SCALE, **given)

        def test_default(gradcheck):
            assert gradcheck._options == {"seed": 4, "seconds": 0.25}
    """
    )
    if way == "setting":
        project.makeini("[pytest]\ngradient_seed = 4\ngradient_seconds = 0.25\naddopts = --strict-config")
    options = ["--gradient-seed=4", "--gradient-seconds=0.25"] if way == "option" else []
    project.runpytest_subprocess(*options).assert_outcomes(passed=3)


def test_a_file_named_in_the_settings_lies_beside_them(project):
    project.makeini("[pytest]\ngradient_report = found.json")
    (project.path / "inner").mkdir()
    project.runpytest_subprocess("--rootdir=.", "-c", "tox.ini", "-k", "right")
    assert (project.path / "found.json").exists()


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("--gradient-report=report.txt", "--gradient-report: must end in .html, .json or .md, got report.txt"),
        ("--gradient-report=nowhere/report.md", "--gradient-report: nowhere is not a directory"),
        ("--gradient-seed=-1", "--gradient-seed must be an integer, at least 0, got '-1'"),
        ("--gradient-seed=x", "--gradient-seed must be an integer, at least 0, got 'x'"),
        ("--gradient-seconds=0", "--gradient-seconds must be a number above 0, got '0'"),
        ("--gradient-jobs=0", "--gradient-jobs must be an integer, at least 1, got '0'"),
        ("--gradient-jobs=-2", "--gradient-jobs must be an integer, at least 1, got '-2'"),
        ("--gradient-jobs=two", "--gradient-jobs must be an integer, at least 1, got 'two'"),
    ],
)
def test_misuse_is_refused_before_the_tests(project, option, message):
    result = project.runpytest_subprocess(option)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    assert message in result.stderr.str()


def test_a_file_that_cannot_be_written_ends_with_exit_code_2(project):
    (project.path / "report.md").symlink_to("/dev/full")
    result = project.runpytest_subprocess("--gradient-report=report.md", "-k", "right")
    assert result.ret == 2
    assert "cannot write report.md: No space left on device" in result.stderr.str() + result.stdout.str()


def test_every_test_with_the_fixture_has_the_mark(project):
    project.runpytest_subprocess("-m", "not gradient").assert_outcomes(passed=1, deselected=5)


def test_it_can_be_switched_off(project):
    assert project.runpytest_subprocess("-p", "no:scratchcnn", "-k", "something_else").ret == 0
    result = project.runpytest_subprocess("-p", "no:scratchcnn", "-k", "test_right")
    result.assert_outcomes(errors=2, deselected=4)
    assert "fixture 'gradcheck' not found" in result.stdout.str()


def test_a_run_that_checks_nothing_imports_nothing(project):
    """Neither NumPy nor the harness: pytest starts as fast with the plugin as without."""
    project.makepyfile(
        test_light="""
        import sys

        def test_modules():
            assert not {"numpy", "rich", "lazy_loader"} & set(sys.modules)
            assert sorted(m for m in sys.modules if m.startswith("scratchcnn")) == EXPECTED
        """.replace("EXPECTED", repr(["scratchcnn", "scratchcnn.pytest_plugin"]))
    )
    plugins = ["-p", "no:hypothesispytest", "-p", "no:benchmark", "-p", "no:jaxtyping"]
    result = project.runpytest_subprocess(*plugins, "test_light.py")
    result.assert_outcomes(passed=1)
    assert "gradients" not in result.stdout.str()
