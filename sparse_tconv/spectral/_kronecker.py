"""Separable kernels: the matrix is a Kronecker product of one small matrix per axis."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..assembly import fresh_matrix
from ..geometry import Axis, ConvGeometry
from ._factorization import Basis, Factorization
from ._problem import Problem
from ._rounding import rounding
from ._separable import factors
from ._spectrum import Spectrum
from ._svd import singular_triplets, singular_values


@dataclass(frozen=True, eq=False)
class Product:
    """C as the Kronecker product of a matrix of the channels and one matrix per axis, group by
    group.

    Parameters
    ----------
    problem : Problem
        What is factorized.
    channels : (groups, given, taken) array
        The factor of the channels.
    taps : list of (groups, k) array
        The factor of the taps of each axis.
    """

    problem: Problem
    channels: NDArray[Any]
    taps: list[NDArray[Any]]

    def matrices(self) -> list[NDArray[Any]]:
        """The factors as matrices, (groups, rows, columns) each."""
        axes = zip(self.problem.geometry.axes, self.taps, strict=True)
        return [self.channels, *(_axis_matrices(axis, taps) for axis, taps in axes)]

    def deviation(self) -> float:
        """Bound of the norm of C minus the product."""
        groups = range(len(self.channels))
        product = [
            reduce(np.multiply.outer, [self.channels[g], *(taps[g] for taps in self.taps)])
            for g in groups
        ]
        rest = self.problem.with_kernel(self.problem.kernel - np.array(product))
        return rest.weight_norm * self.problem.extension_norm


def _axis_matrices(axis: Axis, taps: NDArray[Any]) -> NDArray[Any]:
    """The one-axis matrices of the groups' taps."""
    geometry = ConvGeometry((axis,), 1, 1, 1, False, False)
    return np.array([fresh_matrix(geometry, row, False).toarray() for row in taps])


def product_of(problem: Problem) -> Product | None:
    """The factors of a kernel whose every group is separable to rounding; None if one is not."""
    groups = [_factors(group, problem.eps) for group in problem.kernel]
    found = [parts for parts in groups if parts is not None]
    if len(found) < len(groups):
        return None
    stacked = [np.array(list(part)) for part in zip(*found, strict=True)]
    given, taken = problem.channels
    return Product(problem, stacked[0].reshape(-1, given, taken), stacked[1:])


def _factors(kernel: NDArray[Any], eps: float) -> list[NDArray[Any]] | None:
    """Factors of one group's kernel, the channels' first; a kernel of zeros is the product of
    zeros.
    """
    flat = kernel.reshape(-1, *kernel.shape[2:])
    if not flat.any():
        return [np.zeros(size, dtype=flat.dtype) for size in flat.shape]
    if eps <= np.finfo(np.float64).eps:
        return factors(flat)
    narrow = np.complex64 if flat.dtype.kind == "c" else np.float32
    found = factors(flat.astype(narrow))
    return None if found is None else [part.astype(flat.dtype) for part in found]


class KroneckerBasis(Basis):
    """Kronecker products of the columns of small matrices.

    Parameters
    ----------
    shape : tuple of int
        Shape of one sample.
    columns : list of (groups, size, count) array
        The columns for the channels, and for each axis.
    """

    def __init__(self, shape: tuple[int, ...], columns: list[NDArray[Any]], is_real: bool) -> None:
        self.parts = columns
        self._sizes = tuple(matrix.shape[1] for matrix in columns)
        self._counts = tuple(matrix.shape[2] for matrix in columns)
        groups = len(columns[0])
        super().__init__(shape, groups * int(np.prod(self._counts)), is_real)

    def _analyse(self, samples: NDArray[Any]) -> NDArray[Any]:
        x = samples.reshape(len(samples), -1, *self._sizes)
        for number, matrix in enumerate(self.parts):
            x = _along(x, number + 2, matrix.conj())
        return x.reshape(len(samples), -1)

    def _synthesise(self, coefficients: NDArray[Any]) -> NDArray[Any]:
        x = coefficients.reshape(len(coefficients), -1, *self._counts)
        for number, matrix in enumerate(self.parts):
            x = _along(x, number + 2, matrix.swapaxes(1, 2))
        return x.reshape(len(coefficients), -1)


def _along(x: NDArray[Any], axis: int, matrices: NDArray[Any]) -> NDArray[Any]:
    """One axis of (batch, group, ...) multiplied from the right by each group's matrix."""
    moved = np.moveaxis(x, axis, -1)
    flat = moved.reshape(len(x), len(matrices), -1, moved.shape[-1])
    return np.moveaxis((flat @ matrices).reshape(*moved.shape[:-1], -1), -1, axis)


def _outer(values: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    """All products of one value of each factor, group by group, flat."""
    groups = range(len(values[0]))
    return np.concatenate(
        [reduce(np.multiply.outer, [part[g] for part in values]).reshape(-1) for g in groups]
    )


def kronecker_spectrum(product: Product) -> Spectrum:
    """All singular values of C."""
    matrices = product.matrices()
    values = _outer([singular_values(matrix) for matrix in matrices])
    count = min(product.problem.geometry.shape)
    return Spectrum.of(values, count, "kronecker", kronecker_error(product, values))


def kronecker_factorization(product: Product) -> Factorization:
    """The factorization of C."""
    triplets = [singular_triplets(matrix) for matrix in product.matrices()]
    values = _outer([s for _, s, _ in triplets])
    geometry, real = product.problem.geometry, product.problem.is_real
    left = KroneckerBasis(geometry.y_shape, [u for u, _, _ in triplets], real)
    right = KroneckerBasis(geometry.x_shape, [v for _, _, v in triplets], real)
    return Factorization(values, left, right, "kronecker", kronecker_error(product, values))


def complete_kronecker_basis(
    product: Product, taken: bool
) -> tuple[NDArray[np.float64], KroneckerBasis]:
    """A basis of all samples that C takes, or gives, and the singular value of each column."""
    sides, values = [], []
    for matrix in product.matrices():
        u, s, v = singular_triplets(matrix, complete=True)
        side = v if taken else u
        filled = np.zeros((len(side), side.shape[2]))
        filled[:, : s.shape[1]] = s
        sides.append(side)
        values.append(filled)
    geometry = product.problem.geometry
    shape = geometry.x_shape if taken else geometry.y_shape
    return _outer(values), KroneckerBasis(shape, sides, product.problem.is_real)


def kronecker_error(product: Product, values: NDArray[np.float64]) -> float:
    """Bound of the norm of what the product leaves out, rounding included: each factor adds its
    own.
    """
    return (len(product.taps) + 1) * rounding(product.problem, values) + product.deviation()
