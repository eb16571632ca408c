"""An argument that the method, or the rule, does not use is refused: one rule for the package."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse.linalg import LinearOperator, aslinearoperator

import sparse_tconv as st
from sparse_tconv.inverse import (
    blur,
    discrepancy,
    estimate_kernel,
    gcv,
    lcurve,
    solve,
    tikhonov,
    tsvd,
)

OP = blur([[0.1, 0.2, 0.1], [0.1, 0.3, 0.2]], (6, 5), padding_mode="circular")
Y = np.arange(30.0).reshape(6, 5)
ARGUMENTS = {
    "rtol": 1e-3,
    "maxiter": 5000,
    "x0": Y,
    "nonnegative": True,
    "lower": 0.5,
    "upper": 3.0,
    "preconditioner": np.eye(30),
    "callback": lambda x: None,
    "progress": True,
    "max_bytes": 10**9,
}
ITERATE = {"rtol", "maxiter", "x0", "progress"}
BOUNDS = {"nonnegative", "lower", "upper"}
USES = {
    "auto": ITERATE | BOUNDS | {"preconditioner", "callback"},
    "lsmr": ITERATE,
    "lsqr": ITERATE,
    "cg": ITERATE | {"preconditioner", "callback"},
    "cgls": ITERATE | {"callback"},
    "fista": ITERATE | BOUNDS | {"callback"},
    "mprgp": ITERATE | BOUNDS | {"callback"},
    "nnls": {"nonnegative"},
    "bvls": BOUNDS,
    "factor": {"rtol", "max_bytes"},
    "spectral": set(),
}


@pytest.mark.parametrize("method", USES)
@pytest.mark.parametrize("name", ARGUMENTS)
def test_a_method_takes_what_it_uses_and_refuses_the_rest(method, name):
    options = {name: ARGUMENTS[name]}
    if method in ("nnls", "bvls", "mprgp") and name not in BOUNDS & USES[method]:
        options["nonnegative"] = True
    if name in USES[method]:
        assert np.isfinite(solve(OP, Y, method=method, damp=0.5, **options).x).all()
        return
    words = rf"`{name}` must go with method=.*; got method='{method}', which does not use it"
    with pytest.raises(st.GeometryError, match=words):
        solve(OP, Y, method=method, damp=0.5, **options)


def test_auto_chooses_a_method_that_uses_what_is_given():
    for names, method in [
        ((), "spectral"),
        (("rtol", "maxiter", "progress"), "spectral"),
        (("x0",), "lsmr"),
        (("callback",), "cgls"),
        (("callback", "x0"), "cgls"),
        (("preconditioner",), "cg"),
        (("preconditioner", "callback", "x0"), "cg"),
        (("nonnegative",), "nnls"),
        (("nonnegative", "x0"), "mprgp"),
        (("nonnegative", "callback"), "mprgp"),
        (("lower",), "bvls"),
        (("nonnegative", "upper"), "bvls"),
        (("upper", "x0"), "mprgp"),
    ]:
        options = {name: ARGUMENTS[name] for name in names}
        assert solve(OP, Y, damp=0.5, **options).method == method


@pytest.mark.parametrize("method", ["nnls", "bvls", "mprgp"])
def test_methods_between_bounds_need_bounds(method):
    with pytest.raises(
        st.GeometryError, match=f"nonnegative=True.* if it is '{method}'; got no bounds"
    ):
        solve(OP, Y, method=method)


@pytest.mark.parametrize("method", ["nnls", "bvls", "mprgp", "fista"])
def test_complex_numbers_have_no_order(method):
    with pytest.raises(st.DTypeError, match="`nonnegative` must go with a real problem; got comp"):
        solve(OP, 1j * Y, method=method, nonnegative=True)


def flat(op):
    return LinearOperator(op.shape, matvec=op.matvec, rmatvec=op.rmatvec, dtype=op.dtype)


def by_definition(matrix, word):
    """The answer for differences that end at the border, damp 0.3."""
    steps = [np.eye(n, k=1) - np.eye(n) for n in (6, 5)]
    for step in steps:
        step[-1] = 0
    rows = [np.kron(steps[0], np.eye(5)), np.kron(np.eye(6), steps[1])]
    penalty = np.concatenate(rows) if word == "gradient" else sum(d.T @ d for d in rows)
    normal = matrix.T @ matrix + 0.09 * penalty.T @ penalty
    return np.linalg.solve(normal, matrix.T @ Y.ravel()).reshape(6, 5)


FLAT = {
    "csr_array": OP.matrix,
    "ndarray": OP.matrix.toarray(),
    "LinearOperator": flat(OP),
    "product": aslinearoperator(OP.matrix) @ aslinearoperator(OP.matrix),
    "wrapped": st.as_operator(OP.matrix),
    "wrapped LinearOperator": st.as_operator(aslinearoperator(OP.matrix)),
    "scaled": 2.0 * st.as_operator(OP.matrix.toarray()),
}


@pytest.mark.parametrize("word", ["gradient", "laplacian"])
@pytest.mark.parametrize("op", FLAT.values(), ids=FLAT)
def test_differences_need_the_axes_of_x(op, word):
    y = np.ones(op.shape[0])
    for call in (
        lambda: solve(op, y, damp=0.3, regularizer=word),
        lambda: tikhonov(op, y, regularizer=word),
        lambda: gcv(op, y, regularizer=word),
        lambda: lcurve(op, y, regularizer=word),
        lambda: discrepancy(op, y, 0.1, regularizer=word),
    ):
        with pytest.raises(st.GeometryError, match=rf"'{word}' needs the in_shape of `op`; got a"):
            call()
    assert solve(op, y, damp=0.3).converged
    assert solve(op, y, damp=0.3, regularizer=np.eye(30)).converged


@pytest.mark.parametrize("word", ["gradient", "laplacian"])
def test_a_matrix_between_samples_has_axes(word):
    op = st.as_operator(OP.matrix, in_shape=(6, 5), out_shape=(6, 5))
    options = {"damp": 0.3, "regularizer": word, "rtol": 1e-10}
    one = st.as_operator(OP.matrix, (1, 6, 5), (1, 6, 5), spatial_ndim=2)  # one channel
    found = solve(op, Y, **options).x
    np.testing.assert_allclose(found, solve(one, Y[None], **options).x[0], atol=1e-6)
    np.testing.assert_allclose(found, by_definition(OP.matrix.toarray(), word), atol=1e-6)


@pytest.mark.parametrize("word", ["gradient", "laplacian"])
@pytest.mark.parametrize("mode", ["zeros", "circular", "replicate"])
def test_differences_go_along_the_axes_that_pylops_knows(word, mode):
    pylops = pytest.importorskip("pylops")
    op = blur([[0.1, 0.2, 0.1], [0.1, 0.3, 0.2]], (6, 5), padding_mode=mode)
    theirs = pylops.MatrixMult(op.matrix.toarray()) @ pylops.Identity(30, dtype=float)
    theirs.dims = (6, 5)
    found = solve(theirs, Y.ravel(), damp=0.3, regularizer=word, rtol=1e-10)
    wanted = by_definition(op.matrix.toarray(), word)
    np.testing.assert_allclose(found.x, wanted.ravel(), atol=1e-6)


CASES = [
    (
        lambda: tikhonov(OP, Y, noise_norm=1.0),
        "`noise_norm` .*damp='auto' or 'discrepancy'; got damp='gcv'",
    ),
    (lambda: tikhonov(OP, Y, "lcurve", noise_norm=1.0), "`noise_norm` .*; got damp='lcurve', whi"),
    (lambda: tikhonov(OP, Y, 0.1, noise_norm=1.0), "`noise_norm` .*; got damp='a number', which"),
    (lambda: tikhonov(OP, Y, 0.1, max_bytes=9), "`max_bytes` must go with method='factor'; got me"),
    (lambda: tsvd(OP, Y, noise_norm=1.0), "`noise_norm` .*rank='discrepancy'; got rank='gcv', w"),
    (lambda: tsvd(OP, Y, 3, noise_norm=1.0), "`noise_norm` .*; got rank='a number', which does"),
    (
        lambda: estimate_kernel(Y, Y, OP.geometry, preconditioner=np.eye(6), nonnegative=True),
        "must use all that is given; got `nonnegative` and `preconditioner`, which no method",
    ),
]


@pytest.mark.parametrize(("call", "words"), CASES)
def test_rules_refuse_what_they_do_not_use(call, words):
    with pytest.raises(st.GeometryError, match=words):
        call()
