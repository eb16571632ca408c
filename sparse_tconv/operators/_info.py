"""What an operator costs, and why its engine was chosen."""

from __future__ import annotations

from dataclasses import dataclass

from .._table import table


@dataclass(frozen=True)
class Info:
    """Facts about an operator; made by ``op.info()``, and its repr is a table.

    Parameters
    ----------
    operator : str
        The operator's repr.
    shape : tuple of int
        Rows and columns of its matrix.
    nnz : int
        Stored entries of its matrix.
    matrix_nbytes : int
        Bytes of its matrix as CSR, whether built or not.
    held_nbytes : int
        Bytes that the operator and its transpose hold now: kernel, engine state, matrices.
    flops : int
        Floating-point operations of one product by the explicit matrix: two per entry.
    engine : str
        The engine that computes.
    reason : str
        Why that engine.
    estimates : tuple of (str, float)
        Estimated seconds of one product by each engine that can compute this.
    refusals : tuple of (str, str)
        Why each of the other engines cannot.
    """

    operator: str
    shape: tuple[int, int]
    nnz: int
    matrix_nbytes: int
    held_nbytes: int
    flops: int
    engine: str
    reason: str
    estimates: tuple[tuple[str, float], ...]
    refusals: tuple[tuple[str, str], ...]

    def __repr__(self) -> str:
        rows = [
            ("matrix", f"{self.shape[0]:,} x {self.shape[1]:,}"),
            ("entries", f"{self.nnz:,}"),
            ("matrix bytes", f"{self.matrix_nbytes:,}"),
            ("held bytes", f"{self.held_nbytes:,}"),
            ("flops", f"{self.flops:,}"),
            ("engine", f"{self.engine}: {self.reason}"),
            *(
                (f"  {name}", f"{seconds * 1e3:,.3f} ms estimated")
                for name, seconds in self.estimates
            ),
            *((f"  {name}", reason) for name, reason in self.refusals),
        ]
        return table(self.operator, rows)
