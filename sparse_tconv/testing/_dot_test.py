"""The dot test: whether B is the adjoint of A, as far as probes can see."""

from __future__ import annotations

import math
from itertools import cycle, islice
from typing import Any

import numpy as np

from .._validate import real, written
from ..errors import GeometryError
from ._finding import CallFailedError, Cause, Finding
from ._linearity import linearity_findings, nonfinite
from ._pair import Linear, Pair, as_pair
from ._probes import Probe, random_probes, structured_probes
from ._report import AdjointReport, side_text
from ._score import Score

__all__ = ["dot_test", "seed_of"]

BLOCK_ENTRIES = 2_000_000  # entries of all probes that are held at one time
SAFETY = 8.0

_MOST_TRIALS = 1_000_000


def dot_test(
    op: Any,
    adjoint: Any = None,
    *,
    in_shape: Any = None,
    out_shape: Any = None,
    dtype: Any = None,
    out_dtype: Any = None,
    linear: Linear | None = None,
    trials: int = 10,
    rng: int | np.random.Generator | None = None,
    rtol: float | None = None,
    in_weight: Any = None,
    out_weight: Any = None,
) -> AdjointReport:
    """Test whether a forward and an adjoint are a pair: ``<A x, y> = <x, B y>``.

    Parameters
    ----------
    op : matrix, linear operator, or callable
        The forward A: a NumPy array, sparse matrix or anything with SciPy's ``matvec`` (PyLops'
        operators and this library's included), or a function of one n-d array or one tuple of
        arrays, NumPy or torch.
    adjoint : matrix, linear operator, or callable, optional
        The adjoint B under test; by default the one that `op` has.
    in_shape, out_shape : shape or tuple of shapes, optional
        What the forward takes and gives. `in_shape` is needed for a callable; `out_shape` is
        found by calling it, and checked when given.
    dtype, out_dtype : dtype, optional
        Of the probes on either side, NumPy's or torch's; by default the operator's (float64
        for a callable), and that of what the forward returns.
    linear : {'complex', 'real'}, optional
        'real' tests the real part of the inner products, for maps of complex arrays that are
        linear over the reals only. By default 'complex', unless `op.clinear` is False.
    trials : int, default 10
        Random probes on each side, at least 1. About twenty structured ones are added.
    rng : int or Generator, optional
        Seed of the probes; drawn afresh by default, and reported.
    rtol : float, optional
        Bound of the relative gap in place of ``8 eps sqrt(r)``.
    in_weight, out_weight : array_like of positive reals, optional
        Weights of the inner products, ``<u, v> = sum conj(u) weight v``; they broadcast to
        `in_shape` and `out_shape` (a tuple of weights for a tuple of arrays).

    Returns
    -------
    AdjointReport
        True when everything holds. A wrong shape, an exception inside a callable, an input that
        was written to and a map that is not linear are findings of the report, not exceptions.

    Raises
    ------
    ShapeError
        When a shape is missing, is none, or contradicts the operator's matrix shape.
    DTypeError
        When a dtype is not numeric, or `op` or `adjoint` is nothing that can be applied.
    GeometryError
        When `linear`, `trials`, `rtol` or a weight cannot be what was given.

    See Also
    --------
    exact_test : every entry, for small shapes.
    diagnose : what the mistake is.
    assert_adjoint : this as an assertion.

    Notes
    -----
    The forward is ``x -> A x`` and the adjoint ``y -> B y``; a right pair has ``B = A^H``, with
    weights ``B = W_in^-1 A^H W_out``. Every probe x meets every probe y, in

    ``|<A x, y> - <x, B y>| <= 8 eps sqrt(r) max(|A x| |y|, |x| |B y|, nu |x| |y|)``,

    r the most entries seen in a row or column (by unit probes), nu the largest ``|A x| / |x|`` of
    the random probes, eps the coarsest dtype's. Convolutions of this library say how many taps meet,
    and how large they are, where a border folds them into entries that cancel: r and nu are at least
    those of a matrix in which nothing folds. Probes are random normal vectors; units at corners,
    edges, the center and two random places; constants; alternating signs. Inner products are summed
    in extended precision. Another operator that cancels inside, of factors much larger than itself,
    rounds like its factors; give it an `rtol`. Cost: about ``trials + 25`` calls of each direction.

    Examples
    --------
    >>> import numpy as np
    >>> from sparse_tconv.testing import dot_test
    >>> A = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]])
    >>> bool(dot_test(A, A.T))
    True
    >>> report = dot_test(lambda x: A @ x, lambda y: 2 * A.T @ y, in_shape=3, rng=0)
    >>> print(report.findings[0].cause)
    adjoint identity violated
    >>> dot_test(lambda x: x)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `adjoint` must be a callable when `op` is one; got ...
    """
    _check_numbers(trials, rtol)
    seed = seed_of(rng)
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
        return _run(pair, trials, seed, rtol)
    except CallFailedError as failure:
        return _unanswered(pair, failure.finding, trials, seed)


