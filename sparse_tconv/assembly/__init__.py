"""What the entries are: weights into patterns, as SciPy CSR matrices."""

from __future__ import annotations

from ._cast import check_cast
from ._csr import Skeleton, fresh_matrix, shared_skeleton, wrap
from ._extension_matrix import extension_matrix
from ._folded_sums import check_folded_sums, check_signs, sums_may_wrap
from ._integer_sums import check_sums
from ._kernel import correlation_kernel, from_correlation_kernel, grouped_kernel
from ._limits import guard_dense, guard_entries, index_dtype
from ._local import local_matrix, shared_local_matrix
from ._matrices import conv_matrix, conv_transpose_matrix
from ._row_block import row_block

__all__ = [
    "Skeleton",
    "check_cast",
    "check_folded_sums",
    "check_signs",
    "check_sums",
    "conv_matrix",
    "conv_transpose_matrix",
    "correlation_kernel",
    "extension_matrix",
    "fresh_matrix",
    "from_correlation_kernel",
    "grouped_kernel",
    "guard_dense",
    "guard_entries",
    "index_dtype",
    "local_matrix",
    "row_block",
    "shared_local_matrix",
    "shared_skeleton",
    "sums_may_wrap",
    "wrap",
]
