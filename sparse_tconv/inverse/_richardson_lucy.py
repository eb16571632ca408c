"""Expectation maximization for counts: Richardson and Lucy's iteration under any operator."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..operators import power_of_two
from ..solution import Solution, Status
from ._arguments import check_callback, number
from ._bounds import check_real
from ._expectation import Expectation
from ._least_squares import LeastSquares
from ._poisson import expected_deviance
from ._progress import Progress
from ._scale import scaled
from ._signs import check_nonnegative
from ._warning import warn_unless_converged


def richardson_lucy(
    op: Any,
    y: ArrayLike,
    *,
    x0: ArrayLike | None = None,
    background: ArrayLike = 0.0,
    mask: ArrayLike | None = None,
    maxiter: int = 100,
    stop: str | float | None = None,
    accelerate: bool = False,
    callback: Callable[[NDArray[Any]], object] | None = None,
    progress: bool = False,
) -> Solution:
    """Raise the likelihood of Poisson data: ``x <- x / (C^H 1) * C^H (y / (C x + background))``.

    Parameters
    ----------
    op : Conv, ConvTranspose or any linear operator or matrix
        C, real and without negative entries.
    y : array-like, (..., *out_shape)
        Counts, not negative; finite where the mask keeps them.
    x0 : array-like, (..., *in_shape), optional
        Where to start, not negative: a zero stays one. If not given, the constant whose image has as
        many counts as the data above the background.
    background : float or array-like, default 0
        Mean counts that do not come from x, not negative; an array broadcasts to the shape of y.
    mask : array-like of bool, out_shape, optional
        The rows of y to use.
    maxiter : int, default 100
        How many iterations; each makes x less smooth.
    stop : None, 'deviance' or float, default None
        When to end before: never, when the deviance is what is expected of Poisson data
        with the means found, or when it is at most a number.
    accelerate : bool, default False
        Extrapolate from step to step; begin anew where the likelihood falls.
    callback : callable, optional
        Called as ``callback(x)`` after every iteration with a fresh x.
    progress : bool, default False
        Show a bar, by tqdm.

    Returns
    -------
    Solution
        x is not negative; ``deviance`` is that of the data.

    Raises
    ------
    ShapeError
        `y`, `x0`, `mask` or `background` does not have the shape that C needs.
    GeometryError
        `op`, `y`, `x0` or `background` has negative entries, or a number is out of range.
    DTypeError
        An array is complex, or has a type that the library does not compute with.
    MissingExtraError
        ``progress=True`` without tqdm.

    Warns
    -----
    ConvergenceWarning
        `maxiter` came before `stop`.

    See Also
    --------
    sparse_tconv.inverse.tv : for noise that does not depend on the picture.

    Notes
    -----
    The sums ``C^H 1`` over what each pixel is seen in make the iteration right at every border, under
    strides and masks. The likelihood never falls; without acceleration, background and mask
    ``sum(C x) = sum(y)``. Pixels that no datum sees keep their start. An iteration is one product
    with C and one with C^H, at times one more with acceleration.

    References
    ----------
    .. [1] L. A. Shepp and Y. Vardi, "Maximum likelihood reconstruction for emission tomography",
       IEEE Trans. Med. Imaging 1 (1982), section II.
    .. [2] D. S. C. Biggs and M. Andrews, "Acceleration of iterative image restoration algorithms",
       Applied Optics 36 (1997), section 3.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.inverse import blur, psf, richardson_lucy
    >>> op = blur(psf.gauss(1.0), (24, 32), padding_mode="zeros")
    >>> x = np.full((24, 32), 5.0)
    >>> x[8:16, 8:24] = 100.0
    >>> y = np.random.default_rng(0).poisson(op.apply(x))
    >>> answer = richardson_lucy(op, y, stop="deviance")
    >>> bool(np.isclose(op.apply(answer.x).sum(), y.sum())), bool(answer.x.min() >= 0)
    (True, True)
    >>> richardson_lucy(blur([[1.0, -1.0]], (24, 32)), y)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `op` must have no negative entries: each datum is a mean
        number of events; got an operator with some, since its weight has 1 negative entries. Use
        sparse_tconv.inverse.solve with lower=0.
    """
    problem = scaled(LeastSquares.of(op, y, mask=mask))
    check_real("op", problem.op.dtype)
    check_real("y", problem.dtype)
    check_nonnegative(problem.op)
    _check_counts("y", problem.y)
    total = validate.integer("maxiter", maxiter, minimum=1)
    accelerated = validate.flag("accelerate", accelerate)
    bar = validate.flag("progress", progress)
    check_callback(callback)
    most = stop if stop is None else _stop(stop)
    method = Expectation(problem, _background(problem, background), _start(problem, x0))
    of_op, of_y = problem.exponents
    status = Status.COMPLETED if stop is None else Status.MAXITER

    def deviance() -> float:
        return float(power_of_two(method.deviance, of_y))

    with Progress(total, bar, callback, problem.shaped) as shown:
        while shown.iterations < total and status is not Status.CONVERGED:
            method.step(accelerated)
            shown.step(method.x)
            if most is not None:
                means = power_of_two(method.mean, of_y)
                enough = expected_deviance(means) if isinstance(most, str) else most
                status = Status.CONVERGED if deviance() <= enough else status
    solution = Solution(
        problem.shaped(method.x),
        status,
        "accelerated em" if accelerated else "em",
        shown.iterations,
        float(power_of_two(np.linalg.norm(method.mean - method.counts), of_y)),
        float(power_of_two(np.linalg.norm(method.x), of_y - of_op)),
        deviance=deviance(),
    )
    return warn_unless_converged(solution)


def _stop(stop: Any) -> float | str:
    if validate.is_word(stop, ("deviance",)):
        return str(stop)
    if isinstance(stop, str):
        raise GeometryError(
            f"`stop` must be None, 'deviance' or a number; got {stop!r}. Pass one of these."
        )
    return number("stop", stop)


def _check_counts(name: str, values: NDArray[Any]) -> None:
    wrong = np.count_nonzero(~(values >= 0) | np.isinf(values))
    if wrong:
        hint = "Pass numbers from 0 on."
        if name == "y":
            hint = "Subtract no background from it: pass background=."
        raise GeometryError(
            f"`{name}` must be finite and not negative, as counts are; got {wrong} entries that are "
            f"not. {hint}"
        )


def _background(problem: LeastSquares, background: ArrayLike) -> NDArray[np.float64]:
    """The background for every sample, flat."""
    array = validate.numeric_array("background", background)
    check_real("background", array.dtype)
    _check_counts("background", array)
    shape = (*problem.batch, *problem.out_shape)
    try:
        whole = np.broadcast_to(array.astype(np.float64), shape)
    except ValueError as error:
        raise ShapeError(
            f"`background` must be a number or an array for y of shape {shape}; got shape "
            f"{array.shape}. Pass one for all, or one for each entry."
        ) from error
    flat = whole.reshape(problem.count, -1)
    return np.asarray(power_of_two(flat, -problem.exponents[1]))


def _start(problem: LeastSquares, x0: ArrayLike | None) -> NDArray[np.float64] | None:
    if x0 is None:
        return None
    start = problem.sample("x0", x0)
    check_real("x0", start.dtype)
    _check_counts("x0", start)
    return start.astype(np.float64)
