"""The tables as pictures. Colors are Okabe and Ito's, and every side has a marker of its own, so
that nothing depends on seeing color.

    python benchmarks/plots.py [DIRECTORY]        draws again what the CSV files there say
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import matplotlib as mpl
from cases import ASSEMBLY, PRODUCTS
from rows import Row, read

mpl.use("agg")

import matplotlib.pyplot as plt

STYLES = [
    ("#0072B2", "o"),
    ("#D55E00", "s"),
    ("#009E73", "^"),
    ("#CC79A7", "D"),
    ("#E69F00", "v"),
    ("#56B4E9", "P"),
    ("#000000", "X"),
]
LIMIT = "#555555"
KINDS = {"yes": "compiled loops on", "no": "compiled loops off"}
SIGNAL_SIDES = ("fftconvolve", "oaconvolve", "ndimage", "pylops")
DTYPES = ("float64", "float32")

Key = Callable[[Row], Any]


def plot_comparison(rows: Sequence[Row], directory: Path) -> None:
    """compare-*.png, each if the table has rows for it."""
    measured = [row for row in rows if row.ratio is not None]
    for name in ("transposed", "forward"):
        chosen = [row for row in measured if row.product == name]
        torch = [row for row in chosen if row.side == "torch"]
        title = f"{name} product: time over PyTorch's"
        by_threads = {1: "1 thread", 2: "2 threads"}
        draw(torch, title, directory / f"compare-torch-{name}.png", threads, by_threads)
        two = [row for row in chosen if row.threads == 2]
        title = f"{name} product, 2 threads: time over other libraries'"
        sides = {other: other for other in SIGNAL_SIDES}
        draw(two, title, directory / f"compare-scipy-{name}.png", side, sides)
        engines = sorted({row.side for row in two if row.side.startswith("engine:")})
        names = {engine: engine.removeprefix("engine:") for engine in engines}
        title = f"{name} product, 2 threads: time of 'auto' over that of one engine"
        draw(two, title, directory / f"compare-engines-{name}.png", side, names)
    assembly = [row for row in measured if row.product == "assembly" and row.threads == 1]
    builders = {row.side: row.side for row in assembly}
    title = "assembly, 1 thread: time over other ways"
    draw(assembly, title, directory / "compare-assembly.png", side, builders)


def side(row: Row) -> str:
    return row.side


def threads(row: Row) -> int:
    return row.threads


def draw(rows: Sequence[Row], title: str, path: Path, key: Key, labels: dict[Any, str]) -> None:
    """Ratios as points, one line for each case; one panel for each dtype, with compiled loops and
    without.
    """
    found = {key(row) for row in rows}
    labels = {value: label for value, label in labels.items() if value in found}
    rows = [row for row in rows if key(row) in labels]
    if not rows:
        return
    present = {row.row for row in rows}
    order = list(
        dict.fromkeys(case.name for case in (*PRODUCTS, *ASSEMBLY) if case.name in present)
    )
    dtypes = [dtype for dtype in DTYPES if any(row.dtype == dtype for row in rows)]
    kinds = [kind for kind in KINDS if any(row.compiled == kind for row in rows)]
    size = (1.5 + 4.6 * len(dtypes), 0.5 + (1.2 + 0.32 * len(order)) * len(kinds))
    figure, axes = plt.subplots(
        len(kinds), len(dtypes), figsize=size, sharey=True, sharex="col", squeeze=False,
        layout="constrained",
    )  # fmt: skip
    for panel, (kind, dtype) in zip(axes.flat, product(kinds, dtypes), strict=True):
        same = [row for row in rows if (row.compiled, row.dtype) == (kind, dtype)]
        draw_panel(panel, same, order, key, labels)
        panel.set_title(f"{dtype}, {KINDS[kind]}")
    for panel in axes[-1]:
        panel.set_xlabel("ratio of medians (left of 1: ours is faster)")
    axes[0, 0].set_yticks(range(len(order)), order)
    axes[0, 0].invert_yaxis()
    figure.suptitle(title)
    if any(row.counted == "no" for row in rows):
        axes[0, 0].scatter([], [], facecolors="none", edgecolors=LIMIT, label="hollow: not counted")
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=len(handles), frameon=False)
    figure.savefig(path, dpi=150)
    plt.close(figure)


def draw_panel(
    panel: Any, rows: Sequence[Row], order: list[str], key: Key, labels: dict[Any, str]
) -> None:
    """Filled points are counted, hollow ones are not; a bar is the least limit that holds."""
    shift = 0.5 / max(len(labels), 2)
    for number, ((value, label), (color, marker)) in enumerate(
        zip(labels.items(), STYLES, strict=False)
    ):
        same = [row for row in rows if key(row) == value]
        offset = (number - (len(labels) - 1) / 2) * shift
        places = [order.index(row.row) + offset for row in same]
        faces = [color if row.counted == "yes" else "none" for row in same]
        ratios = [row.ratio for row in same]
        panel.scatter([], [], color=color, marker=marker, label=label)
        panel.scatter(ratios, places, s=30, marker=marker, facecolors=faces, edgecolors=color)
    limits = [(least(row), order.index(row.row)) for row in rows if least(row) is not None]
    if limits:
        bounds, places = zip(*limits, strict=True)
        panel.scatter(bounds, places, marker="|", s=220, color=LIMIT, linewidths=2.0, zorder=1.5)
        panel.scatter([], [], marker="|", s=120, color=LIMIT, label="limit")
    panel.set_xscale("log")
    panel.axvline(1.0, color="black", linewidth=0.8)
    panel.grid(visible=True, axis="both", color="#dddddd", linewidth=0.6)
    panel.set_axisbelow(True)


def least(row: Row) -> float | None:
    """The smallest limit of a row; with fast only where compiled loops were on."""
    limits = [row.at_most, row.at_most_fast if row.compiled == "yes" else None]
    return min((limit for limit in limits if limit is not None), default=None)


def plot_growth(
    series: Iterable[tuple[str, str, dict[str, tuple[list[float], list[float], float]]]],
    path: Path,
) -> None:
    """Time against size, log-log: (title, x label, {side: (sizes, milliseconds, slope)})."""
    panels = list(series)
    figure, axes = plt.subplots(
        1, len(panels), figsize=(4.0 * len(panels), 4.2), squeeze=False, layout="constrained"
    )
    for panel, (title, label, sides) in zip(axes[0], panels, strict=True):
        for (name, (sizes, times, slope)), (color, marker) in zip(
            sides.items(), STYLES, strict=False
        ):
            text = f"{name}: slope {slope:.2f}"
            panel.loglog(sizes, times, color=color, marker=marker, label=text)
        panel.set_title(title)
        panel.set_xlabel(label)
        panel.grid(visible=True, color="#dddddd", linewidth=0.6)
        panel.legend(frameon=False, fontsize="small")
    axes[0, 0].set_ylabel("milliseconds, median")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    default = Path(__file__).with_name("results")
    parser.add_argument("directory", type=Path, nargs="?", default=default)
    directory = parser.parse_args().directory
    plot_comparison(read(directory / "compare.csv"), directory)


if __name__ == "__main__":
    main()
