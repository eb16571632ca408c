"""``sparse-tconv check``: whether an adjoint is one."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

from ..errors import MatrixTooLargeError, ShapeError
from ..testing import AdjointReport, diagnose, dot_test
from ._errors import UsageError
from ._importing import (
    is_reference,
    prints_aside,
    raising_told,
    resolve,
    working_directory_importable,
)
from ._json import json_text
from ._operator import WEIGHT_HELP, add_operator_options, given_options, operator_of
from ._parser import FAILED_CHECK, OK, Commands, add_command
from ._values import numbers

EXAMPLES = """\
  sparse-tconv check weight.npy --in-shape 3,64,64 --stride 2 --padding-mode symmetric --padding 1
  sparse-tconv check mymodule:forward mymodule:adjoint --in-shape 16,16 --out-shape 14,14
  sparse-tconv check mymodule:operator"""
EXTRA_EXAMPLES = """
  sparse-tconv check model.onnx:conv1"""


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "check",
        run,
        summary="test <Ax, y> = <x, A^H y>, also for functions of your own",
        description="Test whether a forward and an adjoint are a pair, and say what is wrong if "
        "they are not: two functions of one array, a linear operator, or a convolution "
        "of this library. Functions need --in-shape (of several arrays: '(3,4),(2,)') and may have "
        "--dtype. The exit code is 1 if they are not a pair.",
        examples=EXAMPLES + EXTRA_EXAMPLES,
    )
    command.add_argument(
        "weight",
        metavar="FORWARD",
        help=f"MODULE:NAME of a function or a linear operator; or {WEIGHT_HELP}",
    )
    command.add_argument(
        "adjoint",
        metavar="ADJOINT",
        nargs="?",
        help="MODULE:NAME of the adjoint; a linear operator has its own",
    )
    command.add_argument("--out-shape", type=numbers, metavar="SHAPE", help="checked when given")
    command.add_argument("--trials", type=int, default=10, metavar="N", help="random probes: 10")
    command.add_argument("--seed", type=int, metavar="N", help="of the probes: repeats a report")
    command.add_argument("--rtol", type=float, metavar="X", help="allowed gap (default: rounding)")
    command.add_argument("--json", action="store_true", help="print one JSON object")
    add_operator_options(command)


def run(arguments: argparse.Namespace) -> int:
    """Run the dot test and, where it fails, the diagnosis."""
    if arguments.json:
        with prints_aside(for_good=arguments.alone) as tell, working_directory_importable():
            report, diagnosis, _ = _checked(arguments)
            tell(json_text(_facts(report, diagnosis)))
    else:
        with working_directory_importable():
            report, _, told = _checked(arguments)
        print("\n".join(filter(None, [repr(report), told])))
    return OK if report else FAILED_CHECK


def _checked(arguments: argparse.Namespace) -> tuple[AdjointReport, list[Any], str]:
    """The report and, where it failed, the diagnosis, as a list and in words."""
    pair = _pair(arguments)
    with raising_told(f"`forward` must be a pair's; got {arguments.weight!r}: {{}}. Mend it."):
        report = dot_test(**pair, trials=arguments.trials, rng=arguments.seed)
        return (report, [], "") if report else (report, *_diagnosis(pair))


def _pair(arguments: argparse.Namespace) -> dict[str, Any]:
    """What `dot_test` and `diagnose` are to look at."""
    shared = {"out_shape": arguments.out_shape, "rtol": arguments.rtol}
    if arguments.adjoint is None and not is_reference(arguments.weight):
        op = operator_of(arguments)
        return {"op": op, "in_shape": op.in_shape, **shared}
    given = vars(arguments)
    typed = [option for option in given_options(arguments) if option != "--in-shape"]
    of_models = {"--input-shape": "input_shape", "--fold-pads": "fold_pads"}
    for option in [*typed, *(option for option, name in of_models.items() if name in given)]:
        raise UsageError(
            f"`{option}` must go with a weight; got {arguments.weight!r}. Leave it out."
        )
    return {
        "op": resolve("forward", arguments.weight),
        "adjoint": None if arguments.adjoint is None else resolve("adjoint", arguments.adjoint),
        "in_shape": given.get("in_shape"),
        "dtype": given.get("dtype"),
        **shared,
    }


def _diagnosis(pair: dict[str, Any]) -> tuple[list[Any], str]:
    """What `diagnose` finds, as a list and in words; it takes small shapes only."""
    try:
        found = diagnose(**pair)
    except (MatrixTooLargeError, ShapeError) as error:
        return [], f"Diagnosis: none. {error}"
    return list(found), repr(found)


def _facts(report: AdjointReport, diagnosis: list[Any]) -> dict[str, Any]:
    """The report by name."""
    return {
        "passed": report.passed,
        **asdict(report),
        "diagnosis": [asdict(finding) for finding in diagnosis],
    }
