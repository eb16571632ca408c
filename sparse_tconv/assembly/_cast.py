"""What a dtype that was asked for must hold."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DTypeError


def check_cast(values: NDArray[Any], dtype: Any, subject: str) -> None:
    """Refuse a dtype that would drop imaginary parts or fractions of these values, or wrap them."""
    if dtype is None or np.can_cast(values.dtype, dtype, "safe"):
        return
    wanted = np.dtype(dtype)
    if not np.can_cast(values.dtype, wanted, "same_kind"):
        raise DTypeError(
            f"`dtype` must be able to hold {subject} of dtype {values.dtype}; got {wanted}. "
            f"Ask for {np.result_type(values, wanted)} and convert the matrix."
        )
    if wanted.kind in "iu" and values.size:
        limits, least, most = np.iinfo(wanted), int(values.min()), int(values.max())
        if least < limits.min or most > limits.max:
            raise DTypeError(
                f"`dtype` must be able to hold {subject} from {least} to {most}; got {wanted}. "
                f"Leave it out for {values.dtype}."
            )
