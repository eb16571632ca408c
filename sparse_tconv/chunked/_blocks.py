"""The matrix as delayed row blocks, each assembled where it is used."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from .._parameters import documented
from ..assembly import check_folded_sums, row_block
from ..errors import GeometryError, ShapeError
from ..geometry import ConvGeometry
from ._arrays import dask_array

_BLOCK_BYTES = 1 << 27
_MOST_BLOCKS = 1_000_000  # tasks


@dataclass(frozen=True)
class MatrixBlocks:
    """The rows of C in blocks; made by :func:`matrix_blocks`.

    Attributes
    ----------
    shape : tuple of int
        Rows and columns of C.
    dtype : numpy.dtype
        Of the values.
    starts : tuple of int
        First row of each block, and at last the number of rows.
    blocks : tuple of dask.delayed.Delayed
        Each computes to a ``scipy.sparse.csr_array`` of its rows and all columns.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv import chunked
    >>> blocks = chunked.matrix_blocks([1.0, 2.0], (4,), channels=False)
    >>> blocks.shape, blocks.starts
    ((3, 4), (0, 3))
    >>> blocks.blocks[0].compute().toarray()
    array([[1., 2., 0., 0.],
           [0., 1., 2., 0.],
           [0., 0., 1., 2.]])
    >>> blocks.matvec(np.ones(4)).compute()
    array([3., 3., 3.])
    """

    shape: tuple[int, int]
    dtype: np.dtype[Any]
    starts: tuple[int, ...]
    blocks: tuple[Any, ...] = field(repr=False)

    def matvec(self, x: Any) -> Any:
        """C x, lazily.

        Parameters
        ----------
        x : array or dask.array.Array, (columns,)
            One vector; every block reads it whole.

        Returns
        -------
        dask.array.Array, (rows,)
            One chunk per block.

        Raises
        ------
        ShapeError
            `x` has another shape.
        """
        vector = self._vector("x", x, self.shape[1])
        da = dask_array()
        dtype = np.result_type(self.dtype, vector.dtype)
        whole = vector.rechunk(-1).to_delayed()[0]
        parts = [
            da.from_delayed(_times(block, whole), shape=(stop - start,), dtype=dtype)
            for block, start, stop in zip(self.blocks, self.starts, self.starts[1:], strict=False)
        ]
        return da.concatenate(parts)

    def rmatvec(self, y: Any) -> Any:
        """C^H y, lazily.

        Parameters
        ----------
        y : array or dask.array.Array, (rows,)
            One vector; a block reads its own rows only.

        Returns
        -------
        dask.array.Array, (columns,)

        Raises
        ------
        ShapeError
            `y` has another shape.
        """
        vector = self._vector("y", y, self.shape[0])
        da = dask_array()
        dtype = np.result_type(self.dtype, vector.dtype)
        parts = []
        for block, start, stop in zip(self.blocks, self.starts, self.starts[1:], strict=False):
            piece = vector[start:stop].rechunk(-1).to_delayed()[0]
            product = _adjoint_times(block, piece)
            parts.append(da.from_delayed(product, shape=(self.shape[1],), dtype=dtype))
        return da.stack(parts).sum(axis=0, dtype=dtype)

    def _vector(self, name: str, value: Any, n: int) -> Any:
        da = dask_array()
        vector = value if isinstance(value, da.Array) else da.from_array(np.asarray(value))
        validate.numeric_dtype(name, vector.dtype)
        if vector.shape != (n,):
            raise ShapeError(
                f"`{name}` must have shape ({n},); got {vector.shape}. Flatten it first."
            )
        return vector


@documented
def matrix_blocks(
    weight: ArrayLike,
    in_shape: Any,
    *,
    rows_per_block: int | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
    padding_mode: Any = "zeros",
    flip: bool = False,
    channels: bool = True,
) -> MatrixBlocks:
    """The matrix C of a convolution as delayed blocks of rows.

    Parameters
    ----------
    {conv_weight}
    rows_per_block : int, optional
        Rows in each block but the last, at least 1; as many as fit into 128 MiB, if not given.
    {conv_geometry}

    Returns
    -------
    MatrixBlocks
        With ``blocks``, ``matvec`` and ``rmatvec``. A task carries the kernel and its row numbers;
        its block is assembled where it is used and nowhere else.

    Raises
    ------
    {geometry_errors}
    MissingExtraError
        Dask is not installed.

    See Also
    --------
    sparse_tconv.conv_matrix : the whole matrix.

    Examples
    --------
    >>> from sparse_tconv import chunked
    >>> chunked.matrix_blocks([1, 2], (5,), rows_per_block=0, channels=False)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `rows_per_block` must be an int, at least 1; got 0. Use 1 or
        more.
    """
    kernel = validate.kernel_array("weight", weight)
    geometry = ConvGeometry.from_conv(
        kernel.shape,
        in_shape,
        stride=stride,
        padding=padding,
        dilation=dilation,
        groups=groups,
        padding_mode=padding_mode,
        flip=flip,
        channels=channels,
    )
    check_folded_sums(geometry, kernel)
    if rows_per_block is None:
        row_bytes = geometry.nbytes(kernel.dtype) / geometry.shape[0]
        rows_per_block = max(1, int(_BLOCK_BYTES / row_bytes))
    step = validate.integer("rows_per_block", rows_per_block, minimum=1)
    if geometry.shape[0] > _MOST_BLOCKS * step:
        least = -(-geometry.shape[0] // _MOST_BLOCKS)
        raise GeometryError(
            f"`rows_per_block` must make at most {_MOST_BLOCKS:,} blocks; got {step} for {geometry.shape[0]:,} rows. "
            f"Use {least} or more."
        )
    dask_array()
    from dask import delayed

    shared = delayed(kernel, pure=True)
    rows = geometry.shape[0]
    starts = (*range(0, rows, step), rows)
    build = delayed(row_block, pure=True)
    blocks = tuple(build(geometry, shared, start, stop) for start, stop in pairwise(starts))
    return MatrixBlocks(geometry.shape, kernel.dtype, starts, blocks)


def _times(block: Any, x: Any) -> Any:
    from dask import delayed

    return delayed(_product)(block, x)


def _adjoint_times(block: Any, y: Any) -> Any:
    from dask import delayed

    return delayed(_adjoint_product)(block, y)


def _product(block: Any, x: NDArray[Any]) -> NDArray[Any]:
    return np.asarray(block @ x)


def _adjoint_product(block: Any, y: NDArray[Any]) -> NDArray[Any]:
    """Conjugate the vectors: conjugating the block would copy it."""
    return np.asarray((block.T @ y.conj()).conj())
