"""All laws of a linear operator at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ..errors import DTypeError
from ..operators import Operator
from ._dot_test import dot_test, seed_of
from ._laws import ARRAY_LAWS, COLUMNS, LAWS, Law, Trial
from ._probes import random_vector
from ._report import AdjointReport, table
from ._space import Space

__all__ = ["LawResult", "OperatorReport", "check_operator"]

FALLBACK = 1e-6  # relative error allowed when the dot test got no answer to measure by


@dataclass(frozen=True)
class LawResult:
    """One law and what came of it; `evidence` is empty where it holds.

    Examples
    --------
    >>> from sparse_tconv import Conv, testing
    >>> report = testing.check_operator(Conv([1.0, 2.0], (4,), channels=False))
    >>> report.laws[0].law
    'shape is two sizes'
    """

    law: str
    evidence: str

    @property
    def passed(self) -> bool:
        """Whether the law holds."""
        return not self.evidence


@dataclass(frozen=True)
class OperatorReport:
    """What `check_operator` saw; true when every law holds.

    Attributes
    ----------
    laws : tuple of LawResult
        Every law that applies to the operator.
    adjoint : AdjointReport
        The dot test.
    seed : int
        ``rng=report.seed`` repeats the check.

    Examples
    --------
    >>> from sparse_tconv import Conv, testing
    >>> report = testing.check_operator(Conv([1.0, 2.0], (4,), channels=False))
    >>> bool(report)
    True
    """

    laws: tuple[LawResult, ...]
    adjoint: AdjointReport
    seed: int

    @property
    def broken(self) -> tuple[LawResult, ...]:
        """The laws that do not hold."""
        return tuple(result for result in self.laws if not result.passed)

    def __bool__(self) -> bool:
        return bool(self.adjoint) and not self.broken

    def __repr__(self) -> str:
        rows = [(result.law, result.evidence or "holds") for result in self.laws]
        rows.append(("seed", str(self.seed)))
        return f"{table('OperatorReport', bool(self), rows)}\n{self.adjoint!r}"


def check_operator(
    op: Any,
    *,
    dtype: Any = None,
    trials: int = 10,
    rng: int | np.random.Generator | None = None,
    rtol: float | None = None,
) -> OperatorReport:
    """Check every law of a linear operator: linearity, adjoint, T and H, matmat, n-d arrays.

    Parameters
    ----------
    op : linear operator
        Anything with SciPy's ``shape``, ``dtype``, ``matvec`` and ``rmatvec``. What else it has
        (``matmat``, ``H``, ``T``, ``apply`` with ``in_shape`` and ``out_shape``, ``matrix``) is
        checked too.
    dtype, trials, rng, rtol
        As in `dot_test`.

    Returns
    -------
    OperatorReport
        True when all laws hold. A law that raises is broken; its exception is the evidence.

    Raises
    ------
    DTypeError
        When `op` has no ``matvec``.
    GeometryError
        When `trials` is not an int of at least 1.

    See Also
    --------
    dot_test : the adjoint identity and linearity alone, for callables too.

    Notes
    -----
    Two results agree when the norm of their difference is at most the dot test's bound times the
    norm of the result, or of what convolutions of this library add up for it. The forward and the
    adjoint are ``op.matvec`` and ``op.rmatvec``. Cost: about ``trials + 50`` products in each
    direction.

    Examples
    --------
    >>> import numpy as np
    >>> from scipy.sparse.linalg import aslinearoperator
    >>> from sparse_tconv.testing import check_operator
    >>> bool(check_operator(aslinearoperator(np.array([[1.0, 2.0], [0.0, 3.0]]))))
    True
    >>> check_operator(len)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a linear operator with matvec; got ...
    """
    if not hasattr(op, "matvec") or not hasattr(op, "shape"):
        raise DTypeError(
            f"`op` must be a linear operator with matvec; got {type(op).__name__}. Wrap it with "
            "scipy.sparse.linalg.aslinearoperator, or use dot_test for callables."
        )
    seed = seed_of(rng)
    adjoint = dot_test(op, dtype=dtype, trials=trials, rng=seed, rtol=rtol)
    trial = _trial(op, dtype, seed, adjoint.bound if np.isfinite(adjoint.bound) else FALLBACK)
    laws = {**LAWS, **_array_laws(op)}
    results = [
        LawResult(name, _evidence(law, op, trial)) for name, law in laws.items() if _has(op, name)
    ]
    return OperatorReport(tuple(results), adjoint, seed)


def _array_laws(op: Any) -> dict[str, Law]:
    """Return the laws of what only some operators have."""
    return {
        name: law
        for name, (needed, law) in ARRAY_LAWS.items()
        if all(hasattr(type(op), attribute) or attribute in vars(op) for attribute in needed)
    }


def _has(op: Any, law: str) -> bool:
    """Whether the operator has what a law speaks of."""
    needed = {"H", "T", "matmat"} & set(law.replace(".", " ").split())
    return all(hasattr(op, name) for name in needed)


def _trial(op: Any, dtype: Any, seed: int, rtol: float) -> Trial:
    """Draw random vectors for both sides."""
    own = np.dtype(op.dtype if dtype is None else dtype)
    kind = own if own.kind in "fc" else np.dtype(np.float64)
    rng = np.random.default_rng((seed, 4))
    x, y = (
        np.stack([random_vector(Space(((int(n),),), True, kind), rng) for _ in range(COLUMNS)])
        for n in (op.shape[1], op.shape[0])
    )
    terms = op.terms() if isinstance(op, Operator) else None
    return Trial(x, y, rtol, 0.0 if terms is None else terms.norm(op.shape))


def _evidence(law: Law, op: Any, trial: Trial) -> str:
    """Run one law; an exception breaks it."""
    try:
        return law(op, trial) or ""
    except Exception as error:
        return f"raised {type(error).__name__}: {' '.join(str(error).split())[:200]}"
