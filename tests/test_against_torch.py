"""Convolutions and their transposes equal PyTorch's, in every setting that PyTorch has."""

from __future__ import annotations

import numpy as np
import pytest
from factories import FLOATS, assert_agrees, random_array, random_setting

import sparse_tconv as st

torch = pytest.importorskip("torch")
torch.set_num_threads(1)  # small products: threads would only wait for each other
functional = torch.nn.functional

TORCH_MODES = ("zeros", "circular", "reflect", "replicate")


def torch_conv(setting, x, weight):
    """PyTorch's convolution of a batch: F.pad for the border, its own stride, dilation and
    groups."""
    conv = getattr(functional, f"conv{len(setting.size)}d")
    mode = {"zeros": "constant"}.get(setting.padding_mode[0], setting.padding_mode[0])
    pads = [amount for pair in reversed(setting.padding) for amount in pair]
    padded = functional.pad(x, pads, mode=mode) if any(pads) else x
    return conv(
        padded, weight, stride=setting.stride, dilation=setting.dilation, groups=setting.groups
    )


def torch_transpose(setting, y, weight):
    """The gradient of PyTorch's convolution: its transpose, whatever the padding."""
    x = torch.zeros((len(y), *setting.in_shape), dtype=y.dtype, requires_grad=True)
    (gradient,) = torch.autograd.grad(torch_conv(setting, x, weight), x, y)
    return gradient.resolve_conj()


def allowed(setting):
    """Whether PyTorch pads this far: less than the axis for 'reflect', at most it for
    'circular'."""
    limit = {"reflect": 1, "circular": 0}.get(setting.padding_mode[0])
    if limit is None:
        return True
    return all(
        max(pair) <= n - limit for pair, n in zip(setting.padding, setting.size, strict=True)
    )


def torch_settings(rng, count):
    while count:
        mode = str(rng.choice(TORCH_MODES))
        setting = random_setting(
            rng, modes=(mode,), pads=(0, 5), mixed=False, flip=False, dtypes=FLOATS
        )
        if allowed(setting):
            count -= 1
            yield setting


def test_convolutions_equal_pytorch_in_random_settings(rng, settings_count):
    for setting in torch_settings(rng, settings_count(2000)):
        op = st.Conv(setting.weight, setting.in_shape, **setting.options)
        dtype = setting.weight.dtype
        x = random_array(rng, (2, *op.in_shape), dtype)
        wanted = torch_conv(setting, torch.from_numpy(x), torch.from_numpy(setting.weight)).numpy()
        magnitude = op.with_weight(np.abs(setting.weight)).apply(np.abs(x))
        terms = setting.weight[0].size
        assert_agrees(op.apply(x), wanted, magnitude, terms, dtype)


def test_transposes_equal_pytorch_gradients_in_random_settings(rng, settings_count):
    for setting in torch_settings(rng, settings_count(2000)):
        op = st.Conv(setting.weight, setting.in_shape, **setting.options).T
        dtype = setting.weight.dtype
        y = random_array(rng, (2, *op.in_shape), dtype)
        conjugated = torch.from_numpy(np.conj(setting.weight))
        # PyTorch's gradient is the adjoint; that of the conjugated kernel is the transpose.
        wanted = torch_transpose(setting, torch.from_numpy(y), conjugated).numpy()
        magnitude = op.with_weight(np.abs(setting.weight)).apply(np.abs(y))
        terms = st.Conv(
            np.ones_like(setting.weight, dtype=int), setting.in_shape, **setting.options
        )
        most = int((abs(terms.T.matrix).sum(axis=1)).max())
        assert_agrees(op.apply(y), wanted, magnitude, most, dtype)


def test_conv_transpose_equals_pytorch_with_every_output_padding(rng, settings_count):
    done, wanted_count = 0, settings_count(2000)
    while done < wanted_count:
        setting = random_setting(
            rng,
            modes=("zeros",),
            pads=(0, 4),
            symmetric_pads=True,
            mixed=False,
            flip=False,
            dtypes=FLOATS,
        )
        limits = [max(s, d) for s, d in zip(setting.stride, setting.dilation, strict=True)]
        extra = tuple(int(rng.integers(limit)) for limit in limits)
        dtype = setting.weight.dtype
        y = random_array(rng, (2, setting.weight.shape[0], *setting.size), dtype)
        conv_transpose = getattr(functional, f"conv_transpose{len(setting.size)}d")
        options = {
            "stride": setting.stride,
            "padding": tuple(before for before, _ in setting.padding),
            "output_padding": extra,
            "dilation": setting.dilation,
            "groups": setting.groups,
        }
        try:
            op = st.ConvTranspose(setting.weight, y.shape[1:], **options)
        except st.GeometryError:
            continue  # the padding eats the whole output
        wanted = conv_transpose(torch.from_numpy(y), torch.from_numpy(setting.weight), **options)
        magnitude = op.with_weight(np.abs(setting.weight)).apply(np.abs(y))
        assert_agrees(op.apply(y), wanted.numpy(), magnitude, setting.weight[:, 0].size, dtype)
        assert (op.to_matrix() @ y[0].reshape(-1)).shape == (op.shape[0],)
        done += 1


@pytest.mark.filterwarnings("ignore:Using padding='same' with even kernel")
@pytest.mark.parametrize("mode", ["valid", "same"])
def test_padding_words_equal_pytorch(rng, settings_count, mode):
    for _ in range(settings_count(300)):
        setting = random_setting(rng, modes=("zeros",), flip=False)
        conv = getattr(functional, f"conv{len(setting.size)}d")
        options = {"padding": mode, "dilation": setting.dilation, "groups": setting.groups}
        x = random_array(rng, setting.in_shape, np.float64)
        try:
            op = st.Conv(setting.weight, setting.in_shape, **options)
        except st.GeometryError:
            assert mode == "valid"
            continue
        wanted = conv(torch.from_numpy(x[None]), torch.from_numpy(setting.weight), **options)
        magnitude = op.with_weight(np.abs(setting.weight)).apply(np.abs(x))
        assert_agrees(op.apply(x), wanted[0].numpy(), magnitude, setting.weight[0].size, float)
