"""Mutation testing: change the code a little, in one place at a time, and see whether a test fails.

`python -m tests.mutation scratchcnn/operations` changes the files there, each tried by the tests of its own name. It
prints a line for each file, and the changes that no test noticed. mutmut makes the changes and runs the tests, set up
in `pyproject.toml`; `mutation.toml` says which tests belong to a file, and which changes no test can notice.
"""

import argparse
import contextlib
import difflib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SETTINGS = tomllib.loads((ROOT / "tests" / "mutation.toml").read_text(encoding="utf-8"))
# The share of the changes that tests must notice, or that are listed.
WANTED = 0.95
# What mutmut says of a change where a test failed, did not end, or ended Python.
NOTICED = ("killed", "timeout", "segfault")
TABLE = "[tool.mutmut]\n"
# In seconds: a run of the tests that takes longer does not end.
LONGEST = 300


@dataclass(frozen=True)
class Change:
    """A change of the code, by what it does: its number in the file would not outlive the next edit."""

    file: str
    function: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.file}, {self.function}\n    - {self.before}\n    + {self.after}"


@dataclass(frozen=True)
class Tried:
    """What became of the changes of a file."""

    file: str
    number: int
    survived: list[Change]

    @property
    def noticed(self) -> int:
        """How many a test noticed."""
        return self.number - len(self.survived)

    @property
    def left(self) -> list[Change]:
        """Those that nobody noticed, and that `mutation.toml` does not list."""
        return [change for change in self.survived if not is_listed(change)]


def is_listed(change: Change) -> bool:
    """Whether `mutation.toml` says why no test can notice the change."""
    text = f"{change.before} -> {change.after}"
    if any(re.search(kind["change"], text) for kind in SETTINGS["kinds"]):
        return True
    place = (change.file, change.function)
    return any(
        not {"changes", "lines"} & entry.keys()
        or [change.before, change.after] in entry.get("changes", [])
        or change.before in entry.get("lines", [])
        for entry in SETTINGS["same"]
        if (entry["file"], entry["function"]) == place
    )


def own_tests(file: str) -> list[str]:
    """Give the tests of a file: those that `mutation.toml` names for it or its folder, else the one of its name."""
    for place in (Path(file), *Path(file).parents):
        if str(place) in SETTINGS["tests"]:
            return SETTINGS["tests"][str(place)]
    own = Path("tests", *Path(file).parts[1:-1], f"test_{Path(file).stem.lstrip('_')}.py")
    return [str(own)] if (ROOT / own).exists() else []


def files_in(places: list[str]) -> Iterator[str]:
    """List the files below the places, each by its path from the root."""
    for place in places:
        path = ROOT / place
        for each in sorted(path.rglob("*.py")) if path.is_dir() else [path]:
            yield str(each.relative_to(ROOT))


def copied(place: Path) -> None:
    """Copy what the tests need."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("scratchcnn", "tests", "benchmarks", ".github"):
        shutil.copytree(ROOT / name, place / name, ignore=ignored)
    for name in ("conftest.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, place)


def settings_for(file: str, tests: list[str]) -> str:
    """Give `pyproject.toml` with the file to change and its tests."""
    before, table, after = (ROOT / "pyproject.toml").read_text(encoding="utf-8").partition(TABLE)
    only = f"only_mutate = {[file]}\npytest_add_cli_args_test_selection = {tests}\n"
    return before + table + only + after


def run(place: Path, *arguments: str) -> str:
    """Run mutmut in the copy, and give what it prints."""
    # The same draws in every run; and no change may be hidden by the code of the package that is installed.
    environment = os.environ | {"HYPOTHESIS_PROFILE": "mutation", "PYTHONPATH": str(place / "mutants")}
    command = [sys.executable, "-c", "from mutmut.__main__ import cli; cli()", *arguments]
    done = subprocess.run(command, cwd=place, env=environment, text=True, encoding="utf-8", capture_output=True)
    if done.returncode:
        raise SystemExit(f"mutmut {' '.join(arguments[:2])} failed:\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}")
    return done.stdout


def names_of(file: str) -> list[str]:
    """Give mutmut's names of all changes of a file of the copy, which is the folder that Python is in."""
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import get_mutant_name

    changed = mutate_file_contents(file, Path(file).read_text(encoding="utf-8"))
    return [get_mutant_name(Path(file), name) for name in changed.mutant_names]


def change_of(file: str, name: str) -> Change:
    """Describe a change by the lines that it takes and gives."""
    from mutmut.mutation.diff_apply import get_diff_for_mutant
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    lines = get_diff_for_mutant(name, path=file).splitlines()[2:]
    before = [line[1:].strip() for line in lines if line.startswith("-")]
    after = [line[1:].strip() for line in lines if line.startswith("+")]
    function, owner = orig_function_and_class_names_from_key(name)
    return Change(file, f"{owner}.{function}" if owner else function, " ".join(before), " ".join(after))


