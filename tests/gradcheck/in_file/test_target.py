"""What a text points at: a file or a module, and perhaps one name in it; and what is imported, and found, there."""

import sys
import types
from pathlib import Path

import pytest

from scratchcnn.gradcheck.harvest.pairs import Pair
from scratchcnn.gradcheck.in_file.target import (
    Target,
    TargetError,
    load,
    names_of,
    pairs_of,
    short_name,
    target_of,
)

PAIR = "def f(x): return x\ndef f_backward(g, x): return g\n"


@pytest.fixture(autouse=True)
def imports(tmp_path, monkeypatch):
    """A folder to work in; what is imported is forgotten."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        del sys.modules[name]


def written(place, text=""):
    path = Path(place)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


class TestTargetOf:
    @pytest.mark.parametrize(
        ("text", "target"),
        [
            ("layers.py", Target(Path("layers.py"), "layers")),
            ("layers.py:relu", Target(Path("layers.py"), "layers", "relu")),
            ("a:b/layers.py", Target(Path("a:b/layers.py"), "layers")),
            ("net.layers", Target(None, "net.layers")),
            ("a:b/layers.py:relu", Target(Path("a:b/layers.py"), "layers", "relu")),
            ("net.layers:relu", Target(None, "net.layers", "relu")),
            ("net/deep/layers.py", Target(Path("net/deep/layers.py"), "net.deep.layers")),
        ],
    )
    def test_a_file_a_module_and_a_name(self, text, target):
        for place in ("layers.py", "a:b/layers.py", "net/__init__.py", "net/deep/__init__.py", "net/deep/layers.py"):
            written(place)
        assert target_of(text) == target
        assert str(target) == text.removesuffix(":relu")

    def test_a_file_must_exist(self):
        with pytest.raises(TargetError, match=r"^there is no file nowhere\.py$"):
            target_of("nowhere.py:relu")


class TestLoad:
    def test_a_file_with_what_stands_beside_it(self):
        written("elsewhere/beside.py", "NUMBER = 6")
        sys.path.insert(0, str(Path("elsewhere").resolve()))
        written("deep/beside.py", "NUMBER = 7")
        written("deep/layers.py", "from beside import NUMBER")
        module = load(target_of("deep/layers.py"))
        assert (module.__name__, module.NUMBER) == ("layers", 7)
        assert sys.modules["layers"] is module

    def test_a_file_of_a_package_by_its_full_name(self):
        written("in/net/__init__.py")
        written("in/net/other.py", "NUMBER = 8")
        written("in/net/layers.py", "from .other import NUMBER")
        module = load(target_of("in/net/layers.py"))
        assert (module.__name__, module.NUMBER) == ("net.layers", 8)
        assert sys.modules["net"].layers is module

    def test_a_module_of_the_folder_one_works_in(self):
        written("mine.py", "NUMBER = 9")
        assert load(target_of("mine")).NUMBER == 9
        assert sys.path.count(str(Path.cwd())) == 1
        load(target_of("mine"))
        assert sys.path.count(str(Path.cwd())) == 1

    @pytest.mark.parametrize("text", ["again", "again.py"])
    def test_it_is_imported_anew(self, text):
        written("again.py", "NUMBER = 1")
        first = load(target_of(text))
        written("again.py", "NUMBER = 22")
        assert (first.NUMBER, load(target_of(text)).NUMBER) == (1, 22)

    def test_a_file_hides_no_module_of_python_s_own(self):
        import json

        written("json.py", "NUMBER = 1")
        assert load(target_of("json.py")).__name__ == "_json"
        assert sys.modules["json"] is json

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("import nothing_here", "ModuleNotFoundError: No module named 'nothing_here' (layers.py, line 2)"),
            ("raise SystemExit(3)", "SystemExit: 3 (layers.py, line 2)"),
            ("x = = 1", "SyntaxError: invalid syntax (layers.py, line 2)"),
        ],
    )
    def test_why_it_cannot_be_imported(self, text, message):
        written("layers.py", f"\n{text}")
        with pytest.raises(TargetError) as raised:
            load(target_of("layers.py"))
        assert str(raised.value) == f"cannot import layers.py: {message}"

    def test_a_module_that_is_nowhere(self):
        with pytest.raises(TargetError) as raised:
            load(target_of("nothing_here"))
        assert str(raised.value) == "cannot import nothing_here: ModuleNotFoundError: No module named 'nothing_here'"


def test_the_short_name_is_the_last_part():
    assert short_name(Pair("net.layers.relu_backward", print, print)) == "relu_backward"


def module_of(text):
    module = types.ModuleType("made")
    exec(text, vars(module))
    return module


class TestPairsOf:
    @staticmethod
    def pairs(text, name=""):
        module = types.ModuleType("made")
        exec(text, vars(module))
        return [short_name(pair) for pair in pairs_of(Target(Path("made.py"), "made", name), module)]

    LAYER = "class Layer:\n    def forward(self, x): return x\n    def backward(self, g): return g\n"

    def test_functions_and_classes(self):
        assert self.pairs(PAIR + self.LAYER) == ["f_backward", "Layer"]

    def test_an_object_stands_for_its_class(self):
        assert self.pairs(f"{self.LAYER}one = Layer()\nother = Layer()") == ["one", "other"]

    @pytest.mark.parametrize(
        ("name", "found"), [("f", ["f_backward"]), ("f_backward", ["f_backward"]), ("Layer", ["Layer"])]
    )
    def test_one_by_any_of_its_names(self, name, found):
        assert self.pairs(PAIR + self.LAYER, name) == found

    @pytest.mark.parametrize("name", ["affine", "affine_forward", "affine_backward"])
    def test_what_two_functions_have_in_common_is_a_name_too(self, name):
        text = "def affine_forward(x): return x, x\ndef affine_backward(g, cache): return g\n"
        assert self.pairs(PAIR + text, name) == ["affine_backward"]

    def test_two_functions_with_nothing_in_common_have_no_further_name(self):
        (pair,) = pairs_of(Target(Path("made.py"), "made", ""), module_of("def f(x): return x\ndef df(x): return 1.0"))
        assert names_of(pair) == {"f", "df"}
        (pair,) = pairs_of(Target(Path("made.py"), "made", ""), module_of(PAIR))
        assert names_of(pair) == {"f", "f_backward"}

    @pytest.mark.parametrize("name", ["forward", "g"])
    def test_what_there_is_is_said_where_the_name_is_none(self, name):
        with pytest.raises(TargetError) as raised:
            self.pairs(PAIR + self.LAYER, name)
        assert str(raised.value) == f"made.py has no pair {name}; it has f_backward, Layer"

    def test_where_there_is_none(self):
        with pytest.raises(TargetError) as raised:
            self.pairs("def f(x): return x")
        assert str(raised.value) == (
            "made.py has no two functions with names such as f and f_backward, and no class with forward and backward"
        )
