"""Factorizations and spectra of operators, by the method that is chosen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..errors import GeometryError
from ..operators import ConvOperator
from ._blocks import block_error, block_factorization, block_spectrum, complete_block_basis
from ._choice import KINDS, METHODS, choose, refusal, work
from ._factorization import Basis, Factorization
from ._kronecker import (
    Product,
    complete_kronecker_basis,
    kronecker_error,
    kronecker_factorization,
    kronecker_spectrum,
    product_of,
)
from ._plan import Plan, plan
from ._problem import Problem, problem
from ._scale import restored, restored_error, scaled
from ._spectrum import Spectrum


def factorize(op: ConvOperator, method: str = "auto") -> Factorization:
    """An operator as ``U diag(values) V^H``, from its structure where it has one.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator, of any dtype; computed in double precision.
    method : {'auto', 'circular', 'symmetric', 'kronecker', 'mixed', 'dense'}
        * 'circular': Fourier transform of every axis; all of them circular, strides dividing the
          sizes.
        * 'symmetric': cosine transform of every axis; all of them half-sample symmetric with stride
          1, the kernel centered, of odd sides and its own mirror image along each.
        * 'kronecker': one small decomposition per axis; a separable kernel, any boundary.
        * 'mixed': the transform that each axis allows, a dense block for the others.
        * 'dense': the matrix itself, group by group.
        * 'auto': the first of these that applies.

    Returns
    -------
    Factorization
        Exact to rounding; no matrix of the operator's size is stored but by 'dense'.

    Raises
    ------
    GeometryError
        The method does not apply, or none does; the message says why.
    MatrixTooLargeError
        A dense block would not fit.
    DTypeError
        `op` is not a Conv or ConvTranspose.

    See Also
    --------
    spectrum : the values alone, for less than half of the time.
    sparse_tconv.analysis.singular_values : the values of any operator, with their error.

    Notes
    -----
    The cost is one singular value decomposition for each frequency, of a block with as many rows
    and columns as there are channels, and phases of the stride, per group; half of the frequencies
    if the operator is real.

    References
    ----------
    .. [1] H. Sedghi, V. Gupta, P. M. Long, "The singular values of convolutional layers",
       arXiv:1805.10408, theorem 6.
    .. [2] M. K. Ng, R. H. Chan, W.-C. Tang, "A fast algorithm for deblurring models with Neumann
       boundary conditions", SIAM J. Sci. Comput. 21 (1999), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.spectral import factorize
    >>> blur = np.outer([1, 2, 1], [1, 2, 1]) / 16
    >>> op = Conv(blur, (8, 8), padding=1, padding_mode="symmetric", channels=False)
    >>> F = factorize(op)
    >>> F.method
    'symmetric'
    >>> x = np.arange(64.0).reshape(8, 8)
    >>> bool(np.allclose(F.left.synthesise(F.values * F.right.analyse(x)), op.apply(x)))
    True
    >>> factorize(op, method="circular")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `method` must be one that applies to `op`; got 'circular',
        but axis 0 is no circle whose windows, 8 with stride 1, go once round its 8 samples under
        padding_mode 'symmetric'. Pass method='auto'.
    """
    op, exponent = scaled(op)
    base, swapped = problem(op)
    found = _factorization(base, choose(base, method))
    if exponent:
        values, error = restored(found.values, exponent), restored_error(found.error, exponent)
        found = replace(found, values=values, error=error)
    return found.H if swapped else found


def spectrum(op: ConvOperator, method: str = "auto") -> Spectrum:
    """All singular values of an operator, from its structure where it has one.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    method : str, default 'auto'
        As for :func:`factorize`.

    Returns
    -------
    Spectrum
        ``min(op.shape)`` values from the largest to the smallest, the method and a bound of their
        errors.

    Raises
    ------
    GeometryError, MatrixTooLargeError, DTypeError
        As for :func:`factorize`.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.spectral import spectrum
    >>> spectrum(Conv([1.0, 1.0], (3,), channels=False)).values.round(6)
    array([1.732051, 1.      ])
    """
    op, exponent = scaled(op)
    base, _ = problem(op)
    found = _spectrum(base, choose(base, method))
    values, error = restored(found.values, exponent), restored_error(found.error, exponent)
    return Spectrum(values, found.method, error)


def null_candidates(
    op: ConvOperator, method: str = "auto"
) -> tuple[NDArray[np.float64], Basis, str, float]:
    """A complete orthonormal basis of what the operator takes, the singular value of each column,
    the method and a bound of the values' errors.
    """
    op, exponent = scaled(op)
    base, swapped = problem(op)
    chosen = choose(base, method)
    found = _decomposed(base, chosen)
    basis: Basis
    if isinstance(found, Product):
        values, basis = complete_kronecker_basis(found, not swapped)
        error = kronecker_error(found, values)
    else:
        values, basis = complete_block_basis(found, not swapped)
        error = block_error(found, values)
    return restored(values, exponent), basis, chosen, restored_error(error, exponent)


def refuses(op: ConvOperator, method: str) -> str | None:
    """Why a method does not apply to an operator, as a clause; None if it does.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    method : str
        One of :data:`METHODS`.

    Returns
    -------
    str or None

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.spectral import refuses
    >>> op = Conv([[1.0, 2.0], [3.0, 4.0]], (8, 8), channels=False)
    >>> refuses(op, "kronecker")
    'the kernel is no product of one kernel per axis'
    >>> refuses(op, "dense")
    """
    base, _ = problem(scaled(op)[0])
    return refusal(base, method)


def _decomposed(base: Problem, method: str) -> Plan | Product:
    """What a method that applies decomposes."""
    if method == "kronecker":
        product = product_of(base)
        if product is None:
            raise GeometryError("`method` must apply to `op`; got 'kronecker'. Pass 'auto'.")
        return product
    return plan(base, KINDS[method])


def _factorization(base: Problem, method: str) -> Factorization:
    found = _decomposed(base, method)
    if isinstance(found, Product):
        return kronecker_factorization(found)
    return block_factorization(found, method)


def _spectrum(base: Problem, method: str) -> Spectrum:
    found = _decomposed(base, method)
    if isinstance(found, Product):
        return kronecker_spectrum(found)
    return block_spectrum(found, method)


def applicable(op: ConvOperator, within: Callable[[str, float], bool]) -> str | None:
    """The first method that applies and whose work, in multiplications, is accepted; None if none
    is.
    """
    base, _ = problem(scaled(op)[0])
    for method in METHODS:
        if within(method, work(base, method)) and refusal(base, method) is None:
            return method
    return None
