"""The harvest in pytest, hook by hook, without a run of it."""

import sys
import types
from types import SimpleNamespace

import numpy as np
import pytest

from scratchcnn.gradcheck import GradientMismatch, GradientUndecided
from scratchcnn.gradcheck.harvest.calls import Call, Calls, Memory
from scratchcnn.gradcheck.harvest.harvest import Watched
from scratchcnn.gradcheck.harvest.pairs import Pair, find_pairs
from scratchcnn.gradcheck.in_pytest import harvest as module
from scratchcnn.gradcheck.in_pytest.harvest import OUTPUT, Harvesting, Item, _why, register
from scratchcnn.gradcheck.in_pytest.settings import Settings
from tests.gradcheck.in_pytest.stand_ins import Config
from tests.gradcheck.in_pytest.stand_ins import Item as StandIn

NET = "net_that_is_harvested"
PAIR = "def f(x): return x**2\ndef f_backward(g, x): return 2 * g * x\n"


@pytest.fixture
def net(monkeypatch):
    """A package with one pair."""
    made = types.ModuleType(NET)
    exec(compile(PAIR, f"folder/{NET}.py", "exec"), vars(made))
    monkeypatch.setitem(sys.modules, NET, made)
    return made


def harvesting(*packages, pairs=(), **options):
    return Harvesting(Config(Settings(harvest=packages or (NET,), pairs=pairs), options=options))


@pytest.fixture
def started(net):
    """One that watches the package."""
    made = harvesting()
    made.pytest_collection_finish()
    yield made
    made.harvest.end()


class TestRegister:
    @staticmethod
    def registered(monkeypatch, packages, missing):
        found = []
        monkeypatch.setattr(module, "find_spec", lambda name: None if name in missing else name)
        config = Config(Settings(harvest=packages))
        config.pluginmanager.register = lambda plugin, name: found.append((type(plugin), plugin.config, name))
        register(config)
        return found == [(Harvesting, config, "scratchcnn-harvest")]

    def test_starts_the_harvest(self, monkeypatch):
        assert self.registered(monkeypatch, (NET,), {"torch", "jax"})

    @pytest.mark.parametrize("missing", ["torch", "jax"])
    def test_or_names_the_extra_of_the_framework(self, monkeypatch, missing):
        with pytest.raises(pytest.UsageError) as raised:
            self.registered(monkeypatch, (NET, "jax", "torch"), {missing})
        assert str(raised.value) == f'--gradient-harvest needs {missing}: pip install "scratchcnn[{missing}]"'

    def test_or_that_which_older_versions_of_python_need(self, monkeypatch):
        monkeypatch.setattr(module.sys, "version_info", (3, 11))
        with pytest.raises(pytest.UsageError) as raised:
            self.registered(monkeypatch, (NET,), {"bytecode"})
        assert str(raised.value) == '--gradient-harvest needs bytecode: pip install "scratchcnn[harvest]"'
        monkeypatch.setattr(module.sys, "version_info", (3, 12))
        assert self.registered(monkeypatch, (NET,), {"bytecode"})


class TestWatch:
    def test_begins_with_the_packages_and_goes_on_with_what_is_imported_later(self, started, monkeypatch):
        assert list(started.harvest.found) == [f"{NET}.f_backward"]
        later = types.ModuleType(f"{NET}.later")
        exec(PAIR, vars(later))
        monkeypatch.setitem(sys.modules, later.__name__, later)
        started.pytest_runtest_setup()
        assert list(started.harvest.found) == [f"{NET}.f_backward", f"{NET}.later.f_backward"]

    def test_a_package_must_be_there(self):
        with pytest.raises(pytest.UsageError) as raised:
            harvesting("nowhere_at_all").pytest_collection_finish()
        assert str(raised.value) == (
            "--gradient-harvest: nowhere_at_all cannot be imported: No module named 'nowhere_at_all'"
        )

    def test_patterns_are_those_of_the_settings(self, net):
        made = harvesting(pairs=("no_{}",))
        made.pytest_collection_finish()
        assert made.harvest.found == {}

    def test_a_process_that_hands_its_tests_out_watches_nothing(self, net):
        made = harvesting("nowhere_at_all", dist="load")
        made.pytest_collection_finish()
        assert made.distributes
        assert made.harvest.found == {}
        assert not harvesting(dist="no").distributes

    @pytest.mark.parametrize(("worker", "watched"), [(False, ()), (True, ("torch", NET))])
    def test_but_its_workers_do(self, monkeypatch, worker, watched):
        monkeypatch.setattr(module, "Harvest", lambda *given: given)
        config = Config(Settings(harvest=("torch", NET), pairs=("{}_vjp",)), options={"dist": "load"})
        if worker:
            config.workerinput = {}
        assert Harvesting(config).harvest == (watched, ("{}_vjp",))


