"""The tests themselves: each asserts something, none hides another, and none is left out."""

import ast
import gc
import importlib
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from xdist.scheduler import LoadFileScheduling

from scratchcnn.catalogue import CATALOGUE, PUBLIC
from tests.process_state import left_as_it_was

ROOT = Path(__file__).parents[1]
FILES = [path for folder in ("tests", "benchmarks") for path in sorted((ROOT / folder).rglob("*.py"))]
every_file = pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
# What waits for something: a call of `pytest.raises`, `pytest.warns`, `np.testing.assert_allclose` and so on.
WAITS = ("assert", "raises", "warns", "fail")


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def functions(tree):
    """The functions at the top of a file, and the methods of its classes, each with the name of its class."""
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield "", node
        elif isinstance(node, ast.ClassDef):
            yield from ((node.name, each) for each in node.body if isinstance(each, ast.FunctionDef))


def is_test(name):
    return name.startswith("test")


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports(tree):
    """What a file imports from other files: (module, name) by the name that it has here."""
    found = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            found |= {each.asname or each.name: (node.module, each.name) for each in node.names}
    return found


@cache
def defined():
    """The functions of all files, each by its module and its name."""
    return {(module(path), node.name): node for path in FILES for _, node in functions(tree_of(path))}


@cache
def imported():
    """What each module imports."""
    return {module(path): imports(tree_of(path)) for path in FILES}


def called(node):
    """The names that are called in a function: (the part before the dot or "", the name)."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name):
            yield "", each.func.id
        elif isinstance(each, ast.Call) and isinstance(each.func, ast.Attribute):
            owner = each.func.value
            yield owner.id if isinstance(owner, ast.Name) else "?", each.func.attr


def is_checked_process(node):
    """Whether a node is `subprocess.run(..., check=True)`, which raises if the process fails."""
    return isinstance(node, ast.keyword) and node.arg == "check" and getattr(node.value, "value", None) is True


def asserts(home, node, seen=()):
    """Whether a function of the module `home` asserts something, or calls a function of the tests that does."""
    for each in ast.walk(node):
        if isinstance(each, ast.Assert) or is_checked_process(each):
            return True
    for owner, name in called(node):
        if name.startswith(WAITS):
            return True
        place = imported()[home].get(name, (home, name))
        if owner and owner != "self":  # a helper of another file
            place = (".".join(imported()[home].get(owner, ("", ""))), name)
        if place in defined() and place not in seen and asserts(place[0], defined()[place], (*seen, place)):
            return True
    return False


@every_file
def test_every_test_asserts_something(path):
    tests = [node for _, node in functions(tree_of(path)) if is_test(node.name)]
    assert [node.name for node in tests if not asserts(module(path), node)] == []


def test_a_test_that_asserts_nothing_is_found():
    """The search for assertions finds none where there is none: in a body that calls, loops and returns."""
    tree = ast.parse("def test_nothing():\n    for x in range(3):\n        print(x)\n    return asserts\n")
    assert not asserts("tests.test_tests", tree.body[0])


@every_file
def test_no_test_hides_another_of_its_name(path):
    names = [(owner, node.name) for owner, node in functions(tree_of(path)) if is_test(node.name)]
    names += [("", owner) for owner in {owner for owner, _ in names}]
    assert sorted({name for name in names if names.count(name) > 1}) == []


@every_file
def test_every_test_is_in_a_file_that_is_collected(path):
    """Else nobody would miss it. A fixture or a helper does not begin with "test".

    The package `twelve` stands for somebody else's project, and has tests of its own.
    """
    if not path.name.startswith("test_") and path.parent.name != "twelve":
        assert [node.name for _, node in functions(tree_of(path)) if is_test(node.name)] == []


@pytest.mark.parametrize("asked", ["load", "each"])
def test_several_processes_share_out_files_in_order(request, asked):
    """What the tests of a file share is made once. Who asks for another way gets it."""
    conftest = request.config.pluginmanager.get_plugin(str(ROOT / "conftest.py"))
    config = SimpleNamespace(getvalue={"dist": asked, "tx": ["2*popen"]}.__getitem__, option=SimpleNamespace())
    scheduler = conftest.pytest_xdist_make_scheduler(config, log=None)
    assert isinstance(scheduler, LoadFileScheduling) == (asked == "load")
    assert vars(config.option) == ({"loadscopereorder": False} if scheduler else {})


@pytest.mark.parametrize("shared", [True, False])
def test_several_processes_begin_with_the_files_that_concern_the_whole_project(request, shared):
    """They take long: one of them must not come last, and alone. In one process the order stays."""
    conftest = request.config.pluginmanager.get_plugin(str(ROOT / "conftest.py"))
    files = "tests/article/test_a.py", "tests/test_b.py", "tests/operations/test_c.py", "tests/test_d.py"
    items = [SimpleNamespace(path=ROOT / each) for each in files]
    config = SimpleNamespace(rootpath=ROOT, **({"workerinput": {}} if shared else {}))
    conftest.pytest_collection_modifyitems(config, items)
    assert "".join(item.path.stem[-1] for item in items) == ("bdac" if shared else "abcd")


def test_what_was_collected_is_left_out_of_the_search_for_garbage():
    assert gc.isenabled()
    assert gc.get_freeze_count() > 10_000


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (np.random.rand, "NumPy's random state"),
        (lambda: np.seterr(over="raise"), "NumPy's error state"),
        (lambda: warnings.simplefilter("ignore"), "the filters of warnings"),
    ],
)
@pytest.mark.usefixtures("drawing_from_the_shared_generator")
def test_a_test_that_changes_the_process_is_found(change, what):
    found = pytest.raises(AssertionError, match=f"^the test changes {what}$")
    with np.errstate(), warnings.catch_warnings(), found, left_as_it_was():
        change()


def test_every_test_is_watched(request):
    assert "_nothing_stays_changed" in request.fixturenames


# The operations


def test_every_derivative_that_is_written_is_in_the_catalogue():
    found = set()
    for path in (ROOT / "scratchcnn" / "operations").rglob("*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        found |= {node.name for _, node in functions(tree) if node.name.endswith("_backward")}
    assert found == {name for name in PUBLIC if name.endswith("_backward")}


def rows_of(test):
    """The rows that a test is parametrised with; None if it is not parametrised with rows."""
    rows = set()
    for mark in getattr(test, "pytestmark", []):
        if mark.name == "parametrize" and "operation" in str(mark.args[0]):
            for each in mark.args[1]:
                values = getattr(each, "values", each)
                rows.add((values[0] if isinstance(values, tuple | list) else values).name)
    return rows or None


@pytest.mark.parametrize("name", ["tests.test_catalogue", "tests.network.test_layers"])
def test_every_operation_is_in_every_test_of_the_rows(name):
    """Where a test is for some rows alone, another is for all the others."""
    tests = {each: rows_of(test) for each, test in vars(importlib.import_module(name)).items() if is_test(each)}
    chosen = [rows for rows in tests.values() if rows is not None]
    every = {operation.name for operation in CATALOGUE}
    assert chosen
    for rows in chosen:
        assert rows == every or every - rows in chosen
