"""What an operator shares with its transpose: the kernel, the geometry, and the engines built
for them.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from ..assembly import check_folded_sums, wrap
from ..engines import CsrEngine, Engine, choose, engine_class
from ..geometry import ConvGeometry
from ..threads import lock, whole


class State:
    """A geometry, a read-only kernel, and the engines that multiply by their C.

    Parameters
    ----------
    geometry : ConvGeometry
        The geometry of C.
    weight : array of ``geometry.weight_shape``
        The kernel; copied.
    engine : str
        The engine asked for, or 'auto'.
    """

    def __init__(self, geometry: ConvGeometry, weight: NDArray[Any], engine: str) -> None:
        self.geometry = geometry
        self.weight = np.array(weight, order="C")
        self.weight.flags.writeable = False
        self.asked = engine
        self.engine_name = choose(engine, geometry, self.weight.dtype)
        self._engines: dict[tuple[str, np.dtype[Any]], Engine] = {}
        self._conjugated: dict[bool, NDArray[Any]] = {}
        self._lock = lock()

    @property
    def is_complex(self) -> bool:
        """Whether conjugation does anything to the kernel."""
        return self.weight.dtype.kind == "c"

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
        result = np.result_type(x.dtype, self.weight.dtype)
        if not len(x):
            g = self.geometry
            size = (axis.n_in if transposed else axis.n_out for axis in g.axes)
            channels = g.x_channels if transposed else g.y_channels
            return np.zeros((0, channels, *size), dtype=result)
        if conjugated:
            return self.multiply(x.conj(), transposed, False).conj()
        if result.kind == "c" and not self.is_complex:
            parts = self.multiply(np.concatenate([x.real, x.imag]), transposed, False)
            y = np.empty((len(x), *parts.shape[1:]), dtype=result)
            y.real, y.imag = parts[: len(x)], parts[len(x) :]
            return y
        engine = self.engine(result)
        x = np.ascontiguousarray(x, dtype=result)
        product = engine.transpose if transposed else engine.forward
        return whole(product, x)

    def engine(self, dtype: np.dtype[Any]) -> Engine:
        """The engine for one dtype, built at its first use and kept."""
        name = (
            self.engine_name
            if dtype == self.weight.dtype
            else choose(self.asked, self.geometry, dtype)
        )
        return self._built(name, dtype)

    def csr(self) -> CsrEngine:
        """The explicit matrix in the kernel's own dtype."""
        engine = self._built(CsrEngine.name, self.weight.dtype)
        if not isinstance(engine, CsrEngine):
            raise TypeError("the registry's 'csr' is another engine")
        return engine

    def _built(self, name: str, dtype: np.dtype[Any]) -> Engine:
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
