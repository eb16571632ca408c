"""A blur that changes across the image: PSFs at nodes, weighted sums of them in between."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from .._memory import check_fits
from ..errors import GeometryError
from ..geometry import ConvGeometry
from ._arguments import one_of
from ._blur import image_shape, psf_center
from ._varying_operator import VaryingBlur


def varying_blur(
    psfs: ArrayLike,
    positions: Any,
    in_shape: Any,
    *,
    at: str = "input",
    center: Any = None,
    padding_mode: Any = "symmetric",
    channels: bool = False,
) -> VaryingBlur:
    """A blur whose point-spread function changes across the image.

    Parameters
    ----------
    psfs : array-like, (*nodes, *kernel_size)
        The PSF at every node of a grid; as many node axes as kernel axes. Integers become floats.
    positions : sequence of sequences of numbers
        For each axis the coordinates of its nodes in pixels, strictly increasing; fractions, and
        coordinates outside the image, are fine. Nested also in one dimension.
    in_shape : tuple of int
        Shape of the image; with ``channels=True`` the channels come first.
    at : {'input', 'output'}, default 'input'
        Whose position chooses the PSF. 'input': a unit impulse at a pixel gives the PSF of that
        pixel, which is what a lens does. 'output': a pixel of the result is computed with its own
        PSF.
    center : int or tuple of int, optional
        Index of the PSFs' center along each axis; ``kernel_size // 2`` if not given.
    padding_mode : str or tuple of str, default 'symmetric'
        What lies outside the image, as for :func:`blur`.
    channels : bool, default False
        Whether the image has a channel axis in front; each channel is blurred apart, alike.

    Returns
    -------
    VaryingBlur
        An operator from ``in_shape`` to ``in_shape``.

    Raises
    ------
    GeometryError
        An argument is not what it may be, or `psfs` and `positions` do not go together.
    MatrixTooLargeError
        The weights of the nodes along the axes do not fit in memory.
    DTypeError
        The PSFs have a type that the library does not compute with.

    See Also
    --------
    blur : one PSF for the whole image.
    sparse_tconv.LocalConv : a kernel for every pixel.
    sparse_tconv.inverse.problems.varying : a picture through such a lens.

    Notes
    -----
    With C_i the blur by the PSF of node i and m_i its weights, products of hat functions that are
    linear between nodes, constant beyond the outermost, and sum to one: ``sum_i C_i diag(m_i)``
    at the input, ``sum_i diag(m_i) C_i`` at the output. Each part computes where its weights are
    not zero, so that a pixel meets at most ``2 ** axes`` PSFs, however many nodes there are. The
    weights are those of Nagy and O'Leary (1998), and of PyLops's NonStationaryConvolve.

    References
    ----------
    J. G. Nagy and D. P. O'Leary, Restoring images degraded by spatially variant blur, SIAM Journal
    on Scientific Computing 19 (1998), section 2.

    Examples
    --------
    Sharp on the left, a mean of three on the right:

    >>> import numpy as np
    >>> from sparse_tconv.inverse import varying_blur
    >>> op = varying_blur([[0, 1, 0], [0.25, 0.5, 0.25]], [[0, 4]], (5,))
    >>> op.apply([0, 0, 1, 0, 0])
    array([0.   , 0.125, 0.75 , 0.125, 0.   ])
    >>> op.apply([0, 0, 0, 1, 0])
    array([0.    , 0.    , 0.1875, 0.625 , 0.1875])
    >>> varying_blur([[0, 1, 0], [0.25, 0.5, 0.25]], [[4, 0]], (5,))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `positions` must be strictly increasing on axis 0; got [4.0,
        0.0]. Sort them, and the PSFs with them.
    """
    kernels = validate.constant_array("psfs", psfs)
    if kernels.dtype.kind in "iu":
        kernels = kernels.astype(np.float64)
    if kernels.ndim == 0 or kernels.ndim % 2 or not kernels.size:
        raise GeometryError(
            f"`psfs` must be of shape (*nodes, *kernel_size), as many axes of either; got shape "
            f"{kernels.shape}. For one PSF use sparse_tconv.inverse.blur."
        )
    n = kernels.ndim // 2
    nodes = _nodes(positions, kernels.shape[:n])
    where = one_of("at", at, ("input", "output"))
    channels = validate.flag("channels", channels)
    shape = image_shape(in_shape, n, channels)
    kernel_size = kernels.shape[n:]
    middle = psf_center(center, kernel_size)
    geometry = ConvGeometry.from_conv(
        kernel_size,
        shape[channels:],
        padding=[(k - 1 - c, c) for k, c in zip(kernel_size, middle, strict=True)],
        padding_mode=padding_mode,
        flip=True,
        channels=False,
    )
    dtype = kernels.real.dtype
    weights = sum(len(p) * n for p, n in zip(nodes, geometry.x_shape, strict=True))
    remedy = "Take a smaller image, or fewer nodes."
    check_fits("in_shape", f"{weights:,} weights of nodes", 24 * weights, remedy)
    hats = [_hats(p, size).astype(dtype) for p, size in zip(nodes, geometry.x_shape, strict=True)]
    return VaryingBlur(kernels, nodes, hats, geometry, where, shape)


def _nodes(positions: Any, counts: tuple[int, ...]) -> list[NDArray[np.float64]]:
    """The coordinates of the nodes on every axis, as many as there are PSFs."""
    axes = validate.entries(positions)
    if axes is None or len(axes) != len(counts):
        raise GeometryError(
            f"`positions` must be {len(counts)} sequences of coordinates, one per axis; got "
            f"{validate.written(positions)}. Nest them also in one dimension."
        )
    found = []
    for axis, (given, count) in enumerate(zip(axes, counts, strict=True)):
        nodes = np.atleast_1d(np.asarray(validate.constant_array("positions", given)))
        if nodes.ndim != 1 or nodes.size != count or nodes.dtype.kind == "c":
            raise GeometryError(
                f"`positions` must be {count} coordinates on axis {axis}, one for each PSF there; got "
                f"shape {nodes.shape}. Nest them also in one dimension."
            )
        coordinates = nodes.astype(np.float64)
        if not np.isfinite(coordinates).all() or not (np.diff(coordinates) > 0).all():
            raise GeometryError(
                f"`positions` must be strictly increasing on axis {axis}; got {coordinates.tolist()}. "
                f"Sort them, and the PSFs with them."
            )
        found.append(coordinates)
    return found


def _hats(nodes: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """(node, pixel): the weights of each node along one axis; they sum to one at every pixel."""
    pixels = np.arange(size, dtype=np.float64)
    return np.stack([np.interp(pixels, nodes, unit) for unit in np.eye(len(nodes))])
