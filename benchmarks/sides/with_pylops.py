"""PyLops: Convolve1D, Convolve2D and ConvolveND with their default methods; tosparse."""

from __future__ import annotations

import numpy as np
import pylops
import scipy.fft
from pylops.signalprocessing import Convolve1D, Convolve2D, ConvolveND

from .task import Call, Task


def product(task: Task) -> Call:
    operand = task.image().ravel()
    op = _operator(task)
    multiply = op.rmatvec if task.transposed else op.matvec

    def run():
        with scipy.fft.set_workers(task.threads):
            return multiply(operand)

    return Call(run)


def assembly(task: Task) -> Call:
    op = _operator(task)
    task.need(max(op.shape) <= 5000, "tosparse would take minutes")
    return Call(op.tosparse)


def _operator(task: Task) -> pylops.LinearOperator:
    """C as an operator of PyLops: convolution with the reversed kernel around its center."""
    case = task.case
    task.need(case.channels == (1, 1) and case.batch is None, "has no channels")
    same = all(2 * case.padding == k - 1 for k in case.kernel)
    task.need(same and case.stride == 1, "keeps the image's size")
    kernel = np.flip(task.weight()[0, 0]).copy()
    center = tuple(k // 2 for k in case.kernel)
    options = {"dims": case.size, "h": kernel, "offset": center, "dtype": task.dtype}
    axes = len(case.kernel)
    if axes == 1:
        return Convolve1D(case.size[0], kernel, offset=center[0], dtype=task.dtype)
    if axes == 2:
        return Convolve2D(**options)
    return ConvolveND(**options, axes=tuple(range(axes)))
