"""Modules, models and matrices of PyTorch: from_module, from_model, to_torch."""

from __future__ import annotations

import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from factories import assert_agrees, random_array

import sparse_tconv as st

torch = pytest.importorskip("torch")
nn = torch.nn
prune = pytest.importorskip("torch.nn.utils.prune")
interop = st.interop.torch

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSES = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
DTYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)


def assert_is(found, module, x, wanted):
    """The operator gives what the module gave for a batch, to rounding."""
    op = found.op if isinstance(found, st.Affine) else found
    assert isinstance(found, st.Affine) == (module.bias is not None)
    x, wanted = x.detach().numpy(), wanted.detach().numpy()
    magnitude = op.with_weight(np.abs(op.weight)).apply(np.abs(x))
    if isinstance(found, st.Affine):
        magnitude = st.Affine(op.with_weight(np.abs(op.weight)), np.abs(found.bias)).apply(
            np.abs(x)
        )
    assert_agrees(found.apply(x), wanted, magnitude, op.weight[0].size + 1, op.dtype)


def per_axis(rng, low, high, n_axes):
    """One number for all axes or one for each."""
    if rng.integers(2):
        return int(rng.integers(low, high))
    return tuple(int(value) for value in rng.integers(low, high, n_axes))


def sample(rng, module, size):
    x = random_array(rng, (2, module.in_channels, *size), np.complex128)
    return torch.from_numpy(x if module.weight.is_complex() else x.real).to(module.weight.dtype)


def random_size(rng, n_axes):
    return tuple(int(n) for n in rng.integers(6, {1: 12, 2: 9, 3: 8}[n_axes], n_axes))


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("padding_mode", ["zeros", "reflect", "replicate", "circular"])
def test_convolution_modules_of_random_settings_become_operators(rng, settings_count, padding_mode):
    for _ in range(settings_count(500)):
        n_axes = int(rng.integers(1, 4))
        groups = int(rng.choice([1, 2, 3]))
        padding = str(rng.choice(["same", "valid"])) if rng.integers(3) == 0 else None
        module = CONVOLUTIONS[n_axes - 1](
            groups * int(rng.integers(1, 3)),
            groups * int(rng.integers(1, 3)),
            per_axis(rng, 1, 4, n_axes),
            stride=1 if padding == "same" else per_axis(rng, 1, 4, n_axes),
            padding=per_axis(rng, 0, 4, n_axes) if padding is None else padding,
            dilation=per_axis(rng, 1, 3, n_axes),
            groups=groups,
            bias=bool(rng.integers(2)),
            padding_mode=padding_mode,
            # PyTorch pads no complex tensors by replication.
            dtype=DTYPES[int(rng.integers(2 if padding_mode == "replicate" else 4))],
        )
        x = sample(rng, module, random_size(rng, n_axes))
        assert_is(interop.from_module(module, x.shape[1:]), module, x, module(x))


def test_transposed_modules_of_random_settings_become_operators(rng, settings_count):
    for _ in range(settings_count(500)):
        n_axes = int(rng.integers(1, 4))
        groups = int(rng.choice([1, 2, 3]))
        stride, dilation = per_axis(rng, 1, 4, n_axes), per_axis(rng, 1, 3, n_axes)
        limits = np.maximum(np.resize(stride, n_axes), np.resize(dilation, n_axes))
        module = TRANSPOSES[n_axes - 1](
            groups * int(rng.integers(1, 3)),
            groups * int(rng.integers(1, 3)),
            per_axis(rng, 1, 4, n_axes),
            stride=stride,
            padding=per_axis(rng, 0, 2, n_axes),
            output_padding=tuple(int(rng.integers(limit)) for limit in limits),
            groups=groups,
            bias=bool(rng.integers(2)),
            dilation=dilation,
            dtype=DTYPES[int(rng.integers(4))],
        )
        x = sample(rng, module, random_size(rng, n_axes))
        assert_is(interop.from_module(module, x.shape[1:]), module, x, module(x))


def test_parametrized_modules_have_the_weight_that_they_use(rng):
    module = nn.utils.parametrizations.weight_norm(nn.Conv1d(2, 3, 3))
    x = sample(rng, module, (9,))
    assert_is(interop.from_module(module, (2, 9)), module, x, module(x))


def test_an_operator_shares_no_memory_with_its_module():
    module = nn.Conv1d(1, 1, 2)
    layer = interop.from_module(module, (1, 5))
    weight, bias = layer.op.weight.copy(), layer.bias.copy()
    with torch.no_grad():
        module.weight += 1
        module.bias += 1
    np.testing.assert_array_equal(layer.op.weight, weight)
    np.testing.assert_array_equal(layer.bias, bias)