def seed_of(rng: int | np.random.Generator | None) -> int:
    """Return a seed that can be written down: the one given, or one drawn."""
    if isinstance(rng, int | np.integer) and not isinstance(rng, bool) and rng >= 0:
        return int(rng)
    if rng is not None and not isinstance(rng, np.random.Generator):
        raise GeometryError(
            f"`rng` must be a seed of at least 0 or a numpy.random.Generator; got {written(rng)}. Use 0."
        )
    return int((rng or np.random.default_rng()).integers(2**32))


def _check_numbers(trials: int, rtol: float | None) -> None:
    """Refuse a number of trials or a tolerance that means nothing."""
    if not isinstance(trials, int | np.integer) or isinstance(trials, bool) or trials < 1:
        raise GeometryError(
            f"`trials` must be an int of at least 1; got {written(trials)}. Use 10."
        )
    if trials > _MOST_TRIALS:
        raise GeometryError(f"`trials` must be at most {_MOST_TRIALS:,}; got more. Use 10.")
    if rtol is not None and not 0 <= real(rtol) < np.inf:
        raise GeometryError(
            f"`rtol` must be a number of at least 0; got {written(rtol)}. Use 1e-6."
        )


def _run(pair: Pair, trials: int, seed: int, rtol: float | None) -> AdjointReport:
    """Try all probes, block by block, and put the report together."""
    score = Score(pair)
    for x_probes, y_probes in _blocks(pair, trials, seed):
        score.add(x_probes, y_probes)
    bound = SAFETY * pair.eps * math.sqrt(score.terms) if rtol is None else float(rtol)
    if not math.isfinite(score.gap):
        findings = [nonfinite(f"from finite probes ({score.worst})")]
    else:
        findings = linearity_findings(pair, bound, seed, score.norms_from_below)
    findings.extend(pair.modified.values())
    if bound < score.gap < math.inf:
        findings.append(_violated(score, bound))
        findings.extend(_precision(score, pair.eps))
    return AdjointReport(
        gap=score.gap,
        bound=bound,
        smallest_error=score.smallest_error(bound, trials),
        worst=score.worst,
        terms=score.terms,
        eps=pair.eps,
        trials=trials,
        seed=seed,
        domain=side_text(pair.domain),
        codomain=side_text(pair.codomain),
        findings=tuple(findings),
    )


def _blocks(pair: Pair, trials: int, seed: int) -> list[tuple[list[Probe], list[Probe]]]:
    """Cut the probes of both sides into blocks that fit into memory, the random ones first."""
    xs = random_probes(seed, 0, trials) + structured_probes(pair.domain, seed, 0)
    ys = random_probes(seed, 1, trials) + structured_probes(pair.codomain, seed, 1)
    length = max(len(xs), len(ys))
    step = max(1, min(length, BLOCK_ENTRIES // (pair.domain.size + pair.codomain.size)))
    if step < length:  # every probe needs a partner in its own block
        xs, ys = (list(islice(cycle(probes), length)) for probes in (xs, ys))
    return [(xs[i : i + step], ys[i : i + step]) for i in range(0, length, step)]


def _violated(score: Score, bound: float) -> Finding:
    return Finding(
        Cause.IDENTITY,
        f"<Ax, y> and <x, By> differ by {score.gap:.2e} of their size ({score.worst}); rounding "
        f"explains {bound:.1e}.",
        "Run diagnose(...) on small shapes to learn what the mistake is.",
    )


def _precision(score: Score, eps: float) -> list[Finding]:
    """Tell a gap that a lower precision would explain."""
    single = float(np.finfo(np.float32).eps)
    if eps >= single or score.gap > SAFETY * single * math.sqrt(score.terms):
        return []
    return [
        Finding(
            Cause.PRECISION,
            f"a gap of {score.gap:.1e} is what float32 leaves, but float64 went in and came out.",
            "Look for a float32 inside, or pass dtype=numpy.float32.",
        )
    ]


def _unanswered(pair: Pair | None, finding: Finding, trials: int, seed: int) -> AdjointReport:
    """Report on a pair of which a callable gave no usable answer."""
    nan = float("nan")
    return AdjointReport(
        gap=nan,
        bound=nan,
        smallest_error=nan,
        worst="no probe",
        terms=0,
        eps=nan,
        trials=trials,
        seed=seed,
        domain=side_text(pair.domain if pair else None),
        codomain=side_text(pair.codomain if pair else None),
        findings=(finding,),
    )
