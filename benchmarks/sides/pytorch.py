"""PyTorch: conv and conv_transpose without gradients, on arrays already in its hands."""

from __future__ import annotations

import torch
from torch.nn import functional

from .task import Call, Task


def product(task: Task) -> Call:
    torch.set_num_threads(task.threads)
    case = task.case
    axes = len(case.kernel)
    weight, operand = torch.from_numpy(task.weight()), torch.from_numpy(task.operand())
    if case.batch is None:
        operand = operand[None]
    options = {"stride": case.stride, "padding": case.padding, "groups": case.groups}
    if task.transposed:
        compute = getattr(functional, f"conv_transpose{axes}d")
        options["output_padding"] = output_padding(case)
    else:
        compute = getattr(functional, f"conv{axes}d")

    def run() -> torch.Tensor:
        with torch.inference_mode():
            return compute(operand, weight, **options)

    return Call(run)


def output_padding(case) -> tuple[int, ...]:
    """What brings the transposed product back to x_shape."""
    sizes = zip(case.x_shape[1:], case.y_shape[1:], case.kernel, strict=True)
    return tuple(n - ((out - 1) * case.stride - 2 * case.padding + k) for n, out, k in sizes)
