"""The dot test: what it reports, what it accepts, what it refuses."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import sparse_tconv as st
from sparse_tconv.errors import DTypeError, GeometryError, ShapeError
from sparse_tconv.testing import Cause, assert_adjoint, dot_test, exact_test, oracles

A = np.array([[1.0, 2.0, 0.0], [0.0, 1.0, 2.0]])


def _causes(report: Any) -> list[Cause]:
    return [finding.cause for finding in report.findings]


@pytest.mark.parametrize(
    "form",
    [
        (A,),
        (A, A.T),
        (sp.csr_array(A),),
        (sp.coo_matrix(A), sp.csc_array(A.T)),
        (aslinearoperator(A),),
        (aslinearoperator(A), aslinearoperator(A.T)),
        (aslinearoperator(A), lambda y: A.T @ y),
        (LinearOperator((2, 3), matvec=lambda x: A @ x, rmatvec=lambda y: A.T @ y),),
        (st.Conv(np.array([1.0, 2.0]), (5,), channels=False),),
        (st.ConvTranspose(np.ones((2, 1, 3, 3)) * 1j, (2, 4, 5), stride=2, padding=1).H,),
    ],
)
def test_every_form_of_a_right_operator_passes(form: tuple[Any, ...]) -> None:
    report = dot_test(*form, rng=0)
    assert report, repr(report)
    assert report.findings == ()
    assert 0 <= report.gap <= report.bound


def test_the_seed_of_a_report_repeats_it() -> None:
    first = dot_test(A, 1.1 * A.T)
    again = dot_test(A, 1.1 * A.T, rng=first.seed)
    assert first == again
    assert dot_test(A, rng=np.random.default_rng(3)) == dot_test(A, rng=np.random.default_rng(3))


def test_repr_is_a_table_with_gap_bound_seed_and_findings() -> None:
    lines = repr(dot_test(A, -A.T, rng=5)).splitlines()
    assert lines[0] == "AdjointReport: FAILED"
    names = [line.split("  ")[1] for line in lines[1:]]
    assert names == ["forward", "gap", "bound", "smallest error", "probes", "finding"]
    assert len({line.index(name) for line, name in zip(lines[1:], names, strict=True)}) == 1
    assert "seed 5" in lines[5]


def test_bound_counts_the_terms_and_takes_the_coarser_dtype() -> None:
    report = dot_test(A, rng=0)
    assert report.terms == 2
    assert report.bound == pytest.approx(8 * np.finfo(float).eps * np.sqrt(2))
    single = dot_test(lambda x: (A @ x).astype(np.float32), lambda y: A.T @ y, in_shape=3, rng=0)
    assert single.eps == np.finfo(np.float32).eps
    assert dot_test(A, rtol=0.5, rng=0).bound == 0.5


def test_rtol_decides_what_is_wrong() -> None:
    assert not dot_test(A, 1.001 * A.T, rng=0)
    assert dot_test(A, 1.001 * A.T, rtol=1e-2, rng=0)


def test_smallest_error_is_an_error_that_is_seen_for_every_seed(
    seed: int, settings_count: Any
) -> None:
    """Single precision, and the error of rank one that is hardest to see."""
    weight = np.random.default_rng(seed).standard_normal((1, 1, 3, 3)).astype(np.float32)
    a = oracles.matrix(weight, (1, 10, 10), padding=1)
    size = np.linalg.norm(a)
    visible = dot_test(a, rng=0).smallest_error
    for number in range(settings_count(1000)):
        rng = np.random.default_rng((seed, number))
        u, v = rng.standard_normal((2, 100))
        rank_one = np.outer(u, v) / (np.linalg.norm(u) * np.linalg.norm(v))
        wrong = (a.T + 1.5 * visible * size * rank_one).astype(np.float32)
        report = dot_test(a, wrong, rng=number)
        assert not report, f"seed {number}: {report!r}"


# --- one wrong corner entry at 256 x 256 in single precision -----------------------------------

PSF = np.array([[1, 2, 3], [4, 5, 6], [7, 8, 10]], np.float32) / np.float32(46)


def _blur(x: np.ndarray) -> np.ndarray:
    padded = np.pad(x, 1)
    n, m = x.shape
    return sum(
        (PSF[i, j] * padded[i : i + n, j : j + m] for i in range(3) for j in range(3)),
        np.zeros_like(x),
    )


def _blur_adjoint(y: np.ndarray, entry: tuple[int, int, int, int], error: float) -> np.ndarray:
    padded = np.pad(y, 1)
    n, m = y.shape
    x = sum(
        (PSF[2 - i, 2 - j] * padded[i : i + n, j : j + m] for i in range(3) for j in range(3)),
        np.zeros_like(y),
    )
    x[entry[:2]] += np.float32(error) * y[entry[2:]]
    return x


@pytest.mark.parametrize("entry", [(0, 0, 0, 0), (1, 2, 2, 3)], ids=["corner", "next to it"])
def test_one_wrong_entry_in_single_precision_is_found_on_a_small_twin(
    entry: tuple[int, int, int, int], seed: int
) -> None:
    """Two per cent of one entry of 65536 x 9."""

    def adjoint(y: np.ndarray) -> np.ndarray:
        return _blur_adjoint(y, entry, 2e-2 * float(PSF[1, 1]))

    options = {"dtype": np.float32}
    large = dot_test(_blur, adjoint, in_shape=(256, 256), **options, rng=seed)
    error = 2e-2 * float(PSF[1, 1]) / (256 * np.linalg.norm(PSF))
    assert large.smallest_error > error
    assert "run exact_test on a small twin" in repr(large)
    assert "drowns in the rounding of eps 1.2e-07" in repr(large)
    twin = exact_test(_blur, adjoint, in_shape=(16, 16), **options)
    assert not twin
    assert twin.wrong_entries == 1
    assert twin.in_positions.positions == (entry[:2],)
    assert twin.out_positions.positions == (entry[2:],)
    assert twin.in_positions.at_border


def test_a_wrong_entry_away_from_every_structured_probe_hides_at_256(seed: int) -> None:
    """The report of a test that passed says what it could not see."""
    report = dot_test(
        _blur,
        lambda y: _blur_adjoint(y, (1, 2, 2, 3), 1e-3 * float(PSF[1, 1])),
        in_shape=(256, 256),
        dtype=np.float32,
        rng=seed,
    )
    assert report
    assert "run exact_test on a small twin" in repr(report)


# --- maps that are no pair of linear maps ------------------------------------------------------


def test_an_affine_map_is_called_so() -> None:
    report = dot_test(lambda x: A @ x + 1, lambda y: A.T @ y, in_shape=3, rng=0)
    assert Cause.AFFINE in _causes(report)


@pytest.mark.parametrize("crooked", [np.abs, np.square, np.round, lambda x: np.maximum(x, 0)])
def test_a_crooked_map_is_called_so(crooked: Any) -> None:
    assert Cause.NONLINEAR in _causes(dot_test(crooked, crooked, in_shape=30, rng=0))


def test_a_map_linear_over_the_reals_passes_as_such_only() -> None:
    options = {"in_shape": 4, "dtype": complex, "rng": 0}
    assert Cause.REAL_LINEAR in _causes(dot_test(np.conj, np.conj, **options))
    assert dot_test(np.conj, np.conj, **options, linear="real")
    assert not dot_test(np.conj, lambda y: -np.conj(y), **options, linear="real")


def test_an_input_that_was_written_to_is_told_of_either_direction() -> None:
    def halve(x: np.ndarray) -> np.ndarray:
        x *= 0.5
        return x

    report = dot_test(halve, halve, in_shape=4, rng=0)
    assert _causes(report) == [Cause.MODIFIED, Cause.MODIFIED]
    assert ["forward" in str(report.findings[0]), "adjoint" in str(report.findings[1])] == [
        True
    ] * 2


def test_a_reused_output_buffer_does_not_confuse_the_test() -> None:
    buffer = np.empty(2)

    def forward(x: np.ndarray) -> np.ndarray:
        np.matmul(A, x, out=buffer)
        return buffer

    assert dot_test(forward, lambda y: A.T @ y, in_shape=3, rng=0)


def test_single_precision_inside_is_named() -> None:
    report = dot_test(
        lambda x: (A.astype(np.float32) / 3 @ x.astype(np.float32)).astype(float),
        lambda y: A.T / 3 @ y,
        in_shape=3,
        rng=0,
    )
    assert Cause.PRECISION in _causes(report)


def test_a_result_that_is_not_finite_is_told() -> None:
    for broken in (lambda x: np.full(3, np.nan), lambda x: np.where(x > 1, np.inf, x)):
        assert _causes(dot_test(broken, np.copy, in_shape=3, rng=0)) == [Cause.NONFINITE]
        assert _causes(dot_test(np.copy, broken, in_shape=3, rng=0)) == [Cause.NONFINITE]


def test_a_callable_that_raises_is_a_finding_with_its_words() -> None:
    def broken(y: np.ndarray) -> np.ndarray:
        raise ValueError("the plan is stale")

    for pair in ((broken, np.copy), (np.copy, broken)):
        report = dot_test(*pair, in_shape=3, rng=0)
        assert not report
        assert _causes(report) == [Cause.RAISES]
        assert "ValueError: the plan is stale" in report.findings[0].evidence
        assert "shape (3,) and dtype float64" in report.findings[0].fix
        assert repr(report).startswith("AdjointReport: FAILED")


def test_a_callable_of_tuples_that_raises_says_what_it_was_given() -> None:
    def broken(xs: tuple[np.ndarray, ...]) -> None:
        raise ValueError

    report = dot_test(broken, broken, in_shape=((2,), (3,)), rng=0)
    assert "no message" in report.findings[0].evidence
    assert "(an array of shape (2,) and dtype float64, an array of" in report.findings[0].fix


def test_an_operator_whose_rmatvec_is_too_short_is_a_finding() -> None:
    class Short:
        shape, dtype = (2, 3), np.dtype(float)
        matvec = staticmethod(lambda x: A @ x)
        rmatvec = staticmethod(lambda y: y)

    assert _causes(dot_test(Short(), rng=0)) == [Cause.SHAPE]


def test_a_complex_gradient_of_a_real_space_counts_its_real_part() -> None:
    def forward(x: np.ndarray) -> np.ndarray:
        return (1 + 2j) * x

    def adjoint(y: np.ndarray) -> np.ndarray:
        return (1 - 2j) * y

    options = {"in_shape": 4, "rng": 0, "linear": "real"}
    assert dot_test(forward, adjoint, **options)
    assert dot_test(forward, lambda y: adjoint(y).real, **options)
    assert not dot_test(forward, lambda y: adjoint(y).imag, **options)


def test_an_operator_without_an_adjoint_is_a_finding() -> None:
    report = dot_test(LinearOperator((2, 3), matvec=lambda x: A @ x, dtype=float), rng=0)
    assert _causes(report) == [Cause.RAISES]


@pytest.mark.parametrize(
    ("forward", "adjoint", "options", "match"),
    [
        (
            lambda x: A @ x,
            lambda y: y,
            {"in_shape": 3},
            r"adjoint returned shape \(2,\), but \(3,\)",
        ),
        (lambda x: A @ x, lambda y: A.T @ y, {"in_shape": 3, "out_shape": 4}, r"forward returned"),
        (np.copy, lambda y: (y, y), {"in_shape": 3}, r"returned shape \(\(3,\), \(3,\)\)"),
    ],
)
def test_a_wrong_shape_is_a_finding(
    forward: Any, adjoint: Any, options: dict[str, Any], match: str
) -> None:
    report = dot_test(forward, adjoint, **options, rng=0)
    assert _causes(report) == [Cause.SHAPE]
    with pytest.raises(AssertionError, match=match):
        assert_adjoint(forward, adjoint, **options, rng=0)


def test_a_result_that_is_no_array_of_numbers_is_a_finding() -> None:
    report = dot_test(lambda x: "y", lambda y: y, in_shape=3, rng=0)
    assert _causes(report) == [Cause.DTYPE]


@pytest.mark.parametrize(
    ("arguments", "options", "error", "match"),
    [
        ((np.copy,), {"in_shape": 3}, DTypeError, "`adjoint` must be a callable when `op` is one"),
        ((np.copy, np.copy), {}, ShapeError, "`in_shape` must be given when `op` is a callable"),
        ((np.copy, np.copy), {"in_shape": (3, 0)}, ShapeError, "`in_shape` must be a shape"),
        ((np.copy, np.copy), {"in_shape": 2.5}, ShapeError, "`in_shape` must be a shape"),
        ((A,), {"in_shape": 4}, ShapeError, "`in_shape` must have 3 entries"),
        ((A,), {"out_shape": (2, 2)}, ShapeError, "`out_shape` must have 2 entries"),
        ((A, A), {}, ShapeError, "`out_shape` must have 3 entries"),
        ((3, np.copy), {"in_shape": 3}, DTypeError, "`op` must be a matrix, a linear operator or"),
        ((np.copy, 3), {"in_shape": 3}, DTypeError, "`adjoint` must be a matrix, a linear"),
        ((A,), {"dtype": "text"}, DTypeError, "`dtype` must be a numeric dtype; got 'text'"),
        ((A,), {"dtype": bool}, DTypeError, "`dtype` must be a numeric dtype; got bool"),
        ((A,), {"out_dtype": object}, DTypeError, "`out_dtype` must be a numeric dtype"),
        ((A,), {"linear": "yes"}, GeometryError, "`linear` must be 'complex' or 'real'; got 'yes'"),
        ((A,), {"trials": 0}, GeometryError, "`trials` must be an int of at least 1; got 0"),
        ((A,), {"rtol": -1}, GeometryError, "`rtol` must be a number of at least 0; got -1"),
        ((A,), {"rng": "seed"}, GeometryError, "`rng` must be a seed of at least 0"),
        (
            (A,),
            {"in_weight": [1, 2]},
            ShapeError,
            r"`in_weight` must be real and broadcast to \(3,",
        ),
        ((A,), {"out_weight": 0}, GeometryError, "`out_weight` must be positive everywhere; got 0"),
        ((A,), {"out_weight": [[1]]}, ShapeError, "`out_weight` must be real and broadcast"),
    ],
)
def test_arguments_that_cannot_be_are_refused(
    arguments: tuple[Any, ...], options: dict[str, Any], error: type[Exception], match: str
) -> None:
    with pytest.raises(error, match=match):
        dot_test(*arguments, **options)


# --- assert_adjoint ----------------------------------------------------------------------------


def test_assert_adjoint_is_silent_for_a_right_pair() -> None:
    assert assert_adjoint(A, A.T) is None


def test_assert_adjoint_carries_report_and_diagnosis() -> None:
    with pytest.raises(AssertionError, match=r"(?s)AdjointReport: FAILED.*sign: B is minus the ri"):
        assert_adjoint(A, -A.T)


def test_assert_adjoint_asks_for_a_small_twin_when_it_is_too_large_to_diagnose() -> None:
    with pytest.raises(AssertionError, match="at most 20000 entries"):
        assert_adjoint(np.copy, np.negative, in_shape=(300, 300))


def test_assert_adjoint_refuses_wrong_arguments_as_dot_test_does() -> None:
    with pytest.raises(ShapeError, match="`in_shape` must be given"):
        assert_adjoint(np.copy, np.copy)
