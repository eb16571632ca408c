"""The matrix, the scatter and the zero-insertion view of one transposed convolution."""

import matplotlib.pyplot as plt
import numpy as np
from style import cells, frame, palette

import sparse_tconv as st

kernel = np.array([[0, 1], [2, 3]])
y = np.array([[0, 1], [2, 3]])
op = st.ConvTranspose(kernel, (2, 2), channels=False)
answer = op.apply(y)
colors = palette(kernel)
gray = {}

figure = plt.figure(figsize=(6, 8.6), layout="constrained")
matrix, scatter, insertion = figure.subfigures(3, 1, height_ratios=[1.5, 0.8, 1])

matrix.suptitle("Matrix: C^T times y, row by row")
left, middle, right = matrix.subplots(1, 3, width_ratios=[2, 0.6, 0.6])
cells(left, op.matrix.toarray(), colors, title="C^T")
cells(middle, y.reshape(-1, 1), gray, title="y")
cells(right, answer.reshape(-1, 1), gray, title="C^T y")

scatter.suptitle("Scatter: each number of y stamps the kernel; stamps add up")
axes = scatter.subplots(1, 5)
for ax, (i, j) in zip(axes, np.ndindex(2, 2), strict=False):
    stamp = np.zeros((3, 3), int)
    stamp[i : i + 2, j : j + 2] = y[i, j] * kernel
    cells(ax, stamp, gray, title=f"{y[i, j]} times")
    frame(ax, i, j, 2, 2)
cells(axes[-1], answer, gray, title="sum")

insertion.suptitle("Zero insertion: a border of zeros,\nand a window with the kernel turned")
left, middle, right = insertion.subplots(1, 3)
cells(left, np.pad(y, 1), gray, title="y with its border")
frame(left, 1, 0, 2, 2)
cells(middle, kernel[::-1, ::-1], colors, title="the kernel, turned")
cells(right, answer, gray, title="result")
frame(right, 1, 0, 1, 1)