class Standardized(nn.Conv2d):
    """A layer that computes something else than its class says."""

    def forward(self, x):
        return self._conv_forward(x, self.weight - self.weight.mean(), self.bias)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nn.Linear(2, 3), "`module` must be a Conv1d.*got Linear"),
        (lambda: nn.Sequential(nn.Conv2d(2, 3, 2)), "got Sequential. Use from_model"),
        (lambda: nn.LazyConv2d(3, 3), "lazy module that has not seen a sample. Call it once"),
        (lambda: nn.Conv2d(2, 3, 3, device="meta"), "`module.weight` must have values"),
        (
            lambda: nn.Conv2d(2, 3, 3, dtype=torch.float16),
            "got torch.float16. Convert it: module.f",
        ),
        (lambda: nn.Conv2d(2, 3, 3).bfloat16(), "got torch.bfloat16. Convert it: module.float()"),
        (lambda: Standardized(2, 3, 3), "got Standardized, which has its own forward"),
    ],
)
@pytest.mark.filterwarnings("ignore:Lazy modules are a new feature")
def test_what_is_no_plain_convolution_is_refused(make, message):
    with pytest.raises(st.DTypeError, match=message):
        interop.from_module(make(), (2, 8, 8))


def test_a_batch_axis_left_in_is_answered():
    with pytest.raises(st.GeometryError, match="Leave out the batch axis"):
        interop.from_module(nn.Conv2d(3, 8, 3), (1, 3, 8, 8))


