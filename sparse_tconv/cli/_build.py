"""``sparse-tconv build``: the matrix into a file."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import numpy as np
import scipy.io
import scipy.sparse

from .._files import replaced
from ._errors import UsageError
from ._json import json_text
from ._operator import WEIGHT_HELP, add_operator_options, operator_of
from ._output import file_type, told
from ._parser import OK, Commands, add_command

EXAMPLES = """\
  sparse-tconv build weight.npy --in-shape 3,64,64 --stride 2 --padding 1 -o C.npz
  sparse-tconv build psf.npy --no-channels --in-shape 256,256 --padding same --flip -o C.mtx

  C.npz is read by scipy.sparse.load_npz, C.mtx by scipy.io.mmread and by MATLAB, Julia and R."""
EXTRA_EXAMPLES = """

  sparse-tconv build model.onnx:conv1 -o C.npz"""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "build",
        run,
        summary="write the matrix of a convolution to a file",
        description="Write the matrix of a convolution, or with --transpose of a transposed one, "
        "by scipy.sparse.save_npz or scipy.io.mmwrite. A bias is no part of it.",
        examples=EXAMPLES + EXTRA_EXAMPLES,
    )
    command.add_argument("weight", metavar="WEIGHT", help=WEIGHT_HELP)
    command.add_argument(
        "-o",
        "--output",
        type=file_type(".npz", ".mtx"),
        required=True,
        metavar="FILE",
        help="the file to write: .npz, or .mtx (Matrix Market)",
    )
    add_operator_options(command)
    command.add_argument(
        "--drop-zeros",
        action="store_true",
        help="leave out taps that are zero in every channel pair",
    )
    command.add_argument("--index-dtype", metavar="DTYPE", help="int32 or int64")
    command.add_argument(
        "--max-bytes",
        type=int,
        metavar="N",
        help="refuse a larger matrix (default: what memory is available)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Build the matrix and write it."""
    op = operator_of(arguments)
    _check_digits(op.dtype, arguments.output)
    matrix = op.to_matrix(
        index_dtype=arguments.index_dtype,
        drop_zeros=arguments.drop_zeros,
        max_bytes=arguments.max_bytes,
    )
    _write(matrix, arguments.output)
    facts = {
        "output": str(arguments.output),
        "shape": matrix.shape,
        "nnz": matrix.nnz,
        "dtype": str(matrix.dtype),
        "index_dtype": str(matrix.indices.dtype),
        "in_shape": op.in_shape,
        "out_shape": op.out_shape,
    }
    if arguments.json:
        told(arguments.output, json_text(facts))
    else:
        rows, columns = matrix.shape
        told(
            arguments.output,
            f"wrote {arguments.output}: {rows:,} x {columns:,}, "
            f"{matrix.nnz:,} entries, {matrix.dtype}",
        )
    return OK


def _check_digits(dtype: np.dtype[Any], path: Path) -> None:
    """Refuse to lose digits: of a longdouble, SciPy's Matrix Market writer writes six."""
    if _is_text(path) and dtype in (np.longdouble, np.clongdouble):
        raise UsageError(
            f"`--output` must end in .npz for {dtype}; got {str(path)!r}. "
            f"Write {path.stem}.npz, or convert with --dtype."
        )


def _write(matrix: scipy.sparse.csr_array, path: Path) -> None:
    """Write the matrix in the format that the file's name says."""
    # Into open files: by itself, SciPy's Matrix Market writer does not notice a full disk.
    with replaced(path) as draft, draft.open("wb") as file:
        if _is_text(path):
            scipy.io.mmwrite(file, matrix)
        else:
            scipy.sparse.save_npz(file, matrix)


def _is_text(path: Path) -> bool:
    return path.suffix.lower() == ".mtx"
