"""What pytest loads when it starts: options, marker and fixture. All else is imported where it is used.

`-p no:scratchcnn` switches it off.
"""

from argparse import Action, Namespace
from collections.abc import Generator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from scratchcnn.gradcheck.in_pytest.fixture import GradientCheck
    from scratchcnn.gradcheck.report.entry import Entry

# Each is an option, `--gradient-report`, and a setting in the configuration file, `gradient_report`.
OPTIONS = {
    "report": ("FILE", "write what was checked to FILE.html, FILE.json or FILE.md"),
    "seed": ("N", "the seed of a check, where the call gives none (default: 0)"),
    "harvest": (
        "PACKAGE[,...]",
        "check the backward passes of PACKAGE at what the tests call them with; torch and jax stand for every"
        " autograd.Function and custom_vjp",
    ),
    "pairs": (
        "PATTERN[,...]",
        "the names of backward passes that the harvest looks for, as in {}_backward, in place of the usual ones",
    ),
    "jobs": ("N", "look at the entries of a large input in N processes; needs the extra jobs (default: 1)"),
    "seconds": ("S", "about how long the check of an input may take, where the call gives no seconds= (default: 1)"),
}
MARK = (
    "gradient(**options): what the fixture gradcheck passes to each check in this test (seconds=5); every test with"
    " the fixture has the mark"
)


class Listed(Action):
    """An option that is given several times is as one with all its parts."""

    def __call__(self, parser: Any, namespace: Namespace, values: Any, option_string: str | None = None) -> None:
        """Adds the parts to those of before."""
        before = getattr(namespace, self.dest)
        setattr(namespace, self.dest, f"{before},{values}" if before else values)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options."""
    group = parser.getgroup("gradients")
    for name, (metavar, text) in OPTIONS.items():
        action = Listed if metavar.endswith("[,...]") else "store"
        group.addoption(f"--gradient-{name}", action=action, metavar=metavar, help=text)
        parser.addini(f"gradient_{name}", text, default="")


def pytest_configure(config: pytest.Config) -> None:
    """Registers the marker, and what collects the records."""
    config.addinivalue_line("markers", MARK)
    given = {name: config.getoption(f"gradient_{name}") or config.getini(f"gradient_{name}") for name in OPTIONS}
    config.pluginmanager.register(Records(config, given["report"]), "scratchcnn-records")
    if any(given.values()):
        from scratchcnn.gradcheck.in_pytest.settings import KEY, settings_of

        config.stash[KEY] = settings_of(config, given)
    if given["harvest"]:
        from scratchcnn.gradcheck.in_pytest.harvest import register

        register(config)


@pytest.fixture
def gradcheck(request: pytest.FixtureRequest) -> "GradientCheck":
    """`gradcheck(forward, backward, *inputs)`: as `assert_gradient`, and the summary lists what was checked."""
    from scratchcnn.gradcheck.in_pytest.fixture import GradientCheck

    return GradientCheck(request)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Marks the tests that use the fixture: `-m gradient` runs them alone."""
    if "gradcheck" in getattr(item, "fixturenames", ()):
        item.add_marker("gradient", append=False)


class Records:
    """What was checked. It travels with the reports of the tests, from the workers of pytest-xdist too."""

    def __init__(self, config: pytest.Config, report: str) -> None:
        self.config = config
        self.report = report
        self.entries: list[Entry] = []

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, Any, Any]:
        """Makes subtests of what is wrong where the test fails; another one may expect that a gradient is wrong."""
        try:
            return (yield)
        except (Exception, pytest.fail.Exception):
            for note in getattr(item, "notes_of_failure", ()):
                note()
            raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> Generator[None, Any, Any]:
        """Hands what a test has checked to the report of its end."""
        report = yield
        if call.when == "teardown" and hasattr(item, "gradients"):
            report.gradients = item.gradients
        return report

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Collects it."""
        self.entries += getattr(report, "gradients", ())

    @pytest.hookimpl(wrapper=True)
    def pytest_report_to_serializable(self) -> Generator[None, Any, Any]:
        """Makes text of it, for another process."""
        data = yield
        if data and data.get("gradients"):
            from scratchcnn.gradcheck.in_pytest.passing import packed

            data["gradients"] = packed(data["gradients"])
        return data

    @pytest.hookimpl(wrapper=True)
    def pytest_report_from_serializable(self) -> Generator[None, Any, Any]:
        """Makes of the text what it was."""
        report = yield
        if getattr(report, "gradients", None):
            from scratchcnn.gradcheck.in_pytest.passing import unpacked

            report.gradients = unpacked(report.gradients)
        return report

    def pytest_sessionfinish(self) -> None:
        """Writes the files."""
        wanted = self.entries or self.report
        if wanted and not hasattr(self.config, "workerinput"):
            from scratchcnn.gradcheck.in_pytest.results import write_files

            write_files(self.config, self.entries)

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Prints the table."""
        if self.entries:
            from scratchcnn.gradcheck.in_pytest.results import show

            show(terminalreporter, self.config, self.entries)
