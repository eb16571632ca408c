"""What a table says in short: limits met, means, and whether 'auto' chooses well."""

from __future__ import annotations

import math
from collections.abc import Iterable
from itertools import groupby

from cases import AUTO_AT_MOST, MEAN_AT_MOST, MEAN_WITHOUT_FAST, ROW_AT_MOST
from rows import Row


def print_verdict(rows: list[Row]) -> None:
    print()
    for title, lines in (
        ("Limits not met", list(missed(rows))),
        ("Mean ratio to PyTorch", list(means(rows))),
        (f"'auto' more than {AUTO_AT_MOST} times the best engine", list(poor_choices(rows))),
        ("'auto' chose csr where it loses by 2", list(poor_choices(rows, 2.0, "csr"))),
        ("Rows not counted", [row.line() for row in rows if row.counted == "no"]),
    ):
        print(f"{title}: {'none' if not lines else ''}")
        for line in lines:
            print(f"  {line}")


def missed(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        if "no" in (row.met, row.met_fast):
            bound = "flops" if (row.flops_bound or 0) > (row.bytes_bound or 0) else "bytes"
            least = max(row.flops_bound or 0, row.bytes_bound or 0)
            yield f"{row.line()}; {bound} alone take {least:.3f} ms"


def means(rows: Iterable[Row]) -> Iterable[str]:
    """Geometric means for each product, dtype and number of threads, with compiled loops and
    without.
    """

    def group(row: Row) -> tuple[str, str, int, str]:
        return (row.product, row.dtype, row.threads, row.compiled)

    chosen = [row for row in rows if row.side == "torch" and row.ratio is not None]
    for (product, dtype, threads, compiled), same in groupby(sorted(chosen, key=group), group):
        ratios = {row.row: row.ratio or math.nan for row in same}
        mean = math.exp(math.fsum(map(math.log, ratios.values())) / len(ratios))
        worst = max(ratios, key=lambda name: ratios[name])
        kind = "compiled" if compiled == "yes" else "not compiled"
        line = f"{product} {dtype} {threads}t {kind}: {mean:.3f} over {len(ratios)} rows, "
        line += f"most {ratios[worst]:.3f} ({worst})"
        if product == "transposed" and threads == 2:
            most = MEAN_AT_MOST if compiled == "yes" else MEAN_WITHOUT_FAST
            line += f"; at most {most[dtype]}" + f" and {ROW_AT_MOST}" * (compiled == "yes")
        yield line


def poor_choices(
    rows: Iterable[Row], at_most: float = AUTO_AT_MOST, chosen: str = ""
) -> Iterable[str]:
    """Rows where another engine is faster by more than that, and 'auto' chose a certain one."""
    for row in rows:
        other = row.side.removeprefix("engine:")
        if other in (row.side, row.engine) or chosen not in ("", row.engine):
            continue  # no engine, or the same one, where the ratio is noise
        if row.ratio is not None and row.ratio > at_most:
            yield row.line()
