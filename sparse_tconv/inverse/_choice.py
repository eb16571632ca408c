"""What the rules for choosing damp found, with the curves that they looked at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Curve = NDArray[np.float64]


@dataclass(frozen=True, eq=False, repr=False)
class Choice:
    """A damp, and why.

    Attributes
    ----------
    damp : float
        The damp chosen.
    source : str
        How the rule knew the spectrum: an exact factorization, or a bidiagonalization.
    damps : (points,) array
        A logarithmic grid.
    noise : float
        The standard deviation of the noise in a datum, if all of the residual is noise.
    """

    damp: float
    source: str
    damps: Curve
    noise: float

    rule = ""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} damp={self.damp:.4g}, {self.source}>"


@dataclass(frozen=True, eq=False, repr=False)
class GCV(Choice):
    """A minimum of generalized cross-validation.

    Attributes
    ----------
    damp, source, damps, noise
        As in every choice.
    values : (points,) array
        The GCV function on the grid, in squares of y: 0 or inf where float64 cannot hold them.

    Examples
    --------
    >>> from sparse_tconv import inverse
    >>> problem = inverse.problems.deconvolution(size=32)
    >>> found = inverse.gcv(problem.op, problem.y)
    >>> found.damp > 0
    True
    """

    values: Curve

    rule = "gcv"


@dataclass(frozen=True, eq=False, repr=False)
class LCurve(Choice):
    """A corner of the L-curve.

    Attributes
    ----------
    damp, source, damps, noise
        As in every choice.
    residual_norms, solution_norms, curvature : (points,) arrays
        ``|C x - y|``, ``|L x|`` and the curvature of their logarithms on the grid.
    corners : int
        How many corners the curve has, four points to a decade of damp.

    Examples
    --------
    >>> from sparse_tconv import inverse
    >>> problem = inverse.problems.deconvolution(size=32)
    >>> found = inverse.lcurve(problem.op, problem.y)
    >>> found.damp > 0
    True
    """

    residual_norms: Curve
    solution_norms: Curve
    curvature: Curve
    corners: int

    rule = "lcurve"


@dataclass(frozen=True, eq=False, repr=False)
class Discrepancy(Choice):
    """Where the residual is as large as the noise.

    Attributes
    ----------
    damp, source, damps, noise
        As in every choice.
    residual_norms : (points,) array
        ``|C x - y|`` on the grid.
    target : float
        What it should be, ``tau * noise_norm``.

    Examples
    --------
    >>> from sparse_tconv import inverse
    >>> problem = inverse.problems.deconvolution(size=32)
    >>> found = inverse.discrepancy(problem.op, problem.y, problem.noise_norm)
    >>> found.damp > 0
    True
    """

    residual_norms: Curve
    target: float

    rule = "discrepancy"


@dataclass(frozen=True, eq=False, repr=False)
class WGCV(Choice):
    """A minimum of weighted generalized cross-validation.

    Attributes
    ----------
    damp, source, damps, noise
        As in every choice.
    values : (points,) array
        The weighted GCV function on the grid.
    weight : float
        Of the trace; 1 is plain GCV.

    Examples
    --------
    >>> from sparse_tconv import inverse
    >>> problem = inverse.problems.deconvolution(size=32)
    >>> found = inverse.wgcv(problem.op, problem.y)
    >>> 0 < found.weight <= 1
    True
    """

    values: Curve
    weight: float

    rule = "wgcv"


@dataclass(frozen=True, eq=False, repr=False)
class NCP(Choice):
    """Where the residual is as white as can be.

    Attributes
    ----------
    damp, source, damps, noise
        As in every choice.
    values : (points,) array
        How far the normalized cumulative periodogram of the residual is from a straight line, on the
        grid: 0 is white, 1 is not at all.

    Examples
    --------
    >>> from sparse_tconv import inverse
    >>> problem = inverse.problems.deconvolution(size=32)
    >>> found = inverse.ncp(problem.op, problem.y)
    >>> bool(0 <= found.values.min() <= found.values.max() <= 1)
    True
    """

    values: Curve

    rule = "ncp"


@dataclass(frozen=True, eq=False, repr=False)
class Auto(Choice):
    """What 'auto' looked at: robust cross-validation, or the predictive risk where the noise is known."""

    values: Curve
    rule: str
