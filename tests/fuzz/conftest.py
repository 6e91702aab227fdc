"""The count of the calls that the fuzz has drawn goes into each test's report, and is printed at the end."""

import pytest

from tests.fuzz import calls


@pytest.fixture(autouse=True)
def _counted(record_property):
    before = calls.CALLS
    yield
    record_property("drawn calls", calls.CALLS - before)


def pytest_terminal_summary(terminalreporter):
    reports = [report for each in terminalreporter.stats.values() for report in each if hasattr(report, "when")]
    done = [dict(report.user_properties).get("drawn calls", 0) for report in reports if report.when == "teardown"]
    if any(done):
        terminalreporter.write_line(f"{sum(done):,} drawn calls of {sum(map(bool, done))} functions")
