"""The harvest in pytest: while the tests run it watches, and when they have ended each pair is an item of its own."""

import inspect
import sys
from collections.abc import Generator
from importlib import import_module
from importlib.util import find_spec
from itertools import zip_longest
from typing import Any

import pytest

from scratchcnn.gradcheck.harvest.checking import PairCheck, not_checked
from scratchcnn.gradcheck.harvest.harvest import FRAMEWORKS, Harvest, Watched
from scratchcnn.gradcheck.in_pytest.fixture import record
from scratchcnn.gradcheck.in_pytest.passing import packed, unpacked
from scratchcnn.gradcheck.in_pytest.settings import KEY
from scratchcnn.gradcheck.report.outcome import severity
from scratchcnn.gradcheck.report.report import GradientMismatch, GradientUndecided, demand_right
from scratchcnn.gradcheck.report.wording import wrapped

# What the items are listed under.
TITLE = "gradient-harvest"
# What a worker of pytest-xdist hands over under.
OUTPUT = "gradient_harvest"


def register(config: pytest.Config) -> None:
    """Starts the harvest.

    Raises
    ------
    pytest.UsageError
        Something that it needs is not installed.
    """
    packages = config.stash[KEY].harvest
    missing = [name for name in packages if name in FRAMEWORKS and find_spec(name) is None]
    if sys.version_info < (3, 12) and find_spec("bytecode") is None:
        missing.append("bytecode")
    if missing:
        extra = "harvest" if missing[0] == "bytecode" else missing[0]
        raise pytest.UsageError(f'--gradient-harvest needs {missing[0]}: pip install "scratchcnn[{extra}]"')
    config.pluginmanager.register(Harvesting(config), "scratchcnn-harvest")


