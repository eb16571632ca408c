"""The exact test: every entry of A^H against every entry of B."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp

from ._finding import CallFailedError, Cause, Finding
from ._linearity import linearity_findings
from ._matrices import Matrices, matrices_of
from ._pair import Linear, Pair, as_pair
from ._places import Places, places_of
from ._report import side_text, table

__all__ = ["ExactReport", "exact_test"]


@dataclass(frozen=True)
class ExactReport:
    """What `exact_test` saw; true when no entry is wrong.

    Attributes
    ----------
    error, relative_error : float
        ``|A^H - B|_F``, and the same over ``|A^H|_F``.
    rtol : float
        What rounding can explain of an entry, relative to its row and column.
    wrong_entries, entries : int
        Wrong entries of B, and entries stored in A.
    in_positions, out_positions : Places
        Where in the input (rows of B) and in the output (columns of B) they stand.
    scale : complex or float
        The factor c for which ``c A^H`` is nearest to B, and
    scaled_error : float
        what is left then, relative to ``|B|_F``.
    domain, codomain : str
        Shape and dtype of both sides.
    findings : tuple of Finding
        Everything else wrong; a call that failed, for instance.

    Examples
    --------
    >>> from sparse_tconv import Conv, testing
    >>> report = testing.exact_test(Conv([1.0, 2.0], (4,), channels=False))
    >>> report.passed
    True
    """

    error: float
    relative_error: float
    rtol: float
    wrong_entries: int
    entries: int
    in_positions: Places
    out_positions: Places
    scale: complex | float
    scaled_error: float
    domain: str
    codomain: str
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings

    def __bool__(self) -> bool:
        return self.passed

    def __repr__(self) -> str:
        rows = [
            ("forward", f"{self.domain} -> {self.codomain}"),
            ("|A^H - B|", f"{self.error:.3e}, {self.relative_error:.2e} of |A|"),
            ("wrong entries", f"{self.wrong_entries} of {self.entries}; rounding {self.rtol:.1e}"),
            ("wrong in input", str(self.in_positions)),
            ("wrong in output", str(self.out_positions)),
            ("best scale", f"{self.scale:.6g}, then {self.scaled_error:.2e} of |B| is left"),
            *(("finding", str(finding)) for finding in self.findings),
        ]
        return table("ExactReport", self.passed, rows)


def exact_test(
    op: Any,
    adjoint: Any = None,
    *,
    in_shape: Any = None,
    out_shape: Any = None,
    dtype: Any = None,
    out_dtype: Any = None,
    linear: Linear | None = None,
    rtol: float | None = None,
    in_weight: Any = None,
    out_weight: Any = None,
) -> ExactReport:
    """Compare every entry of the adjoint's matrix with the forward's, on small shapes.

    Parameters
    ----------
    op, adjoint, in_shape, out_shape, dtype, out_dtype, linear, in_weight, out_weight
        As in `dot_test`; input and output may have 20,000 entries together.
    rtol : float, optional
        Allowed error of an entry relative to its row and column, in place of ``8 eps sqrt(r)``.

    Returns
    -------
    ExactReport
        True when no entry is wrong. A call that fails is a finding.

    Raises
    ------
    ShapeError, DTypeError, GeometryError
        As from `dot_test`; ShapeError also when the shapes are too large.
    MatrixTooLargeError
        When a matrix has more than 40 million entries.

    See Also
    --------
    dot_test : for any size, with a few probes.
    diagnose : what the mistake is.

    Notes
    -----
    A and B are found by applying forward and adjoint to every unit vector; an entry is wrong when
    ``|A^H - B| > 8 eps sqrt(r) max(row norm, column norm, nu)``, nu being what convolutions of this
    library add up, and 0 for others, as in :func:`dot_test`. Nothing hides: one wrong entry that a
    dot test in float32 on a large image cannot see is seen on a small twin. Cost: as many calls as
    input and output have entries.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.testing import exact_test
    >>> A = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]])
    >>> B = A.T.copy()
    >>> B[2, 1] = 5
    >>> report = exact_test(A, B)
    >>> report.wrong_entries, report.in_positions, report.out_positions
    (1, 1 of 3: (2,), 1 of 2: (1,))
    >>> exact_test(np.ones((30_000, 3)))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `in_shape` and `out_shape` must have at most 20000 entries ...
    """
    pair = None
    try:
        pair = as_pair(
            op,
            adjoint,
            in_shape=in_shape,
            out_shape=out_shape,
            dtype=dtype,
            out_dtype=out_dtype,
            linear=linear,
            in_weight=in_weight,
            out_weight=out_weight,
        )
        return _compare(pair, matrices_of(pair, rtol))
    except CallFailedError as failure:
        return _unanswered(pair, failure.finding)


def best_scale(due: sp.csr_array, found: sp.csr_array) -> tuple[complex | float, float]:
    """Return the c for which c due is nearest to found, and the relative error then left."""
    strength = float(sp.linalg.norm(due)) ** 2
    size = float(sp.linalg.norm(found))
    if strength == 0 or size == 0:
        return (1.0, 0.0) if strength == size else (0.0, 1.0)
    c = due.conj().multiply(found).sum() / strength
    c = complex(c) if np.iscomplexobj(c) and abs(c.imag) > 1e-12 * abs(c) else float(np.real(c))
    return c, float(sp.linalg.norm(sp.csr_array(found - c * due))) / size


def _compare(pair: Pair, matrices: Matrices) -> ExactReport:
    """Count and place the entries that are wrong."""
    rows, columns = matrices.wrong()
    error = float(sp.linalg.norm(sp.csr_array(matrices.found - matrices.due)))
    size = float(sp.linalg.norm(matrices.due))
    c, left = best_scale(matrices.due, matrices.found)
    crooked = linearity_findings(pair, matrices.rtol, 0, matrices.norms_from_below())
    findings = [*crooked, *pair.modified.values()]
    if rows.size:
        findings.append(
            Finding(
                Cause.IDENTITY,
                f"{rows.size} entries of B differ from A^H.",
                "Run diagnose(...) to learn what the mistake is.",
            )
        )
    return ExactReport(
        error=float(matrices.restored(error)),
        relative_error=error / size if size else float(matrices.restored(error)),
        rtol=matrices.rtol,
        wrong_entries=int(rows.size),
        entries=int(matrices.forward.nnz),
        in_positions=places_of(pair.domain, rows),
        out_positions=places_of(pair.codomain, columns),
        scale=c,
        scaled_error=left,
        domain=side_text(pair.domain),
        codomain=side_text(pair.codomain),
        findings=tuple(findings),
    )


def _unanswered(pair: Pair | None, finding: Finding) -> ExactReport:
    """Report on a pair of which a callable gave no usable answer."""
    nan, nowhere = float("nan"), Places((), 0, None)
    return ExactReport(
        error=nan,
        relative_error=nan,
        rtol=nan,
        wrong_entries=0,
        entries=0,
        in_positions=nowhere,
        out_positions=nowhere,
        scale=nan,
        scaled_error=nan,
        domain=side_text(pair.domain if pair else None),
        codomain=side_text(pair.codomain if pair else None),
        findings=(finding,),
    )
