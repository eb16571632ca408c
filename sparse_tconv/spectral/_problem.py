"""What is factorized: the C of a geometry with a kernel in double precision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._memory import check_fits
from ..assembly import correlation_kernel
from ..errors import DTypeError, GeometryError
from ..geometry import Axis, ConvGeometry, held
from ..operators import ConvOperator, ConvTranspose
from ..threads import cached_property

_SHORT = 1 << 12  # samples of an axis that are counted one by one
_COUNTING = 64  # bytes for each position, about, while these are counted


@dataclass(frozen=True, eq=False)
class Problem:
    """The convolution matrix of a geometry and a kernel.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    kernel : (groups, out, in, *kernel_size) float64 or complex128 array
        The kernel, ready to correlate, one per group.
    eps : float
        Rounding unit of the dtype in which the kernel was given.
    """

    geometry: ConvGeometry
    kernel: NDArray[Any]
    eps: float

    @property
    def is_real(self) -> bool:
        """Whether C is real."""
        return self.kernel.dtype.kind == "f"

    @property
    def channels(self) -> tuple[int, int]:
        """Channels per group: (given, taken)."""
        return self.kernel.shape[1], self.kernel.shape[2]

    @cached_property
    def weight_norm(self) -> float:
        """An upper bound of the norm of the kernel's taps, summed: the scale of rounding errors."""
        taps = abs(self.kernel).reshape(*self.kernel.shape[:3], -1).sum(axis=3)
        return float(np.sqrt((taps**2).sum(axis=(1, 2)).max()))

    @cached_property
    def extension_norm(self) -> float:
        """An upper bound of the norm of what extends a sample beyond the border."""
        return sqrt(prod(most_repeats(axis) for axis in self.geometry.axes))

    def with_kernel(self, kernel: NDArray[Any]) -> Problem:
        """The same problem with another kernel."""
        return replace(self, kernel=kernel)


def most_repeats(axis: Axis) -> int:
    """How often the border repeats a sample, at most: the squared norm of the extension. Where
    positions hold sums, an upper bound of it: the largest column sum times the largest row sum
    (Schur's test).
    """
    if axis.mode == "zeros":
        return 1
    front, behind = max(-axis.first, 0), max(axis.last + 1 - axis.n_in, 0)
    size = 2 * (front + behind) + _SHORT
    start, stop = axis.first, axis.last + 1
    if axis.n_in > size:  # the interior of a long axis repeats nothing
        start, stop = -front, size + behind
    pads = f"pads of {front:,} and {behind:,}, whose samples are counted"
    check_fits("op", pads, _COUNTING * (stop - start), "Use smaller pads.")
    positions = np.arange(start, stop)
    number, sample, factors = held(axis.mode, positions, min(axis.n_in, size))
    if factors is None:
        return int(np.bincount(sample).max(initial=0))
    columns, rows = (np.bincount(where, abs(factors)).max() for where in (sample, number))
    return int(columns * rows) + 1


def checked(op: Any) -> ConvOperator:
    """The argument, if it is an operator."""
    if isinstance(op, ConvOperator):
        return op
    raise DTypeError(
        f"`op` must be a Conv or ConvTranspose; got {type(op).__name__}. Make one with "
        "sparse_tconv.Conv(weight, in_shape)."
    )


def problem(op: Any) -> tuple[Problem, bool]:
    """A matrix D and whether the operator is D^H; if not, the operator is D itself.

    C^T is the adjoint of conj(C), so a transpose that does not conjugate needs the conjugated
    kernel, and so does conj(C).
    """
    checked(op)
    swapped = isinstance(op, ConvTranspose)
    weight = op.weight
    if not np.isfinite(weight).all():
        raise GeometryError(
            "`op.weight` must be finite; got nan or inf. Replace these entries: a matrix that has "
            "them has no singular values."
        )
    wide = np.complex128 if weight.dtype.kind == "c" else np.float64
    kernel = correlation_kernel(op.geometry, weight.astype(wide))
    if op.conjugated != swapped:
        kernel = kernel.conj()
    groups = op.geometry.groups
    kernel = kernel.reshape(groups, -1, *kernel.shape[1:])
    eps = np.finfo(weight.dtype).eps if weight.dtype.kind in "fc" else 0.0
    return Problem(op.geometry, kernel, max(float(eps), float(np.finfo(np.float64).eps))), swapped
