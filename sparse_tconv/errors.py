"""What can go wrong, as exception classes.

Every class also derives from the built-in exception that SciPy users already catch, so
``except ValueError`` keeps working. Messages follow one form: `` `<argument>` must <rule>; got
<value>. <what to do instead>. ``
"""

from __future__ import annotations

__all__ = [
    "DTypeError",
    "GeometryError",
    "MatrixTooLargeError",
    "MissingExtraError",
    "ShapeError",
    "SparseTconvError",
]


class SparseTconvError(Exception):
    """Root of all errors raised on purpose by this library.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> try:
    ...     st.conv([1, 2], [1, 2, 3], channels=False)
    ... except st.SparseTconvError as error:
    ...     print(type(error).__name__)
    GeometryError
    """


class GeometryError(SparseTconvError, ValueError):
    """A stride, padding, dilation, size, mode or other parameter cannot be what was given.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> try:
    ...     st.Conv([1, 2], (5,), stride=0, channels=False)
    ... except ValueError as error:
    ...     print(type(error).__name__)
    GeometryError
    """


class ShapeError(SparseTconvError, ValueError):
    """An array does not have the shape that the operator or function needs.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> try:
    ...     st.Conv([1, 2], (5,), channels=False).apply([1, 2, 3])
    ... except ValueError as error:
    ...     print(type(error).__name__)
    ShapeError
    """


class DTypeError(SparseTconvError, TypeError):
    """An array or argument has a type that the library, or the chosen engine, does not compute
    with.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> try:
    ...     st.conv(["a", "b"], [1], channels=False)
    ... except TypeError as error:
    ...     print(type(error).__name__)
    DTypeError
    """


class MatrixTooLargeError(SparseTconvError, MemoryError):
    """A matrix that was asked for would not fit in the memory allowed for it.

    Examples
    --------
    >>> import sparse_tconv as st
    >>> try:
    ...     st.Conv([1.0, 2.0], (10**12,), channels=False).toarray()
    ... except MemoryError as error:
    ...     print(type(error).__name__)
    MatrixTooLargeError
    """


class MissingExtraError(SparseTconvError, ImportError):
    """An optional package is needed for what was asked; the message names the pip line.

    Examples
    --------
    Here as if matplotlib were not installed:

    >>> from unittest import mock
    >>> from sparse_tconv import Conv, plotting
    >>> with mock.patch.dict("sys.modules", {"matplotlib.pyplot": None}):
    ...     plotting.spy(Conv([1.0, 2.0], (4,), channels=False))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.MissingExtraError: `plotting` must have matplotlib; it is not installed.
        Run: pip install 'sparse_tconv[plot]'
    """
