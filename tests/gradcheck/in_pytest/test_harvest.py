"""The harvest in pytest: twelve pairs in the forms that people write, four of them wrong; one more is never called."""

import json
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.gradcheck.in_pytest.settings import SETTINGS

pytest_plugins = "pytester"

TWELVE = Path(__file__).parents[1] / "harvest" / "twelve"
WRONG = {"functions.backward_softmax", "functions.smooth_backward", "layers.Normalize", "losses.mean_squared_grad"}
RIGHT = {
    *("functions.relu_backward", "functions.sigmoid_bwd", "functions.dtanh", "losses.cross_entropy_backward"),
    *("layers.affine_backward", "layers.cell_bwd", "layers.attention_backward", "layers.Dense"),
}


@dataclass(frozen=True)
class Run:
    """What a run of the package's tests printed and wrote."""

    text: str
    exit_code: int
    folder: Path

    @property
    def words(self):
        """The text in one line."""
        return " ".join(self.text.split())

    def entries(self):
        return json.loads((self.folder / "found.json").read_text(encoding="utf-8"))["entries"]


@pytest.fixture(scope="module", params=[(), ("-n", "2")], ids=["in one process", "with xdist"])
def run(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("project")
    shutil.copytree(TWELVE, folder / "twelve", ignore=shutil.ignore_patterns("its_tests.py", "__pycache__"))
    shutil.copy(TWELVE / "its_tests.py", folder / "test_twelve.py")
    (folder / "pytest.ini").write_text(SETTINGS, encoding="utf-8")
    options = ["--gradient-harvest=twelve", "--gradient-report=found.json", "--junit-xml=junit.xml", *request.param]
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-m", "pytest", "-v", *options],
        cwd=folder,
        capture_output=True,
        encoding="utf-8",
    )
    return Run(done.stdout, done.returncode, folder)


def test_all_twelve_are_found_and_those_that_are_wrong_are_told(run):
    verdicts = {}
    for entry in run.entries():
        verdicts.setdefault(entry["name"].removeprefix("twelve."), set()).add(entry["report"]["verdict"])
    assert {name for name, found in verdicts.items() if "wrong" in found} == WRONG
    assert {name for name, found in verdicts.items() if found == {"right"}} == RIGHT
    assert run.exit_code == 1


def test_each_is_an_item_of_its_own(run):
    found = set(re.findall(r"^gradient-harvest::twelve\.(\S+) (PASSED|FAILED)", run.text, re.MULTILINE))
    assert found == {(name, "FAILED") for name in WRONG} | {(name, "PASSED") for name in RIGHT}
    assert "4 failed, 15 passed" in run.text.splitlines()[-1]


def test_what_was_never_called_is_listed(run):
    assert "\nnever called by the tests: twelve.functions.never_grad\n" in run.text


def test_the_report_says_where_the_call_was_made_and_with_which_options(run):
    (wrong,) = {e["where"] for e in run.entries() if "smooth" in e["name"] and e["report"]["verdict"] == "wrong"}
    assert wrong == "test_twelve.py::test_windows[2]"
    assert re.search(r"checked with x float64\[9\], w float64\[3\]; options: stride=2", run.words)
    assert "Normalize.backward is WRONG as the gradient of Normalize.forward: the gradient of x" in run.words


def test_each_is_checked_at_calls_of_each_size_and_option(run):
    where = [e["where"] for e in run.entries() if e["name"] == "twelve.layers.affine_backward"]
    assert where == ["test_twelve.py::test_layers[2]", "test_twelve.py::test_layers[7]"]


def test_junit_s_file_has_the_verdicts_as_properties(run):
    cases = list(ET.parse(run.folder / "junit.xml").iter("testcase"))
    (case,) = (c for c in cases if c.get("name") == "twelve.layers.Normalize")
    (wrong,) = case.iter("property")
    assert wrong.get("name") == "gradient twelve.layers.Normalize"
    assert wrong.get("value").startswith("wrong: 21 of 21 entries checked")
    assert case.find("failure") is not None
    assert len(cases) == 19


@pytest.fixture
def project(pytester):
    """A package with one pair, and tests that look at what might change while they are watched."""
    pytester.makeini(SETTINGS)
    (pytester.path / "small").mkdir()
    (pytester.path / "small" / "__init__.py").write_text(SMALL, encoding="utf-8")
    return pytester


