"""One module: its parameters and attributes as an operator."""

from __future__ import annotations

from typing import Any

import torch

from ...errors import DTypeError
from ...operators import Affine, Conv, ConvOperator, ConvTranspose
from ._tensors import parameter_array

_CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
_TRANSPOSES = (torch.nn.ConvTranspose1d, torch.nn.ConvTranspose2d, torch.nn.ConvTranspose3d)
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
        subclass with a forward of its own), has no values yet (a lazy module, the meta device), or
        has float16 or bfloat16 weights.
    GeometryError
        `in_shape` is not one that the layer takes.

    See Also
    --------
    from_model : all convolutions of a model, with the shapes they see.

    Notes
    -----
    All attributes count: ``stride``, ``padding`` with its words 'same' and 'valid', ``dilation``,
    ``groups``, ``padding_mode``, ``output_padding``; parametrizations are evaluated. Where PyTorch
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
    weight = parameter_array("module.weight", module.weight)
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
    return op if module.bias is None else Affine(op, parameter_array("module.bias", module.bias))


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
