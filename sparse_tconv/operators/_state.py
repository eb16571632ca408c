"""What a convolution shares with its transpose: the kernel, the geometry, and the engines built
for them.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from .._memory import check_fits
from ..assembly import check_folded_sums, wrap
from ..choice import Selection
from ..engines import CsrEngine, Engine, engine_class
from ..errors import MatrixTooLargeError
from ..geometry import ConvGeometry
from ..threads import whole
from ._shared_state import SharedState

_SMALL = 1 << 16  # bytes of a kernel
Product = Callable[[NDArray[Any]], NDArray[Any]]
_LARGE = 1 << 20  # entries; looking up how much memory there is takes microseconds


class State(SharedState):
    """A geometry, a read-only kernel, and the engines that multiply by their C.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    weight : array of ``geometry.weight_shape``
        The kernel; copied, but where nobody can ever write to it.
    engine : str
        The engine asked for, or 'auto'.
    """

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any], engine: str) -> None:
        super().__init__(geometry, weight, engine)
        # Of a small kernel the bytes too: they compare in a tenth of the time of two arrays.
        self._content = self.weight.tobytes() if self.weight.nbytes <= _SMALL else None
        own = Selection(engine, geometry, self.weight.dtype)
        self._selections = {self.weight.dtype: own}
        self._engines: dict[tuple[str, np.dtype[Any]], Engine] = {}
        self._products: dict[tuple[bool, bool, str], Product] = {}
        self._conjugated: dict[bool, NDArray[Any]] = {}
        self._largest = max(geometry.shape)

    @property
    def nbytes(self) -> int:
        """Bytes held: the kernel, and what the engines built."""
        conjugated = sum(array.nbytes for array in list(self._conjugated.values()))
        return (
            self.weight.nbytes
            + conjugated
            + sum(engine.nbytes for engine in list(self._engines.values()))
        )

    def multiply(self, x: NDArray[Any], transposed: bool, conjugated: bool) -> NDArray[Any]:
        """C, C^T or a conjugate of them times a batch of samples with channel axes, in the
        result's dtype.
        """
        if not len(x):
            return self._empty(x.dtype, transposed)
        if len(x) * self._largest > _LARGE:
            self._check_fits(len(x), transposed, np.result_type(x.dtype, self.weight.dtype))
        way = transposed, conjugated, x.dtype.char
        try:
            product = self._products.get(way)
            if product is None:
                product = self._product(transposed, conjugated, x.dtype)
                self._products[way] = product
            return product(x)
        except MatrixTooLargeError:
            raise
        except MemoryError as error:
            raise MatrixTooLargeError(
                f"`engine` must do with the memory there is; got too little for a product by {self.engine_name!r}. "
                f"Pass fewer samples at once, or engine='csr'."
            ) from error

    def _check_fits(self, batch: int, transposed: bool, dtype: np.dtype[Any]) -> None:
        """Refuse a product that memory does not hold, before anything is allocated for it."""
        shape = self.geometry.x_shape if transposed else self.geometry.y_shape
        nbytes = batch * prod(shape) * dtype.itemsize
        check_fits("x", f"a product of shape {(batch, *shape)}", nbytes, "Pass fewer samples.")

    def _product(self, transposed: bool, conjugated: bool, dtype: np.dtype[Any]) -> Product:
        """What multiplies by C, C^T or a conjugate of them, for samples of one dtype."""
        if conjugated:
            plain = self._product(transposed, False, dtype)
            return lambda x: plain(x.conj()).conj()
        result = np.result_type(dtype, self.weight.dtype)
        if result.kind == "c" and not self.is_complex:
            part = self._product(transposed, False, result.type().real.dtype)
            return lambda x: _by_parts(part, x, result)
        selection = self._selection(result)
        if not selection.fixed:
            return lambda x: self._weighed(selection, x, transposed)
        engine = self._built(selection.name, result)
        computed = engine.transpose if transposed else engine.forward
        return lambda x: whole(computed, np.ascontiguousarray(x, dtype=result))

    def _weighed(self, selection: Selection, x: NDArray[Any], transposed: bool) -> NDArray[Any]:
        """A product by an engine that was not named: compiled loops take it when they pay, and give
        it back if they do not work.
        """
        if selection.turns(len(x)):
            self._forget_all_but(selection)
        try:
            return self._computed(selection, x, transposed)
        except Exception as error:
            if not selection.gives_up(error):
                raise
            return self._computed(selection, x, transposed)

    def _computed(self, selection: Selection, x: NDArray[Any], transposed: bool) -> NDArray[Any]:
        engine = self._built(selection.name, selection.dtype)
        computed = engine.transpose if transposed else engine.forward
        return whole(computed, np.ascontiguousarray(x, dtype=selection.dtype))

    def _forget_all_but(self, selection: Selection) -> None:
        """Engines of a dtype that another one computes for now are let go; matrices are not."""
        for name, dtype in list(self._engines):
            if dtype == selection.dtype and name not in (selection.name, CsrEngine.name):
                self._engines.pop((name, dtype), None)

    def _empty(self, dtype: np.dtype[Any], transposed: bool) -> NDArray[Any]:
        """The product of no sample."""
        g = self.geometry
        size = (axis.n_in if transposed else axis.n_out for axis in g.axes)
        channels = g.x_channels if transposed else g.y_channels
        return np.zeros((0, channels, *size), dtype=np.result_type(dtype, self.weight.dtype))

    def holds(self, kernel: NDArray[Any]) -> bool:
        """Whether a kernel of the same shape and dtype is this one, byte by byte."""
        if self._content is not None:
            return kernel.tobytes() == self._content
        own, other = (array.reshape(-1).view(np.uint8) for array in (self.weight, kernel))
        return bool((own == other).all())

    @property
    def ways(self) -> int:
        """How many kinds of products have been computed: what the engines hold grows with them."""
        return len(self._products)

    @property
    def engine_name(self) -> str:
        """The engine that computes in the kernel's dtype."""
        return self._selections[self.weight.dtype].name

    def _selection(self, dtype: np.dtype[Any]) -> Selection:
        """The engine for one dtype, selected at its first use."""
        found = self._selections.get(dtype)
        if found is None:
            made = Selection(self.asked, self.geometry, dtype)
            found = self._selections.setdefault(dtype, made)
        return found

    def csr(self) -> CsrEngine:
        """The explicit matrix in the kernel's own dtype."""
        engine = self._built(CsrEngine.name, self.weight.dtype)
        if not isinstance(engine, CsrEngine):
            raise TypeError("the registry's 'csr' is another engine")
        return engine

    def _built(self, name: str, dtype: np.dtype[Any]) -> Engine:
        found = self._engines.get((name, dtype))
        if found is not None:
            return found
        with self._lock:
            if (name, dtype) not in self._engines:
                weight = self.weight if dtype == self.weight.dtype else self.weight.astype(dtype)
                self._engines[name, dtype] = engine_class(name)(self.geometry, weight)
            return self._engines[name, dtype]

    def matrix(self, transposed: bool, conjugated: bool) -> csr_array:
        """C, C^T or a conjugate of them: a new csr_array around cached read-only values and
        indices.
        """
        check_folded_sums(self.geometry, self.weight)
        matrix = self.csr().matrix(transposed)
        data = self._conjugate(matrix.data, transposed) if conjugated else matrix.data
        # SciPy's resize() writes into indptr, so each matrix gets its own: a row's pointer beside a
        # row's entries.
        return wrap(data, matrix.indices, matrix.indptr.copy(), matrix.shape)

    def _conjugate(self, data: NDArray[Any], transposed: bool) -> NDArray[Any]:
        """The conjugate of a matrix's values, made once."""
        with self._lock:
            if transposed not in self._conjugated:
                conjugate = data.conj()
                conjugate.flags.writeable = False
                self._conjugated[transposed] = conjugate
            return self._conjugated[transposed]


def _by_parts(product: Product, x: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """The product of complex samples by a real kernel: two real ones."""
    parts = product(np.concatenate([x.real, x.imag]))
    y = np.empty((len(x), *parts.shape[1:]), dtype=dtype)
    y.real, y.imag = parts[: len(x)], parts[len(x) :]
    return y
