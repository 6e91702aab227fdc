"""What `scratchcnn check` is pointed at: a file, or a module, and perhaps one name in it."""

import importlib
import importlib.util
import sys
import traceback
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from types import ModuleType

from scratchcnn.gradcheck.harvest.pairs import Pair, find_pairs, find_rules
from scratchcnn.gradcheck.raised import in_words


class TargetError(Exception):
    """There is nothing to check; the message says why."""


@dataclass(frozen=True)
class Target:
    """A file or else a module, and the name of one pair in it; an empty name stands for all."""

    path: Path | None
    module: str
    name: str = ""

    def __str__(self) -> str:
        return str(self.path or self.module)


def target_of(text: str) -> Target:
    """Reads `FILE.py`, `FILE.py:NAME`, `MODULE` or `MODULE:NAME`.

    Raises
    ------
    TargetError
        There is no such file.
    """
    source, name = (text, "") if text.endswith(".py") or ":" not in text else text.rsplit(":", 1)
    if not source.endswith(".py"):
        return Target(None, source, name)
    path = Path(source)
    if not path.is_file():
        raise TargetError(f"there is no file {source}")
    folder, module = path.resolve().parent, path.stem
    while (folder / "__init__.py").exists():
        folder, module = folder.parent, f"{folder.name}.{module}"
    return Target(path, module, name)


def load(target: Target) -> ModuleType:
    """Imports the module, anew if it is imported already; what stands beside a file can be imported by it.

    Raises
    ------
    TargetError
        It cannot be imported.
    """
    root = str(Path.cwd())
    if target.path is not None:
        root = str(target.path.resolve().parents[target.module.count(".")])
    if root not in sys.path:
        sys.path.insert(0, root)
    try:
        if target.path is not None and "." not in target.module:
            return _executed(target.path, target.module)
        sys.modules.pop(target.module, None)
        return importlib.import_module(target.module)
    except (Exception, SystemExit) as error:
        raise TargetError(f"cannot import {target}: {in_words(error)}{_place(error)}") from error


def pairs_of(target: Target, module: ModuleType) -> list[Pair]:
    """The pairs of the module, or the one that the target names.

    Raises
    ------
    TargetError
        There is none.
    """
    found = [*find_pairs(module), *find_rules(module)]
    made = {type(pair.owner) for pair in found if pair.owner is not None}
    pairs = [pair for pair in found if pair.owner not in made]  # an object is easier to check than its class
    if not pairs:
        raise TargetError(
            f"{target} has no two functions with names such as f and f_backward, and no class with forward and backward"
        )
    wanted = [pair for pair in pairs if target.name in names_of(pair)] if target.name else pairs
    if not wanted:
        raise TargetError(f"{target} has no pair {target.name}; it has {', '.join(map(short_name, pairs))}")
    return wanted


def short_name(pair: Pair) -> str:
    """The name of a pair within its module."""
    return pair.name.rpartition(".")[2]


def names_of(pair: Pair) -> set[str]:
    """What a pair may be called by: that of its object, of its functions, and what these have in common."""
    if pair.owner is not None:
        return {short_name(pair)}
    functions = [getattr(function, "__name__", "") for function in (pair.forward, pair.backward)]
    alike = takewhile(lambda letters: letters[0] == letters[1], zip(*functions, strict=False))
    stem = "".join(letter for letter, _ in alike).rstrip("_")  # affine of affine_forward and affine_backward
    return {short_name(pair), *functions, stem} - {""}


def _executed(path: Path, name: str) -> ModuleType:
    """The module of a file, under a name that hides no module of Python's own."""
    name = f"_{name}" if name in sys.stdlib_module_names else name
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


def _place(error: BaseException) -> str:
    """Where an import failed, as far as the message does not say so itself."""
    if isinstance(error, SyntaxError):
        return ""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return "" if "importlib" in frame.filename else f" ({Path(frame.filename).name}, line {frame.lineno})"
