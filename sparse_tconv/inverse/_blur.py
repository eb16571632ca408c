"""The blur of an image: a true convolution that keeps its size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import Conv


def blur(
    psf: ArrayLike,
    in_shape: Any,
    *,
    center: Any = None,
    padding_mode: Any = "symmetric",
    channels: bool = False,
    engine: str = "auto",
) -> Conv:
    """A blur: the convolution with a point-spread function, of the image's own size.

    Parameters
    ----------
    psf : array-like, kernel_size
        The point-spread function, of any size, larger than the image too; any number of axes.
    in_shape : tuple of int
        Shape of the image; with ``channels=True`` the channels come first.
    center : int or tuple of int, optional
        Index of the PSF's center along each axis; ``kernel_size // 2`` if not given, as in
        :func:`scipy.ndimage.convolve` and after :func:`numpy.fft.fftshift`.
    padding_mode : str or tuple of str, default 'symmetric'
        What lies outside the image, one for all axes or one per axis. 'symmetric' (half-sample,
        "reflexive") is :func:`scipy.ndimage.convolve`'s default 'reflect'.
    channels : bool, default False
        Whether the image has a channel axis in front; each channel is blurred apart.
    engine : str, default 'auto'
        What computes the products.

    Returns
    -------
    Conv
        From ``in_shape`` to ``in_shape``, with the dtype of `psf`.

    Raises
    ------
    GeometryError
        An argument is not what it may be, or `in_shape` does not go with `psf`.
    DTypeError
        The PSF has a type that the library does not compute with.

    See Also
    --------
    sparse_tconv.inverse.psf : point-spread functions.
    sparse_tconv.inverse.solve : undo the blur.

    Notes
    -----
    Forward ``y[o] = sum over j of psf[j] * x~[o + center - j]``, x~ being the image extended by
    `padding_mode`. The adjoint scatters, and is the convolution with the flipped PSF only for zero
    and periodic boundaries. It is a depthwise ``Conv`` with ``flip=True``.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy import ndimage
    >>> from sparse_tconv.inverse import blur
    >>> x, psf = np.arange(12.0).reshape(3, 4), np.array([[1.0, 2.0], [3.0, 4.0]])
    >>> bool((blur(psf, x.shape).apply(x) == ndimage.convolve(x, psf)).all())
    True
    >>> blur(psf, (3, 100, 80), channels=True).out_shape
    (3, 100, 80)
    >>> blur(psf, (3, 100, 80))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `in_shape` must have 2 entries, one per axis of the PSF; got
        3. Pass channels=True to blur each channel apart.
    """
    kernel = validate.constant_array("psf", psf)
    if kernel.size == 0 or kernel.ndim == 0:
        raise GeometryError(
            f"`psf` must have at least 1 axis and 1 entry; got shape {kernel.shape}. "
            f"Pass one of sparse_tconv.inverse.psf, say."
        )
    channels = validate.flag("channels", channels)
    shape = image_shape(in_shape, kernel.ndim, channels)
    padding = [
        (k - 1 - c, c) for k, c in zip(kernel.shape, psf_center(center, kernel.shape), strict=True)
    ]
    groups = shape[0] if channels else 1
    return Conv(
        np.broadcast_to(kernel, (groups, 1, *kernel.shape)) if channels else kernel,
        shape,
        padding=padding,
        padding_mode=padding_mode,
        groups=groups,
        flip=True,
        channels=channels,
        engine=engine,
    )


def image_shape(in_shape: Any, n_axes: int, channels: bool) -> tuple[int, ...]:
    shape = validate.shape("in_shape", in_shape)
    if len(shape) == n_axes + channels:
        return shape
    axes = "one per axis of the PSF" + (" and one for the channels in front" if channels else "")
    if len(shape) == n_axes + 1:
        hint = "Pass channels=True to blur each channel apart."
    elif channels and len(shape) == n_axes:
        hint = "Pass channels=False for an image without a channel axis."
    else:
        hint = "Pass the shape of one image."
    raise GeometryError(
        f"`in_shape` must have {n_axes + channels} entries, {axes}; got {len(shape)}. {hint}"
    )


def psf_center(center: Any, kernel_size: tuple[int, ...]) -> tuple[int, ...]:
    """The index of the center on every axis, inside the PSF."""
    if center is None:
        return tuple(k // 2 for k in kernel_size)
    indices = validate.per_axis("center", center, len(kernel_size), minimum=0)
    for axis, (c, k) in enumerate(zip(indices, kernel_size, strict=True)):
        if c >= k:
            raise GeometryError(
                f"`center` must be an index of the PSF, at most {k - 1} on axis {axis}; got {c}. "
                f"Pad the PSF with zeros to put its center outside."
            )
    return indices