class Harvesting:
    """Watches in the process that runs the tests, and checks in the one that pytest was started in."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.settings = config.stash[KEY]
        self.distributes = config.getoption("dist", "no") != "no" and not hasattr(config, "workerinput")
        self.harvest = Harvest(() if self.distributes else self.settings.harvest, self.settings.pairs)
        self.lost: set[str] = set()

    def pytest_collection_finish(self) -> None:
        """Begins with what the test files have imported, and with the packages themselves."""
        if self.distributes:
            return
        for package in self.settings.harvest:
            try:
                import_module(package)
            except ImportError as error:
                raise pytest.UsageError(f"--gradient-harvest: {package} cannot be imported: {error}") from error
        self.harvest.look()

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Goes on with what has been imported since."""
        self.harvest.look()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Generator[None, Any, Any]:
        """Runs the items of the harvest after all tests."""
        try:
            result = yield
        finally:
            self.harvest.end()
        if hasattr(self.config, "workerinput"):
            self.config.workeroutput[OUTPUT] = self._handed_over()  # type: ignore[attr-defined]
        elif not session.config.option.collectonly:
            self._run(session)
        return result

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        """Takes what a worker hands over."""
        output = getattr(node, "workeroutput", {}).get(OUTPUT)
        if output is not None:
            sys.path += [path for path in output["path"] if path not in sys.path]
            for name, text in output["found"].items():
                self._take(name, text)

    @pytest.hookimpl(trylast=True)
    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Lists what the tests never call."""
        never = [name for name, watched in self.harvest.found.items() if not watched.called]
        for names, what in (
            (never, "never called by the tests"),
            (self.lost, "not checked, since what the tests of a worker made cannot leave it (run without -n)"),
        ):
            if names:
                terminalreporter.write_line(wrapped(f"{what}: {', '.join(sorted(names))}"))

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
        """Notes that a gradient is undecided."""
        report = yield
        report.gradient_undecided = call.excinfo is not None and isinstance(call.excinfo.value, GradientUndecided)
        return report

    def pytest_report_teststatus(self, report: Any) -> tuple[str, str, Any] | None:
        """Tells undecided from wrong. The exit code is 1 for both."""
        if report.nodeid.startswith(f"{TITLE}::") and getattr(report, "gradient_undecided", False):
            return "undecided", "U", ("UNDECIDED", {"yellow": True})
        return None

    def _handed_over(self) -> dict[str, Any]:
        """What a worker has seen, as text."""
        return {"path": sys.path, "found": {name: packed(watched) for name, watched in self.harvest.found.items()}}

    def _take(self, name: str, text: str) -> None:
        if not text:
            self.lost.add(name)
            return
        watched = unpacked(text)
        known = self.harvest.found.setdefault(name, watched)
        if known is not watched:
            known.merge(watched)

    def _run(self, session: pytest.Session) -> None:
        parent = _Collector.from_parent(session, name=TITLE, nodeid=TITLE)
        found = [watched for watched in self.harvest.found.values() if watched.called]
        items: list[pytest.Item] = [
            Item.from_parent(parent, name=watched.pair.name, watched=watched) for watched in found
        ]
        items += [Nothing.from_parent(parent, name=name, why=why) for name, why in self._nothing().items()]
        session.testscollected += len(items)
        for item, following in zip_longest(items, items[1:]):
            if session.shouldfail or session.shouldstop:
                break
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def _nothing(self) -> dict[str, str]:
        """Why nothing is checked of a package, by its name: a harvest that finds nothing must not pass for one."""
        found = {name: watched.called for name, watched in self.harvest.found.items()} | dict.fromkeys(self.lost, True)
        packages = [package for package in self.settings.harvest if package not in FRAMEWORKS]
        names = ", ".join(pattern.replace("{}", "f") for pattern in self.settings.pairs or ("{}_backward",))
        looked = f"neither a function with a name such as {names}, nor a class with forward and backward"
        without = {p: f"{p} has no backward pass, {looked}" for p in packages}
        without = {p: why for p, why in without.items() if not any(name.startswith(f"{p}.") for name in found)}
        # Who sets the option in the configuration file runs some tests alone, too.
        if without or any(found.values()) or not self.config.getoption("gradient_harvest"):
            return without
        return {", ".join(self.settings.harvest): "the tests that ran call no function that has a backward pass"}


class _Collector(pytest.Collector):
    """What the items belong to."""

    def collect(self) -> list[Any]:
        """Nothing: the items are made when the tests have ended."""
        return []


class Nothing(pytest.Item):
    """What fails where nothing is checked."""

    def __init__(self, *, why: str, **options: Any) -> None:
        super().__init__(**options)
        self.why = why

    def runtest(self) -> None:
        """Fails."""
        pytest.fail(f"--gradient-harvest checked nothing: {self.why}", pytrace=False)

    def reportinfo(self) -> tuple[str, int | None, str]:
        """The package."""
        return TITLE, None, f"harvest of {self.name}"


class Item(pytest.Item):
    """The check of one pair, at the calls that were kept of it."""

    def __init__(self, *, watched: Watched, **options: Any) -> None:
        super().__init__(**options)
        self.watched = watched

    def runtest(self) -> None:
        """Checks it.

        Raises
        ------
        GradientMismatch, GradientUndecided
            As the worst of the reports says.
        """
        pair = self.watched.pair
        check = PairCheck(pair, self.config.stash[KEY].check)
        calls = self.watched.chosen(check.best)
        reports = [check.report(call) for call in calls] or [not_checked(pair, _why(self.watched))]
        places = [call.where for call in calls] or [""]
        for report, place in zip(reports, places, strict=True):
            record(self, report, pair.name, place)
        demand_right(max(reports, key=lambda report: severity(report.verdict)))

    def repr_failure(self, excinfo: Any, style: Any = None) -> Any:
        """The report alone; of an error in the harness its traceback."""
        if isinstance(excinfo.value, GradientMismatch):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[str, int | None, str]:
        """Where the backward pass stands."""
        heading = f"gradient of {self.name}"
        code = getattr(inspect.unwrap(self.watched.pair.backward), "__code__", None)
        return (code.co_filename, code.co_firstlineno - 1, heading) if code else (TITLE, None, heading)


def _why(watched: Watched) -> str:
    """Why no call of forward was kept, or is known."""
    if not watched.forward.count and watched.backward.kept():
        return "backward alone was called, and it is not given all that forward takes"
    calls = watched.forward if watched.forward.count else watched.backward
    looked = f"{calls.count} calls were looked at" if calls.count > 1 else "one call was looked at"
    if calls.too_large:
        return f"{looked}, none small enough to be kept"
    return f"{looked}, none with plain arrays of real numbers" + (f"; {calls.not_kept}" if calls.not_kept else "")
