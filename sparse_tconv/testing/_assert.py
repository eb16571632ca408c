"""The dot test as an assertion, for any test runner."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import MatrixTooLargeError, ShapeError
from ._diagnosis import diagnose
from ._dot_test import dot_test
from ._pair import Linear

__all__ = ["assert_adjoint"]


def assert_adjoint(
    op: Any,
    adjoint: Any = None,
    *,
    in_shape: Any = None,
    out_shape: Any = None,
    dtype: Any = None,
    out_dtype: Any = None,
    linear: Linear | None = None,
    trials: int = 10,
    rng: int | np.random.Generator | None = None,
    rtol: float | None = None,
    in_weight: Any = None,
    out_weight: Any = None,
) -> None:
    """Raise AssertionError, with the diagnosis, unless forward and adjoint are a pair.

    Parameters
    ----------
    op, adjoint, in_shape, out_shape, dtype, out_dtype, linear, trials, rng, rtol
        As in `dot_test`.
    in_weight, out_weight : array_like of positive reals, optional
        As in `dot_test`.

    Raises
    ------
    AssertionError
        When the dot test fails. The message holds its report and, where input and output have at
        most 20,000 entries together, what `diagnose` found.
    ShapeError, DTypeError, GeometryError
        As from `dot_test`.

    See Also
    --------
    dot_test : the same as a report.

    Notes
    -----
    The forward is ``x -> A x``, the adjoint ``y -> B y``. Cost: a dot test; when it fails, a call
    for every entry of input and output.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.testing import assert_adjoint
    >>> A = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]])
    >>> assert_adjoint(A, A.T)
    >>> assert_adjoint(A, -A.T)
    Traceback (most recent call last):
        ...
    AssertionError: not an adjoint pair
    ...
    """
    shared = {
        "in_shape": in_shape,
        "out_shape": out_shape,
        "dtype": dtype,
        "out_dtype": out_dtype,
        "linear": linear,
        "rtol": rtol,
        "in_weight": in_weight,
        "out_weight": out_weight,
    }
    report = dot_test(op, adjoint, trials=trials, rng=rng, **shared)
    if not report:
        told = _diagnosis(op, adjoint, shared)
        raise AssertionError(f"not an adjoint pair\n{report!r}\n{told}")


def _diagnosis(op: Any, adjoint: Any, options: dict[str, Any]) -> str:
    """Return what diagnose says, or why it cannot say anything."""
    try:
        found = diagnose(op, adjoint, **options)
    except (MatrixTooLargeError, ShapeError) as error:
        return f"Diagnosis: none. {error}"
    if not found:
        return "Diagnosis: every entry is right within rounding; the noise lies in the products."
    return repr(found)