def double(c_in, c_out):
    layers = [nn.Conv2d(c_in, c_out, 3, padding=1), nn.BatchNorm2d(c_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Conv2d(c_out, c_out, 3, padding="same"), nn.ReLU())


class UNet(nn.Module):
    """Two levels down, two up with transposed convolutions."""

    def __init__(self):
        super().__init__()
        self.down = nn.ModuleList([double(3, 4), double(4, 8)])
        self.bottom = double(8, 16)
        self.up = nn.ModuleList(
            [
                nn.ConvTranspose2d(16, 8, 2, stride=2),
                nn.ConvTranspose2d(8, 4, 3, stride=2, padding=1),
            ]
        )
        self.merge = nn.ModuleList([double(16, 8), double(8, 4)])
        self.head = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        kept = []
        for level in self.down:
            kept.append(level(x))
            x = nn.functional.max_pool2d(kept[-1], 2)
        x = self.bottom(x)
        for up, merge in zip(self.up, self.merge, strict=True):
            skip = kept.pop()
            x = merge(torch.cat([skip, up(x, output_size=skip.shape[2:])], 1))
        return self.head(x)


class Block(nn.Module):
    """A residual block with a grouped, strided convolution in the middle."""

    def __init__(self, c_in, c_out, stride, groups):
        super().__init__()
        self.reduce = nn.Conv2d(c_in, c_out, 1, bias=False)
        self.middle = nn.Conv2d(
            c_out, c_out, 3, stride=stride, padding=1, groups=groups, bias=False
        )
        self.norm = nn.BatchNorm2d(c_out)
        self.skip = nn.Conv2d(c_in, c_out, 1, stride=stride, bias=False)

    def forward(self, x):
        return torch.relu(self.norm(self.middle(torch.relu(self.reduce(x)))) + self.skip(x))


def resnet():
    return nn.Sequential(
        nn.Conv2d(3, 8, 7, stride=2, padding=3, padding_mode="reflect"),
        nn.MaxPool2d(3, 2, 1),
        Block(8, 16, 2, 4),
        Block(16, 16, 1, 16),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(16, 10),
    )


class WaveNet(nn.Module):
    """Dilated causal convolutions with gates."""

    def __init__(self):
        super().__init__()
        self.front = nn.Conv1d(1, 4, 1)
        self.dilated = nn.ModuleList(
            nn.Conv1d(4, 8, 2, dilation=2**i, padding=2**i) for i in range(5)
        )
        self.mix = nn.ModuleList(nn.Conv1d(4, 4, 1) for _ in range(5))
        self.out = nn.Conv1d(4, 16, 1)

    def forward(self, x):
        x = self.front(x)
        for dilated, mix in zip(self.dilated, self.mix, strict=True):
            signal, gate = dilated(x)[..., : x.shape[-1]].chunk(2, 1)
            x = x + mix(torch.tanh(signal) * torch.sigmoid(gate))
        return self.out(x)


ARCHITECTURES = {
    "U-Net": (UNet, (3, 22, 24), 13),
    "ResNet": (resnet, (3, 37, 32), 7),
    "WaveNet": (WaveNet, (1, 64), 12),
}


def recorded(model, x):
    """Input and output of every convolution called, by name."""
    calls, names = {}, {module: name for name, module in model.named_modules()}

    def see(module, args, output):
        calls.setdefault(names[module], (module, args[0], output))

    hooks = [
        module.register_forward_hook(see)
        for module in names
        if isinstance(module, CONVOLUTIONS + TRANSPOSES)
    ]
    model.eval()(x)
    for hook in hooks:
        hook.remove()
    return calls


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_every_layer_of_a_network_becomes_its_operator(rng, name):
    make, shape, count = ARCHITECTURES[name]
    torch.manual_seed(0)
    model = make()
    operators = interop.from_model(model, shape)
    x = torch.from_numpy(random_array(rng, (2, *shape), np.float32))
    calls = recorded(model, x)
    assert list(operators) == list(calls)
    assert len(operators) == count
    for key, (module, given, wanted) in calls.items():
        assert_is(operators[key], module, given, wanted)


def test_a_model_is_left_as_it_was():
    model = resnet().train()
    model[2].norm.eval()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    modes = [module.training for module in model.modules()]
    interop.from_model(model, (3, 32, 32))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


class Pyramid(nn.Module):
    """One layer for two sizes, one called by keyword, one not called, two inputs."""

    def __init__(self):
        super().__init__()
        self.head = nn.Conv2d(1, 2, 3, bias=False)
        self.idle = nn.Conv2d(1, 1, 1)
        self.up = nn.ConvTranspose2d(2, 1, 2, stride=2, bias=False)

    def forward(self, x, y):
        for _ in range(2):
            a = self.up(input=self.head(x))
        return a, self.up(self.head(y), output_size=(8, 9))


def test_a_layer_called_with_several_shapes_is_listed_once_for_each():
    operators = interop.from_model(Pyramid(), [(1, 8, 9), (1, 6, 6)])
    shapes = {name: (op.in_shape, op.out_shape) for name, op in operators.items()}
    assert shapes == {
        "head": ((1, 8, 9), (2, 6, 7)),
        "head#2": ((1, 6, 6), (2, 4, 4)),
        "up": ((2, 6, 7), (1, 12, 14)),
        "up#2": ((2, 4, 4), (1, 8, 9)),
    }


def test_a_model_of_integers_is_called_with_the_inputs_given():
    model = nn.Sequential(nn.Embedding(10, 6), nn.Conv1d(7, 2, 3))
    operators = interop.from_model(model, inputs=torch.zeros(1, 7, dtype=torch.int64))
    assert operators["1"].in_shape == (7, 6)
    assert list(interop.from_model(model, inputs=[torch.zeros(2, 7, dtype=torch.int64)])) == ["1"]


def test_models_are_refused_with_a_reason():
    with pytest.raises(st.GeometryError, match=r"`input_shape` must be given.*got neither"):
        interop.from_model(nn.Conv1d(1, 1, 1))
    with pytest.raises(st.GeometryError, match="got both"):
        interop.from_model(nn.Conv1d(1, 1, 1), (1, 4), inputs=torch.zeros(1, 1, 4))
    with pytest.raises(st.DTypeError, match=r"`model` must be a torch.nn.Module.*got str"):
        interop.from_model("resnet18", (3, 8, 8))
    with pytest.raises(st.ShapeError, match=r"the model answers: .*without a batch axis"):
        interop.from_model(nn.Sequential(nn.Conv2d(3, 4, 3)), (1, 3, 8, 8, 1))
    with pytest.raises(st.DTypeError, match=r"layer '0': .*Standardized"):
        interop.from_model(nn.Sequential(Standardized(3, 4, 3)), (3, 8, 8))


@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")
def test_a_script_is_refused_because_its_layers_cannot_be_seen():
    script = torch.jit.trace(nn.Conv1d(1, 1, 1), torch.zeros(1, 1, 4))
    with pytest.raises(st.DTypeError, match="neither scripted nor exp"):
        interop.from_model(script, (1, 4))


@pytest.mark.filterwarnings("ignore:Sparse CSR tensor support is in beta state")
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.complex64, np.complex128, np.int64])
def test_the_matrix_is_a_tensor_of_its_own(rng, dtype):
    op = st.Conv(random_array(rng, (4, 2, 3), dtype), (2, 9), stride=2, padding=1)
    for one in (op, op.T, op.H):
        tensor = interop.to_torch(one)
        assert tensor.layout == torch.sparse_csr
        np.testing.assert_array_equal(tensor.to_dense().numpy(), one.matrix.toarray())
        tensor.values()[:] = 0
        assert one.matrix.data.any()


def test_matrices_that_pytorch_cannot_hold_are_refused():
    op = st.Conv(np.ones(2, np.longdouble), (3,), channels=False)
    with pytest.raises(st.DTypeError, match="a dtype that PyTorch has; got"):
        interop.to_torch(op)
    with pytest.raises(st.DTypeError, match="Of an Affine pass its `op`"):
        interop.to_torch(st.Affine(st.Conv([1.0], (3,), channels=False), 1.0))


