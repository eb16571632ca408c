"""The transforms of torch.func see in apply what they see in PyTorch's own convolution."""

from __future__ import annotations

import pytest

import sparse_tconv as st

pytestmark = pytest.mark.filterwarnings("ignore:`torch.jit.script:DeprecationWarning")
torch = pytest.importorskip("torch")
F = torch.nn.functional
func = torch.func

SETTINGS = [
    ("conv", {"stride": 2, "padding": 1}),
    ("conv", {"stride": 1, "padding": 2, "dilation": 2, "groups": 2}),
    ("transpose", {"stride": 2, "padding": 1}),
    ("transpose", {"stride": 1, "padding": 0, "groups": 2}),
]


def pair(kind, options, dtype, rng):
    """A function of x and weight through apply, the same by PyTorch, and arguments of both."""
    weight = draw((4, 4 // options.get("groups", 1), 3), dtype, rng)
    x = draw((4, 6), dtype, rng)
    make, theirs = {
        "conv": (st.Conv, F.conv1d),
        "transpose": (st.ConvTranspose, F.conv_transpose1d),
    }[kind]
    op = make(weight.numpy(), (4, 6), **options)

    def ours(x, w):
        return st.interop.torch.apply(op, x, w)

    return ours, lambda x, w: theirs(x[None], w, **options)[0], x, weight


def draw(shape, dtype, rng):
    values = torch.tensor(rng.standard_normal(shape))
    if dtype.is_complex:
        values = torch.complex(values, torch.tensor(rng.standard_normal(shape)))
    return values.to(dtype)


def by_real_parts(function):
    """A function of complex tensors as one of their real and imaginary parts."""

    def parts(x, w):
        return torch.view_as_real(function(torch.view_as_complex(x), torch.view_as_complex(w)))

    return parts


def loss(function):
    """A real number that depends on x and w beyond second order."""
    return lambda x, w: (function(x, w).abs() ** 2).sum() ** 2 / 1000


def batches(function, x, w):
    """vmap over x, over w, over both, in other places than the first."""
    xs, ws = torch.stack([x, 2 * x, x + 1], 1), torch.stack([w, w - 1, 3 * w], 2)
    yield func.vmap(function, (1, None))(xs, w)
    yield func.vmap(function, (None, 2))(x, ws)
    yield func.vmap(function, (1, 2), out_dims=1)(xs, ws)
    yield func.vmap(func.vmap(function, (None, 2)), (1, None))(xs, ws)


def jacobians(transform):
    def results(function, x, w):
        yield from transform(function, (0, 1))(x, w)
        xs = torch.stack([x, 2 * x])
        yield from func.vmap(transform(function, (0, 1)), (0, None))(xs, w)

    return results


def directions(function, x, w):
    """jvp along x, along w, along both; of a gradient; in batches."""
    yield from func.jvp(function, (x, w), (w.sum() * x, w + 1))
    yield from func.jvp(lambda x: function(x, w), (x,), (x + 1,))
    yield from func.jvp(lambda w: function(x, w), (w,), (w + 1,))
    yield from func.jvp(func.grad(loss(function)), (x, w), (x + 1, w - 1))
    yield from func.vmap(lambda v: func.jvp(function, (x, w), (v, w))[1])(torch.stack([x, x + 1]))


def pullbacks(function, x, w):
    y, pull = func.vjp(function, x, w)
    yield from (y, *pull(y + 1))


def gradients(function, x, w):
    """Of a loss, and for each sample by itself."""
    yield from func.grad(loss(function), (0, 1))(x, w)
    xs = torch.stack([x, 2 * x, x + 1])
    yield from func.vmap(func.grad(loss(function), (0, 1)), (0, None))(xs, w)


def hessians(function, x, w):
    for part in func.hessian(loss(function), (0, 1))(x, w):
        yield from part
    for outer in (func.jacrev, func.jacfwd):
        for inner in (func.jacrev, func.jacfwd):
            yield outer(inner(loss(function), 1), 0)(x, w)


TRANSFORMS = {
    "vmap": batches,
    "jvp": directions,
    "vjp": pullbacks,
    "grad": gradients,
    "jacrev": jacobians(func.jacrev),
    "jacfwd": jacobians(func.jacfwd),
    "hessian": hessians,
}


@pytest.mark.parametrize(("kind", "options"), SETTINGS)
@pytest.mark.parametrize("dtype", [torch.float64, torch.complex128])
@pytest.mark.parametrize("transform", TRANSFORMS)
def test_a_transform_gives_what_it_gives_for_pytorchs_convolution(
    transform, kind, options, dtype, rng
):
    ours, theirs, x, w = pair(kind, options, dtype, rng)
    results = TRANSFORMS[transform]
    if dtype.is_complex and transform.startswith(
        ("jac", "hess")
    ):  # which PyTorch has of reals only
        ours, theirs = by_real_parts(ours), by_real_parts(theirs)
        x, w = torch.view_as_real(x), torch.view_as_real(w)
    for got, wanted in zip(results(ours, x, w), results(theirs, x, w), strict=True):
        scale = float(wanted.abs().max()) + 1
        torch.testing.assert_close(got, wanted, rtol=0, atol=1e-11 * scale)


def test_forward_mode_sees_any_operator(rng):
    op = st.vstack([st.Identity((4, 6)), st.Diagonal(rng.standard_normal((4, 6)))])
    x, v = draw((4, 6), torch.float64, rng), draw((4, 6), torch.float64, rng)

    def function(x):
        return st.interop.torch.apply(op, x)

    torch.testing.assert_close(func.jvp(function, (x,), (v,))[1], function(v))
    wanted = torch.tensor(op.toarray()).reshape(*op.out_shape, *op.in_shape)
    for transform in (func.jacrev, func.jacfwd):
        torch.testing.assert_close(transform(function)(x), wanted)
    torch.testing.assert_close(func.vmap(function, 1)(torch.stack([x, v], 1))[1], function(v))


def test_the_bias_of_an_affine_is_constant_in_every_direction(rng):
    op = st.Affine(st.Conv(rng.standard_normal((2, 1, 3)), (1, 6)), rng.standard_normal(2))
    x = draw((1, 6), torch.float64, rng)
    jacobian = func.jacfwd(lambda x: st.interop.torch.apply(op, x))(x)
    torch.testing.assert_close(jacobian.reshape(8, 6), torch.tensor(op.op.toarray()))


def test_dual_numbers_of_forward_mode(rng):
    ours, theirs, x, w = pair(*SETTINGS[0], torch.float64, rng)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(x, x + 1)
        tangents = [
            torch.autograd.forward_ad.unpack_dual(f(dual, w)).tangent for f in (ours, theirs)
        ]
    torch.testing.assert_close(*tangents)


def test_a_real_sample_and_a_complex_weight(rng):
    ours, theirs, x, _ = pair(*SETTINGS[0], torch.float64, rng)
    w = draw((4, 4, 3), torch.complex128, rng)
    got = func.grad(loss(ours), (0, 1))(x, w)
    wanted = func.grad(loss(lambda x, w: theirs(x.to(w.dtype), w)), (0, 1))(x, w)
    for ours_, theirs_ in zip(got, wanted, strict=True):
        torch.testing.assert_close(ours_, theirs_)
