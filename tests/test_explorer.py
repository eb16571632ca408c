"""The explorer's page holds the operator's numbers; docs/check_explorer.py tries it in a browser."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv import plotting

RNG = np.random.default_rng(27)


def integers(*shape: int) -> np.ndarray:
    return RNG.integers(1, 90, shape).astype(float) * RNG.choice([-1.0, 1.0], shape)


OPERATORS = {
    "stride": st.Conv(integers(3), (9,), stride=2, channels=False),
    "dilation": st.Conv(integers(2, 3), (5, 6), dilation=2, channels=False),
    "transposed": st.ConvTranspose(
        integers(2, 1, 3, 3), (2, 3, 2), stride=2, padding=1, output_padding=1
    ),
    "circular": st.Conv(integers(5), (3,), padding=2, padding_mode="circular", channels=False),
    "reflect": st.Conv(integers(2, 1, 3, 3), (1, 3, 4), padding=1, padding_mode="reflect"),
    "groups": st.Conv(integers(4, 2, 2, 1), (4, 3, 3), groups=2),
    "groups transposed": st.ConvTranspose(integers(4, 3, 2), (4, 3), groups=2),
    "complex": st.Conv(1j * integers(2, 2), (3, 3), channels=False).H,
    "flipped": st.Conv(integers(2, 2), (3, 3), channels=False, flip=True),
    "three axes": st.Conv(integers(2, 2, 2), (3, 2, 3), channels=False),
    "empty rows": st.Conv(integers(1), (2,), padding=2, channels=False),
}


def data(op: Any) -> dict[str, Any]:
    page = plotting.explorer(op).html
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def words(panel: dict[str, Any]) -> np.ndarray:
    return np.array([complex(panel["words"][number]) for number in panel["word"]])


@pytest.mark.parametrize("name", OPERATORS)
def test_entries_and_pixels_of_the_page_are_those_of_the_operator(name: str) -> None:
    op = OPERATORS[name]
    page = data(op)
    dense = np.zeros(op.shape, dtype=complex)
    dense[page["row"], page["col"]] = words(page)
    np.testing.assert_array_equal(dense, op.toarray())
    x = words(page["input"])
    np.testing.assert_allclose(words(page["output"]), dense @ x, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("name", OPERATORS)
def test_an_entry_is_the_sum_of_its_taps(name: str) -> None:
    op = OPERATORS[name]
    page = data(op)
    weight = op.weight.conj() if op.conjugated else op.weight
    sums = [sum(weight.ravel()[taps]) for taps in page["taps"]]
    assert sums == words(page).tolist()


@pytest.mark.parametrize("name", OPERATORS)
def test_no_two_cells_of_a_panel_lie_on_each_other(name: str) -> None:
    page = data(OPERATORS[name])
    for panel in (page["input"], page["kernel"], page["output"]):
        places = np.reshape(panel["at"], (-1, 2))
        assert len({tuple(place) for place in places.tolist()}) == len(panel["index"])


def test_the_page_stands_alone_and_is_small() -> None:
    largest = st.Conv(RNG.standard_normal((3, 3)), (30, 30), padding=1, channels=False)
    page = plotting.explorer(largest).html
    assert len(page.encode()) < 300_000
    assert not re.search(r"https?:|//[a-z]|src=|@import|fetch\(|url\(", page)


def test_a_page_that_cannot_be_written_leaves_the_one_that_stands_there(tmp_path: Path) -> None:
    place = tmp_path / "page.html"
    place.write_text("the old page")
    with pytest.raises(UnicodeEncodeError, match="surrogates not allowed"):
        plotting.Explorer("a page" * 9999 + "\ud800").save(place)
    assert place.read_text() == "the old page"
    assert list(tmp_path.iterdir()) == [place]


def test_a_page_is_written_and_framed(tmp_path: Path) -> None:
    page = plotting.explorer(OPERATORS["stride"], tmp_path / "page.html")
    page.save(tmp_path / "again.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page.html
    assert (tmp_path / "again.html").read_bytes() == (tmp_path / "page.html").read_bytes()
    frame = re.search(r'srcdoc="([^"]*)"', page._repr_html_())
    assert frame is not None
    assert html.unescape(frame[1]) == page.html


def test_what_is_too_large_to_point_at_is_refused() -> None:
    with pytest.raises(st.GeometryError, match="at most 8,192 entries to be explored; got 38,416"):
        plotting.explorer(st.Conv(np.ones((2, 2)), (99, 99), channels=False))
    with pytest.raises(st.GeometryError, match="at most 4,096 pixels"):
        plotting.explorer(st.Conv([1.0], (5000,), channels=False))
    with pytest.raises(st.GeometryError, match="at most 4,096 weights"):
        plotting.explorer(st.Conv(np.ones((80, 80, 1)), (80, 1)))
    with pytest.raises(st.DTypeError, match="must be a Conv or ConvTranspose; got int"):
        plotting.explorer(3)  # type: ignore[arg-type]
