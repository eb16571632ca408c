"""The committed comparison: our time over theirs, or how to make it."""

import csv
from pathlib import Path
from statistics import geometric_mean
from typing import Any

import matplotlib.pyplot as plt
from style import BLUE, COLORS, ORANGE

import sparse_tconv

TABLE = Path(sparse_tconv.__file__).parents[1] / "benchmarks" / "results" / "compare.csv"
MARKERS = "os^DvP*X<>hd"


KINDS = {"yes": "compiled loops on", "no": "compiled loops off"}


def draw(rows: list[dict[str, str]]) -> None:
    """A panel with compiled loops, and one without."""
    kinds = [kind for kind in KINDS if any(row["compiled"] == kind for row in rows)]
    names = list(dict.fromkeys(name(row) for row in rows))
    size = (3.5 + 5.5 * len(kinds), 1.5 + 0.24 * len(names))
    _, axes = plt.subplots(1, len(kinds), figsize=size, squeeze=False, layout="constrained")
    for ax, kind in zip(axes[0], kinds, strict=True):
        draw_panel(ax, [row for row in rows if row["compiled"] == kind], names)
        ax.set_title(KINDS[kind], pad=60)


def draw_panel(ax: Any, rows: list[dict[str, str]], names: list[str]) -> None:
    """One line for each case, product, dtype and number of threads; one marker for each side."""
    sides = sorted({row["side"] for row in rows})
    colors = [BLUE, ORANGE, *COLORS[:5]]
    for place, side in enumerate(sides):
        points = [
            (float(row["ratio"]), names.index(name(row))) for row in rows if row["side"] == side
        ]
        marker, color = MARKERS[place % len(MARKERS)], colors[place % len(colors)]
        ax.plot(*zip(*points, strict=True), marker, color=color, label=side)
    ax.axvline(1, color="black", linewidth=1)
    ax.set(xscale="log", ylim=(len(names) - 0.5, -0.5))
    ax.set_yticks(range(len(names)), names, fontsize=8)
    ax.grid(axis="y", color="#EEEEEE")
    ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, fontsize=8)
    ax.set_xlabel("our time over theirs\n" + means(rows))


def means(rows: list[dict[str, str]]) -> str:
    """What the rows against PyTorch come to, a line for each product."""
    lines = []
    for product in ("transposed", "forward"):
        found = []
        for dtype in ("float64", "float32"):
            ratios = [
                float(row["ratio"])
                for row in rows
                if (row["side"], row["product"], row["dtype"]) == ("torch", product, dtype)
            ]
            found += [f"{dtype} {geometric_mean(ratios):.2f}"] if ratios else []
        if found:
            lines.append(f"{product}, geometric mean over PyTorch: {', '.join(found)}")
    return "\n".join(lines)


def name(row: dict[str, str]) -> str:
    """What identifies a line of the picture."""
    return f"{row['row']}, {row['product']}, {row['dtype']}, {row['threads']} thr."


if TABLE.exists():
    with TABLE.open(newline="") as file:
        measured = [row for row in csv.DictReader(file) if row["ratio"]]
    products = [row for row in measured if row["threads"] == max(r["threads"] for r in measured)]
    draw([row for row in products if not row["side"].startswith(("engine:", "numpy."))])
else:
    figure, ax = plt.subplots(figsize=(8, 1.2), layout="constrained")
    ax.set_axis_off()
    text = "no results yet: run python benchmarks/compare.py"
    ax.text(0.5, 0.5, text, ha="center", va="center", fontsize=13)
