from __future__ import annotations

from .settings import DTYPES, NAMES, kernel, operator


class Refill:
    """The matrix of the same geometry with another kernel."""

    params = (NAMES, DTYPES)
    param_names = ("setting", "dtype")

    def setup(self, name: str, dtype: str) -> None:
        self.op = operator(name, dtype, engine="csr")
        self.matrix = self.op.matrix  # kept: the pattern lives as long as someone uses it
        self.weight = kernel(name, dtype, seed=1)

    def time_with_weight_matrix(self, name: str, dtype: str) -> None:
        _ = self.op.with_weight(self.weight).matrix
