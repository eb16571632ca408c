"""The arrays on one side of a pair, seen as flat vectors."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._memory import check_fits
from .._validate import written
from ..errors import DTypeError, ShapeError
from ..threads import cached_property
from ._finding import CallFailedError, Cause, Finding

__all__ = ["Shape", "Shapes", "Space", "as_shapes", "loaded_torch", "numpy_dtype"]

_VECTORS = 4  # of a space that a test holds at once, at least

Shape = tuple[int, ...]
Shapes = tuple[Shape, ...]


@dataclass(frozen=True)
class Space:
    """Arrays of fixed shapes and one dtype, with the way from flat vectors to them and back.

    With ``real=True`` the scalars are the reals: a complex array counts as twice as many real
    coordinates, so that the real part of the inner product is the plain one of the vectors.
    """

    shapes: Shapes
    single: bool
    dtype: np.dtype[Any]
    real: bool = False
    torch: bool = False

    def __post_init__(self) -> None:
        needed = _VECTORS * sum(self.sizes) * self.dtype.itemsize
        check_fits("in_shape", f"{_VECTORS} arrays of {self.shape}", needed, "Test a smaller one.")

    @property
    def shape(self) -> Shape | Shapes:
        """The shape of the one array, or the tuple of shapes."""
        return self.shapes[0] if self.single else self.shapes

    @property
    def doubled(self) -> bool:
        """Whether a complex entry counts as two real coordinates."""
        return self.real and self.dtype.kind == "c"

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """Array entries of every leaf."""
        return tuple(map(prod, self.shapes))

    @property
    def size(self) -> int:
        """Coordinates of a flat vector."""
        return sum(self.sizes) * (2 if self.doubled else 1)

    @property
    def vector_dtype(self) -> np.dtype[Any]:
        """Dtype of a flat vector."""
        return np.empty(0, self.dtype).real.dtype if self.doubled else self.dtype

    def leaves(self) -> Iterator[tuple[Shape, slice]]:
        """Every leaf's shape and where its entries are among all entries."""
        start = 0
        for shape, size in zip(self.shapes, self.sizes, strict=True):
            yield shape, slice(start, start + size)
            start += size

    def split(self, vector: NDArray[Any]) -> Any:
        """Make the arrays of a flat vector: new memory, C-ordered, tensors where asked."""
        entries = np.array(vector, self.vector_dtype).view(self.dtype)
        arrays = [np.array(entries[where].reshape(shape)) for shape, where in self.leaves()]
        if self.torch:
            arrays = [loaded_torch().from_numpy(a) for a in arrays]  # type: ignore[union-attr]
        return arrays[0] if self.single else tuple(arrays)

    def join(self, value: Any, who: str) -> NDArray[Any]:
        """Copy what a callable returned into a flat vector, refusing other shapes."""
        arrays = leaves_of(value, who)
        shapes = tuple(a.shape for a in arrays)
        if shapes != self.shapes:
            raise CallFailedError(self.mismatch(value, shapes, who))
        flat = np.concatenate([a.ravel() for a in arrays])
        return self.coordinates(flat)

    def coordinates(self, flat: NDArray[Any]) -> NDArray[Any]:
        """Turn the entries of a result into coordinates of this space."""
        if not self.real or (self.dtype.kind != "c" and flat.dtype.kind != "c"):
            return flat
        if self.dtype.kind != "c":
            return flat.real.copy()
        if flat.dtype.kind != "c":
            flat = flat.astype(np.result_type(flat.dtype, np.complex64))
        return flat.view(flat.real.dtype)

    def mismatch(self, value: Any, shapes: Shapes, who: str) -> Finding:
        """Say which shape came and which was due."""
        got = shapes if isinstance(value, tuple | list) else shapes[0]
        return Finding(
            Cause.SHAPE,
            f"the {who} returned shape {got}, but {self.shape} is due.",
            "Make the two agree, or state the shapes with `in_shape` and `out_shape`.",
        )


def leaves_of(value: Any, who: str) -> list[NDArray[Any]]:
    """Return the arrays of a result, refusing what is not numeric."""
    parts = list(value) if isinstance(value, tuple | list) else [value]
    arrays = [_as_array(part) for part in parts]
    for array in arrays:
        if array.dtype.kind not in "iufc":
            raise CallFailedError(
                Finding(
                    Cause.DTYPE,
                    f"the {who} returned {type(value).__name__} of dtype {array.dtype}.",
                    "Return an array of integers, floats or complex numbers.",
                )
            )
    return arrays


def _as_array(part: Any) -> NDArray[Any]:
    """Turn an array or a tensor of any device into a NumPy array."""
    if hasattr(part, "detach"):
        part = part.detach().cpu().resolve_conj().resolve_neg()
        if str(part.dtype) == "torch.bfloat16":
            part = part.float()
    return np.asarray(part)


def as_shapes(value: Any, name: str) -> tuple[Shapes, bool]:
    """Return the shapes of all leaves, and whether there is one array rather than a tuple."""
    nested = isinstance(value, Sequence) and any(isinstance(v, Sequence) for v in value)
    leaves = list(value) if nested else [value]
    return tuple(_as_shape(leaf, name) for leaf in leaves), not nested


def _as_shape(value: Any, name: str) -> Shape:
    """One shape; a bare int is a shape of one axis."""
    entries = [value] if isinstance(value, int | np.integer) else value
    good = isinstance(entries, Sequence) and all(
        isinstance(n, int | np.integer) and not isinstance(n, bool) and n >= 1 for n in entries
    )
    if not good:
        raise ShapeError(
            f"`{name}` must be a shape (ints of at least 1), or a tuple of shapes; got {value!r}. "
            "Use the shape of the array that the callable takes."
        )
    return tuple(int(n) for n in entries)


def loaded_torch() -> ModuleType | None:
    """Return torch if the user has imported it; it is never imported here."""
    return sys.modules.get("torch")


def numpy_dtype(dtype: Any, name: str) -> tuple[np.dtype[Any], bool]:
    """Return the NumPy dtype meant, and whether a torch dtype said so."""
    torch = loaded_torch()
    is_torch = torch is not None and isinstance(dtype, torch.dtype)
    try:
        # "torch.float32" and NumPy use the same words for every dtype that both have.
        found = np.dtype(str(dtype).removeprefix("torch.") if is_torch else dtype)
    except Exception as error:  # whatever another library's `.dtype` raises
        raise DTypeError(
            f"`{name}` must be a numeric dtype; got {written(dtype)}. Use float64."
        ) from error
    if found.kind not in "iufc":
        raise DTypeError(f"`{name}` must be a numeric dtype; got {found}. Use float64.")
    return found, is_torch