def test_without_torch_the_pip_line_is_named(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("sparse_tconv.interop.torch")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr(st.interop, "torch")
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(st.MissingExtraError, match=r"pip install 'sparse_tconv\[torch\]'"):
        _ = st.interop.torch


def test_importing_interop_loads_none_of_the_packages():
    code = "import sys, sparse_tconv.interop; print({'torch', 'onnx', 'pylops', 'jax'} & {*sys.modules})"
    answer = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(st.__file__).parent.parent,
    )
    assert answer.stdout.strip() == "set()"


def test_another_name_is_no_submodule():
    with pytest.raises(AttributeError, match="has no attribute 'keras'"):
        _ = st.interop.keras
    assert {"onnx", "pylops", "torch"} <= set(dir(st.interop))


def weight_normed(layer):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # deprecated, and everywhere
        return nn.utils.weight_norm(layer)


REPARAMETRIZED = {
    "weight_norm": weight_normed,
    "spectral_norm": lambda layer: nn.utils.spectral_norm(layer),
    "prune": lambda layer: prune.l1_unstructured(layer, "weight", amount=0.4),
    "prune twice": lambda layer: prune.random_unstructured(
        prune.l1_unstructured(layer, "weight", amount=0.3), "weight", amount=3
    ),
    "prune bias": lambda layer: prune.l1_unstructured(layer, "bias", amount=1),
    "new weight_norm": lambda layer: nn.utils.parametrizations.weight_norm(layer),
    "new spectral_norm": lambda layer: nn.utils.parametrizations.spectral_norm(layer),
    "orthogonal": lambda layer: nn.utils.parametrizations.orthogonal(layer),
}


@pytest.mark.parametrize("make", REPARAMETRIZED.values(), ids=REPARAMETRIZED)
@pytest.mark.parametrize("training", [True, False])
def test_a_reparametrized_layer_is_what_it_computes_after_loading(make, training):
    layer, other = (make(nn.Conv2d(2, 3, 3, dtype=torch.float64)) for _ in range(2))
    x = torch.randn(1, 2, 7, 8, dtype=torch.float64)
    layer(x)
    layer.load_state_dict(other.state_dict())
    layer.train(training)
    state = {name: value.clone() for name, value in layer.state_dict().items()}
    op = interop.from_module(layer, (2, 7, 8))
    assert layer.training is training
    assert all(torch.equal(value, state[name]) for name, value in layer.state_dict().items())
    wanted = layer.eval()(x)[0].detach().numpy()
    np.testing.assert_allclose(op.apply(x[0].numpy()), wanted, atol=1e-12)


def patched_forward(layer):
    layer.forward = lambda x: 2 * nn.Conv2d.forward(layer, x)


def patched_conv(layer):
    layer._conv_forward = lambda x, w, b: 2 * nn.Conv2d._conv_forward(layer, x, w, b)


@pytest.mark.parametrize(
    ("patch", "words"),
    [
        (patched_forward, "own forward was replaced"),
        (patched_conv, "own _conv_forward was replaced"),
        (lambda m: m.register_forward_hook(lambda m, x, y: 2 * y), "no forward hooks.*; got "),
        (lambda m: m.register_forward_pre_hook(lambda m, x: (2 * x[0],)), "no forward hooks"),
    ],
)
def test_a_patched_layer_is_refused_alone_and_listed_in_a_model(patch, words):
    layer = nn.Conv2d(2, 3, 3)
    patch(layer)
    with pytest.raises(st.DTypeError, match=words):
        interop.from_module(layer, (2, 8, 8))
    model = nn.Sequential(nn.Conv2d(1, 2, 1), layer)
    with pytest.warns(UserWarning, match=f"left out, see `refused`: layer '1': .*{words}"):
        found = interop.from_model(model, (1, 8, 8))
    assert list(found) == ["0"]
    assert list(found.refused) == ["1"]
    assert interop.from_model(model, (1, 8, 8), names=["0"]).refused == {}
    with pytest.raises(st.DTypeError, match=f"layer '1': .*{words}"):
        interop.from_model(model, (1, 8, 8), names=["1"])
    with pytest.raises(st.GeometryError, match="that the model calls, '0', '1'; got '2'"):
        interop.from_model(model, (1, 8, 8), names=["2"])
    for alone in ("0", 0):
        with pytest.raises(st.GeometryError, match=r"`names` must be names in a list; got '?0"):
            interop.from_model(model, (1, 8, 8), names=alone)


def test_an_exported_model_is_refused_by_name():
    exported = torch.export.export(nn.Conv1d(1, 1, 2), (torch.zeros(1, 1, 4),))
    for model in (exported, exported.module()):
        with pytest.raises(st.DTypeError, match="neither scripted nor exported; got"):
            interop.from_model(model, (1, 4))
