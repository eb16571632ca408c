"""All solvers solve the problem that is written down, whatever the operator."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import scipy.sparse
from factories import random_array, random_setting
from scipy.optimize import nnls

import sparse_tconv as st
from sparse_tconv.inverse import ConvergenceWarning, Status, blur, psf, solve

ITERATIVE = ("lsmr", "lsqr", "cg", "cgls", "fista")
METHODS = ("spectral", "factor", *ITERATIVE)
EXACT = {"rtol": 1e-12, "maxiter": 100_000}
SLOW = {"rtol": 1e-10, "maxiter": 100_000}  # for gradients without a Krylov space


def limits(method):
    """The tightest that a method takes."""
    if method in ("auto", *ITERATIVE):
        return SLOW if method == "fista" else EXACT
    return {}


def normal_solution(op, y, damp, regularizer=None):
    """The definition, dense."""
    matrix = op.matrix.toarray()
    penalty = np.eye(matrix.shape[1]) if regularizer is None else regularizer
    left = matrix.conj().T @ matrix + damp**2 * penalty.conj().T @ penalty
    return np.linalg.solve(left, matrix.conj().T @ y.ravel()).reshape(op.in_shape)


def differences(op, name):
    """L for words, from its definition: one axis at a time."""
    sizes = op.in_shape[op.geometry.channels :]
    channels = op.in_shape[0] if op.geometry.channels else 1
    modes = op.geometry.padding_mode
    rows = []
    for axis, n in enumerate(sizes):
        step = np.eye(n, k=1) - np.eye(n)
        step[-1] = 0
        if modes[axis] == "circular":
            step[-1, [0, -1]] += (1, -1)
        factors = [step if a == axis else np.eye(m) for a, m in enumerate(sizes)]
        whole = np.eye(channels)
        for factor in factors:
            whole = np.kron(whole, factor)
        rows.append(whole)
    return np.concatenate(rows) if name == "gradient" else -sum(d.T @ d for d in rows)


@pytest.fixture(scope="module")
def tikhonov_problem():
    rng = np.random.default_rng(3)
    op = blur(psf.gauss(1.5), (64, 64))
    x = rng.random((64, 64))
    return op, op.apply(x) + 0.01 * rng.standard_normal((64, 64))


@pytest.mark.parametrize("method", METHODS)
def test_all_methods_agree_on_a_tikhonov_problem(method, tikhonov_problem):
    op, y = tikhonov_problem
    wanted = solve(op, y, method="spectral", damp=1e-2).x
    found = solve(op, y, method=method, damp=1e-2, **limits(method))
    assert found.converged
    assert found.method == method
    assert np.linalg.norm(found.x - wanted) <= 1e-6 * np.linalg.norm(wanted)


@pytest.mark.parametrize("method", METHODS)
def test_damp_enters_squared(method, rng):
    op = blur(psf.gauss(1.0, 5), (20, 20))
    y = rng.standard_normal((20, 20))
    found = solve(op, y, method=method, damp=0.1, **limits(method))
    np.testing.assert_allclose(found.x, normal_solution(op, y, 0.1), atol=1e-8)
    assert found.residual_norm == pytest.approx(np.linalg.norm(op.apply(found.x) - y))
    assert found.solution_norm == pytest.approx(np.linalg.norm(found.x))


@pytest.mark.parametrize("regularizer", ["gradient", "laplacian"])
@pytest.mark.parametrize("mode", ["symmetric", "circular", ("circular", "zeros")])
@pytest.mark.parametrize("method", ["auto", "factor", "lsmr", "cg"])
def test_regularizers_are_differences_that_end_at_the_border(method, mode, regularizer, rng):
    op = blur(psf.gauss(0.8, 3), (3, 6, 7), padding_mode=mode, channels=True)
    y = rng.standard_normal(op.out_shape)
    dense = differences(op, regularizer)
    wanted = normal_solution(op, y, 0.3, dense)
    found = solve(op, y, method=method, damp=0.3, regularizer=regularizer, **limits(method))
    np.testing.assert_allclose(found.x, wanted, atol=1e-8)
    assert found.solution_norm == pytest.approx(np.linalg.norm(dense @ found.x.ravel()))


@pytest.mark.parametrize("kind", [np.asarray, scipy.sparse.csr_array])
@pytest.mark.parametrize("method", METHODS[1:])
def test_a_regularizer_may_be_any_matrix(method, kind, rng):
    op = blur(psf.gauss(1.0, 3), (5, 4))
    y, dense = rng.standard_normal((5, 4)), rng.standard_normal((7, 20))
    options = limits(method)
    found = solve(op, y, method=method, damp=0.5, regularizer=kind(dense), **options)
    np.testing.assert_allclose(found.x, normal_solution(op, y, 0.5, dense), atol=1e-6)


def test_random_convolutions_their_transposes_and_adjoints_are_solved(rng, settings_count):
    for number in range(settings_count(200)):
        setting = random_setting(rng, dtypes=(np.float64, np.complex128), max_axes=2)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        op = (op, op.T, op.H)[number % 3]
        y = random_array(rng, op.out_shape, op.dtype)
        wanted = normal_solution(op, y, 0.5)
        for method in ("auto", "lsmr", "lsqr", "cg", "cgls", "factor"):
            found = solve(op, y, method=method, damp=0.5, **limits(method))
            assert found.x.dtype == op.dtype
            gap = np.linalg.norm(found.x - wanted)
            assert gap <= 1e-7 * max(np.linalg.norm(wanted), 1e-3), method


@pytest.mark.parametrize("method", ["auto", *METHODS])
def test_a_batch_is_the_operator_repeated(method, rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y = rng.standard_normal((2, 3, 6, 5))
    found = solve(op, y, method=method, damp=0.2, **limits(method))
    assert found.x.shape == y.shape
    for index in np.ndindex(2, 3):
        np.testing.assert_allclose(found.x[index], normal_solution(op, y[index], 0.2), atol=1e-8)


@pytest.mark.parametrize("method", ["auto", *METHODS[1:]])
def test_a_mask_keeps_rows_and_the_others_may_be_nan(method, rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y, mask = rng.standard_normal((6, 5)), rng.random((6, 5)) < 0.7
    y[~mask] = np.nan
    before = y.copy()
    matrix = op.matrix.toarray()[mask.ravel()]
    left = matrix.T @ matrix + 0.04 * np.eye(30)
    wanted = np.linalg.solve(left, matrix.T @ y[mask]).reshape(6, 5)
    found = solve(op, y, method=method, damp=0.2, mask=mask, **limits(method))
    np.testing.assert_allclose(found.x, wanted, atol=1e-8)
    kept = (op.apply(found.x) - y)[mask]
    assert found.residual_norm == pytest.approx(np.linalg.norm(kept))
    np.testing.assert_array_equal(y, before)


@pytest.mark.parametrize("method", ITERATIVE)
def test_where_it_starts_does_not_change_what_is_solved(method, rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y, x0 = rng.standard_normal((6, 5)), 10 * rng.standard_normal((6, 5))
    found = solve(op, y, method=method, damp=0.3, x0=x0, **limits(method))
    np.testing.assert_allclose(found.x, normal_solution(op, y, 0.3), atol=1e-8)


@pytest.mark.parametrize("method", ITERATIVE)
def test_a_good_start_saves_iterations(method, rng):
    op = blur(psf.gauss(1.0, 3), (16, 15))
    y = rng.standard_normal((16, 15))
    cold = solve(op, y, method=method, damp=0.1, rtol=1e-8)
    warm = solve(op, y, method=method, damp=0.1, rtol=1e-8, x0=cold.x)
    assert warm.iterations < cold.iterations / 2


@pytest.mark.parametrize("method", ["spectral", "lsmr", "lsqr", "cgls"])
def test_undamped_data_in_the_range_give_the_sample_back(method, rng):
    op = blur([0.1, 0.8, 0.1], (40,), padding_mode="circular")
    x = rng.standard_normal(40)
    found = solve(op, op.apply(x), method=method, **limits(method))
    np.testing.assert_allclose(found.x, x, atol=1e-9)


def test_a_rank_deficient_operator_gives_the_shortest_answer(rng):
    op = blur([0.5, 0.5], (8,), padding_mode="circular")  # blind to alternating signs
    y = rng.standard_normal(8)
    wanted = np.linalg.pinv(op.matrix.toarray()) @ y
    for method in ("spectral", "lsmr", "lsqr", "cgls"):
        np.testing.assert_allclose(
            solve(op, y, method=method, **limits(method)).x, wanted, atol=1e-9
        )


def test_nonnegative_is_nnls(rng, settings_count):
    for _ in range(settings_count(30)):
        setting = random_setting(rng, max_axes=2)
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        y = rng.standard_normal(op.out_shape)
        n = op.shape[1]
        stacked = np.concatenate([op.matrix.toarray(), 0.4 * np.eye(n)])
        wanted, _ = nnls(stacked, np.concatenate([y.ravel(), np.zeros(n)]))
        found = solve(op, y, damp=0.4, nonnegative=True, **EXACT)
        assert found.method == ("nnls" if op.shape[1] <= 300 else "mprgp")
        assert found.x.min() >= 0
        scale = max(np.linalg.norm(wanted), 1.0)
        assert np.linalg.norm(found.x.ravel() - wanted) <= 1e-6 * scale


def test_nonnegativity_helps_where_the_truth_is_mostly_zero(rng):
    x = np.zeros((32, 32))
    x[tuple(rng.integers(0, 32, (2, 20)))] = 1.0
    op = blur(psf.gauss(1.5), x.shape)
    y = op.apply(x) + 0.005 * rng.standard_normal(x.shape)
    free, bounded = (
        solve(op, y, damp=0.03, nonnegative=flag, rtol=1e-4).x for flag in (False, True)
    )
    assert np.linalg.norm(bounded - x) < 0.8 * np.linalg.norm(free - x)


def test_sparse_matrices_arrays_and_scipys_operators_are_operators_too(rng):
    dense = rng.standard_normal((9, 6))
    y = rng.standard_normal(9)
    wanted = np.linalg.solve(dense.T @ dense + 0.09 * np.eye(6), dense.T @ y)
    for op in (
        dense,
        scipy.sparse.csr_array(dense),
        scipy.sparse.linalg.aslinearoperator(dense),
    ):
        for method in ("auto", "factor", "cgls"):
            found = solve(op, y, method=method, damp=0.3, **limits(method))
            np.testing.assert_allclose(found.x, wanted, atol=1e-9)


@pytest.mark.parametrize("dtype", [np.float32, np.int16])
def test_the_answer_has_the_problems_precision(dtype, rng):
    op = blur(np.array([1, 2, 1], dtype), (9,))
    y = rng.integers(0, 9, 9).astype(dtype)
    found = solve(op, y, damp=0.5)
    assert found.x.dtype == (np.float32 if dtype is np.float32 else np.float64)
    np.testing.assert_allclose(found.x, normal_solution(op, y, 0.5), rtol=1e-5, atol=1e-6)


def test_zero_data_have_the_answer_zero():
    op = blur(psf.gauss(1.0, 3), (6, 5))
    for method in METHODS:
        found = solve(op, np.zeros((6, 5)), method=method, damp=0.1)
        assert found.converged
        assert not found.x.any()


@pytest.mark.parametrize("method", ITERATIVE)
def test_an_iteration_cut_short_warns_and_says_so(method, rng):
    op = blur(psf.gauss(1.5, 5), (16, 16))
    with pytest.warns(ConvergenceWarning, match=f"{method}: stopped at maxiter"):
        found = solve(op, rng.standard_normal((16, 16)), method=method, damp=1e-3, maxiter=3)
    assert found.status is Status.MAXITER
    assert not found.converged
    assert found.iterations == 3


def test_a_factorization_that_loses_too_many_digits_warns_and_says_so():
    op = blur(psf.gauss(3.0), (24, 24))
    with pytest.warns(ConvergenceWarning, match="too ill-conditioned"):
        found = solve(op, np.ones((24, 24)) + np.eye(24), method="factor", damp=1e-12)
    assert found.status is Status.INACCURATE


def test_auto_takes_the_exact_method_where_there_is_one_and_what_the_arguments_need(rng):
    y = rng.standard_normal((8, 8))
    exact, general = blur(psf.gauss(1.0, 3), (8, 8)), blur(rng.random((3, 3)), (40, 40))
    assert solve(exact, y, damp=0.1).method == "spectral"
    assert solve(exact, y, damp=0.1, nonnegative=True).method == "nnls"
    assert solve(exact, y, damp=0.1, callback=lambda x: None).method == "cgls"
    assert solve(exact, y, damp=0.1, mask=y > 0).method == "lsmr"
    identity = scipy.sparse.linalg.aslinearoperator(np.eye(64))
    assert solve(exact, y, damp=0.1, preconditioner=identity).method == "cg"
    assert solve(general, rng.random((40, 40)), damp=0.3).method == "lsmr"


@pytest.mark.parametrize("method", ["cg", "cgls", "fista"])
def test_a_callback_sees_every_iterate_in_its_shape(method, rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y = rng.standard_normal((2, 6, 5))
    seen = []
    found = solve(op, y, method=method, damp=0.3, callback=seen.append)
    assert len(seen) == found.iterations
    assert {x.shape for x in seen} == {(2, 6, 5)}
    np.testing.assert_array_equal(seen[-1], found.x)
    errors = [np.linalg.norm(x - found.x) for x in seen]
    assert errors[0] > errors[-1]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
@pytest.mark.parametrize("method", ["cg", "cgls", "fista"])
def test_a_failing_callback_passes_through_and_leaves_the_arguments(method, error, rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    arrays = {"y": rng.standard_normal((6, 5)), "x0": rng.standard_normal((6, 5))}
    before = {name: array.copy() for name, array in arrays.items()}
    weight = op.weight.copy()

    def fail(x):
        x[:] = np.nan  # the iterate is the callback's own
        raise error("enough")

    with pytest.raises(error, match="enough"):
        solve(op, arrays["y"], x0=arrays["x0"], method=method, damp=0.1, callback=fail)
    for name, array in arrays.items():
        np.testing.assert_array_equal(array, before[name])
    np.testing.assert_array_equal(op.weight, weight)
    assert solve(op, arrays["y"], damp=0.1).converged


@pytest.mark.parametrize("method", ["cg", "cgls", "fista"])
def test_what_a_callback_writes_into_its_iterate_changes_nothing(method, rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y = rng.standard_normal((6, 5))
    wanted = solve(op, y, method=method, damp=0.2).x
    found = solve(op, y, method=method, damp=0.2, callback=lambda x: x.fill(np.nan)).x
    np.testing.assert_array_equal(found, wanted)


def test_ctrl_c_inside_a_product_passes_through_every_method(rng):
    op = blur(psf.gauss(1.0, 3), (6, 5))
    y = rng.standard_normal((6, 5))
    before, calls = y.copy(), []

    def interrupted(v):
        calls.append(1)
        if len(calls) % 4 == 0:
            raise KeyboardInterrupt("stop")
        return op.matvec(v)

    broken = scipy.sparse.linalg.LinearOperator(
        op.shape, matvec=interrupted, rmatvec=op.rmatvec, dtype=op.dtype
    )
    for method in ITERATIVE:
        calls.clear()
        with pytest.raises(KeyboardInterrupt, match="stop"):
            solve(broken, y.ravel(), method=method, damp=1e-3)
        np.testing.assert_array_equal(y, before)


OP = blur(psf.gauss(1.0, 3), (6, 5))
Y = np.ones((6, 5))
NAN = np.where(np.eye(6, 5) > 0, np.nan, 1.0)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        (
            {"y": np.ones((5, 6))},
            st.ShapeError,
            r"`y` must have shape \(\.\.\., 6, 5\); got \(5, 6",
        ),
        ({"y": np.ones(30)}, st.ShapeError, r"got \(30,\)\. Reshape it: y\.reshape\(\(6, 5\)\)"),
        ({"y": np.ones((0, 6, 5))}, st.ShapeError, r"`y` must have shape"),
        ({"y": NAN}, st.GeometryError, r"`y` must be finite .*got 5 NaN .*mask=numpy\.isfinite"),
        ({"y": Y * np.inf}, st.GeometryError, "`y` must be finite .*got 30 NaN"),
        ({"y": Y > 0}, st.DTypeError, "`y` must have an integer dtype"),
        (
            {"damp": -0.1},
            st.GeometryError,
            r"`damp` must be .*at least 0; got -0\.1\. Pass 0\.1 or",
        ),
        ({"x0": NAN}, st.GeometryError, "`x0` must be finite; got 5 NaN or infinite entries"),
        ({"damp": np.nan}, st.GeometryError, "`damp` must be a finite number"),
        ({"damp": 1j}, st.GeometryError, "`damp` must be a finite number"),
        ({"damp": "gcv"}, st.GeometryError, "`damp` must be a finite number"),
        ({"method": "LSMR"}, st.GeometryError, "`method` must be one of 'auto'.*It is 'lsmr' here"),
        (
            {"method": "gmres"},
            st.GeometryError,
            "`method` must be .*got 'gmres'. Pass one of these",
        ),
        ({"method": None}, st.GeometryError, "`method` must be one of .*got None"),
        ({"rtol": -1}, st.GeometryError, "`rtol` must be a finite number, at least 0; got -1"),
        ({"maxiter": 0}, st.GeometryError, "`maxiter` must be an int, at least 1; got 0"),
        ({"nonnegative": 1}, st.GeometryError, "`nonnegative` must be True or False"),
        ({"progress": "yes"}, st.GeometryError, "`progress` must be True or False"),
        (
            {"nonnegative": True, "method": "cg"},
            st.GeometryError,
            "`nonnegative` must go with method='auto' or 'fista' or 'mprgp' or 'nnls' or 'bvls'; got method='cg'",
        ),
        (
            {"nonnegative": True, "y": 1j * Y},
            st.DTypeError,
            "`nonnegative` must go with a real problem; got complex128",
        ),
        (
            {"preconditioner": np.eye(30), "method": "lsmr"},
            st.GeometryError,
            "`preconditioner` must go with method='auto' or 'cg'; got method='lsmr', which does not",
        ),
        (
            {"preconditioner": np.eye(30), "nonnegative": True},
            st.GeometryError,
            "`method` must use all that is given; got `nonnegative` and `preconditioner`, which no",
        ),
        (
            {"preconditioner": np.eye(6)},
            st.ShapeError,
            r"`preconditioner` must have shape \(30, 30\); got \(6, 6\)",
        ),
        (
            {"callback": print, "method": "lsqr"},
            st.GeometryError,
            "`callback` must go with method='auto' or 'cg' or .*; got method='lsqr', which does not use",
        ),
        ({"callback": 3}, st.GeometryError, "`callback` must be a function of x; got 3"),
        ({"mask": Y}, st.DTypeError, "`mask` must be a Boolean array"),
        ({"mask": np.ones(30, bool)}, st.ShapeError, r"`mask` must have the shape .*\(6, 5\)"),
        ({"mask": np.zeros((6, 5), bool)}, st.GeometryError, "`mask` must keep at least one row"),
        (
            {"mask": Y > 0, "method": "spectral"},
            st.GeometryError,
            "`method` must be one that applies; got 'spectral', but a mask",
        ),
        (
            {"regularizer": np.eye(2, 30), "method": "spectral", "damp": 1},
            st.GeometryError,
            "got 'spectral', but the regularizer is not diagonal",
        ),
        ({"regularizer": "tv"}, st.GeometryError, "`regularizer` must be one of 'gradient'"),
        ({"regularizer": 3}, st.GeometryError, "`regularizer` must be None, 'gradient'.*got 3"),
        ({"regularizer": np.eye(4)}, st.ShapeError, "`regularizer` must have 30 columns"),
        ({"x0": np.ones(30)}, st.ShapeError, r"`x0` must have shape \(\.\.\., 6, 5\); got \(30,\)"),
        ({"x0": np.ones((2, 6, 5))}, st.ShapeError, "`x0` must have the batch axes of y"),
        ({"op": "conv"}, st.DTypeError, "`op` must be an operator.*got str"),
        (
            {"op": st.Conv(np.ones(3), (9,), channels=False).gram(), "y": np.ones(9)}
            | {"method": "spectral"},
            st.GeometryError,
            "got 'spectral', but a GramOperator has no structure",
        ),
        ({"method": "factor", "max_bytes": 10}, st.MatrixTooLargeError, "`max_bytes` must allow"),
        ({"method": "factor", "max_bytes": 1.5}, st.GeometryError, "`max_bytes` must be an int"),
        (
            {"op": blur(psf.box(3), (40, 40)), "y": np.ones((40, 40)), "damp": 1}
            | {"method": "factor", "max_bytes": 2_000_000},
            st.MatrixTooLargeError,
            "`max_bytes` must allow the factorization, about .* bytes; got 2,000,000",
        ),
    ],
)
def test_a_wrong_argument_is_answered_by_name(options, error, message):
    arguments = {"op": OP, "y": Y, **options}
    with pytest.raises(error, match=message):
        solve(arguments.pop("op"), arguments.pop("y"), **arguments)


def test_a_singular_factorization_and_an_operator_without_an_adjoint_are_refused():
    singular = blur([0.5, 0.5], (8,), padding_mode="circular")
    with pytest.raises(st.GeometryError, match="`damp` must make the normal equations non-singul"):
        solve(np.zeros((4, 4)), np.ones(4), method="factor")
    free = scipy.sparse.linalg.LinearOperator((8, 8), matvec=singular.matvec, dtype=float)
    with pytest.raises(st.DTypeError, match="`A` must have an `rmatvec` for its T and H"):
        solve(free, np.ones(8), damp=1)


def test_operators_of_functions_are_factorized_by_their_products(rng):
    op, y = blur(rng.random(3), (8,)), rng.standard_normal(8)
    free = scipy.sparse.linalg.LinearOperator((8, 8), op.matvec, op.rmatvec, dtype=float)
    wanted = solve(op, y, method="factor", damp=1, regularizer=op).x
    found = solve(free, y, method="factor", damp=1, regularizer=free)
    np.testing.assert_allclose(found.x, wanted, rtol=1e-12)


def test_a_bar_without_tqdm_names_the_pip_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "tqdm", None)
    with pytest.raises(st.MissingExtraError, match=r"pip install 'sparse_tconv\[progress\]'"):
        solve(OP, Y, method="cgls", progress=True)