def lines_of(made):
    lines = []
    made.pytest_terminal_summary(SimpleNamespace(write_line=lines.append))
    return [" ".join(line.split()) for line in lines]


class TestHandedOver:
    """From a worker of pytest-xdist to the process that started it."""

    def sent(self, found, path=()):
        return SimpleNamespace(workeroutput={OUTPUT: {"path": list(path), "found": found}})

    def test_what_workers_have_seen_is_put_together(self, net, started, monkeypatch):
        monkeypatch.setattr(sys, "path", list(sys.path))
        for _ in range(2):
            net.f(np.ones(2))
        output = started._handed_over()
        assert output["path"] == sys.path
        main = harvesting(dist="load")
        for _ in range(2):
            main.pytest_testnodedown(self.sent(output["found"], [*sys.path, "a folder of the worker's"]))
        assert sys.path.count("a folder of the worker's") == 1
        ((name, watched),) = main.harvest.found.items()
        assert (name, watched.forward.count) == (f"{NET}.f_backward", 4)
        assert len(watched.forward.kept()) == 3
        assert lines_of(main) == []

    def test_what_cannot_leave_a_worker_is_told(self):
        main = harvesting()
        main.pytest_testnodedown(self.sent({"net.b_backward": "", "net.a_backward": ""}))
        assert main.harvest.found == {}
        assert lines_of(main) == [
            "not checked, since what the tests of a worker made cannot leave it (run without -n): net.a_backward,"
            " net.b_backward"
        ]

    def test_a_worker_without_a_harvest_hands_nothing_over(self):
        main = harvesting()
        main.pytest_testnodedown(SimpleNamespace())
        main.pytest_testnodedown(SimpleNamespace(workeroutput={}))
        assert (main.harvest.found, main.lost) == ({}, set())


def test_what_is_never_called_is_listed(net, started):
    assert lines_of(started) == [f"never called by the tests: {NET}.f_backward"]
    net.f(np.ones(2))
    assert lines_of(started) == []


class TestStatus:
    @pytest.mark.parametrize(
        ("error", "undecided"),
        [(GradientUndecided(SimpleNamespace()), True), (GradientMismatch(SimpleNamespace()), False), (None, False)],
    )
    def test_undecided_is_told_from_wrong(self, started, error, undecided):
        call = SimpleNamespace(excinfo=None if error is None else SimpleNamespace(value=error))
        steps = started.pytest_runtest_makereport(None, call)
        next(steps)
        report = SimpleNamespace(nodeid=f"gradient-harvest::{NET}.f_backward")
        with pytest.raises(StopIteration) as ended:
            steps.send(report)
        assert ended.value.value is report
        assert report.gradient_undecided == undecided
        expected = ("undecided", "U", ("UNDECIDED", {"yellow": True})) if undecided else None
        assert started.pytest_report_teststatus(report) == expected

    def test_of_other_tests_nothing_is_said(self, started):
        report = SimpleNamespace(nodeid="test_file.py::test", gradient_undecided=True)
        assert started.pytest_report_teststatus(report) is None
        assert started.pytest_report_teststatus(SimpleNamespace(nodeid="gradient-harvest::x")) is None


def run_loop(made, session):
    """What the hook gives back, around a loop of tests that gives True."""
    steps = made.pytest_runtestloop(session)
    next(steps)
    with pytest.raises(StopIteration) as ended:
        steps.send(True)
    return ended.value.value


