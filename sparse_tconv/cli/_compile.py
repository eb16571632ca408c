"""``sparse-tconv compile``: compiled loops before anybody waits for them."""

from __future__ import annotations

import argparse
import time

import numpy as np

from ..choice import compile_ahead, has_compiler
from ..engines import on_disk
from ..errors import MissingExtraError
from ._parser import FAILED_CHECK, OK, Commands, add_command

EXAMPLES = """\
  sparse-tconv compile
  sparse-tconv compile --dtype float32"""
_USUAL = ("float32", "float64")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "compile",
        run,
        summary="compile the loops of the extra `fast` ahead",
        description="Compile the loops of the engines direct and blocks, which need Numba, and keep "
        "them on disk: beside the package, or where NUMBA_CACHE_DIR says. Processes that find them "
        "there take them as soon as they pay.",
        examples=EXAMPLES,
    )
    command.add_argument(
        "--dtype",
        action="append",
        metavar="DTYPE",
        choices=(*_USUAL, "complex64", "complex128"),
        help="float32, float64, complex64 or complex128; may be given again "
        f"(default: {' and '.join(_USUAL)})",
    )


def run(arguments: argparse.Namespace) -> int:
    """Compile for each type, and say what is on disk then."""
    if not has_compiler():
        raise MissingExtraError(
            "`compile` must find Numba; got none. Run: pip install 'sparse_tconv[fast]'"
        )
    kept = True
    for name in arguments.dtype or _USUAL:
        start = time.perf_counter()
        loops = compile_ahead(np.dtype(name))
        there = all(map(on_disk, loops))
        where = "on disk" if there else "nothing could be kept on disk"
        print(f"{name:<12}{len(loops)} loops  {time.perf_counter() - start:6.1f} s  {where}")
        kept = kept and there
    return OK if kept else FAILED_CHECK
