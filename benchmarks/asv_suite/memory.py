from __future__ import annotations

import tracemalloc

import numpy as np

from .settings import NAMES, build, operator


class Memory:
    """Bytes: at the peak of an assembly over those of its matrix, and held by a warm operator."""

    params = (NAMES,)
    param_names = ("setting",)

    def setup(self, name: str) -> None:
        build(name, "float64")

    def track_assembly_peak_over_matrix(self, name: str) -> float:
        tracemalloc.start()
        matrix = build(name, "float64")
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak / (matrix.data.nbytes + matrix.indices.nbytes + matrix.indptr.nbytes)

    track_assembly_peak_over_matrix.unit = "times the matrix"  # type: ignore[attr-defined]

    def track_held_by_operator(self, name: str) -> int:
        op = operator(name, "float64")
        op.apply(np.zeros(op.in_shape))
        op.T.apply(np.zeros(op.out_shape))
        return op.info().held_nbytes

    track_held_by_operator.unit = "bytes"  # type: ignore[attr-defined]
