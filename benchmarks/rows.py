"""A row of the table: one case, dtype, product and number of threads against one side."""

from __future__ import annotations

import csv
import json
import math
import os
import platform
import statistics
from dataclasses import dataclass, fields, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from cases import Case
from race import Result

PACKAGES = (
    "sparse_tconv",
    "numpy",
    "scipy",
    "numba",
    "torch",
    "pylops",
    "sparse_convolution",
)


@dataclass(frozen=True)
class Row:
    """The columns of compare.csv. Times are in milliseconds, ratios are ours over theirs."""

    row: str
    product: str
    dtype: str
    threads: int
    side: str = ""
    compiled: str = ""  # whether compiled loops were on
    engine: str = ""  # the one that 'auto' chose
    ours: float | None = None  # medians
    theirs: float | None = None
    ratio: float | None = None
    ratio_of_minima: float | None = None
    others: float | None = None  # cores that other processes kept busy meanwhile
    counted: str = ""  # whether the two ratios agree within 1.3 and the machine was quiet
    at_most: float | None = None
    met: str = ""
    at_most_fast: float | None = None
    met_fast: str = ""
    flops_bound: float | None = None  # our flops at the rate of a large matrix product
    bytes_bound: float | None = None  # operand, kernel and result at the rate of copying
    note: str = ""

    @classmethod
    def begin(cls, case: Case, dtype: str, product: str, threads: int, compiled: str) -> Row:
        return cls(case.name, product, dtype, threads, compiled=compiled)

    def failed(self, side: str, answer: dict[str, Any]) -> Row:
        return replace(self, side=side, note=answer.get("refused") or f"ERROR {answer['error']}")

    def finished(
        self,
        side: str,
        result: Result,
        ours: dict[str, Any],
        theirs: dict[str, Any],
        rates: dict[str, float],
        case: Case,
        note: str,
    ) -> Row:
        flops_bound, bytes_bound = bounds(case, self.dtype, rates)
        row = replace(
            self,
            side=side,
            engine=ours["note"],
            ours=milliseconds(statistics.median(result.ours)),
            theirs=milliseconds(statistics.median(result.theirs)),
            ratio=significant(result.ratio),
            ratio_of_minima=significant(result.ratio_of_minima),
            others=round(result.others, 2),
            counted="yes" if result.counted else "no",
            note=note,
        )
        if self.product != "assembly":
            row = replace(row, flops_bound=flops_bound, bytes_bound=bytes_bound)
        return row.judged(case)

    def judged(self, case: Case) -> Row:
        """With the limits of its case, and whether they are met."""
        row = self
        for limit in case.limits:
            place = (limit.side, limit.product, limit.dtype, limit.threads)
            if place != (self.side, self.product, self.dtype, self.threads) or not self.ratio:
                continue
            met = "yes" if self.ratio <= limit.at_most else "no"
            if not limit.fast:
                row = replace(row, at_most=limit.at_most, met=met)
            elif self.compiled == "yes":
                row = replace(row, at_most_fast=limit.at_most, met_fast=met)
            else:
                row = replace(row, at_most_fast=limit.at_most, met_fast="without fast")
        return row

    @property
    def key(self) -> tuple[str, str, str, int, str, str]:
        return (self.row, self.product, self.dtype, self.threads, self.side, self.compiled)

    def line(self) -> str:
        """The row for a terminal."""
        head = f"{self.row:25} {self.product:10} {self.dtype} {self.threads}t {self.side:18}"
        head += " " if self.compiled == "yes" else " not compiled "
        if self.ratio is None:
            return f"{head} {self.note}"
        times = f"{self.ours:9.3f} {self.theirs:9.3f} ms {self.ratio:7.3f}"
        limits = [
            f"<= {limit:.3g}{what}: {met}"
            for limit, what, met in (
                (self.at_most, "", self.met),
                (self.at_most_fast, " with fast", self.met_fast),
            )
            if limit is not None
        ]
        doubt = ""
        if self.counted == "no":
            doubt = f"(not counted: minima {self.ratio_of_minima:.3f}, others {self.others} cores)"
        return " ".join(filter(None, [head, times, self.engine, *limits, doubt, self.note]))


def bounds(case: Case, dtype: str, rates: dict[str, float]) -> tuple[float, float]:
    """Milliseconds that the flops of C and the bytes of operand, kernel and result take at least."""
    batch = case.batch or 1
    itemsize = 4 if dtype == "float32" else 8
    samples = batch * (math.prod(case.x_shape) + math.prod(case.y_shape))
    nbytes = itemsize * (samples + math.prod(case.weight_shape))
    flops = 2 * case.entries() * batch
    return milliseconds(flops / rates["flops"]), milliseconds(nbytes / rates["bytes"])


def milliseconds(seconds: float) -> float:
    return significant(seconds * 1e3)


def significant(value: float) -> float:
    return float(f"{value:.4g}")


def write(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    names = [field.name for field in fields(Row)]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([getattr(row, name) for name in names] for row in rows)


def read(path: Path) -> list[Row]:
    """The rows of an earlier run; none if there was none."""
    if not path.exists():
        return []
    numbers = {field.name for field in fields(Row) if "float" in str(field.type)}
    with path.open(newline="", encoding="utf-8") as file:
        return [Row(**_parsed(values, numbers)) for values in csv.DictReader(file)]


def _parsed(values: dict[str, str], numbers: set[str]) -> dict[str, Any]:
    parsed: dict[str, Any] = {
        name: (float(value) if value else None) if name in numbers else value
        for name, value in values.items()
    }
    return parsed | {"threads": int(values["threads"])}


def merge(old: list[Row], new: list[Row]) -> list[Row]:
    """The old rows, those measured again replaced in place, the others at the end."""
    fresh = {row.key: row for row in new}
    kept = [fresh.pop(row.key, row) for row in old]
    return kept + list(fresh.values())


def describe_machine(path: Path) -> None:
    """Cores and versions: what a reader needs, and nothing that names a machine."""
    facts = {
        "cores": len(os.sched_getaffinity(0))
        if hasattr(os, "sched_getaffinity")
        else os.cpu_count(),
        "architecture": platform.machine(),
        "python": platform.python_version(),
        "versions": {name: _version(name) for name in PACKAGES},
        "OMP_WAIT_POLICY": "passive",
    }
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "from the working tree" if name == "sparse_tconv" else "not installed"
