"""Layers give what torch.nn.functional gives, and are linear maps with the matrix that it has."""

from __future__ import annotations

import numpy as np
import pytest

import sparse_tconv as st
from sparse_tconv import layers

torch = pytest.importorskip("torch")
F = torch.nn.functional

TOLERANCE = {"float64": 1e-12, "float32": 1e-5}


def sides(rng, axes, low=1, high=8):
    return tuple(int(n) for n in rng.integers(low, high, axes))


def ints(rng, axes, low, high):
    """One int, or one per axis."""
    return int(rng.integers(low, high)) if rng.random() < 0.3 else sides(rng, axes, low, high)


def avg_pool(rng):
    d = int(rng.integers(1, 4))
    kernel = sides(rng, d, 1, 4)
    shape = (
        int(rng.integers(1, 4)),
        *(k + int(n) for k, n in zip(kernel, sides(rng, d, 0, 5), strict=True)),
    )
    options = {
        "stride": None if rng.random() < 0.3 else sides(rng, d, 1, 4),
        "padding": tuple(int(rng.integers(0, k // 2 + 1)) for k in kernel),
        "ceil_mode": bool(rng.random() < 0.5),
        "count_include_pad": bool(rng.random() < 0.5),
    }
    if d > 1 and rng.random() < 0.3:
        options["divisor_override"] = int(rng.integers(1, 7))
    theirs = getattr(F, f"avg_pool{d}d")
    return layers.avg_pool, shape, (kernel,), options, lambda x: theirs(x, kernel, **options)


def adaptive_avg_pool(rng):
    d = int(rng.integers(1, 4))
    size = sides(rng, d)
    wanted = tuple(None if d > 1 and rng.random() < 0.2 else n for n in sides(rng, d))
    theirs = getattr(F, f"adaptive_avg_pool{d}d")
    given = wanted if d > 1 else wanted[0]
    return layers.adaptive_avg_pool, (2, *size), (wanted,), {}, lambda x: theirs(x, given)


def upsample(rng):
    d = int(rng.integers(1, 4))
    shape = (int(rng.integers(1, 4)), *sides(rng, d))
    linear = {1: "linear", 2: "bilinear", 3: "trilinear"}[d]
    modes = [
        "nearest",
        "nearest-exact",
        linear,
        linear,
        "area",
        *(["bicubic"] * 2 if d == 2 else []),
    ]
    options = {"mode": str(rng.choice(modes))}
    if options["mode"] in (linear, "bicubic"):
        options["align_corners"] = bool(rng.random() < 0.5)
    draw = rng.random()
    if draw < 0.4:
        options["size"] = ints(rng, d, 1, 16)
    elif draw < 0.6:
        options["scale_factor"] = int(rng.integers(1, 4))
    else:
        options["scale_factor"] = tuple(
            float(f) for f in rng.uniform(1, 3, d).round(int(rng.integers(1, 5)))
        )
    if is_inconsistent(shape[1:], options.get("scale_factor")):
        options["size"] = sides(rng, d, 1, 16)
        del options["scale_factor"]
    return layers.upsample, shape, (), options, lambda x: F.interpolate(x[None], **options)[0]


def is_inconsistent(old, factors):
    """Whether PyTorch's own gradient is not the transpose: where a fractional factor comes out at
    the same size or at twice, one of its two directions forgets the factor.
    """
    return isinstance(factors, tuple) and any(
        int(n * f) in (n, 2 * n) and int(f) != f for n, f in zip(old, factors, strict=True)
    )


def pixel_shuffle(rng):
    r = int(rng.integers(1, 4))
    shape = (r * r * int(rng.integers(1, 3)), *sides(rng, 2, 1, 5))
    return layers.pixel_shuffle, shape, (r,), {}, lambda x: F.pixel_shuffle(x, r)


def pixel_unshuffle(rng):
    r = int(rng.integers(1, 4))
    shape = (int(rng.integers(1, 3)), *(r * n for n in sides(rng, 2, 1, 5)))
    return layers.pixel_unshuffle, shape, (r,), {}, lambda x: F.pixel_unshuffle(x, r)


def windows(rng):
    kernel, dilation = sides(rng, 2, 1, 4), sides(rng, 2, 1, 3)
    size = tuple(
        d * (k - 1) + int(n) for d, k, n in zip(dilation, kernel, sides(rng, 2, 1, 5), strict=True)
    )
    return size, (kernel, dilation, ints(rng, 2, 0, 3), ints(rng, 2, 1, 4))


def unfold(rng):
    size, args = windows(rng)
    return layers.unfold, (int(rng.integers(1, 4)), *size), args, {}, lambda x: F.unfold(x, *args)


def fold(rng):
    size, args = windows(rng)
    channels = int(rng.integers(1, 4))
    shape = tuple(F.unfold(torch.zeros(channels, *size), *args).shape)
    return layers.fold, shape, (size, *args), {}, lambda x: F.fold(x, size, *args)


def pad(rng):
    d = int(rng.integers(1, 4))
    shape = (int(rng.integers(1, 4)), *sides(rng, d, 3, 7))
    pairs = [tuple(int(n) for n in rng.integers(0, 3, 2)) for _ in range(d)]
    mode = str(rng.choice(["zeros", "reflect", "replicate", "circular"]))
    flat = [n for pair in pairs[::-1] for n in pair]
    theirs = "constant" if mode == "zeros" else mode
    return layers.pad, shape, (pairs, mode), {}, lambda x: F.pad(x, flat, mode=theirs)


def channel_scale(rng):
    shape = sides(rng, int(rng.integers(1, 5)), 1, 5)
    scale = rng.standard_normal(shape[0])
    column = torch.tensor(scale).reshape(-1, *(1,) * (len(shape) - 1))
    return layers.channel_scale, shape, (scale,), {}, lambda x: x * column.to(x.dtype)


def linear(rng):
    shape = sides(rng, int(rng.integers(1, 4)), 1, 5)
    weight = rng.standard_normal((int(rng.integers(1, 5)), shape[-1]))
    return (
        layers.linear,
        shape,
        (weight,),
        {},
        lambda x: F.linear(x, torch.tensor(weight).to(x.dtype)),
    )


LAYERS = [
    adaptive_avg_pool, avg_pool, channel_scale, fold, linear, pad, pixel_shuffle, pixel_unshuffle,
    unfold, upsample,
]  # fmt: skip


def test_every_layer_is_drawn():
    assert sorted(draw.__name__ for draw in LAYERS) == sorted(layers.__all__)


@pytest.mark.filterwarnings("ignore:There is a performance drop")
@pytest.mark.parametrize("draw", LAYERS)
def test_a_layer_is_pytorchs(draw, rng, settings_count):
    for number in range(settings_count(300)):
        compare(draw(rng), "float32" if number % 3 == 2 else "float64", rng)


def compare(drawn, dtype, rng):
    """Values, adjoints and matrices of a layer against those of torch."""
    make, shape, args, options, theirs = drawn
    op = make(shape, *args, **options, dtype=dtype)
    tolerance = TOLERANCE[dtype]
    assert op.dtype == dtype
    x = torch.tensor(rng.standard_normal(shape).astype(dtype), requires_grad=True)
    y = theirs(x)
    assert op.in_shape == shape
    assert op.out_shape == tuple(y.shape)
    np.testing.assert_allclose(
        op.apply(x.detach().numpy()), y.detach(), rtol=0, atol=tolerance * 10
    )
    h = rng.standard_normal(op.out_shape).astype(dtype)
    (gradient,) = torch.autograd.grad(y, x, torch.tensor(h))
    scale = tolerance * 10 * max(1.0, float(abs(gradient).max()))
    np.testing.assert_allclose(op.H.apply(h), gradient, rtol=0, atol=scale)
    assert op.T.T is op
    dense = torch.func.vmap(theirs)(torch.eye(op.shape[1], dtype=x.dtype).reshape(-1, *shape))
    matrix = op.matrix
    assert matrix.has_canonical_format
    np.testing.assert_allclose(
        matrix.toarray(), dense.reshape(op.shape[::-1]).T, rtol=0, atol=tolerance
    )
    np.testing.assert_allclose(op.T.toarray(), matrix.toarray().T, rtol=0, atol=tolerance)
    batch = rng.standard_normal((2, 3, *shape))
    one_by_one = [[op.apply(sample) for sample in row] for row in batch]
    np.testing.assert_allclose(op.apply(batch), one_by_one, rtol=0, atol=tolerance * 10)
    norm = np.linalg.norm(matrix.toarray().astype(float), 2)
    assert op.norm_bound(lambda part: np.linalg.norm(part.toarray(), 2)) >= norm * (1 - 1e-6)


@pytest.mark.parametrize(
    "op",
    [
        layers.avg_pool((3, 8, 8), 2),
        layers.avg_pool((3, 9, 8), 3, 2, 1),
        layers.adaptive_avg_pool((3, 9, 8), (3, 2)),
        layers.pad((3, 8), 2, "reflect"),
        layers.pad((8, 8), [(1, 2), (0, 1)], "circular"),
        layers.upsample((3, 8, 8), scale_factor=0.5),
    ],
)
def test_a_layer_that_is_a_convolution_is_one(op):
    assert isinstance(op, st.Conv)


def test_repeated_entries_are_a_transposed_convolution():
    assert isinstance(layers.upsample((2, 4, 4), (8, 12)), st.ConvTranspose)
    assert isinstance(layers.upsample((2, 4), 4), st.ConvTranspose)


@pytest.mark.parametrize(
    "make",
    [
        lambda dtype: layers.pad((2, 4), [(2, 1)], "circular", dtype=dtype),
        lambda dtype: layers.pixel_shuffle((4, 2, 2), 2, dtype=dtype),
        lambda dtype: layers.pixel_unshuffle((1, 4, 4), 2, dtype=dtype),
        lambda dtype: layers.unfold((2, 4, 4), 3, padding=1, dtype=dtype),
        lambda dtype: layers.fold((8, 9), (4, 4), 2, dtype=dtype),
        lambda dtype: layers.upsample((2, 3, 5), (7, 3), dtype=dtype),
        lambda dtype: layers.avg_pool((2, 5), 2, 1, 1, True, divisor_override=1, dtype=dtype),
    ],
)
@pytest.mark.parametrize("dtype", ["int8", "int64", "longdouble", "complex64"])
def test_integers_stay_integers_in_any_type(make, dtype, rng):
    op, wanted = make(dtype), make(float)
    x = rng.integers(0, 5, op.in_shape).astype(dtype)
    y = op.apply(x)
    assert y.dtype == op.matrix.dtype == dtype
    np.testing.assert_array_equal(y, wanted.apply(x.astype(complex)))
    np.testing.assert_array_equal(op.toarray(), wanted.toarray())


def test_every_number_of_axes_unfolds_and_shuffles(rng):
    x = rng.standard_normal((2, 4, 6, 4))
    patches = layers.unfold((2, 4, 6, 4), 2, stride=2).apply(x)
    wanted = x.reshape(2, 2, 2, 3, 2, 2, 2).transpose(0, 2, 4, 6, 1, 3, 5)
    np.testing.assert_array_equal(patches, wanted.reshape(16, 12))
    shuffled = layers.pixel_unshuffle((2, 4, 6, 4), 2).apply(x)
    np.testing.assert_array_equal(shuffled, wanted.reshape(16, 2, 3, 2))


def test_a_kernel_as_a_matrix_on_patches_is_the_convolution(rng):
    weight = rng.standard_normal((3, 2, 3, 3))
    patches = layers.unfold((2, 6, 7), 3, padding=1, stride=2)
    product = layers.linear((9 * 2,), weight.reshape(3, -1))
    lines = st.as_operator(patches.T, spatial_ndim=1).T
    y = np.stack([product.apply(column) for column in lines.apply(np.ones((2, 6, 7))).T], axis=-1)
    op = st.Conv(weight, (2, 6, 7), padding=1, stride=2)
    np.testing.assert_allclose(y.reshape(op.out_shape), op.apply(np.ones((2, 6, 7))), atol=1e-12)


def test_fewer_pairs_pad_the_last_axes(rng):
    x = rng.standard_normal((2, 3, 4))
    op = layers.pad(x.shape, [(1, 2)], "reflect")
    np.testing.assert_array_equal(op.apply(x), np.pad(x, [(0, 0), (0, 0), (1, 2)], mode="reflect"))
    whole = layers.pad(x.shape, [(1, 0), (0, 1), (2, 2)])
    np.testing.assert_array_equal(whole.apply(x), np.pad(x, [(1, 0), (0, 1), (2, 2)]))


def test_complex_numbers_conjugate_in_the_adjoint(rng):
    weight = rng.standard_normal((3, 4)) + 1j * rng.standard_normal((3, 4))
    for op in (layers.linear((2, 4), weight), layers.channel_scale((3, 2), weight[:, 0])):
        assert op.dtype == complex
        np.testing.assert_array_equal(op.H.toarray(), op.toarray().conj().T)
        np.testing.assert_array_equal(op.conj().toarray(), op.toarray().conj())


def test_a_matrix_that_would_not_fit_is_refused():
    with pytest.raises(st.MatrixTooLargeError, match="max_bytes"):
        layers.upsample((8, 64, 64), 150, mode="bilinear").to_matrix(max_bytes=1000)
    with pytest.raises(st.MatrixTooLargeError, match="max_bytes"):
        layers.pixel_shuffle((8, 64), 2).to_matrix(max_bytes=1000)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.avg_pool((4,), 2), "`in_shape` must have a channel axis"),
        (lambda: layers.avg_pool((1, 4), 2, padding=2), "`padding` must be at most half"),
        (lambda: layers.avg_pool((1, 4), 5), "`kernel_size` must fit"),
        (lambda: layers.avg_pool((1, 4), 2, divisor_override=0), "`divisor_override` must be"),
        (lambda: layers.adaptive_avg_pool((1, 4, 4), (2,)), "`output_size` must be"),
        (lambda: layers.upsample((1, 4)), "`size` must be given"),
        (lambda: layers.upsample((1, 4), 8, 2.0), "`size` must be given"),
        (lambda: layers.upsample((1, 4), scale_factor=-1), "`scale_factor` must be a positive"),
        (lambda: layers.upsample((1, 4), scale_factor=0.1), "`scale_factor` must leave"),
        (lambda: layers.upsample((1, 4), 8, mode="cubic"), "`mode` must be one of"),
        (lambda: layers.upsample((1, 4), 8, mode="bicubic"), "`mode` must be for 1 spatial"),
        (lambda: layers.upsample((1, 4), 8, align_corners=True), "`align_corners` must be left"),
        (lambda: layers.pixel_shuffle((3, 4), 2), "`in_shape` must start with a multiple of 2"),
        (lambda: layers.pixel_unshuffle((3, 5), 2), "`in_shape` must have spatial sizes"),
        (lambda: layers.unfold((3, 5), 6), "`kernel_size` must fit"),
        (lambda: layers.pad((3, 5), "same"), "`padding` must be numbers"),
        (lambda: layers.pad((5,), 1), "`padding` must be for axes of"),
        (lambda: layers.pad((3, 4, 5), (1, 2, 3, 4)), r"padding=\[\(3, 4\), \(1, 2\)\]"),
    ],
)
def test_arguments_that_cannot_be(make, message):
    with pytest.raises(st.GeometryError, match=message):
        make()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: layers.fold((4, 5), 4, 2), "`in_shape` must be"),
        (lambda: layers.channel_scale((2, 3), [1, 2, 3]), "`scale` must have shape"),
        (lambda: layers.linear((2, 3), [[1, 2]]), "`weight` must have shape"),
    ],
)
def test_shapes_that_do_not_fit(make, message):
    with pytest.raises(st.ShapeError, match=message):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda: layers.avg_pool((1, 4), 2, dtype=int),
        lambda: layers.upsample((1, 4), 7, mode="linear", dtype=int),
        lambda: layers.channel_scale((1, 4), [0.5], dtype=int),
    ],
)
def test_fractions_are_not_cut_off(make):
    with pytest.raises(st.DTypeError, match="`dtype` must be able to hold"):
        make()


@pytest.mark.parametrize(
    "make",
    [
        lambda far: layers.avg_pool((1, far), far),
        lambda far: layers.avg_pool((1, far), far - 1, ceil_mode=True),
        lambda far: layers.adaptive_avg_pool((1, 5), far),
        lambda far: layers.upsample((1, 5), far),
        lambda far: layers.upsample((1, far), 3),
        lambda far: layers.adaptive_avg_pool((1, far, 3), (1, 2)),
        lambda far: layers.upsample((far, 2), 4),
        lambda far: layers.upsample((far, 4), 2),
        lambda far: layers.unfold((1, far), 3),
        lambda far: layers.pad((far, 3), 1),
        lambda far: layers.channel_scale((far, 3), 2.0),
    ],
)
@pytest.mark.parametrize("far", [2**45, 2**55])
def test_what_memory_cannot_hold_is_refused_before_it_is_made(make, far):
    with pytest.raises(st.MatrixTooLargeError, match="must fit in the memory that is available"):
        make(far)
