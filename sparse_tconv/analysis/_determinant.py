"""The determinant, as a sign and a logarithm."""

from __future__ import annotations

from math import inf, log, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.linalg import splu

from ..errors import GeometryError
from ..operators import Conv, ConvOperator, Operator
from ..solution import Result
from ..spectral import applicable, problem, scaled, spectrum, square_blocks, square_factors
from ._common_size import common, matrix_error
from ._diagonal import diagonal, square
from ._integers import integers
from ._row_sums import EPS, finite, wide_matrix
from ._triangular import integer_sign, is_triangular
from ._triplets import rounding

_STRUCTURED_WORK = 5e10  # multiplications in decompositions: under a minute
_DENSE_SIDE = 2048
_REPEATED_SIDE = 512  # of a matrix that is decomposed where its structure did not decide


def slogdet(op: Operator) -> Result:
    """The determinant of a square operator, as :func:`numpy.linalg.slogdet` gives it.

    Parameters
    ----------
    op : Conv, ConvTranspose or expression
        The operator, with as many rows as columns.

    Returns
    -------
    Result
        ``value`` is ``(sign, logabsdet)``: 1, -1, or a complex number of size 1, and the logarithm
        of the determinant's size; ``(0, -inf)`` if the matrix is singular. ``error`` bounds the error
        of the logarithm; where it is finite the sign is right, and ``complete`` is 'proved'. It is
        infinite where the smallest singular value is below the rounding, or is not known.

    Raises
    ------
    ShapeError
        The matrix is not square.
    GeometryError, MatrixTooLargeError, DTypeError
        An entry is not finite; the factors would not fit; `op` is no operator of this library.

    Notes
    -----
    A triangular matrix has the product of its diagonal, a layer of one tap the power of the
    determinant of its channels. Blocks of a transform, and Kronecker
    factors, give sign and singular values; with those the error is ``sum -log(1 - e / s_i)``, e
    bounding the error of the values. A matrix of small integers that is singular to rounding is
    eliminated once more without rounding [1]_. Without a structure the matrix is decomposed, beyond
    2,048 rows by sparse factors, whose error is not bounded.

    References
    ----------
    .. [1] E. H. Bareiss, "Sylvester's identity and multistep integer-preserving Gaussian
       elimination", Math. Comp. 22 (1968).

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.analysis import slogdet
    >>> second = Conv([1.0, -2.0, 1.0], (9,), padding=1, channels=False)  # determinant -(9 + 1)
    >>> sign, logarithm = slogdet(second)
    >>> sign, round(float(np.exp(logarithm)), 9)
    (-1.0, 10.0)
    >>> circular = Conv([1.0, -2.0, 1.0], (9,), padding=1, padding_mode="circular", channels=False)
    >>> slogdet(circular).value
    (0.0, -inf)
    >>> slogdet(Conv([1.0, 2.0], (4,), channels=False))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `op` must have as many rows as columns; got 3 x 4. Ask for
        gram_diagonal, or for the diagonal of op.H @ op.
    """
    op = square(op)
    if isinstance(op, ConvOperator):
        small, exponent = scaled(op)
        found = _of_convolution(small)
    elif (exact := integers(op)) is not None:
        small, exponent = op, 0  # eliminated as they are
        found = _of_matrix(op, exact)
    else:
        small, exponent = common(op)
        off = matrix_error(small, op.dtype, exponent)
        found = _of_matrix(small, wide_matrix(small), off)
    if found.complete != "proved" and op.shape[0] <= _REPEATED_SIDE and _is_single(op):
        # The structure of its kernel is one to single precision only; that of the matrix is its own.
        found = max(
            found, _of_matrix(small, wide_matrix(small)), key=lambda one: one.complete == "proved"
        )
    sign, logarithm = found.value
    shift = op.shape[0] * exponent * log(2) if logarithm > -inf else 0.0
    error = found.error + 2 * EPS * abs(shift)
    return Result((sign, logarithm + shift), found.method, error, found.complete)


def _is_single(op: Any) -> bool:
    """Whether this is a convolution in single precision."""
    return (
        isinstance(op, ConvOperator)
        and op.dtype.kind in "fc"
        and float(np.finfo(op.dtype).eps) > EPS
    )


def _of_convolution(op: ConvOperator) -> Result:
    if is_triangular(op):
        return _of_diagonal(diagonal(op))
    if _is_pixelwise(op):
        return _of_pixels(op)
    method = None
    if op.geometry.x_shape == op.geometry.y_shape:
        method = applicable(op, lambda method, work: work <= _within(op, method))
    found = _of_factors(op) if method == "kronecker" else _of_blocks(op) if method else None
    return found or _of_matrix(op, wide_matrix(op))


def _is_pixelwise(op: ConvOperator) -> bool:
    """Whether the same matrix of channels stands at each of several pixels, and nothing else."""
    g = op.geometry
    alone = all(axis.k == 1 and axis.stride == 1 and not axis.before for axis in g.axes)
    return alone and g.x_shape == g.y_shape and prod(axis.n_in for axis in g.axes) > 1


