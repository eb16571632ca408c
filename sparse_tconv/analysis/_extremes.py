"""A few singular values of operators without structure: the largest by products, the smallest by
solves.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from ..errors import GeometryError
from ..operators import ConvOperator
from ..spectral import factorize, problem
from ._border import norm_scale, sums_bound
from ._count import Inertia
from ._factor_size import guard_factors, worth_factors
from ._inverse import DENSE_SIDE, Inverse, damped_inverse, inverse
from ._krylov import Map, Search
from ._proof import Prover
from ._symbol import symbol_bound
from ._triplets import Triplets, proved_triplets, rounding

LARGEST = ("lanczos", "shift-invert")
SMALLEST = ("lu", "qr", "augmented", "gram")

_GRAM_SIDE = 1024  # of a Gram matrix worth trying first
_QR_WORK = 1e11
_DENSITY = 0.05  # share of entries beyond which sparse factors are full
_BAND = 64  # entries per row of what is worth a sparse factorization
_LOST = 1e-9  # error, over the norm, beyond which a dense decomposition is tried
_DENSE_WORK = 5e10  # multiplications of a decomposition that takes seconds
_SMALL_WORK = 2e8  # and of one that takes a tenth of a second
_PROOF_WORK = 1e11  # and of one that is worth a proof
_DAMP = 1e-5  # over the norm: keeps the inverse of zeros small, and values above it apart
_DIGITS = 16  # units of rounding up to which vectors are found well
_CLEARINGS = 2
_SHIFTS = 4  # for the largest values
_NEAR = 1e-7  # over the norm: how near a shift is worth coming
_SEARCHES = 6  # for values that the first search missed
_MOST_MISSING = 16


@dataclass(frozen=True, eq=False)
class Finder:
    """Where right vectors are looked for, and what makes left vectors of them."""

    search: Search
    left: Callable[[NDArray[Any]], NDArray[Any]]
    method: str


def iteration(op: ConvOperator, which: str) -> str:
    """The iteration that answers best."""
    if which == "largest":
        # A band has factors as thin as itself, and its largest values crowd.
        band = len(op.geometry.axes) == 1 and op.geometry.nnz <= _BAND * max(op.shape)
        return "shift-invert" if band else "lanczos"
    rows, columns = max(op.shape), min(op.shape)
    if rows == columns:
        return "lu"
    if columns <= _GRAM_SIDE:
        return "gram"
    full = op.geometry.nnz > _DENSITY * rows * columns and rows * columns**2 <= _QR_WORK
    return "qr" if full else "augmented"


def extreme_triplets(
    op: ConvOperator, k: int, which: str, method: str, prove: bool = False
) -> Triplets:
    """k extreme singular values with their vectors, by one of LARGEST or SMALLEST; decomposed as a
    whole, if it can be, where that alone proves them.
    """
    wide = np.complex128 if op.dtype.kind == "c" else np.float64
    double = op.with_weight(op.weight.astype(wide))
    tall = double if op.shape[0] >= op.shape[1] else double.H
    largest = which == "largest"
    scale = norm_scale(problem(op)[0])
    if scale == 0:
        found = _zeros(tall, k, method)
    else:
        found = _found(tall, k, largest, method, scale)
        enough = _DIGITS * rounding(max(tall.shape), scale)
        lost = (found.error > _LOST * scale and _work(tall) <= _DENSE_WORK) or (
            found.error > enough and _work(tall) <= _SMALL_WORK
        )
        unproved = prove and found.complete != "proved" and _work(tall) <= _PROOF_WORK
        if lost or unproved:
            found = _dense(tall, k, largest)
    return found if tall is double else found.adjoint


def _zeros(tall: ConvOperator, k: int, method: str) -> Triplets:
    left, right = (np.eye(side, k, dtype=tall.dtype) for side in tall.shape)
    return Triplets(left, np.zeros(k), right, method, 0.0, np.zeros(k), "proved")


def _found(tall: ConvOperator, k: int, largest: bool, method: str, scale: float) -> Triplets:
    """By iteration; with the Gram matrix only while it costs no digits."""
    if largest:
        finder = _shifted(tall) if method == "shift-invert" else None
        return _searched(tall, finder or _products(tall), k, largest, scale)
    if method == "gram":
        finder = _gram(tall)
        if finder is not None:
            found = _searched(tall, finder, k, largest, scale)
            if found.error <= _DIGITS * rounding(max(tall.shape), scale):
                return found
        method = "qr"
    guard_factors(tall, method)
    solver = inverse(tall.matrix, scale, method)
    finder = _solves(tall, solver)
    found = _searched(tall, finder, k, largest, scale)
    if found.error <= _LOST * scale or _work(tall) <= _DENSE_WORK:
        return found
    # The inverse of zeros leaves rounding in which values beside them drown.
    guard_factors(tall, "augmented")
    finder = _solves(tall, solver, damped_inverse(tall.matrix, _DAMP * scale))
    damped = _searched(tall, finder, k, largest, scale)
    return damped if damped.error < found.error else found


def _searched(tall: ConvOperator, finder: Finder, k: int, largest: bool, scale: float) -> Triplets:
    """What a search finds, and more searches beside it until nothing is missing."""
    n = tall.shape[1]
    inertia = Inertia(tall) if worth_factors(tall, finder.method) else None
    prover = Prover(inertia, n, largest, scale, rounding(max(tall.shape), scale))
    right = _cleared(tall, finder, k, largest, scale)
    last = None
    for number in range(_SEARCHES):
        found = _outermost_first(tall, finder, right, largest, scale)
        verdict = prover.verdict(found.values, k, found.error, number > 1)
        if verdict.proved:
            return replace(found.taken(slice(k)), error=verdict.error, complete="proved")
        if last is not None and not verdict.missing and _same(found, last, k):
            return replace(found.taken(slice(k)), complete="probable")
        last = found
        more = finder.search.beside(found.right, min(max(verdict.missing, 1), _MOST_MISSING))
        right = np.hstack([found.right, more])
    return found.taken(slice(k))


def _cleared(
    tall: ConvOperator, finder: Finder, k: int, largest: bool, scale: float
) -> NDArray[Any]:
    """k right vectors or more. Beside very large eigenvalues of a map others drown in its rounding:
    they are looked for again in the complement of those that were found well.
    """
    right = finder.search.top(k)
    enough = _DIGITS * rounding(max(tall.shape), scale)
    for _ in range(_CLEARINGS):
        found = _outermost_first(tall, finder, right, largest, scale)
        good = found.residuals <= enough
        if good.all() or not good.any():
            break
        kept = found.right[:, good]
        right = np.hstack([kept, finder.search.beside(kept, k - int(good[:k].sum()))])
    return right


def _outermost_first(
    tall: ConvOperator, finder: Finder, right: NDArray[Any], largest: bool, scale: float
) -> Triplets:
    """The triplets of some right vectors."""
    left = finder.left(right)
    left = left / np.maximum(np.linalg.norm(left, axis=0), np.finfo(np.float64).tiny)
    found = proved_triplets(tall, left, right, finder.method, scale)
    return found if largest else found.taken(slice(None, None, -1))


def _same(found: Triplets, last: Triplets, k: int) -> bool:
    """Whether a search changed nothing of the first k."""
    moved = abs(found.values[:k] - last.values[:k]).max()
    return bool(moved <= 2 * (found.error + last.error))


def _products(tall: ConvOperator) -> Finder:
    """Largest values from products with the operator alone."""
    adjoint = tall.H

    def product(x: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(adjoint @ (tall @ x))

    search = Search(product, tall.shape[1], tall.dtype, tol=1e-13, maxiter=100, sweeps=20)
    return Finder(search, lambda right: np.asarray(tall.matmat(right)), "lanczos")


def _shifted(tall: ConvOperator) -> Finder | None:
    """Largest values from (shift^2 - C^H C)^{-1}, the shift next to the norm; None if there is no
    factorization.
    """
    base, _ = problem(tall)
    upper = min(symbol_bound(base), sums_bound(base)) * (1 + 1e-9)
    if upper <= rounding(max(tall.shape), norm_scale(base)):
        return None  # taps that cancel at the border
    inertia = Inertia(tall)
    finder = _beyond(tall, inertia, upper)
    for _ in range(_SHIFTS):
        if finder is None:
            break
        lower = float(np.linalg.norm(tall.matmat(finder.search.top(1))))
        nearer = _upper(inertia, lower, upper)
        if nearer == upper:
            break
        upper = nearer
        finder = _beyond(tall, inertia, upper) or finder
    return finder


def _upper(inertia: Inertia, lower: float, upper: float) -> float:
    """An upper bound of the norm that is nearer to a lower one, while no value is counted beyond."""
    near = _NEAR * upper  # of the first one: the norm may be zero
    while upper - lower > near:
        shift = lower + (upper - lower) / 8
        counted = inertia.above(shift)
        if counted is None or counted[0] > 0 or shift + counted[1] >= upper:
            break
        upper = shift + counted[1]
    return upper


def _beyond(tall: ConvOperator, inertia: Inertia, shift: float) -> Finder | None:
    """Largest values from the inverse at a shift beyond them all, by [[0, C], [C^H, 0]]."""
    solve = inertia.shifted_solve(shift)
    if solve is None:
        return None
    rows, columns = tall.shape

    def product(x: NDArray[Any]) -> NDArray[Any]:
        padded = np.zeros((rows + columns, *x.shape[1:]), dtype=tall.dtype)
        padded[rows:] = x
        return -solve(padded)[rows:]

    search = Search(product, columns, tall.dtype, tol=1e-13, maxiter=100, sweeps=20)
    return Finder(search, lambda right: np.asarray(tall.matmat(right)), "shift-invert")


def _solves(tall: ConvOperator, solver: Inverse, damped: Map | None = None) -> Finder:
    """Smallest values from the inverse of C^H C, or a damped one; its squares are not formed."""
    search = Search(damped or solver.solve, tall.shape[1], tall.dtype, tol=1e-13, maxiter=300)
    return Finder(search, solver.left, solver.method)


def _gram(tall: ConvOperator) -> Finder | None:
    """Smallest values from a Cholesky factor of C^H C: cheap for a tall C, and half of the digits
    lost; None where none is left.
    """
    n = tall.shape[1]
    if n > DENSE_SIDE:
        raise GeometryError(
            f"`method` must fit the operator; got 'gram', but its smaller side is {n:,} and not "
            f"at most {DENSE_SIDE:,}. Pass method='augmented'."
        )
    matrix = tall.matrix
    try:
        factor = cho_factor((matrix.conj().T @ matrix).toarray())
    except LinAlgError:
        return None
    search = Search(lambda b: cho_solve(factor, b), n, tall.dtype, tol=1e-13, maxiter=300)
    return Finder(search, lambda right: np.asarray(tall.matmat(right)), "gram")


def _work(tall: ConvOperator) -> float:
    """Multiplications of the whole decomposition, group by group."""
    return float(tall.shape[0]) * tall.shape[1] ** 2 / tall.geometry.groups**2


def _dense(tall: ConvOperator, k: int, largest: bool) -> Triplets:
    """The whole decomposition."""
    found = factorize(tall, "dense")
    order = (found.order if largest else found.order[::-1])[:k]
    left, right = found.left.columns(order), found.right.columns(order)
    residuals = np.full(k, found.error)
    return Triplets(left, found.values[order], right, "dense", found.error, residuals, "proved")
