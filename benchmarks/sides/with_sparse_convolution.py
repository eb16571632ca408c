"""The PyPI package sparse_convolution: the matrix of a full convolution of an image."""

from __future__ import annotations

from sparse_convolution import Toeplitz_convolution2d

from .task import Call, Task


def assembly(task: Task) -> Call:
    case = task.case
    task.need(case.channels == (1, 1) and len(case.kernel) == 2, "has images only, no channels")
    task.need(case.decoder and case.stride == 1 and case.padding == 0, "builds 'full' only")
    kernel = task.weight()[0, 0]
    options = {"mode": "full", "method": "precomputed", "backend": "numpy"}
    return Call(lambda: Toeplitz_convolution2d(case.size, kernel, **options)._dt)
