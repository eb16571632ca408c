"""When two matrices count as equal, up to rounding and up to a factor."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.sparse as sp

from .._inner import norms

__all__ = ["factor", "is_one", "near"]


def near(a: Any, b: Any, rtol: float) -> bool:
    """Whether |a - b|_F is at most rtol times the larger of the two."""
    if a.shape != b.shape:
        return False
    size = max(_norm(a), _norm(b))
    return _norm(a - b) <= rtol * size


def factor(candidate: Any, found: Any, rtol: float) -> complex | float | None:
    """Return the c with found = c candidate, or None where there is none but 0."""
    size = _norm(candidate)
    if candidate.shape != found.shape or size == 0:
        return None
    c = (candidate.conj() / size).multiply(found / size).sum()
    if c == 0 or not near(c * candidate, found, rtol):
        return None
    real = np.isrealobj(c) or abs(c.imag) <= rtol * abs(c)
    return float(np.real(c)) if real else complex(c)


def is_one(c: complex | float | None, rtol: float) -> bool:
    """Whether a factor is 1 up to rounding."""
    return c is not None and abs(c - 1) <= rtol


def _norm(matrix: Any) -> float:
    return float(norms(sp.csr_array(matrix).data[np.newaxis])[0])
