"""What travels to a worker, with Python's own pickle in the place of cloudpickle, which may not be installed."""

import pickle
import sys
import types

import pytest

from scratchcnn.gradcheck.numerical.load import CannotLoad, Load, _code_of_strange_modules, as_sent


class StandIn(types.SimpleNamespace):
    """What a load asks of cloudpickle; it keeps the names of the modules that travel with their code."""

    def __init__(self):
        super().__init__(dumps=pickle.dumps, loads=pickle.loads, by_value=set(), dropped=[])

    def list_registry_pickle_by_value(self):
        return set(self.by_value)

    def register_pickle_by_value(self, module):
        self.by_value.add(module.__name__)

    def unregister_pickle_by_value(self, module):
        self.by_value.remove(module.__name__)
        self.dropped.append(module.__name__)


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", StandIn())
    return sys.modules["cloudpickle"]


class Counting:
    """It counts how often it is pickled."""

    pickled = 0

    def __getstate__(self):
        Counting.pickled += 1
        return {"number": 5}


def test_a_load_arrives_as_it_was_sent_and_is_pickled_once(stand_in):
    Counting.pickled = 0
    load = Load(Counting())
    sent = [pickle.dumps(load) for _ in range(3)]
    assert Counting.pickled == 1
    assert load.size < len(sent[0])
    assert [pickle.loads(each).opened().number for each in sent] == [5, 5, 5]
    assert pickle.loads(pickle.dumps(pickle.loads(sent[0]))).opened().number == 5, "a scheduler may send it on"


def test_nothing_happens_to_it_on_the_way_to_a_thread():
    content = object()
    assert Load(content).opened() is content


def test_a_load_says_why_it_cannot_be_pickled(stand_in):
    load = Load(lambda: None)
    assert load.size == 0
    assert "lambda" in load.failure
    with pytest.raises(Exception, match="lambda"):
        pickle.dumps(load)


def test_without_cloudpickle_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "cloudpickle", None)
    load = Load(1)
    assert load.size == 0
    assert load.failure == 'cloudpickle is not installed: pip install "scratchcnn[jobs]"'


class Unborn:
    def __reduce__(self):
        return int, ("nothing",)


def test_what_cannot_be_loaded_is_said(stand_in):
    arrived = pickle.loads(pickle.dumps(Load(Unborn())))
    with pytest.raises(
        CannotLoad, match=r"^a worker cannot load what forward needs: ValueError: invalid literal for int"
    ):
        arrived.opened()


def module_of(file, name):
    module = types.ModuleType(name)
    module.__file__ = str(file)
    return module


def package_of(folder, name):
    """A package without a file of its own."""
    package = types.ModuleType(name)
    package.__path__ = [str(folder)]
    return package


def test_modules_that_no_process_could_import_travel_with_their_code(stand_in, monkeypatch, tmp_path):
    (tmp_path / "at_hand.py").touch()
    (tmp_path / "another.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "at_hand", module_of(tmp_path / "at_hand.py", "at_hand"))
    monkeypatch.setitem(sys.modules, "another", module_of(tmp_path / "elsewhere" / "another.py", "another"))
    monkeypatch.setitem(sys.modules, "strange", module_of(tmp_path / "elsewhere" / "strange.py", "strange"))
    monkeypatch.setitem(sys.modules, "asked_for", module_of(tmp_path / "elsewhere" / "asked_for.py", "asked_for"))
    stand_in.by_value.add("asked_for")  # by somebody else: it stays as it is
    with _code_of_strange_modules(stand_in):
        assert {"another", "strange", "asked_for"} <= stand_in.by_value
        assert not {"at_hand", "numpy", "scratchcnn", "os", "__main__"} & stand_in.by_value
    assert stand_in.by_value == {"asked_for"}
    assert {"another", "strange"} <= set(stand_in.dropped)


def test_packages_are_known_by_their_folder_and_stand_for_what_is_in_them(stand_in, monkeypatch, tmp_path):
    (tmp_path / "package_at_hand").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    elsewhere = tmp_path / "elsewhere"
    for module in (
        package_of(tmp_path / "package_at_hand", "package_at_hand"),
        package_of(elsewhere / "strange_package", "strange_package"),
        module_of(elsewhere / "strange_package" / "inner.py", "strange_package.inner"),
        module_of(elsewhere / "__main__.py", "__main__"),  # cloudpickle takes its code anyway
    ):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    with _code_of_strange_modules(stand_in):
        assert "strange_package" in stand_in.by_value
        assert not {"package_at_hand", "strange_package.inner", "__main__"} & stand_in.by_value


def test_exceptions_are_sent_as_they_are_if_they_can_be():
    error = KeyError("x")
    assert as_sent(error) is error

    class Local(Exception):
        pass

    sent = as_sent(Local("not here"))
    assert type(sent) is RuntimeError
    assert str(sent) == "Local: not here"
