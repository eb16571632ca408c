"""What every linear operator must obey, one function per law.

A law gets the operator and a `Trial` and returns None when it holds, else what was seen.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._inner import norms

__all__ = ["ARRAY_LAWS", "LAWS", "Law", "Trial"]

Law = Callable[[Any, "Trial"], str | None]
COLUMNS = 3


@dataclass(frozen=True)
class Trial:
    """Random vectors for both sides, one per row, and the error that rounding may leave."""

    x: NDArray[Any]
    y: NDArray[Any]
    rtol: float
    least_norm: float = 0.0  # of the operator, that rounding has at least

    def differ(self, got: Any, due: Any) -> str | None:
        """Say how two results differ, if they do by more than rounding."""
        got, due = np.asarray(got), np.asarray(due)
        if got.shape != due.shape:
            return f"shape {got.shape} where {due.shape} is due"
        given = max(norms(v.reshape(1, -1))[0] for v in (self.x, self.y))
        size = float(max(norms(due.reshape(1, -1))[0], self.least_norm * given))
        error = float(norms((got - due).reshape(1, -1))[0])
        return None if error <= self.rtol * size else f"differs by {error:.1e} of {size:.1e}"


def _shape(op: Any, trial: Trial) -> str | None:
    whole = all(isinstance(n, int | np.integer) and n >= 0 for n in op.shape)
    return None if len(op.shape) == 2 and whole else f"shape is {op.shape!r}"


def _dtype(op: Any, trial: Trial) -> str | None:
    return None if np.dtype(op.dtype).kind in "iufc" else f"dtype is {op.dtype!r}"


def _matvec_shape(op: Any, trial: Trial) -> str | None:
    got = np.shape(op.matvec(trial.x[0]))
    return None if got == (op.shape[0],) else f"shape {got} where {(op.shape[0],)} is due"


def _at(op: Any, trial: Trial) -> str | None:
    return trial.differ(op @ trial.x[0], op.matvec(trial.x[0]))


def _matmat(op: Any, trial: Trial) -> str | None:
    columns = np.stack([op.matvec(x) for x in trial.x], axis=1)
    return trial.differ(op.matmat(np.ascontiguousarray(trial.x.T)), columns)


def _matmat_fortran(op: Any, trial: Trial) -> str | None:
    return trial.differ(op.matmat(trial.x.T), np.stack([op.matvec(x) for x in trial.x], axis=1))


def _strided(op: Any, trial: Trial) -> str | None:
    spread = np.repeat(trial.x[0], 2)
    return trial.differ(op.matvec(spread[::2]), op.matvec(trial.x[0]))


def _repeatable(op: Any, trial: Trial) -> str | None:
    first = np.array(op.matvec(trial.x[0]))
    op.matvec(trial.x[1])
    return trial.differ(op.matvec(trial.x[0]), first)


def _kept(op: Any, trial: Trial) -> str | None:
    first = op.matvec(trial.x[0])
    kept = np.array(first)
    op.matvec(trial.x[1])
    return None if np.array_equal(kept, first, equal_nan=True) else "a later call changed it"


def _adjoint(op: Any, trial: Trial) -> str | None:
    return trial.differ(op.H @ trial.y[0], op.rmatvec(trial.y[0]))


def _transpose(op: Any, trial: Trial) -> str | None:
    return trial.differ(op.T @ trial.y[0], np.conj(op.rmatvec(np.conj(trial.y[0]))))


def _adjoint_twice(op: Any, trial: Trial) -> str | None:
    return trial.differ(op.H.H @ trial.x[0], op.matvec(trial.x[0]))


def _transpose_twice(op: Any, trial: Trial) -> str | None:
    return trial.differ(op.T.T @ trial.x[0], op.matvec(trial.x[0]))


def _turned_shapes(op: Any, trial: Trial) -> str | None:
    turned = tuple(op.shape[::-1])
    wrong = [name for name in ("H", "T") if tuple(getattr(op, name).shape) != turned]
    return f"shape of {', '.join(wrong)} is not {turned}" if wrong else None


LAWS: dict[str, Law] = {
    "shape is two sizes": _shape,
    "dtype is numeric": _dtype,
    "matvec gives a vector of shape[0]": _matvec_shape,
    "op @ x is matvec(x)": _at,
    "matmat is matvec column by column": _matmat,
    "matmat of a Fortran-ordered array is the same": _matmat_fortran,
    "matvec of a strided vector is the same": _strided,
    "matvec twice gives the same": _repeatable,
    "a result stays what it was": _kept,
    "shapes of H and T are turned around": _turned_shapes,
    "H @ y is rmatvec(y)": _adjoint,
    "T @ y is the conjugate of H @ conj(y)": _transpose,
    "H.H is the operator": _adjoint_twice,
    "T.T is the operator": _transpose_twice,
}


def _apply(op: Any, trial: Trial) -> str | None:
    x = trial.x[0].reshape(op.in_shape)
    return trial.differ(op.apply(x), op.matvec(trial.x[0]).reshape(op.out_shape))


def _batch(op: Any, trial: Trial) -> str | None:
    x = trial.x[: COLUMNS - COLUMNS % 2].reshape(-1, 1, *op.in_shape)
    return trial.differ(op.apply(x), np.stack([op.apply(one) for one in x]))


def _complex(op: Any, trial: Trial) -> str | None:
    x, z = (v.reshape(op.in_shape) for v in trial.x[:2])
    return trial.differ(op.apply(x + 1j * z), op.apply(x) + 1j * op.apply(z))


def _result_dtype(op: Any, trial: Trial) -> str | None:
    got = op.apply(trial.x[0].reshape(op.in_shape)).dtype
    due = np.result_type(op.dtype, trial.x)
    return None if got == due else f"dtype {got} where {due} is due"


def _matrix(op: Any, trial: Trial) -> str | None:
    return trial.differ(op.matrix @ trial.x[0], op.matvec(trial.x[0]))


ARRAY_LAWS: dict[str, tuple[tuple[str, ...], Law]] = {
    "apply is matvec in n-d": (("apply", "in_shape", "out_shape"), _apply),
    "apply takes batches": (("apply", "in_shape", "out_shape"), _batch),
    "complex input is two real products": (("apply", "in_shape", "out_shape"), _complex),
    "apply gives the common dtype": (("apply", "in_shape", "out_shape"), _result_dtype),
    "matrix @ x is matvec(x)": (("matrix",), _matrix),
}
