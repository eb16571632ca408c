"""The convolution and its transpose as operators."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._parameters import documented
from ..errors import GeometryError
from ..geometry import ConvGeometry
from ._base import ConvOperator
from ._directions import Backward, Forward


@documented
class Conv(ConvOperator, Forward):
    """A convolution C as a linear operator.

    Parameters
    ----------
    {conv_weight}
    {conv_options}

    Raises
    ------
    {engine_errors}

    See Also
    --------
    ConvTranspose : the transpose, with the arguments of a transposed convolution.
    conv_matrix : the matrix alone.

    Notes
    -----
    Forward ``y[co, o] = sum over ci, t of weight[co, ci, t] * x~[ci, o * stride - before + dilation
    * t]``, where x~ is x extended by its padding mode; adjoint ``C^H y = conj(C^T conj(y))``. The
    operator is a :class:`scipy.sparse.linalg.LinearOperator`: ``op @ x`` takes flat vectors,
    :meth:`apply` takes samples in their shape. ``op.T`` is a :class:`ConvTranspose` and never
    conjugates, ``op.H`` always does.

    A sample's NaN or infinity goes where the matrix sends it with every engine but 'fft', whose
    transforms spread it over all that it is in one block with. Such taps also reach positions where
    the kernel reads a border of zeros: with 'taps', 'gemm', 'unfold' and 'fft', not with 'csr'.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> op = Conv(np.ones((8, 3, 3, 3)), (3, 32, 32), stride=2, padding=1)
    >>> op.in_shape, op.out_shape, op.shape
    ((3, 32, 32), (8, 16, 16), (2048, 3072))
    >>> x, y = np.ones(op.in_shape), np.ones(op.out_shape)
    >>> float(np.vdot(op.apply(x), y)) == float(np.vdot(x, op.H.apply(y)))
    True
    >>> op.apply(x.T)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `x` must have shape (..., 3, 32, 32); got (32, 32, 3). The last
        axes are one sample.
    """


@documented
class ConvTranspose(ConvOperator, Backward):
    """A transposed convolution C^T as a linear operator, C being the convolution whose input is its
    output.

    Parameters
    ----------
    {transpose_weight}
    {transpose_options}

    Raises
    ------
    {engine_errors}

    See Also
    --------
    Conv : the convolution whose transpose this is.
    conv_transpose_matrix : the matrix alone.

    Notes
    -----
    Forward ``x = C^T y``, which scatters ``weight[co, ci, t] * y[co, o]`` to sample ``o * stride -
    before + dilation * t`` of the output, folded back into it at the boundary; adjoint ``conj(C)
    x``. With ``flip=False`` and stride 1 in one dimension it *is* ``numpy.convolve(mode='full')``:
    transposing turns the correlation into a convolution.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import ConvTranspose
    >>> op = ConvTranspose([1, 2, 3], (4,), channels=False)
    >>> op @ np.array([1, 0, 0, 2])
    array([1, 2, 3, 2, 4, 6])
    >>> np.convolve([1, 0, 0, 2], [1, 2, 3], mode="full")
    array([1, 2, 3, 2, 4, 6])
    >>> ConvTranspose([1, 2, 3], (4,), stride=2, output_size=12, channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `output_size` must be between 9 and 10 on axis 0; got 12. The
        nearest valid size is 10.
    """

    def as_convolution(self) -> tuple[ConvTranspose, Conv]:
        """The transposed convolution as a zero insertion followed by a convolution of stride 1.

        Returns
        -------
        insertion : ConvTranspose
            Puts ``stride - 1`` zeros between the entries: a transposed convolution with kernels of
            side 1.
        conv : Conv
            Of stride 1, with the kernel flipped and its channel axes swapped, padded by
            ``dilation * (k - 1) - before``, where a negative amount crops. ``conv @ insertion`` is
            this operator.

        Raises
        ------
        GeometryError
            The padding mode is not 'zeros': what folds back at a border is no convolution.

        Examples
        --------
        >>> from sparse_tconv import ConvTranspose
        >>> op = ConvTranspose([1, 2, 3], (3,), stride=2, channels=False)
        >>> insertion, conv = op.as_convolution()
        >>> insertion.apply([1, 1, 1])
        array([1, 0, 1, 0, 1])
        >>> conv.apply(insertion.apply([1, 1, 1])), op.apply([1, 1, 1])
        (array([1, 2, 4, 2, 4, 2, 3]), array([1, 2, 4, 2, 4, 2, 3]))
        """
        g = self.geometry
        if set(g.padding_mode) != {"zeros"}:
            raise GeometryError(
                f"`padding_mode` must be 'zeros' for a transposed convolution to be one convolution; "
                f"got {g.padding_mode}. What folds back at the border is added by op.apply."
            )
        ones = np.ones(
            (*((g.y_channels, 1) if g.channels else ()), *(1,) * len(g.axes)), self.dtype
        )
        insertion = ConvTranspose(
            ones, self.in_shape, stride=g.stride, groups=g.y_channels, channels=g.channels
        )
        pads = []
        for axis in g.axes:
            reach = axis.dilation * (axis.k - 1)
            before = reach - axis.before
            after = axis.n_in + reach - before - ((axis.n_out - 1) * axis.stride + 1)
            pads.append((before, after))
        conv = Conv(
            swapped_channels(g, self.weight.conj() if self._conjugated else self.weight),
            insertion.out_shape,
            padding=pads,
            dilation=g.dilation,
            groups=g.groups,
            flip=not g.flip,
            channels=g.channels,
        )
        return insertion, conv


def swapped_channels(geometry: ConvGeometry, weight: NDArray[Any]) -> NDArray[Any]:
    """The kernel with the channel axes of each group exchanged."""
    if not geometry.channels:
        return weight
    grouped = weight.reshape(geometry.groups, -1, *weight.shape[1:]).swapaxes(1, 2)
    return grouped.reshape(geometry.x_channels, -1, *geometry.kernel_size)


Conv._twin = ConvTranspose
ConvTranspose._twin = Conv
