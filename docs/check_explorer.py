"""The explorer by pointer, touch and keys in Chromium, against ``op.matrix``.

Run by ``make site``: ``python -m pytest docs/check_explorer.py``.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import NARROW, WIDE, chromium, dark, drawn, resize, served
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.keys import Keys

import sparse_tconv as st
from sparse_tconv import plotting

RNG = np.random.default_rng(0)


def weight(*shape: int) -> np.ndarray:
    """Different integers, so that an entry names its tap."""
    return 1.0 + RNG.permutation(int(np.prod(shape))).reshape(shape)


OPERATORS = {
    "stride": st.Conv(weight(3), (9,), stride=2, padding=1, channels=False),
    "dilation": st.Conv(weight(2, 2), (5, 4), dilation=2, channels=False),
    "transposed": st.ConvTranspose(
        weight(3, 3), (3, 3), stride=2, output_padding=1, channels=False
    ),
    "circular": st.Conv(weight(3, 3), (4, 4), padding=1, padding_mode="circular", channels=False),
    "groups": st.Conv(weight(4, 1, 2, 2), (2, 3, 3), groups=2),
}


@pytest.fixture(scope="module")
def driver() -> Iterator[Any]:
    with chromium() as found:
        yield found


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    folder: Path = tmp_path_factory.mktemp("pages")
    for name, op in OPERATORS.items():
        plotting.explorer(op, folder / f"{name}.html")
    with served(folder) as found:
        yield found


@pytest.fixture(params=OPERATORS)
def op(request: pytest.FixtureRequest, driver: Any, address: str) -> Iterator[Any]:
    """An operator whose page is open; at the end, nothing was wrong and nothing was asked for."""
    resize(driver, WIDE, 1400)
    dark(driver, False)
    driver.get(f"{address}{request.param}.html")
    yield OPERATORS[request.param]
    assert driver.get_log("browser") == []
    assert driver.execute_script("return performance.getEntriesByType('resource').length") == 0


SPOT = """
const p = named[arguments[0]], [i, j] = arguments[1].length ? arguments[1] : p.at[arguments[1]];
p.canvas.scrollIntoView({block: "nearest"});
const b = p.canvas.getBoundingClientRect();
return {x: b.left + (i + 0.5) * p.size, y: b.top + (j + 0.5) * p.size};
"""
STATE = """
const lit = Object.keys(named).map(panel => [panel, JSON.parse(document.getElementById(panel).dataset.lit)]);
return [Object.fromEntries(lit), document.getElementById("said").textContent];
"""


def lit(driver: Any) -> dict[str, set[int]]:
    """Numbers of the cells that are lit, by panel."""
    return {panel: set(cells) for panel, cells in driver.execute_script(STATE)[0].items()}


def said(driver: Any) -> str:
    return driver.execute_script(STATE)[1]


def spot(driver: Any, panel: str, cell: int | tuple[int, int]) -> dict[str, float]:
    """Where a cell is seen: a pixel by its number, an entry by column and row."""
    return driver.execute_script(SPOT, panel, cell)


def point(driver: Any, panel: str, cell: int | tuple[int, int]) -> None:
    """Move the pointer over a cell."""
    place = spot(driver, panel, cell)
    driver.execute_cdp_cmd("Input.dispatchMouseEvent", {"type": "mouseMoved", **place})


def entries_match(driver: Any, op: Any, rows: Any, columns: Any) -> None:
    """What is lit in both matrices are the stored entries in these rows and columns."""
    matrix = op.matrix.tocoo()
    wanted = {e for e in range(matrix.nnz) if matrix.row[e] in rows and matrix.col[e] in columns}
    shown = lit(driver)
    assert shown["matrix"] == shown["transpose"] == wanted
    taps = {float(op.weight.ravel()[tap]) for tap in shown["kernel"]}
    assert taps == set(matrix.data[sorted(wanted)].tolist())


def test_pointing_at_an_output_lights_its_row_and_says_its_sum(op: Any, driver: Any) -> None:
    y = op.apply(np.arange(1, 1 + op.shape[1]).reshape(op.in_shape)).ravel()
    for row in {0, op.shape[0] // 2, op.shape[0] - 1}:
        point(driver, "output", row)
        shown = lit(driver)
        assert shown["output"] == {row}
        assert shown["input"] == set(op.matrix[[row]].indices.tolist())
        entries_match(driver, op, {row}, range(op.shape[1]))
        assert f"= {y[row]:.6g}. It reads" in said(driver) or not op.matrix[[row]].nnz


def test_pointing_at_an_input_lights_its_column(op: Any, driver: Any) -> None:
    columns = op.matrix.tocsc()
    for column in {0, op.shape[1] // 2, op.shape[1] - 1}:
        point(driver, "input", column)
        shown = lit(driver)
        assert shown["input"] == {column}
        assert shown["output"] == set(columns[:, [column]].indices.tolist())
        entries_match(driver, op, range(op.shape[0]), {column})
        assert f"column {column} of" in said(driver)


@pytest.mark.parametrize("panel", ["matrix", "transpose"])
def test_pointing_at_an_entry_lights_its_tap(op: Any, driver: Any, panel: str) -> None:
    matrix = op.matrix.tocoo()
    for entry in {0, matrix.nnz // 2, matrix.nnz - 1}:
        row, column = int(matrix.row[entry]), int(matrix.col[entry])
        point(driver, panel, (column, row) if panel == "matrix" else (row, column))
        shown = lit(driver)
        assert (shown["output"], shown["input"]) == ({row}, {column})
        entries_match(driver, op, {row}, {column})
        assert f"is {matrix.data[entry]:.6g}: tap w[" in said(driver)


def test_arrows_walk_through_a_panel_and_escape_clears(op: Any, driver: Any) -> None:
    canvas = driver.find_element("id", "matrix")
    canvas.send_keys(Keys.ARROW_DOWN)  # the first key enters
    canvas.send_keys(Keys.ARROW_DOWN, Keys.ARROW_RIGHT, Keys.ARROW_RIGHT, Keys.ARROW_LEFT)
    assert driver.switch_to.active_element == canvas
    shown = lit(driver)
    assert (shown["output"], shown["input"]) == ({1}, {1})
    entries_match(driver, op, {1}, {1})
    canvas.send_keys(Keys.ESCAPE)
    assert said(driver) == "Nothing is selected."
    pixels = driver.find_element("id", "input")
    pixels.send_keys(Keys.ARROW_LEFT, *[Keys.ARROW_RIGHT] * 2)
    assert lit(driver)["input"] == {2}
    entries_match(driver, op, range(op.shape[0]), {2})


def test_tab_goes_from_panel_to_panel(op: Any, driver: Any) -> None:
    driver.find_element("id", "said").click()
    order = []
    for _ in range(5):
        ActionChains(driver, duration=0).send_keys(Keys.TAB).perform()
        order.append(driver.switch_to.active_element.get_attribute("id"))
    assert order == ["input", "kernel", "output", "matrix", "transpose"]


def test_a_narrow_dark_screen_shows_everything_and_answers_to_touch(op: Any, driver: Any) -> None:
    dark(driver, True)
    resize(driver, NARROW, 1200)
    drawn(driver)
    theme, width = driver.execute_script(
        "return [document.documentElement.dataset.theme, document.documentElement.scrollWidth]"
    )
    assert (theme, width) == ("dark", NARROW)
    number = op.shape[1] - 1
    touch = spot(driver, "input", number)
    driver.execute_cdp_cmd(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [touch]}
    )
    driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert lit(driver)["input"] == {number}


def test_screen_readers_get_names_a_live_text_and_the_matrix_in_words(op: Any, driver: Any) -> None:
    status = driver.find_element("id", "said")
    assert (status.aria_role, status.get_attribute("aria-live")) == ("status", "polite")
    for panel in ("input", "kernel", "output", "matrix", "transpose"):
        assert driver.find_element("id", panel).accessible_name
    driver.find_element("css selector", "summary").click()
    drawn(driver)
    script = "return [...document.querySelectorAll('#rows li')].map(item => item.innerText)"
    lines = driver.execute_script(script)
    counts = np.diff(op.matrix.indptr)
    assert [line.count("column ") for line in lines] == counts.tolist()
