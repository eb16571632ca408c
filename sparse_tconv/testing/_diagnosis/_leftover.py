"""What can be said when no known mistake gives the B that was found."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import scipy.sparse as sp

from .._finding import Cause, Finding
from .._matrices import Matrices
from .._pair import Pair
from .._places import places_of, position
from ._channels import groups_of
from ._stencil import Stencil

__all__ = ["leftover_findings"]

FEW = 0.01
SHOWN = 4


def leftover_findings(pair: Pair, matrices: Matrices, stencil: Stencil | None) -> Iterator[Finding]:
    """Yield where the wrong entries are, when what they are is not known."""
    rows, columns = matrices.wrong()
    difference = sp.csr_array(matrices.found - matrices.due)
    size = float(sp.linalg.norm(matrices.due))
    relative = float(sp.linalg.norm(difference)) / size if size else np.inf
    described = False
    few = list(_few(pair, matrices, rows, columns))
    for finding in (
        *_precision(pair, matrices, relative),
        *few,
        *([] if few else _border(pair, rows, columns)),
        *_mixed_groups(matrices, stencil),
    ):
        described = True
        yield finding
    if not described:
        yield Finding(
            Cause.UNKNOWN,
            f"|A^H - B| is {relative:.2e} of |A|, {rows.size} entries are wrong.",
            "Run exact_test(...) to see where they are.",
        )


def _precision(pair: Pair, matrices: Matrices, relative: float) -> Iterator[Finding]:
    single = float(np.finfo(np.float32).eps)
    if pair.eps < single and relative <= matrices.rtol * single / pair.eps:
        yield Finding(
            Cause.PRECISION,
            f"|A^H - B| is {relative:.1e} of |A|, what float32 leaves, but the dtype is "
            f"{pair.domain.dtype}.",
            "Look for a float32 inside, or pass dtype=numpy.float32.",
        )


def _few(
    pair: Pair, matrices: Matrices, rows: np.ndarray, columns: np.ndarray
) -> Iterator[Finding]:
    if rows.size > max(SHOWN, FEW * matrices.due.nnz):
        return
    shown = [
        f"B[{position(pair.domain, int(i))}, {position(pair.codomain, int(j))}] = "
        f"{matrices.restored(matrices.found[i, j]):.6g}, "
        f"{matrices.restored(matrices.due[i, j]):.6g} is due"
        for i, j in list(zip(rows, columns, strict=True))[:SHOWN]
    ]
    more = f", and {rows.size - SHOWN} more" if rows.size > SHOWN else ""
    yield Finding(
        Cause.ENTRIES,
        f"{'; '.join(shown)}{more}.",
        "Look at what the adjoint does at these positions (input, output).",
    )


def _border(pair: Pair, rows: np.ndarray, columns: np.ndarray) -> Iterator[Finding]:
    for side, places in (
        ("input", places_of(pair.domain, rows)),
        ("output", places_of(pair.codomain, columns)),
    ):
        if places.at_border:
            yield Finding(
                Cause.BORDER,
                f"all wrong entries stand in the {side} {places}.",
                "Compare how the two directions treat what lies outside.",
            )
            return


def _mixed_groups(matrices: Matrices, stencil: Stencil | None) -> Iterator[Finding]:
    """B connects channels of different groups."""
    groups = 1 if stencil is None else groups_of(stencil.weight)
    if stencil is None or groups == 1:
        return
    c_out, c_in = stencil.weight.shape[:2]
    n, m = matrices.due.shape
    sides = {n // c_in: (c_in, c_out), n // c_out: (c_out, c_in)}
    first, second = sides[int(np.prod(stencil.in_size))] if n % c_in == 0 else (c_out, c_in)
    row, column = sp.coo_array(matrices.found).coords
    group_of_row = row // (n // first) * groups // first
    group_of_column = column // (m // second) * groups // second
    stray = int((group_of_row != group_of_column).sum())
    if stray:
        yield Finding(
            Cause.GROUPS,
            f"{stray} entries of B connect channels of different groups; A has {groups} groups.",
            "Let group g of the adjoint use the weights of group g only.",
        )
