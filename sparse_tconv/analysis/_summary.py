"""The numbers of an operator together: the outermost values, the rank, the condition, the norm."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from .. import _validate as validate
from .._table import table
from ..errors import GeometryError, MatrixTooLargeError
from ..operators import Operator
from ..solution import NormBounds, Result
from ..spectral import METHODS, checked
from ._expressions import is_expression
from ._norm_bounds import norm_bounds
from ._norms import spectral_norm
from ._singular import singular_values

_SOME = 6  # values of an operator that is too large for all of them
_MOST_ALL = 1 << 21  # values, of a structure
_MOST_ITERATED = 1 << 16  # smaller side for an iteration that was not asked for: under a minute
_MOST_BYTES = 1 << 30
_UNKNOWN = "not found"


@dataclass(frozen=True, eq=False, repr=False)
class Summary:
    """The numbers of an operator; made by :func:`summary`, and its repr is a table.

    Parameters
    ----------
    operator : str
        The operator's repr.
    in_shape, out_shape : tuple of int
        Shapes of samples.
    shape : tuple of int
        Rows and columns of the matrix.
    bounds : NormBounds
        Of the norm, certain at any size.
    values : Result or None
        The singular values that were asked for; None where the operator is too large for any.
    which : {'largest', 'smallest'}
        The end that they are from.
    largest, smallest, cond : float or None
        Of all singular values; None where these do not tell.
    rank : int or None
        The number of values that are not zero to rounding.
    some : bool
        Whether the values are to be shown one by one.

    Examples
    --------
    >>> from sparse_tconv import Conv, analysis
    >>> found = analysis.summary(Conv([3.0, 4.0], (1,), padding=1, channels=False))
    >>> found.largest, found.rank, found.values.complete
    (5.0, 1, 'proved')
    """

    operator: str
    in_shape: tuple[int, ...]
    out_shape: tuple[int, ...]
    shape: tuple[int, int]
    bounds: NormBounds
    values: Result | None
    which: str
    largest: float | None
    smallest: float | None
    cond: float | None
    rank: int | None
    some: bool

    def __repr__(self) -> str:
        found, count = self.values, min(self.shape)
        lower, upper = self.bounds
        rows = [
            ("shape", "{:,} x {:,}".format(*self.shape)),
            ("rank", _UNKNOWN if self.rank is None else f"{self.rank:,}"),
            ("largest", _number(self.largest)),
            ("smallest", _number(self.smallest)),
            ("cond", self._condition()),
            ("norm", f"{_number(lower)} to {_number(upper)} ({self.bounds.method})"),
            ("method", _UNKNOWN if found is None else found.method),
            ("error", _UNKNOWN if found is None else f"at most {found.error:.1e}"),
            ("complete", _UNKNOWN if found is None else found.complete),
        ]
        if found is not None and self.some:
            rows += [(f"value {n}", _number(value)) for n, value in enumerate(found, 1)]
        if found is None:
            rows.append(
                ("note", "too large for all values; asked for one, the largest is looked for")
            )
        elif self.smallest is None:
            note = "values; asked for the smallest, these are looked for"
            rows.append(("note", f"{len(found)} of {count:,} {note}"))
        return table(self.operator, rows)

    def _condition(self) -> str:
        """The condition number, as far as the error of the smallest value lets it be known."""
        if self.smallest is None or self.largest is None or self.values is None:
            return _UNKNOWN
        error = self.values.error
        if self.smallest > error:
            return _number(self.cond)
        if not error:
            return "inf"
        least = self.largest / (self.smallest + error)
        return f"at least {least:.1e}: the smallest may be zero"


def summary(
    op: Operator,
    k: int | None = None,
    which: str = "largest",
    method: str = "auto",
    *,
    rtol: float | None = None,
) -> Summary:
    """The numbers of an operator together, as far as its size lets them be known.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator.
    k : int, optional
        How many singular values to find and to show; if not given, all where that is affordable,
        else a few, else none.
    which, method
        As for :func:`singular_values`.
    rtol : float, optional
        Relative width of the bounds of the norm that is narrow enough, as for :func:`spectral_norm`.

    Returns
    -------
    Summary
        Its repr is the table that ``sparse-tconv spectrum`` prints.

    Raises
    ------
    GeometryError, MatrixTooLargeError, DTypeError
        As for :func:`singular_values`; the vectors of `k` values would not fit.

    See Also
    --------
    structure : what kind of matrix it is.

    Notes
    -----
    The rank counts what is above ``max(op.shape) * eps * norm``, as :func:`numpy.linalg.matrix_rank`.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import summary
    >>> summary(Conv([1.0, -1.0], (6,), channels=False))  # doctest: +ELLIPSIS
    <Conv (6,) -> (5,), kernel_size=(2,), ...>
    shape     5 x 6
    rank      5
    largest   1.93185165
    smallest  0.51763809
    cond      3.73205081
    norm      1.93185165 to 1.93185165 (kronecker)
    method    kronecker
    error     at most ...
    complete  proved
    >>> summary(Conv([1.0, -1.0], (6,), channels=False), rtol=-1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `rtol` must be a number, at least 0; got -1. Leave it out
        for the default.
    """
    op = op if isinstance(op, Operator) else checked(op)
    found = _found(op, k, which, method)
    some = found is not None and (k is not None or len(found) < min(op.shape))
    bounds = norm_bounds(op) if rtol is None else _to_tolerance(op, rtol)
    largest, smallest, rank = _ends(op, found, which)
    return Summary(
        operator=repr(op),
        in_shape=op.in_shape,
        out_shape=op.out_shape,
        shape=op.shape,
        bounds=bounds,
        values=found,
        which=which,
        largest=largest,
        smallest=smallest,
        cond=largest / smallest if largest and smallest else None,
        rank=rank,
        some=some,
    )


def _to_tolerance(op: Any, rtol: float) -> NormBounds:
    found = spectral_norm(op, rtol=rtol)
    lower, upper = found.bounds or (found.value - found.error, found.value + found.error)
    return NormBounds(lower, upper, found.method)


def _found(op: Any, k: int | None, which: str, method: str) -> Result | None:
    """All values where they were not limited and are affordable, else a few, else none."""
    automatic = validate.is_word(method, ("auto",))
    if k is None and (validate.is_word(method, METHODS) or (automatic and _all_fit(op))):
        try:
            return singular_values(op, None, which, method)
        except (GeometryError, MatrixTooLargeError):
            if not automatic:
                raise
    if k is None and min(op.shape) > _MOST_ITERATED:
        return None
    count = min(_SOME, *op.shape) if k is None else k
    if isinstance(count, int) and _vector_bytes(op, count) > _MOST_BYTES:
        raise GeometryError(
            f"`k` must be small enough for the vectors of an iteration to fit; got {count} for "
            f"{op.shape[0]:,} x {op.shape[1]:,}. Leave it out for the bounds of the norm."
        )
    if automatic and which == "largest" and not _all_fit(op):
        method = "lanczos"
    return singular_values(op, count, which, method)


def _whole(op: Any, found: Result) -> Result:
    """All values, where they were found or the method knew them all."""
    if len(found) == min(op.shape) or found.method not in METHODS:
        return found
    return singular_values(op, None, "largest", found.method)


def _all_fit(op: Any) -> bool:
    """Whether all values, and a block for each frequency of a structure, take little memory."""
    if is_expression(op):
        return True  # it has no structure, and its matrix a limit of its own
    frequencies = prod(axis.n_out for axis in op.geometry.axes) * op.geometry.groups
    copies = 64 if op.dtype.kind == "c" else 32  # as real operators have half of the frequencies
    fits = copies * prod(op.shape) <= _MOST_BYTES * frequencies
    return min(op.shape) <= _MOST_ALL and fits


def _vector_bytes(op: Any, k: int) -> int:
    """What the vectors of an iteration take, some more than the values wanted."""
    return max(2 * k + 8, 32) * min(op.shape) * (16 if op.dtype.kind == "c" else 8)


def _ends(
    op: Any, found: Result | None, which: str
) -> tuple[float | None, float | None, int | None]:
    """Largest value, smallest value and rank, as far as the values tell."""
    if found is None:
        return None, None, None
    values, count = np.sort(_whole(op, found).value), min(op.shape)
    if values.size < count and which == "largest":
        return float(values[-1]), None, None
    largest = float(values[-1] if values.size == count else spectral_norm(op))
    tol = max(op.shape) * np.finfo(np.float64).eps * largest  # as numpy.linalg.matrix_rank
    below = int((values <= tol).sum())
    rank = None if below == values.size < count else count - below
    return largest, float(values[0]), rank


def _number(value: float | None) -> str:
    return _UNKNOWN if value is None else f"{value:.9g}"
