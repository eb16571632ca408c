"""The convolution that takes one set of samples to another."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..geometry import ConvGeometry
from ..operators import KernelOperator
from ..solution import Solution
from ._solve import solve


def estimate_kernel(x: ArrayLike, y: ArrayLike, geometry: ConvGeometry, **options: Any) -> Solution:
    """The kernel w with ``C(w) x`` nearest to y: the PSF of a camera from a known picture.

    Parameters
    ----------
    x : array-like, (..., *geometry.x_shape)
        What was convolved; batch axes are more equations for the same kernel.
    y : array-like, (..., *geometry.y_shape)
        What came out, with the same batch axes.
    geometry : ConvGeometry
        Of the convolution; ``op.geometry`` of any operator that has it.
    **options
        As for :func:`sparse_tconv.inverse.solve`: damp, regularizer, nonnegative and so on; L acts
        on the kernel.

    Returns
    -------
    Solution
        x is the kernel, of ``geometry.weight_shape``.

    Raises
    ------
    GeometryError
        `geometry` is no geometry; and as for :func:`sparse_tconv.inverse.solve`.
    ShapeError
        `x` or `y` does not have the shape that the geometry needs.
    DTypeError
        An array has a type that the library does not compute with.

    See Also
    --------
    sparse_tconv.Conv.kernel_operator : the operator ``w -> C(w) x``.

    Notes
    -----
    Solves ``min |K w - y|^2 + damp^2 |L w|^2`` with the kernel operator K of x; K is never formed.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.inverse import blur, estimate_kernel
    >>> psf = np.array([[0.0, 0.1, 0.0], [0.2, 0.4, 0.3]])
    >>> x = np.random.default_rng(0).random((20, 20))
    >>> op = blur(psf, x.shape)
    >>> estimate_kernel(x, op.apply(x), op.geometry).x.round(4) + 0.0
    array([[0. , 0.1, 0. ],
           [0.2, 0.4, 0.3]])
    >>> estimate_kernel(x, x[1:], op.geometry)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `y` must have shape (..., 20, 20); got (19, 20). The last axes
        are one sample.
    """
    if not isinstance(geometry, ConvGeometry):
        raise GeometryError(
            f"`geometry` must be a ConvGeometry; got {type(geometry).__name__}. "
            f"Pass op.geometry, or make one with ConvGeometry.from_conv."
        )
    samples = validate.numeric_array("x", x)
    lead = samples.ndim - len(geometry.x_shape)
    if lead < 0 or samples.shape[lead:] != geometry.x_shape:
        listed = ", ".join(map(str, geometry.x_shape))
        raise ShapeError(
            f"`x` must have shape (..., {listed}); got {samples.shape}. The last axes are one "
            f"sample, channels first."
        )
    if not np.isfinite(samples).all():
        raise GeometryError("`x` must be finite; got NaN or infinite entries. Replace them.")
    operator = KernelOperator(geometry, samples, False, samples.dtype)
    return solve(operator, y, **options)
