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
    """Root of all errors raised on purpose by this library."""


class GeometryError(SparseTconvError, ValueError):
    """A stride, padding, dilation, size, mode or other parameter cannot be what was given."""


class ShapeError(SparseTconvError, ValueError):
    """An array does not have the shape that the operator or function needs."""


class DTypeError(SparseTconvError, TypeError):
    """An array or argument has a type that the library, or the chosen engine, does not compute
    with.
    """


class MatrixTooLargeError(SparseTconvError, MemoryError):
    """A matrix that was asked for would not fit in the memory allowed for it."""


class MissingExtraError(SparseTconvError, ImportError):
    """An optional package is needed for what was asked; the message names the pip line."""
