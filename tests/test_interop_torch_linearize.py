"""The first-order map of a model: its matrix is PyTorch's Jacobian, its value the model's."""

from __future__ import annotations

import numpy as np
import pytest

import sparse_tconv as st

torch = pytest.importorskip("torch")
nn, F = torch.nn, torch.nn.functional
linearize = st.interop.torch.linearize


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.first = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm = nn.BatchNorm2d(channels)
        self.second = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return F.relu(x + self.second(F.relu_(self.norm(self.first(x)))))


class UNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.enter = nn.Conv2d(1, 3, 3, padding=1, padding_mode="circular")
        self.down = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.up = nn.ConvTranspose2d(4, 3, 2, stride=2)
        self.leave = nn.Conv2d(6, 1, 1)

    def forward(self, x):
        fine = F.leaky_relu(self.enter(x))
        return self.leave(torch.cat([fine, self.up(F.relu(self.down(fine)))], 1))


class Recurrent(nn.Module):
    def __init__(self):
        super().__init__()
        self.lstm = nn.LSTM(3, 2, batch_first=True)

    def forward(self, x):
        return self.lstm(x)[0]


def norms(x):
    return F.normalize(x) + x.norm() + x.std((2, 3), keepdim=True) + x.logsumexp(3, keepdim=True)


def extremes(x):
    chosen = x.max(2, keepdim=True)[0] + x.topk(2, 1)[0].sum(1, keepdim=True) + x.max()
    return chosen + x.sort(3)[0] + x.amin((2, 3), keepdim=True) + x.argmax() + (x > 0).sum()


def selections(x):
    parts = torch.stack([x.flip(2), x.roll(1, 3), x.transpose(2, 3)], 1).split(2, 1)
    kept = x[:, :, ::2, [0, 2]].reshape(1, -1)
    return torch.cat([parts[1].flatten(1), kept, torch.where(x > 0, x, 0.5).flatten(1)], 1)


def in_place(x):
    z = x.clone()
    z[:, :1] *= 2
    z[:, 1:].mul_(x[:, :1]).add_(1)
    z[:, :, 0, [1, 0]] = x[:, :, 1] + 3
    z[x > 1] = 4.0
    return z


def products(x):
    weights = torch.einsum("bchw,bdhw->bcd", x, x).softmax(2)
    return weights @ x.flatten(2) / (1 + x.mean() ** 2) + x.sum(dtype=x.dtype).detach()


