"""Products that autograd differentiates, to any order, with respect to samples and kernels.

For a fixed geometry ``C(w) x`` is linear in each of w and x, and so are its transposes: with
``P(op, x, w) = C(w) x`` and ``G(op, x, h) = K(x)^T h``, K(x) being w -> C(w) x, the gradients of P
and G are P and G again. Nothing in them conjugates; PyTorch's gradient of a real loss is the
transpose between two conjugations, which are left to PyTorch.
"""

from __future__ import annotations

from typing import Any

import torch

from ...errors import DTypeError, ShapeError
from ...operators import Affine, ConvOperator, Operator
from ._tensors import check_sample, known, tensor_array


def apply(
    op: Operator | Affine, x: torch.Tensor, weight: torch.Tensor | None = None
) -> torch.Tensor:
    """The operator applied to tensors, differentiable with respect to `x` and `weight`.

    Parameters
    ----------
    op : Operator or Affine
        The operator: a convolution, or any expression of operators. Its own weight, and an ``Affine``'s bias, are constants.
    x : torch.Tensor, (..., *in_shape)
        Dense, on the CPU, with any number of leading batch axes.
    weight : torch.Tensor, the shape of ``op.weight``, optional
        A kernel to use instead of that of a Conv or ConvTranspose, as ``op.with_weight(weight)``
        does.

    Returns
    -------
    torch.Tensor, (..., *out_shape)
        On the CPU, of the dtype that NumPy gives for `x` and the weight.

    Raises
    ------
    ShapeError
        `x` does not end in ``in_shape``, or `weight` is not shaped like ``op.weight``.
    DTypeError
        A tensor is on another device, sparse, or of a type that the library does not compute with.

    See Also
    --------
    to_torch : the matrix.

    Notes
    -----
    Forward ``y = C x``; for the gradient g of a real loss with respect to y, that of x is ``C^H g``
    and that of the weight is ``K(x)^H g``, K(x) being ``op.kernel_operator(x)``, summed over the
    batch. Complex gradients follow PyTorch's convention, the gradient with respect to the
    conjugate; that of a real tensor is the real part. Gradients of gradients work too. Each product
    costs what ``op.apply`` does. The transforms of ``torch.func`` work, in any order: vmap, grad, vjp,
    jvp, jacrev, jacfwd, hessian, per-sample gradients, and forward-mode AD; torch.compile does not
    look inside. Under vmap a batch of samples with one weight is one product, a batch of weights
    one for each.

    Examples
    --------
    >>> import torch
    >>> from sparse_tconv import Conv
    >>> from sparse_tconv.interop.torch import apply
    >>> op = Conv([1.0, -2.0], (3,), channels=False)
    >>> x = torch.ones(3, dtype=torch.float64, requires_grad=True)
    >>> apply(op, x).sum().backward()
    >>> x.grad
    tensor([ 1., -1., -2.], dtype=torch.float64)
    >>> apply(op, x.half())
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `x` must have dtype float32, float64, complex64 or complex128;
        got torch.float16. Convert it: x.float().
    """
    if isinstance(op, Affine):
        y = apply(op.op, x, weight)
        bias = torch.tensor(op.bias).to(y.dtype)
        return y + bias.reshape(*bias.shape, *(1,) * (len(op.out_shape) - bias.ndim))
    if not isinstance(op, Operator):
        raise DTypeError(
            f"`op` must be an operator or an Affine; got {type(op).__name__}. Wrap it with st.as_operator."
        )
    check_sample("x", x)
    if weight is None:
        known(op.dtype)
        return _Product.apply(op, x, None)
    if not isinstance(op, ConvOperator):
        raise DTypeError(
            f"`op` must be a Conv or ConvTranspose where `weight` is given; got {type(op).__name__}. "
            f"Apply the parts one after the other."
        )
    check_sample("weight", weight)
    if tuple(weight.shape) != op.weight.shape:
        raise ShapeError(
            f"`weight` must have shape {op.weight.shape}; got {tuple(weight.shape)}. "
            f"Make a new {type(op).__name__} for another geometry."
        )
    if op.conjugated:
        return _Product.apply(op.H.T, x, weight.conj())
    return _Product.apply(op, x, weight)


