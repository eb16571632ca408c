"""What users type: checked by mypy and by pyright, with and without stubs of SciPy, never run."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import sparse_tconv as st

op = st.Conv(np.ones((8, 3, 3, 3)), (3, 32, 32), stride=2, padding=((1, 1), (0, 1)))
back = st.ConvTranspose([1.0, 2.0], (4,), stride=2, output_size=9, channels=False)

assert_type(op.apply(np.ones((3, 32, 32))), NDArray[Any])
assert_type(op.T.apply(np.ones((8, 16, 16))), NDArray[Any])
assert_type(op.H.apply(np.ones((8, 16, 16))), NDArray[Any])
assert_type(op.T.T.in_shape, tuple[int, ...])
assert_type(op.in_shape, tuple[int, ...])
assert_type(op.weight, NDArray[Any])
assert_type(op.with_weight(op.weight), st.Conv)
assert_type(op.geometry, st.ConvGeometry)
assert_type(op.geometry.nnz, int)

y: NDArray[Any] = st.conv(np.ones((3, 8, 8)), np.ones((4, 3, 3, 3)), [0.0] * 4, stride=2)
z: NDArray[Any] = st.conv2d(np.ones((3, 8, 8)), np.ones((4, 3, 3, 3)), padding="same")
matrix = st.conv_matrix([1.0, 2.0], (5,), channels=False)
layer = st.Affine(op, np.zeros(8))
assert_type(layer.apply(np.ones((3, 32, 32))), NDArray[Any])

solution = st.inverse.solve(op, np.ones((8, 16, 16)), damp=0.1, regularizer="gradient")
assert_type(solution, st.inverse.Solution)
assert_type(solution.x, NDArray[Any])
assert_type(solution.converged, bool)
assert_type(st.inverse.gcv(op, np.ones((8, 16, 16))).damp, float)
assert_type(st.inverse.blur(np.ones((3, 3)), (9, 9)), st.Conv)

values = st.analysis.singular_values(op, 3)
lower, upper = st.analysis.norm_bounds(op)
report = st.testing.dot_test(op, op.H)
passed: bool = bool(report)

# What becomes an array is an array to those who give it, and operators of all kinds have one type.
bare = st.Conv([[1.0, 2.0], [3.0, 4.0]], (8, 8), channels=False)
st.Affine(bare, 1.0)
st.Affine(op, [0.0] * 8).apply(np.ones((3, 16, 16)))
assert_type(bare.kernel_operator(np.ones((8, 8))).T.apply(np.ones((7, 7))), NDArray[Any])
bare.kernel_operator(np.ones((8, 8))).to_matrix(dtype=np.float32)
local = st.LocalConv(np.ones((3, 8)), (8,), padding=1, channels=False)
assert_type(local.T.apply([1.0] * 8), NDArray[Any])
lens = st.inverse.varying_blur(np.ones((1, 1, 3, 3)), [[0], [0]], (8, 8))
assert_type(lens.H.apply(np.ones((8, 8))), NDArray[Any])
assert_type(st.inverse.deblur(np.ones((8, 8)), np.ones((3, 3)), sigma=0.1), st.inverse.Solution)
assert_type(st.inverse.tv(lens, np.ones((8, 8)), 0.1).gap, float | None)
assert_type(st.analysis.pinv(bare).apply(np.ones((7, 7))), NDArray[Any])

with st.threads(2):
    st.set_num_threads(1)

try:
    st.conv_matrix(np.ones((64, 64, 3, 3)), (64, 224, 224), max_bytes=10)
except st.MatrixTooLargeError as error:
    words: str = str(error)

# A wrong name is seen, in sub-packages too: an ignored error that is none would be one.
print(st.nonsense)  # type: ignore[attr-defined]
print(st.analysis.nonsense)  # type: ignore[attr-defined]
print(st.inverse.nonsense)  # type: ignore[attr-defined]
print(st.testing.nonsense)  # type: ignore[attr-defined]
st.Conv(np.ones(3), (9,), chanels=False)  # type: ignore[call-arg]