SMALL = '''
import numpy as np

def drop(x, keep=0.5):
    """Multiplies with a random mask."""
    if keep <= 0:
        raise ValueError("keep must be above 0")
    mask = np.random.random(x.shape) < keep
    return x * mask, mask

def drop_backward(g, mask):
    return g * mask

def square(x):
    return x * x

def square_vjp(g, x):
    return 2 * g * x

def curve(z):
    return z ** 3

def curve_backward(g, z):
    return 3 * g * z ** 2

def step(x):
    return np.floor(x)

def step_backward(g, x):
    return 0 * g
'''
SAME = """
import inspect
import random
import traceback
import numpy as np
import pytest
import small

def test_values_and_random_state():
    np.random.seed(3)
    random.seed(4)
    x = np.linspace(0, 1, 6)
    dropped = [small.drop(x) for _ in range(5)]
    assert np.random.random() == 0.9759954224729338
    assert random.random() == 0.23604808973743452
    assert x.tolist() == np.linspace(0, 1, 6).tolist()
    assert all(y is not x for y in dropped)

def test_exceptions():
    with pytest.raises(ValueError, match="^keep must be above 0$") as caught:
        small.drop(np.ones(2), keep=0)
    assert len(traceback.extract_tb(caught.value.__traceback__)) == 2

def test_identity(small_drop=small.drop):
    assert small.drop is small_drop
    assert str(inspect.signature(small.drop)) == "(x, keep=0.5)"
    assert small.drop.__doc__ == "Multiplies with a random mask."
"""


@pytest.mark.parametrize("options", [(), ("--gradient-harvest=small",)], ids=["without", "with"])
def test_the_tests_see_no_difference(project, options):
    project.makepyfile(test_small=SAME)
    result = project.runpytest_subprocess("-v", *options)
    result.assert_outcomes(passed=3 + len(options))
    assert ("gradient-harvest::small.drop_backward PASSED" in result.stdout.str()) == bool(options)


def test_a_pattern_of_ones_own(project):
    project.makepyfile("import numpy, small\ndef test_square():\n    assert small.square(numpy.ones(2)).all()")
    result = project.runpytest_subprocess("--gradient-harvest=small", "--gradient-pairs={}_vjp", "-v")
    result.assert_outcomes(passed=2)
    assert "gradient-harvest::small.square_vjp PASSED" in result.stdout.str()


def test_calls_of_backward_alone_tell_enough_where_it_takes_the_inputs(project):
    project.makepyfile(
        "import numpy, small\ndef test_it():\n    small.curve_backward(numpy.ones(3), numpy.arange(3.0))"
    )
    result = project.runpytest_subprocess("--gradient-harvest=small", "-v")
    result.assert_outcomes(passed=2)


def test_calls_that_raise_or_are_not_finite_are_passed_over(project):
    project.makepyfile("""
        import numpy as np, pytest, small
        def test_it():
            for length in (1, 2, 3):
                with pytest.raises(TypeError):
                    small.curve(np.full(length, None, float).tolist())
                small.curve(np.full(length, np.inf))
            small.curve(np.arange(4.0))
    """)
    result = project.runpytest_subprocess("--gradient-harvest=small", "-v")
    result.assert_outcomes(passed=2)


def test_undecided_is_no_failure_of_the_code_but_of_the_run(project):
    project.makepyfile("import numpy, small\ndef test_it():\n    small.step(numpy.array([1.0]))")
    result = project.runpytest_subprocess("--gradient-harvest=small", "-v")
    text = result.stdout.str()
    assert "gradient-harvest::small.step_backward UNDECIDED" in text
    assert "1 passed, 1 undecided" in text
    assert result.ret == 1


def test_where_nothing_could_be_kept_the_report_says_why(project):
    project.makepyfile("""
        import numpy, small
        def test_it():
            small.curve(2.0)
            small.step(numpy.ones(2**20))
            small.step(numpy.ones(2**20))
            small.drop_backward(numpy.ones(2), numpy.array([True, False]))
    """)
    result = project.runpytest_subprocess("--gradient-harvest=small", "-v")
    words = " ".join(result.stdout.str().split())
    for why in (
        "one call was looked at, none with plain arrays of real numbers",
        "2 calls were looked at, none small enough to be kept",
        "backward alone was called, and it is not given all that forward takes",
    ):
        assert f"not checked: {why}" in words
    assert result.ret == 1


