"""PyTorch: the matrix of a layer, the operators of a model, its Jacobian, and products that
autograd differentiates.
"""

from __future__ import annotations

from .._extras import missing

try:
    from ._autograd import apply
    from ._linearize import linearize
    from ._models import from_model
    from ._modules import from_module
    from ._norms import norm_bound
    from ._tensors import to_torch
except ModuleNotFoundError as error:
    raise missing("torch", error) from error

__all__ = ["apply", "from_model", "from_module", "linearize", "norm_bound", "to_torch"]
