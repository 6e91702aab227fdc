"""The benchmarks' own tables, which pytest shows below those of pytest-benchmark."""

import os

import pytest


class Table:
    """A plugin of pytest that prints a title, a head, the lines that a benchmark has added, and explanations."""

    def __init__(self, title, head, *explained):
        self.title, self.head, self.explained = title, head, explained
        self.lines = []

    @pytest.hookimpl(trylast=True)  # after pytest-benchmark's hook
    def pytest_terminal_summary(self, terminalreporter):
        if self.lines:
            terminalreporter.section(f"benchmark: {self.title}")
            load = f"load average: {', '.join(f'{load:.2f}' for load in os.getloadavg())}"
            terminalreporter.write("\n".join([self.head, *self.lines, *self.explained, load, ""]))
