"""Which public names a page or a script uses, read from its code without running it."""

from __future__ import annotations

import ast
import re
from collections.abc import Container, Iterator
from doctest import DocTestParser

PACKAGE = "sparse_tconv"
# As prose names them: st.conv, testing.dot_test.
USUAL = {"st": PACKAGE, PACKAGE: PACKAGE} | {
    room: f"{PACKAGE}.{room}"
    for room in ("analysis", "chunked", "interop", "inverse", "layers", "plotting", "testing")
}


def in_script(source: str, known: Container[str]) -> list[str]:
    """The known names that a Python script uses, in their order."""
    tree = ast.parse(source)
    return _known(tree, imported(tree), known)


def in_page(text: str, known: Container[str]) -> list[str]:
    """The known names that the examples and the literals of a Markdown page use, in their order."""
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    examples = "".join(e.source for block in blocks for e in DocTestParser().get_examples(block))
    tree = _parsed(examples)
    found = _known(tree, imported(tree), known)
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    for literal in re.findall(r"`([^`]+)`", prose):
        found += _known(_parsed(literal), USUAL, known)
    return list(dict.fromkeys(found))


def imported(tree: ast.AST) -> dict[str, str]:
    """What each imported name stands for."""
    names = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for each in node.names:
                root = each.name if each.asname else each.name.partition(".")[0]
                names[each.asname or root] = root
        elif isinstance(node, ast.ImportFrom) and node.module:
            for each in node.names:
                names[each.asname or each.name] = f"{node.module}.{each.name}"
    return names


def _parsed(code: str) -> ast.Module:
    """The tree of code; an empty one for what is no Python."""
    try:
        return ast.parse(code)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _known(tree: ast.AST, names: dict[str, str], known: Container[str]) -> list[str]:
    found = [target for path in _paths(tree, names) if (target := _shortened(path, known))]
    return list(dict.fromkeys(found))


def _paths(tree: ast.AST, names: dict[str, str]) -> Iterator[str]:
    """Dotted names, the imported ones written out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name | ast.Attribute):
            root, _, rest = ast.unparse(node).partition(".")
            if root in names and re.fullmatch(r"[\w.]*", rest):
                yield f"{names[root]}.{rest}" if rest else names[root]


def _shortened(path: str, known: Container[str]) -> str | None:
    """The object that a dotted name belongs to: sparse_tconv.Conv for sparse_tconv.Conv.apply."""
    while path not in known:
        path, _, last = path.rpartition(".")
        if not last:
            return None
    return path
