"""What the plugin asks of pytest, without a run of it."""

from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from scratchcnn.gradcheck.in_pytest.settings import KEY, Settings


class Config:
    """A configuration with these settings of the plugin, or without any."""

    def __init__(self, settings=None, *, options=(), root="root", plugins=()):
        self.stash = pytest.Stash()
        if settings is not None:
            self.stash[KEY] = settings
        self.options, self.rootpath, self.cleanups = dict(options), Path(root), []
        self.pluginmanager = SimpleNamespace(has_plugin=plugins.__contains__)

    def getoption(self, name, default=None):
        return self.options.get(name, default)

    def add_cleanup(self, function):
        self.cleanups.append(function)


class Item:
    """A test; its marks are given from the nearest on."""

    def __init__(self, config, *marks):
        self.name, self.nodeid, self.config, self.user_properties = "test_it[1]", "test_file.py::test_it[1]", config, []
        self._marks = marks

    def iter_markers(self, name):
        return (mark for mark in self._marks if mark.name == name)


class Subtests:
    """It notes the message and the outcome of each."""

    def __init__(self):
        self.seen = []

    @contextmanager
    def noted(self, message):
        try:
            yield
        except pytest.fail.Exception as failed:
            self.seen.append((message, failed.msg, failed.pytrace))
            raise
        self.seen.append((message, "", None))

    test = noted  # as pytest calls it


def request_of(config=None, *marks, drawn=False, subtests=None):
    config = Config(Settings()) if config is None else config
    function = SimpleNamespace(is_hypothesis_test=drawn)
    fixtures = {"subtests": subtests}
    return SimpleNamespace(
        node=Item(config, *marks), config=config, function=function, getfixturevalue=fixtures.__getitem__
    )
