"""A plane of cells with numbers in them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from ._axes import VERMILION

_LEGIBLE = 4.5  # smallest size of a font; the largest is that of all text
_GROWN = 1.25  # by which a layout enlarges axes, at least
_GLYPH = 0.66, 1.3  # width and height of a character over the size of its font
_FILL = ("#9ED0F0", "#FFFFFF", "#E4E4E4")  # data, zeros between, border
_TAP = "#9A3B00"  # vermilion, dark enough for small letters
_HATCH = ("", "", "////")  # so that the border is told without color


@dataclass(frozen=True, eq=False)
class Cells:
    """Values, what each cell is, the cells under a kernel with its taps, and a marked cell."""

    DATA: ClassVar[int] = 0
    BETWEEN: ClassVar[int] = 1
    BORDER: ClassVar[int] = 2

    values: NDArray[Any]
    kinds: NDArray[np.int64]
    taps: tuple[tuple[tuple[int, ...], Any], ...] = ()
    mark: tuple[int, ...] | None = None

    @classmethod
    def data(cls, values: NDArray[Any]) -> Cells:
        """Cells of data alone."""
        return cls(values, np.full(values.shape, cls.DATA))

    def marked(self, place: tuple[int, ...]) -> Cells:
        """With a frame around one cell."""
        return replace(self, mark=place)

    def under(self, places: list[tuple[int, ...]], kernel: NDArray[Any]) -> Cells:
        """With a kernel over some of the cells."""
        return replace(self, taps=tuple(zip(places, kernel.reshape(-1).tolist(), strict=True)))

    def padded(self, pads: list[tuple[int, int]]) -> Cells:
        """With a border; negative amounts crop."""
        wide = [(max(front, 0), max(behind, 0)) for front, behind in pads]
        values = np.pad(self.values, wide)
        kinds = np.pad(self.kinds, wide, constant_values=self.BORDER)
        cut = tuple(
            slice(max(-front, 0), size - max(-behind, 0))
            for (front, behind), size in zip(pads, values.shape, strict=True)
        )
        return Cells(values[cut], kinds[cut])


def draw(axes: Any, cells: Cells, frame: tuple[int, ...]) -> None:
    """Draw cells as squares, row 0 on top, in the middle of a frame of so many rows and columns."""
    from matplotlib.patches import Rectangle

    rows, columns = cells.values.shape
    for place in np.ndindex(rows, columns):
        kind = int(cells.kinds[place])
        corner = (place[1] - 0.5, place[0] - 0.5)
        style = {"facecolor": _FILL[kind], "hatch": _HATCH[kind], "edgecolor": "0.6"}
        axes.add_patch(Rectangle(corner, 1, 1, linewidth=0.5, **style))
    for place in [*(place for place, _ in cells.taps), *([cells.mark] if cells.mark else [])]:
        corner = (place[1] - 0.5, place[0] - 0.5)
        outline = {"fill": False, "edgecolor": VERMILION, "linewidth": 2, "zorder": 3}
        axes.add_patch(Rectangle(corner, 1, 1, **outline))
    middle, high, wide = (columns / 2 - 0.5, frame[0] / 2 + 0.1, frame[1] / 2 + 0.1)
    axes.set(xlim=(middle - wide, middle + wide), aspect="equal")
    axes.set_ylim(rows / 2 - 0.5 + high, rows / 2 - 0.5 - high)
    axes.axis("off")
    _write(axes, cells, _side(axes, frame))


def _side(axes: Any, frame: tuple[int, ...]) -> float:
    """The side of a cell in points, before the layout has the last word."""
    share = axes.get_position()
    grown = 1.0 if axes.figure.get_layout_engine() is None else _GROWN
    width, height = axes.figure.get_size_inches()
    return float(72 * grown * min(width * share.width / frame[1], height * share.height / frame[0]))


def _write(axes: Any, cells: Cells, side: float) -> None:
    """The numbers of the cells; under the kernel, times the tap over them."""
    under = dict(cells.taps)
    words = {place: f"{value:.3g}" for place, value in np.ndenumerate(cells.values)}
    taps = {place: f"{words.pop(place)}\n\u00d7{tap:.2g}" for place, tap in under.items()}
    _fitted(axes, words, side, cells.kinds, "black")
    _fitted(axes, taps, side, cells.kinds, _TAP)


def _fitted(
    axes: Any,
    words: dict[tuple[int, ...], str],
    side: float,
    kinds: NDArray[np.int64],
    color: str,
) -> None:
    """Words in a font in which all of them fit into their cells: none, if that is illegible."""
    lines = [word.split("\n") for word in words.values()]
    longest = max((len(line) for parts in lines for line in parts), default=1)
    fits = min(side / (_GLYPH[0] * longest), side / (_GLYPH[1] * max(map(len, lines), default=1)))
    if fits < _LEGIBLE:
        return
    from matplotlib import rcParams

    size = min(fits, rcParams["font.size"])
    back = {"facecolor": "white", "edgecolor": "none", "pad": 0.5, "alpha": 0.8}
    style = {"ha": "center", "va": "center", "fontsize": size, "zorder": 4}
    for (row, column), word in words.items():
        box = back if kinds[row, column] == Cells.BORDER else None
        axes.text(column, row, word, color=color, bbox=box, **style)
