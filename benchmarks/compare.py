"""sparse_tconv against other libraries: each side in its own process, measured in turns.

    python benchmarks/compare.py                    all rows; writes results/compare.csv and plots
    python benchmarks/compare.py --rows 9x9 --dtype float64 --threads 2 --sides torch
    python benchmarks/compare.py --sides engines    'auto' against every engine
    python benchmarks/compare.py --without-fast     all rows without compiled loops, beside the others
    python benchmarks/compare.py --list             the rows and the sides

The table holds rows with compiled loops and rows without: a run replaces those of its own kind only.
A run with a filter prints and writes nothing, unless --write asks to replace its rows in the file.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from cases import ASSEMBLY, PRODUCTS, Case
from plots import plot_comparison
from race import QUICK, Effort, Stable, differs, prepare, race
from rows import Row, describe_machine, merge, read, write
from sides import ASSEMBLY_SIDES, OURS, PRODUCT_SIDES
from verdict import print_verdict

from sparse_tconv.engines import engine_names

RESULTS = Path(__file__).with_name("results")
PRODUCT_NAMES = ("transposed", "forward", "assembly")
DTYPES = ("float64", "float32")
THREADS = (1, 2)


def main() -> int:
    arguments = parse()
    if arguments.list:
        print_list()
        return 0
    writing = arguments.write or not (filtered(arguments) or arguments.quick)
    table = arguments.output / "compare.csv"
    old = read(table)
    if not filtered(arguments):
        old = [row for row in old if row.compiled != compiled(arguments)]
    rows: list[Row] = []
    for row in measure(arguments):
        print(row.line(), flush=True)
        rows.append(row)
        if writing:  # every time: an interrupted run keeps what it has
            write(table, merge(old, rows))
    print_verdict(rows)
    if writing:
        describe_machine(arguments.output / "machine.json")
        plot_comparison(merge(old, rows), arguments.output)
    return int(any(row.note.startswith(("DIFFERS", "ERROR")) for row in rows))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--rows", nargs="+", metavar="TEXT", help="rows whose name is, or else contains, a text"
    )
    parser.add_argument("--dtype", nargs="+", choices=DTYPES)
    parser.add_argument("--threads", nargs="+", type=int)
    parser.add_argument(
        "--sides", nargs="+", metavar="SIDE", help="names from --list; 'engines' is all engines"
    )
    parser.add_argument("--product", nargs="+", choices=PRODUCT_NAMES)
    parser.add_argument("--turns", type=int, default=Effort.turns, help="turns of each side")
    parser.add_argument("--quick", action="store_true", help="one call of everything: a smoke run")
    parser.add_argument("--without-fast", action="store_true", help="as if Numba were missing")
    parser.add_argument("--write", action="store_true", help="write a filtered run's rows too")
    parser.add_argument("--output", type=Path, default=RESULTS, metavar="DIRECTORY")
    parser.add_argument("--list", action="store_true", help="name rows and sides, and stop")
    return parser.parse_args()


def compiled(arguments: argparse.Namespace) -> str:
    """Whether this run has compiled loops, as the table says it."""
    return "no" if arguments.without_fast or find_spec("numba") is None else "yes"


def filtered(arguments: argparse.Namespace) -> bool:
    chosen = (arguments.rows, arguments.dtype, arguments.threads, arguments.sides)
    return any((*chosen, arguments.product))


def print_list() -> None:
    print("rows:", *(f"  {case.name}" for case in PRODUCTS), sep="\n")
    print("rows of assembly:", *(f"  {case.name}" for case in ASSEMBLY), sep="\n")
    print("sides:", *(name for name in PRODUCT_SIDES if name != OURS), *engine_sides())
    print("sides of assembly:", *(name for name in ASSEMBLY_SIDES if name != OURS))


def engine_sides() -> list[str]:
    return [f"engine:{name}" for name in engine_names() if name != "auto"]


def measure(arguments: argparse.Namespace) -> Iterator[Row]:
    """All rows asked for, one set of processes for each number of threads."""
    effort = QUICK if arguments.quick else Effort(turns=arguments.turns)
    for threads in arguments.threads or THREADS:
        with Stable(threads, arguments.without_fast) as stable:
            for product in arguments.product or PRODUCT_NAMES:
                sides = chosen_sides(arguments.sides, product)
                for case in chosen_cases(arguments.rows, product):
                    for dtype in arguments.dtype or DTYPES:
                        if product != "assembly" or dtype == "float64":
                            start = Row.begin(case, dtype, product, threads, compiled(arguments))
                            yield from compare(stable, case, start, sides, effort)


def chosen_sides(wanted: list[str] | None, product: str) -> list[str]:
    known = ASSEMBLY_SIDES if product == "assembly" else PRODUCT_SIDES
    names = [name for name in known if name != OURS]
    if product != "assembly":
        names += engine_sides()
    if wanted is None:
        return names
    return [n for n in names if n in wanted or ("engines" in wanted and n.startswith("engine:"))]


def chosen_cases(wanted: list[str] | None, product: str) -> list[Case]:
    cases = ASSEMBLY if product == "assembly" else PRODUCTS
    if wanted is None:
        return list(cases)
    exact = {case.name for case in (*ASSEMBLY, *PRODUCTS)}
    return [
        case
        for case in cases
        if any(text == case.name or (text not in exact and text in case.name) for text in wanted)
    ]


def compare(
    stable: Stable, case: Case, start: Row, sides: list[str], effort: Effort
) -> Iterator[Row]:
    """One row for each side that takes part."""
    if not sides:
        return
    dtype, product = start.dtype, start.product
    answers = prepare(stable, [OURS, *sides], case, dtype, product)
    ours = answers.pop(OURS)
    if "fingerprint" not in ours:
        yield start.failed(OURS, ours)
        return
    ready = [name for name, answer in answers.items() if "fingerprint" in answer]
    for name, answer in answers.items():
        if "error" in answer or (name not in ready and name.startswith("engine:")):
            yield start.failed(name, answer)
    results = race(stable, OURS, ready, effort)
    rates = stable.rates(OURS, dtype)
    for name, result in results.items():
        wrong = differs(ours["fingerprint"], answers[name]["fingerprint"], dtype)
        note = "DIFFERS from our result" if wrong and name != "numpy.copyto" else ""
        yield start.finished(name, result, ours, answers[name], rates, case, note)


if __name__ == "__main__":
    sys.exit(main())
