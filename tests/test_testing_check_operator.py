"""Every law that check_operator knows is broken once and seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import sparse_tconv as st
from sparse_tconv.errors import DTypeError
from sparse_tconv.testing import check_operator

A = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]])
B = A + 1j * A[:, ::-1]


class Flawed(LinearOperator):
    """The operator of B with one method spoilt."""

    def __init__(self, **spoilt: Any) -> None:
        super().__init__(spoilt.pop("dtype", B.dtype), B.shape)
        self.spoilt = spoilt

    def _matvec(self, x: np.ndarray) -> np.ndarray:
        return self.spoilt.get("matvec", lambda x: B @ x)(x)

    def _matmat(self, x: np.ndarray) -> np.ndarray:
        return self.spoilt.get("matmat", lambda x: B @ x)(x)

    def _rmatvec(self, y: np.ndarray) -> np.ndarray:
        return self.spoilt.get("rmatvec", lambda y: B.conj().T @ y)(y)

    def _adjoint(self) -> LinearOperator:
        return aslinearoperator(self.spoilt.get("adjoint", B.conj().T))

    def _transpose(self) -> LinearOperator:
        return aslinearoperator(self.spoilt.get("transpose", B.T))


def _growing() -> Any:
    """Answers that grow with every call."""
    calls: list[int] = []

    def matvec(x: np.ndarray) -> np.ndarray:
        calls.append(1)
        return B @ x * (1 + 0.01 * len(calls))

    return matvec


def _buffered() -> Any:
    """Answers that all live in one array."""
    buffer = np.empty(2, complex)

    def matvec(x: np.ndarray) -> np.ndarray:
        return np.matmul(B, x, out=buffer)

    return matvec


def _contiguous_only(x: np.ndarray) -> np.ndarray:
    if not x.flags.c_contiguous:
        raise RuntimeError("the array must be contiguous")
    return B @ x


BROKEN = {
    "matmat is matvec column by column": {"matmat": lambda x: B @ x[:, ::-1]},
    "matmat of a Fortran-ordered array is the same": {
        "matmat": lambda x: B @ (x if x.flags.c_contiguous else x[::-1])
    },
    "matvec of a strided vector is the same": {"matvec": _contiguous_only},
    "matvec twice gives the same": {"matvec": _growing()},
    "a result stays what it was": {"matvec": _buffered()},
    "H @ y is rmatvec(y)": {"adjoint": B.T},
    "T @ y is the conjugate of H @ conj(y)": {"transpose": B.conj().T},
    "shapes of H and T are turned around": {"transpose": B},
    "H.H is the operator": {"adjoint": 2 * B.conj().T},
    "T.T is the operator": {"transpose": 2 * B.T},
}


def test_an_operator_without_flaws_passes() -> None:
    assert check_operator(Flawed(), rng=0)


@pytest.mark.parametrize("law", BROKEN)
def test_a_broken_law_is_named(law: str) -> None:
    report = check_operator(Flawed(**BROKEN[law]), rng=0)
    assert not report
    assert law in {result.law for result in report.broken}
    assert repr(report).startswith("OperatorReport: FAILED")


def test_a_wrong_adjoint_is_in_the_dot_test_of_the_report() -> None:
    report = check_operator(Flawed(rmatvec=lambda y: B.T @ y), rng=0)
    assert not report
    assert not report.adjoint


def test_a_law_that_raises_is_broken_with_its_words() -> None:
    report = check_operator(LinearOperator((2, 3), matvec=lambda x: A @ x, dtype=float), rng=0)
    assert "raised" in next(r.evidence for r in report.broken if r.law == "H @ y is rmatvec(y)")


@pytest.mark.parametrize(
    "op",
    [
        aslinearoperator(A),
        aslinearoperator(sp.csr_array(B)),
        aslinearoperator(np.float32(A)),
        st.Conv(np.ones((2, 1, 3, 3)), (1, 5, 6), stride=2, padding=1, padding_mode="symmetric"),
        st.Conv(np.ones((2, 1, 2)) * 1j, (1, 5)),
        st.ConvTranspose(np.ones((2, 1, 3, 3), np.float32), (2, 4, 5), stride=2, padding=1),
        st.Conv(np.array([1, 2]), (5,), channels=False),
    ],
)
def test_right_operators_pass(op: Any) -> None:
    report = check_operator(op, rng=0)
    assert report, repr(report)


def test_operators_of_this_library_are_checked_on_arrays_too() -> None:
    report = check_operator(st.Conv(np.array([1.0, 2.0]), (5,), channels=False), rng=0)
    laws = {result.law for result in report.laws}
    assert {"apply is matvec in n-d", "apply takes batches", "matrix @ x is matvec(x)"} <= laws


def test_the_seed_repeats_a_report() -> None:
    first = check_operator(aslinearoperator(A))
    assert check_operator(aslinearoperator(A), rng=first.seed) == first


def test_what_is_no_operator_is_refused() -> None:
    with pytest.raises(DTypeError, match="`op` must be a linear operator with matvec; got ndarray"):
        check_operator(A)
