"""Random expressions of operators, each beside the dense matrix that it must equal."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sparse
from factories import random_array, random_setting
from scipy.sparse.linalg import LinearOperator

import sparse_tconv as st

DTYPES = (np.int64, np.int32, np.float32, np.float64, np.complex64, np.complex128)


class Reversed(st.Operator):
    """An operator as a user would write one: entries in reverse order, times a number."""

    def __init__(self, shape: tuple[int, ...], dtype: Any) -> None:
        super().__init__(shape, shape, dtype)
        self.number = self.dtype.type(3 if self.dtype.kind != "c" else 3 - 1j)

    def _multiply(self, x: Any) -> Any:
        return x.reshape(len(x), -1)[:, ::-1] * self.number

    def _multiply_adjoint(self, y: Any) -> Any:
        return y.reshape(len(y), -1)[:, ::-1] * self.number.conj()


def random_expression(
    rng: np.random.Generator, depth: int, dtypes: tuple[Any, ...] = DTYPES, *, foreign: bool = True
) -> tuple[st.Operator, np.ndarray]:
    """A tree of at most that depth and its matrix, computed from the leaves' by NumPy alone."""
    if depth == 0:
        return random_leaf(rng, dtypes)
    op, dense = random_expression(rng, depth - 1, dtypes, foreign=foreign)
    kind = rng.choice(["T", "H", "scaled", "sum", "product", "gram", "v", "h", "d", "restricted"])
    dtype = rng.choice(np.array(dtypes, dtype=object))
    if kind == "T":
        return op.T, dense.T
    if kind == "H":
        return op.H, dense.conj().T
    if kind == "scaled":
        number = [2, -1, np.float32(0.5), 1j, 2.5][rng.integers(5)]
        if np.dtype(op.dtype).kind in "iu" or np.dtype(dtype).kind in "iu":
            number = -2
        return (number * op, number * dense) if rng.integers(2) else (-op, -dense)
    if kind == "gram":
        return (op.gram(), dense.conj().T @ dense) if max(op.shape) < 200 else (op.T, dense.T)
    if kind == "restricted":
        mask = rng.random(op.out_shape) < 0.6
        mask.flat[rng.integers(mask.size)] = True
        taken = st.Restriction(op.out_shape, mask, dtype=dtype)
        return taken @ op, np.eye(mask.size, dtype=dtype)[mask.reshape(-1)] @ dense
    if kind in ("sum", "v", "h", "d"):
        other, theirs = beside(rng, op, dtype, foreign=foreign)
        if kind == "sum":
            minus = bool(rng.integers(2))
            return (op - other, dense - theirs) if minus else (op + other, dense + theirs)
        if kind == "d":
            rows = np.zeros_like(dense, shape=(len(dense), theirs.shape[1]))
            below = np.zeros_like(dense, shape=(len(theirs), dense.shape[1]))
            return st.block_diag([op, other]), np.block([[dense, rows], [below, theirs]])
        join, stack = (st.vstack, np.vstack) if kind == "v" else (st.hstack, np.hstack)
        return join([op, other]), stack([dense, theirs])
    other, theirs = after(rng, op, dtype, foreign=foreign)
    return other @ op, theirs @ dense


def random_leaf(
    rng: np.random.Generator, dtypes: tuple[Any, ...]
) -> tuple[st.Operator, np.ndarray]:
    """A convolution, its transpose, or a diagonal."""
    setting = random_setting(rng, dtypes=dtypes, max_axes=2, pads=(-1, 3))
    op = st.Conv(setting.weight, setting.in_shape, **setting.options, engine="csr")
    if rng.integers(4) == 0:
        values = random_array(rng, op.in_shape, op.dtype)
        return st.Diagonal(values), np.diag(values.reshape(-1))
    op = [op, op.T, op.H][rng.integers(3)]
    return op, op.matrix.toarray()


def beside(
    rng: np.random.Generator, op: st.Operator, dtype: Any, *, foreign: bool
) -> tuple[Any, np.ndarray]:
    """Something of the same shapes."""
    dense = random_array(rng, op.shape, dtype) * (rng.random(op.shape) < 0.4)
    dense = dense.astype(dtype)
    return wrapped(rng, dense, op.in_shape, op.out_shape, foreign=foreign), dense


def after(
    rng: np.random.Generator, op: st.Operator, dtype: Any, *, foreign: bool
) -> tuple[Any, np.ndarray]:
    """Something that takes what the operator gives."""
    choice = rng.integers(4)
    if choice == 0:
        values = random_array(rng, op.out_shape, dtype)
        return st.Diagonal(values), np.diag(values.reshape(-1))
    if choice == 1:
        return st.Identity(op.out_shape, dtype), np.eye(op.shape[0], dtype=dtype)
    if choice == 2:
        mine = Reversed(op.out_shape, dtype)
        return mine, np.eye(op.shape[0], dtype=dtype)[::-1] * mine.number
    rows = int(rng.integers(1, 8))
    dense = random_array(rng, (rows, op.shape[0]), dtype)
    return wrapped(rng, dense, op.out_shape, (rows,), foreign=foreign), dense


def wrapped(
    rng: np.random.Generator,
    dense: np.ndarray,
    in_shape: tuple[int, ...],
    out_shape: tuple[int, ...],
    *,
    foreign: bool,
) -> st.Operator:
    """A dense matrix, a sparse one, or SciPy's operator, as ours."""
    theirs = dense, sparse.csc_array(dense), scipy_operator(dense)
    return st.as_operator(theirs[rng.integers(3 if foreign else 2)], in_shape, out_shape)


def scipy_operator(dense: np.ndarray) -> LinearOperator:
    """A dense matrix as functions."""
    return LinearOperator(
        dense.shape,
        matvec=lambda x: dense @ x.reshape(-1),
        rmatvec=lambda y: dense.conj().T @ y.reshape(-1),
        dtype=dense.dtype,
    )
