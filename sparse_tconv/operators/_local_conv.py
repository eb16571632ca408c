"""The locally connected layer and its transpose as operators."""

from __future__ import annotations

from .._parameters import documented
from ._directions import Backward, Forward
from ._local_base import LocalOperator


@documented
class LocalConv(LocalOperator, Forward):
    """A convolution whose kernel is another one at every output position: a locally connected
    layer.

    Parameters
    ----------
    weight : array-like, (C_out, C_in // groups, *kernel_size, *out_size)
        One kernel for each output position; ``(*kernel_size, *out_size)`` with ``channels=False``.
        Integers, float32, float64, longdouble, or their complex kin. Copied.
    in_shape : tuple of int
        Shape of one sample, ``(C_in, *size)``, without a batch axis; ``size`` alone with
        ``channels=False``.
    {conv_geometry}
    engine : {'auto', 'csr', 'direct'}, default 'auto'
        What computes the products: the matrix, or loops over the taps, which store none; 'auto'
        takes the matrix where there are few output positions and its type holds all sums.

    Raises
    ------
    {geometry_errors}

    See Also
    --------
    Conv : the same kernel everywhere; its matrix has the same pattern.
    LocalConvTranspose : the transpose.
    sparse_tconv.inverse.varying_blur : kernels known at some positions, interpolated in between.

    Notes
    -----
    Forward ``y[co, o] = sum over ci, t of weight[co, ci, t, o] * x~[ci, o * stride - before +
    dilation * t]``, where x~ is x extended by its padding mode; adjoint ``C^H y = conj(C^T
    conj(y))``. ``flip=True`` flips the axes of the kernels, not those of the positions. A product
    reads every number of the weight once. The matrix has the pattern of that of :class:`Conv`, the
    entries of taps that are zero among them.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import LocalConv
    >>> weight = np.array([[1, 2, 3], [10, 20, 30]])  # two taps, three positions
    >>> op = LocalConv(weight, (4,), channels=False)
    >>> op.matrix.toarray()
    array([[ 1, 10,  0,  0],
           [ 0,  2, 20,  0],
           [ 0,  0,  3, 30]])
    >>> op.T.apply([1, 1, 1])
    array([ 1, 12, 23, 30])
    >>> LocalConv(weight, (5,), channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `weight` must have one kernel for each output position, of
        (4,); got (3,). The output size follows from in_shape, stride, padding and dilation.
    """


@documented
class LocalConvTranspose(LocalOperator, Backward):
    """The transpose C^T of a locally connected layer, C being the layer whose input is its output.

    Parameters
    ----------
    weight : array-like, (C_in, C_out // groups, *kernel_size, *in_size)
        The same array as of the :class:`LocalConv` whose transpose this is: one kernel for each
        position of this operator's input. Copied.
    in_shape : tuple of int
        Shape of one sample, ``(C_in, *in_size)``, without a batch axis; ``in_size`` alone with
        ``channels=False``.
    {transpose_geometry}
    engine : {'auto', 'csr', 'direct'}, default 'auto'
        As for :class:`LocalConv`.

    Raises
    ------
    {geometry_errors}

    See Also
    --------
    LocalConv : the layer whose transpose this is.

    Notes
    -----
    Forward ``x = C^T y``, which scatters ``weight[co, ci, t, o] * y[co, o]`` to sample ``o * stride
    - before + dilation * t`` of the output, folded back into it at the boundary; adjoint ``conj(C)
    x``.

    Examples
    --------
    >>> from sparse_tconv import LocalConvTranspose
    >>> op = LocalConvTranspose([[1, 2, 3], [10, 20, 30]], (3,), stride=2, channels=False)
    >>> op.apply([1, 1, 1])
    array([ 1, 10,  2, 20,  3, 30])
    >>> LocalConvTranspose([[1, 2], [3, 4]], (3,), channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `weight` must have one kernel for each output position, of
        (3,); got (2,). The output size follows from in_shape, stride, padding and dilation.
    """


LocalConv._twin = LocalConvTranspose
LocalConvTranspose._twin = LocalConv
