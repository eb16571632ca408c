"""scipy.ndimage.correlate and convolve: same size, odd kernels, stride 1, channel by channel."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from .task import Call, Task


def product(task: Task) -> Call:
    case = task.case
    depthwise = case.groups == case.channels[0] == case.channels[1]
    task.need(depthwise and case.batch is None, "mixes no channels")
    same = all(2 * case.padding == k - 1 for k in case.kernel)
    task.need(same and case.stride == 1, "keeps the image's size, centered")
    compute = ndimage.convolve if task.transposed else ndimage.correlate
    operand, weight = task.operand(), task.weight()[:, 0]

    def run() -> NDArray[Any]:
        result = np.empty_like(operand)
        for image, kernel, output in zip(operand, weight, result, strict=True):
            compute(image, kernel, output=output, mode="constant")
        return result

    return Call(run)
