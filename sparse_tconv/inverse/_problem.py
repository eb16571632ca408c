"""A test problem: how its data are made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..errors import GeometryError, ShapeError
from ..operators import Conv, Operator
from ._arguments import number, one_of
from ._images import middle, phantom, photograph
from ._scale import norm


@dataclass(frozen=True, eq=False, repr=False)
class Problem:
    """``y = C x + noise``, all of it known.

    Attributes
    ----------
    op : Conv or VaryingBlur
        C.
    y : ndarray of float64, op.out_shape
        The data.
    x : ndarray of float64, op.in_shape
        The truth.
    noise_norm : float
        The norm of the noise; the error of the model at the border is not in it.
    name : str
        What it is.

    Examples
    --------
    >>> from sparse_tconv import inverse
    >>> problem = inverse.problems.deconvolution(size=32, noise=0.0)
    >>> problem.y.shape == problem.op.out_shape, problem.x.shape
    (True, (32,))
    """

    op: Any
    y: NDArray[np.float64]
    x: NDArray[np.float64]
    noise_norm: float
    name: str

    def error(self, x: ArrayLike) -> float:
        """``|x - truth| / |truth|``."""
        found = validate.numeric_array("x", x)
        if found.shape != self.x.shape:
            raise ShapeError(
                f"`x` must have the shape of the truth, {self.x.shape}; got {found.shape}. "
                f"Reshape it, or leave out its batch axes."
            )
        return norm(found - self.x) / norm(self.x)

    def __repr__(self) -> str:
        relative = self.noise_norm / norm(self.y)
        model = norm(self.y - self.op.apply(self.x)) / norm(self.y)
        rows = [
            ("C", f"{self.op.in_shape} -> {self.op.out_shape}"),
            ("noise", f"{self.noise_norm:.3e}, {100 * relative:.2g} % of |y|"),
            ("|C x - y|", f"{100 * model:.2g} % of |y|"),
        ]
        return "\n".join([f"Problem: {self.name}", *(f"  {a:<9}  {b}" for a, b in rows)])


Data = Callable[[Any, Any], tuple[NDArray[Any], NDArray[Any]]]


def made(
    name: str,
    op: Operator,
    image: Any,
    noise: Any,
    inverse_crime: Any,
    seed: Any,
    honest: Data | None = None,
) -> Problem:
    """The data and the truth for an operator; without the crime by an unpadded twin of it, or by
    what is given for that.
    """
    relative = number("noise", noise)
    rng = np.random.default_rng(validate.integer("seed", seed, minimum=0))
    crime = validate.flag("inverse_crime", inverse_crime)
    x, clean = (_by_the_model if crime else honest or _by_a_larger_picture)(op, image)
    direction = rng.standard_normal(clean.shape)
    direction *= relative * norm(clean) / norm(direction)
    return Problem(op, clean + direction, x, norm(direction), name)


def _by_the_model(op: Operator, image: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """A picture of the model's size, and C of it."""
    x = picture(image, op.in_shape)
    return x, op.apply(x)


def _by_a_larger_picture(op: Conv, image: Any) -> tuple[NDArray[Any], NDArray[Any]]:
    """The part of a picture that the model sees, and the windows of C on all of the picture."""
    axes = op.geometry.axes
    starts = [min(axis.first, 0) for axis in axes]
    stops = [max(axis.last + 1, axis.n_in) for axis in axes]
    large = picture(image, tuple(b - a for a, b in zip(starts, stops, strict=True)))
    ends = zip(axes, starts, stops, strict=True)
    crops = [(a - axis.first, axis.last + 1 - b) for axis, a, b in ends]  # nothing is read beyond
    stride = op.geometry.stride
    twin = Conv(op.weight, large.shape, stride=stride, padding=crops, flip=True, channels=False)
    seen = [slice(-a, axis.n_in - a) for axis, a in zip(axes, starts, strict=True)]
    return large[tuple(seen)].copy(), twin.apply(large)


def picture(image: Any, shape: tuple[int, ...]) -> NDArray[np.float64]:
    """A picture of that shape."""
    if isinstance(image, str):
        word = one_of("image", image, ("photograph", "phantom"))
        return photograph(shape) if word == "photograph" else phantom(shape)
    array = validate.numeric_array("image", image).astype(np.float64)
    if array.ndim != len(shape) or any(n < m for n, m in zip(array.shape, shape, strict=True)):
        raise GeometryError(
            f"`image` must have at least {prod(shape):,} entries of shape {shape}; got shape "
            f"{array.shape}. Pass a larger picture, a smaller size, or inverse_crime=True."
        )
    return middle(array, shape)
