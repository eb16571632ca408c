"""The adjoint gives another shape than the forward takes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .._finding import Cause, Finding
from .._matrices import to_matrix
from .._pair import Pair
from .._space import Shapes
from ._guess import Guess
from ._mistakes import brief, live_axes, mistakes_for, moved
from ._nearness import factor
from ._search import findings_of, search
from ._stencil import Stencil

__all__ = ["mismatch_findings"]

NEIGHBORS = (0, -1, 1, -2, 2)


def mismatch_findings(
    pair: Pair, got: Shapes, forward: sp.csr_array, right: Guess | None, rtol: float
) -> Iterator[Finding]:
    """Yield that the shape is wrong, and what would make it so."""
    yield pair.domain.mismatch(list(got) if len(got) > 1 else None, got, "adjoint")
    if not pair.domain.single or len(got) != 1:
        return
    found = _found(pair, got)
    shape, due_shape = got[0], pair.domain.shapes[0]
    due = sp.csr_array(forward.conj().T)
    yield from _reordered(shape, due_shape, found, due, rtol)
    if right is not None and right.transposed is False:
        yield from _resized(right, shape, due_shape, found, rtol)


def _found(pair: Pair, got: Shapes) -> sp.csr_array:
    """Return B with as many rows as it has."""

    def flat(y: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate([a.ravel() for a in pair.raw_adjoint(y)])

    rows = sum(math.prod(shape) for shape in got)
    return to_matrix(flat, pair.codomain.size, rows, pair.codomain.vector_dtype)


def _reordered(
    shape: tuple[int, ...],
    due_shape: tuple[int, ...],
    found: sp.csr_array,
    due: sp.csr_array,
    rtol: float,
) -> Iterator[Finding]:
    """The right numbers in another shape."""
    if math.prod(shape) != math.prod(due_shape):
        return
    if factor(due, found, rtol) is not None:
        yield Finding(
            Cause.SHAPE,
            f"the numbers are those of the adjoint, in shape {shape}.",
            f"Reshape the result to {due_shape}.",
        )
        return
    for axes in itertools.permutations(range(len(due_shape))):
        if tuple(due_shape[a] for a in axes) == shape:
            order = np.arange(math.prod(due_shape)).reshape(due_shape).transpose(axes).ravel()
            if factor(sp.csr_array(due[order]), found, rtol) is not None:
                yield Finding(
                    Cause.AXES,
                    f"the result is the adjoint with its axes in the order {axes}.",
                    f"Transpose it back to {due_shape}.",
                )
                return


def _resized(
    right: Guess,
    shape: tuple[int, ...],
    due_shape: tuple[int, ...],
    found: sp.csr_array,
    rtol: float,
) -> Iterator[Finding]:
    """The adjoint of a convolution with another input size: output_padding, stride or padding."""
    stencil = right.stencil
    lead = len(due_shape) - stencil.axes
    if len(shape) != len(due_shape) or shape[:lead] != due_shape[:lead]:
        return
    size = shape[lead:]
    guess = replace(right, stencil=replace(stencil, in_size=size))
    c = factor(guess.matrix(), found, rtol)
    if c is not None or _explained(guess, found, rtol):
        yield from _same_windows(stencil, size)
        yield from _explained(guess, found, rtol)
        return
    yield from _neighbors(guess, stencil, found, rtol)


def _explained(guess: Guess, found: sp.csr_array, rtol: float) -> list[Finding]:
    """Return the other mistakes that B has, apart from its size."""
    if factor(guess.matrix(), found, rtol) == 1:
        return []
    mistakes = [
        m
        for m in mistakes_for(guess)
        if m.cause in (Cause.CONJUGATE, Cause.FLIP, Cause.CHANNELS, Cause.BOUNDARY)
    ]
    return list(findings_of(search(guess, found, mistakes, None, rtol), rtol))


def _same_windows(stencil: Stencil, size: tuple[int, ...]) -> Iterator[Finding]:
    """B is right on every entry that it has."""
    short = tuple(n - got for n, got in zip(stencil.in_size, size, strict=True))
    needed = stencil.output_padding
    if all(0 <= e < max(s, 2) for e, s in zip(short, stencil.stride, strict=True)) and any(short):
        yield Finding(
            Cause.OUTPUT_PADDING,
            f"the result lacks the last {brief(short)} entries of its axes; the rest is right.",
            f"Pass output_padding={brief(needed if min(needed) >= 0 else short)}: stride "
            f"{brief(stencil.stride)} alone does not tell size {brief(stencil.in_size)}.",
        )
    else:
        yield Finding(
            Cause.PADDING,
            f"the result has size {brief(size)}, right but for its end.",
            f"Pad behind so that the size becomes {brief(stencil.in_size)}.",
        )


def _neighbors(
    guess: Guess, stencil: Stencil, found: sp.csr_array, rtol: float
) -> Iterator[Finding]:
    """B is the adjoint for a stride or padding next to the right one."""
    for step, move in itertools.product((0, 1, -1), NEIGHBORS):
        stride = moved(stencil.stride, live_axes(stencil), step)
        before = moved(stencil.before, live_axes(stencil), move)
        if min(stride) < 1 or (step, move) == (0, 0):
            continue
        other = replace(guess, stencil=replace(guess.stencil, stride=stride, before=before))
        if factor(other.matrix(), found, rtol) is None:
            continue
        if step:
            yield Finding(
                Cause.STRIDE,
                f"B is the adjoint of a convolution of stride {brief(stride)}.",
                f"Use stride {brief(stencil.stride)}, as the forward does.",
            )
        if move:
            yield Finding(
                Cause.PADDING,
                f"B is the adjoint of a convolution padded by {brief(before)} in front.",
                f"Use padding {brief(stencil.before)}, as the forward does.",
            )
        return
