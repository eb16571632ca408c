"""Arrays in ``.npy`` files as Dask arrays: every task maps the file and touches its own chunk."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .. import _validate as validate
from ..errors import DTypeError
from ._arrays import checked, dask_array


class _Npy:
    """A ``.npy`` file as something that Dask slices: a path, so that a pickle ships no data.

    Not a :class:`numpy.memmap`, because ``dask.array.from_array`` copies everything that can be
    copied, and a pickled memory map is its content.
    """

    def __init__(self, path: Path) -> None:
        array = _mapped(path, "r")
        self.path = path
        self.shape: tuple[int, ...] = array.shape
        self.dtype = array.dtype
        self.ndim = array.ndim

    def __getitem__(self, index: Any) -> NDArray[Any]:
        return np.array(_mapped(self.path, "r")[index])

    def __setitem__(self, index: Any, value: NDArray[Any]) -> None:
        _mapped(self.path, "r+")[index] = value

    def __dask_tokenize__(self) -> tuple[Any, ...]:
        status = self.path.stat()
        return type(self).__name__, str(self.path), status.st_mtime_ns, status.st_size


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
    FileNotFoundError, ValueError
        There is no such file, or it is no ``.npy`` file.
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
    return da.from_array(file, chunks=chunks, meta=np.empty((0,) * file.ndim, file.dtype))


def to_npy(x: Any, path: str | os.PathLike[str]) -> None:
    """Compute a Dask array into a ``.npy`` file, chunk by chunk.

    Parameters
    ----------
    x : dask.array.Array
        Chunk sizes known.
    path : str or path-like
        The file to write; one that exists is replaced. Workers on other machines need it under the
        same absolute path.

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
    A chunk is written where it is computed, and then dropped. If the computation fails, the file
    stays behind with what was written. The file must not be the one that `x` is read from.

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
    np.lib.format.open_memmap(target, mode="w+", dtype=array.dtype, shape=array.shape)
    dask_array().store(array, _Npy(target), lock=False)


def _mapped(path: Path, mode: Any) -> NDArray[Any]:
    """The file mapped; pickled objects are refused, not loaded."""
    try:
        array: NDArray[Any] = np.lib.format.open_memmap(path, mode=mode)
    except ValueError as error:
        if "object" not in str(error):
            raise
        raise DTypeError(
            f"`path` must hold numbers; got Python objects in {str(path)!r}. Save a numeric array."
        ) from error
    return array
