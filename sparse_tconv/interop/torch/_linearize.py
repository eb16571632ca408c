"""A model at a point: its first-order map, as an operator and a bias."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
import torch

from ...errors import DTypeError, GeometryError
from ...operators import Affine
from ._modules import readable
from ._steps import Steps
from ._tape import Tape
from ._tensors import check_sample, tensor_array
from ._traced import answer, quiet, traced

_REAL = (torch.float32, torch.float64)


def linearize(model: Any, *inputs: torch.Tensor) -> Affine:
    """The first-order map of a model at a point: its Jacobian as an operator, and a bias.

    Parameters
    ----------
    model : torch.nn.Module or callable
        The model, which gives one tensor; called without gradients, a module in eval mode, and left
        as it was.
    *inputs : torch.Tensor
        The point: one sample, of real numbers on the CPU, without a batch axis or with one of
        size 1; several for a model that takes several.

    Returns
    -------
    Affine
        The map ``J x + b`` that agrees with the model to first order: ``b = model(x0) - J x0``.
        ``op.matrix`` is the sparse Jacobian. Shapes are those of one sample, without a batch axis; of
        several inputs, ``op.in_shape`` is flat, the inputs ravelled one after the other. Of the
        model's dtype.

    Raises
    ------
    DTypeError
        The model has an operation whose derivative is not known here, a kernel that depends on the
        inputs, draws random numbers, uses a batch norm in training mode, branches on values, or
        gives something else than one tensor of real numbers; or an input is no such tensor.
    ShapeError
        The model does not take `inputs`.
    GeometryError
        There is no input, or the model has no derivative at the point.

    See Also
    --------
    from_model : the convolutions of a model, each for itself.
    apply : the other way: an operator as a step of a model.

    Notes
    -----
    Where all layers are piecewise linear, as convolutions, ReLU and max pooling are, the map is the
    model on the whole piece that the point lies in. Smooth operations enter through their derivative at
    the point: entry by entry (sigmoid, GELU), or along an axis (softmax, norms, attention), which makes
    blocks of the matrix dense. Where several derivatives are possible, as of ReLU at 0, it is the one
    of PyTorch. What is detached counts as constant.

    A sample is given a batch axis of 1 where the model takes it so. If all inputs start with an axis of
    1, the model takes them as they are, and no layer of images in it sees a sample without a batch,
    that is the batch axis.

    The model is run about five times. The operator holds one number per entry of each result that is not
    linear in what it depends on, and a product costs about what the model does, ``op.T`` the same. The
    matrix is multiplied out from the end that has fewer entries.

    Examples
    --------
    >>> import torch
    >>> from sparse_tconv.interop.torch import linearize
    >>> net = torch.nn.Sequential(
    ...     torch.nn.Conv2d(1, 2, 3), torch.nn.ReLU(), torch.nn.MaxPool2d(2)
    ... ).double()
    >>> x = torch.rand(1, 8, 8, dtype=torch.float64)
    >>> local = linearize(net, x)
    >>> local.in_shape, local.out_shape
    ((1, 8, 8), (2, 3, 3))
    >>> bool(torch.allclose(torch.from_numpy(local.apply(x)), net(x)))
    True
    >>> J = local.op.matrix
    >>> J.shape, J.nnz <= 18 * 9
    ((18, 64), True)
    >>> linearize(lambda x: x.cumsum(0), x)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `model` must be made of operations whose derivatives are known here;
        got aten.cumsum.default. Use torch.func.jacrev(model)(x) for its dense Jacobian.
    """
    model = readable(model) if isinstance(model, torch.nn.Module) else model
    _check(model, inputs)
    point = tuple(x.detach() for x in inputs)
    with quiet(model):
        y, samples, batched = answer(model, point)
        _check_result(y)
        dtype = tensor_array(y).dtype
        steps = Steps(samples, dtype)
        value, last = steps.followed(traced(model, samples))
        _check_same(value, y)
    shapes = [_sample_shape(x, batched) for x in samples]
    in_shape = shapes[0] if len(shapes) == 1 else (sum(map(prod, shapes)),)
    out_shape = _sample_shape(y, batched)
    sizes, edges = steps.ended(last, prod(out_shape))
    op = Tape(in_shape, out_shape, sizes, edges, len(samples), dtype)
    x0 = np.concatenate([tensor_array(x).reshape(-1).astype(float) for x in samples])
    bias = tensor_array(y).reshape(out_shape) - op.apply(x0.reshape(in_shape))
    return Affine(op, bias.astype(dtype))


def _sample_shape(tensor: torch.Tensor, batched: bool) -> tuple[int, ...]:
    """The shape without a batch axis of 1; that of a number is (1,)."""
    shape = tuple(tensor.shape)
    return shape[1:] if batched and len(shape) > 1 and shape[0] == 1 else shape or (1,)


def _check(model: Any, inputs: tuple[Any, ...]) -> None:
    """Refuse what is no model, and points that are no tensors of real numbers."""
    if not callable(model):
        raise DTypeError(
            f"`model` must be a torch.nn.Module or another callable; got {type(model).__name__}. Pass the "
            f"model first, then the point."
        )
    if not inputs:
        raise GeometryError(
            "`inputs` must be the point, one tensor per input; got none. Pass the sample after the model."
        )
    for tensor in inputs:
        check_sample("inputs", tensor)
        if tensor.dtype not in _REAL or not tensor.numel():
            raise DTypeError(
                f"`inputs` must be real numbers, float32 or float64, and not empty; got {tensor.dtype} of shape "
                f"{tuple(tensor.shape)}. Fix integers in a function: lambda x: model(x, tokens)."
            )


def _check_result(y: Any) -> None:
    """Refuse results that are no tensor of real numbers."""
    if not isinstance(y, torch.Tensor):
        raise DTypeError(
            f"`model` must give one tensor; got {type(y).__name__}. Choose one in a function: "
            f"lambda x: model(x)[0]."
        )
    if y.dtype not in _REAL or not y.numel():
        raise DTypeError(
            f"`model` must give real numbers, float32 or float64; got {y.dtype} of shape "
            f"{tuple(y.shape)}. Convert the model: model.double()."
        )


def _check_same(value: torch.Tensor, y: torch.Tensor) -> None:
    """Refuse models that gave another result when they were traced."""
    tolerance = 1e3 * torch.finfo(y.dtype).eps
    scale = float(y.abs().max())
    if not torch.allclose(value, y, rtol=tolerance, atol=tolerance * scale, equal_nan=True):
        raise DTypeError(
            "`model` must give the same result whenever it is called at a point; got two results. "
            "Fix what it keeps between calls."
        )
