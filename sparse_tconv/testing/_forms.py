"""The forms in which operators come: matrices, linear operators, callables."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .. import _validate as validate
from ..errors import DTypeError, ShapeError
from ._space import Shapes, as_shapes, loaded_torch

__all__ = ["Side", "adjoint_side", "check_adjoint", "forward_side"]

Function = Callable[[Any], Any]
Layout = tuple[Shapes, bool]


@dataclass(frozen=True)
class Side:
    """One direction of a pair as a function on n-d arrays, with the shapes it states itself."""

    function: Function
    takes: Layout | None = None
    gives: Layout | None = None
    dtype: Any = None
    real: bool = False
    torch: bool = False
    flat: bool = False  # a matrix or linear operator: NumPy vectors only


def forward_side(op: Any, in_shape: Any, out_shape: Any) -> Side:
    """Return the forward direction of anything accepted."""
    takes = None if in_shape is None else as_shapes(in_shape, "in_shape")
    gives = None if out_shape is None else as_shapes(out_shape, "out_shape")
    if _has_matrix_shape(op):
        takes = _agree(takes, _own(op, ("in_shape", "dims"), op.shape[1]), op.shape[1], "in_shape")
        gives = _agree(
            gives, _own(op, ("out_shape", "dimsd"), op.shape[0]), op.shape[0], "out_shape"
        )
        real = getattr(op, "clinear", True) is False  # PyLops marks real-linear operators so
        return Side(_reshaped(_product(op), gives), takes, gives, op.dtype, real, flat=True)
    _callable(op, "op")
    if takes is None:
        raise ShapeError(
            "`in_shape` must be given when `op` is a callable; got None. Pass the shape of the "
            "array that the forward takes."
        )
    return Side(op, takes, gives, torch=_is_module(op))


def check_adjoint(op: Any, adjoint: Any) -> None:
    """Refuse a missing or impossible adjoint before anything is called."""
    if adjoint is not None and not _has_matrix_shape(adjoint):
        _callable(adjoint, "adjoint")
    if adjoint is None and not _has_matrix_shape(op):
        _callable(op, "op")
        raise DTypeError(
            "`adjoint` must be a callable when `op` is one; got None. Pass the function that "
            "should be the adjoint, or an operator that has both directions."
        )


def adjoint_side(op: Any, adjoint: Any, takes: Layout, gives: Layout) -> Side:
    """Return the adjoint direction, of `op` itself when no other is given."""
    if adjoint is None:
        return Side(_reshaped(_adjoint_product(op), gives), takes, gives, flat=True)
    if _has_matrix_shape(adjoint):
        _agree(takes, takes, adjoint.shape[1], "out_shape")
        _agree(gives, gives, adjoint.shape[0], "in_shape")
        return Side(_reshaped(_product(adjoint), gives), takes, gives, flat=True)
    return Side(adjoint, takes, gives, torch=_is_module(adjoint))


def _has_matrix_shape(op: Any) -> bool:
    """Whether `op` is a matrix or follows SciPy's LinearOperator protocol."""
    if not validate.has(op, "shape"):
        return False
    if hasattr(op, "matvec"):
        return len(op.shape) == 2
    return isinstance(op.shape, tuple) and len(op.shape) == 2 and hasattr(op, "__matmul__")


def _own(op: Any, names: tuple[str, str], size: int) -> Layout:
    """Return the n-d shape that an operator states, else the flat one."""
    for name in names:
        stated = getattr(op, name, None)
        if isinstance(stated, int | np.integer | tuple | list) and _entries(stated) == size:
            return as_shapes(stated, name)
    return ((int(size),),), True


def _entries(shape: Any) -> int:
    """Count the entries of a shape."""
    return int(np.prod(shape, dtype=np.int64))


def _agree(asked: Layout | None, own: Layout, size: int, name: str) -> Layout:
    """Return the shape asked for if it has as many entries as the matrix says."""
    layout = own if asked is None else asked
    entries = sum(_entries(shape) for shape in layout[0])
    if entries != size:
        shape = layout[0][0] if layout[1] else layout[0]
        raise ShapeError(
            f"`{name}` must have {size} entries, as the operator's matrix shape says; got {shape} "
            f"with {entries}. Leave `{name}` out, or correct one of the two."
        )
    return layout


def _product(op: Any) -> Function:
    """Return v -> op v on flat vectors."""
    if hasattr(op, "matvec"):
        return lambda v: op.matvec(v)
    matrix = _host(op)
    return lambda v: matrix @ v


def _adjoint_product(op: Any) -> Function:
    """Return v -> op^H v on flat vectors."""
    if hasattr(op, "rmatvec"):
        return lambda v: op.rmatvec(v)
    matrix = _host(op).conj().T
    return lambda v: matrix @ v


def _host(matrix: Any) -> Any:
    """Bring a torch matrix to NumPy; leave others alone."""
    if not hasattr(matrix, "detach"):
        return matrix
    return validate.tensor_values("op", matrix, constant=True, widen=True)


def _reshaped(product: Function, gives: Layout) -> Function:
    """Wrap a product of flat vectors as a function on n-d arrays."""
    shapes, single = gives

    def function(x: Any) -> Any:
        flat = np.ravel(x) if isinstance(x, np.ndarray) else np.concatenate([a.ravel() for a in x])
        y = np.asarray(product(flat))
        if y.shape not in ((sum(map(_entries, shapes)),), (sum(map(_entries, shapes)), 1)):
            return y
        ends = np.cumsum([_entries(shape) for shape in shapes])[:-1]
        parts = [part.reshape(s) for part, s in zip(np.split(y.ravel(), ends), shapes, strict=True)]
        return parts[0] if single else tuple(parts)

    return function


def _callable(value: Any, name: str) -> None:
    """Refuse what is neither a matrix, an operator nor a callable."""
    if not callable(value):
        raise DTypeError(
            f"`{name}` must be a matrix, a linear operator or a callable; got "
            f"{type(value).__name__}. Pass the function itself, not its result."
        )


def _is_module(op: Any) -> bool:
    """Whether `op` is a torch module, which takes nothing but tensors."""
    torch = loaded_torch()
    return torch is not None and isinstance(op, torch.nn.Module)