BREAKS = """
from scratchcnn.gradcheck.harvest.checking import PairCheck

def broken(self, call):
    raise ZeroDivisionError("a fault of the harness")

PairCheck.report = broken
"""


def test_a_fault_of_the_harness_has_a_traceback_and_x_stops_after_it(project):
    project.makeconftest(BREAKS)
    project.makepyfile(
        "import numpy, small\ndef test_it():\n    small.curve(numpy.ones(2))\n    small.step(numpy.ones(2))"
    )
    result = project.runpytest_subprocess("--gradient-harvest=small", "-x")
    text = result.stdout.str()
    assert "ZeroDivisionError: a fault of the harness" in text
    result.assert_outcomes(passed=1, failed=1)


def test_a_worker_that_dies_hands_nothing_over(project):
    project.makepyfile("""
        import os, numpy, small
        def test_it():
            small.curve(numpy.ones(2))
        def test_dies():
            os._exit(1)
    """)
    result = project.runpytest_subprocess("--gradient-harvest=small", "-n", "1", "--max-worker-restart=0")
    assert "test_dies" in result.stdout.str()
    assert result.ret == 1


# A plugin that makes PyTorch look as if it were not installed.
HIDES = """
import importlib.util
found = importlib.util.find_spec
importlib.util.find_spec = lambda name, package=None: None if name == "torch" else found(name, package)
"""


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--gradient-harvest=no_such_package"], "--gradient-harvest: no_such_package cannot be imported"),
        (
            ["--gradient-harvest=torch", "-p", "hides"],
            '--gradient-harvest needs torch: pip install "scratchcnn[torch]"',
        ),
        (["--gradient-harvest=small", "--gradient-pairs=_backward"], "must have {} once, beside other letters"),
        (["--gradient-harvest=small", "--gradient-pairs={}"], "must have {} once, beside other letters"),
    ],
)
def test_misuse_is_refused(project, options, message):
    project.makepyfile(test_nothing="def test_it():\n    pass", hides=HIDES)
    result = project.runpytest_subprocess(*options)
    assert message in result.stderr.str()
    assert result.ret == pytest.ExitCode.USAGE_ERROR


DISTRIBUTED = pytest.mark.parametrize("distributed", [(), ("-n", "2")], ids=["in one process", "with xdist"])


@DISTRIBUTED
def test_a_harvest_of_nothing_fails(project, distributed):
    project.makepyfile("import small\ndef test_it():\n    pass")
    result = project.runpytest_subprocess("--gradient-harvest=small", *distributed)
    result.assert_outcomes(passed=1, failed=1)
    assert "the tests that ran call no function that has a backward pass" in result.stdout.str()
    assert "never called by the tests:" in result.stdout.str()


def test_but_not_where_the_option_is_a_setting_since_then_some_tests_run_alone(project):
    project.makepyfile("import small\ndef test_it():\n    pass")
    with (project.path / "tox.ini").open("a", encoding="utf-8") as file:
        file.write("\ngradient_harvest = small\n")
    result = project.runpytest_subprocess()
    result.assert_outcomes(passed=1)
    assert "never called by the tests:" in result.stdout.str()


@DISTRIBUTED
@pytest.mark.parametrize("set_in_a_file", [False, True])
def test_a_package_without_a_backward_pass_fails(project, distributed, set_in_a_file):
    project.makepyfile(test_small=SAME)
    if set_in_a_file:
        with (project.path / "tox.ini").open("a", encoding="utf-8") as file:
            file.write("\ngradient_harvest = small, json\n")
    result = project.runpytest_subprocess(*([] if set_in_a_file else ["--gradient-harvest=small,json"]), *distributed)
    assert "FAILED gradient-harvest::json" in result.stdout.str()
    assert "gradient-harvest::small" not in result.stdout.str()
    text = " ".join(result.stdout.str().split())
    assert "json has no backward pass, neither a function with a name such as f_backward, nor a class with" in text
    result = project.runpytest_subprocess("--gradient-harvest=small", "--gradient-pairs={}_vjp", *distributed)
    assert "--gradient-harvest checked nothing: " in " ".join(result.stdout.str().split())


@DISTRIBUTED
def test_collecting_alone_harvests_nothing(project, distributed):
    project.makepyfile(test_small=SAME)
    result = project.runpytest_subprocess("--gradient-harvest=small", "--collect-only", *distributed)
    assert "gradient-harvest" not in result.stdout.str()
    assert result.ret == 0
