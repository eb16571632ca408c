"""The symbol as a function: what a convolution multiplies waves by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from .._table import outline, table
from ..errors import GeometryError, ShapeError
from ..operators import ConvOperator
from ..spectral import checked, problem


@dataclass(frozen=True, eq=False, repr=False)
class Symbol:
    """What a convolution multiplies waves by, as a function of their frequencies; made by
    :func:`symbol`.

    Parameters
    ----------
    kernel : (groups, given, taken, *kernel_size) array
        The taps.
    places : tuple of array
        Where each tap of each axis reads, relative to the first sample of its window.
    adjoint : bool
        Whether the operator is the adjoint of the convolution of these.

    Examples
    --------
    >>> from sparse_tconv import Conv, analysis
    >>> f = analysis.symbol(Conv([1.0, 2.0], (9,), channels=False))
    >>> f([0.0]).real.ravel()
    array([3.])
    """

    kernel: NDArray[Any]
    places: tuple[NDArray[np.int64], ...]
    adjoint: bool

    def __repr__(self) -> str:
        reach = (f"{places.min()} to {places.max()}" for places in self.places)
        adjoint = " of the adjoint" if self.adjoint else ""
        rows = [("taps", outline(self.kernel)), ("places", ", ".join(reach))]
        return table(f"Symbol{adjoint}", rows)

    def __call__(self, theta: ArrayLike) -> NDArray[np.complex128]:
        """The blocks at frequencies.

        Parameters
        ----------
        theta : array-like, (..., axes)
            In radians per sample, one for each axis; for a single axis also (...).

        Returns
        -------
        complex128 array, (..., groups, C_out / groups, C_in / groups)

        Raises
        ------
        ShapeError
            The last axis has another size.
        """
        axes = len(self.places)
        frequencies = validate.numeric_array("theta", theta).astype(np.float64)
        if axes == 1 and frequencies.shape[-1:] != (1,):
            frequencies = frequencies[..., None]
        if frequencies.shape[-1:] != (axes,):
            raise ShapeError(
                f"`theta` must have shape (..., {axes}), one frequency per axis; got "
                f"{frequencies.shape}. Stack them along the last axis."
            )
        flat = frequencies.reshape(-1, axes)
        # One frequency after the other axis: taps of an axis are summed, the batch in front.
        values = np.broadcast_to(self.kernel.astype(np.complex128), (len(flat), *self.kernel.shape))
        for number in range(axes - 1, -1, -1):
            waves = np.exp(1j * flat[:, number, None] * self.places[number])
            columns = waves.reshape(len(flat), *(1,) * (values.ndim - 3), waves.shape[1], 1)
            values = (values @ columns)[..., 0]
        if self.adjoint:
            values = values.conj().swapaxes(-1, -2)
        return np.ascontiguousarray(values.reshape(*frequencies.shape[:-1], *values.shape[1:]))


def symbol(op: ConvOperator) -> Symbol:
    """The symbol of a convolution: the matrix by which it multiplies a wave.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator; a ConvTranspose, or an adjoint, of stride 1.

    Returns
    -------
    Symbol
        A callable f. With s the strides and v a vector of channels, ``op`` takes the samples
        ``v exp(i theta . j)`` to ``f(theta) v exp(i s theta . o)``, wherever no window reaches
        beyond the border; j and o count samples and answers from 0, so that the padding in front is
        a phase of f.

    Raises
    ------
    DTypeError
        `op` is not a Conv or ConvTranspose: of an expression take the symbols of its parts.
    GeometryError
        A transposed convolution of a larger stride, which makes several waves of one; or an entry is
        not finite.

    Notes
    -----
    ``f(theta) = sum_t w[t] exp(i theta (d t - before))``, d the dilation. The singular values of a
    large operator are distributed as those of f over a grid of frequencies, and if Hermitian its
    eigenvalues as those of f (Szegő's theorem) [1]_.

    References
    ----------
    .. [1] P. Tilli, "Singular values and eigenvalues of non-Hermitian block Toeplitz matrices",
       Linear Algebra Appl. 272 (1998).

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import symbol
    >>> f = symbol(Conv([1.0, -2.0, 1.0], (9,), padding=1, channels=False))
    >>> f([0.0, np.pi]).real[:, 0, 0, 0]
    array([ 0., -4.])
    >>> f(np.zeros((2, 3)).tolist()).shape
    (2, 3, 1, 1, 1)
    """
    base, swapped = problem(checked(op))
    if swapped and any(axis.stride > 1 for axis in base.geometry.axes):
        raise GeometryError(
            "`op` must have stride 1 if it is transposed, as it makes several waves of one; got "
            f"strides {tuple(axis.stride for axis in base.geometry.axes)}. Take symbol(op.H), "
            "whose adjoint sums the waves that meet."
        )
    places = tuple(axis.position(0, np.arange(axis.k)) for axis in base.geometry.axes)
    return Symbol(base.kernel, places, swapped)
