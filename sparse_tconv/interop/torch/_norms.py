"""A bound of a layer's norm that autograd differentiates, for training."""

from __future__ import annotations

from itertools import product
from math import cos, pi, prod, sqrt
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ... import _validate as validate
from ...errors import DTypeError, GeometryError, ShapeError
from ...spectral import block_norms

_MOST_POINTS = 1 << 28
_POINTS_PER_DEGREE = 32  # costs 0.3 % of the bound per axis
_ENTRIES = 1 << 22  # of blocks that are held at a time
_ROUNDING = 1e-11  # by which the bound gives way


def norm_bound(
    weight: torch.Tensor,
    *,
    stride: Any = 1,
    dilation: Any = 1,
    groups: int = 1,
    points: int | None = None,
) -> torch.Tensor:
    """An upper bound of the spectral norm of a convolution, differentiable with respect to the weight.

    Parameters
    ----------
    weight : torch.Tensor, (C_out, C_in / groups, *kernel_size)
        Of a convolution; of a transposed one too, which has the same norm.
    stride, dilation : int or tuple of int
        As in :func:`torch.nn.functional.conv2d`.
    groups : int, default 1
        Groups of channels.
    points : int, optional
        Frequencies per axis, more than twice the kernel's reach in strides; 32 for each place that it
        reaches, if not given.

    Returns
    -------
    torch.Tensor
        A real number, of the weight's precision: at least the norm of the layer of any size, under
        zero padding of any width, or on a circle that the windows go round once.

    Raises
    ------
    ShapeError
        The weight has no spatial axis, or groups do not divide its channels.
    GeometryError
        `points` are too few for a bound or too many to compute, a number is not a positive int, or an entry is not finite.
    DTypeError
        The weight is no dense tensor of real or complex numbers on the CPU.

    See Also
    --------
    sparse_tconv.analysis.norm_bounds : a lower bound too, and a narrower upper one for a size.

    Notes
    -----
    The layer is a part of one on a circle of any size, whose norm is below the supremum of the norms
    of its symbol. On a grid of M points per axis a trigonometric polynomial of degree d is at most
    its largest value there over ``cos(pi d / M)``, and squared norms are suprema of such polynomials
    [1]_: the bound is the largest norm on the grid times ``cos(pi d / M) ** (-1/2)`` per axis. Its
    gradient is that of ``Re(u^H f(theta) v)``, u and v being the singular vectors at the frequency
    where it is largest; where several are, the one of the first. It is differentiable once.

    References
    ----------
    .. [1] L. Pfister, Y. Bresler, "Bounding multivariate trigonometric polynomials with
       applications to filter bank design", arXiv:1802.09588.

    Examples
    --------
    >>> import torch
    >>> from sparse_tconv.interop.torch import norm_bound
    >>> weight = torch.ones(1, 1, 3, 3, dtype=torch.float64, requires_grad=True)
    >>> bound = norm_bound(weight)
    >>> bool(9 <= bound < 9.06)
    True
    >>> bound.backward()
    >>> bool(torch.allclose(weight.grad, bound.detach() / 9))
    True
    >>> norm_bound(weight, points=4)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `points` must be more than twice the reach of the kernel, 2;
        got 4. Leave it out for 32 per place.
    """
    axes = _checked(weight, groups)
    strides = _per_axis("stride", stride, axes)
    dilations = _per_axis("dilation", dilation, axes)
    values = weight.detach().to(torch.complex128).numpy()
    if not np.isfinite(values).all():
        raise GeometryError("`weight` must be finite; got nan or inf. Replace these entries.")
    size = float(abs(values).max()) or 1.0
    lines = [
        _Line(k, s, d, points) for k, s, d in zip(values.shape[2:], strides, dilations, strict=True)
    ]
    _check_grid(lines)
    grouped = values.reshape(groups, -1, *values.shape[1:]) / size
    theta, group = _largest(grouped, lines, not weight.is_complex())
    blocks = _blocks(grouped[group], lines, theta[None])[0]
    left, sizes, right = np.linalg.svd(blocks, full_matrices=False)
    factor = prod(line.factor for line in lines) * (1 + _ROUNDING)
    # d sigma = Re(u^H df v), and f is linear in the weight.
    pulled = _pulled(left[:, 0], right[0], grouped.shape[2:], lines, theta)
    slope = np.zeros(grouped.shape, np.complex128)
    slope[group] = factor * pulled
    slope = slope.reshape(values.shape)
    gradient = torch.from_numpy(slope if weight.is_complex() else slope.real.copy())
    return _Bound.apply(weight, gradient.to(weight.dtype), float(factor * sizes[0] * size))


class _Bound(torch.autograd.Function):  # type: ignore[misc]
    """A number and its gradient, both known."""

    @staticmethod
    def forward(ctx: Any, weight: torch.Tensor, gradient: torch.Tensor, value: float) -> Any:
        ctx.save_for_backward(gradient)
        real = weight.real.dtype if weight.is_complex() else weight.dtype
        found = torch.tensor(value, dtype=real)
        # Rounding to a narrower type must not go below.
        return found if found.item() >= value else torch.nextafter(found, found + found)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: torch.Tensor) -> Any:
        (gradient,) = ctx.saved_tensors
        return grad * gradient, None, None


