"""How a damp was chosen, as a picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError, MissingExtraError
from ..inverse import GCV, Discrepancy, LCurve, Picard

_MARK = {"marker": "o", "color": "tab:red", "zorder": 3}


def lcurve(found: LCurve, axes: Any = None) -> Any:
    r"""Draw an L-curve: the solution's norm over the residual's, with the corner marked.

    Parameters
    ----------
    found : LCurve
        From :func:`sparse_tconv.inverse.lcurve`.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DTypeError
        `found` is something else.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from sparse_tconv import plotting
    >>> from sparse_tconv.inverse import lcurve, problems
    >>> problem = problems.deconvolution()
    >>> plotting.lcurve(lcurve(problem.op, problem.y)).get_xlabel()
    '$\\|Cx - y\\|$'
    >>> plotting.lcurve(0.1)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `found` must be a LCurve; got float. Pass what
        sparse_tconv.inverse.lcurve gives.
    """
    _check(found, LCurve, "lcurve")
    axes = _axes(axes)
    axes.loglog(found.residual_norms, found.solution_norms)
    corner = int(np.argmin(np.abs(np.log(found.damps / found.damp))))
    place = found.residual_norms[corner], found.solution_norms[corner]
    axes.loglog(*place, linestyle="none", label=f"damp {found.damp:.3g}", **_MARK)
    axes.set(xlabel=r"$\|Cx - y\|$", ylabel=r"$\|Lx\|$", title=f"L-curve, {found.source}")
    axes.legend()
    return axes


def gcv(found: GCV, axes: Any = None) -> Any:
    """Draw the GCV function over damp, with its minimum marked.

    Parameters
    ----------
    found : GCV
        From :func:`sparse_tconv.inverse.gcv`.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DTypeError
        `found` is something else.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from sparse_tconv import plotting
    >>> from sparse_tconv.inverse import gcv, problems
    >>> problem = problems.deconvolution()
    >>> plotting.gcv(gcv(problem.op, problem.y)).get_xlabel()
    'damp'
    >>> plotting.gcv(None)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `found` must be a GCV; got NoneType. Pass what
        sparse_tconv.inverse.gcv gives.
    """
    _check(found, GCV, "gcv")
    axes = _axes(axes)
    axes.loglog(found.damps, found.values)
    least = float(np.exp(np.interp(np.log(found.damp), np.log(found.damps), np.log(found.values))))
    axes.loglog(found.damp, least, linestyle="none", label=f"damp {found.damp:.3g}", **_MARK)
    axes.set(xlabel="damp", ylabel="GCV", title=f"generalized cross-validation, {found.source}")
    axes.legend()
    return axes


def discrepancy(found: Discrepancy, axes: Any = None) -> Any:
    """Draw the residual's norm over damp, with the noise's level.

    Parameters
    ----------
    found : Discrepancy
        From :func:`sparse_tconv.inverse.discrepancy`.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DTypeError
        `found` is something else.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from sparse_tconv import plotting
    >>> from sparse_tconv.inverse import discrepancy, problems
    >>> problem = problems.deconvolution()
    >>> plotting.discrepancy(discrepancy(problem.op, problem.y, problem.noise_norm)).get_xlabel()
    'damp'
    >>> plotting.discrepancy([])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `found` must be a Discrepancy; got list. Pass what
        sparse_tconv.inverse.discrepancy gives.
    """
    _check(found, Discrepancy, "discrepancy")
    axes = _axes(axes)
    axes.loglog(found.damps, found.residual_norms)
    axes.axhline(found.target, color="0.5", linestyle="--", label=f"target {found.target:.3g}")
    mark = {"linestyle": "none", "label": f"damp {found.damp:.3g}", **_MARK}
    axes.loglog(found.damp, found.target, **mark)
    axes.set(xlabel="damp", ylabel=r"$\|Cx - y\|$", title=f"discrepancy, {found.source}")
    axes.legend()
    return axes


def picard(found: Picard, axes: Any = None) -> Any:
    """Draw a Picard plot: singular values, the data's coefficients, and their ratios.

    Parameters
    ----------
    found : Picard
        From :func:`sparse_tconv.inverse.picard`.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DTypeError
        `found` is something else.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from sparse_tconv import plotting
    >>> from sparse_tconv.inverse import picard, problems
    >>> problem = problems.deconvolution()
    >>> axes = plotting.picard(picard(problem.op, problem.y))
    >>> [line.get_label() for line in axes.lines][0]
    '$s_i$'
    >>> plotting.picard("curve")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `found` must be a Picard; got str. Pass what
        sparse_tconv.inverse.picard gives.
    """
    _check(found, Picard, "picard")
    axes = _axes(axes)
    index = np.arange(1, len(found.values) + 1)
    axes.semilogy(index, found.values, label="$s_i$")
    dots = {"linestyle": "none", "marker": ".", "markersize": 3, "rasterized": True}
    axes.semilogy(index, found.coefficients, label=r"$|u_i^H y|$", **dots)
    axes.semilogy(index, found.ratios, label=r"$|u_i^H y| / s_i$", **dots)
    axes.set(xlabel="$i$", title=f"Picard plot, {found.source}")
    axes.legend()
    return axes


def _check(found: Any, wanted: type, function: str) -> None:
    if not isinstance(found, wanted):
        raise DTypeError(
            f"`found` must be a {wanted.__name__}; got {type(found).__name__}. "
            f"Pass what sparse_tconv.inverse.{function} gives."
        )


def _axes(axes: Any) -> Any:
    """The axes given, or those of a new figure."""
    if axes is not None:
        return axes
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError(
            "`plotting` must have matplotlib; it is not installed. "
            "Run: pip install 'sparse_tconv[plot]'"
        ) from error
    return plt.subplots(layout="constrained")[1]
