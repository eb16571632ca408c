"""Image files deblurred: read, channel by channel, written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import GeometryError, MissingExtraError
from ..solution import Solution
from . import psf as psfs
from ._arguments import number, one_of
from ._blur import blur
from ._tikhonov import tikhonov

Image = NDArray[np.float64]

# The words of parse_psf, and how many numbers may follow each.
_WORDS = {"gauss": (1, 2), "defocus": (1, 1), "motion": (1, 2), "box": (1, 2)}


def parse_psf(text: str) -> NDArray[np.float64]:
    """A point-spread function from a word and its numbers.

    Parameters
    ----------
    text : str
        'gauss:sigma', 'gauss:sigma,side', 'defocus:radius', 'motion:length', 'motion:length,angle',
        'box:side' or 'box:rows,columns'.

    Returns
    -------
    ndarray of float64, 2-d

    Raises
    ------
    GeometryError
        The text is none of these, or a number is out of range.

    Examples
    --------
    >>> from sparse_tconv.inverse import parse_psf
    >>> parse_psf("motion:15,30").shape
    (9, 13)
    >>> parse_psf("motion")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `psf` must have 1 to 2 numbers after 'motion:'; got 'motion'.
        Write motion:15,30, say.
    """
    word, _, rest = text.partition(":")
    one_of("psf", word, tuple(_WORDS))
    least, most = _WORDS[word]
    parts = [part for part in rest.split(",") if part.strip()]
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if not least <= len(numbers) <= most:
        span = f"{least}" if least == most else f"{least} to {most}"
        example = {"gauss": "gauss:2", "defocus": "defocus:5", "box": "box:3"}.get(
            word, "motion:15,30"
        )
        raise GeometryError(
            f"`psf` must have {span} numbers after '{word}:'; got {text!r}. Write {example}, say."
        )
    whole = [int(value) if value.is_integer() else value for value in numbers]
    if word == "box":
        return psfs.box(whole[0] if len(whole) == 1 else tuple(whole))
    if word == "gauss":
        return psfs.gauss(numbers[0], *whole[1:])
    return psfs.defocus(numbers[0]) if word == "defocus" else psfs.motion(*numbers)


def deblur_photograph(
    source: str | Path,
    target: str | Path,
    psf: str | ArrayLike,
    *,
    damp: float | str = "gcv",
    noise: float | None = None,
    regularizer: Any = None,
    padding_mode: Any = "symmetric",
    progress: bool = False,
) -> Solution:
    """Deblur an image file into another, every channel apart, with one damp.

    Parameters
    ----------
    source, target : str or Path
        What to read and to write, in any format of Pillow's.
    psf : str or array-like, 2-d
        The blur, as an array or for :func:`parse_psf`.
    damp : float or str, default 'gcv'
        As for :func:`sparse_tconv.inverse.tikhonov`.
    noise : float, optional
        The norm of the noise relative to that of the image, for damp='discrepancy'.
    regularizer, padding_mode
        As for :func:`sparse_tconv.inverse.tikhonov` and :func:`sparse_tconv.inverse.blur`.
    progress : bool, default False
        Show a bar while iterating.

    Returns
    -------
    Solution
        x is (channels, rows, columns), black being 0 and white 1, not cut to that range; the file
        is.

    Raises
    ------
    GeometryError
        An argument is not what it may be.
    MissingExtraError
        Pillow is not installed.
    OSError
        A file cannot be read or written.

    Notes
    -----
    Computes with the values as the file stores them. Transparency is kept as it is.

    Examples
    --------
    >>> from sparse_tconv.inverse import deblur_photograph
    >>> deblur_photograph("in.png", "out.nonsense", "gauss:2")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `target` must end as an image file does; got 'out.nonsense'.
        Write out.png, say.
    """
    kernel = parse_psf(psf) if isinstance(psf, str) else np.asarray(psf)
    target = _writable(Path(target))
    relative = None if noise is None else number("noise", noise, positive=True)
    image, alpha, depth = _read(Path(source))
    op = blur(kernel, image.shape, padding_mode=padding_mode, channels=True)
    solution = tikhonov(
        op,
        image,
        damp,
        regularizer=regularizer,
        noise_norm=None if relative is None else relative * float(np.linalg.norm(image)),
        progress=progress,
    )
    _write(target, solution.x, alpha, depth)
    return solution


def _pillow() -> Any:
    try:
        import PIL.Image
        import PIL.ImageOps
    except ImportError as error:
        raise MissingExtraError(
            "`deblur` must have Pillow; it is not installed. Run: pip install 'sparse_tconv[demo]'"
        ) from error
    return PIL


def _writable(path: Path) -> Path:
    """A path that Pillow knows how to write, found out before anything is computed."""
    image = _pillow().Image
    image.init()
    if image.registered_extensions().get(path.suffix.lower()) not in image.SAVE:
        raise GeometryError(
            f"`target` must end as an image file does; got {str(path)!r}. "
            f"Write {path.with_suffix('.png')}, say."
        )
    return path


def _read(path: Path) -> tuple[Image, NDArray[np.uint8] | None, int]:
    """Channels (C, H, W) from 0 to 1, the transparency if there is any, and the largest value."""
    pillow = _pillow()
    with pillow.Image.open(path) as file:
        picture = pillow.ImageOps.exif_transpose(file)
    if picture.mode.startswith("I"):
        return np.asarray(picture, dtype=np.float64)[None] / 65535.0, None, 65535
    gray = picture.mode in ("1", "L", "LA", "F")
    picture = picture.convert("L" if picture.mode == "F" else picture.mode)
    transparent = "A" in picture.getbands() or "transparency" in picture.info
    picture = picture.convert(("LA" if gray else "RGBA") if transparent else "L" if gray else "RGB")
    values = np.atleast_3d(np.asarray(picture)).transpose(2, 0, 1)
    colors = values[:-1] if transparent else values
    alpha = values[-1].copy() if transparent else None
    return colors.astype(np.float64) / 255.0, alpha, 255


def _write(path: Path, image: Image, alpha: NDArray[np.uint8] | None, depth: int) -> None:
    """Cut to the range from black to white, rounded."""
    values = np.rint(np.clip(image, 0.0, 1.0) * depth).astype(
        np.uint16 if depth > 255 else np.uint8
    )
    bands = values if alpha is None else np.concatenate([values, alpha[None]])
    picture = bands[0] if len(bands) == 1 else bands.transpose(1, 2, 0)
    _pillow().Image.fromarray(np.ascontiguousarray(picture)).save(path)
