"""``sparse-tconv deblur``: an image file, restored."""

from __future__ import annotations

import argparse
import re
import sys
import warnings
from importlib.util import find_spec
from typing import Any

from ..inverse import ConvergenceWarning, deblur_photograph
from ._arrays import read_array
from ._json import json_text
from ._output import file_type, told
from ._parser import OK, Commands, add_command
from ._values import PADDING_MODES, word_or_number, words

EXAMPLES = """\
  sparse-tconv deblur photo.png --psf motion:15,30 -o sharp.png
  sparse-tconv deblur photo.png --psf gauss:2 --damp discrepancy --noise 0.01 -o sharp.png
  sparse-tconv deblur photo.png --psf psf.npy --damp 0.02 --regularizer gradient -o sharp.png"""

_IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".pgm", ".ppm")
_ARRAY = re.compile(r".+\.(npy|npz|npz:.+)", re.IGNORECASE | re.DOTALL)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "deblur",
        run,
        summary="restore a blurred photograph",
        description="Restore an image that a known blur has passed over: min |C x - y|^2 + damp^2 "
        "|L x|^2, every color channel apart, with one damp for all of them. Gray, color, palette, "
        "transparent and 16-bit images (needs Pillow).",
        examples=EXAMPLES,
    )
    command.add_argument("image", metavar="IMAGE", help="the blurred image, in any format")
    command.add_argument(
        "--psf",
        required=True,
        metavar="PSF",
        help="the blur: gauss:SIGMA, defocus:RADIUS, motion:LENGTH,ANGLE (degrees), box:SIDE, or "
        "an array: FILE.npy, FILE.npz:NAME",
    )
    command.add_argument(
        "-o",
        "--output",
        type=file_type(*_IMAGES),
        required=True,
        metavar="FILE",
        help=f"the image to write: {', '.join(_IMAGES)}",
    )
    command.add_argument(
        "--damp",
        type=word_or_number,
        default="gcv",
        metavar="DAMP",
        help="a number, or the rule that chooses it: gcv, lcurve, or discrepancy with --noise "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--noise",
        type=float,
        metavar="X",
        help="norm of the noise over that of the image: 0.01 for 1 %%",
    )
    command.add_argument(
        "--regularizer",
        metavar="L",
        help="what is damped: gradient or laplacian (default: the image itself)",
    )
    command.add_argument(
        "--padding-mode",
        type=words,
        default="symmetric",
        metavar="MODE",
        help=f"what is assumed beyond the border: {PADDING_MODES} (default: %(default)s)",
    )
    command.add_argument("--json", action="store_true", help="print one JSON object")


def run(arguments: argparse.Namespace) -> int:
    """Read, restore, write."""
    psf = arguments.psf
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the table has the status
        solution = deblur_photograph(
            arguments.image,
            arguments.output,
            read_array("psf", psf) if _ARRAY.fullmatch(psf) else psf,
            damp=arguments.damp,
            noise=arguments.noise,
            regularizer=arguments.regularizer,
            padding_mode=arguments.padding_mode,
            progress=_on_terminal(),
        )
    if arguments.json:
        facts = {"output": str(arguments.output), "psf": psf, **_facts(solution)}
        told(arguments.output, json_text(facts))
    else:
        told(arguments.output, f"{solution}\nwrote {arguments.output}")
    return OK


def _on_terminal() -> bool:
    """Whether there is a terminal for a progress bar, and tqdm to draw it."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal and find_spec("tqdm") is not None


def _facts(solution: Any) -> dict[str, Any]:
    """What the table says, by name."""
    return {
        "shape": solution.x.shape,
        "damp": float(solution.damp),
        "chosen_by": solution.chosen_by,
        "method": solution.method,
        "status": solution.status.value,
        "iterations": int(solution.iterations),
        "residual_norm": float(solution.residual_norm),
        "solution_norm": float(solution.solution_norm),
        "channels": [
            {"residual_norm": residual, "solution_norm": size}
            for residual, size in zip(solution.residual_norms, solution.solution_norms, strict=True)
        ],
    }
