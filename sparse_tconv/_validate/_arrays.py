"""Arrays and their dtypes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..errors import DTypeError


def numeric_array(name: str, value: ArrayLike) -> NDArray[Any]:
    """`value` as an array in native byte order whose dtype the library computes with; no copy if
    it is one.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise DTypeError(
            f"`{name}` must be a rectangular numeric array; got nested sequences of unequal length. "
            f"Make every row as long as the others."
        ) from error
    numeric_dtype(name, array.dtype)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def numeric_dtype(name: str, dtype: Any) -> np.dtype[Any]:
    """A dtype that the library computes with: integers, and floats from 32 bits on, real or
    complex.
    """
    try:
        found = np.dtype(dtype)
    except TypeError as error:
        raise DTypeError(
            f"`{name}` must be a NumPy dtype; got {dtype!r}. Pass np.float64, say."
        ) from error
    if found.kind in "iufc" and found != np.float16:
        return found
    hint = {
        "f": "Convert it: x.astype(np.float32).",
        "b": "Convert it: x.astype(np.int8), or to a float type.",
        "O": "Convert it to numbers: x.astype(np.float64).",
    }.get(found.kind, "Convert it to numbers.")
    raise DTypeError(
        f"`{name}` must have an integer dtype, or float32, float64, longdouble or their complex kin; got {found}. {hint}"
    )


def optional_dtype(name: str, dtype: Any) -> np.dtype[Any] | None:
    """None, or a dtype that the library computes with."""
    return None if dtype is None else numeric_dtype(name, dtype)