class TestRunTestLoop:
    SESSION = SimpleNamespace(config=SimpleNamespace(option=SimpleNamespace(collectonly=True)))

    def test_ends_the_watch_whatever_the_tests_do(self, net, started):
        code = net.f.__code__
        assert run_loop(started, self.SESSION) is True
        assert net.f.__code__ is not code
        again = harvesting()
        again.pytest_collection_finish()
        watched = net.f.__code__
        steps = again.pytest_runtestloop(SimpleNamespace())
        next(steps)
        with pytest.raises(KeyboardInterrupt):
            steps.throw(KeyboardInterrupt())
        assert net.f.__code__ is not watched

    def test_a_worker_hands_over_what_it_has_seen(self, net, started):
        started.config.workerinput, started.config.workeroutput = {}, {}
        run_loop(started, self.SESSION)
        assert list(started.config.workeroutput[OUTPUT]["found"]) == [f"{NET}.f_backward"]


class TestRun:
    """The items of the harvest are run one after another once the tests have ended."""

    @pytest.fixture
    def session(self):
        return SimpleNamespace(testscollected=5, shouldfail=False, shouldstop=False)

    @staticmethod
    def run(monkeypatch, session, names, during=lambda: None):
        """What each item and its parent were made of, and which item followed which."""
        made, ran = [], []

        def item_of(parent, *, name, watched):
            made.append((parent, name, watched))
            hook = SimpleNamespace(pytest_runtest_protocol=protocol)
            return SimpleNamespace(name=name, config=SimpleNamespace(hook=hook))

        def protocol(*, item, nextitem):
            ran.append((item.name, nextitem and nextitem.name))
            during()

        monkeypatch.setattr(module._Collector, "from_parent", lambda session, *, name, nodeid: (session, name, nodeid))
        monkeypatch.setattr(Item, "from_parent", item_of)
        monkeypatch.setattr(module.Harvesting, "_nothing", lambda harvest: {})
        harvest = harvesting()
        for name in ("never", *names):
            pair = Pair(name, print, print)
            calls = Calls(Memory(), count=int(name != "never"))
            harvest.harvest.found[name] = Watched(pair, calls, Calls(Memory()))
        session.config = SimpleNamespace(option=SimpleNamespace(collectonly=False))
        run_loop(harvest, session)
        found = harvest.harvest.found
        assert made == [((session, "gradient-harvest", "gradient-harvest"), name, found[name]) for name in names]
        return ran

    def test_one_after_another(self, monkeypatch, session):
        ran = self.run(monkeypatch, session, ["one", "two", "three"])
        assert ran == [("one", "two"), ("two", "three"), ("three", None)]
        assert session.testscollected == 8

    @pytest.mark.parametrize("why", ["shouldfail", "shouldstop"])
    def test_until_the_session_stops(self, monkeypatch, session, why):
        ran = self.run(monkeypatch, session, ["one", "two"], during=lambda: setattr(session, why, True))
        assert ran == [("one", "two")]

    def test_none_where_nothing_is_called(self, monkeypatch, session):
        assert self.run(monkeypatch, session, []) == []
        assert session.testscollected == 5


class TestFailure:
    def test_is_the_report_alone_and_else_a_traceback(self, request):
        watched = Watched(Pair("net.f_backward", print, print), Calls(Memory()), Calls(Memory()))
        item = Item.from_parent(request.session, name="net.f_backward", watched=watched)
        assert item.watched is watched
        try:
            raise GradientMismatch(StandInReport())
        except GradientMismatch as error:
            wrong = pytest.ExceptionInfo.from_exception(error)
        assert item.repr_failure(wrong) == "the report"
        try:
            raise KeyError("a fault of the harness")
        except KeyError as error:
            other = pytest.ExceptionInfo.from_exception(error)
        text = str(item.repr_failure(other, "short"))
        assert 'raise KeyError("a fault of the harness")' in text
        assert "test_harvesting.py:" in text
        assert text != str(item.repr_failure(other, "long"))


class StandInReport:
    def __str__(self):
        return "the report"


