"""scipy.signal's FFT convolutions of an image, or of each channel of a depthwise case.

A forward product is the full convolution with the reversed kernel, cropped; a stride keeps every
s-th entry of it, and puts zeros between the entries in the transposed product. Strides and crops
are views, so that they cost nothing but the zeros.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import scipy.fft
from numpy.typing import NDArray
from scipy import signal

from .task import Call, Task


def fftconvolve(task: Task) -> Call:
    return _with(signal.fftconvolve, task)


def oaconvolve(task: Task) -> Call:
    return _with(signal.oaconvolve, task)


def _with(convolve: Callable[..., NDArray[Any]], task: Task) -> Call:
    case = task.case
    depthwise = case.groups == case.channels[0] == case.channels[1]
    task.need(depthwise and case.batch is None, "mixes no channels")
    operand, weight = task.operand(), task.weight()[:, 0]
    axes = tuple(range(1, operand.ndim))
    crop = (slice(None), *_crop(task))
    if task.transposed:
        shape = [(n - 1) * case.stride + 1 for n in case.y_shape[1:]]
        stuffed = (slice(None), *(slice(None, None, case.stride) for _ in axes))
    else:
        weight = np.flip(weight, axes).copy()

    def run() -> NDArray[Any]:
        image = operand
        if task.transposed and case.stride > 1:
            image = np.zeros((len(operand), *shape), operand.dtype)
            image[stuffed] = operand
        with scipy.fft.set_workers(task.threads):
            return convolve(image, weight, mode="full", axes=axes)[crop]

    return Call(run)


def _crop(task: Task) -> tuple[slice, ...]:
    """Where the product lies in the full convolution."""
    case = task.case
    p, s = case.padding, case.stride
    if task.transposed:
        return tuple(slice(p, p + n) for n in case.x_shape[1:])
    sizes = zip(case.y_shape[1:], case.kernel, strict=True)
    return tuple(slice(k - 1 - p, k - 1 - p + (n - 1) * s + 1, s) for n, k in sizes)
