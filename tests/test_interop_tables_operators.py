"""The tables of docs/coming-from.md for PyTorch and PyLops: both sides are computed, and equal."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import sparse_tconv as st

torch = pytest.importorskip("torch")
pylops = pytest.importorskip("pylops")

PAGE = Path(__file__).parent.parent / "docs" / "coming-from.md"


def rows(title: str) -> list[tuple[str, str]]:
    """The rows of one section: what stands there, and what stands here."""
    section = PAGE.read_text(encoding="utf-8").split(f"\n## {title}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `([^`]+)` \| `([^`]+)` \|$", section, re.MULTILINE)


def integers(*shape: int) -> np.ndarray:
    """Small integers, so that every sum is exact."""
    return np.random.default_rng(shape).integers(-9, 10, shape).astype(float)


ARRAYS = {
    "x": integers(2, 4, 9, 8),
    "w": integers(6, 4, 3, 2),
    "grouped": integers(6, 2, 3, 2),
    "y": integers(2, 6, 5, 4),
    "s": integers(2, 4, 9),
    "w1": integers(6, 4, 3),
}
FLAT = {"x": integers(9, 8), "h": integers(3, 3), "v": integers(3), "u": integers(7)}


def same(there: Any, here: Any) -> None:
    assert np.shape(there) == here.shape
    # PyLops and PyTorch may take transforms: of integers, rounding is all that may differ.
    np.testing.assert_allclose(np.asarray(there), here, rtol=0, atol=1e-10)


def test_no_row_is_overlooked() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for title in ("PyTorch", "PyLops"):
        section = text.split(f"\n## {title}\n")[1].split("\n## ")[0]
        assert len(rows(title)) == section.count("\n| ") - 2 > 0


@pytest.mark.parametrize(("there", "here"), rows("PyTorch"))
def test_a_row_of_pytorch_is_one_computation(there: str, here: str) -> None:
    tensors = {name: torch.from_numpy(array) for name, array in ARRAYS.items()}
    scope = {"torch": torch, "F": torch.nn.functional}
    same(eval(there, {**tensors, **scope}), eval(here, {**ARRAYS, "st": st, "np": np}))


@pytest.mark.parametrize(("there", "here"), rows("PyLops"))
def test_a_row_of_pylops_is_one_computation(there: str, here: str) -> None:
    same(eval(there, {**FLAT, "pylops": pylops}), eval(here, {**FLAT, "st": st, "np": np}))
