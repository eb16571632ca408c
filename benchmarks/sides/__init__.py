"""The sides of the comparison. Each is a function of a task that gives the call to be timed, or
raises `NotApplicable`; a worker imports only the module of its own side.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module

from .task import Call, NotApplicable, Task

__all__ = ["ASSEMBLY_SIDES", "OURS", "PRODUCT_SIDES", "Call", "NotApplicable", "Task", "side"]

OURS = "sparse_tconv"

# name: module and function
PRODUCT_SIDES = {
    OURS: ("ours", "auto"),
    "torch": ("pytorch", "product"),
    "fftconvolve": ("scipy_signal", "fftconvolve"),
    "oaconvolve": ("scipy_signal", "oaconvolve"),
    "ndimage": ("scipy_ndimage", "product"),
    "pylops": ("with_pylops", "product"),
    "numpy.copyto": ("copying", "copyto"),
}
ASSEMBLY_SIDES = {
    OURS: ("ours", "assembly"),
    "pylops": ("with_pylops", "assembly"),
    "sparse_convolution": ("with_sparse_convolution", "assembly"),
    "coo": ("builders", "coo"),
    "kron": ("builders", "kron"),
}


def side(name: str, product: str) -> Callable[[Task], Call]:
    """The function that prepares a side's call; 'engine:<name>' is ours with one engine."""
    if name.startswith("engine:"):
        return import_module(f"{__name__}.ours").engine(name.removeprefix("engine:"))
    module, function = (ASSEMBLY_SIDES if product == "assembly" else PRODUCT_SIDES)[name]
    return getattr(import_module(f"{__name__}.{module}"), function)
