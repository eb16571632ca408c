"""Conjugate gradients for least squares on Dask arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..solution import ConvergenceWarning, Solution, Status
from ._arrays import checked


def cgls(
    forward: Callable[[Any], Any],
    adjoint: Callable[[Any], Any],
    y: Any,
    damp: float = 0.0,
    *,
    rtol: float = 1e-6,
    maxiter: int = 100,
    callback: Callable[[Any], None] | None = None,
) -> Solution:
    """Solve ``min |C x - y|^2 + damp^2 |x|^2`` on Dask arrays.

    Parameters
    ----------
    forward, adjoint : callable
        ``C x`` and ``C^H y`` as functions of Dask arrays, such as :func:`conv` with its weight.
    y : dask.array.Array
        The data.
    damp : float, default 0.0
        At least 0.
    rtol : float, default 1e-6
        Stop when the normal equations' residual is this fraction of ``|C^H y|``.
    maxiter : int, default 100
        At least 0.
    callback : callable, optional
        Called with the iterate, a persisted Dask array, after each iteration.

    Returns
    -------
    Solution
        Its ``x`` is a persisted Dask array.

    Raises
    ------
    ShapeError
        ``adjoint(forward(x))`` and x do not have one shape.
    GeometryError
        `damp`, `rtol` or `maxiter` is not what it may be.

    Warns
    -----
    ConvergenceWarning
        `maxiter` was reached first.

    Notes
    -----
    Iterates are persisted, so that the graph does not grow, and each product is computed once per
    iteration. Progress is Dask's own: ``with dask.diagnostics.ProgressBar(): ...``, or the dashboard.

    References
    ----------
    Björck, Numerical Methods for Least Squares Problems (1996), algorithm 7.4.1.

    Examples
    --------
    >>> from sparse_tconv import chunked
    >>> chunked.cgls(lambda x: x, lambda y: y, [1.0, 2.0])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `y` must be a Dask array; got list. Use the functions of
        sparse_tconv for arrays in memory, or dask.array.from_array.
    """
    data = checked("y", y)
    square = _positive("damp", damp) ** 2
    tolerance = _positive("rtol", rtol)
    most = validate.integer("maxiter", maxiter, minimum=0)
    # 1. Start from x = 0.
    r = data
    s = adjoint(r)
    x = 0 * s
    if forward(x).shape != data.shape:
        raise ShapeError(
            f"`forward` must give the shape of `y`, {data.shape}; got {forward(x).shape}. "
            f"Check that `adjoint` is its adjoint."
        )
    x, r, s, gamma = _persisted(x, r, s, _square(s))
    p, enough, done = s, tolerance * gamma**0.5, 0
    while gamma**0.5 > enough and done < most:
        # 2. Step along p.
        q, qq, pp = _persisted_with(forward(p), _square(p))
        alpha = gamma / (qq + square * pp)
        x, r = x + alpha * p, r - alpha * q
        # 3. The next direction.
        s = adjoint(r) - square * x
        last = gamma
        x, r, s, gamma = _persisted(x, r, s, _square(s))
        p = s + (gamma / last) * p
        (p,) = _persist(p)
        done += 1
        if callback is not None:
            callback(x)
    status = Status.CONVERGED if gamma**0.5 <= enough else Status.MAXITER
    if status is Status.MAXITER:
        warnings.warn(f"cgls {status.value}", ConvergenceWarning, stacklevel=2)
    norms = _compute(_square(r), _square(x))
    return Solution(x, status, "cgls", done, norms[0] ** 0.5, norms[1] ** 0.5, float(damp))


def _square(x: Any) -> Any:
    """|x|^2, lazily, accumulated in at least float64."""
    wide = np.result_type(x.real.dtype, np.float64)
    return (
        (x.real.astype(wide) ** 2 + x.imag.astype(wide) ** 2).sum()
        if x.dtype.kind == "c"
        else (x.astype(wide) ** 2).sum()
    )


def _persist(*arrays: Any) -> tuple[Any, ...]:
    import dask

    return tuple(dask.persist(*arrays))


def _compute(*values: Any) -> tuple[float, ...]:
    import dask

    return tuple(float(value) for value in dask.compute(*values))


def _persisted(x: Any, r: Any, s: Any, norm: Any) -> tuple[Any, Any, Any, float]:
    """Three arrays in memory or on the cluster, and a number, in one pass."""
    x, r, s, norm = _persist(x, r, s, norm)
    return x, r, s, _compute(norm)[0]


def _persisted_with(q: Any, pp: Any) -> tuple[Any, float, float]:
    """A product in memory or on the cluster, its squared norm and another number, in one pass."""
    q, qq, pp = _persist(q, _square(q), pp)
    return q, *_compute(qq, pp)


def _positive(name: str, value: Any) -> float:
    """A finite number of at least 0."""
    if isinstance(value, (int, float, np.integer, np.floating)) and 0 <= value < float("inf"):
        return float(value)
    raise GeometryError(f"`{name}` must be a finite number, at least 0; got {value!r}. Use 0.0.")
