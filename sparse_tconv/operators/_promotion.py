"""The types in which composed operators compute."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np


def common_dtype(operators: Iterable[Any]) -> np.dtype[Any]:
    """NumPy's result type of all operators together."""
    return np.result_type(*{operator.dtype for operator in operators})


def sample_dtype(x: np.dtype[Any], operator: np.dtype[Any]) -> np.dtype[Any]:
    """What samples are cast to before the first part of a composed operator sees them.

    Parts of a coarser type than the whole would round or wrap what the whole does not. Real samples
    stay real in a complex operator, whose real parts would do twice the work.
    """
    result = np.result_type(x, operator)
    return result.type(0).real.dtype if result.kind == "c" and x.kind != "c" else result
