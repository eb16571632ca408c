"""Compiling before anybody waits for it."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..engines import BlocksEngine, CompiledEngine, DirectEngine, Loop
from ..errors import DTypeError
from ..geometry import ConvGeometry

# What calls every loop: rows that are sorted by phases and walked at their edges; many channels.
_EDGES: dict[str, Any] = {"stride": 2, "padding": 1, "padding_mode": "reflect"}
_CASES: tuple[tuple[type[CompiledEngine], int, dict[str, Any]], ...] = (
    (DirectEngine, 1, _EDGES),
    (BlocksEngine, 32, {"padding": 1}),
)


def compile_ahead(dtype: np.dtype[Any]) -> tuple[Loop, ...]:
    """Compile, or load, every loop for one type of numbers; they stay on disk.

    Raises
    ------
    DTypeError
        There are no loops for this type.
    """
    loops: set[Loop] = set()
    for engine, channels, options in _CASES:
        weight = np.ones((channels, channels, 3, 3), dtype)
        geometry = ConvGeometry.from_conv(weight.shape, (channels, 16, 64), **options)
        if engine.refuses(geometry, dtype) is None:
            made = engine(geometry, weight)
            made.transpose(made.forward(np.ones((1, *made.x_shape), dtype)))
            loops.update(engine.loops(geometry, dtype))
    if not loops:
        raise DTypeError(
            f"`dtype` must be float32, float64, complex64 or complex128; got {dtype}. "
            f"Other types go without compiled loops."
        )
    return tuple(sorted(loops))
