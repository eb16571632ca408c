"""Arrays in ``.npy`` files as Dask arrays: every task maps the file and touches its own chunk."""

from __future__ import annotations

import os
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from .. import _validate as validate
from .._files import is_special, read_npy_header, replaced, reserve
from ..errors import GeometryError
from ._arrays import bounds, checked, dask_array


class _Npy:
    """A ``.npy`` file as something that Dask slices: a path, so that a pickle ships no data.

    Not a :class:`numpy.memmap`, because ``dask.array.from_array`` copies everything that can be
    copied, and a pickled memory map is its content.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._header = path, read_npy_header("path", path)
        self.shape = self._header.shape
        self.dtype = self._header.dtype
        self.ndim = len(self.shape)

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return np.array(self._mapped("r")[index])

    def __setitem__(self, index: Any, value: NDArray[Any]) -> None:
        self._mapped("r+")[index] = value

    def _mapped(self, mode: Any) -> NDArray[Any]:
        """The array in the file."""
        if 0 in self.shape:  # there is nothing to map
            return np.empty(self.shape, self.dtype)
        order: Any = "F" if self._header.fortran_order else "C"
        offset = self._header.offset
        return np.memmap(self._path, self.dtype, mode, offset, self.shape, order)

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        status = self._path.stat()
        return type(self).__name__, str(self._path), status.st_mtime_ns, status.st_size


def from_npy(path: str | os.PathLike[str], chunks: Any = "auto") -> Any:
    """An array in a ``.npy`` file as a Dask array, read chunk by chunk.

    Parameters
    ----------
    path : str or path-like
        The file. Workers on other machines need it under the same absolute path.
    chunks : int, tuple or 'auto'
        As in ``dask.array.from_array``.

    Returns
    -------
    dask.array.Array
        Of the file's shape and dtype. Each task reads its chunk; no memory is kept for the file.

    Raises
    ------
    DTypeError
        The file holds Python objects or other things than numbers.
    GeometryError
        It is no ``.npy`` file, or shorter than its header says.
    OSError
        It cannot be read.
    MissingExtraError
        Dask is not installed.

    See Also
    --------
    to_npy : the way back.

    Notes
    -----
    ``dask.array.from_array`` of a :class:`numpy.memmap` copies the whole array into memory first,
    and its pickles carry the content.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from sparse_tconv import chunked
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "x.npy"
    ...     np.save(path, np.arange(6.0))
    ...     print(chunked.from_npy(path, chunks=4).sum().compute())
    15.0
    >>> chunked.from_npy("missing.npy")
    Traceback (most recent call last):
        ...
    FileNotFoundError: [Errno 2] No such file or directory: '...missing.npy'
    """
    da = dask_array()
    file = _Npy(Path(path).absolute())
    validate.numeric_dtype("path", file.dtype)
    sizes = _chunks(chunks, file)
    return da.from_array(file, chunks=sizes, meta=np.empty((0,) * file.ndim, file.dtype))


def _chunks(chunks: Any, file: _Npy) -> Any:
    """Chunk sizes as Dask writes them."""
    dask_array()
    from dask.array.core import normalize_chunks

    try:
        sizes = normalize_chunks(chunks, file.shape, dtype=file.dtype)
    except Exception as error:  # Dask lets whatever arises there through
        raise GeometryError(
            f"`chunks` must divide an array of shape {file.shape}; got {chunks!r}: {error}. "
            "Pass 'auto', or one size."
        ) from error
    if any(size < 1 for axis, n in zip(sizes, file.shape, strict=True) for size in axis if n):
        raise GeometryError(
            f"`chunks` must have at least 1 entry; got {chunks!r}. Pass 'auto', or one size."
        )
    return sizes


def to_npy(x: Any, path: str | os.PathLike[str]) -> None:
    """Compute a Dask array into a ``.npy`` file, chunk by chunk.

    Parameters
    ----------
    x : dask.array.Array
        Chunk sizes known.
    path : str or path-like
        The file to write; one that exists is replaced. Workers on other machines need its folder
        under the same absolute path.

    Raises
    ------
    DTypeError, ShapeError
        `x` is no Dask array of numbers, or has unknown chunk sizes.
    OSError
        The file cannot be written.
    MissingExtraError
        Dask is not installed.

    See Also
    --------
    from_npy : the way back.

    Notes
    -----
    A chunk is written where it is computed, and then dropped: into a file of another name beside
    `path`, whose place on the disk is taken first, and which becomes `path` when it is whole. So a
    file that stood there is as it was if the computation fails or is interrupted, and `x` may be
    read from it. Into a pipe or a device, rows of chunks are written one after the other.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import dask.array as da
    >>> import numpy as np
    >>> from sparse_tconv import chunked
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "ones.npy"
    ...     chunked.to_npy(da.ones((4, 4), chunks=2), path)
    ...     print(np.load(path).sum())
    16.0
    >>> chunked.to_npy(np.ones(3), "ones.npy")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `x` must be a Dask array; got ndarray. Use the functions of
        sparse_tconv for arrays in memory, or dask.array.from_array.
    """
    array = checked("x", x)
    target = Path(path).absolute()
    if is_special(target):
        _stream(array, target)
        return
    with replaced(target) as draft:
        with draft.open("wb") as file:
            _write_header(file, array)
            begin = file.tell()
        reserve(draft, begin + array.nbytes)
        dask_array().store(array, _Npy(draft), lock=False)


def _write_header(file: BinaryIO, array: Any) -> None:
    dtype = np.lib.format.dtype_to_descr(array.dtype)
    np.lib.format.write_array_header_1_0(
        file, {"descr": dtype, "fortran_order": False, "shape": array.shape}
    )


def _stream(array: Any, path: Path) -> None:
    """Write to what is no regular file: from the first row of chunks to the last."""
    with path.open("wb") as file:
        _write_header(file, array)
        for first, last in pairwise(bounds(array.chunks[0]) if array.ndim else ()):
            file.write(np.ascontiguousarray(array[first:last].compute()).data)
        if not array.ndim:
            file.write(array.compute().data)
