"""The command `check`: it checks the backward passes of a file, or of a module; with `--watch` at each save."""

import argparse
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from scratchcnn.commands.terminal import jobs, refuse_no_jobs, seed

if TYPE_CHECKING:
    from scratchcnn.gradcheck.harvest.pairs import Pair
    from scratchcnn.gradcheck.in_file.target import Target
    from scratchcnn.gradcheck.report.entry import Entry

# In characters: how wide notes are where the output is no terminal.
PIPED = 80
# In milliseconds: how long the watch waits until the first check.
POLL = 100


def add(commands: Any) -> None:
    """Add the command to the command line.

    Parameters
    ----------
    commands : argparse subparsers
        The commands.
    """
    check = commands.add_parser(
        "check",
        help="check the backward passes of a file",
        description="Check the backward passes of a file: functions with names such as f and f_backward, objects with"
        " forward and backward, and rules of torch and jax. Inputs come from a function samples(rng) beside them, from"
        " --input, or have the shapes that the docstring gives, as in `x : (N, C, H, W) array`.",
    )
    check.add_argument("target", metavar="FILE.py[:NAME]", help="a file, or MODULE[:NAME]")
    check.add_argument(
        "--input",
        action="append",
        default=[],
        metavar="NAME=SHAPE",
        help="an input to draw: x=4x3x8x8, x=float32:4x3, labels=int:4:10 (4 integers below 10); repeatable",
    )
    check.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", help="an option of forward, or of __init__"
    )
    check.add_argument("--seed", type=seed, default=0, help="draws the inputs (default: %(default)s)")
    check.add_argument("--seconds", type=_seconds, default=1.0, help="about, for each input (default: %(default)s)")
    check.add_argument(
        "--jobs",
        type=jobs,
        metavar="N",
        help="look at the entries of a large input in N processes (needs the extra `jobs`; default: in this one)",
    )
    check.add_argument("--report", type=Path, metavar="FILE", help="write FILE.html, FILE.json or FILE.md, too")
    check.add_argument("--watch", action="store_true", help="check again at each save what has changed")
    check.set_defaults(command=_check, fail=check.error)


def _check(options: argparse.Namespace) -> int:
    """Run the command; return the exit code."""
    from scratchcnn.gradcheck.in_file.target import TargetError, load, target_of
    from scratchcnn.gradcheck.report.files import refusal

    if options.report and (refused := refusal(options.report)):
        options.fail(f"--report: {refused}")
    refuse_no_jobs(options)
    if options.watch and find_spec("watchfiles") is None:
        options.fail('--watch needs watchfiles: pip install "scratchcnn[watch]"')
    run = _Run(options)
    try:
        target = target_of(options.target)
        if not options.watch:
            return run.once(target)
        load(target)
    except TargetError as error:
        options.fail(str(error))
    return run.at_each_save(target)


