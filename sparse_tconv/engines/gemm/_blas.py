"""BLAS on rows of larger arrays: ``c = a b``, and ``c += a b`` where it stands.

``numpy.matmul`` cannot add to its output; a sum over taps would need a temporary and a pass over the
target for each. SciPy publishes the routines that can, for Cython and Numba
(``scipy.linalg.cython_blas``); called there, nothing is copied and the interpreter's lock is free.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cython_blas

Multiply = Callable[[NDArray[Any], NDArray[Any], NDArray[Any], bool], None]

_ROUTINES = {"f": "sgemm", "d": "dgemm", "F": "cgemm", "D": "zgemm"}
_INTERFACE = b"void (char *, char *, int *, int *, int *,"  # the one with sizes of 32 bits
_INT_MAX = 2**31 - 1
_PLAIN = ctypes.byref(ctypes.c_char(b"N"))


@cache
def multiplier(dtype: np.dtype[Any]) -> Multiply:
    """``multiply(a, b, c, add)`` of 2-d arrays whose rows are contiguous each: c = a b or c += a b."""
    capsule = getattr(cython_blas, "__pyx_capi__", {}).get(_ROUTINES[dtype.char])
    if capsule is None:
        return _with_numpy
    name_of, address_of = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name_of.restype, name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
    address_of.restype, address_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    name = name_of(capsule)
    if not name.startswith(_INTERFACE):
        return _with_numpy
    gemm = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(address_of(capsule, name))
    factors = np.array([0, 1], dtype=dtype)

    def multiply(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any], add: bool) -> None:
        """BLAS counts along columns: it sees the transposes, and c^T = b^T a^T."""
        (m, n), k = c.shape, a.shape[1]
        pitches = [max(array.strides[0] // dtype.itemsize, array.shape[1]) for array in (b, a, c)]
        if max(m, *pitches) > _INT_MAX:
            _with_numpy(a, b, c, add)
            return
        sizes = [ctypes.byref(ctypes.c_int(size)) for size in (n, m, k, *pitches)]
        one = _address(factors[1:])
        gemm(_PLAIN, _PLAIN, *sizes[:3], one, _address(b), sizes[3], _address(a), sizes[4],
             one if add else _address(factors), _address(c), sizes[5])  # fmt: skip

    return multiply


def _with_numpy(a: NDArray[Any], b: NDArray[Any], c: NDArray[Any], add: bool) -> None:
    """The same with a temporary where it adds."""
    if add:
        c += a @ b
    else:
        np.matmul(a, b, out=c)


def _address(array: NDArray[Any]) -> int:
    """Where an array's first entry is; quicker than ``array.ctypes.data``."""
    return int(array.__array_interface__["data"][0])