class _Product(torch.autograd.Function):  # type: ignore[misc]  # seen without its types
    """P(op, x, w) = C(w) x; with None for w, the operator's own kernel."""

    @staticmethod
    def forward(op: Any, x: torch.Tensor, weight: torch.Tensor | None) -> torch.Tensor:
        if weight is not None:
            op = op.with_weight(tensor_array(weight))
        return torch.from_numpy(op.apply(tensor_array(x)))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        ctx.op, x, weight = inputs
        ctx.save_for_backward(x, weight)
        ctx.save_for_forward(x, weight)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        x, weight = ctx.saved_tensors
        for_x = for_weight = None
        if ctx.needs_input_grad[1]:
            for_x = _like(x, _Product.apply(ctx.op.T, gradient.conj(), weight).conj())
        if ctx.needs_input_grad[2]:
            for_weight = _like(weight, _Gradient.apply(ctx.op, x, gradient.conj()).conj())
        return None, for_x, for_weight

    @staticmethod
    def jvp(ctx: Any, _: None, for_x: Any, for_weight: Any) -> torch.Tensor | None:
        x, weight = ctx.saved_tensors
        by_x = None if for_x is None else _Product.apply(ctx.op, for_x, weight)
        by_weight = None if for_weight is None else _Product.apply(ctx.op, x, for_weight)
        return _added(by_x, by_weight)

    @staticmethod
    def vmap(info: Any, in_dims: Any, op: Any, x: torch.Tensor, weight: Any) -> Any:
        if weight is None or in_dims[2] is None:
            return _Product.apply(op, x.movedim(in_dims[1], 0), weight), 0
        return _one_by_one(_Product, info, in_dims, op, x, weight)


class _Gradient(torch.autograd.Function):  # type: ignore[misc]  # seen without its types
    """G(op, x, h) = K(x)^T h, shaped like the kernel."""

    @staticmethod
    def forward(op: ConvOperator, x: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        kernels = op.kernel_operator(tensor_array(x))
        return torch.from_numpy(kernels.T.apply(tensor_array(h)))

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        ctx.op, x, h = inputs
        ctx.save_for_backward(x, h)
        ctx.save_for_forward(x, h)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        x, h = ctx.saved_tensors
        weight = gradient.conj()
        for_x = for_h = None
        if ctx.needs_input_grad[1]:
            for_x = _like(x, _Product.apply(ctx.op.T, h, weight).conj())
        if ctx.needs_input_grad[2]:
            for_h = _like(h, _Product.apply(ctx.op, x, weight).conj())
        return None, for_x, for_h

    @staticmethod
    def jvp(ctx: Any, _: None, for_x: Any, for_h: Any) -> torch.Tensor | None:
        x, h = ctx.saved_tensors
        by_x = None if for_x is None else _Gradient.apply(ctx.op, for_x, h)
        by_h = None if for_h is None else _Gradient.apply(ctx.op, x, for_h)
        return _added(by_x, by_h)

    @staticmethod
    def vmap(info: Any, in_dims: Any, op: ConvOperator, x: torch.Tensor, h: torch.Tensor) -> Any:
        return _one_by_one(_Gradient, info, in_dims, op, x, h)


def _one_by_one(
    function: Any, info: Any, in_dims: Any, op: Any, x: torch.Tensor, other: torch.Tensor
) -> tuple[torch.Tensor, int]:
    """A function for each entry of a batch, of one of its two arguments or of both."""
    pairs = (
        [entry] * info.batch_size if dim is None else entry.unbind(dim)
        for entry, dim in zip((x, other), in_dims[1:], strict=True)
    )
    return torch.stack([function.apply(op, a, b) for a, b in zip(*pairs, strict=True)]), 0


class _Sum(torch.autograd.Function):  # type: ignore[misc]  # seen without its types
    """a + b. PyTorch runs a jvp with forward mode switched off, also for the derivative around it,
    which a plain sum would lose; a function of its own is seen there.
    """

    @staticmethod
    def forward(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        return a + b

    @staticmethod
    def setup_context(ctx: Any, inputs: Any, output: torch.Tensor) -> None:
        ctx.save_for_backward(*inputs)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:
        return tuple(_like(tensor, gradient) for tensor in ctx.saved_tensors)

    @staticmethod
    def jvp(ctx: Any, for_a: Any, for_b: Any) -> torch.Tensor | None:
        return _added(for_a, for_b)

    @staticmethod
    def vmap(info: Any, in_dims: Any, a: torch.Tensor, b: torch.Tensor) -> Any:
        pair = (
            entry.unsqueeze(0) if dim is None else entry.movedim(dim, 0)
            for entry, dim in zip((a, b), in_dims, strict=True)
        )
        return _Sum.apply(*pair), 0


def _added(a: torch.Tensor | None, b: torch.Tensor | None) -> torch.Tensor | None:
    """The sum of the two halves of a directional derivative; a half that is None is zero."""
    if a is None or b is None:
        return b if a is None else a
    total: torch.Tensor = _Sum.apply(a, b)
    return total


def _like(tensor: torch.Tensor, gradient: torch.Tensor) -> torch.Tensor:
    """A gradient in the dtype of what it belongs to; of a real tensor, the real part."""
    if gradient.is_complex() and not tensor.is_complex():
        gradient = gradient.real
    return gradient.to(tensor.dtype)
