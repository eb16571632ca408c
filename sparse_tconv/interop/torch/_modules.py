"""One module: its parameters and attributes as an operator."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn.modules.lazy import LazyModuleMixin
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm

from ...errors import DTypeError
from ...operators import Affine, Conv, ConvOperator, ConvTranspose
from ._tensors import parameter_array

_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
_TRANSPOSES = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d)
# The hooks of PyTorch's own that compute a weight before each call.
_COMPUTING = (BasePruningMethod, SpectralNorm, WeightNorm)
CONVOLUTIONS = (*_CONVOLUTIONS, *_TRANSPOSES)


def from_module(module: torch.nn.Module, in_shape: Any) -> ConvOperator | Affine:
    """The operator of a PyTorch convolution.

    Parameters
    ----------
    module : Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d or ConvTranspose3d
        The layer, on any device; its weights are copied to the host.
    in_shape : tuple of int
        Shape of one sample that the layer takes, ``(C_in, *size)``, without a batch axis.

    Returns
    -------
    Conv, ConvTranspose or Affine
        An ``Affine``, operator and bias, when the layer has a bias. Of the weight's dtype; it
        shares no memory with the module.

    Raises
    ------
    DTypeError
        `module` is no convolution, computes something else than its class in ``torch.nn`` (a
        subclass or an instance with a forward of its own, a forward hook), has no values yet (a lazy module, the meta device), or
        has float16 or bfloat16 weights.
    GeometryError
        `in_shape` is not one that the layer takes.

    See Also
    --------
    from_model : all convolutions of a model, with the shapes they see.

    Notes
    -----
    All attributes count: ``stride``, ``padding`` with its words 'same' and 'valid', ``dilation``,
    ``groups``, ``padding_mode``, ``output_padding``; parametrizations, weight_norm, spectral_norm and pruning are evaluated as in eval mode. Where PyTorch
    limits a border ('reflect' to less than the axis, 'circular' to the axis), the operator goes
    on as ``numpy.pad`` does.

    Examples
    --------
    >>> import torch
    >>> from sparse_tconv.interop.torch import from_module
    >>> layer = from_module(torch.nn.Conv2d(3, 8, 3, stride=2), (3, 32, 32))
    >>> layer.op.matrix.shape, layer.bias.shape
    ((1800, 3072), (8,))
    >>> from_module(torch.nn.Linear(3, 8), (3, 32, 32))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `module` must be a Conv1d, Conv2d, Conv3d, ConvTranspose1d,
        ConvTranspose2d or ConvTranspose3d; got Linear. Use from_model for what holds such layers.
    """
    return layer_operator(module, in_shape, None)


def layer_operator(
    module: torch.nn.Module, in_shape: Any, output_size: tuple[int, ...] | None
) -> ConvOperator | Affine:
    """The operator of a layer; of a transposed one, for the output size it was called with."""
    _check_class(module)
    _check_instance(module)
    weight, offset = _evaluated(module)
    weight = parameter_array("module.weight", weight)
    options = {
        "stride": module.stride,
        "padding": module.padding,
        "dilation": module.dilation,
        "groups": module.groups,
        "padding_mode": module.padding_mode,
    }
    op: ConvOperator
    if isinstance(module, _CONVOLUTIONS):
        op = Conv(weight, in_shape, **options)
    elif output_size is None:
        op = ConvTranspose(weight, in_shape, output_padding=module.output_padding, **options)
    else:
        op = ConvTranspose(weight, in_shape, output_size=output_size, **options)
    return op if offset is None else Affine(op, parameter_array("module.bias", offset))


class _Reader:
    """A module as hooks see it: what they set stays here."""

    training = False

    def __init__(self, module: Any) -> None:
        self._module = module

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def _evaluated(module: Any) -> tuple[Any, Any]:
    """Weight and bias as the next call in eval mode would have them.

    Old-style weight_norm, spectral_norm and pruning compute them in hooks that run before the
    module does, and keep what the last call had; parametrizations compute them when they are read.
    """
    reader = _Reader(module)
    with torch.no_grad(), evaluating(module):
        for hook in module._forward_pre_hooks.values():
            if isinstance(hook, _COMPUTING):
                hook(reader, None)
        return reader.weight, reader.bias


def readable(model: Any) -> torch.nn.Module:
    """A model whose layers can be seen; of a compiled one, what it wraps."""
    # What torch.export makes has layers no more, and an eval that refuses.
    opaque = isinstance(model, torch.jit.ScriptModule) or "eval" in getattr(model, "__dict__", ())
    if opaque or not isinstance(model, torch.nn.Module):
        raise DTypeError(
            f"`model` must be a torch.nn.Module, neither scripted nor exported; got "
            f"{type(model).__name__}. Pass the module it was made from."
        )
    return getattr(model, "_orig_mod", model)  # what torch.compile wraps


@contextmanager
def evaluating(model: torch.nn.Module) -> Iterator[None]:
    """The model in eval mode, so that no running statistic changes; each module's own after."""
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode


def _check_instance(module: Any) -> None:
    """Refuse what an instance computes in another way than its class."""
    for method in ("forward", "_conv_forward", "_call_impl"):
        if method in vars(module):
            raise DTypeError(
                f"`module` must compute what its class does; got a {type(module).__name__} whose own "
                f"{method} was replaced. Restore it, or make a new layer with the weight it uses."
            )
    if isinstance(module, LazyModuleMixin):
        return  # its hook waits for a sample, and so do its weights
    before = [h for h in module._forward_pre_hooks.values() if not isinstance(h, _COMPUTING)]
    for hook in (*before, *module._forward_hooks.values()):
        name = getattr(hook, "__qualname__", type(hook).__name__)
        raise DTypeError(
            f"`module` must have no forward hooks, which may change what it computes; got {name}. "
            f"Remove the hook first."
        )


def _check_class(module: Any) -> None:
    """Refuse what is no convolution, and subclasses that compute something else."""
    base = next((known for known in CONVOLUTIONS if isinstance(module, known)), None)
    if base is None:
        raise DTypeError(
            "`module` must be a Conv1d, Conv2d, Conv3d, ConvTranspose1d, ConvTranspose2d or "
            f"ConvTranspose3d; got {type(module).__name__}. Use from_model for what holds such layers."
        )
    for method in ("forward", "_conv_forward"):
        if getattr(type(module), method, None) is not getattr(base, method, None):
            raise DTypeError(
                f"`module` must compute what torch.nn.{base.__name__} does; got {type(module).__name__}, "
                f"which has its own {method}. Make a {base.__name__} with the weight it uses."
            )