PIECEWISE = {
    "classifier": (
        lambda: nn.Sequential(
            *(nn.Conv2d(2, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
            *(nn.Flatten(), nn.Dropout(), nn.Linear(16, 3)),
        ),
        (2, 6, 6),
    ),
    "residual": (lambda: nn.Sequential(Residual(2), Residual(2)), (2, 5, 4)),
    "u-net": (UNet, (1, 6, 4)),
    "rearranged": (
        lambda: nn.Sequential(
            *(nn.PixelUnshuffle(2), nn.ReflectionPad2d(1), nn.ConstantPad2d(1, 2.0)),
            *(nn.ReplicationPad2d((1, 0, 0, 1)), nn.Upsample(scale_factor=2), nn.Unfold(2)),
        ),
        (1, 4, 6),
    ),
    "patches": (
        lambda: nn.Sequential(nn.Unfold(2, padding=1), nn.Fold((4, 5), 2, padding=1)),
        (2, 4, 5),
    ),
    "averages": (
        lambda: nn.Sequential(
            *(nn.AvgPool2d(2, 1, padding=1, count_include_pad=False), nn.AdaptiveAvgPool2d(3)),
            *(nn.Upsample((5, 4), mode="bilinear"), nn.AdaptiveMaxPool2d(2)),
            nn.Upsample(scale_factor=1.5, mode="bicubic", align_corners=True),
        ),
        (2, 5, 4),
    ),
    "three axes": (
        lambda: nn.Sequential(
            *(
                nn.Conv3d(1, 2, 2),
                nn.MaxPool3d(2, 1),
                nn.Upsample(scale_factor=2, mode="trilinear"),
            ),
            nn.AdaptiveAvgPool3d(2),
        ),
        (1, 4, 3, 5),
    ),
    "one axis": (
        lambda: nn.Sequential(
            *(nn.Conv1d(3, 2, 3, padding=1, padding_mode="reflect"), nn.MaxPool1d(2)),
            *(nn.ConvTranspose1d(2, 4, 3, stride=2, output_padding=1, groups=2), nn.Hardtanh()),
            *(nn.Upsample(scale_factor=2, mode="linear"), nn.AvgPool1d(3, ceil_mode=True)),
        ),
        (3, 8),
    ),
    "extremes": (lambda: extremes, (3, 4, 4)),
    "selections": (lambda: selections, (2, 4, 4)),
}
SMOOTH = {
    "norms": (
        lambda: nn.Sequential(
            *(nn.GroupNorm(2, 4), nn.LayerNorm((3, 4)), nn.InstanceNorm2d(4), nn.LogSoftmax(1)),
            nn.BatchNorm2d(4, track_running_stats=False),
        ),
        (4, 3, 4),
    ),
    "attention": (lambda: nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), (5, 4)),
    "scaled dot products": (lambda: lambda x: F.scaled_dot_product_attention(x, x, x), (2, 4, 3)),
    "recurrent": (Recurrent, (4, 3)),
    "reductions": (lambda: norms, (3, 4, 4)),
    "in place": (lambda: in_place, (3, 2, 2)),
    "products": (lambda: products, (3, 2, 4)),
}
ACTIVATIONS = (
    "ReLU ReLU6 LeakyReLU Hardtanh Threshold PReLU ELU SELU CELU GELU SiLU Mish Softplus Sigmoid Tanh "
    "LogSigmoid Hardswish Hardsigmoid Softsign Softshrink Hardshrink Tanhshrink GLU Softmax Identity"
)


def made(factory, seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    model = factory()
    if isinstance(model, nn.Module):
        model = model.to(dtype)
        for norm in model.modules():
            if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None:
                norm.running_mean.normal_()
                norm.running_var.uniform_(0.5, 2)
        model.eval()
    return model


def jacobian(model, *samples):
    """By reverse mode in PyTorch, the samples with a batch axis; one matrix for all."""
    parts = torch.autograd.functional.jacobian(model, samples)
    total = [part.flatten(-x.ndim).flatten(0, -2) for part, x in zip(parts, samples, strict=True)]
    return torch.cat(total, 1).numpy()


def agree(a, b, dtype=np.float64):
    scale = max(float(np.abs(b).max(initial=0)), 1.0)
    np.testing.assert_allclose(a, b, rtol=0, atol=2e4 * np.finfo(dtype).eps * scale)


@pytest.mark.parametrize("name", [*PIECEWISE, *SMOOTH])
def test_the_matrix_is_the_jacobian_and_the_value_the_model_s(name, rng):
    factory, shape = {**PIECEWISE, **SMOOTH}[name]
    model = made(factory)
    x = torch.from_numpy(rng.standard_normal(shape))
    local = linearize(model, x)
    expected, y = jacobian(model, x[None]), model(x[None])[0].detach().numpy()
    assert (local.in_shape, local.out_shape) == (shape, y.shape)
    agree(local.apply(x.numpy()), y)
    agree(local.op.toarray(), expected)
    u = rng.standard_normal((local.op.shape[1], 2)) + 1j
    v = rng.standard_normal((local.op.shape[0], 2)) + 1j
    agree((local.op @ u), expected @ u)
    agree((local.op.T @ v), expected.T @ v)


@pytest.mark.parametrize("name", PIECEWISE)
def test_near_the_point_it_is_the_model_where_that_is_piecewise_linear(name, rng):
    factory, shape = PIECEWISE[name]
    model = made(factory, seed=1)
    x = torch.from_numpy(rng.standard_normal(shape))
    near = x + 1e-9 * torch.from_numpy(rng.standard_normal(shape))
    moved = (model(near[None]) - model(x[None]))[0].detach().numpy() / 1e-9
    local = linearize(model, x)
    found = (local.apply(near.numpy()) - local.apply(x.numpy())) / 1e-9
    np.testing.assert_allclose(found, moved, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ACTIVATIONS.split())
def test_activations_are_diagonals_of_their_derivative(name, rng):
    options = {"Threshold": (0.1, 2.0), "Softmax": (1,)}.get(name, ())
    model = made(lambda: getattr(nn, name)(*options))
    x = torch.from_numpy(rng.standard_normal((3, 4)) * 2)
    local = linearize(model, x)
    agree(local.op.toarray(), jacobian(model, x[None]))
    agree(local.apply(x.numpy()), model(x[None])[0].detach().numpy())
    if name not in ("GLU", "Softmax"):
        assert local.op.matrix.nnz <= x.numel()


def random_model(rng):
    """A few random layers on (channels, height, width)."""
    channels, layers = 2, []
    for _ in range(int(rng.integers(1, 6))):
        result, k, s, d = (int(n) for n in rng.integers(1, 4, 4))
        mode = str(rng.choice(["zeros", "reflect", "replicate", "circular"]))
        layers.append(
            nn.Conv2d(channels, result, k, s, d * (k - 1) // 2, d, padding_mode=mode)
            if rng.integers(2)
            else nn.ConvTranspose2d(channels, result, k, s, padding=(k - 1) // 2)
        )
        channels = result
        others = (nn.ReLU(), nn.SiLU(), nn.BatchNorm2d(channels), nn.AdaptiveAvgPool2d(6))
        layers += [others[int(rng.integers(4))], nn.AdaptiveMaxPool2d((7, 6))]
    return nn.Sequential(*layers)


def test_random_models_have_the_jacobian_of_pytorch(rng, settings_count):
    for seed in range(settings_count(40)):
        model = made(lambda: random_model(rng), seed)
        x = torch.from_numpy(rng.standard_normal((2, *rng.integers(6, 9, 2))))
        local = linearize(model, x)
        agree(local.op.toarray(), jacobian(model, x[None]))
        agree(local.apply(x.numpy()), model(x[None])[0].detach().numpy())


def test_a_batch_axis_of_one_may_be_given_and_is_not_in_the_shapes(rng):
    model = made(
        lambda: nn.Sequential(nn.Conv2d(1, 2, 2), nn.Upsample(scale_factor=2), nn.Softmax(1))
    )
    x = torch.from_numpy(rng.standard_normal((1, 4, 3)))
    alone, batched = linearize(model, x), linearize(model, x[None])
    assert alone.in_shape == batched.in_shape == (1, 4, 3)
    assert alone.out_shape == batched.out_shape == (2, 6, 4)
    assert np.array_equal(alone.op.toarray(), batched.op.toarray())
    agree(batched.apply(x[None].numpy()), model(x[None]).detach().numpy())
    dense = made(lambda: nn.Sequential(nn.Linear(4, 3), nn.Softmax(1)))
    assert linearize(dense, x[0, 0, None].repeat(1, 2)[:, :4]).in_shape == (4,)


def test_a_model_of_samples_without_batch_is_called_so():
    local = linearize(lambda x: torch.ones(2, 3, dtype=x.dtype) @ x, torch.ones(3).double())
    assert np.array_equal(local.op.toarray(), np.ones((2, 3)))


def test_several_inputs_are_one_flat_sample(rng):
    a, b = (torch.from_numpy(rng.standard_normal(shape)) for shape in ((2, 3), (3, 4)))

    def model(a, b):
        return a @ b + a.mean() * b[..., :2, :]

    local = linearize(model, a, b)
    assert (local.in_shape, local.out_shape) == ((18,), (2, 4))
    agree(local.op.toarray(), jacobian(model, a, b))
    agree(local.op.T.toarray(), jacobian(model, a, b).T)
    agree(local.apply(np.concatenate([a.numpy().ravel(), b.numpy().ravel()])), model(a, b).numpy())


def test_it_has_the_dtype_of_the_model(rng):
    model = made(
        lambda: nn.Sequential(Residual(2), nn.Flatten(), nn.Linear(24, 2)), 0, torch.float32
    )
    x = torch.from_numpy(rng.standard_normal((2, 3, 4), np.float32))
    local = linearize(model, x)
    assert local.op.dtype == local.bias.dtype == local.op.matrix.dtype == np.float32
    agree(local.op.toarray(), jacobian(model, x[None]), np.float32)
    agree(local.apply(x.numpy()), model(x[None])[0].detach().numpy(), np.float32)


def test_it_leaves_model_and_point_as_they_were(rng):
    model = made(lambda: nn.Sequential(nn.ReLU(inplace=True), Residual(2))).train()
    model[1].norm.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    x = torch.from_numpy(rng.standard_normal((2, 3, 3))).requires_grad_()
    kept = x.detach().clone()
    linearize(model, x)
    assert torch.equal(x, kept)
    assert x.grad is None
    assert model.training
    assert not model[1].norm.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert torch.backends.mha.get_fastpath_enabled()


@pytest.mark.parametrize(
    ("model", "shape"), [(lambda x: x.detach(), (2,)), (lambda x: torch.ones(1, 2).double(), (2,))]
)
def test_what_does_not_depend_on_the_input_has_an_empty_matrix(model, shape):
    local = linearize(model, torch.ones(2).double())
    assert (local.op.matrix.nnz, local.out_shape) == (0, shape)
    assert np.array_equal(local.apply(np.zeros(2)), np.ones(2))
    assert np.array_equal(local.op.T.apply(np.ones(2)), np.zeros(2))


def test_it_shares_no_memory_with_the_model(rng):
    model = made(lambda: nn.Sequential(nn.Conv1d(1, 2, 2), nn.Flatten(), nn.Linear(6, 6)))
    local = linearize(model, torch.from_numpy(rng.standard_normal((1, 4))))
    before = local.op.toarray()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    assert np.array_equal(local.op.toarray(), before)


def test_constants_of_any_type_are_no_part_of_the_matrix(rng):
    x = torch.from_numpy(rng.standard_normal((2, 3)))

    def model(x):
        return torch.cat([x, torch.full((1, 2, 3), 2), x > 0], 1) * torch.arange(3)

    local = linearize(model, x)
    agree(local.op.toarray(), jacobian(model, x[None]))
    agree(local.apply(x.numpy()), model(x[None])[0].numpy())


def test_a_number_is_a_sample_of_one_entry():
    local = linearize(torch.sum, torch.ones(3).double())
    assert local.op.toarray().tolist() == [[1.0, 1.0, 1.0]]


def test_the_operator_keeps_the_contract_of_operators(rng):
    model = made(lambda: nn.Sequential(Residual(2), nn.Flatten(), nn.Linear(18, 4)))
    op = linearize(model, torch.from_numpy(rng.standard_normal((2, 3, 3)))).op
    assert st.testing.check_operator(op)
    assert repr(op).startswith("<Linearized (2, 3, 3) -> (4,), ")
    matrix = op.matrix
    assert matrix.has_canonical_format
    assert (matrix.data != 0).all()
    norm = np.linalg.norm(op.toarray(), 2)
    assert op.norm_bound(lambda leaf: np.linalg.norm(leaf.toarray(), 2)) >= norm * (1 - 1e-12)
    with pytest.raises(st.MatrixTooLargeError, match="must need at most"):
        op.to_matrix(max_bytes=100)


def test_a_product_costs_as_much_as_the_layers_however_many_ways_lead_through_them():
    x = torch.ones(2, 4, 4).double()
    few, many = (
        linearize(made(lambda n=n: nn.Sequential(*[Residual(2) for _ in range(n)])), x).op.flops
        for n in (3, 6)
    )
    assert few > 0
    assert many <= 3 * few


class Forgetful(nn.Module):
    """Another result at each call."""

    calls = 0

    def forward(self, x):
        self.calls += 1
        return x * self.calls


POINT = torch.ones(2, 3).double()
REFUSED = [
    (
        lambda x: x.cumsum(0),
        "derivatives are known here; got aten.cumsum.default. Use torch.func.jacrev",
    ),
    (lambda x: torch.fft.fft(x).abs(), "derivatives are known here; got aten._fft_r2c"),
    (
        lambda x: x.index_put((torch.tensor([0]),), x[:1], accumulate=True),
        "derivatives are known here; got aten.index_put",
    ),
    (lambda x: F.dropout(x, training=True), "must not draw random numbers; got aten.bernoulli"),
    (
        lambda x: F.batch_norm(x, torch.zeros(3).double(), torch.ones(3).double(), training=True),
        "batch norms in eval mode; got aten.native_batch_norm",
    ),
    (
        lambda x: x if x.sum() > 0 else -x,
        "whatever the values are; got one that torch cannot trace",
    ),
    (lambda x: (x, x), "must give one tensor; got tuple"),
    (lambda x: x.half(), "must give real numbers, float32 or float64; got torch.float16"),
    (lambda x: F.conv1d(x, x), "kernels that do not depend on the inputs"),
    (Forgetful(), "same result whenever it is called"),
    (torch.jit.ScriptModule(), "neither scripted nor exported"),
    ("model", "must be a torch.nn.Module or another callable; got str"),
]


@pytest.mark.parametrize(("model", "message"), REFUSED)
def test_what_has_no_such_map_is_refused_by_name(model, message):
    with pytest.raises(st.DTypeError, match=message):
        linearize(model, POINT)


def test_points_that_are_none_are_refused():
    with pytest.raises(st.GeometryError, match="one tensor per input; got none"):
        linearize(nn.ReLU())
    with pytest.raises(st.DTypeError, match=r"must be a torch.Tensor; got ndarray"):
        linearize(nn.ReLU(), np.ones(3))
    with pytest.raises(st.DTypeError, match=r"float32 or float64, and not empty; got torch.int64"):
        linearize(nn.ReLU(), torch.ones(3, dtype=torch.int64))
    with pytest.raises(st.ShapeError, match=r"must be what the model takes; got \(5,\)"):
        linearize(nn.Linear(3, 2), torch.ones(5))
    with pytest.raises(st.GeometryError, match="a derivative; got nan or inf"):
        linearize(torch.sqrt, torch.zeros(3))
    with pytest.raises(st.DTypeError, match=r"aten.*Use torch.func.jacrev"):
        linearize(lambda x: x.inverse(), torch.eye(2))
