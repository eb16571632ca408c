"""Two ways to assemble C that come to mind: coordinates, and Kronecker products of shifts."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .task import Call, Task


def coo(task: Task) -> Call:
    """Rows, columns and values of all taps at once, those outside masked away, then ``tocsr``."""
    task.need(task.case.groups == 1, "is written without groups")
    weight = task.weight()
    return Call(lambda: _coo(task, weight))


def _coo(task: Task, weight: NDArray[Any]) -> sp.csr_array:
    case = task.case
    axes = len(case.kernel)
    columns: Any = np.arange(case.x_shape[0]).reshape(1, -1, *[1] * (2 * axes))
    rows: Any = np.arange(case.y_shape[0]).reshape(-1, 1, *[1] * (2 * axes))
    inside: Any = True
    for axis, (n, out, k) in enumerate(
        zip(case.x_shape[1:], case.y_shape[1:], case.kernel, strict=True)
    ):
        tap = np.arange(k).reshape(_along(2 + axis, 2 + 2 * axes))
        position = np.arange(out).reshape(_along(2 + axes + axis, 2 + 2 * axes))
        column = position * case.stride - case.padding + tap
        inside = inside & (column >= 0) & (column < n)
        columns = columns * n + column
        rows = rows * out + position
    values = weight.reshape(*weight.shape, *[1] * axes)
    rows, columns, inside, values = np.broadcast_arrays(rows, columns, inside, values)
    places = (rows[inside], columns[inside])
    shape = (int(np.prod(case.y_shape)), int(np.prod(case.x_shape)))
    if case.decoder:
        places, shape = places[::-1], shape[::-1]
    return sp.coo_array((values[inside], places), shape=shape).tocsr()


def _along(axis: int, ndim: int) -> tuple[int, ...]:
    """The shape of a vector along one of many axes."""
    return tuple(-1 if number == axis else 1 for number in range(ndim))


def kron(task: Task) -> Call:
    """``C = sum over taps of W_tap (x) S_tap``, S the Kronecker product of shifts of the axes."""
    task.need(task.case.groups == 1, "is written without groups")
    weight = task.weight()
    return Call(lambda: _kron(task, weight))


def _kron(task: Task, weight: NDArray[Any]) -> sp.csr_array:
    case = task.case
    total: Any = None
    shifts = [
        [_shift(n, out, tap, case) for tap in range(k)]
        for n, out, k in zip(case.x_shape[1:], case.y_shape[1:], case.kernel, strict=True)
    ]
    for taps in itertools.product(*map(range, case.kernel)):
        term: Any = sp.csr_array(weight[:, :, *taps])
        for axis, tap in enumerate(taps):
            term = sp.kron(term, shifts[axis][tap], format="csr")
        total = term if total is None else total + term
    return total.T.tocsr() if case.decoder else total


def _shift(n: int, out: int, tap: int, case: Any) -> sp.csr_array:
    """The matrix of one axis that reads one tap: entry (o, o * stride - padding + tap)."""
    column = np.arange(out) * case.stride - case.padding + tap
    row = np.flatnonzero((column >= 0) & (column < n))
    return sp.csr_array((np.ones(len(row)), (row, column[row])), shape=(out, n))
