"""Block-diagonal matrices: one small singular value decomposition per frequency."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._circle import mirror_difference
from ._factorization import Basis, Factorization
from ._plan import Plan
from ._problem import Problem
from ._rounding import rounding
from ._spectrum import Spectrum
from ._svd import singular_triplets, singular_values
from ._transform import SampleTransform, kernel_blocks


@dataclass(frozen=True, eq=False)
class Part:
    """Some frequencies, whose blocks are alike in being real or not.

    A doubled part has one frequency of every pair of opposite ones: each of its complex columns
    stands for two real ones, sqrt(2) times the real and the imaginary part.
    """

    index: slice | NDArray[np.intp]
    doubled: bool
    real: bool

    def of(self, array: NDArray[Any]) -> NDArray[Any]:
        """The part of an array (group or batch and group, frequency, ...) of blocks."""
        chosen = array[:, self.index]
        return np.ascontiguousarray(chosen.real) if self.real else chosen


def parts(plan: Plan) -> list[Part]:
    """The parts of a plan."""
    if not plan.halved:
        return [Part(slice(None), False, plan.problem.is_real)]
    alone, paired = plan.conjugate_pairs
    return [Part(alone, False, True), Part(paired, True, False)]


class BlockBasis(Basis):
    """Orthonormal columns in the space of frequencies.

    Parameters
    ----------
    transform : SampleTransform
        Samples to blocks.
    columns : list of (Part, array)
        The columns of each block, (group, frequency, cosine frequency, entry, column).
    """

    def __init__(
        self, transform: SampleTransform, columns: list[tuple[Part, NDArray[Any]]]
    ) -> None:
        self.transform = transform
        self.parts = columns
        self._sizes = [(1 + part.doubled) * _count(matrix) for part, matrix in columns]
        super().__init__(transform.shape, sum(self._sizes), transform.plan.problem.is_real)

    def _analyse(self, samples: NDArray[Any]) -> NDArray[Any]:
        blocks = self.transform.forward(samples)
        found: list[NDArray[Any]] = []
        for part, matrix in self.parts:
            chosen = blocks[:, :, part.index]
            chosen = chosen.real if part.real else chosen
            product = (chosen[..., None, :] @ matrix.conj())[..., 0, :].reshape(len(samples), -1)
            found += _two_reals(product) if part.doubled else [product]
        return np.concatenate(found, axis=1)

    def _synthesise(self, coefficients: NDArray[Any]) -> NDArray[Any]:
        plan = self.transform.plan
        real = self.is_real and not plan.halved
        entries = self.parts[0][1].shape[3]
        groups = plan.problem.kernel.shape[0]
        shape = (len(coefficients), groups, plan.frequencies, plan.cosines, entries)
        blocks = np.zeros(shape, dtype=np.float64 if real else np.complex128)
        pieces = np.split(coefficients, np.cumsum(self._sizes)[:-1], axis=1)
        for (part, matrix), piece in zip(self.parts, pieces, strict=True):
            values = _one_complex(piece) if part.doubled else piece
            values = values.reshape(len(coefficients), *matrix.shape[:3], matrix.shape[4])
            product = (matrix @ values[..., None])[..., 0]
            blocks[:, :, part.index] = product
            if part.doubled:
                self._mirror(blocks, product)
        return self.transform.backward(blocks)

    def _mirror(self, blocks: NDArray[Any], product: NDArray[Any]) -> None:
        """Write the conjugates to the opposite frequencies that are stored too."""
        sizes = self.transform.plan.fourier_sizes
        stored = (*sizes[:-1], sizes[-1] // 2 + 1)
        here = np.array(np.unravel_index(self.transform.plan.conjugate_pairs[1], stored))
        there = -here % np.array(sizes)[:, None]
        kept = there[-1] < stored[-1]
        index = np.ravel_multi_index(tuple(there[:, kept]), stored)
        blocks[:, :, index] = product[:, :, kept].conj()


def _count(columns: NDArray[Any]) -> int:
    """Number of columns of all blocks together."""
    return int(np.prod(columns.shape[:3])) * columns.shape[4]


def _two_reals(values: NDArray[Any]) -> list[NDArray[Any]]:
    return [np.sqrt(2) * values.real, np.sqrt(2) * values.imag]


def _one_complex(values: NDArray[Any]) -> NDArray[Any]:
    half = values.shape[1] // 2
    return (values[:, :half] + 1j * values[:, half:]) / np.sqrt(2)


def block_spectrum(plan: Plan, method: str) -> Spectrum:
    """All singular values of C."""
    blocks = kernel_blocks(plan)
    found = []
    for part in parts(plan):
        values = singular_values(part.of(blocks)).reshape(-1)
        found += [values] * (1 + part.doubled)
    shape = plan.problem.geometry.shape
    values = np.concatenate(found)
    return Spectrum.of(values, min(shape), method, block_error(plan, values))


def block_factorization(plan: Plan, method: str) -> Factorization:
    """The factorization of C."""
    blocks = kernel_blocks(plan)
    triplets = [(part, *singular_triplets(part.of(blocks))) for part in parts(plan)]
    values = np.concatenate(
        [s.reshape(-1) for part, _, s, _ in triplets for _ in range(1 + part.doubled)]
    )
    left = BlockBasis(SampleTransform(plan, False), [(part, u) for part, u, _, _ in triplets])
    right = BlockBasis(SampleTransform(plan, True), [(part, v) for part, _, _, v in triplets])
    return Factorization(values, left, right, method, block_error(plan, values))


def complete_block_basis(plan: Plan, taken: bool) -> tuple[NDArray[np.float64], BlockBasis]:
    """A basis of all samples that C takes, or gives, and the singular value of each column."""
    blocks = kernel_blocks(plan)
    columns, values = [], []
    for part in parts(plan):
        u, s, v = singular_triplets(part.of(blocks), complete=True)
        side = v if taken else u
        filled = np.zeros((*s.shape[:3], side.shape[4]))
        filled[..., : s.shape[3]] = s
        columns.append((part, side))
        values += [filled.reshape(-1)] * (1 + part.doubled)
    return np.concatenate(values), BlockBasis(SampleTransform(plan, taken), columns)


def block_error(plan: Plan, values: NDArray[np.float64]) -> float:
    """Bound of the norm of what the blocks leave out: rounding, and kernels that are their own
    mirror image only to rounding.
    """
    problem: Problem = plan.problem
    asymmetry = sum(
        problem.with_kernel(mirror_difference(problem.kernel, number)).weight_norm / 2
        for number in plan.waves
    )
    return rounding(problem, values) + asymmetry * problem.extension_norm
