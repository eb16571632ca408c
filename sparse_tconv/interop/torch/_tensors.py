"""Tensors to arrays and back."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ... import _validate as validate
from ...errors import DTypeError
from ...operators import Operator

_REFUSED = {
    torch.float16: "float()",
    torch.bfloat16: "float()",
    torch.complex32: "to(torch.complex64)",
}


def to_torch(op: Operator) -> torch.Tensor:
    """The operator's matrix as a sparse CSR tensor.

    Parameters
    ----------
    op : Operator
        The operator: a convolution, or any expression of operators; of an ``Affine``, pass its ``op``.

    Returns
    -------
    torch.Tensor
        Of layout ``torch.sparse_csr``, shape ``op.shape`` and the operator's dtype, on the CPU; it
        shares no memory with the operator.

    Raises
    ------
    DTypeError
        `op` is no operator, or PyTorch has no type for its entries (longdouble).
    MatrixTooLargeError
        The matrix would not fit.

    See Also
    --------
    apply : the product without the matrix, differentiable.

    Notes
    -----
    It acts on flat samples: ``to_torch(op) @ x.reshape(-1)``. PyTorch warns once per process that
    its CSR layout is in beta state.

    Examples
    --------
    >>> import warnings
    >>> from sparse_tconv import Affine, Conv
    >>> from sparse_tconv.interop.torch import to_torch
    >>> op = Conv([1.0, -1.0], (3,), channels=False)
    >>> with warnings.catch_warnings(action="ignore"):
    ...     matrix = to_torch(op)
    >>> matrix.to_dense()
    tensor([[ 1., -1.,  0.],
            [ 0.,  1., -1.]], dtype=torch.float64)
    >>> to_torch(Affine(op, 2.0))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a linear operator of this library; got Affine. Of an
        Affine pass its `op`; wrap others with st.as_operator.
    """
    if not isinstance(op, Operator):
        raise DTypeError(
            f"`op` must be a linear operator of this library; got {type(op).__name__}. "
            f"Of an Affine pass its `op`; wrap others with st.as_operator."
        )
    known(op.dtype)
    matrix = op.to_matrix()
    parts = (torch.from_numpy(part) for part in (matrix.indptr, matrix.indices, matrix.data))
    return torch.sparse_csr_tensor(*parts, size=matrix.shape, check_invariants=False)


def known(dtype: np.dtype[Any]) -> None:
    """Refuse a dtype that PyTorch does not have."""
    try:
        torch.from_numpy(np.empty(0, dtype))
    except TypeError:
        raise DTypeError(
            f"`op` must have a weight of a dtype that PyTorch has; got {dtype}. "
            f"Convert it: op.with_weight(op.weight.astype(np.float64))."
        ) from None


def parameter_array(name: str, tensor: torch.Tensor) -> NDArray[Any]:
    """The values of a module's parameter on the host, whatever device it lives on."""
    if torch.nn.parameter.is_lazy(tensor):
        raise DTypeError(
            "`module` must have its weights; got a lazy module that has not seen a sample. "
            "Call it once, then pass it again."
        )
    if tensor.device.type == "meta":
        raise DTypeError(
            f"`{name}` must have values; got a tensor on the device 'meta'. Load the weights first."
        )
    if tensor.dtype in _REFUSED or not (tensor.is_floating_point() or tensor.is_complex()):
        raise refused(name, tensor.dtype, "module")
    return tensor_array(tensor.cpu())


def check_sample(name: str, tensor: Any) -> None:
    """Refuse all but dense host tensors of the library's dtypes, looking at no values."""
    if not isinstance(tensor, torch.Tensor):
        raise DTypeError(
            f"`{name}` must be a torch.Tensor; got {type(tensor).__name__}. Use op.apply for arrays."
        )
    if tensor.device.type != "cpu" or tensor.layout != torch.strided:
        raise DTypeError(
            f"`{name}` must be a dense tensor on the CPU; got one of layout {tensor.layout} on "
            f"{str(tensor.device)!r}. Products are computed on the host: pass {name}.cpu(), dense."
        )
    if tensor.dtype in _REFUSED or tensor.dtype == torch.bool:
        raise refused(name, tensor.dtype, name)
    validate.check_tensor(name, tensor)


def tensor_array(tensor: torch.Tensor) -> NDArray[Any]:
    """A dense host tensor as an array that shares its memory where it can."""
    array: NDArray[Any] = tensor.detach().resolve_conj().resolve_neg().numpy()
    return array


def refused(name: str, dtype: torch.dtype, owner: str) -> DTypeError:
    """The error for a dtype that the library does not compute with."""
    return DTypeError(
        f"`{name}` must have dtype float32, float64, complex64 or complex128; got {dtype}. "
        f"Convert it: {owner}.{_REFUSED.get(dtype, 'double()')}."
    )