def tried(place: Path, file: str, options: argparse.Namespace) -> Tried:
    """Try the changes of a file, or a sample of them."""
    tests, names = own_tests(file), names_of(file)
    chosen = sorted(random.Random(f"{options.seed} {file}").sample(names, round(options.sample * len(names))))
    if not (names and chosen):
        return Tried(file, 0, [])
    if not tests:
        return Tried(
            file, len(chosen), [Change(file, "all functions", "there is no test of its name", "")] * len(chosen)
        )
    if file in SETTINGS["frames"]:
        return Tried(file, len(chosen), list(survivors_in_place(place, file, tests, chosen)))
    (place / "pyproject.toml").write_text(settings_for(file, tests), encoding="utf-8")
    shutil.rmtree(place / "mutants", ignore_errors=True)
    (place / "mutants").mkdir()  # Python forgets a folder of its path that is not there when it starts.
    run(place, "run", "--max-children", str(options.jobs), *([] if len(chosen) == len(names) else chosen))
    outcomes = dict(line.strip().rsplit(": ", 1) for line in run(place, "results", "--all", "true").splitlines())
    survived = [name for name in chosen if outcomes[name] not in NOTICED]
    return Tried(file, len(chosen), [change_of(file, name) for name in survived])


def survivors_in_place(place: Path, file: str, tests: list[str], names: list[str]) -> Iterator[Change]:
    """Write each change into the file itself: mutmut's switch stands among the frames that such a file looks at."""
    import libcst
    from mutmut.mutation.diff_apply import find_top_level_function_or_method
    from mutmut.mutation.file_mutation import mutate_file_contents
    from mutmut.utils.format_utils import orig_function_and_class_names_from_key

    source = Path(file).read_text(encoding="utf-8")
    original, changed = map(libcst.parse_module, (source, mutate_file_contents(file, source).code))
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = os.environ | {"HYPOTHESIS_PROFILE": "mutation", "PYTHONPATH": str(place)}

    def passes() -> bool:
        try:
            return not subprocess.run(
                command, cwd=place, env=environment, capture_output=True, timeout=LONGEST
            ).returncode
        except subprocess.TimeoutExpired:
            return False

    if not passes():
        raise SystemExit(f"the tests of {file} fail where nothing is changed")
    for name in names:
        function, owner = orig_function_and_class_names_from_key(name)
        function = function.rpartition(".")[2]
        classes = {each.name.value: each.body for each in original.body if isinstance(each, libcst.ClassDef)}
        body = original.body if owner is None else classes[owner].body
        here = next(e for e in body if isinstance(e, libcst.FunctionDef) and e.name.value == function)
        mutant = find_top_level_function_or_method(changed, name)
        written = original.deep_replace(here, mutant.with_changes(name=here.name, decorators=here.decorators)).code
        Path(file).write_text(written, encoding="utf-8")
        if passes():
            lines = list(difflib.unified_diff(source.splitlines(), written.splitlines(), n=0))[2:]
            before, after = (" ".join(x[1:].strip() for x in lines if x.startswith(sign)) for sign in "-+")
            yield Change(file, f"{owner}.{function}" if owner else function, before, after)
    Path(file).write_text(source, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mutation", description=__doc__.splitlines()[0])
    parser.add_argument("places", nargs="*", help="files and folders to change; by default all of them")
    parser.add_argument("--quick", action="store_true", help="the few files that mutation.toml names")
    parser.add_argument("--sample", type=float, default=1.0, metavar="SHARE", help="try this share of the changes")
    parser.add_argument("--seed", type=int, default=0, help="which changes a sample holds")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="how many at a time")
    options = parser.parse_args()
    places = SETTINGS["quick"] if options.quick else options.places or SETTINGS["places"]
    results = []
    print("changes, noticed, left")
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        copied(Path(folder))
        for file in files_in(places):
            result = tried(Path(folder), file, options)
            results.append(result)
            print(f"{result.number:7} {result.noticed:8} {len(result.left):5}  {file}", flush=True)
            for change in dict.fromkeys(result.left):
                print(change, flush=True)
    number, left = sum(result.number for result in results), sum(len(result.left) for result in results)
    noticed = sum(result.noticed for result in results)
    print(f"{number:7} {noticed:8} {left:5}  in all; {number - noticed - left} are listed")
    return int(number - left < WANTED * number)


if __name__ == "__main__":
    sys.exit(main())