def _of_pixels(op: ConvOperator) -> Result:
    """A power of the determinant of the matrix of channels."""
    base, swapped = problem(op)
    g = op.geometry
    kernel = base.kernel.reshape(g.y_channels, *base.kernel.shape[2:])
    one = _of_convolution(Conv(kernel, (g.x_channels, *(1 for _ in g.axes)), groups=g.groups))
    count = prod(axis.n_in for axis in g.axes)
    sign, logarithm = one.value
    sign = (np.conj(sign) if swapped else sign) ** count
    error = count * one.error + 4 * EPS * count * abs(logarithm) if one.error else one.error
    return Result((_phase(sign), count * logarithm), "kronecker", error, one.complete)


def _within(op: ConvOperator, method: str) -> float:
    if method in ("mixed", "dense"):
        return float(_DENSE_SIDE) ** 3
    return _STRUCTURED_WORK


def _of_factors(op: ConvOperator) -> Result | None:
    """From Kronecker factors, if they are square."""
    found = square_factors(op)
    if found is None:
        return None
    sides = [matrix.shape[-1] for matrix in found[0]]
    signs = [np.linalg.slogdet(matrix)[0] for matrix in found[0]]
    powers = [prod(sides) // side for side in sides]
    together = (sign**power for sign, power in zip(signs, powers, strict=True))
    sign = prod(together, start=np.ones(len(signs[0]))).prod()
    values = spectrum(op, "kronecker")
    return _weighed(op, sign, values.values, values.error, "kronecker")


def _of_blocks(op: ConvOperator) -> Result | None:
    """From the blocks of a transform, built once for signs and values."""
    blocks = square_blocks(op, inf)
    if blocks is None:
        return None
    # Of a block and its conjugate the product is positive.
    signs = (np.linalg.slogdet(part)[0].prod() for part, doubled in blocks.parts if not doubled)
    return _weighed(op, prod(signs, start=1.0), blocks.singular_values, blocks.error, blocks.method)


def _weighed(op: Any, sign: Any, values: NDArray[np.float64], error: float, method: str) -> Result:
    """A sign and the logarithm from singular values, with what the error of these makes of it."""
    least = float(values[-1])
    if least <= 2 * error:
        exact = integer_sign(op)
        if exact == 0:
            return Result((0.0, -inf), method, 0.0, "proved")
        sign = float(exact) if exact else sign
        logarithm = float(np.log(values).sum()) if least > 0 else -inf
        return Result((_phase(sign) if least > 0 else 0.0, logarithm), method, inf, "unknown")
    logarithms = np.log(values)
    bound = -float(np.log1p(-error / values).sum())
    bound += 4 * EPS * float(abs(logarithms).sum()) + 4 * EPS * values.size
    return Result((_phase(sign), float(logarithms.sum())), method, bound, "proved")


def _phase(sign: Any) -> Any:
    """A number of size 1, real where it is."""
    number = complex(sign)
    if np.iscomplexobj(sign):
        return number / abs(number) if number else number
    return float(number.real)


def _of_diagonal(found: Result) -> Result:
    """The determinant of a triangular matrix."""
    values = found.value
    values = values.astype(np.complex128 if values.dtype.kind == "c" else np.float64)
    sizes = abs(values)
    if not sizes.all():
        return Result((values[0] * 0 + 0.0, -inf), "triangular", 0.0, "proved")
    signs = values / sizes
    if sizes.min() <= 2 * found.error:
        value = (_phase(signs.prod()), float(np.log(sizes).sum()))
        return Result(value, "triangular", inf, "unknown")
    error = -float(np.log1p(-found.error / sizes).sum())
    logarithms = np.log(sizes)
    error += 4 * EPS * (len(sizes) + float(abs(logarithms).sum()))
    return Result((_phase(signs.prod()), float(logarithms.sum())), "triangular", error, "proved")


def _of_matrix(op: Any, matrix: csr_array, off: float = 0.0) -> Result:
    """Of the whole matrix, which is off by so much: decomposed while it is small, factorized
    beyond.
    """
    numbers = finite(op, matrix).astype(np.result_type(matrix.dtype, np.float64))
    if op.shape[0] <= _DENSE_SIDE:
        entries = numbers.toarray()
        values = np.linalg.svd(entries, compute_uv=False)
        error = rounding(max(op.shape), float(values[0])) + off
        whole = op if isinstance(op, ConvOperator) else matrix
        return _weighed(whole, np.linalg.slogdet(entries)[0], values, error, "dense")
    try:
        factors = splu(numbers.tocsc())
    except RuntimeError:
        return Result((0.0, -inf), "lu", inf, "unknown")
    except MemoryError as failure:
        raise GeometryError(
            f"`op` must have a structure, or factors that fit; got {op.shape[0]:,} rows. Take a "
            "circular or a half-sample border, or a separable kernel."
        ) from failure
    pivots = factors.U.diagonal()
    order = _parity(factors.perm_r) * _parity(factors.perm_c)
    sign = order * (pivots / abs(pivots)).prod()
    return Result((_phase(sign), float(np.log(abs(pivots)).sum())), "lu", inf, "unknown")


def _parity(permutation: NDArray[Any]) -> int:
    """The sign of a permutation: -1 for each cycle of even length."""
    seen = np.zeros(len(permutation), dtype=bool)
    sign = 1
    for start in range(len(permutation)):
        length, place = 0, start
        while not seen[place]:
            seen[place] = True
            place = int(permutation[place])
            length += 1
        if length and length % 2 == 0:
            sign = -sign
    return sign
