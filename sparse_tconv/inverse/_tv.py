"""Least squares with total variation: pictures of flat parts and sharp edges."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import power_of_two
from ..solution import Solution, Status
from ._arguments import check_callback, number
from ._bounds import Bounds, check_real
from ._gradient import Gradient
from ._least_squares import LeastSquares
from ._progress import Progress
from ._regularizer import spatial_axes
from ._scale import scaled, shifted_gap
from ._total_variation import TotalVariation
from ._warning import warn_unless_converged

_CHECK = 10  # iterations between two looks at the gap, each of which costs about two iterations
_FARTHEST = 300  # exponents of a weight in a problem of common size
_ROUNDING = 4 * float(np.finfo(np.float64).eps)  # of |y|^2: what no gap can be told from
_TINY = float(np.finfo(np.float64).tiny)


def tv(
    op: Any,
    y: ArrayLike,
    weight: float,
    *,
    lower: ArrayLike | None = None,
    upper: ArrayLike | None = None,
    joint: bool = False,
    mask: ArrayLike | None = None,
    x0: ArrayLike | None = None,
    tol: float = 1e-3,
    maxiter: int = 1000,
    callback: Callable[[NDArray[Any]], object] | None = None,
    progress: bool = False,
) -> Solution:
    """Solve ``min 1/2 |C x - y|^2 + weight * sum |grad x|_2`` on ``lower <= x <= upper``.

    Parameters
    ----------
    op : Conv, ConvTranspose or any operator that knows the axes of x
        C, real.
    y : array-like, (..., *out_shape)
        The data; finite where the mask keeps them. Batch axes are more problems, with one gap.
    weight : float
        Of the total variation; positive.
    lower, upper : float or array-like, optional
        Bounds of x, finite; an array broadcasts to the shape of x. If not given, the range of the
        data, over the median of ``C 1``, widened by half its length at either end; what was
        used is ``Solution.bounds``.
    joint : bool, default False
        Whether the gradients of all channels at a pixel have one length together, so that edges are
        in one place in all of them.
    mask : array-like of bool, out_shape, optional
        The rows of y to use.
    x0 : array-like, (..., *in_shape), optional
        Where to start; it does not change what is solved.
    tol : float, default 1e-3
        When to stop: when the duality gap is at most tol times the objective, or rounding. The
        objective itself is usually much nearer to the minimum than the gap tells.
    maxiter : int, default 1000
        Most iterations.
    callback : callable, optional
        Called as ``callback(x)`` after every iteration with a fresh x between the bounds.
    progress : bool, default False
        Show a bar, by tqdm.

    Returns
    -------
    Solution
        ``gap`` is a certain bound of how far the objective at x is above the minimum;
        ``solution_norm`` is the total variation, ``damp`` the weight.

    Raises
    ------
    ShapeError
        `y`, `x0`, `mask` or a bound does not have the shape that C needs.
    GeometryError
        A number is out of range, the bounds are not finite, or `op` does not know the axes of x.
    DTypeError
        An array is complex, or has a type that the library does not compute with.
    MissingExtraError
        ``progress=True`` without tqdm.

    Warns
    -----
    ConvergenceWarning
        `maxiter` came before `tol`.

    See Also
    --------
    sparse_tconv.inverse.solve : least squares with ``|L x|^2`` instead.

    Notes
    -----
    ``|grad x|_2`` is the Euclidean length of the forward differences along the spatial axes of a
    channel, which end at the border. ADMM [1]_ in x, its differences and its bounds; the least squares
    for x by conjugate gradients with a preconditioner in the cosine basis. An iteration
    costs a few products with C and as many with C^H: one each where cosines diagonalize C. The
    gap is that of the dual, which the bounds make finite [2]_:
    ``-<y, p> - |p|^2 / 2 + sum min(lower z, upper z)`` with ``z = C^H p + grad^H q`` and no ``|q|_2``
    above the weight.

    References
    ----------
    .. [1] S. Boyd, N. Parikh, E. Chu, B. Peleato and J. Eckstein, "Distributed optimization and
       statistical learning via the alternating direction method of multipliers", Found. Trends
       Mach. Learn. 3 (2011), section 3.
    .. [2] A. Chambolle and T. Pock, "A first-order primal-dual algorithm for convex problems with
       applications to imaging", J. Math. Imaging Vis. 40 (2011), section 6.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.inverse import blur, psf, tv
    >>> op = blur(psf.gauss(1.0), (24, 32))
    >>> x = np.zeros((24, 32))
    >>> x[8:16, 8:24] = 1.0
    >>> answer = tv(op, op.apply(x), 1e-3)
    >>> answer.converged, bool(abs(answer.x - x).max() < 0.1)
    (True, True)
    >>> tv(op, op.apply(x), 0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `weight` must be a finite number, above 0; got 0. Pass a
        positive one.
    """
    weight = number("weight", weight, positive=True)
    problem = scaled(LeastSquares.of(op, y, mask=mask))
    check_real("op", problem.op.dtype)
    check_real("y", problem.dtype)
    joint = validate.flag("joint", joint)
    tolerance = number("tol", tol)
    total = validate.integer("maxiter", maxiter, minimum=1)
    bar = validate.flag("progress", progress)
    check_callback(callback)
    in_shape, n_axes = spatial_axes("op", op, problem.in_shape)
    sizes = in_shape[len(in_shape) - n_axes :]
    shape = (problem.count, prod(in_shape) // prod(sizes), *sizes)
    of_op, of_y = problem.exponents
    bounds = _bounds(problem, lower, upper)
    start = _start(problem) if x0 is None else problem.sample("x0", x0)
    own = _weight(weight, of_op + of_y)
    least = max(_ROUNDING * float(np.vdot(problem.y, problem.y)), _TINY)

    def enough(objective: float) -> float:
        return max(tolerance * abs(objective), least)

    flat = [np.reshape(array, shape) for array in (bounds.lower, bounds.upper, start)]
    with Progress(total, bar, callback, problem.shaped) as shown:
        method = TotalVariation(problem, Gradient(sizes, joint), shape, own, *flat)
        found, status = method.flat(), Status.MAXITER
        if found.gap > enough(found.objective):
            found = method.certificate()
        while True:
            if found.gap <= enough(found.objective):
                status = Status.CONVERGED
            if status is Status.CONVERGED or shown.iterations >= total:
                break
            for _ in range(min(_CHECK, total - shown.iterations)):
                shown.step(method.step().reshape(problem.count, -1))
            found = method.certificate()
            method.adapt()
    x = found.x.reshape(problem.count, -1)
    low, high = (
        power_of_two(end, of_y - of_op) for end in (bounds.lower.min(), bounds.upper.max())
    )
    solution = Solution(
        problem.shaped(x),
        status,
        "admm",
        shown.iterations,
        problem.norms(x)[0],
        float(power_of_two(found.variation, of_y - of_op)),
        damp=weight,
        gap=shifted_gap(found.gap, 2 * of_y),
        bounds=(float(low), float(high)),
    )
    return warn_unless_converged(solution)


def _start(problem: LeastSquares) -> NDArray[Any]:
    """The multiple of ``C^T y`` that is nearest to the data, whatever the size of C."""
    gradient = problem.adjoint(problem.y)
    image = problem.forward(gradient)
    square = float(np.vdot(image, image))
    return gradient * (float(np.vdot(gradient, gradient)) / square) if square else gradient


def _weight(weight: float, exponent: int) -> float:
    """The weight for the problem of common size; beyond what its numbers hold any is like another."""
    return float(np.clip(power_of_two(weight, -exponent), 2.0**-_FARTHEST, 2.0**_FARTHEST))


def _bounds(problem: LeastSquares, lower: Any, upper: Any) -> Bounds:
    """Finite bounds, those not given from the data."""
    if lower is None or upper is None:
        of_op, of_y = problem.exponents
        least, most = power_of_two(_range(problem), of_y - of_op)
        lower = least if lower is None else lower
        upper = most if upper is None else upper
    found = Bounds.of(
        lower, upper, (*problem.batch, *problem.in_shape), exponents=problem.exponents
    )
    if found is None or not (np.isfinite(found.lower) & np.isfinite(found.upper)).all():
        raise GeometryError(
            "`lower` and `upper` must be finite: they make the gap finite; got an infinite one. "
            "Pass numbers that x certainly does not reach, or leave them out."
        )
    return found


def _range(problem: LeastSquares) -> tuple[float, float]:
    """Where x is looked for if nothing is said: about twice the range of the data."""
    gain = problem.forward(np.ones((1, prod(problem.in_shape))))[0]
    data = problem.y
    if problem.mask is not None:
        gain, data = gain[problem.mask], data[:, problem.mask]
    middle = float(np.median(gain))
    size = float(np.abs(gain).max(initial=0.0))
    if abs(middle) <= 1e-3 * size or not size:
        raise GeometryError(
            "`lower` and `upper` must be given where C takes constant pictures to about zero; got "
            "None. Pass numbers that x certainly does not reach."
        )
    ends = sorted((float(data.min()) / middle, float(data.max()) / middle))
    half = 0.5 * (ends[1] - ends[0] or abs(ends[0]) or 1.0)
    return ends[0] - half, ends[1] + half
