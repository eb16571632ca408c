"""How time grows with pixels, kernel area, channels and batch: log-log, with slopes.

    python benchmarks/growth.py [--threads 2] [--product transposed] [--sides sparse_tconv torch]

Writes results/growth.csv and results/growth.png; --quick writes nothing. Sides are measured as in
compare.py, all of them in turns at every size.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from cases import Case
from plots import plot_growth
from race import QUICK, Effort, Load, Stable, prepare, take_turns
from rows import milliseconds

RESULTS = Path(__file__).with_name("results")
EFFORT = Effort(turns=5, seconds=0.03)


@dataclass(frozen=True)
class Series:
    """Cases of growing size; `sizes` is what is counted on the horizontal axis."""

    name: str
    label: str
    sizes: tuple[int, ...]
    cases: tuple[Case, ...]


@dataclass(frozen=True)
class Point:
    """The columns of growth.csv; times in milliseconds."""

    series: str
    size: int
    side: str
    engine: str
    median: float
    least: float
    others: float  # cores that other processes kept busy meanwhile


def image(n: int, k: int) -> Case:
    return Case(f"{n}^2 {k}x{k}", (1, 1), (n, n), (k, k), padding=k // 2)


def layer(inputs: int, outputs: int, n: int, batch: int | None = None) -> Case:
    name = f"{inputs}->{outputs} {n}^2 3x3 batch {batch}"
    return Case(name, (inputs, outputs), (n, n), (3, 3), padding=1, batch=batch)


SIDES = (64, 128, 256, 512, 1024)
KERNELS = (1, 3, 5, 9, 17, 33)
CHANNELS = (4, 8, 16, 32, 64, 128)
BATCHES = (1, 2, 4, 8, 16, 32)
SERIES = (
    Series(
        "pixels: one channel, 5x5",
        "pixels",
        tuple(n * n for n in SIDES),
        tuple(image(n, 5) for n in SIDES),
    ),
    Series(
        "kernel: one channel, 256^2",
        "kernel area",
        tuple(k * k for k in KERNELS),
        tuple(image(256, k) for k in KERNELS),
    ),
    Series(
        "channels: c->c, 28^2, 3x3",
        "channels c",
        CHANNELS,
        tuple(layer(c, c, 28) for c in CHANNELS),
    ),
    Series(
        "batch: 16->32, 32^2, 3x3",
        "samples",
        BATCHES,
        tuple(layer(16, 32, 32, batch) for batch in BATCHES),
    ),
)


def main() -> None:
    arguments = parse()
    effort = QUICK if arguments.quick else EFFORT
    points = []
    with Stable(arguments.threads, arguments.without_fast) as stable:
        for point in measure(stable, arguments.sides, arguments.dtype, arguments.product, effort):
            name = f"{point.series:28}{point.size:>9,} {point.side:14}"
            print(
                f"{name}{point.median:10.3f} ms {point.engine:8} others {point.others} cores",
                flush=True,
            )
            points.append(point)
    print()
    curves = summarize(points)
    for title, _, sides in curves:
        slopes = (f"{name} {slope:.2f}" for name, (_, _, slope) in sides.items())
        print(f"{title:28} log-log slope: {', '.join(slopes)}")
    if not arguments.quick:
        write(points, arguments.output / "growth.csv")
        plot_growth(curves, arguments.output / "growth.png")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sides", nargs="+", default=["sparse_tconv", "torch"])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtype", choices=("float64", "float32"), default="float64")
    parser.add_argument("--product", choices=("transposed", "forward"), default="transposed")
    parser.add_argument("--quick", action="store_true", help="one call of everything: a smoke run")
    parser.add_argument("--without-fast", action="store_true", help="as if Numba were missing")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIRECTORY")
    return parser.parse_args()


def measure(
    stable: Stable, sides: list[str], dtype: str, product: str, effort: Effort
) -> Iterator[Point]:
    for series in SERIES:
        for size, case in zip(series.sizes, series.cases, strict=True):
            answers = prepare(stable, sides, case, dtype, product)
            ready = [name for name in sides if "fingerprint" in answers[name]]
            processes = {name: stable[name] for name in ready}
            load = Load(list(processes.values()))
            times = take_turns(processes, effort)
            others = round(load.others(), 2)
            for name in ready:
                median, least = statistics.median(times[name]), min(times[name])
                engine = answers[name]["note"]
                yield Point(
                    series.name,
                    size,
                    name,
                    engine,
                    milliseconds(median),
                    milliseconds(least),
                    others,
                )


def summarize(
    points: list[Point],
) -> list[tuple[str, str, dict[str, tuple[list[float], list[float], float]]]]:
    """For each series and side: sizes, medians and the slope of a line through their logarithms."""
    curves = []
    for series in SERIES:
        sides: dict[str, tuple[list[float], list[float], float]] = {}
        here = [point for point in points if point.series == series.name]
        for name in dict.fromkeys(point.side for point in here):
            sizes = [float(point.size) for point in here if point.side == name]
            times = [point.median for point in here if point.side == name]
            sides[name] = (sizes, times, slope(sizes, times))
        curves.append((series.name, series.label, sides))
    return curves


def slope(sizes: list[float], times: list[float]) -> float:
    if len(sizes) < 2:
        return math.nan
    return float(np.polyfit(np.log(sizes), np.log(times), 1)[0])


def write(points: list[Point], path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["series", "size", "side", "engine", "median_ms", "least_ms", "others"])
        writer.writerows(
            (p.series, p.size, p.side, p.engine, p.median, p.least, p.others) for p in points
        )


if __name__ == "__main__":
    main()
