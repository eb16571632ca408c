"""Mistakes that any operator's adjoint can have, convolution or not."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .._finding import Cause, Finding
from .._matrices import Matrices
from .._pair import Pair
from .._space import Space
from ._nearness import factor, is_one, near
from ._search import factor_findings

__all__ = ["general_findings"]


def general_findings(pair: Pair, matrices: Matrices) -> Iterator[Finding]:
    """Yield every general mistake that gives exactly the B that was found."""
    due, found, rtol = matrices.due, matrices.found, matrices.rtol
    c = factor(due, found, rtol)
    if c is not None:
        yield from factor_findings(c, rtol)
    else:
        yield from _complex_parts(due, found, rtol)
    yield from _other_operators(pair, matrices)
    yield from _permuted(pair, due, found, rtol)
    if c is None:
        yield from _position_factors(due, found, rtol)


def _complex_parts(due: sp.csr_array, found: sp.csr_array, rtol: float) -> Iterator[Finding]:
    """B is A^T, or the real part of A^H."""
    if not np.iscomplexobj(due):
        return
    c = factor(due.conj(), found, rtol)
    if c is not None:
        yield Finding(
            Cause.CONJUGATE,
            "B is the transpose of A, not the conjugate transpose.",
            "Conjugate the weight in the adjoint.",
        )
        yield from factor_findings(c, rtol)
    elif is_one(factor(sp.csr_array(due.real), found, rtol), rtol):
        yield Finding(
            Cause.REAL_PART,
            "B is the real part of A^H.",
            "Keep the adjoint complex; look for `.real` or a real array that it is stored into.",
        )


def _other_operators(pair: Pair, matrices: Matrices) -> Iterator[Finding]:
    """B is A itself, or an inverse, or the adjoint of the plain inner products."""
    forward, due, found, rtol = matrices.forward, matrices.due, matrices.found, matrices.rtol
    plain = sp.csr_array(forward.conj().T)
    if not near(plain, due, rtol) and near(plain, found, rtol):
        yield Finding(
            Cause.WEIGHTS,
            "B is A^H, the adjoint of the plain inner products.",
            "Under weights the adjoint is W_in^-1 A^H W_out.",
        )
    if near(forward, found, rtol) and factor(forward, due, rtol) is None:
        yield Finding(
            Cause.SAME_AS_FORWARD,
            "B is A itself, which is not self-adjoint.",
            "A symmetric kernel does not make A symmetric: its boundary must be folded back.",
        )
    if _is_inverse(forward, found, math.sqrt(rtol)) and not _is_inverse(
        forward, due, math.sqrt(rtol)
    ):
        yield Finding(
            Cause.INVERSE,
            "A B A = A: B undoes A, it is an inverse.",
            "The adjoint is the transpose; a Fourier transform's is its inverse times a factor.",
        )


def _is_inverse(forward: sp.csr_array, other: sp.csr_array, rtol: float) -> bool:
    """Whether A B A x = A x for some random x; A = 0 has no use for an inverse."""
    x = np.random.default_rng(0).standard_normal((forward.shape[1], 3))
    ax = forward @ x
    size = np.linalg.norm(ax)
    return bool(size > 0 and np.linalg.norm(forward @ (other @ ax) - ax) <= rtol * size)


def _permuted(pair: Pair, due: sp.csr_array, found: sp.csr_array, rtol: float) -> Iterator[Finding]:
    """B reads y or writes its result with the axes in another order."""
    into, out = _orders(pair.domain), _orders(pair.codomain)
    trials = [
        *((f"writes its result with axes in the order {axes}", due[i]) for axes, i in into),
        *((f"reads y with axes in the order {axes}", due[:, o]) for axes, o in out),
        *(
            (f"reads y and writes its result with axes in the order {axes}", due[i][:, o])
            for (axes, i), (same, o) in itertools.product(into, out)
            if axes == same
        ),
    ]
    for text, candidate in trials:
        c = factor(sp.csr_array(candidate), found, rtol)
        if is_one(c, rtol) and not near(candidate, due, rtol):
            yield Finding(
                Cause.AXES,
                f"B {text}.",
                "Transpose back, or look for Fortran order and a missing order='C'.",
            )
            return


def _orders(space: Space) -> list[tuple[tuple[int, ...], NDArray[Any]]]:
    """Return all orders of the axes but the own, each as an order of the entries."""
    if not space.single or space.doubled or not 1 < len(space.shapes[0]) < 5:
        return []
    shape = space.shapes[0]
    entries = np.arange(space.size).reshape(shape)
    orders = list(itertools.permutations(range(len(shape))))[1:]
    both = [(axes, entries.transpose(axes).ravel()) for axes in orders]
    # What was written in another order is read back by the inverse one.
    return both + [(axes, np.argsort(order)) for axes, order in both]


def _position_factors(due: sp.csr_array, found: sp.csr_array, rtol: float) -> Iterator[Finding]:
    """B is A^H with every row, or every column, times a factor of its own."""
    for place, wanted, seen in (("input", due, found), ("output", due.T, found.T)):
        rows, result = sp.csr_array(wanted), sp.csr_array(seen)
        if np.diff(rows.indptr).max(initial=0) < 2:
            continue  # with one entry per row every B would be "A^H times factors"
        strength = np.asarray(rows.conj().multiply(rows).sum(axis=1)).ravel()
        overlap = np.asarray(rows.conj().multiply(result).sum(axis=1)).ravel()
        factors = np.divide(overlap, strength, out=np.ones_like(overlap), where=strength != 0)
        if near(sp.csr_array(sp.diags_array(factors) @ rows), result, rtol):
            size = np.abs(factors)
            yield Finding(
                Cause.POSITION_FACTOR,
                f"B is A^H times a factor for every {place}, from {size.min():.4g} to "
                f"{size.max():.4g} in size.",
                "Look for an average, a window or a division by overlaps in one direction only.",
            )
