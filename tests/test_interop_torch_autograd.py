"""Products that autograd differentiates."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from factories import random_array, random_setting

import sparse_tconv as st

torch = pytest.importorskip("torch")
interop = st.interop.torch
gradcheck, gradgradcheck = torch.autograd.gradcheck, torch.autograd.gradgradcheck


def variable(rng, shape, dtype):
    return torch.from_numpy(random_array(rng, shape, dtype)).requires_grad_()


CASES = {
    "strides": {"stride": (2, 3)},
    "groups": {"groups": 2},
    "symmetric": {"padding_mode": "symmetric", "padding": (2, 1)},
    "all": {
        "stride": (2, 1),
        "dilation": (1, 2),
        "padding": ((1, 2), (0, 3)),
        "padding_mode": ("reflect", "circular"),
        "groups": 2,
        "flip": True,
    },
}


@pytest.mark.parametrize("dtype", [np.float64, np.complex128])
@pytest.mark.parametrize("make", [st.Conv, st.ConvTranspose])
@pytest.mark.parametrize("case", CASES)
def test_gradients_are_those_of_finite_differences(rng, case, make, dtype):
    weight = random_array(rng, (4, 2, 2, 3), dtype)
    op = make(
        weight,
        (4 if "groups" in CASES[case] or make is st.ConvTranspose else 2, 4, 5),
        **CASES[case],
    )
    x = variable(rng, (2, *op.in_shape), dtype)
    assert gradcheck(lambda x: interop.apply(op, x), (x,), fast_mode=True)
    w = variable(rng, weight.shape, dtype)
    assert gradcheck(lambda x, w: interop.apply(op, x, w), (x, w), fast_mode=True)


def test_every_gradient_of_a_small_case_is_that_of_finite_differences(rng):
    op = st.Conv(random_array(rng, (2, 1, 2), np.complex128), (1, 3), padding=1)
    for one in (op, op.T, op.H, op.H.T):
        x, w = variable(rng, one.in_shape, complex), variable(rng, op.weight.shape, complex)
        assert gradcheck(lambda x, w, one=one: interop.apply(one, x, w), (x, w))
        assert gradcheck(lambda x, one=one: interop.apply(one, x), (x,))


def test_gradients_of_gradients_are_those_of_finite_differences(rng):
    op = st.Conv(random_array(rng, (2, 1, 2), complex), (1, 3), padding=1, padding_mode="symmetric")
    for one in (op, op.H):
        x, w = variable(rng, one.in_shape, complex), variable(rng, op.weight.shape, complex)
        assert gradgradcheck(lambda x, w, one=one: interop.apply(one, x, w), (x, w))


def test_real_and_complex_tensors_mix(rng):
    for kinds in itertools.product((np.float64, np.complex128), repeat=3):
        op = st.Conv(random_array(rng, (2, 1, 2), kinds[0]), (1, 4), padding=1)
        x, w = variable(rng, (1, 4), kinds[1]), variable(rng, (2, 1, 2), kinds[2])
        assert gradcheck(lambda x, w, op=op: interop.apply(op, x, w), (x, w))
        assert gradcheck(lambda x, op=op: interop.apply(op, x), (x,))


def test_products_and_gradients_are_those_of_the_operator_in_random_settings(rng, settings_count):
    for _ in range(settings_count(500)):
        setting = random_setting(rng, dtypes=(np.float64, np.complex128))
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        op = (op, op.T, op.H)[int(rng.integers(3))]
        batch = ((), (2,), (2, 1))[int(rng.integers(3))]
        dtype = op.dtype
        x = variable(rng, (*batch, *op.in_shape), dtype)
        w = variable(rng, op.weight.shape, dtype)
        y = interop.apply(op, x, w)
        bound = op.with_weight(w.detach().numpy())
        np.testing.assert_array_equal(y.detach().numpy(), bound.apply(x.detach().numpy()))
        g = torch.from_numpy(random_array(rng, y.shape, dtype))
        for_x, for_w = torch.autograd.grad(y, (x, w), g)
        np.testing.assert_allclose(for_x.resolve_conj(), bound.H.apply(g.numpy()), atol=1e-10)
        # Re <g, A(w + e) x> grows by Re <grad, e>.
        e = random_array(rng, op.weight.shape, dtype)
        growth = np.vdot(g.numpy(), op.with_weight(e).apply(x.detach().numpy())).real
        slope = np.vdot(for_w.resolve_conj().numpy(), e).real
        assert abs(growth - slope) <= 1e-11 * (1 + np.abs(g.numpy()).sum() * np.abs(e).sum())


def test_gradients_equal_those_of_pytorch_layers(rng):
    layer = torch.nn.Conv2d(4, 6, 3, stride=2, padding=1, groups=2, dtype=torch.float64)
    op = interop.from_module(layer, (4, 9, 8))
    x = variable(rng, (3, 4, 9, 8), np.float64)
    loss = interop.apply(op, x, layer.weight).square().sum()
    wanted = torch.autograd.grad(layer(x).square().sum(), (x, layer.weight))
    for found, right in zip(torch.autograd.grad(loss, (x, layer.weight)), wanted, strict=True):
        torch.testing.assert_close(found, right)


def test_a_kernel_is_learned_through_an_operator(rng):
    right = random_array(rng, (2, 1, 3), np.float64)
    op = st.Conv(np.zeros((2, 1, 3)), (1, 30), padding=1, padding_mode="symmetric")
    x = torch.from_numpy(random_array(rng, (8, 1, 30), np.float64))
    y = torch.from_numpy(op.with_weight(right).apply(x.numpy()))
    w = torch.zeros(2, 1, 3, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([w], line_search_fn="strong_wolfe")

    def loss():
        optimizer.zero_grad()
        value = (interop.apply(op, x, w) - y).square().sum()
        value.backward()
        return value

    for _ in range(5):
        optimizer.step(loss)
    np.testing.assert_allclose(w.detach(), right, atol=1e-6)


def test_single_precision_stays_single(rng):
    op = st.ConvTranspose(random_array(rng, (2, 1, 3), np.float32), (2, 5), stride=2)
    x = variable(rng, (2, 5), np.float32)
    y = interop.apply(op, x, variable(rng, (2, 1, 3), np.float32))
    y.sum().backward()
    assert y.dtype == x.grad.dtype == torch.float32


def test_functional_transforms_see_the_gradient(rng):
    op = st.Conv(random_array(rng, (2, 1, 3), np.float64), (1, 6))
    x = torch.from_numpy(random_array(rng, (1, 6), np.float64))
    found = torch.func.grad(lambda x: interop.apply(op, x).square().sum())(x)
    np.testing.assert_allclose(found, 2 * op.H.apply(op.apply(x.numpy())))


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (lambda x: x.numpy(), "`x` must be a torch.Tensor; got ndarray. Use op.apply"),
        (lambda x: x.to("meta"), "on the CPU; got one of layout torch.strided on 'meta'"),
        (lambda x: x.to_sparse(), "got one of layout torch.sparse_coo on 'cpu'"),
        (lambda x: x.half(), "got torch.float16. Convert it: x.float()"),
        (lambda x: x.bfloat16(), "got torch.bfloat16. Convert it: x.float()"),
        (lambda x: x.bool(), "got torch.bool. Convert it: x.double()"),
    ],
)
def test_tensors_that_cannot_be_multiplied_are_refused(x, message):
    op = st.Conv(np.ones((1, 1, 2)), (1, 4))
    with pytest.raises(st.DTypeError, match=message):
        interop.apply(op, x(torch.ones(1, 4)))


def test_wrong_shapes_and_operators_are_refused():
    op = st.Conv(np.ones((1, 1, 2)), (1, 4))
    with pytest.raises(st.ShapeError, match=r"`x` must have shape \(..., 1, 4\); got \(1, 5\)"):
        interop.apply(op, torch.ones(1, 5))
    with pytest.raises(st.ShapeError, match=r"`weight` must have shape \(1, 1, 2\); got \(2,\)"):
        interop.apply(op, torch.ones(1, 4), torch.ones(2))
    with pytest.raises(st.DTypeError, match="`op` must be an operator or an Affine; got"):
        interop.apply(op.matrix, torch.ones(1, 4))
    with pytest.raises(st.DTypeError, match="a dtype that PyTorch has"):
        interop.apply(op.with_weight(op.weight.astype(np.longdouble)), torch.ones(1, 4))
