"""PyTorch's tensors as arrays. PyTorch is never imported here: who has a tensor has imported it."""

from __future__ import annotations

import sys
from typing import Any

from numpy.typing import NDArray

from ..errors import DTypeError


def is_tensor(value: Any) -> bool:
    """Whether `value` is a tensor of PyTorch's."""
    tensor = getattr(sys.modules.get("torch"), "Tensor", None)
    return tensor is not None and isinstance(value, tensor)


def tensor_values(
    name: str, tensor: Any, constant: bool, other: str = "", widen: bool = False
) -> NDArray[Any]:
    """The values of a tensor, sharing its memory where that can be.

    `constant` says that no derivative is asked for; `widen` takes half precision up, and `other` is
    one more thing to do about a dtype.
    """
    torch = sys.modules["torch"]
    _check_values(name, tensor, torch)
    if tensor.requires_grad and not constant:
        raise DTypeError(
            f"`{name}` must not require grad; got a tensor that does. Use "
            f"sparse_tconv.interop.torch.apply, which autograd differentiates, or {name}.detach()."
        )
    if widen and tensor.dtype in _halves(torch):
        tensor = tensor.float()
    _check_dtype(name, tensor.dtype, torch, other)
    try:
        array: NDArray[Any] = tensor.detach().resolve_conj().resolve_neg().cpu().numpy()
    except Exception as error:  # traced, vmapped or fake: whatever PyTorch says of those
        raise DTypeError(
            f"`{name}` must have values; got a {type(tensor).__name__}, which only stands for a "
            f"tensor. Call outside of traces and transforms."
        ) from error
    return array


def check_tensor(name: str, tensor: Any) -> None:
    """Refuse a tensor whose values would be refused, looking at none of them."""
    torch = sys.modules["torch"]
    _check_values(name, tensor, torch)
    _check_dtype(name, tensor.dtype, torch, "")


def _halves(torch: Any) -> tuple[Any, ...]:
    return torch.float16, torch.bfloat16


def _check_values(name: str, tensor: Any, torch: Any) -> None:
    """Refuse tensors that are not dense arrays of values."""
    if torch.nn.parameter.is_lazy(tensor):
        raise DTypeError(
            f"`{name}` must have values; got one of a lazy module that has not seen a sample. "
            f"Call the module once, then pass it again."
        )
    if tensor.device.type == "meta":
        raise DTypeError(
            f"`{name}` must have values; got a tensor on the device 'meta'. Load the weights first."
        )
    if tensor.is_nested:
        raise DTypeError(
            f"`{name}` must be one rectangular array; got a nested tensor. "
            f"Pass torch.nested.to_padded_tensor({name}, 0.0), or its parts one by one."
        )
    if tensor.is_quantized:
        raise DTypeError(
            f"`{name}` must not be quantized; got {tensor.dtype}. Pass {name}.dequantize()."
        )
    if tensor.layout != torch.strided:
        raise DTypeError(
            f"`{name}` must be dense; got a tensor of layout {tensor.layout}. "
            f"Pass {name}.to_dense()."
        )


def _check_dtype(name: str, dtype: Any, torch: Any, other: str) -> None:
    """Refuse what NumPy, or this library, does not compute with."""
    half = not dtype.is_complex and dtype.is_floating_point and dtype.itemsize < 4
    if not (half or dtype in (torch.bool, torch.complex32)):
        return
    method = "float()" if half else "to(torch.complex64)" if dtype.is_complex else "char()"
    raise DTypeError(
        f"`{name}` must have an integer dtype, or float32, float64, complex64 or complex128; "
        f"got {dtype}. Convert it: {name}.{method}{other if dtype in _halves(torch) else ''}."
    )
