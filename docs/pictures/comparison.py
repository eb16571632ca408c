"""The committed comparison in two panels, or how to make what is missing."""

import csv
from pathlib import Path
from statistics import geometric_mean
from textwrap import fill
from typing import Any

import matplotlib.pyplot as plt
from matplotlib.lines import Line2D
from style import BLUE, COLORS, ORANGE

import sparse_tconv

Row = dict[str, str]

TABLE = Path(sparse_tconv.__file__).parents[1] / "benchmarks" / "results" / "compare.csv"
MARKERS, PALETTE = "osD^vPX*<>hd", [BLUE, ORANGE, *COLORS[2:5], "black", *COLORS[:2]]
KINDS = {"yes": "compiled loops on", "no": "compiled loops off"}
RUN = {"yes": "compare.py", "no": "compare.py\n--without-fast"}
PLACES = {"transposed": -0.2, "forward": 0.2, "assembly": 0.0}


def shown(path: Path) -> list[Row]:
    """Rows on most threads, of other libraries: neither our engines nor copies."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["ratio"]]
    most = max((int(row["threads"]) for row in rows), default=0)
    rows = [row for row in rows if int(row["threads"]) == most]
    return [row for row in rows if not row["side"].startswith(("engine:", "numpy."))]


def draw(rows: list[Row]) -> None:
    """A panel with compiled loops, and one without."""
    cases = list(dict.fromkeys(row["row"] for row in rows))
    sides = sorted({row["side"] for row in rows}, key=lambda side: (side != "torch", side))
    size = (6, 3 + 0.42 * max(len(cases), 3))
    figure, axes = plt.subplots(1, 2, figsize=size, sharey=True, sharex=True, layout="constrained")
    axes[0].set(xscale="log", ylim=(max(len(cases), 3) - 0.5, -0.5))
    axes[0].set_yticks(range(len(cases)), [fill(case, 14) for case in cases])
    styles = dict(zip(sides, zip(MARKERS, PALETTE, strict=False), strict=False))
    for ax, kind in zip(axes, KINDS, strict=True):
        ax.set_title(KINDS[kind])
        draw_panel(ax, kind, [row for row in rows if row["compiled"] == kind], cases, styles)
    legend = [Line2D([], [], marker=m, color=c, ls="", label=s) for s, (m, c) in styles.items()]
    if legend:
        figure.legend(handles=legend, loc="outside upper center", ncols=3)
    figure.supxlabel("our time over theirs" + means(rows))


def draw_panel(ax: Any, kind: str, rows: list[Row], cases: list[str], styles: Any) -> None:
    """One line for each case: the transposed product above, the forward one below."""
    ax.axvline(1, color="black", linewidth=1)
    ax.grid(axis="y", color="#DDDDDD")
    ax.locator_params(axis="x", numticks=4)
    for row in rows:
        marker, color = styles[row["side"]]
        filled = color if row["dtype"] == "float64" else "none"
        place = cases.index(row["row"]) + PLACES[row["product"]]
        ax.plot(float(row["ratio"]), place, marker, color=color, mfc=filled, ms=5)
    if not rows:
        words = f"not measured yet:\nrun benchmarks/\n{RUN[kind]}"
        ax.text(0.5, 0.5, words, transform=ax.transAxes, ha="center", va="center")


def means(rows: list[Row]) -> str:
    """What the rows against PyTorch come to, a line for each kind and product."""
    lines = []
    for kind in KINDS:
        for product in ("transposed", "forward"):
            found = [
                f"{geometric_mean(ratios):.2f} ({dtype})"
                for dtype in ("float64", "float32")
                if (ratios := over_torch(rows, kind, product, dtype))
            ]
            lines += [f"{KINDS[kind]}, {product}: {', '.join(found)}"] if found else []
    return "\n".join(["; geometric means over PyTorch's:", *lines]) if lines else ""


def over_torch(rows: list[Row], *wanted: str) -> list[float]:
    """The ratios of one kind, product and dtype."""
    keys = ("compiled", "product", "dtype")
    return [
        float(row["ratio"])
        for row in rows
        if row["side"] == "torch" and tuple(row[key] for key in keys) == wanted
    ]


if __name__ == "__main__":  # so the page runs it
    draw(shown(TABLE))
