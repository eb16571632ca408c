"""The Picard plot: whether the data decay as fast as the singular values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..operators import power_of_two
from ._expand import expand
from ._least_squares import LeastSquares
from ._rules import choose_gcv
from ._scale import scaled


@dataclass(frozen=True, eq=False, repr=False)
class Picard:
    """Singular values and the data's coefficients, from the largest value to the smallest.

    Attributes
    ----------
    values : (r,) array
        Singular values s_i.
    coefficients : (r,) array
        ``|u_i^H y|``.
    ratios : (r,) array
        ``|u_i^H y| / s_i``: what the solution without damping is made of; inf where s_i is zero.
    source : str
        Where the values come from; those of a bidiagonalization are Ritz values.

    Examples
    --------
    >>> from sparse_tconv import inverse
    >>> problem = inverse.problems.deconvolution(size=32)
    >>> found = inverse.picard(problem.op, problem.y)
    >>> isinstance(found, inverse.Picard)
    True
    """

    values: NDArray[np.float64]
    coefficients: NDArray[np.float64]
    ratios: NDArray[np.float64]
    source: str

    @property
    def noise_floor(self) -> float:
        """The size at which the coefficients level off: the median of the smallest quarter."""
        return float(np.median(self.coefficients[-max(len(self.coefficients) // 4, 1) :]))

    def __repr__(self) -> str:
        above = int(np.count_nonzero(self.coefficients > 2 * self.noise_floor))
        rows = [
            ("values", f"{self.values[0]:.3e} to {self.values[-1]:.3e}, {len(self.values):,}"),
            ("coefficients", f"{self.coefficients.max():.3e} down to {self.noise_floor:.3e}"),
            ("above twice that", f"{above:,}"),
            ("source", self.source),
        ]
        width = max(len(name) for name, _ in rows)
        return "\n".join(["Picard", *(f"  {name:<{width}}  {text}" for name, text in rows)])


def picard(op: Any, y: ArrayLike) -> Picard:
    """Singular values against the data's coefficients: where the noise takes over.

    Parameters
    ----------
    op, y
        As for :func:`sparse_tconv.inverse.solve`; a batch is averaged.

    Returns
    -------
    Picard
        For :func:`sparse_tconv.plotting.picard`, or to look at.

    Raises
    ------
    ShapeError, GeometryError, DTypeError
        As for :func:`sparse_tconv.inverse.solve`.

    See Also
    --------
    lcurve : what damping does about it.

    Notes
    -----
    A solution without damping makes sense while ``|u_i^H y|`` falls faster than s_i. Where it levels
    off there is nothing but noise, and the ratios grow.

    References
    ----------
    .. [1] P. C. Hansen, "The discrete Picard condition for discrete ill-posed problems", BIT 30
       (1990), section 2.

    Examples
    --------
    >>> from sparse_tconv.inverse import picard, problems
    >>> problem = problems.deconvolution(seed=1)
    >>> found = picard(problem.op, problem.y)
    >>> len(found.values), found.source
    (128, 'exact spectrum (symmetric)')
    >>> picard(problem.op, problem.y[:3])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `y` must have shape (..., 128); got (3,). The last axes are one
        sample.
    """
    problem = scaled(LeastSquares.of(op, y))
    of_op, of_y = problem.exponents
    found = expand(problem, choose_gcv)
    order = np.argsort(-found.values, kind="stable")
    values = found.values[order]
    coefficients = np.sqrt(found.energies[order] / problem.count)
    ratios = np.full_like(values, np.inf)
    np.divide(coefficients, values, out=ratios, where=values > 0)
    return Picard(
        power_of_two(values, of_op),
        power_of_two(coefficients, of_y),
        power_of_two(ratios, of_y - of_op),
        found.source,
    )
