"""The names that pages and scripts use are found without running them."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
KNOWN = {
    "sparse_tconv.Conv",
    "sparse_tconv.conv2d",
    "sparse_tconv.inverse.solve",
    "sparse_tconv.inverse.psf.gauss",
    "sparse_tconv.testing.dot_test",
}
PAGE = """
A literal: `st.conv2d(x, w)`, and `op.T @ y`; no code: `a b`, and `solve` of nobody.

```python
>>> import sparse_tconv as st
>>> from sparse_tconv.inverse import psf, solve as found
>>> def twice(op):
...     return st.Conv.T(op)
>>> found(psf.gauss(1.0), twice)
array([1.])

```
"""


@pytest.fixture(scope="module")
def uses() -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "docs" / "_ext" / "uses.py"))


def test_names_of_a_page_are_those_of_its_examples_and_literals(uses: dict[str, Any]) -> None:
    assert set(uses["in_page"](PAGE, KNOWN)) == KNOWN - {"sparse_tconv.testing.dot_test"}


def test_names_of_a_script_are_followed_through_its_imports(uses: dict[str, Any]) -> None:
    source = "from sparse_tconv.testing import dot_test\nimport sparse_tconv\nother.Conv\n"
    source += "print(dot_test(sparse_tconv.Conv([1], 4).gram()), lambda: sparse_tconv.nothing)\n"
    found = uses["in_script"](source, KNOWN)
    assert sorted(found) == ["sparse_tconv.Conv", "sparse_tconv.testing.dot_test"]


def test_every_plotting_function_is_used_in_the_gallery(uses: dict[str, Any]) -> None:
    from sparse_tconv import plotting

    known = {f"sparse_tconv.plotting.{name}" for name in plotting.__all__ if name[0].islower()}
    scripts = (ROOT / "docs" / "gallery").glob("plot_*.py")
    used = {n for path in scripts for n in uses["in_script"](path.read_text("utf-8"), known)}
    assert used == known
