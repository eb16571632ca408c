"""The rank, and what counts as zero."""

from __future__ import annotations

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import ConvOperator
from ..solution import Result
from ..spectral import scaled
from ._expressions import is_expression
from ._expressions import rank as rank_of_expression
from ._norms import spectral_norm
from ._singular import singular_values
from ._tolerance import tolerance
from ._triplets import EPS

_MOST_DEFICIENT = 64  # zero singular values that are looked for one by one


def rank(op: ConvOperator, tol: float | None = None, method: str = "auto") -> Result:
    """Number of singular values above a tolerance.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.
    tol : float, optional
        The tolerance; ``max(op.shape) * eps * norm`` in double precision, as
        :func:`numpy.linalg.matrix_rank`, if not given.
    method : str, default 'auto'
        As for :func:`singular_values`.

    Returns
    -------
    Result
        An int; ``error`` is the number of singular values so near the tolerance that rounding may
        have them on the other side.

    Raises
    ------
    GeometryError, MatrixTooLargeError, DTypeError
        As for :func:`singular_values`.

    Notes
    -----
    Without structure a large operator has its smallest values found a few at a time, until one is
    above the tolerance.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import rank
    >>> op = Conv([1.0, -1.0], (6,), padding=((0, 1),), padding_mode="circular", channels=False)
    >>> int(rank(op))
    5
    >>> rank(op, tol=-1.0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `tol` must be a number, at least 0; got -1.0. Leave it out
        for the default.
    """
    if is_expression(op):
        return rank_of_expression(op, tol, method)
    op, exponent = scaled(op)
    if tol is not None:
        tol = tolerance(tol, exponent)
    try:
        found = singular_values(op, None, "largest", method)
    except GeometryError:
        if not validate.is_word(method, ("auto",)):
            raise
        return _rank_from_below(op, tol)
    limit = max(op.shape) * EPS * float(found[0]) if tol is None else tol
    value = int((found.value > limit).sum())
    unsure = int((abs(found.value - limit) <= found.error).sum())
    return Result(value, found.method, unsure, found.complete)


def _rank_from_below(op: ConvOperator, tol: float | None) -> Result:
    """The rank of an operator with few zero singular values."""
    found = singular_values(op, 1, "smallest")  # first, as it may be refused
    limit = max(op.shape) * EPS * float(spectral_norm(op)) if tol is None else tol
    k = 1
    while True:
        below = int((found.value <= limit).sum())
        if below < k:
            unsure = int((abs(found.value - limit) <= found.error).sum())
            return Result(min(op.shape) - below, found.method, unsure, found.complete)
        if 2 * k > _MOST_DEFICIENT:
            raise GeometryError(
                f"`op` must have fewer than {_MOST_DEFICIENT} singular values up to {limit:.3g} to "
                f"be counted at {op.shape[0]:,} x {op.shape[1]:,} without structure; got {k} or "
                "more. Pass a smaller `tol`, or method='dense'."
            )
        k *= 2
        found = singular_values(op, k, "smallest")
