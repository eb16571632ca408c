"""From a blurred picture and its PSF to a sharp one."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .. import _validate as validate
from ..errors import GeometryError
from ..operators import LARGEST_ROOT, power_of_two
from ..solution import Solution, Status
from ._arguments import number, one_of
from ._damp_choice import RULES, Chosen, choose
from ._damp_path import POINTS, Point, damps
from ._deblur_tv import deblur_tv
from ._findings import (
    amplified,
    answer_findings,
    data_findings,
    edge_findings,
    lost_findings,
    noise_findings,
    noise_gain,
    psf_findings,
    residual_findings,
    ring_findings,
)
from ._noise import estimated
from ._progress import Progress
from ._pursuit import Pursuit
from ._solve import solve
from ._task import UNKNOWN, Task
from ._varying_operator import VaryingBlur

_FINE = 1e-5  # of the sum of squares: how far above its minimum the answer may be
_COARSE = 1e-2
_BOUNDED = 1e-4  # of 'mprgp': the picture is as exact as eyes can see


def deblur(
    y: ArrayLike,
    psf: ArrayLike | VaryingBlur,
    *,
    sigma: float | None = None,
    channel_axis: int | None = None,
    boundary: Any = UNKNOWN,
    regularizer: str | None = "gradient",
    rule: str | float = "auto",
    penalty: str = "l2",
    nonnegative: bool = False,
    mask: ArrayLike | None = None,
    center: Any = None,
    progress: bool = False,
) -> Solution:
    """Restore a picture that a known blur has passed over.

    Parameters
    ----------
    y : array-like, real
        The blurred picture, of any number of axes; finite where the mask keeps it.
    psf : array-like, real, or VaryingBlur
        The point-spread function, with as many axes as a channel has; see
        :mod:`sparse_tconv.inverse.psf`. Or PSFs that vary, by :func:`varying_blur` for the shape of
        a channel; `boundary` says what lies beyond the border, not their padding_mode.
    sigma : float, optional
        The standard deviation of the noise in each pixel, in the units of `y`. If it is not given,
        it is estimated for the findings and for 'discrepancy', as ``chosen_by`` says, and 'auto' does
        without it.
    channel_axis : int, optional
        The axis of the channels, which are blurred alike and restored with one damp; -1 for an image
        as files hold it.
    boundary : str or tuple of str, default 'unknown'
        What lies beyond the border: nothing is assumed, or a `padding_mode` of
        :func:`sparse_tconv.inverse.blur`.
    regularizer : {'gradient', 'laplacian', None}, default 'gradient'
        What is damped: differences, second differences, or the picture itself.
    rule : str or float, default 'auto'
        What chooses the damp, or the damp:

        * 'auto': robust generalized cross-validation; with `sigma` the predictive risk (Mallows' Cp);
        * 'gcv': generalized cross-validation;
        * 'wgcv': weighted GCV in a hybrid Golub-Kahan method;
        * 'lcurve': the corner of the L-curve;
        * 'discrepancy': the residual is as large as the noise;
        * 'ncp': the residual is as white as can be.
    penalty : {'l2', 'tv'}, default 'l2'
        How the differences are measured: by their squares, or by their lengths as in :func:`tv`, over
        all channels together. Then 'auto' is 'discrepancy', a number is the weight, and other rules
        are refused.
    nonnegative : bool, default False
        Whether the answer must not be negative; `findings` are then of the answer without the bound.
    mask : array-like of bool, shape of y or of a channel, optional
        True where y is used: leave out what is saturated, dead or covered.
    center : int or tuple of int, optional
        Index of the PSF's center; as for :func:`sparse_tconv.inverse.blur`.
    progress : bool, default False
        Show a bar, by tqdm, for the rule and the solution.

    Returns
    -------
    Solution
        ``x`` has the shape of `y`, and its dtype where that is a float or of 8 or 16 bits, for which
        it is rounded and cut; else float64. ``field`` is all of the picture that the data saw.
        ``findings`` says what speaks against the answer.

    Raises
    ------
    ShapeError, GeometryError, DTypeError
        An argument is not what it may be.
    MissingExtraError
        ``progress=True`` without tqdm.

    See Also
    --------
    estimate_sigma : the noise of a picture.
    solve : for any operator, and a damp that is given.

    Notes
    -----
    Solves ``min |M (C x - y)|^2 + damp^2 |L x|^2``. For an unknown boundary x is the field that the
    data saw, ``kernel_size - 1`` larger, and C the convolution that reads nothing beyond it (Almeida
    and Figueiredo, 2013); differences end at its border. Conjugate gradients run with a circulant
    preconditioner from large damps to small ones, and the rule looks at residuals that are exact; the
    trace that GCV divides by is that of a periodic field, in the mean over the picture where PSFs vary.
    Time and memory are those of some dozens of Fourier transforms, and of 20 pictures.

    White noise is assumed. Noise that is alike in neighboring pixels, as after a JPEG file, is taken
    for detail by all rules that do not know `sigma`.

    References
    ----------
    .. [1] M. S. C. Almeida, M. A. T. Figueiredo, "Deconvolving images with unknown boundaries using
       the alternating direction method of multipliers", IEEE Trans. Image Process. 22 (2013),
       section II.
    .. [2] M. A. Lukas, "Robust generalized cross-validation for choosing the regularization
       parameter", Inverse Problems 22 (2006), section 2.
    .. [3] P. C. Hansen, M. E. Kilmer, R. H. Kjeldsen, "Exploiting residual information in the
       parameter choice for discrete ill-posed problems", BIT 46 (2006), section 3.

    Examples
    --------
    >>> from sparse_tconv.inverse import deblur, problems, psf
    >>> problem = problems.deblurring("gauss", 64, image="phantom")
    >>> solution = deblur(problem.y, psf.gauss(2))
    >>> problem.error(solution.x) < 0.8 * problem.error(problem.y)
    True
    >>> solution.field.shape, solution.findings
    ((80, 80), ())
    >>> deblur(problem.y, psf.gauss(2, ndim=1))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `psf` must have 2 axes, as a channel of y has; got shape (17,).
        Pass channel_axis= if an axis of y holds channels.
    """
    task = Task.of(y, psf, channel_axis, boundary, regularizer, mask, center)
    penalty = one_of("penalty", penalty, ("l2", "tv"))
    by_name = isinstance(rule, str)
    name = one_of("rule", rule, RULES) if by_name else "given"
    given = sigma is not None
    of_psf, of_y = task.exponents
    if given:
        level = _squarable("sigma", power_of_two(number("sigma", sigma, positive=True), -of_y))
    else:
        level = estimated(task.stack, task.used)
    bar, bounded = validate.flag("progress", progress), validate.flag("nonnegative", nonnegative)
    if penalty == "tv":
        return deblur_tv(task, rule, level, given, bounded, bar)
    with Progress(POINTS + 1, bar, None, lambda x: x) as shown:
        if by_name:
            chosen = choose(task, name, level, given, shown)
        else:
            damp = _squarable("rule", power_of_two(number("rule", rule), -of_psf))
            chosen = Chosen(damp, name, [], None, 0)
        solution = _solved(task, chosen, level, given)
        shown.step()
    return task.restored(_bounded(task, solution, bar) if bounded else solution, of_psf)


def _squarable(name: str, scaled: Any) -> float:
    """A number over the size of what it belongs to, whose square is a number too."""
    if scaled > LARGEST_ROOT:
        raise GeometryError(
            f"`{name}` must be at most {LARGEST_ROOT:g} times the size of the data; got more. Use less."
        )
    return float(scaled)


def _solved(task: Task, chosen: Chosen, sigma: float, given: bool) -> Solution:
    """The answer for a damp, with all findings."""
    model = task.model(np.float64)
    pursuit = Pursuit(model, task.stack)
    if chosen.start is not None:
        pursuit.restart(chosen.start)
    else:
        for damp in damps(model)[::2]:
            if damp > chosen.damp:
                pursuit.solve(float(damp), _COARSE)
    pursuit.solve(chosen.damp, _FINE)
    residual, size = pursuit.at.residual, pursuit.size()
    field = model.picture(pursuit.at.x)
    x = model.seen(field)
    answer, data = task.compared(x)
    misfit = float(np.vdot(residual, residual))
    point = Point(chosen.damp, misfit / task.rows, size, *model.traces(chosen.damp), np.nan)
    findings = [
        *([] if pursuit.status is Status.CONVERGED else [f"the iteration {pursuit.status.value}"]),
        *psf_findings(task.psf.kernels, task.psf.center, task.psf.exponent),
        *data_findings(task.channels.first(task.picture), task.used),
    ]
    if not task.explained(misfit):
        findings += [
            *chosen.findings,
            *([] if chosen.rule == "discrepancy" else noise_findings(point.noise, sigma, given)),
            *residual_findings(residual, task.even),
            *lost_findings(model, chosen.damp, residual, point.noise, task.rows),
            *answer_findings(answer, data),
            *ring_findings(answer, data - residual),
            *([] if task.unknown else edge_findings(answer, data)),
            *amplified(
                noise_gain(model, chosen.damp) * task.psf.gain**2, point.noise, answer, data
            ),
        ]
    return Solution(
        task.returned(x),
        pursuit.status,
        "cg",
        pursuit.iterations + chosen.iterations,
        float(np.sqrt(misfit)),
        size,
        damp=chosen.damp,
        chosen_by=f"{chosen.rule}, {task.told(sigma, given)}",
        findings=tuple(findings),
        field=task.whole(field),
    )


def _bounded(task: Task, solution: Solution, bar: bool) -> Solution:
    """The same problem with no entry below zero, from there on."""
    of_psf, of_y = task.exponents
    field = power_of_two(task.channels.first(np.asarray(solution.field)), of_psf - of_y)
    start = np.maximum(field, 0.0)
    found = solve(
        task.operator(),
        task.stack,
        method="mprgp",
        damp=solution.damp,
        regularizer=task.regularizer,
        x0=start,
        nonnegative=True,
        mask=task.mask,
        rtol=_BOUNDED,
        progress=bar,
    )
    pixels = task.model(np.float64).seen(found.x)
    return replace(
        found,
        x=task.returned(pixels),
        chosen_by=solution.chosen_by,
        findings=solution.findings,
        field=task.whole(found.x),
    )
