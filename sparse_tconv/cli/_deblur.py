"""``sparse-tconv deblur``: an image file, restored."""

from __future__ import annotations

import argparse
import sys
import warnings
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..inverse import ConvergenceWarning, Solution, deblur
from ._arrays import names_array, read_array
from ._errors import UsageError
from ._image_files import Image, check_holds, image_format, read_image, write_image
from ._json import json_text
from ._output import file_type, told, told_aside
from ._parser import OK, Commands, Parser, add_command
from ._psf import read_psf
from ._values import PADDING_MODES, numbers, word_or_number, words

EXAMPLES = """\
  sparse-tconv deblur photo.png --psf motion:15,30 -o sharp.png
  sparse-tconv deblur photo.png --psf gauss:2 --saturated --json -o sharp.png
  sparse-tconv deblur photo.png --psf psf.npy --rule 0.02 --boundary symmetric -o sharp.png"""

_IMAGES = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp", ".pgm", ".ppm")
_NONE = ("none", "None")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    command = add_command(
        commands,
        "deblur",
        run,
        summary="restore a blurred photograph",
        description="Restore an image that a known blur has passed over, by "
        "sparse_tconv.inverse.deblur: nothing is assumed beyond its border, and a rule chooses how "
        "much is damped. Gray, color, palette, transparent and 16-bit gray images (needs Pillow). "
        "What speaks against the answer goes to standard error, a line each.",
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
    _add_model(command)
    _add_data(command)
    command.add_argument("--json", action="store_true", help="print one JSON object")


def _add_model(command: Parser) -> None:
    """Declare what the answer should be like."""
    command.add_argument(
        "--rule",
        "--damp",
        type=word_or_number,
        default="auto",
        metavar="RULE",
        help="what chooses the damp: auto, gcv, wgcv, lcurve, discrepancy or ncp; or the damp, a "
        "number (default: %(default)s)",
    )
    command.add_argument(
        "--regularizer",
        default="gradient",
        metavar="L",
        help="what is damped: gradient, laplacian, or none for the image itself "
        "(default: %(default)s)",
    )
    command.add_argument(
        "--penalty",
        default="l2",
        metavar="P",
        help="l2, or tv for images of flat parts with edges (default: %(default)s)",
    )
    command.add_argument(
        "--boundary",
        "--padding-mode",
        type=words,
        default="unknown",
        metavar="MODE",
        help=f"what is assumed beyond the border: unknown, {PADDING_MODES} (default: %(default)s)",
    )
    command.add_argument(
        "--center",
        type=numbers,
        metavar="ROW,COLUMN",
        help="index of the PSF's center (default: its middle)",
    )
    command.add_argument("--nonnegative", action="store_true", help="let nothing be below black")


def _add_data(command: Parser) -> None:
    """Declare what is known of the image."""
    noise = command.add_mutually_exclusive_group()
    noise.add_argument(
        "--sigma",
        type=float,
        metavar="S",
        help="standard deviation of the noise, in levels of the image: 0 to 255, or as it has",
    )
    noise.add_argument(
        "--noise",
        type=float,
        metavar="X",
        help="norm of the noise over that of the image: 0.01 for 1 %%",
    )
    command.add_argument(
        "--mask",
        metavar="FILE",
        help="an image, or an array of Booleans, of what is used: pixels that are black there, or "
        "False, are not",
    )
    command.add_argument(
        "--saturated", action="store_true", help="do not use pixels that are as bright as can be"
    )


def run(arguments: argparse.Namespace) -> int:
    """Read, restore, write."""
    psf, kind = read_psf(arguments.psf), image_format(arguments.output)
    image = read_image("image", Path(arguments.image))
    check_holds(arguments.output, kind, image)
    solution = _restored(arguments, image, psf)
    write_image(arguments.output, kind, replace(image, values=solution.x))
    for line in image.notes:
        told_aside(f"note: {line}")
    for line in solution.findings:
        told_aside(f"finding: {line}")
    if arguments.json:
        facts = {"output": str(arguments.output), "psf": arguments.psf, **_facts(solution)}
        told(arguments.output, json_text(facts))
    else:
        table = replace(solution, findings=())
        told(arguments.output, f"{table}\nwrote {arguments.output}")
    return OK


def _restored(arguments: argparse.Namespace, image: Image, psf: NDArray[Any]) -> Solution:
    mask = _mask(arguments, image)
    regularizer = arguments.regularizer
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the table has the status
        return deblur(
            image.values,
            psf,
            sigma=_sigma(arguments, image, mask),
            channel_axis=image.channel_axis,
            boundary=arguments.boundary,
            regularizer=None if regularizer in _NONE else regularizer,
            rule=arguments.rule,
            penalty=arguments.penalty,
            nonnegative=arguments.nonnegative,
            mask=mask,
            center=arguments.center,
            progress=_on_terminal(),
        )


def _sigma(
    arguments: argparse.Namespace, image: Image, mask: NDArray[np.bool_] | None
) -> float | None:
    """The noise in levels of the image."""
    if arguments.noise is None:
        given: float | None = arguments.sigma
        return given
    if not 0 < arguments.noise < np.inf:
        raise UsageError(
            f"`--noise` must be a finite number, above 0; got {arguments.noise}. "
            f"Pass 0.01 for noise of 1 % of the image."
        )
    used = image.values if mask is None else image.values[mask]
    squares = np.square(used, dtype=np.float64)
    return float(arguments.noise) * float(np.sqrt(squares.mean())) if squares.any() else None


def _mask(arguments: argparse.Namespace, image: Image) -> NDArray[np.bool_] | None:
    """What is used, of every color apart where that tells."""
    found = None
    if arguments.mask is not None:
        found = _read_mask(arguments.mask, image)
    if arguments.saturated:
        values = image.values
        top = np.iinfo(values.dtype).max if values.dtype.kind == "u" else np.nanmax(values)
        found = values < top if found is None else (values < top) & found
    return found


def _read_mask(source: str, image: Image) -> NDArray[np.bool_]:
    """A mask of the image's shape."""
    if names_array(source):
        found = read_array("--mask", source)
    else:
        values = read_image("--mask", Path(source)).values
        found = np.asarray(values > 0 if values.ndim == 2 else (values > 0).any(axis=-1))
    size = image.values.shape[:2]
    if found.dtype != np.bool_ or found.shape not in (size, image.values.shape):
        raise UsageError(
            f"`--mask` must be Boolean and of the image's size, {size}; got {found.dtype} of shape "
            f"{found.shape}. Make it from the image."
        )
    return found if found.ndim == image.values.ndim else _for_all(found, image)


def _for_all(mask: NDArray[np.bool_], image: Image) -> NDArray[np.bool_]:
    """A mask of pixels for all their colors."""
    return np.broadcast_to(mask[..., None], image.values.shape)


def _on_terminal() -> bool:
    """Whether there is a terminal for a progress bar, and tqdm to draw it."""
    terminal = sys.stderr is not None and sys.stderr.isatty()
    return terminal and find_spec("tqdm") is not None


def _facts(solution: Solution) -> dict[str, Any]:
    """What the table says, by name."""
    return {
        "shape": solution.x.shape,
        "dtype": str(solution.x.dtype),
        "damp": float(solution.damp),
        "chosen_by": solution.chosen_by,
        "method": solution.method,
        "status": solution.status.value,
        "iterations": int(solution.iterations),
        "residual_norm": float(solution.residual_norm),
        "solution_norm": float(solution.solution_norm),
        "gap": solution.gap,
        "bounds": solution.bounds,
        "findings": list(solution.findings),
    }