class TestItem:
    """What the item of a pair does, on what stands in for it."""

    @staticmethod
    def item(net, *inputs, pair=None, **check):
        watched = Watched(pair or find_pairs(net)[0], Calls(Memory()), Calls(Memory()))
        for k, x in enumerate(inputs):
            watched.forward.add(Call({"x": x}, ("", ""), f"test_file.py::test_{k}", x.nbytes, (x.ndim,)))
        made = StandIn(Config(Settings(check=check)))
        made.name, made.watched = watched.pair.name, watched
        return made

    def test_is_where_backward_stands(self, net):
        found = Item.reportinfo(self.item(net))
        assert found == (f"folder/{NET}.py", 1, f"gradient of {NET}.f_backward")

    def test_or_nowhere(self, net):
        found = Item.reportinfo(self.item(net, pair=Pair("net.g", np.sin, np.cos)))
        assert found == ("gradient-harvest", None, "gradient of net.g")

    def test_each_call_is_checked_and_recorded_where_it_was_made(self, net):
        item = self.item(net, np.ones(2), np.ones((2, 2)), seed=5, name="mine")
        Item.runtest(item)
        assert [(each.name, each.where, each.report.name) for each in item.gradients] == [
            (f"{NET}.f_backward", "test_file.py::test_0", "mine"),
            (f"{NET}.f_backward", "test_file.py::test_1", "mine"),
        ]

    def test_the_worst_decides(self, net):
        net.f_backward = lambda g, x: (2 if x.ndim == 2 else 3) * g * x
        net.f_backward.__module__, net.f_backward.__qualname__ = NET, "f_backward"
        item = self.item(net, np.ones(2), np.ones((2, 2)))
        with pytest.raises(GradientMismatch):
            Item.runtest(item)
        assert [each.report.verdict.value for each in item.gradients] == ["wrong", "right"]

    def test_without_a_call_it_is_undecided_and_says_why(self, net):
        item = self.item(net)
        item.watched.forward.count = 1
        with pytest.raises(GradientUndecided):
            Item.runtest(item)
        (entry,) = item.gradients
        assert entry.where == item.nodeid
        assert entry.report.notes == ("not checked: one call was looked at, none with plain arrays of real numbers",)


class TestWhy:
    """Why no call of forward was kept, or is known."""

    @pytest.mark.parametrize(
        ("forward", "backward", "text"),
        [
            ({"count": 1}, {}, "one call was looked at, none with plain arrays of real numbers"),
            ({"count": 3}, {}, "3 calls were looked at, none with plain arrays of real numbers"),
            ({"count": 2, "too_large": 1}, {}, "2 calls were looked at, none small enough to be kept"),
            (
                {"count": 1, "not_kept": "TypeError: no copy"},
                {},
                "one call was looked at, none with plain arrays of real numbers; TypeError: no copy",
            ),
            ({}, {"count": 2, "too_large": 2}, "2 calls were looked at, none small enough to be kept"),
            (
                {},
                {"count": 1, "largest": [SimpleNamespace(size=8)]},
                "backward alone was called, and it is not given all that forward takes",
            ),
        ],
    )
    def test_is_said(self, forward, backward, text):
        assert _why(Watched(None, Calls(Memory(), **forward), Calls(Memory(), **backward))) == text


class TestNothing:
    """What fails where nothing is checked."""

    @staticmethod
    def told(packages, found, *, option=True, pairs=(), lost=()):
        harvest = harvesting()
        harvest.settings = SimpleNamespace(harvest=packages, pairs=pairs)
        harvest.config.getoption = lambda name: ",".join(packages) if option and name == "gradient_harvest" else None
        harvest.harvest.found = {name: SimpleNamespace(called=called) for name, called in found.items()}
        harvest.lost = set(lost)
        return harvest._nothing()

    def test_packages_without_a_backward_pass(self):
        found = {"net.f_backward": False, "nets.f_backward": True}
        told = self.told(("net", "json", "torch"), found, option=False)
        assert list(told) == ["json"]
        assert told["json"].startswith(
            "json has no backward pass, neither a function with a name such as f_backward, nor"
        )
        told = self.told(("json",), {}, pairs=("{}_vjp", "d{}"))
        assert "a name such as f_vjp, df, nor" in told["json"]

    def test_or_none_that_is_called(self):
        told = self.told(("net", "torch"), {"net.f_backward": False})
        assert told == {"net, torch": "the tests that ran call no function that has a backward pass"}
        assert self.told(("torch",), {}) == {"torch": "the tests that ran call no function that has a backward pass"}
        assert self.told(("net",), {"net.f_backward": False}, option=False) == {}
        assert self.told(("net",), {"net.f_backward": False, "net.g_backward": True}) == {}
        assert self.told(("net",), {}, lost=["net.f_backward"]) == {}
