"""Conjugate gradients for least squares on Dask arrays."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..solution import ConvergenceWarning, Solution, Status, backward_error
from ._arrays import checked
from ._scale import Scaled, persisted


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
        When to stop: at this backward error, relative to operator and solution; the `rtol` of
        :func:`sparse_tconv.inverse.solve`.
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
    DTypeError
        `y` is no Dask array of numbers, or its type cannot hold the answer.

    Warns
    -----
    ConvergenceWarning
        `maxiter` was reached first, or rounding allows no further progress.

    Notes
    -----
    Powers of two are taken out of data and operator where these are far from 1. Iterates are persisted, so that the graph does not grow, and each product is computed once per
    iteration, and once more at the end, where what the recurrences claim is measured. Progress is
    Dask's own: ``with dask.diagnostics.ProgressBar(): ...``, or the dashboard.

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
    damp = _positive("damp", damp)
    tolerance = _positive("rtol", rtol)
    most = validate.integer("maxiter", maxiter, minimum=0)
    image = forward(adjoint(data))  # lazily: only its shape is looked at
    if image.shape != data.shape:
        raise ShapeError(
            f"`forward` must give the shape of `y`, {data.shape}; got {image.shape}. "
            f"Check that `adjoint` is its adjoint."
        )
    scaled = Scaled.of(forward, adjoint, data, damp)
    # What the recurrences claim is measured; where it does not hold, they start again from there.
    x = scaled.start
    problem, last, done = _Problem(scaled), np.inf, 0
    while True:
        at = problem.measured(x)
        if at.error <= tolerance:
            status = Status.CONVERGED
        elif done >= most:
            status = Status.MAXITER
        elif not at.error <= last / 2:  # NaN too
            status = Status.STAGNATED
        else:
            last, p = at.error, at.s
            while at.error > tolerance and done < most:
                at, p = problem.step(at, p)
                done += 1
                if callback is not None:
                    callback(scaled.answer(at.x))
            x = at.x
            continue
        break
    if status is not Status.CONVERGED:
        warnings.warn(f"cgls {status.value}", ConvergenceWarning, stacklevel=2)
    norms = scaled.norms(at.rr**0.5, at.xx**0.5)
    return Solution(scaled.answer(at.x), status, "cgls", done, *norms, damp)


class _State(NamedTuple):
    """x, ``r = y - C x`` and ``s = C^H r - weight x`` in memory or on the cluster, their squared
    norms, and the backward error.
    """

    x: Any
    r: Any
    s: Any
    xx: float
    rr: float
    gamma: float
    error: float


class _Problem:
    """``|C x - y|^2 + weight |x|^2``, and the most that its rows were seen to stretch a vector."""

    def __init__(self, scaled: Scaled) -> None:
        self._forward, self._adjoint, self._data = scaled.forward, scaled.adjoint, scaled.data
        self._weight = scaled.damp**2
        self._size = _compute(_square(self._data))[0] ** 0.5
        self._norm = 0.0

    def measured(self, x: Any) -> _State:
        """The state at x, by products."""
        return self._state(x, self._data - self._forward(x))

    def step(self, at: _State, p: Any) -> tuple[_State, Any]:
        """The state a step along p, and the next direction."""
        (q,) = persisted(self._forward(p))
        qq, pp = _compute(_square(q), _square(p))
        rows = qq + self._weight * pp
        self._norm = max(self._norm, (rows / pp) ** 0.5)
        alpha = at.gamma / rows
        new = self._state(at.x + alpha * p, at.r - alpha * q)
        (p,) = persisted(new.s + (new.gamma / at.gamma) * p)
        return new, p

    def _state(self, x: Any, r: Any) -> _State:
        s = self._adjoint(r) - self._weight * x
        x, r, s, *squares = persisted(x, r, s, _square(x), _square(r), _square(s))
        xx, rr, gamma = _compute(*squares)
        misfit, steepness = (rr + self._weight * xx) ** 0.5, gamma**0.5
        if misfit:
            self._norm = max(self._norm, steepness / misfit)
        error = backward_error(self._norm, self._size, xx**0.5, misfit, steepness)
        return _State(x, r, s, xx, rr, gamma, error)


def _square(x: Any) -> Any:
    """|x|^2, lazily, accumulated in at least float64."""
    wide = np.result_type(x.real.dtype, np.float64)
    return (
        (x.real.astype(wide) ** 2 + x.imag.astype(wide) ** 2).sum()
        if x.dtype.kind == "c"
        else (x.astype(wide) ** 2).sum()
    )


def _compute(*values: Any) -> tuple[float, ...]:
    import dask

    return tuple(float(value) for value in dask.compute(*values))


def _positive(name: str, value: Any) -> float:
    """A finite number of at least 0."""
    if isinstance(value, (int, float, np.integer, np.floating)) and 0 <= value < float("inf"):
        return float(value)
    raise GeometryError(f"`{name}` must be a finite number, at least 0; got {value!r}. Use 0.0.")
