"""What kind of matrix a convolution is, found by looking."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .._table import table
from ..assembly import fresh_matrix
from ..geometry import Axis, ConvGeometry
from ..operators import ConvOperator
from ..spectral import problem, refuses, scaled
from ._definiteness import definiteness
from ._equivalent import equivalent

_SHORT = {"Toeplitz": "T", "circulant": "C", "Toeplitz+Hankel": "TH"}


@dataclass(frozen=True, repr=False)
class Structure:
    """What an operator's matrix is.

    Parameters
    ----------
    name : str
        'BTTB' (block Toeplitz with Toeplitz blocks), 'BCCB' (circulant), 'BTHTHB' (Toeplitz plus
        Hankel, the half-sample border) for two axes alike; the words of the axes otherwise.
    levels : tuple of str
        For each axis 'circulant', 'Toeplitz', 'Toeplitz+Hankel' or 'general', with ', stride s'
        where rows move on by s columns.
    blocks : tuple of int
        Channels (given, taken): the matrix has so many blocks of this structure.
    groups : int
        Groups of channels that do not read each other.
    kronecker : bool
        Whether it is a Kronecker product of one matrix per axis, and one of the channels for each
        group.
    shape : tuple of int
    nnz : int
        Stored entries.
    density : float
        Their share of all.
    bandwidth : tuple of int
        How far entries reach below and above the diagonal.
    symmetric, hermitian : bool
        Whether it equals its transpose, or its adjoint, to rounding.
    definiteness : str or None
        'positive definite', 'positive semidefinite', the same with 'negative', 'indefinite',
        'zero', or 'unknown' where it would take a large eigenvalue problem; None unless Hermitian.

    Examples
    --------
    >>> from sparse_tconv import Conv, analysis
    >>> found = analysis.structure(Conv([1.0, 2.0], (4,), channels=False))
    >>> found.name, found.shape, found.nnz, found.bandwidth
    ('Toeplitz', (3, 4), 6, (0, 1))
    """

    name: str
    levels: tuple[str, ...]
    blocks: tuple[int, int]
    groups: int
    kronecker: bool
    shape: tuple[int, int]
    nnz: int
    density: float
    bandwidth: tuple[int, int]
    symmetric: bool
    hermitian: bool
    definiteness: str | None

    def __repr__(self) -> str:
        rows, columns = self.shape
        same = "Hermitian" if self.hermitian else "symmetric" if self.symmetric else "no"
        lines = [
            ("matrix", f"{rows:,} x {columns:,}"),
            ("entries", f"{self.nnz:,}, {self.density:.3g} of all"),
            ("bandwidth", "{:,} below, {:,} above".format(*self.bandwidth)),
            ("axes", ", ".join(self.levels)),
            ("blocks", "{} x {}".format(*self.blocks) + f", groups {self.groups}"),
            ("Kronecker product", "yes" if self.kronecker else "no"),
            ("own transpose", same),
        ]
        if self.definiteness is not None:
            lines.append(("definiteness", self.definiteness))
        return table(f"Structure: {self.name}", lines)


def structure(op: ConvOperator) -> Structure:
    """What kind of matrix an operator has: its structure is looked for in its entries, not taken
    from its arguments.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator.

    Returns
    -------
    Structure

    Raises
    ------
    DTypeError
        `op` is not a Conv or ConvTranspose.

    Notes
    -----
    Each axis is examined by itself, in time proportional to its length: a tap that is zero
    throughout is left out, so that a border which only such taps read does not count.

    Examples
    --------
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import structure
    >>> laplacian = [[0, -1, 0], [-1, 4, -1], [0, -1, 0]]
    >>> found = structure(Conv(laplacian, (8, 8), padding=1, channels=False))
    >>> found.name, found.kronecker, found.bandwidth, found.definiteness
    ('BTTB', False, (9, 9), 'positive definite')
    >>> structure(
    ...     Conv(laplacian, (8, 8), padding=1, padding_mode="circular", channels=False)
    ... ).definiteness
    'positive semidefinite'
    >>> structure(laplacian)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a Conv or ConvTranspose; got list. Make one with
        sparse_tconv.Conv(weight, in_shape).
    """
    op, _ = scaled(op)
    base, transposed = problem(op)
    g = op.geometry
    kernel = abs(base.kernel).max(axis=(0, 1, 2))
    levels = tuple(_level(axis, kernel, number) for number, axis in enumerate(g.axes))
    nnz, (rows, columns) = g.nnz, op.shape
    symmetric = rows == columns and _same(op, op.T, base.weight_norm)
    real = op.dtype.kind != "c"
    hermitian = symmetric if real else rows == columns and _same(op, op.H, base.weight_norm)
    lower, upper = _bandwidth(g)
    return Structure(
        name=_name(levels),
        levels=levels,
        blocks=(g.x_channels, g.y_channels) if transposed else (g.y_channels, g.x_channels),
        groups=g.groups,
        kronecker=refuses(op, "kronecker") is None,
        shape=(rows, columns),
        nnz=nnz,
        density=nnz / (rows * columns),
        bandwidth=(upper, lower) if transposed else (lower, upper),
        symmetric=symmetric,
        hermitian=hermitian,
        definiteness=definiteness(op) if hermitian else None,
    )


def _same(op: ConvOperator, other: ConvOperator, scale: float) -> bool:
    """Whether two operators agree to the rounding of their kernels."""
    eps = np.finfo(op.dtype).eps if op.dtype.kind in "fc" else 0.0
    return bool(equivalent(op, other, tol=float(4 * eps) * scale))


def _name(levels: tuple[str, ...]) -> str:
    """The usual abbreviation where all axes are alike."""
    kinds = set(levels)
    if len(kinds) == 1 and (kind := levels[0]) in _SHORT:
        if len(levels) == 1:
            return kind
        if len(levels) == 2:
            return f"B{_SHORT[kind] * 2}B"
        return f"{len(levels)}-level {kind}"
    return " of ".join(f"[{level}]" for level in levels)


def _level(axis: Axis, kernel: NDArray[np.float64], number: int) -> str:
    """The structure of one axis: taps are told apart by numbers of their own."""
    others = tuple(n for n in range(kernel.ndim) if n != number)
    used = kernel.max(axis=others) > 0
    marks = np.where(used, np.random.default_rng(0).integers(1, 1 << 40, axis.k), 0)
    matrix = fresh_matrix(ConvGeometry((axis,), 1, 1, 1, False, False), marks, False)
    matrix.eliminate_zeros()
    suffix = f", stride {axis.stride}" if axis.stride > 1 else ""
    if _is_circulant(matrix, axis.stride):
        return "circulant" + suffix
    if _is_toeplitz(matrix, axis.stride):
        return "Toeplitz" + suffix
    return "Toeplitz+Hankel" if not suffix and _is_toeplitz_hankel(matrix) else "general"


def _diagonals(matrix: csr_array, stride: int) -> NDArray[np.int64]:
    """How far each entry is from the diagonal that moves by a stride."""
    entries = matrix.tocoo()
    return np.asarray(entries.col - stride * entries.row.astype(np.int64))


def _constant(
    keys: NDArray[np.int64], values: NDArray[np.int64], expected: NDArray[np.int64]
) -> bool:
    """Whether each key has as many values as are expected of it, and all of them equal."""
    order = np.argsort(keys, kind="stable")
    keys, values = keys[order], values[order]
    same = keys[1:] == keys[:-1]
    counts = np.diff(np.flatnonzero(np.concatenate([[True], ~same, [True]])))
    firsts = expected[order][np.flatnonzero(np.concatenate([[True], ~same]))]
    return bool((values[1:][same] == values[:-1][same]).all() and (counts == firsts).all())


def _is_toeplitz(matrix: csr_array, stride: int) -> bool:
    """Whether each diagonal is constant over its whole length."""
    if not matrix.nnz:
        return True
    rows, columns = matrix.shape
    keys = _diagonals(matrix, stride)
    first = np.maximum(0, -(keys // stride))
    last = np.minimum(rows - 1, (columns - 1 - keys) // stride)
    return _constant(keys, matrix.data, last - first + 1)


def _is_circulant(matrix: csr_array, stride: int) -> bool:
    """Whether each diagonal goes on round the circle."""
    rows, columns = matrix.shape
    if rows * stride != columns or not matrix.nnz:
        return False
    keys = _diagonals(matrix, stride)
    return _constant(keys % columns, matrix.data, np.full(keys.size, rows))


def _is_toeplitz_hankel(matrix: csr_array) -> bool:
    """Whether neighbors above and below sum to those left and right, in the interior."""
    rows, columns = matrix.shape
    if min(rows, columns) < 3:
        return False
    vertical = matrix[:-2] + matrix[2:]
    horizontal = matrix[:, :-2] + matrix[:, 2:]
    difference = vertical[:, 1:-1] - horizontal[1:-1]
    return not difference.data.any()


def _bandwidth(g: ConvGeometry) -> tuple[int, int]:
    """How far the entries of C reach below and above the diagonal: axis by axis, as entries are
    products.
    """
    below, above = _channel_reach(g)
    steps = np.cumprod([1, *(axis.n_out for axis in g.axes[:0:-1])])[::-1]
    strides = np.cumprod([1, *(axis.n_in for axis in g.axes[:0:-1])])[::-1]
    for axis, step, stride in zip(g.axes, steps.tolist(), strides.tolist(), strict=True):
        matrix = fresh_matrix(
            ConvGeometry((axis,), 1, 1, 1, False, False), np.ones(axis.k), False
        ).tocoo()
        if not matrix.nnz:
            return 0, 0
        distance = matrix.row.astype(np.int64) * step - matrix.col.astype(np.int64) * stride
        below, above = below + int(distance.max()), above + int((-distance).max())
    return max(below, 0), max(above, 0)


def _channel_reach(g: ConvGeometry) -> tuple[int, int]:
    """The most and the least that channels add to row minus column."""
    rows, columns = g.shape[0] // g.y_channels, g.shape[1] // g.x_channels
    given, taken = g.y_channels // g.groups, g.x_channels // g.groups
    group = np.arange(g.groups)
    below = (group * given + given - 1) * rows - group * taken * columns
    above = (group * taken + taken - 1) * columns - group * given * rows
    return int(below.max()), int(above.max())
