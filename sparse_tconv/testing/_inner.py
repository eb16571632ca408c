"""Inner products and norms of many vectors, in extended precision and without overflow."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["gaps", "norms", "products", "times_two_to"]

Rows = NDArray[Any]


def products(u: Rows, v: Rows, weight: NDArray[Any] | None = None) -> Rows:
    """Return all <u_i, v_j> = sum conj(u_i) weight v_j of the rows of `u` and `v`.

    Sums run along contiguous memory, where NumPy adds pairwise, in extended precision where the
    platform has it: at least float64, so that what is measured is the operators' rounding.
    """
    wide_u, wide_v = _wide(u), _wide(v)
    if weight is not None:
        wide_v = wide_v * weight
    return np.stack([(wide_u.conj() * row).sum(axis=-1) for row in wide_v], axis=-1)


def norms(u: Rows, weight: NDArray[Any] | None = None) -> Rows:
    """Return the norm of every row, scaled first so that squares neither overflow nor vanish."""
    size = np.abs(_wide(u))
    largest = size.max(axis=-1, initial=0)
    scale = np.where((largest > 0) & np.isfinite(largest), largest, 1)
    squares = (size / scale[:, None]) ** 2
    if weight is not None:
        squares = squares * weight
    return scale * np.sqrt(squares.sum(axis=-1))


def gaps(left: Rows, right: Rows, scale: Rows, floor: float) -> NDArray[np.float64]:
    """Return ``(|left - right| - floor) / scale``, 0 where nothing is above the floor."""
    difference = np.maximum(np.abs(left - right) - floor, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(difference == 0, 0, difference / scale)
    return relative.astype(np.float64)


def times_two_to(values: NDArray[Any], exponent: int) -> NDArray[Any]:
    """Return numbers times a power of two, part by part: there is no ldexp of complex numbers."""
    with np.errstate(over="ignore", under="ignore"):
        if values.dtype.kind != "c":
            return np.asarray(np.ldexp(values, exponent))
        found = np.empty_like(values)
        found.real, found.imag = np.ldexp(values.real, exponent), np.ldexp(values.imag, exponent)
        return found


def _wide(u: Rows) -> Rows:
    """Return the rows in a precision so wide that sums of them have no rounding to speak of."""
    kind, single = u.dtype.kind, u.dtype.kind in "fc" and u.real.dtype.itemsize <= 4
    if kind == "c":
        return u.astype(np.complex128 if single else np.clongdouble)
    return u.astype(np.float64 if single else np.longdouble)
