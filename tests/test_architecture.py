"""What holds for the package as a whole, whatever it computes."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import sparse_tconv

PACKAGE = Path(sparse_tconv.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
DRAWERS = {"utils", "util", "misc", "common", "helpers", "helper", "tools", "shared"}

LOADED = """
import json, sys
import numpy, scipy.sparse.linalg, scipy.fft, scipy.ndimage, scipy.linalg, scipy.signal
before = set(sys.modules)
import sparse_tconv
print(json.dumps(sorted({name.partition(".")[0] for name in set(sys.modules) - before})))
"""


def _name(path: Path) -> str:
    return path.relative_to(PACKAGE.parent).as_posix()


def _imports(path: Path) -> list[ast.Import | ast.ImportFrom]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return [node for node in ast.walk(tree) if isinstance(node, (ast.Import, ast.ImportFrom))]


def test_import_loads_nothing_but_the_standard_library_numpy_and_scipy() -> None:
    answer = subprocess.run(
        [sys.executable, "-c", LOADED],
        capture_output=True,
        text=True,
        check=True,
        cwd=PACKAGE.parent,
    )
    allowed = sys.stdlib_module_names | {"numpy", "scipy", "sparse_tconv"}
    assert set(json.loads(answer.stdout)) - allowed == set()


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_a_file_holds_one_idea_in_at_most_300_lines_docstrings_apart(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) - _docstring_lines(ast.parse(text)) <= 300


def _docstring_lines(tree: ast.Module) -> int:
    lines = 0
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef)):
            first = node.body[0] if node.body else None
            if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
                lines += (first.end_lineno or first.lineno) - first.lineno + 1
    return lines


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_file_or_folder_is_a_drawer(path: Path) -> None:
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    assert DRAWERS.isdisjoint(part.strip("_") for part in parts)


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_the_package_imports_itself_relatively(path: Path) -> None:
    for node in _imports(path):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
        assert all(name.partition(".")[0] != "sparse_tconv" for name in names), node.lineno


def test_the_package_is_typed() -> None:
    assert (PACKAGE / "py.typed").is_file()


# What other modules may not have of their own: the room of threads has one of each that survives
# forks, interrupts and the interpreter's end.
OF_THREADS = {"threading", "_thread", "concurrent", "multiprocessing", "atexit", "queue"}


@pytest.mark.parametrize(
    "path", [path for path in FILES if path.parent != PACKAGE / "threads"], ids=_name
)
def test_locks_pools_and_hooks_are_those_of_the_room_of_threads(path: Path) -> None:
    for node in _imports(path):
        modules = [alias.name for alias in node.names]
        if isinstance(node, ast.ImportFrom):
            modules = [] if node.level else [node.module or ""]
            if modules == ["functools"]:
                assert "cached_property" not in {alias.name for alias in node.names}, node.lineno
        assert {name.partition(".")[0] for name in modules}.isdisjoint(OF_THREADS), node.lineno
    assert "register_at_fork" not in path.read_text(encoding="utf-8")


def _of_the_package(path: Path) -> list[tuple[int, tuple[str, ...]]]:
    """What a file imports of the package: line, and the way to the name from the package on."""
    found = []
    for node in _imports(path):
        if not isinstance(node, ast.ImportFrom):
            continue
        module = tuple((node.module or "").split(".")) if node.module else ()
        if node.level:
            module = (*path.relative_to(PACKAGE).parts[: -node.level], *module)
        elif module[:1] == ("sparse_tconv",):
            module = module[1:]
        else:
            continue
        found += [(node.lineno, (*module, alias.name)) for alias in node.names]
    return found


def _is_private(way: tuple[str, ...]) -> bool:
    """Whether a way leads through, or to, what is a room's own; rooms themselves are not."""
    return any(name.startswith("_") and not name.startswith("__") for name in way[1:])


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_no_private_name_is_imported_from_another_room(path: Path) -> None:
    room = path.relative_to(PACKAGE).with_suffix("").parts[0]
    for line, way in _of_the_package(path):
        assert way[0] == room or path == PACKAGE / "__init__.py" or not _is_private(way), line


@pytest.mark.parametrize(
    "path", sorted(Path(__file__).parent.glob("*engine*.py")), ids=lambda path: path.stem
)
def test_the_tests_of_the_engines_import_public_names(path: Path) -> None:
    for line, way in _of_the_package(path):
        assert not _is_private(way), line
