"""Singular value decompositions of many small matrices, on the library's threads."""

from __future__ import annotations

from itertools import pairwise
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..threads import num_threads, run

Triplets = tuple[NDArray[Any], NDArray[Any], NDArray[Any]]

_TALL = 3  # rows over columns from which the Gram matrix is cheaper
_WORTH = 1 << 18  # multiplications of one thread below which a second one does not pay


def singular_values(blocks: NDArray[Any]) -> NDArray[Any]:
    """Singular values of blocks (..., rows, columns), as (..., min(rows, columns))."""
    rows, columns = blocks.shape[-2:]
    lead = blocks.shape[:-2]
    if min(rows, columns) == 1:
        return np.linalg.norm(blocks.reshape(*lead, max(rows, columns)), axis=-1)[..., None]
    flat = blocks.reshape(prod(lead), rows, columns)
    values = np.empty((len(flat), min(rows, columns)))

    def decompose(chunk: slice) -> None:
        values[chunk] = np.linalg.svd(flat[chunk], compute_uv=False)

    run(decompose, _chunks(flat))
    return values.reshape(*lead, min(rows, columns))


def block_norms(blocks: NDArray[Any]) -> NDArray[Any]:
    """Spectral norms of blocks (..., rows, columns) of common size.

    Of tall ones by their Gram matrices: squares cost the largest value no digits.
    """
    rows, columns = blocks.shape[-2:]
    if min(rows, columns) == 1 or max(rows, columns) < _TALL * min(rows, columns):
        return singular_values(blocks)[..., 0]
    flat = blocks.reshape(-1, rows, columns)
    norms = np.empty(len(flat))

    def decompose(chunk: slice) -> None:
        adjoint = flat[chunk].conj().swapaxes(-1, -2)
        gram = adjoint @ flat[chunk] if rows > columns else flat[chunk] @ adjoint
        norms[chunk] = np.sqrt(np.maximum(np.linalg.eigvalsh(gram)[..., -1], 0.0))

    run(decompose, _chunks(flat))
    return norms.reshape(blocks.shape[:-2])


def singular_triplets(blocks: NDArray[Any], complete: bool = False) -> Triplets:
    """U, values and V (not its adjoint) of blocks (..., rows, columns); square U and V if
    complete.
    """
    rows, columns = blocks.shape[-2:]
    if (rows, columns) == (1, 1):
        return _scalar_triplets(blocks)
    if min(rows, columns) == 1 and not complete:
        return _vector_triplets(blocks)
    lead, rank = blocks.shape[:-2], min(rows, columns)
    flat = blocks.reshape(prod(lead), rows, columns)
    u = np.empty((len(flat), rows, rows if complete else rank), dtype=blocks.dtype)
    s = np.empty((len(flat), rank))
    vh = np.empty((len(flat), columns if complete else rank, columns), dtype=blocks.dtype)

    def decompose(chunk: slice) -> None:
        u[chunk], s[chunk], vh[chunk] = np.linalg.svd(flat[chunk], full_matrices=complete)

    run(decompose, _chunks(flat))
    v = vh.conj().swapaxes(-1, -2)
    return (
        u.reshape(*lead, *u.shape[1:]),
        s.reshape(*lead, rank),
        v.reshape(*lead, *v.shape[1:]),
    )


def _chunks(blocks: NDArray[Any]) -> list[slice]:
    """A few runs of blocks per thread; a single one where that is enough."""
    count, rows, columns = blocks.shape
    pieces = min(4 * num_threads(), count * rows * columns * min(rows, columns) // _WORTH, count)
    edges = np.linspace(0, count, max(pieces, 1) + 1).astype(int).tolist()
    return [slice(*edge) for edge in pairwise(edges)]


def _scalar_triplets(blocks: NDArray[Any]) -> Triplets:
    """A number as phase times absolute value."""
    values = abs(blocks)
    phase = np.ones_like(blocks)
    np.divide(blocks, values, out=phase, where=values > 0)
    return phase, values[..., 0], np.ones_like(blocks)


def _vector_triplets(blocks: NDArray[Any]) -> Triplets:
    """A single row or column: its norm and its direction, the first unit vector where it is
    zero.
    """
    vector = blocks.reshape(*blocks.shape[:-2], max(blocks.shape[-2:]))
    values = np.linalg.norm(vector, axis=-1)[..., None]
    direction = np.zeros_like(vector)
    direction[..., 0] = 1
    np.divide(vector, values, out=direction, where=values > 0)
    one = np.ones_like(blocks[..., :1, :1])
    if blocks.shape[-2] == 1:
        return one, values, direction.conj()[..., None]
    return direction[..., None], values, one
