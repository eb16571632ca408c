"""Image files deblurred: every channel apart, with one damp."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from .._files import replaced
from ..errors import DTypeError, GeometryError
from ..solution import Solution
from . import psf as psfs
from ._arguments import number, one_of
from ._blur import blur
from ._diagonal import diagonal
from ._image_files import check_holds, image_format, read_image, write_image
from ._least_squares import LeastSquares
from ._regularizer import regularizer_operator
from ._tikhonov import tikhonov

_MIDDLE = 384  # pixels a side

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


@dataclass(frozen=True, repr=False)
class PhotographSolution(Solution):
    """The answer of :func:`deblur_photograph`: a Solution that knows the norms of every channel.

    Attributes
    ----------
    residual_norms : tuple of float
        ``|C x - y|`` of each channel.
    solution_norms : tuple of float
        ``|L x|`` of each channel, the others being zero; ``|x|`` without a regularizer.

    See Also
    --------
    sparse_tconv.solution.Solution : the other attributes.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from PIL import Image
    >>> from sparse_tconv import inverse
    >>> picture = np.dstack([np.eye(16), np.tri(16), np.ones((16, 16))])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     source, target = Path(folder, "in.png"), Path(folder, "out.png")
    ...     Image.fromarray(np.uint8(200 * picture)).save(source)
    ...     found = inverse.deblur_photograph(source, target, "gauss:1", damp=0.1)
    >>> found.x.shape, found.status.name
    ((3, 16, 16), 'DIRECT')
    >>> len(found.residual_norms), int(np.argmin(found.residual_norms))
    (3, 2)
    """

    residual_norms: tuple[float, ...] = ()
    solution_norms: tuple[float, ...] = ()

    def _rows(self) -> list[tuple[str, str]]:
        pairs = zip(self.residual_norms, self.solution_norms, strict=True)
        channels = [
            (f"channel {number}", f"residual norm {residual:.3e}, solution norm {size:.3e}")
            for number, (residual, size) in enumerate(pairs, 1)
        ]
        return super()._rows() + channels


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
) -> PhotographSolution:
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
    PhotographSolution
        x is (channels, rows, columns), black being 0 and white 1, not cut to that range; the file
        is. The norms of every channel too.

    Raises
    ------
    GeometryError
        An argument is not what it may be, `source` is damaged, or the format of `target` cannot
        hold the image.
    DTypeError
        `psf` is not real.
    MissingExtraError
        Pillow is not installed.
    OSError
        A file cannot be read or written.

    Notes
    -----
    The file is written whole or not at all: until then, one that stood there is as it was.

    Computes with the values as the file stores them. Transparency is kept as it is. Where no exact
    spectrum is known, a rule chooses the damp of a large image on its middle, and ``chosen_by`` says
    so: 384 pixels a side, or eight times the blur's.

    Examples
    --------
    >>> from sparse_tconv.inverse import deblur_photograph
    >>> deblur_photograph("in.png", "out.nonsense", "gauss:2")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `target` must end as an image file does; got 'out.nonsense'.
        Write out.png, say.
    """
    kernel = parse_psf(psf) if isinstance(psf, str) else _kernel(psf)
    target = Path(target)
    kind = image_format(target)
    relative = None if noise is None else number("noise", noise, positive=True)
    if relative is not None and damp != "discrepancy":
        raise GeometryError(
            f"`noise` must go with damp='discrepancy'; got damp={damp!r}, which does not use it. "
            f"Leave one of the two out."
        )
    if damp == "discrepancy" and relative is None:
        raise GeometryError(
            "`noise` must be given for damp='discrepancy'; got None. "
            "Pass 0.01 for noise of 1 % of the image, or damp='gcv'."
        )
    image, alpha, depth = read_image(Path(source))
    check_holds(target, kind, image, alpha, depth)
    options = {"regularizer": regularizer, "padding_mode": padding_mode}
    op = blur(kernel, image.shape, padding_mode=padding_mode, channels=True)
    middle = _middle(image, kernel) if isinstance(damp, str) else image
    problem = LeastSquares.of(op, image, regularizer=regularizer)
    if middle.size == image.size or not isinstance(diagonal(problem), str):
        solution = _restored(kernel, image, damp, relative, progress, **options)
    else:
        found = _restored(kernel, middle, damp, relative, False, **options)
        solution = _restored(kernel, image, found.damp, None, progress, **options)
        rows, columns = middle.shape[1:]
        chosen = f"{found.chosen_by}, on the middle {rows} x {columns}"
        solution = replace(solution, chosen_by=chosen)
    residuals = np.linalg.norm((op.apply(solution.x) - image).reshape(len(image), -1), axis=1)
    sizes = _sizes(regularizer_operator(regularizer, op, op.in_shape), solution.x)
    with replaced(target) as draft:
        write_image(draft, kind, solution.x, alpha, depth)
    return PhotographSolution(
        **vars(solution), residual_norms=tuple(residuals.tolist()), solution_norms=sizes
    )


def _restored(
    kernel: NDArray[Any],
    image: NDArray[Any],
    damp: float | str,
    relative: float | None,
    progress: bool,
    *,
    regularizer: Any,
    padding_mode: Any,
) -> Solution:
    """Tikhonov's solution for an image, or a part of one, with the boundary of its own."""
    return tikhonov(
        blur(kernel, image.shape, padding_mode=padding_mode, channels=True),
        image,
        damp,
        regularizer=regularizer,
        noise_norm=None if relative is None else relative * float(np.linalg.norm(image)),
        progress=progress,
    )


def _middle(image: NDArray[Any], kernel: NDArray[Any]) -> NDArray[Any]:
    """The part of an image that tells the damp: a rule without an exact spectrum keeps a hundred
    vectors of the image's size.
    """
    index: list[slice] = []
    for n, k in zip(image.shape[1:], kernel.shape, strict=True):
        side = min(n, max(_MIDDLE, 8 * k))
        index.append(slice((n - side) // 2, (n - side) // 2 + side))
    return image[:, index[0], index[1]]


def _kernel(psf: ArrayLike) -> NDArray[Any]:
    """A point-spread function that was given as an array."""
    kernel = validate.constant_array("psf", psf)
    if kernel.ndim != 2:
        raise GeometryError(
            f"`psf` must have 2 axes, rows and columns; got shape {kernel.shape}. "
            "All channels are blurred alike."
        )
    if kernel.dtype.kind == "c":
        raise DTypeError(f"`psf` must be real; got {kernel.dtype}. Pass its real part.")
    if not (np.isfinite(kernel).all() and kernel.any()):
        raise GeometryError(
            "`psf` must be finite and not all zero; got nan, inf or zeros only. Replace them."
        )
    return kernel


def _sizes(regularizer: Any, x: NDArray[Any]) -> tuple[float, ...]:
    """|L x| of each channel."""
    if regularizer is None:
        return tuple(float(np.linalg.norm(channel)) for channel in x)
    alone = np.zeros_like(x)
    found = []
    for index, channel in enumerate(x):
        alone[index] = channel
        found.append(float(np.linalg.norm(regularizer @ alone.ravel())))
        alone[index] = 0
    return tuple(found)
