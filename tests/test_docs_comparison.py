"""The picture of the comparison draws what the table holds, and says what it does not hold."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pytest

mpl.use("agg")

import matplotlib.pyplot as plt

ROOT = Path(__file__).parents[1]
HEAD = "row,product,dtype,threads,side,compiled,ratio\n"
WITH = "8x8,transposed,float64,2,torch,yes,0.25\n8x8,transposed,float64,2,engine:csr,yes,9\n"
WITHOUT = "8x8,forward,float32,2,torch,no,4\n8x8,forward,float32,1,torch,no,7\n"


@pytest.fixture
def picture(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """The names of the script."""
    monkeypatch.syspath_prepend(ROOT / "docs" / "pictures")
    return runpy.run_path(str(ROOT / "docs" / "pictures" / "comparison.py"))


@pytest.mark.parametrize(
    ("table", "marks", "missing"),
    [
        (WITH + WITHOUT, [[0.25], [4.0]], [False, False]),
        (WITH, [[0.25], []], [False, True]),
        (WITHOUT, [[], [4.0]], [True, False]),
        ("", [[], []], [True, True]),
    ],
    ids=["both", "with", "without", "none"],
)
def test_each_kind_has_its_panel_and_a_missing_one_says_so(
    picture: dict[str, Any], tmp_path: Path, table: str, marks: list[Any], missing: list[bool]
) -> None:
    path = tmp_path / "compare.csv"
    path.write_text(HEAD + table)
    picture["draw"](picture["shown"](path))
    panels = plt.gcf().axes
    assert [panel.get_title() for panel in panels] == ["compiled loops on", "compiled loops off"]
    drawn = [
        [float(line.get_xdata()[0]) for line in panel.lines if line.get_marker() != "None"]
        for panel in panels
    ]
    assert drawn == marks
    said = [any("not measured" in text.get_text() for text in panel.texts) for panel in panels]
    assert said == missing
    plt.close("all")


def test_a_table_that_is_not_there_is_drawn_as_not_measured(
    picture: dict[str, Any], tmp_path: Path
) -> None:
    assert picture["shown"](tmp_path / "none.csv") == []


def test_the_caption_names_the_conditions_of_the_committed_run() -> None:
    page = (ROOT / "docs" / "performance.md").read_text(encoding="utf-8")
    machine = json.loads((ROOT / "benchmarks" / "results" / "machine.json").read_text())
    caption = " ".join(re.findall(r"Conditions: .*?;", page, re.DOTALL))
    assert f"{machine['cores']} cores" in caption
    assert machine["architecture"].replace("_", "-") in caption
    assert f"OMP_WAIT_POLICY={machine['OMP_WAIT_POLICY']}" in caption
