"""The layout: which package may import which, and how long a file may be."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "scratchcnn"
# The packages from the bottom to the top. Each may import those before it; `gradcheck` imports none of them.
ROOMS = [
    "gradcheck",
    "pytest_plugin",
    "files",
    "operations",
    "samples",
    "catalogue",
    "digits",
    "network",
    "article",
    "commands",
]
LONGEST = 400


def imported(path):
    """List the modules of `scratchcnn` that a file imports, each as the parts of its name."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        else:
            continue
        yield from (name.split(".") for name in names if name.split(".")[0] == "scratchcnn")


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_imports_only_what_is_below_it(room):
    allowed = {"gradcheck"} if room == "gradcheck" else set(ROOMS[: ROOMS.index(room) + 1])
    if room == "operations":
        allowed -= {"gradcheck"}
    files = [PACKAGE / f"{room}.py"] if (PACKAGE / f"{room}.py").exists() else list((PACKAGE / room).rglob("*.py"))
    assert files
    for path in files:
        for _, other, *_ in imported(path):
            assert other in {*allowed, "__version__"}, f"{path.relative_to(PACKAGE)} imports {other}"


def test_every_room_is_known():
    rooms = {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert rooms == {*ROOMS, "__init__", "__main__"}
    assert sum((PACKAGE / room).is_dir() for room in rooms) <= 8


def test_no_modules_import_each_other_in_a_circle():
    modules = {
        ".".join(("scratchcnn", *path.relative_to(PACKAGE).with_suffix("").parts)): path
        for path in PACKAGE.rglob("*.py")
    }
    arrows = {
        name: {
            found for parts in imported(path) for found in (".".join(parts), ".".join(parts[:-1])) if found in modules
        }
        for name, path in modules.items()
    }
    while leaves := [name for name, others in arrows.items() if not others & arrows.keys()]:
        for name in leaves:
            del arrows[name]
    assert not arrows, f"a circle among {sorted(arrows)}"


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_file_is_too_long(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= LONGEST
