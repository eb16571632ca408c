"""One door to all solvers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..errors import GeometryError
from ..solution import Solution, Status
from ._arguments import check_callback, check_used, number, one_of
from ._between import small, solve_bvls, solve_mprgp, solve_nnls
from ._bounds import Bounds, check_real
from ._cgls import solve_cgls
from ._controls import Answer, Controls
from ._diagonal import Diagonal, diagonal
from ._direct import solve_factor, solve_spectral
from ._fista import solve_fista
from ._krylov import solve_lsmr, solve_lsqr
from ._least_squares import LeastSquares
from ._progress import Ended, Progress
from ._scale import scaled
from ._warning import warn_unless_converged

_SOLVERS: dict[str, Callable[[LeastSquares, Controls], Answer]] = {
    "lsmr": solve_lsmr,
    "lsqr": solve_lsqr,
    "cg": solve_cgls,
    "cgls": solve_cgls,
    "factor": solve_factor,
    "spectral": solve_spectral,
    "fista": solve_fista,
    "mprgp": solve_mprgp,
    "nnls": solve_nnls,
    "bvls": solve_bvls,
}

# The arguments that each method uses, of those that say how to solve. To 'auto' those of _LIMITS
# are limits, which an exact answer keeps.
_LIMITS = {"rtol", "maxiter", "progress"}
_ITERATE = _LIMITS | {"x0"}
_WATCH = {"callback", "noise_norm"}
_BOUNDS = {"nonnegative", "lower", "upper"}
_USES = {
    "auto": _LIMITS | _BOUNDS | {"x0", "preconditioner"} | _WATCH,
    "lsmr": _ITERATE,
    "lsqr": _ITERATE,
    "cg": _ITERATE | _WATCH | {"preconditioner"},
    "cgls": _ITERATE | _WATCH,
    "factor": {"rtol", "max_bytes"},
    "spectral": set(),
    "fista": _ITERATE | _BOUNDS | _WATCH,
    "mprgp": _ITERATE | _BOUNDS | _WATCH,
    "nnls": {"nonnegative"},
    "bvls": _BOUNDS,
}
_RTOL, _MAXITER = 1e-6, 1000


def solve(
    op: Any,
    y: ArrayLike,
    *,
    method: str = "auto",
    damp: float = 0.0,
    regularizer: Any = None,
    x0: ArrayLike | None = None,
    rtol: float = _RTOL,
    maxiter: int = _MAXITER,
    nonnegative: bool = False,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    mask: ArrayLike | None = None,
    weights: ArrayLike | None = None,
    noise_norm: float | None = None,
    preconditioner: Any = None,
    max_bytes: int | None = None,
    callback: Callable[[NDArray[Any]], object] | None = None,
    progress: bool = False,
) -> Solution:
    """Solve ``min |C x - y|^2 + damp^2 |L x|^2``.

    Parameters
    ----------
    op : Conv, ConvTranspose or any linear operator or matrix
        C.
    y : array-like, (..., *out_shape)
        The data; finite where the mask keeps them. With batch axes it is one problem with C
        repeated: one run, one pair of norms.
    method : str, default 'auto'
        * 'lsmr', 'lsqr': SciPy's; need C and C^H only;
        * 'cgls': conjugate gradients for least squares;
        * 'cg': the same, which takes a preconditioner;
        * 'factor': one sparse factorization of the normal equations, for the whole batch;
        * 'spectral': exact filters, where :func:`sparse_tconv.spectral.factorize` applies;
        * 'nnls': SciPy's active sets on the dense matrix, for a non-negative x;
        * 'bvls': SciPy's active sets on the dense matrix, between bounds;
        * 'mprgp': conjugate gradients between bounds;
        * 'fista': accelerated projected gradients, between bounds or without;
        * 'auto': the first of 'nnls' and 'bvls' (small problems), 'mprgp', 'lsmr', 'cgls' and 'cg'
          that uses the bounds, `x0`, `callback` and `preconditioner`, as far as they are given;
          without them 'spectral' where that is fast, else 'lsmr'.
    damp : float, default 0
        Weight of the second term, squared; at least 0.
    regularizer : None, 'gradient', 'laplacian', LinearOperator or matrix
        L: the identity, the differences along each axis, or the sum of the second differences,
        all within a channel, periodic where C is and ending at the border elsewhere. Words need an
        operator that knows the axes of x: this library's `in_shape`, PyLops's `dims`.
    x0 : array-like, (..., *in_shape), optional
        Where an iteration starts; it does not change what is solved.
    rtol : float, default 1e-6
        When to stop: at this backward error, the smaller of ``|A^H r| / (|A| |r|)`` and
        ``|r| / (|A| |x| + |b|)``, where A has the rows of C and damp L, b is y and zeros, r is ``b -
        A x`` and ``|A|`` what the iteration has seen of the norm. With bounds it is what they leave
        of ``A^H r``, and the last step of 'mprgp' is not longer than ``rtol |x| / 10`` either.
    maxiter : int, default 1000
        Most iterations.
    nonnegative : bool, default False
        Whether x must not be negative: `lower` is 0 at least.
    lower, upper : float or array-like, optional
        Bounds of x, infinite where there is none; an array broadcasts to the shape of x. Equal ones
        hold an entry where it is.
    mask : array-like of bool, out_shape, optional
        The rows of y to use.
    weights : array-like, out_shape, optional
        Factors of the residual's rows, at least 0: the inverse standard deviations of the noise.
        ``residual_norm`` is weighted too.
    noise_norm : float, optional
        End an iteration of 'cg', 'cgls', 'mprgp' or 'fista' as soon as the (weighted) residual norm
        is at most this; it takes one more product with C per iteration.
    preconditioner : LinearOperator, optional
        For 'cg': roughly the inverse of ``C^H C + damp^2 L^H L``.
    max_bytes : int, optional
        What 'factor' may need; the memory that is available, if not given.
    callback : callable, optional
        Called as ``callback(x)`` after every iteration of 'cg', 'cgls', 'mprgp' or 'fista', with a
        fresh x in its n-d shape. True ends the iteration there. What it raises passes through.
    progress : bool, default False
        Show a bar, by tqdm.

    Returns
    -------
    Solution
        With x of ``numpy.result_type(op, y)``, fresh; computed in double precision at least.

    Raises
    ------
    ShapeError
        `y`, `x0`, `mask` or an operator does not have the shape that C needs.
    GeometryError
        A number is out of range, `y` is not finite, `method` is unknown or does not apply, or an
        argument is given that the method does not use.
    DTypeError
        An array has a type that the library does not compute with.
    MatrixTooLargeError
        A factorization would need more than `max_bytes`.
    MissingExtraError
        ``progress=True`` without tqdm.

    Warns
    -----
    ConvergenceWarning
        The answer is not as exact as `rtol` asks for; ``Solution.status`` says why.

    See Also
    --------
    sparse_tconv.inverse.tikhonov : chooses damp.
    sparse_tconv.inverse.circulant_preconditioner : for 'cg'.

    Notes
    -----
    The stationary point is ``(C^H C + damp^2 L^H L) x = C^H y``. An iteration costs one product with
    C and one with C^H. The library never writes to an argument, so an interrupted run leaves them
    as they were.

    References
    ----------
    .. [1] D. C.-L. Fong and M. Saunders, "LSMR: an iterative algorithm for sparse least-squares
       problems", SIAM J. Sci. Comput. 33 (2011), section 2.
    .. [2] Z. Dostál, "Optimal Quadratic Programming Algorithms", Springer (2009), section 5.8.
    .. [3] A. Beck and M. Teboulle, "A fast iterative shrinkage-thresholding algorithm for linear
       inverse problems", SIAM J. Imaging Sci. 2 (2009), section 4.
    .. [4] P. B. Stark and R. L. Parker, "Bounded-variable least-squares: an algorithm and
       applications", Computational Statistics 10 (1995).

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.inverse import blur, psf, solve
    >>> op = blur(psf.gauss(1.0), (24, 32))
    >>> x = np.zeros((24, 32))
    >>> x[8:16, 8:24] = 1.0
    >>> solve(op, op.apply(x), damp=1e-3)
    Solution: solved directly, without iterating
      x              (24, 32) float64
      method         spectral
      residual norm  1.183e-04
      solution norm  1.131e+01
      damp           1.000e-03, given
    >>> solve(op, op.apply(x), damp=-1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `damp` must be a finite number, at least 0; got -1. Pass 1 or
        0.
    """
    given_problem = LeastSquares.of(
        op, y, damp=damp, regularizer=regularizer, mask=mask, weights=weights
    )
    problem = scaled(given_problem)
    target = None if noise_norm is None else number("noise_norm", noise_norm, positive=True)
    nonnegative = validate.flag("nonnegative", nonnegative)
    asked = one_of("method", method, ("auto", *_SOLVERS))
    total = validate.integer("maxiter", maxiter, minimum=1)
    tolerance = number("rtol", rtol)
    bar = validate.flag("progress", progress)
    check_callback(callback)
    given = {
        "rtol": tolerance != _RTOL,
        "maxiter": total != _MAXITER,
        "progress": bar,
        "x0": x0 is not None,
        "nonnegative": nonnegative,
        "lower": lower is not None,
        "upper": upper is not None,
        "preconditioner": preconditioner is not None,
        "callback": callback is not None,
        "noise_norm": target is not None,
        "max_bytes": max_bytes is not None,
    }
    named = {key for key, there in given.items() if there}
    name, found = _chosen(asked, problem, named)
    for key in sorted(named & _BOUNDS):
        check_real(key, problem.dtype)
    shape = (*problem.batch, *problem.in_shape)
    bounds = Bounds.of(lower, upper, shape, nonnegative, problem.exponents)
    start = None if x0 is None else problem.sample("x0", x0)

    def near(x: NDArray[Any]) -> bool:
        return target is not None and problem.norms(x)[0] <= target

    watched = None if target is None else near
    with Progress(total, bar, callback, problem.shaped, watched, ends=True) as shown:
        controls = Controls(
            tolerance, total, start, bounds, preconditioner, max_bytes, found, shown
        )
        try:
            answer = _SOLVERS[name](problem, controls)
        except Ended as end:
            x, by_noise = end.args
            status = Status.DISCREPANCY if by_noise else Status.STOPPED
            answer = Answer(x, status, shown.iterations)
    return warn_unless_converged(
        Solution(
            problem.shaped(answer.x),
            answer.status,
            name,
            answer.iterations,
            *problem.norms(answer.x),
            damp=given_problem.damp,
        )
    )


def _chosen(method: str, problem: LeastSquares, given: set[str]) -> tuple[str, Diagonal | None]:
    """The method, or what 'auto' makes of the problem, and the diagonal problem if one was found.

    The method uses all arguments that were given.
    """
    check_used("method", method, _USES, sorted(given))
    if method != "auto":
        if method in ("nnls", "bvls", "mprgp") and not given & _BOUNDS:
            others = "" if method == "nnls" else ", lower or upper"
            raise GeometryError(
                f"`method` must go with nonnegative=True{others} if it is {method!r}; got "
                f"no bounds. Pass them, or method='auto'."
            )
        return method, None
    needed = given - _LIMITS
    if not needed:
        found = diagonal(problem)
        return ("lsmr", None) if isinstance(found, str) else ("spectral", found)
    order = ("nnls", "bvls", "mprgp") if given & _BOUNDS else ("lsmr", "cgls", "cg")
    fitting = [name for name in order if needed <= _USES[name]]
    if not fitting:
        listed = " and ".join(f"`{name}`" for name in sorted(needed))
        raise GeometryError(
            f"`method` must use all that is given; got {listed}, which no method takes together. "
            f"Leave one of them out."
        )
    if not small(problem):
        fitting = [name for name in fitting if name not in ("nnls", "bvls")]
    return fitting[0], None
