"""BLAS on strided rows: ``c = a b`` and ``c += a b`` into a view, without a copy and without the
interpreter's lock.

``numpy.matmul`` cannot add to its output, and SciPy's wrappers take whole arrays only and hold the
lock. SciPy also publishes the routines themselves, for Cython and Numba
(``scipy.linalg.cython_blas``); called there, leading dimensions are free.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cython_blas

from ...threads import blas_workers as spread_threads
from ...threads import run_blas as spread

__all__ = ["ROUTINES", "multiplier", "spread", "spread_threads"]

Multiply = Callable[[NDArray[Any], NDArray[Any], NDArray[Any], bool], None]

ROUTINES = {
    np.dtype(code): name
    for code, name in (("f4", "sgemm"), ("f8", "dgemm"), ("c8", "cgemm"), ("c16", "zgemm"))
}
_INT_MAX = 2**31 - 1
_PLAIN, _TRANSPOSED = ctypes.byref(ctypes.c_char(b"N")), ctypes.byref(ctypes.c_char(b"T"))


def multiplier(dtype: np.dtype[Any]) -> Multiply:
    """``multiply(a, b, c, add)``: ``c = a @ b`` or ``c += a @ b`` for 2-d arrays; each row of c is
    contiguous.

    Each row or each column of a and of b is contiguous too.
    """
    return _routine(dtype) or _with_numpy


def _with_numpy(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any], add: bool) -> None:
    """The same through NumPy, with a temporary where it adds."""
    if add:
        c += a @ b
    else:
        np.matmul(a, b, out=c)


@cache
def _routine(dtype: np.dtype[Any]) -> Multiply | None:
    """SciPy's own gemm for `dtype`; None where its interface is not the one with 32-bit sizes."""
    capsule = getattr(cython_blas, "__pyx_capi__", {}).get(ROUTINES[dtype])
    if capsule is None:
        return None
    name_of, address_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    address_of.restype, address_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name = name_of(capsule)
    if not name.startswith(b"void (char *, char *, int *, int *, int *,"):
        return None
    gemm = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(address_of(capsule, name))
    factors = np.array([0, 1], dtype=dtype)
    zero, one = factors[0:].ctypes.data, factors[1:].ctypes.data
    itemsize = dtype.itemsize

    def multiply(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any], add: bool) -> None:
        # BLAS counts along columns: it sees the transposes, c^T = b^T a^T, and a row's length as
        # leading dimension.
        (m, n), k = c.shape, a.shape[1]
        by_rows_a, pitch_a = _layout(a, itemsize)
        by_rows_b, pitch_b = _layout(b, itemsize)
        pitch_c = max(c.strides[0] // itemsize, n)
        if max(pitch_a, pitch_b, pitch_c, m) > _INT_MAX:
            _with_numpy(a, b, c, add)
            return
        gemm(
            *(_PLAIN if by_rows_b else _TRANSPOSED, _PLAIN if by_rows_a else _TRANSPOSED),
            *(
                _integer(n),
                _integer(m),
                _integer(k),
                one,
                _address(b),
                _integer(pitch_b),
                _address(a),
                _integer(pitch_a),
            ),
            *(one if add else zero, _address(c), _integer(pitch_c)),
        )

    multiply.__dict__["keep"] = factors  # the addresses above are inside it
    return multiply


def _layout(array: NDArray[Any], itemsize: int) -> tuple[bool, int]:
    """Whether the rows are contiguous (else the columns are), and how far apart; the stride of a
    single one may be anything.
    """
    rows, columns = array.shape
    if columns == 1 or array.strides[1] == itemsize:
        return True, max(array.strides[0] // itemsize, columns)
    return False, max(array.strides[1] // itemsize, rows)


@lru_cache(maxsize=1 << 12)
def _integer(value: int) -> Any:
    """The address of a C int; BLAS takes its sizes by address and only reads them."""
    return ctypes.byref(ctypes.c_int(value))


def _address(array: NDArray[Any]) -> int:
    """Where an array's first entry is; quicker than ``array.ctypes.data``."""
    return int(array.__array_interface__["data"][0])
