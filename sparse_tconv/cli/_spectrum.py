"""``sparse-tconv spectrum``: the singular values of an operator, and what follows from them."""

from __future__ import annotations

import argparse
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from .. import plotting
from .._files import replaced
from ..analysis import Result, norm_bounds, singular_values, spectral_norm
from ..errors import GeometryError, MatrixTooLargeError, MissingExtraError
from ..operators import ConvOperator
from ..spectral import METHODS
from ._errors import UsageError
from ._json import json_text
from ._operator import WEIGHT_HELP, add_operator_options, operator_of
from ._output import file_type, told
from ._parser import OK, Commands, add_command

EXAMPLES = """\
  sparse-tconv spectrum weight.npy --in-shape 3,16,16 --padding 1
  sparse-tconv spectrum weight.npy --in-shape 3,64,64 --padding 1 --stride 2 -k 3 -o spectrum.png
  sparse-tconv spectrum weight.npy --in-shape 3,16,16 --which smallest -k 2 --json"""
EXTRA_EXAMPLES = """
  sparse-tconv spectrum model.onnx:conv1"""

_SOME = 6  # values of an operator that is too large for all of them
_MOST_ALL = 1 << 21  # values, of a structure
_MOST_ITERATED = 1 << 16  # smaller side for an iteration that was not asked for: under a minute
_MOST_BYTES = 1 << 30
_UNKNOWN = "not found"


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "spectrum",
        run,
        summary="singular values, rank, condition and bounds of the norm",
        description="Print rank, largest and smallest singular value, condition number, guaranteed "
        "bounds of the norm, and the method with a bound of its error. An operator too large for "
        "all values has its largest ones found, or none; the bounds of the norm are for any size.",
        examples=EXAMPLES + EXTRA_EXAMPLES,
    )
    command.add_argument("weight", metavar="WEIGHT", help=WEIGHT_HELP)
    command.add_argument("-k", type=int, metavar="N", help="find and print only so many values")
    command.add_argument(
        "--which", choices=("largest", "smallest"), default="largest", help="which of them"
    )
    command.add_argument(
        "--method",
        default="auto",
        metavar="NAME",
        help=f"how they are found: auto, {', '.join(METHODS)}; for a few also lanczos (largest), "
        "lu, qr, augmented or gram (smallest)",
    )
    command.add_argument(
        "-o",
        "--output",
        type=file_type(".png", ".svg", ".pdf"),
        metavar="FILE",
        help="draw the values: .png, .svg or .pdf (needs matplotlib)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")
    add_operator_options(command)


def run(arguments: argparse.Namespace) -> int:
    """Find the values, draw them, and print what follows from them."""
    op = operator_of(arguments)
    axes = None if arguments.output is None else _axes()
    k, which = arguments.k, arguments.which
    found = _found(op, k, which, arguments.method)
    if axes is not None:
        _draw(found, axes, arguments.output)
    facts = _facts(op, _whole(op, found), found, which)
    if arguments.json:
        print(json_text(facts))
        return OK
    print(_table(facts, k))
    if axes is not None:
        told(arguments.output, f"wrote {arguments.output}")
    return OK


def _found(op: ConvOperator, k: int | None, which: str, method: str) -> Result | None:
    """All values where they were not limited and are affordable, else a few, else none."""
    if k is None and (method in METHODS or (method == "auto" and _structure_fits(op))):
        try:
            return singular_values(op, None, which, method)
        except (GeometryError, MatrixTooLargeError):
            if method != "auto":
                raise
    if k is None and min(op.shape) > _MOST_ITERATED:
        return None
    count = min(_SOME, *op.shape) if k is None else k
    if _vector_bytes(op, count) > _MOST_BYTES:
        raise UsageError(
            f"`-k` must be small enough for the vectors of an iteration to fit; got {count} for "
            f"{op.shape[0]:,} x {op.shape[1]:,}. Leave it out for the bounds of the norm."
        )
    if method == "auto" and which == "largest" and not _structure_fits(op):
        method = "lanczos"
    return singular_values(op, count, which, method)


def _whole(op: ConvOperator, found: Result | None) -> Result | None:
    """All values: those found, or once more where the method knew them all."""
    if found is None or len(found) == min(op.shape):
        return found
    return singular_values(op, None, "largest", found.method) if found.method in METHODS else None


