"""Sums, stacks and block diagonals: parts side by side."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from math import hypot, isfinite, prod, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import block_diag, csr_array, hstack, vstack

from ._composed import Composed
from ._entries import canonical, guard_nnz, matrix_sum
from ._operator import Operator
from ._powers import times_power
from ._product import added
from ._promotion import common_dtype, sample_dtype
from ._terms import Terms, norm_seen


class Blocks(Composed):
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
        self._repeats = splits and joins and all(part is parts[0] for part in parts)

    @property
    def adds(self) -> bool:
        """Whether this is a sum."""
        return not (self._splits or self._joins)

    def _said(self) -> int | None:
        """The first part's word on spatial axes; the axis of a joined side is none."""
        if self._in is not None:
            return self.parts[0].spatial_ndim if self._in.equal else None
        said = [part._spatial_ndim for part in self.parts if part.in_shape == self.in_shape]
        # The 0 of a matrix says that it does not know: another part may.
        return next(filter(None, said), 0 if 0 in said else None)

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        result = self.dtype
        if x.dtype != result:
            result = np.result_type(x.dtype, self.dtype)
            x = x.astype(sample_dtype(x.dtype, self.dtype), copy=False)
        if self._repeats:
            return self._repeated(x).astype(result, copy=False)
        if self._in is None:
            y = [op._multiply(x.reshape(shape)) for op, shape in self._shaped(len(x))]
        else:
            samples = self._in.split(x)
            shaped = zip(self._shaped(len(x)), samples, strict=True)
            y = [op._multiply(sample.reshape(shape)) for (op, shape), sample in shaped]
        joined = _added(y) if self._out is None else self._out.joined(y, len(x))
        return joined.astype(result, copy=False)

    def _shaped(self, batch: int) -> list[tuple[Operator, tuple[int, ...]]]:
        """Each part, and the shape of a batch that it takes."""
        return [(part, (batch, *part.in_shape)) for part in self.parts]

    def _repeated(self, x: NDArray[Any]) -> NDArray[Any]:
        """One operator again and again: its samples are one batch."""
        part = self.parts[0]
        y = part._multiply(x.reshape(len(x) * len(self.parts), *part.in_shape))
        return y.reshape(len(x), self.shape[0])

    def _related(self, transposed: bool, conjugated: bool) -> Operator:
        kin = _mapped(self.parts, lambda part: part._kin(transposed, conjugated))
        ends = self._splits, self._joins
        return Blocks(kin, *(ends[::-1] if transposed else ends))

    def _matrix_in(self, dtype: np.dtype[Any], max_bytes: Any) -> csr_array:
        matrices = _mapped(self.parts, lambda part: part._matrix_in(dtype, max_bytes))
        if self._splits or self._joins:
            guard_nnz(self.shape, sum(m.nnz for m in matrices), dtype, max_bytes)
        if self._splits and self._joins:
            return canonical(block_diag(matrices, format="csr", dtype=dtype))
        if self._splits or self._joins:
            join = hstack if self._splits else vstack
            return canonical(join(matrices, format="csr", dtype=dtype))
        return reduce(lambda a, b: matrix_sum(a, b, dtype, max_bytes), matrices)

    @property
    def flops(self) -> int | None:
        """The sum of the parts', and the additions."""
        additions = 0 if self._joins else sum(part.shape[0] for part in self.parts[1:])
        return added([*(part.flops for part in self.parts), additions])

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        bounds = [part.norm_bound(leaf) for part in self.parts]
        if self._splits and self._joins:
            return max(bounds)
        return hypot(*bounds) if self._splits or self._joins else sum(bounds)

    def terms(self) -> Terms | None:
        if not self.adds:
            return None
        # Parts that cancel leave their rounding: it is measured by their norms.
        size = self.norm_bound(norm_seen) * sqrt(max(min(self.shape), 1))
        known = [part.terms() for part in self.parts]
        count = sum(1 if each is None else each.count for each in known)
        return Terms(count, size) if isfinite(size) else None

    def over_powers(self, leaf: Callable[[Any], tuple[Any, int]]) -> tuple[Any, int]:
        made = _mapped(self.parts, lambda part: part.over_powers(leaf))
        most = max(exponent for _, exponent in made)
        parts = _mapped(made, lambda one: times_power(one[0], one[1] - most))
        return Blocks(parts, self._splits, self._joins), most

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

    def joined(self, parts: list[NDArray[Any]], batch: int) -> NDArray[Any]:
        """The parts' results side by side."""
        flat = [y.reshape(batch, size) for y, size in zip(parts, self.sizes, strict=True)]
        return np.concatenate(flat, axis=1)


def _added(parts: list[NDArray[Any]]) -> NDArray[Any]:
    """The sum of results of one size; none of them is written into."""
    total = parts[0]
    for number, more in enumerate(parts[1:]):
        more = more.reshape(total.shape)
        own = number > 0 and more.dtype == total.dtype
        total = np.add(total, more, out=total) if own else total + more
    return total


def deepest(shapes: list[tuple[int, ...]]) -> tuple[int, ...]:
    """The shape that shapes agree on, which are equal or flat: the first that is not flat."""
    return next((shape for shape in shapes if len(shape) > 1), shapes[0])


def _mapped(parts: tuple[Any, ...], function: Any) -> tuple[Any, ...]:
    """A function of each part, called once for a part that comes back."""
    found: dict[int, Any] = {}
    for part in parts:
        if id(part) not in found:
            found[id(part)] = function(part)
    return tuple(found[id(part)] for part in parts)
