"""Operators over each other, beside each other, and each on its own."""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

from .. import _validate as validate
from .._parameters import documented
from ..errors import DTypeError, GeometryError, ShapeError
from ._blocks import Blocks
from ._operator import Operator
from ._wrapped import as_operator, is_foreign


@documented
def vstack(ops: Iterable[Any]) -> Operator:
    """Operators on one sample, their results joined: ``[[A], [B]]``.

    Parameters
    ----------
    ops : sequence of Operator, or of what as_operator takes
        At least one, of equal ``in_shape``; flat ones match any shape of their size.

    {joined_operator}

    Raises
    ------
    ShapeError
        Operators take samples of different shapes.
    {operators_errors}

    See Also
    --------
    hstack : its adjoint, the sum of operators on samples of their own.
    block_diag : operators on samples of their own, their results joined.

    Notes
    -----
    Forward ``y = (A x, B x, ...)``, adjoint ``A^H y_0 + B^H y_1 + ...``.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> frames = [st.Restriction((4,), slice(start, None, 2)) for start in (0, 1)]
    >>> both = st.vstack(frames)
    >>> both.apply([1, 2, 3, 4])
    array([[1., 3.],
           [2., 4.]])
    >>> st.vstack([*frames, st.Identity(4)])
    <VStack (4,) -> (8,), out flat, dtype=float64> 8 x 4, 0 flops
    ├─ <Restriction (4,) -> (2,), dtype=float64> 2 x 4, 0 flops
    ├─ <Restriction (4,) -> (2,), dtype=float64> 2 x 4, 0 flops
    └─ <Identity (4,) -> (4,), dtype=float64> 4 x 4, 0 flops
    >>> st.vstack([frames[0], st.Identity(5)])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `ops` must take samples of equal shapes; got (4,) and (5,), of
        operator 1. Make all for one shape, or use st.block_diag.
    """
    parts = _operators(ops)
    _check("take", [part.in_shape for part in parts])
    return Blocks(parts, splits=False, joins=True)


@documented
def hstack(ops: Iterable[Any]) -> Operator:
    """Operators on samples of their own, their results added: ``[[A, B]]``.

    Parameters
    ----------
    ops : sequence of Operator, or of what as_operator takes
        At least one, of equal ``out_shape``; flat ones match any shape of their size.

    {joined_operator}

    Raises
    ------
    ShapeError
        Operators give results of different shapes.
    {operators_errors}

    See Also
    --------
    vstack : its adjoint.

    Notes
    -----
    Forward ``y = A x_0 + B x_1 + ...``, adjoint ``(A^H y, B^H y, ...)``.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> op = st.hstack([st.Identity(2), st.Diagonal([10, 20])])
    >>> op.apply([[1, 2], [3, 4]])
    array([31., 82.])
    >>> st.hstack([st.Identity(2), st.Identity(3)])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `ops` must give samples of equal shapes; got (2,) and (3,), of
        operator 1. Make all for one shape, or use st.block_diag.
    """
    parts = _operators(ops)
    _check("give", [part.out_shape for part in parts])
    return Blocks(parts, splits=True, joins=False)


@documented
def block_diag(ops: Iterable[Any]) -> Operator:
    """Operators on samples of their own, their results joined: ``[[A, 0], [0, B]]``.

    Parameters
    ----------
    ops : sequence of Operator, or of what as_operator takes
        At least one. One operator that comes back again and again works on one batch.

    {joined_operator}

    Raises
    ------
    {operators_errors}

    See Also
    --------
    vstack : operators on one sample.

    Notes
    -----
    Forward ``y = (A x_0, B x_1, ...)``, adjoint ``(A^H y_0, B^H y_1, ...)``.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> op = st.block_diag([st.Diagonal([1, 2]), st.Diagonal([3])])
    >>> op.toarray()
    array([[1, 0, 0],
           [0, 2, 0],
           [0, 0, 3]])
    >>> st.block_diag([])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `ops` must have at least one operator; got none. Pass a list
        of operators.
    """
    return Blocks(_operators(ops), splits=True, joins=True)


def _operators(ops: Any) -> tuple[Operator, ...]:
    """The operators of a sequence, those of other libraries wrapped."""
    given = None if is_foreign(ops) else validate.entries(ops)
    if given is None:
        raise DTypeError(
            f"`ops` must be a sequence of operators; got {type(ops).__name__}. Pass a list."
        )
    parts = tuple(as_operator(op) for op in given)
    if not parts:
        raise GeometryError(
            "`ops` must have at least one operator; got none. Pass a list of operators."
        )
    return parts


def _check(verb: str, shapes: list[tuple[int, ...]]) -> None:
    """Refuse shapes that do not agree: equal ones do, and a flat one with all of its size."""
    whole = next((shape for shape in shapes if len(shape) > 1), shapes[0])
    for number, shape in enumerate(shapes):
        if shape != whole and not (prod(shape) == prod(whole) and len(shape) == 1):
            raise ShapeError(
                f"`ops` must {verb} samples of equal shapes; got {whole} and {shape}, of operator {number}. "
                f"Make all for one shape, or use st.block_diag."
            )