class _Run:
    """What the options ask for, and what was found so far."""

    def __init__(self, options: argparse.Namespace) -> None:
        from scratchcnn.gradcheck.in_file.drawing import Asked
        from scratchcnn.gradcheck.in_file.specs import option_of, spec_of

        inputs = _each(options, "input", spec_of)
        self.options = options
        self.asked = Asked(inputs, _each(options, "option", option_of))
        self.code: dict[str, str] = {}
        self.entries: dict[str, list[Entry]] = {}

    def once(self, target: "Target") -> int:
        """Check what has changed; return the exit code for all.

        Raises
        ------
        TargetError
            There is nothing to check.
        """
        from scratchcnn.gradcheck.in_file.checking import check_pairs
        from scratchcnn.gradcheck.in_file.target import load, pairs_of
        from scratchcnn.gradcheck.jobs import processes

        module = load(target)
        pairs = pairs_of(target, module)
        self._refuse_unknown(target, pairs)
        changed = self._changed(pairs, module.__file__)
        new: list[Entry] = []
        with processes(self.options.jobs) as executor:  # anew each time: a process does not see what was saved since
            options = {"seed": self.options.seed, "seconds": self.options.seconds, "executor": executor}
            for pair in changed:
                self.entries[pair.name] = list(check_pairs([pair], module, self.asked, options))
                new += self.entries[pair.name]
        found = [entry for pair in pairs for entry in self.entries[pair.name]]
        if new:
            _show(new)
            if not target.name:
                _say_left_over(module, pairs)
        self._write(target, found)
        return 0 if all(entry.report.ok for entry in found) else 1

    def at_each_save(self, target: "Target") -> int:
        """Check at once, and again at each save, until it is interrupted."""
        from scratchcnn.gradcheck.in_file.target import TargetError

        code = 0
        for others in _saves(target):
            if others:
                self.code.clear()
            try:
                code = self.once(target)
            except TargetError as error:  # half of a line is written; the next save may be whole
                print(f"scratchcnn: {error}", file=sys.stderr)
            sys.stdout.flush()
        return code

    def _refuse_unknown(self, target: "Target", pairs: Sequence["Pair"]) -> None:
        from scratchcnn.gradcheck.in_file.drawing import parameters_of
        from scratchcnn.gradcheck.in_file.target import TargetError

        known = {name for pair in pairs for name in parameters_of(pair)}
        unknown = [name for name in self.asked.inputs if name not in known]
        if unknown:
            raise TargetError(
                f"--input: nothing in {target} takes {unknown[0]!r}; there are {', '.join(sorted(known))}"
            )

    def _changed(self, pairs: Sequence["Pair"], file: str | None) -> list["Pair"]:
        """The pairs whose code is not what it was when they were checked."""
        from scratchcnn.gradcheck.in_file.changes import code_of

        source = Path(file).read_text(encoding="utf-8") if file else ""
        now = {pair.name: code_of(pair, source) for pair in pairs}
        changed = [pair for pair in pairs if self.code.get(pair.name) != now[pair.name]]
        self.code = now
        return changed

    def _write(self, target: "Target", entries: Sequence["Entry"]) -> None:
        from scratchcnn.gradcheck.report.files import write_results

        if self.options.report:
            try:
                write_results(self.options.report, f"Gradients of {target}", entries)
            except OSError as error:
                self.options.fail(f"cannot write {self.options.report}: {error.strerror}")


def _show(entries: Sequence["Entry"]) -> None:
    """Print the table, and the report of each check that is not right; the table says why one was not made."""
    from scratchcnn.gradcheck.report.table import as_text

    terminal = sys.stdout.isatty()
    print(as_text(entries, shutil.get_terminal_size().columns if terminal else PIPED, colour=terminal))
    for entry in entries:
        if not entry.report.ok and (entry.report.inputs or entry.report.violations):
            print(f"\n{entry.where}\n{entry.report}")


def _say_left_over(module: ModuleType, pairs: Sequence["Pair"]) -> None:
    """Print which backward passes were not checked, as no forward pass of that name is there."""
    from scratchcnn.gradcheck.harvest.pairs import left_over

    names = left_over(module, pairs)
    if names:
        print(f"\nnot checked, as no function has the name of the forward pass: {', '.join(names)}")


def _saves(target: "Target") -> Iterator[bool]:
    """Yield at once, and after each save beside the file; True if it is of another file."""
    from watchfiles import PythonFilter, watch

    from scratchcnn.gradcheck.in_file.target import load

    file = Path(target.path or load(target).__file__ or "").resolve()
    started = False
    for changes in watch(file.parent, watch_filter=PythonFilter(), yield_on_timeout=True, rust_timeout=POLL):
        if changes or not started:  # the watch begins before the first check: a save during it is not lost
            started = True
            yield any(Path(path).resolve() != file for _, path in changes)


def _each(options: argparse.Namespace, name: str, read: Callable[[str], tuple[str, Any]]) -> Mapping[str, Any]:
    """Read all values of an option; end the command with a message if one is not what it should be."""
    fail: Callable[[str], NoReturn] = options.fail
    try:
        return dict(read(text) for text in getattr(options, name))
    except ValueError as error:
        fail(f"--{name} {error}")


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"must be above 0, got {text}")
    return number


_seconds.__name__ = "number"  # argparse says "invalid number value"
