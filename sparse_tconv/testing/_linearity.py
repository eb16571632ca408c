"""Whether a map is linear, and if not, how it fails to be."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._finding import Cause, Finding
from ._inner import norms
from ._pair import Pair
from ._probes import random_vector
from ._space import Space

__all__ = ["linearity_findings", "nonfinite"]

Map = Callable[[NDArray[Any]], NDArray[Any]]


def linearity_findings(
    pair: Pair, bound: float, seed: int, norms_from_below: tuple[float, float]
) -> list[Finding]:
    """Say of both directions whether they are linear over the scalars of the pair.

    Rounding is measured against the norm of the map, known from below: where all the vectors
    tried happen to be nearly mapped to zero, their images say nothing.
    """
    forward, adjoint = norms_from_below
    rng = np.random.default_rng((seed, 2))
    return [
        *_of_map(pair.forward, pair.domain, (bound, forward), rng, "forward"),
        *_of_map(pair.adjoint, pair.codomain, (bound, adjoint), rng, "adjoint"),
    ]


def _of_map(
    function: Map,
    space: Space,
    tolerance: tuple[float, float],
    rng: np.random.Generator,
    who: str,
) -> list[Finding]:
    """Compare f(a x + b z) with a f(x) + b f(z), and look at f(0)."""
    bound, lower = tolerance
    x, z = random_vector(space, rng), random_vector(space, rng)
    at_zero, fx, fz = function(np.zeros_like(x)), function(x), function(z)
    if not all(np.isfinite(image).all() for image in (at_zero, fx, fz)):
        return [nonfinite(f"from the {who}, of a finite input")]
    size = lower * (_size(x) + _size(z)) + _size(fx) + _size(fz)
    if _size(at_zero) > bound * size:
        return [_affine(at_zero, who)]
    a, b = _factors(space)
    if _defect(function, (x, z), (fx, fz), (a, b)) <= bound * size:
        return []
    if isinstance(a, complex):
        real = _defect(function, (x, z), (fx, fz), (a.real, b.real))
        if real <= bound * size:
            return [_real_only(who)]
    return [_nonlinear(who)]


def _factors(space: Space) -> tuple[Any, Any]:
    """Return two factors of size about 1, complex, real or whole as the space has them."""
    if space.vector_dtype.kind == "c":
        return complex(-0.75, 0.5), complex(0.5, -1.0)
    if space.vector_dtype.kind in "iu":
        return 2, 1
    return -0.75, 1.25


def _defect(
    function: Map,
    points: tuple[NDArray[Any], NDArray[Any]],
    images: tuple[NDArray[Any], NDArray[Any]],
    factors: tuple[Any, Any],
) -> float:
    """Return |f(a x + b z) - a f(x) - b f(z)|."""
    (x, z), (fx, fz), (a, b) = points, images, factors
    mixed = function((a * x + b * z).astype(x.dtype))
    wide = np.clongdouble if np.iscomplexobj(fx) or isinstance(a, complex) else np.longdouble
    return _size(mixed - a * fx.astype(wide) - b * fz.astype(wide))


def _size(vector: NDArray[Any]) -> float:
    return float(norms(vector[np.newaxis])[0])


def nonfinite(where: str) -> Finding:
    """Say that a result has NaN or infinity."""
    return Finding(
        Cause.NONFINITE,
        f"NaN or infinity came back {where}.",
        "Look for a division by zero, an overflow, or memory that is not initialized.",
    )


def _affine(at_zero: NDArray[Any], who: str) -> Finding:
    value = at_zero[np.argmax(np.abs(at_zero))]
    return Finding(
        Cause.AFFINE,
        f"the {who} of an input of zeros is not zero (largest entry {value:.3g}).",
        "Leave the bias out: test x -> f(x) - f(0).",
    )


def _real_only(who: str) -> Finding:
    return Finding(
        Cause.REAL_LINEAR,
        f"the {who} takes real factors out of a sum but not complex ones.",
        "Pass linear='real', or look for a real part or a conjugate that should not be there.",
    )


def _nonlinear(who: str) -> Finding:
    return Finding(
        Cause.NONLINEAR,
        f"the {who} of a x + b z is not a times that of x plus b times that of z.",
        "Take out clipping, rounding, absolute values: only linear maps have an adjoint.",
    )