class _Line:
    """One axis: place and phase of each tap in strides, and its grid.

    Parameters
    ----------
    k, stride, dilation : int
    points : int or None
    """

    def __init__(self, k: int, stride: int, dilation: int, points: int | None) -> None:
        apart = 1 if stride == 1 else dilation  # places apart are places: the symbol is of d theta
        places, phases = zip(*(divmod(tap * apart, stride) for tap in range(k)), strict=True)
        used = sorted(set(phases))
        self.phases, self.used = np.array([used.index(phase) for phase in phases]), len(used)
        degree = places[-1]
        chosen = points if points is not None else max(_POINTS_PER_DEGREE * degree, 1)
        self.points = validate.integer("points", chosen, minimum=1)
        if self.points <= 2 * degree:
            raise GeometryError(
                f"`points` must be more than twice the reach of the kernel, {degree}; got "
                f"{self.points}. Leave it out for {_POINTS_PER_DEGREE} per place."
            )
        if not degree:
            self.points = 1
        self.places = np.array(places)
        self.factor = 1 / sqrt(cos(pi * degree / self.points)) if degree else 1.0

    def waves(self, theta: NDArray[Any]) -> NDArray[Any]:
        """exp(i theta q) by tap and phase: (frequency, tap, phase)."""
        waves = np.exp(1j * theta[:, None] * self.places)
        return np.asarray(waves[..., None] * (self.phases[:, None] == np.arange(self.used)))


def _checked(weight: Any, groups: int) -> int:
    """The number of spatial axes of a weight that is one."""
    known = isinstance(weight, torch.Tensor) and weight.layout == torch.strided
    if not known or not (weight.is_floating_point() or weight.is_complex()) or weight.is_cuda:
        found = getattr(weight, "dtype", type(weight).__name__)
        raise DTypeError(
            f"`weight` must be a dense tensor of real or complex numbers on the CPU; got {found}. "
            "Convert it by weight.to(torch.float64)."
        )
    validate.integer("groups", groups, minimum=1)
    if weight.ndim < 3 or not weight.numel() or weight.shape[0] % groups:
        raise ShapeError(
            f"`weight` must have shape (C_out, C_in / groups, *kernel_size), C_out a multiple of "
            f"{groups}; got {tuple(weight.shape)}. Put axes of 1 in front of a bare kernel."
        )
    return weight.ndim - 2


def _per_axis(name: str, value: Any, axes: int) -> tuple[int, ...]:
    """One number for every axis."""
    values = tuple(value) if isinstance(value, (tuple, list)) else (value,) * axes
    if len(values) != axes:
        raise GeometryError(
            f"`{name}` must have {axes} entries, one per axis; got {len(values)}. Give one int for all."
        )
    return tuple(validate.integer(name, each, minimum=1) for each in values)


def _check_grid(lines: list[_Line]) -> None:
    """Refuse a grid that would take forever: its time and memory are those of its frequencies."""
    counts = [line.points for line in lines]
    if prod(counts) > _MOST_POINTS:
        raise GeometryError(
            f"`points` must make a grid of at most {_MOST_POINTS:,} frequencies; got "
            f"{' x '.join(map(str, counts))}. Pass fewer than {_POINTS_PER_DEGREE} per place."
        )


def _largest(
    grouped: NDArray[Any], lines: list[_Line], real: bool
) -> tuple[NDArray[np.float64], int]:
    """The frequency, and the group, of the largest norm on the grid; on half of it if real."""
    counts = [line.points for line in lines]
    if real:
        counts[0] = counts[0] // 2 + 1
    grid = [
        2 * pi * np.arange(count) / line.points for count, line in zip(counts, lines, strict=True)
    ]
    thetas = np.stack(np.meshgrid(*grid, indexing="ij"), axis=-1).reshape(-1, len(lines))
    entries = prod(grouped.shape[1:3]) * prod(line.used for line in lines)
    step = max(_ENTRIES // max(entries, prod(grouped.shape[1:])), 1)
    best, place = -1.0, (thetas[0], 0)
    for group, first in product(range(len(grouped)), range(0, len(thetas), step)):
        part = thetas[first : first + step]
        norms = block_norms(_blocks(grouped[group], lines, part))
        at = int(np.argmax(norms))
        if norms[at] > best:
            best, place = float(norms[at]), (part[at], group)
    return place


def _blocks(kernel: NDArray[Any], lines: list[_Line], theta: NDArray[Any]) -> NDArray[Any]:
    """The symbol of one group at frequencies: (frequency, given, taken and phases)."""
    values = np.broadcast_to(kernel, (len(theta), *kernel.shape))
    for number, line in enumerate(lines):
        waves = line.waves(theta[:, number])
        moved = np.moveaxis(values, 3, -1)
        shape = moved.shape
        flat = moved.reshape(len(theta), -1, shape[-1]) @ waves
        values = flat.reshape(*shape[:-1], line.used)
    return np.ascontiguousarray(values).reshape(len(theta), kernel.shape[0], -1)


def _pulled(
    left: NDArray[Any], right: NDArray[Any], shape: Any, lines: list[_Line], theta: NDArray[Any]
) -> NDArray[Any]:
    """The gradient of Re(u^H f v) with respect to the kernel, as PyTorch has it: (given, taken,
    *taps).
    """
    phases = tuple(line.used for line in lines)
    # right is v^H already: conj(u^H w v) wants u v^H and the waves conjugated.
    values = np.multiply.outer(left, right).reshape(len(left), shape[0], *phases)
    for number, line in enumerate(lines):
        waves = line.waves(theta[number : number + 1])[0].conj()
        values = np.moveaxis(values, 2, -1) @ waves.T
    return values
