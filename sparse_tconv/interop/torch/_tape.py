"""Steps with derivatives of their own, one after the other, as one operator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, eye_array

from ...operators import Identity, Operator, as_operator


class Edge(NamedTuple):
    """What a step takes from an earlier one: its number, and the operator between flat results."""

    source: int
    op: Operator | None  # None for the identity


class Tape(Operator):
    """The sum over all ways from the inputs to the last step of the products along them.

    Each edge is used once in a product, however many ways lead over it.

    Parameters
    ----------
    in_shape, out_shape : tuple of int
        Shapes of the samples.
    sizes : sequence of int
        Entries of each step's result. The first steps are the parts of the sample, in order.
    edges : sequence of sequences of Edge
        What each step adds up; those of the first ones are empty.
    inputs : int
        How many of the steps are parts of the sample.
    dtype : numpy.dtype
        Of all operators, a real one.
    """

    def __init__(
        self,
        in_shape: tuple[int, ...],
        out_shape: tuple[int, ...],
        sizes: Sequence[int],
        edges: Sequence[Sequence[Edge]],
        inputs: int,
        dtype: Any,
    ) -> None:
        super().__init__(in_shape, out_shape, dtype, spatial_ndim=len(in_shape) - 1)
        self._sizes, self._edges, self._inputs = tuple(sizes), tuple(map(tuple, edges)), inputs
        self._last_use = {e.source: k for k, step in enumerate(self._edges) for e in step}
        self._ends = tuple(accumulate(self._sizes[:inputs], initial=0))

    def _multiply(self, x: NDArray[Any]) -> NDArray[Any]:
        kind = np.result_type(x.dtype, self.dtype)
        flat = x.reshape(len(x), -1).astype(kind)
        parts: dict[int, Any] = {
            k: flat[:, self._ends[k] : self._ends[k + 1]] for k in range(self._inputs)
        }
        for number, step in enumerate(self._edges):
            if number >= self._inputs:
                found = (_product(op, parts[source]) for source, op in step)
                parts[number] = _sum(found, (len(x), self._sizes[number]), kind)
            self._drop(parts, number)
        return np.array(parts[len(self._sizes) - 1]).reshape(len(x), *self.out_shape)

    def _multiply_adjoint(self, y: NDArray[Any]) -> NDArray[Any]:
        kind = np.result_type(y.dtype, self.dtype)
        parts: dict[int, Any] = {len(self._sizes) - 1: y.reshape(len(y), -1).astype(kind)}
        for number in reversed(range(self._inputs, len(self._sizes))):
            if number in parts:
                given = parts.pop(number)
                for source, op in self._edges[number]:
                    found = _product(None if op is None else op.T, given)
                    parts[source] = parts[source] + found if source in parts else found
        ends = (parts.get(k, np.zeros((len(y), self._sizes[k]), kind)) for k in range(self._inputs))
        return np.concatenate(list(ends), axis=1).reshape(len(y), *self.in_shape)

    def _matrix(self, max_bytes: Any) -> csr_array:
        if prod(self.out_shape) < prod(self.in_shape):
            return self._matrix_backward(max_bytes)
        rows = self.shape[1]
        parts: dict[int, Operator] = {
            k: as_operator(self._part(k, rows)) for k in range(self._inputs)
        }
        for number, step in enumerate(self._edges):
            if number >= self._inputs:
                found = [parts[s] if op is None else op @ parts[s] for s, op in step]
                parts[number] = _held(found, (self._sizes[number], rows), self.dtype, max_bytes)
            self._drop(parts, number)
        return _nonzero(parts[len(self._sizes) - 1].to_matrix(max_bytes=max_bytes))

    def _matrix_backward(self, max_bytes: Any) -> csr_array:
        """The same from the last step on, for fewer rows than columns."""
        rows, last = self.shape[0], len(self._sizes) - 1
        waiting: dict[int, list[Operator]] = {last: [Identity(rows, self.dtype)]}
        for number in reversed(range(self._inputs, last + 1)):
            if number in waiting:
                shape = rows, self._sizes[number]
                given = _held(waiting.pop(number), shape, self.dtype, max_bytes)
                for source, op in self._edges[number]:
                    waiting.setdefault(source, []).append(given if op is None else given @ op)
        total: list[Operator] = []
        for k in range(self._inputs):
            held = _held(waiting.get(k, []), (rows, self._sizes[k]), self.dtype, max_bytes)
            total.append(held @ as_operator(self._part(k, self.shape[1])))
        return _held(total, self.shape, self.dtype, max_bytes).to_matrix(max_bytes=max_bytes)

    def _part(self, k: int, columns: int) -> csr_array:
        """The rows of the identity that are one part of the sample."""
        return eye_array(self._sizes[k], columns, k=self._ends[k], dtype=self.dtype, format="csr")

    def _drop(self, parts: dict[int, Any], number: int) -> None:
        """Forget what no later step takes."""
        for source in {edge.source for edge in self._edges[number]}:
            if self._last_use[source] == number:
                parts.pop(source, None)

    @property
    def flops(self) -> int | None:
        """The sum of the steps'."""
        counts = [op.flops for step in self._edges for _, op in step if op is not None]
        known = [count for count in counts if count is not None]
        return sum(known) if len(known) == len(counts) else None

    def norm_bound(self, leaf: Callable[[Any], float]) -> float:
        bounds = [1.0] * self._inputs
        for step in self._edges[self._inputs :]:
            bounds.append(
                sum(bounds[s] * (1.0 if op is None else op.norm_bound(leaf)) for s, op in step)
            )
        return bounds[-1]

    def _label(self) -> str:
        steps = len(self._sizes) - self._inputs - 1  # the last one is the result of another
        ends = f"{self.in_shape} -> {self.out_shape}"
        return f"<Linearized {ends}, {steps} steps, dtype={self.dtype}>"


def _product(op: Operator | None, x: NDArray[Any]) -> NDArray[Any]:
    """An operator applied to flat results."""
    if op is None:
        return x
    return op.apply(x.reshape(len(x), *op.in_shape)).reshape(len(x), -1)


def _sum(parts: Any, shape: tuple[int, int], kind: Any) -> NDArray[Any]:
    """The sum of fresh or shared arrays, which stay as they are; zeros if there are none."""
    total: Any = None
    for part in parts:
        total = part if total is None else total + part
    return np.zeros(shape, kind) if total is None else total


def _held(ops: list[Operator], shape: tuple[int, int], dtype: Any, max_bytes: Any) -> Operator:
    """The matrix of a sum, as an operator."""
    if not ops:
        return as_operator(csr_array(shape, dtype=dtype))
    total = ops[0]
    for op in ops[1:]:
        total = total + op
    return as_operator(_nonzero(total.to_matrix(max_bytes=max_bytes)))


def _nonzero(matrix: csr_array) -> csr_array:
    """The matrix without stored zeros."""
    matrix.eliminate_zeros()
    return matrix
