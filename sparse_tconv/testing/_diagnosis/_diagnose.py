"""Say what is wrong with an adjoint."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._finding import CallFailedError, Cause, Diagnosis, Finding
from .._linearity import linearity_findings
from .._matrices import Matrices, check_small, forward_matrix, matrices_of, rounding
from .._pair import Linear, Pair, as_pair
from .._probes import random_vector
from ._fit import fit, interior, interior_windows
from ._general import general_findings
from ._guess import Guess
from ._leftover import leftover_findings
from ._mismatch import mismatch_findings
from ._mistakes import mistakes_for
from ._nearness import factor, is_one
from ._search import findings_of, search
from ._stencil import Stencil

__all__ = ["diagnose"]

FIT_ENTRIES = 2_000_000


def diagnose(
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
) -> Diagnosis:
    """List every known mistake that explains the difference between an adjoint and A^H.

    Parameters
    ----------
    op, adjoint, in_shape, out_shape, dtype, out_dtype, linear, in_weight, out_weight
        As in `dot_test`. n-d shapes let it recognize convolutions, so give `in_shape` and
        `out_shape` also for operators that know flat vectors only. Input and output may have
        20,000 entries together.
    rtol : float, optional
        Relative error taken for rounding, in place of ``8 eps sqrt(r)``.

    Returns
    -------
    Diagnosis
        A tuple of findings, each with cause, evidence and fix; empty for a right pair.

    Raises
    ------
    ShapeError, DTypeError, GeometryError
        As from `dot_test`; ShapeError also when the shapes are too large.
    MatrixTooLargeError
        When a matrix has more than 40 million entries.

    See Also
    --------
    dot_test : whether something is wrong, at any size.
    exact_test : where the wrong entries are.

    Notes
    -----
    A and B are found by applying forward and adjoint to every unit vector. General mistakes (sign,
    factor, conjugate, order of axes, the forward or an inverse in place of the adjoint) are tried
    first. Then A is recognized as a convolution, or the transpose of one: kernel, stride, dilation,
    padding and boundary are read off the matrix. Every known mistake is made in its adjoint, alone,
    then in pairs; those that give B, up to a factor, are listed. The forward is ``x -> A x`` and
    the adjoint ``y -> B y``. Cost: as many calls as input and output have entries, and seconds for
    the pairs of mistakes.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.testing import diagnose
    >>> w = np.array([1.0, 2.0, 4.0])
    >>> for finding in diagnose(
    ...     lambda x: np.correlate(x, w, "same"), lambda y: np.correlate(y, w, "same"), in_shape=9
    ... ):
    ...     print(finding.cause)
    forward used as its own adjoint
    kernel not flipped or flipped twice
    >>> diagnose(np.ones((30_000, 3)))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `in_shape` and `out_shape` must have at most 20000 entries ...
    """
    options = {
        "in_shape": in_shape,
        "out_shape": out_shape,
        "dtype": dtype,
        "out_dtype": out_dtype,
        "in_weight": in_weight,
        "out_weight": out_weight,
    }
    try:
        return Diagnosis(_findings(op, adjoint, linear, rtol, options))
    except CallFailedError as failure:
        return Diagnosis([failure.finding])


def _findings(
    op: Any, adjoint: Any, linear: Linear | None, rtol: float | None, options: dict[str, Any]
) -> list[Finding]:
    """Look at shapes, linearity and then the matrices."""
    pair = as_pair(op, adjoint, linear=linear, **options)
    check_small(pair)
    got = tuple(a.shape for a in pair.raw_adjoint(_random_output(pair)))
    if got != pair.domain.shapes:
        return [*_mismatch(pair, got, rtol), *pair.modified.values()]
    matrices = matrices_of(pair, rtol)
    findings = linearity_findings(pair, matrices.rtol, 0, matrices.norms_from_below())
    causes = [finding.cause for finding in findings]
    if Cause.NONLINEAR in causes:
        return [*findings, *pair.modified.values()]
    if Cause.REAL_LINEAR in causes:
        pair = as_pair(op, adjoint, linear="real", **options)
        matrices = matrices_of(pair, rtol)
    if matrices.wrong()[0].size:
        findings.extend(_explain(pair, matrices))
    return [*findings, *pair.modified.values()]


def _explain(pair: Pair, matrices: Matrices) -> Iterator[Finding]:
    """Yield what makes B differ from A^H."""
    known = list(general_findings(pair, matrices))
    right = recognized(pair, matrices.forward, matrices.rtol)
    if right is not None and pair.in_weight is None and pair.out_weight is None:
        pairs = {finding.cause for finding in known} <= {Cause.SAME_AS_FORWARD, Cause.INVERSE}
        known.extend(_of_convolution(right, matrices, pairs=pairs))
    yield from known
    if not known:
        yield from leftover_findings(pair, matrices, right.stencil if right else None)


def _of_convolution(right: Guess, matrices: Matrices, *, pairs: bool) -> Iterator[Finding]:
    """Yield the mistakes in a convolution's adjoint that give B."""
    rtol = matrices.rtol
    inside = interior_windows if right.transposed else interior
    rows = None if right.stencil.known_border else inside(right.stencil)
    mistakes = mistakes_for(right)
    matches = search(right, matrices.found, mistakes, rows, rtol, pairs=pairs)
    if factor(matrices.due, matrices.found, rtol) is not None:
        # B is a multiple of A^H already; only a mistake that needs no factor says more.
        matches = [match for match in matches if is_one(match.factor, rtol)]
    yield from findings_of(matches, rtol)


def recognized(pair: Pair, forward: sp.csr_array, rtol: float) -> Guess | None:
    """Return the right adjoint as a guess, if the forward is a convolution or transposes one."""
    domain, codomain = pair.domain, pair.codomain
    if not (domain.single and codomain.single) or domain.doubled or codomain.doubled:
        return None
    into, out = domain.shapes[0], codomain.shapes[0]
    stencil: Stencil | None = fit(forward, out, into, rtol)
    if stencil is not None:
        return Guess(stencil)
    stencil = fit(sp.csr_array(forward.T), into, out, rtol)
    return None if stencil is None else Guess(stencil, transposed=True)


def _mismatch(pair: Pair, got: tuple[tuple[int, ...], ...], rtol: float | None) -> list[Finding]:
    """Explain an adjoint that gives another shape."""
    forward = forward_matrix(pair)
    tolerance = rounding(pair, forward) if rtol is None else rtol
    right = recognized(pair, forward, tolerance)
    return list(mismatch_findings(pair, got, forward, right, tolerance))


def _random_output(pair: Pair) -> np.ndarray:
    return random_vector(pair.codomain, np.random.default_rng(0))
