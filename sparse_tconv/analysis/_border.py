"""Row and column sums: a bound of the norm under any border."""

from __future__ import annotations

from dataclasses import replace
from math import prod

import numpy as np
from numpy.typing import NDArray

from ..geometry import Axis, copies
from ..operators import Conv
from ..spectral import Problem, block_norms
from ._symbol import after

_MOST = 1 << 22  # samples of the shortened operator


def sums_bound(problem: Problem) -> float:
    """``sqrt(largest row sum * largest column sum)`` of the norms of the channel blocks: Schur's
    test.

    The sums repeat in the interior of a long axis, so a shorter one has the same.
    """
    norms = tap_norms(problem)
    if not all(copies(axis.mode) for axis in problem.geometry.axes):
        return float(norms.sum()) * problem.extension_norm  # signs: no sums of absolute values
    axes = [_shortened(axis) for axis in problem.geometry.axes]
    if prod(axis.n_in + axis.n_out for axis in axes) > _MOST:
        return float(norms.sum()) * problem.extension_norm
    op = Conv(
        norms,
        tuple(axis.n_in for axis in axes),
        stride=tuple(axis.stride for axis in axes),
        padding=tuple((axis.before, after(axis)) for axis in axes),
        dilation=tuple(axis.dilation for axis in axes),
        padding_mode=tuple(axis.mode for axis in axes),
        channels=False,
    )
    rows = op.apply(np.ones(op.in_shape)).max()
    columns = op.T.apply(np.ones(op.out_shape)).max()
    return float(np.sqrt(max(rows, 0.0) * max(columns, 0.0)))


def norm_scale(problem: Problem) -> float:
    """A simple upper bound of the norm, the scale of rounding errors."""
    return problem.weight_norm * problem.extension_norm


def tap_norms(problem: Problem) -> NDArray[np.float64]:
    """The norm of the channel matrix of each tap, the largest over the groups: (*kernel_size)."""
    kernel = problem.kernel
    order = (0, *range(3, kernel.ndim), 1, 2)
    return np.asarray(block_norms(np.ascontiguousarray(kernel.transpose(order))).max(axis=0))


def _shortened(axis: Axis) -> Axis:
    """The axis without most of its interior."""
    reach = axis.dilation * (axis.k - 1) + axis.stride
    kept = 4 * (abs(axis.before) + abs(after(axis)) + reach)
    cut = max(axis.n_in - kept, 0) // axis.stride
    return replace(axis, n_in=axis.n_in - cut * axis.stride, n_out=axis.n_out - cut)
