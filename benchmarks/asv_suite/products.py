from __future__ import annotations

import numpy as np

from .settings import DTYPES, NAMES, operator


class _Product:
    """A product by an operator that is built and warm."""

    params = (NAMES, DTYPES)
    param_names = ("setting", "dtype")
    transposed = False

    def setup(self, name: str, dtype: str) -> None:
        op = operator(name, dtype)
        self.op = op.T if self.transposed else op
        self.x = np.random.default_rng(1).standard_normal(self.op.in_shape).astype(dtype)
        self.batch = np.repeat(self.x[None], 4, axis=0)
        self.op.apply(self.x)


class Apply(_Product):
    """``op.apply(x)``."""

    def time_sample(self, name: str, dtype: str) -> None:
        self.op.apply(self.x)

    def time_batch_of_4(self, name: str, dtype: str) -> None:
        self.op.apply(self.batch)


class Transpose(_Product):
    """``op.T.apply(y)``."""

    transposed = True

    def time_sample(self, name: str, dtype: str) -> None:
        self.op.apply(self.x)

    def time_batch_of_4(self, name: str, dtype: str) -> None:
        self.op.apply(self.batch)


class Adjoint:
    """``op.H @ y`` on flat vectors, as an iterative solver calls it."""

    params = (NAMES,)
    param_names = ("setting",)

    def setup(self, name: str) -> None:
        self.op = operator(name, "float64")
        self.y = np.random.default_rng(2).standard_normal(self.op.shape[0])
        self.op.rmatvec(self.y)

    def time_rmatvec(self, name: str) -> None:
        self.op.rmatvec(self.y)
