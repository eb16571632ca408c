"""Sums, stacks and block diagonals: parts side by side."""

from __future__ import annotations

from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_array, hstack, vstack

from ._entries import canonical, guard_nnz, matrix_sum
from ._operator import Operator
from ._product import added
from ._promotion import common_dtype, sample_dtype


class Blocks(Operator):
    """Parts that share their samples or have one each, and whose results are added or joined.

    ==================  ==============  ===============
    parts               share samples   each their own
    ==================  ==============  ===============
    results are added   a sum           ``hstack``
    results are joined  ``vstack``      ``block_diag``
    ==================  ==============  ===============

    A joined side has shape ``(m, *shape)`` where the m shapes are equal, else it is flat.

    Parameters
    ----------
    parts : sequence of Operator
        At least one; shapes that are shared or added agree.
    splits, joins : bool
        Whether each has samples, and results, of its own.
    """

    def __init__(self, parts: tuple[Operator, ...], splits: bool, joins: bool) -> None:
        self.parts = parts
        self._splits, self._joins = splits, joins
        self._in = _Side([part.in_shape for part in parts]) if splits else None
        self._out = _Side([part.out_shape for part in parts]) if joins else None
        in_shape = self._in.shape if self._in else deepest([part.in_shape for part in parts])
        out_shape = self._out.shape if self._out else deepest([part.out_shape for part in parts])
        self._bind_shapes(in_shape, out_shape, common_dtype(parts))
        self._spatial_ndim = self._said()

    @property
    def adds(self) -> bool:
        """Whether this is a sum."""
        return not (self._splits or self._joins)

    def _said(self) -> int | None:
        """The first part's word on spatial axes; the axis of a joined side is none."""
        if self._in is not None:
            return self.parts[0].spatial_ndim if self._in.equal else None
        said = (part._spatial_ndim for part in self.parts if part.in_shape == self.in_shape)
        return next((count for count in said if count is not None), None)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        result = np.result_type(x.dtype, self.dtype)
        if x.dtype != self.dtype:
            x = x.astype(sample_dtype(x.dtype, self.dtype), copy=False)
        if self._in and self._out and all(part is self.parts[0] for part in self.parts):
            return self._repeated(x)
        samples = self._in.split(x) if self._in else [x] * len(self.parts)
        shaped = (s.reshape(len(x), *p.in_shape) for p, s in zip(self.parts, samples, strict=True))
        results = (p._multiply(s) for p, s in zip(self.parts, shaped, strict=True))
        if self._out:
            return self._out.joined(results, len(x), result)
        total = next(results).reshape(len(x), -1)
        for number, more in enumerate(results):
            more = more.reshape(total.shape)
            # The first sum is a new array: a part's own result is never written into.
            total = np.add(total, more, out=None if number == 0 else total, dtype=result)
        return total.astype(result, copy=False)

    def _repeated(self, x: NDArray[Any]) -> NDArray[Any]:
        """One operator again and again: its samples are one batch."""
        part = self.parts[0]
        y = part._multiply(x.reshape(len(x) * len(self.parts), *part.in_shape))
        return y.reshape(len(x), self.shape[0])

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        kin = _mapped(self.parts, lambda part: part._kin(transposed, conjugated))
        ends = self._splits, self._joins
        return Blocks(kin, *(ends[::-1] if transposed else ends))

    def _matrix(self, max_bytes: Any) -> csr_array:
        matrices = _mapped(self.parts, lambda part: part._matrix(max_bytes))
        if self._splits or self._joins:
            guard_nnz(self.shape, sum(m.nnz for m in matrices), self.dtype, max_bytes)
        if self._splits and self._joins:
            return canonical(block_diag(matrices, format="csr", dtype=self.dtype))
        if self._splits or self._joins:
            join = hstack if self._splits else vstack
            return canonical(join(matrices, format="csr", dtype=self.dtype))
        return reduce(lambda a, b: matrix_sum(a, b, self.dtype, max_bytes), matrices)

    @property
    def flops(self) -> int | None:
        """The sum of the parts', and the additions."""
        additions = 0 if self._joins else sum(part.shape[0] for part in self.parts[1:])
        return added([*(part.flops for part in self.parts), additions])

    def _parts(self) -> tuple[Operator, ...]:
        return self.parts

    def _label(self) -> str:
        name = {(0, 0): "Sum", (0, 1): "VStack", (1, 0): "HStack", (1, 1): "BlockDiag"}
        sides = [("in", self._in), ("out", self._out)]
        joined = [f"{word} {side.word}" for word, side in sides if side]
        told = [f"{self.in_shape} -> {self.out_shape}", *joined, f"dtype={self.dtype}"]
        return f"<{name[self._splits, self._joins]} {', '.join(told)}>"


class _Side:
    """The joined side of several parts: ``(m, *shape)`` where all shapes are equal, else flat."""

    def __init__(self, shapes: list[tuple[int, ...]]) -> None:
        self.equal = len(set(shapes)) == 1
        self.sizes = [prod(shape) for shape in shapes]
        self.ends = np.cumsum([0, *self.sizes]).tolist()
        self.shape = (len(shapes), *shapes[0]) if self.equal else (self.ends[-1],)
        self.word = "stacked" if self.equal else "flat"

    def split(self, x: NDArray[Any]) -> list[NDArray[Any]]:
        """What each part has of a batch."""
        flat = x.reshape(len(x), self.ends[-1])
        return [flat[:, a:b] for a, b in zip(self.ends, self.ends[1:], strict=False)]

    def joined(self, parts: Any, batch: int, dtype: np.dtype[Any]) -> NDArray[Any]:
        """The parts' results side by side."""
        y = np.empty((batch, self.ends[-1]), dtype)
        for place, part in zip(self.split(y), parts, strict=True):
            place[...] = part.reshape(place.shape)
        return y


def deepest(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that shapes agree on, which are equal or flat: the first that is not flat."""
    return next((shape for shape in shapes if len(shape) > 1), shapes[0])


def _mapped(parts: tuple[Operator, ...], function: Any) -> tuple[Any, ...]:
    """A function of each part, called once for a part that comes back."""
    found: dict[int, Any] = {}
    for part in parts:
        if id(part) not in found:
            found[id(part)] = function(part)
    return tuple(found[id(part)] for part in parts)
