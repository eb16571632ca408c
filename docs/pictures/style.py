"""What the pictures share: colors that color-blind readers tell apart, and numbers in cells."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

# Okabe and Ito (2008), the light ones: black numbers are legible on all of them.
COLORS = ["#E69F00", "#56B4E9", "#009E73", "#F0E442", "#CC79A7", "#D55E00"]
BLUE, ORANGE = "#0072B2", "#D55E00"


def palette(values: ArrayLike) -> dict[float, str]:
    """One color for each number that is not zero, in the order of their first appearance."""
    flat = np.asarray(values).ravel()
    different = list(dict.fromkeys(flat[flat != 0].tolist()))
    return {value: COLORS[place % len(COLORS)] for place, value in enumerate(different)}


def cells(
    ax: Axes,
    values: ArrayLike,
    colors: dict[float, str] | None = None,
    *,
    title: str = "",
    numbers: bool = True,
) -> None:
    """Draw a matrix as cells: zeros white and faint, all others colored, their numbers inside."""
    values = np.atleast_2d(values)
    colors = palette(values) if colors is None else colors
    rows, columns = values.shape
    rgb = np.ones((rows, columns, 3))
    for (i, j), value in np.ndenumerate(values):
        if value:
            rgb[i, j] = to_rgb(colors.get(value, "#BBBBBB"))
        if numbers:
            ax.text(
                *(j, i, f"{value:g}"),
                color="black" if value else "#999999",
                ha="center",
                va="center",
            )
    ax.imshow(rgb)
    ax.set_xticks(np.arange(-0.5, columns), labels=[])
    ax.set_yticks(np.arange(-0.5, rows), labels=[])
    ax.tick_params(length=0)
    ax.grid(color="#CCCCCC", linewidth=0.8)
    ax.set_axisbelow(False)
    ax.set_title(title)


def frame(ax: Axes, row: int, column: int, height: int, width: int, color: str = "black") -> None:
    """A thick frame around cells."""
    corner = (column - 0.5, row - 0.5)
    ax.add_patch(Rectangle(corner, width, height, fill=False, edgecolor=color, linewidth=2.5))


def windows(ax: Axes, n: int, offsets: list[list[int]], *, title: str = "") -> None:
    """Samples on a line above, results below, a line for each tap; empty circles are padding."""
    taps = palette(np.arange(1, 1 + len(offsets[0])))
    positions = sorted({p for window in offsets for p in window} | set(range(n)))
    centers = [float(np.mean(window)) for window in offsets]
    for window, center in zip(offsets, centers, strict=True):
        for tap, position in enumerate(window, 1):
            inside = 0 <= position < n
            style = "-" if inside else ":"
            ax.plot([position, center], [1, 0], style, color=taps[tap], linewidth=2.5, zorder=1)
    inside = [p for p in positions if 0 <= p < n]
    outside = [p for p in positions if not 0 <= p < n]
    ax.scatter(inside, np.ones(len(inside)), 150, "black", zorder=2)
    ax.scatter(outside, np.ones(len(outside)), 150, "white", edgecolors="black", zorder=2)
    ax.scatter(centers, np.zeros(len(centers)), 150, BLUE, marker="s", zorder=2)
    ax.set(title=title, ylim=(-0.3, 1.3), yticks=[0, 1], yticklabels=["result", "samples"])
    ax.set_xticks(positions)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
