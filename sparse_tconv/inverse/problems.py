"""Test problems with a known answer: operator, data, truth and the norm of the noise.

The data of a real camera do not know the boundary condition that the model assumes. So, unless
``inverse_crime=True`` asks for it, the data are made from a larger picture by the part of the
convolution that reads nothing beyond it, and the truth is the part of the picture that the model
sees.
"""

from __future__ import annotations

from typing import Any

from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..operators import Conv
from . import psf as psfs
from ._arguments import one_of
from ._blur import blur
from ._problem import Problem, made
from ._varying_problem import varying

__all__ = ["Problem", "deblurring", "deconvolution", "superresolution", "varying"]

_PSFS = {
    "gauss": lambda: psfs.gauss(2.0),
    "defocus": lambda: psfs.defocus(5.0),
    "motion": lambda: psfs.motion(15.0, 30.0),
}


def deblurring(
    psf: str | ArrayLike = "gauss",
    size: Any = 256,
    *,
    image: str | ArrayLike = "photograph",
    noise: float = 0.01,
    padding_mode: Any = "symmetric",
    center: Any = None,
    inverse_crime: bool = False,
    seed: int = 0,
) -> Problem:
    """A blurred picture.

    Parameters
    ----------
    psf : {'gauss', 'defocus', 'motion'} or array-like
        The blur: a Gaussian of 2 pixels, a disk of radius 5, a path of 15 pixels at 30 degrees, or
        a PSF.
    size : int or tuple of int, default 256
        Shape of the picture.
    image : {'photograph', 'phantom'} or array-like
        The picture: a photograph that matplotlib ships, ellipses made here, or an array, at least
        ``size + kernel_size - 1`` large (`size` with an inverse crime), whose middle is used.
    noise : float, default 0.01
        Norm of the noise, relative to that of the blurred picture.
    padding_mode, center
        Of the model; as for :func:`sparse_tconv.inverse.blur`.
    inverse_crime : bool, default False
        Make the data by the model itself.
    seed : int, default 0
        Of the noise.

    Returns
    -------
    Problem

    Raises
    ------
    GeometryError
        An argument is not what it may be, or the picture is too small.
    MissingExtraError
        For the photograph without matplotlib and Pillow.

    See Also
    --------
    sparse_tconv.inverse.psf : more blurs.

    Examples
    --------
    >>> from sparse_tconv.inverse import problems
    >>> problem = problems.deblurring("defocus", 64, image="phantom")
    >>> problem
    Problem: deblurring
      C          (64, 64) -> (64, 64)
      noise      ..., 1 % of |y|
      |C x - y|  ... % of |y|
    >>> problems.deblurring("gaus")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `psf` must be one of 'gauss', 'defocus', 'motion'; got 'gaus'.
        Pass one of these.
    """
    kernel = _psf(psf)
    shape = validate.per_axis("size", size, kernel.ndim, minimum=1)
    op = blur(kernel, shape, padding_mode=padding_mode, center=center)
    return made("deblurring", op, image, noise, inverse_crime, seed)


def superresolution(
    factor: int = 2,
    size: Any = 256,
    *,
    psf: str | ArrayLike | None = None,
    image: str | ArrayLike = "photograph",
    noise: float = 0.01,
    padding_mode: Any = "symmetric",
    inverse_crime: bool = False,
    seed: int = 0,
) -> Problem:
    """A picture blurred, of which every `factor`-th pixel is kept along each axis.

    Parameters
    ----------
    factor : int, default 2
        The stride.
    size : int or tuple of int, default 256
        Shape of the large picture.
    psf : str or array-like, optional
        As for :func:`deblurring`; the mean over `factor` pixels along each axis, if not given.
    image, noise, padding_mode, inverse_crime, seed
        As for :func:`deblurring`.

    Returns
    -------
    Problem

    Raises
    ------
    GeometryError, MissingExtraError
        As for :func:`deblurring`.

    Examples
    --------
    >>> from sparse_tconv.inverse import problems
    >>> problem = problems.superresolution(3, (60, 90), image="phantom")
    >>> problem.op.in_shape, problem.op.out_shape
    ((60, 90), (20, 30))
    >>> problems.superresolution(0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `factor` must be an int, at least 1; got 0. Use 1 or more.
    """
    step = validate.integer("factor", factor, minimum=1)
    kernel = psfs.box(step) if psf is None else _psf(psf)
    shape = validate.per_axis("size", size, kernel.ndim, minimum=1)
    op = Conv(
        kernel,
        shape,
        stride=step,
        padding=[_pads(n, k, step) for n, k in zip(shape, kernel.shape, strict=True)],
        padding_mode=padding_mode,
        flip=True,
        channels=False,
    )
    return made("super-resolution", op, image, noise, inverse_crime, seed)


def deconvolution(
    psf: ArrayLike | None = None,
    size: int = 128,
    *,
    image: str | ArrayLike = "phantom",
    noise: float = 0.01,
    padding_mode: Any = "symmetric",
    inverse_crime: bool = False,
    seed: int = 0,
) -> Problem:
    """A blurred signal of one dimension.

    Parameters
    ----------
    psf : array-like, 1-d, optional
        The blur; a Gaussian of 2 samples, if not given.
    size : int, default 128
        Length of the signal.
    image, noise, padding_mode, inverse_crime, seed
        As for :func:`deblurring`.

    Returns
    -------
    Problem

    Raises
    ------
    GeometryError
        As for :func:`deblurring`.

    Examples
    --------
    >>> from sparse_tconv.inverse import problems
    >>> problems.deconvolution([0.5, 0.3, 0.2], 50).op.shape
    (50, 50)
    >>> problems.deconvolution(noise=-1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `noise` must be a finite number, at least 0; got -1. Pass 1
        or 0.
    """
    kernel = psfs.gauss(2.0, ndim=1) if psf is None else _psf(psf)
    shape = validate.per_axis("size", size, kernel.ndim, minimum=1)
    op = blur(kernel, shape, padding_mode=padding_mode)
    return made("deconvolution", op, image, noise, inverse_crime, seed)


def _psf(psf: Any) -> NDArray[Any]:
    if isinstance(psf, str):
        return _PSFS[one_of("psf", psf, tuple(_PSFS))]()
    return validate.constant_array("psf", psf)


def _pads(n: int, k: int, step: int) -> tuple[int, int]:
    """Pads of a flipped kernel that put the mean of `step` pixels on them, and keep ceil(n / step)
    samples.
    """
    before = (k - step + 1) // 2
    return before, (-(-n // step) - 1) * step + k - n - before
