"""The committed comparison: our time over theirs, or how to make it."""

import csv
from pathlib import Path

import matplotlib.pyplot as plt
from style import BLUE, COLORS, ORANGE

import sparse_tconv

TABLE = Path(sparse_tconv.__file__).parents[1] / "benchmarks" / "results" / "compare.csv"
MARKERS = "os^DvP*X<>hd"


def draw(rows: list[dict[str, str]]) -> None:
    """One line for each case, product, dtype and number of threads; one marker for each side."""
    names = list(dict.fromkeys(name(row) for row in rows))
    sides = sorted({row["side"] for row in rows})
    _, ax = plt.subplots(figsize=(9, 1.5 + 0.24 * len(names)), layout="constrained")
    colors = [BLUE, ORANGE, *COLORS[:5]]
    for place, side in enumerate(sides):
        points = [
            (float(row["ratio"]), names.index(name(row))) for row in rows if row["side"] == side
        ]
        marker, color = MARKERS[place % len(MARKERS)], colors[place % len(colors)]
        ax.plot(*zip(*points, strict=True), marker, color=color, label=side)
    ax.axvline(1, color="black", linewidth=1)
    ax.set(xscale="log", xlabel="our time over theirs", ylim=(len(names) - 0.5, -0.5))
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.grid(axis="y", color="#EEEEEE")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, fontsize=8)


def name(row: dict[str, str]) -> str:
    """What identifies a line of the picture."""
    return f"{row['row']}, {row['product']}, {row['dtype']}, {row['threads']} thr."


if TABLE.exists():
    with TABLE.open(newline="") as file:
        measured = [row for row in csv.DictReader(file) if row["ratio"]]
    draw([row for row in measured if not row["side"].startswith("engine:")])
else:
    figure, ax = plt.subplots(figsize=(8, 1.2), layout="constrained")
    ax.set_axis_off()
    text = "no results yet: run python benchmarks/compare.py"
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize=13)
