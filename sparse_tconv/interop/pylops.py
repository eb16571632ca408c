"""PyLops: this library's operators there, and its convolutions here."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate as validate
from ..errors import DTypeError, GeometryError
from ..operators import Conv, LocalConvTranspose, Operator
from ._extras import missing

try:
    import pylops
    from pylops.signalprocessing import Convolve1D, Convolve2D, ConvolveND
except ModuleNotFoundError as error:
    raise missing("pylops", error) from error
else:
    from ._pylops_varying import NON_STATIONARY, from_nonstationary

__all__ = ["from_pylops", "to_pylops"]


def to_pylops(op: Operator) -> pylops.LinearOperator:
    """The operator as PyLops's, with its n-d shapes.

    Parameters
    ----------
    op : Conv, ConvTranspose or another linear operator between samples
        The operator; of an ``Affine``, pass its ``op``.

    Returns
    -------
    pylops.LinearOperator
        With ``dims = op.in_shape``, ``dimsd = op.out_shape`` and the same dtype, float64 for
        integers; it holds `op`, and computes with it.

    Raises
    ------
    DTypeError
        `op` is not a linear operator of this library.

    See Also
    --------
    from_pylops : the way back.

    Notes
    -----
    The forward is ``op.apply`` and the adjoint ``op.H.apply``, under any boundary condition.

    Examples
    --------
    >>> import numpy as np
    >>> import pylops
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.interop.pylops import to_pylops
    >>> op = Conv([[1.0, -1.0]], (2, 3), channels=False)
    >>> pylops.VStack([to_pylops(op), pylops.Identity(6)]) @ np.arange(6.0)
    array([-1., -1., -1., -1.,  0.,  1.,  2.,  3.,  4.,  5.])
    >>> to_pylops(op.matrix)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a linear operator of this library; got csr_array.
        Of an Affine pass its `op`.
    """
    if not isinstance(op, Operator):
        raise DTypeError(
            f"`op` must be a linear operator of this library; got {type(op).__name__}. Of an Affine pass its `op`."
        )
    return _Wrapped(op)


class _Wrapped(pylops.LinearOperator):  # type: ignore[misc]  # seen without its types
    """An operator of this library in PyLops's protocol."""

    def __init__(self, op: Operator) -> None:
        self.op = op
        # PyLops makes its buffers of this type, and fills them with floats.
        dtype = op.dtype if op.dtype.kind in "fc" else np.dtype(np.float64)
        super().__init__(dtype=dtype, dims=op.in_shape, dimsd=op.out_shape, name="C")

    def _matvec(self, x: NDArray[Any]) -> NDArray[Any]:
        return self.op.apply(x.reshape(self.op.in_shape)).reshape(-1)

    def _rmatvec(self, x: NDArray[Any]) -> NDArray[Any]:
        adjoint = self.op.H
        return np.asarray(adjoint.apply(x.reshape(self.op.out_shape)).reshape(-1))


def from_pylops(operator: pylops.LinearOperator) -> Conv | LocalConvTranspose:
    """The operator of a convolution made with PyLops.

    Parameters
    ----------
    operator : Convolve1D, Convolve2D, ConvolveND or NonStationaryConvolve1D, 2D, 3D
        From ``pylops.signalprocessing``.

    Returns
    -------
    Conv or LocalConvTranspose
        The latter for filters that vary, one for each position of the input. With
        ``channels=False``: ``in_shape`` is ``operator.dims``, and the kernel has side 1 along
        the axes that the operator does not touch. It shares no memory with `operator`.

    Raises
    ------
    DTypeError
        `operator` is none of these.
    GeometryError
        The filter of a Convolve1D varies along other axes: no single convolution.

    See Also
    --------
    to_pylops : the way back.

    Notes
    -----
    PyLops convolves, ``y[n] = sum over t of h[t] x[n + offset - t]``, with zeros outside and an
    output of the input's size: ``flip=True`` and ``padding=((k - 1 - offset, offset),)`` here. A
    Convolve1D whose filter is longer than the signal has the filter's size as its output. The
    adjoint is the true one; for complex filters that of PyLops's Convolve1D does not conjugate.

    Examples
    --------
    >>> import numpy as np
    >>> import pylops
    >>> from sparse_tconv.interop.pylops import from_pylops
    >>> theirs = pylops.signalprocessing.Convolve1D(4, np.array([1.0, 2.0]), offset=1)
    >>> from_pylops(theirs).matrix.toarray()
    array([[2., 1., 0., 0.],
           [0., 2., 1., 0.],
           [0., 0., 2., 1.],
           [0., 0., 0., 2.]])
    >>> from_pylops(pylops.Identity(4))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `operator` must be a Convolve1D, Convolve2D or ConvolveND of
        pylops.signalprocessing; got Identity. Others have no kernel to take: wrap them with st.as_operator.
    """
    if isinstance(operator, NON_STATIONARY):
        return from_nonstationary(operator)
    inner = _inner(operator)
    size = tuple(int(n) for n in inner.dims)
    kernel = validate.numeric_array("operator.h", inner.h)
    if isinstance(operator, Convolve1D):
        return _along_axis(inner, kernel, size)
    offsets = [0] * len(size)
    axes = range(len(size)) if len(inner.nh) == len(size) else inner.axes
    for axis, offset in zip(axes, inner.offset, strict=True):
        offsets[int(axis)] = int(offset)
    return _centered(kernel, size, offsets)


def _inner(operator: Any) -> Any:
    """The object that has the filter: Convolve1D wraps one of two."""
    if isinstance(operator, (Convolve1D, Convolve2D, ConvolveND)):
        return operator if hasattr(operator, "h") else operator.Op
    raise DTypeError(
        "`operator` must be a Convolve1D, Convolve2D or ConvolveND of pylops.signalprocessing; "
        f"got {type(operator).__name__}. Others have no kernel to take: wrap them with st.as_operator."
    )


def _along_axis(inner: Any, kernel: NDArray[Any], size: tuple[int, ...]) -> Conv:
    """A Convolve1D: a kernel with sides of 1 along all other axes."""
    axis = int(inner.axis) % len(size)
    if kernel.size != kernel.shape[axis]:
        raise GeometryError(
            f"`operator` must have one filter; got filters of shape {kernel.shape} that vary from trace to trace. "
            f"Make one Conv for each."
        )
    if tuple(inner.dimsd) == size:
        return _centered(kernel, size, [int(inner.offset) * (i == axis) for i in range(len(size))])
    # The filter is longer than the signal: the output has the filter's size.
    k, n = len(kernel), size[0]
    front, behind = (int(amount) for amount in inner.pad[0])
    before = k - 1 - ((n + front + behind - 1) // 2 - front)
    pads = ((before, 2 * k - 1 - n - before),)
    return Conv(kernel, size, padding=pads, flip=True, channels=False)


def _centered(kernel: NDArray[Any], size: tuple[int, ...], offsets: list[int]) -> Conv:
    """The convolution of a kernel that PyLops padded to put its center in the middle."""
    pads, inside = [], []
    for k, offset in zip(kernel.shape, offsets, strict=True):
        front, behind = max(offset, 0), max(-offset, 0)
        center = (k - 1) // 2 - front
        taps = k - front - behind
        inside.append(slice(front, front + taps))
        pads.append((taps - 1 - center, center))
    return Conv(kernel[tuple(inside)], size, padding=tuple(pads), flip=True, channels=False)