def _structure_fits(op: ConvOperator) -> bool:
    """Whether all values, and a block for each frequency of a structure, take little memory."""
    frequencies = prod(axis.n_out for axis in op.geometry.axes) * op.geometry.groups
    copies = 64 if op.dtype.kind == "c" else 32  # as real operators have half of the frequencies
    fits = copies * prod(op.shape) <= _MOST_BYTES * frequencies
    return min(op.shape) <= _MOST_ALL and fits


def _vector_bytes(op: ConvOperator, k: int) -> int:
    """What the vectors of an iteration take, some more than the values wanted."""
    return max(2 * k + 8, 32) * min(op.shape) * (16 if op.dtype.kind == "c" else 8)


def _facts(
    op: ConvOperator, whole: Result | None, found: Result | None, which: str
) -> dict[str, Any]:
    """What the table says, by name; None for what is not known."""
    bounds = norm_bounds(op)
    largest, smallest, rank = _ends(op, found if whole is None else whole, which)
    return {
        "operator": repr(op),
        "in_shape": op.in_shape,
        "out_shape": op.out_shape,
        "shape": op.shape,
        "rank": rank,
        "largest": largest,
        "smallest": smallest,
        "cond": largest / smallest if largest and smallest else None,
        "norm_lower": bounds.lower,
        "norm_upper": bounds.upper,
        "norm_method": bounds.method,
        "method": None if found is None else found.method,
        "error": None if found is None else found.error,
        "complete": None if found is None else found.complete,
        "which": which,
        "values": None if found is None else found.value.tolist(),
    }


def _ends(
    op: ConvOperator, found: Result | None, which: str
) -> tuple[float | None, float | None, int | None]:
    """Largest value, smallest value and rank, as far as the values tell."""
    if found is None:
        return None, None, None
    values, count = np.sort(found.value), min(op.shape)
    if values.size < count and which == "largest":
        return float(values[-1]), None, None
    largest = float(values[-1] if values.size == count else spectral_norm(op))
    tol = max(op.shape) * np.finfo(np.float64).eps * largest  # as numpy.linalg.matrix_rank
    below = int((values <= tol).sum())
    rank = None if below == values.size < count else count - below
    return largest, float(values[0]), rank


def _table(facts: dict[str, Any], k: int | None) -> str:
    """The facts in lines, the values too if they are some only."""
    values, count = facts["values"] or [], min(facts["shape"])
    shown = {
        "shape": "{:,} x {:,}".format(*facts["shape"]),
        "rank": _UNKNOWN if facts["rank"] is None else f"{facts['rank']:,}",
        "largest": _number(facts["largest"]),
        "smallest": _number(facts["smallest"]),
        "cond": _cond(facts),
        "norm": f"{_number(facts['norm_lower'])} to {_number(facts['norm_upper'])}"
        f" ({facts['norm_method']})",
        "method": facts["method"] or _UNKNOWN,
        "error": _UNKNOWN if facts["error"] is None else f"at most {facts['error']:.1e}",
        "complete": facts["complete"] or _UNKNOWN,
    }
    if k is not None or len(values) < count:
        shown |= {f"value {number}": _number(value) for number, value in enumerate(values, 1)}
    if not values:
        shown["note"] = "too large for all values; -k 1 looks for the largest"
    elif facts["smallest"] is None:
        shown["note"] = (
            f"{len(values)} of {count:,} values; --which smallest looks for the smallest"
        )
    width = max(map(len, shown))
    return "\n".join([facts["operator"], *(f"{name:<{width}}  {shown[name]}" for name in shown)])


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.9g}"


def _cond(facts: dict[str, Any]) -> str:
    """The condition number, as far as the error of the smallest value lets it be known."""
    smallest, error = facts["smallest"], facts["error"]
    if smallest is None:
        return _UNKNOWN
    if smallest > error:
        return _number(facts["cond"])
    if not error:
        return "inf"
    return f"at least {facts['largest'] / (smallest + error):.1e}: the smallest may be zero"


def _axes() -> Any:
    """Axes of a figure that no window belongs to."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError(
            "`--output` must have matplotlib; it is not installed. "
            "Run: pip install 'sparse_tconv[plot]'"
        ) from error
    return Figure(layout="constrained").subplots()


def _draw(found: Result | None, axes: Any, path: Path) -> None:
    if found is None:
        raise UsageError(
            "`--output` must have values to draw; got an operator too large for any. Leave it out."
        )
    plotting.spectrum(found, axes)
    with replaced(path) as draft:
        axes.figure.savefig(draft)
