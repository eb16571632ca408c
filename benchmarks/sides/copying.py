"""numpy.copyto of the image: the least that any product of its size could take with one thread."""

from __future__ import annotations

import numpy as np

from .task import Call, Task


def copyto(task: Task) -> Call:
    task.need(task.case.stride == 1 and task.case.padding != 0, "compares equal sizes")
    operand = task.image()
    target = np.empty_like(operand)
    return Call(lambda: np.copyto(target, operand), "no product")
