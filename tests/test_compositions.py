"""Problems that are made of several operators: solved, and handed to other libraries."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from expressions import random_expression
from factories import random_array

import sparse_tconv as st
from sparse_tconv.inverse import psf, solve, tikhonov, tsvd
from sparse_tconv.testing import check_operator, diagnose, exact_test

pylops = pytest.importorskip("pylops")
torch = pytest.importorskip("torch")

to_and_fro, tensors = st.interop.pylops, st.interop.torch
FLOATS = (np.float64, np.complex128)


def gradient(shape, spatial_ndim):
    """Forward differences along the last axes, by nested loops over entries; zero at the end."""
    rows = []
    for place in np.ndindex(*shape):
        for axis in range(len(shape) - spatial_ndim, len(shape)):
            row = np.zeros(shape)
            if place[axis] + 1 < shape[axis]:
                row[place] = -1
                row[(*place[:axis], place[axis] + 1, *place[axis + 1 :])] = 1
            rows.append(row.reshape(-1))
    return np.array(rows)


def superresolution(shape=(12, 10)):
    """Three frames: shifted by whole pixels, blurred, and every second pixel of them."""
    blur = st.inverse.blur(psf.gauss(1.0, 5), shape)
    sampled = st.Restriction(shape, (slice(None, None, 2), slice(None, None, 2)))
    frames = []
    for dy, dx in ((0, 0), (1, 0), (0, 1)):
        kernel = np.zeros((3, 3))
        kernel[1 + dy, 1 + dx] = 1
        shift = st.Conv(kernel, shape, padding=1, padding_mode="replicate", channels=False)
        frames.append(sampled @ blur @ shift)
    return st.vstack(frames)


def inpainting(rng, shape=(11, 9)):
    """A blur of which a third of the pixels is seen."""
    blur = st.inverse.blur(psf.gauss(1.0, 5), shape)
    return st.Restriction(shape, rng.random(shape) < 0.6) @ blur


@pytest.mark.parametrize("method", ["auto", "cg", "cgls", "lsqr", "factor"])
@pytest.mark.parametrize("make", ["superresolution", "inpainting"])
@pytest.mark.parametrize("regularizer", [None, "gradient"])
def test_the_answer_is_that_of_dense_normal_equations(make, method, regularizer, rng):
    op = superresolution() if make == "superresolution" else inpainting(rng)
    y = rng.standard_normal((2, *op.out_shape))
    C, damp = op.toarray(), 0.2
    L = np.eye(C.shape[1]) if regularizer is None else gradient(op.in_shape, 2)
    wanted = np.linalg.solve(C.T @ C + damp**2 * L.T @ L, C.T @ y.reshape(2, -1).T).T
    options = {} if method == "factor" else {"rtol": 1e-12, "maxiter": 5000}
    found = solve(op, y, damp=damp, method=method, regularizer=regularizer, **options)
    assert found.x.shape == (2, *op.in_shape)
    np.testing.assert_allclose(found.x.reshape(2, -1), wanted, atol=1e-8)


def test_differences_follow_the_spatial_axes(rng):
    shape = (2, 4, 5)
    weights = rng.random(shape)
    channels = st.Diagonal(weights, spatial_ndim=2)
    conv = st.Conv(rng.standard_normal((3, 2, 3, 3)), shape, padding=1)
    for op, spatial_ndim in ((channels, 2), (st.Diagonal(weights), 3), (conv @ channels, 2)):
        y = rng.standard_normal(op.out_shape)
        C, L = op.toarray(), gradient(shape, spatial_ndim)
        wanted = np.linalg.solve(C.T @ C + 0.09 * L.T @ L, C.T @ y.reshape(-1))
        found = solve(op, y, damp=0.3, regularizer="gradient", method="factor").x
        np.testing.assert_allclose(found.reshape(-1), wanted, atol=1e-9)


def test_a_mask_of_a_composed_problem_is_that_of_its_rows(rng):
    op = superresolution()
    mask = rng.random(op.out_shape) < 0.7
    y = np.where(mask, rng.standard_normal(op.out_shape), 1e9)
    seen = st.Restriction(op.out_shape, mask) @ op
    tight = {"damp": 0.3, "rtol": 1e-12, "maxiter": 5000}
    for method in ("lsmr", "cgls"):
        wanted = solve(seen, y[mask], method=method, **tight).x
        np.testing.assert_allclose(
            solve(op, y, mask=mask, method=method, **tight).x, wanted, atol=1e-8
        )


def test_the_damp_of_a_composed_problem_is_chosen_from_its_data(rng):
    op = inpainting(rng, (24, 20))
    x = np.add.outer(np.arange(24) // 6 % 2, np.arange(20) // 5 % 2)
    noise = 0.02 * rng.standard_normal(op.out_shape)
    found = tikhonov(
        op,
        op.apply(x) + noise,
        "discrepancy",
        regularizer="gradient",
        noise_norm=np.linalg.norm(noise),
    )
    assert 1 <= found.residual_norm / np.linalg.norm(noise) < 1.2
    with pytest.raises(st.GeometryError, match=r"got <Product \(24, 20\).* 480.*has no structure"):
        tsvd(op, op.apply(x))


def test_expressions_go_to_pylops_and_pylops_into_expressions(rng, settings_count):
    for _ in range(settings_count(500)):
        dtype = FLOATS[rng.integers(2)]
        op, dense = random_expression(rng, int(rng.integers(1, 5)), (dtype,))
        theirs = to_and_fro.to_pylops(op)
        assert (tuple(theirs.dims), tuple(theirs.dimsd)) == (op.in_shape, op.out_shape)
        x = random_array(rng, (op.shape[1],), dtype)
        scale = 1e-10 * (np.abs(dense).sum() + 1)
        np.testing.assert_allclose((theirs @ x).reshape(-1), dense @ x, atol=scale)
        assert pylops.utils.dottest(
            theirs, *op.shape, complexflag=3 if dtype is np.complex128 else 0, rtol=1e-8
        )
        back = 2 * st.as_operator(theirs).H @ theirs
        assert (back.in_shape, back.out_shape) == (op.in_shape, op.in_shape)
        wanted = 2 * dense.conj().T @ dense
        np.testing.assert_allclose(back.toarray(), wanted, atol=scale * (np.abs(dense).sum() + 1))


def test_pylops_operators_keep_their_dims_inside_ours(rng):
    D = pylops.FirstDerivative((6, 5), axis=0)
    op = st.Conv(rng.standard_normal((3, 3)), (6, 5), padding=1, channels=False)
    both = op @ D
    assert (both.in_shape, both.out_shape) == ((6, 5), (6, 5))
    np.testing.assert_allclose(both.toarray(), op.toarray() @ D.todense())
    np.testing.assert_allclose((op + D).H.toarray(), (op.toarray() + D.todense()).T)
    stack = st.vstack([op, D])
    assert stack.out_shape == (2, 6, 5)
    z = random_array(rng, (6, 5), np.complex128)
    parts = (D @ part.reshape(-1) for part in (z.real, z.imag))  # PyLops would drop the second
    real, imaginary = (op.apply(part.reshape(6, 5)) for part in parts)
    np.testing.assert_allclose(both.apply(z), real + 1j * imaginary)
    theirs = D @ to_and_fro.to_pylops(op)
    assert isinstance(theirs, pylops.LinearOperator)
    pylops_solution = pylops.optimization.basic.lsqr(
        to_and_fro.to_pylops(stack), stack @ z.real.ravel(), niter=300
    )
    np.testing.assert_allclose(pylops_solution[0].ravel(), z.real.ravel(), atol=1e-3)


def test_expressions_are_differentiated_in_torch(rng, settings_count):
    for _ in range(settings_count(300)):
        dtype = FLOATS[rng.integers(2)]
        op, dense = random_expression(rng, int(rng.integers(1, 5)), (dtype,))
        if max(op.shape) > 60:
            continue
        op = (1 / (1 + np.abs(dense).max())) * op
        x = torch.from_numpy(random_array(rng, (2, *op.in_shape), dtype)).requires_grad_()
        assert torch.autograd.gradcheck(lambda x, op=op: tensors.apply(op, x), (x,), fast_mode=True)
        with warnings.catch_warnings(action="ignore"):
            matrix = tensors.to_torch(op).to_dense()
        np.testing.assert_array_equal(matrix.numpy(), op.toarray())
    square = 0.5 * (op.T @ op)
    y = torch.ones(square.in_shape, dtype=x.dtype, requires_grad=True)
    assert torch.autograd.gradgradcheck(
        lambda y: tensors.apply(square, y) * y, (y,), fast_mode=True
    )
    with pytest.raises(
        st.DTypeError, match="must be a Conv or ConvTranspose where `weight` is given"
    ):
        tensors.apply(square, y, y)


def test_an_affine_map_of_an_expression_is_differentiated(rng):
    op = superresolution((6, 4))
    layer = st.Affine(op, rng.standard_normal(op.out_shape))
    x = torch.ones(op.in_shape, dtype=torch.float64, requires_grad=True)
    np.testing.assert_allclose(tensors.apply(layer, x).detach(), layer.apply(np.ones(op.in_shape)))
    tensors.apply(layer, x).sum().backward()
    np.testing.assert_allclose(x.grad, op.T.apply(np.ones(op.out_shape)))


def test_the_testing_tools_take_expressions(rng, settings_count):
    for _ in range(settings_count(100)):
        op, _ = random_expression(rng, int(rng.integers(1, 4)), (np.int64,))
        if max(op.shape) > 60:
            continue
        report = exact_test(op)
        assert report, report
        assert not diagnose(op)
    report = check_operator(superresolution())
    assert report, report


def test_chunks_refuse_expressions_by_name():
    dask_array = pytest.importorskip("dask.array")
    op = superresolution()
    with pytest.raises(st.DTypeError, match="must be a Conv, ConvTranspose or Affine; got Blocks"):
        st.chunked.apply(op, dask_array.ones(op.in_shape))
