"""A fixed, named grid of convolutions with their answers, for use without hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validate import PADDING_MODES
from ..threads import cached_property
from . import oracles

__all__ = ["ReferenceCase", "reference_cases"]


@dataclass(frozen=True, eq=False)
class ReferenceCase:
    """A convolution with its answers by nested loops.

    Attributes
    ----------
    name : str
        What is particular about it.
    weight : ndarray
        Small whole numbers, so that every right answer is exact.
    in_shape : tuple of int
        Shape of one sample.
    options : dict
        Keyword arguments of `sparse_tconv.Conv`, padding resolved to ints or pairs.

    Examples
    --------
    >>> from sparse_tconv import testing
    >>> next(iter(testing.reference_cases()))
    <1-D: weight (2, 3, 3), in_shape (3, 7)>
    """

    name: str
    weight: NDArray[Any]
    in_shape: tuple[int, ...]
    options: dict[str, Any] = field(default_factory=dict)

    def forward(self, x: ArrayLike) -> NDArray[Any]:
        """Return C x for x of shape `in_shape`."""
        return oracles.conv(x, self.weight, **self.options)

    def adjoint(self, y: ArrayLike) -> NDArray[Any]:
        """Return C^H y for y of shape `out_shape`."""
        return oracles.conv_transpose(y, self.weight.conj(), **self.transpose_options)

    @cached_property
    def out_shape(self) -> tuple[int, ...]:
        """Shape of the output of one sample."""
        return self.forward(np.zeros(self.in_shape)).shape

    @cached_property
    def matrix(self) -> NDArray[Any]:
        """C as a dense matrix acting on ``x.ravel()``."""
        return oracles.matrix(self.weight, self.in_shape, **self.options)

    @property
    def transpose_options(self) -> dict[str, Any]:
        """Keyword arguments of the `ConvTranspose` back to `in_shape`, output_padding included."""
        bare = oracles.conv_transpose(np.zeros(self.out_shape), self.weight, **self.options)
        lead = 0 if self.options.get("channels", True) is False else 1
        missing = [n - m for n, m in zip(self.in_shape, bare.shape, strict=True)][lead:]
        return {**self.options, "output_padding": missing}

    def __repr__(self) -> str:
        given = "".join(f", {name}={value!r}" for name, value in self.options.items())
        return f"<{self.name}: weight {self.weight.shape}, in_shape {self.in_shape}{given}>"


def reference_cases() -> tuple[ReferenceCase, ...]:
    """Return the fixed grid: every mode, and every setting in which implementations go wrong.

    Returns
    -------
    tuple of ReferenceCase
        Always the same, with distinct names; small enough for dense matrices.

    See Also
    --------
    strategies : random ones, with hypothesis.

    Notes
    -----
    Each case has ``forward(x)``, ``adjoint(y)`` (the weight conjugated) and ``matrix``. Cost:
    nothing until they are asked for.

    Examples
    --------
    >>> from sparse_tconv.testing import reference_cases
    >>> case = reference_cases()[0]
    >>> case
    <1-D: weight (2, 3, 3), in_shape (3, 7)>
    >>> case.matrix.shape
    (10, 21)
    >>> case.forward([1, 2])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `x` must be one sample with as many spatial axes as ...
    """
    return tuple(
        ReferenceCase(name, _weight(number, shape, name), in_shape, options)
        for number, (name, shape, in_shape, options) in enumerate(_grid())
    )


def _weight(number: int, shape: tuple[int, ...], name: str) -> NDArray[Any]:
    """Whole numbers from -4 to 4, complex where the name says so."""
    rng = np.random.default_rng(number)
    weight = rng.integers(-4, 5, shape).astype(np.float64)
    return weight + 1j * rng.integers(-4, 5, shape) if "complex" in name else weight


# Name, shape of the weight, shape of the input, options.
Case = tuple[str, tuple[int, ...], tuple[int, ...], dict[str, Any]]

_BARE = {"channels": False}


def _grid() -> list[Case]:
    """All cases; the place of one is the seed of its weight."""
    return [
        *_axes(),
        *_kernels(),
        *_steps(),
        *_groups(),
        *_borders(),
        *_others(),
        *_modes(),
    ]


def _axes() -> list[Case]:
    """Numbers of axes."""
    return [
        ("1-D", (2, 3, 3), (3, 7), {}),
        ("2-D", (2, 3, 3, 2), (3, 5, 6), {}),
        ("3-D", (2, 1, 2, 1, 3), (1, 3, 4, 4), {"padding": (1, 0, 1)}),
        ("no channels", (3, 2), (6, 5), _BARE),
    ]


def _kernels() -> list[Case]:
    """Kernels of side 1 and 2, and as large as the input."""
    return [
        ("kernel of side 1", (3, 2, 1, 1), (2, 3, 4), {}),
        ("kernel of side 1, strided and padded", (1, 1, 1), (1, 6), {"stride": 2, "padding": 1}),
        ("kernel of side 2", (2, 2, 2, 2), (2, 4, 5), {"padding": 1}),
        ("kernel as large as the input", (1, 1, 4, 5), (1, 4, 5), {}),
        ("kernel larger than the input", (1, 1, 5), (1, 3), {"padding": 2}),
    ]


def _steps() -> list[Case]:
    """Strides and dilations."""
    return [
        ("stride", (1, 2, 3, 3), (2, 7, 8), {"stride": (2, 3), "padding": 1}),
        ("stride that leaves a remainder", (1, 1, 3), (1, 10), {"stride": 4, "padding": 1}),
        ("stride larger than the kernel", (1, 1, 2), (1, 11), {"stride": 4}),
        ("dilation", (1, 1, 3, 2), (1, 8, 7), {"dilation": (2, 3), "padding": 2}),
        (
            "dilation larger than stride",
            (2, 1, 2),
            (1, 9),
            {"dilation": 4, "stride": 3, "padding": 2},
        ),
    ]


def _groups() -> list[Case]:
    """Groups of channels."""
    return [
        ("groups", (4, 2, 3), (4, 6), {"groups": 2, "padding": 1}),
        ("depthwise", (3, 1, 3, 3), (3, 4, 5), {"groups": 3, "padding": 1}),
        ("depthwise with a multiplier", (6, 1, 3), (3, 5), {"groups": 3, "padding": 1}),
    ]


def _borders() -> list[Case]:
    """Paddings of unequal sides, and boundaries beside strides and groups."""
    return [
        ("asymmetric padding", (1, 1, 3, 4), (1, 5, 6), {"padding": ((0, 2), (3, 1))}),
        ("negative padding", (1, 1, 3), (1, 8), {"padding": ((-2, 1),)}),
        (
            "negative padding, symmetric",
            (3,),
            (8,),
            {**_BARE, "padding": ((2, -3),), "padding_mode": "symmetric"},
        ),
        (
            "mixed modes",
            (1, 2, 3, 3),
            (2, 4, 5),
            {"padding": 1, "padding_mode": ("circular", "reflect")},
        ),
        (
            "symmetric and strided",
            (1, 1, 4, 3),
            (1, 8, 9),
            {"padding": 2, "padding_mode": "symmetric", "stride": 2},
        ),
        (
            "reflect, dilated, strided, grouped",
            (2, 1, 3),
            (2, 9),
            {"padding": 3, "padding_mode": "reflect", "dilation": 2, "stride": 2, "groups": 2},
        ),
    ]


def _others() -> list[Case]:
    """What is left: flips and complex numbers."""
    return [
        ("flip", (2, 2, 3, 2), (2, 5, 5), {"flip": True, "padding": 1}),
        ("complex", (2, 2, 3), (2, 6), {"padding": 1}),
        (
            "complex, strided, circular",
            (2, 1, 3, 3),
            (1, 6, 7),
            {"padding": 1, "stride": 2, "padding_mode": "circular"},
        ),
    ]


def _modes() -> list[Case]:
    """Every boundary: under an even kernel, wider than the axis, on an axis of length 1."""
    even = [
        (f"{mode}, even kernel, 2-D", (2, 1, 2, 3), (1, 4, 5), {"padding": 2, "padding_mode": mode})
        for mode in PADDING_MODES
    ]
    wide = [
        (
            f"{mode}, padding wider than the axis",
            (4,),
            (3,),
            {**_BARE, "padding": 7, "padding_mode": mode},
        )
        for mode in PADDING_MODES
    ]
    one = [
        (f"{mode}, axis of length 1", (1, 1, 3, 3), (1, 1, 5), {"padding": 1, "padding_mode": mode})
        for mode in PADDING_MODES[1:]
    ]
    return [*even, *wide, *one]
