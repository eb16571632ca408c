"""Two sizes that a stride of 2 takes to the same size, and the two transposes."""

import matplotlib.pyplot as plt
from style import cells

import sparse_tconv as st

kernel = [1, 2, 3]
figure, axes = plt.subplots(1, 2, figsize=(6, 4.6), layout="constrained", width_ratios=[1, 1])
for ax, extra in zip(axes, (0, 1), strict=True):
    options = {"stride": 2, "output_padding": extra, "channels": False}
    T = st.conv_transpose_matrix(kernel, 2, **options).toarray()
    cells(ax, T, title=f"C^T, output_padding={extra}:\n2 numbers to {len(T)}")
    ax.set(xlabel="entries of y", ylabel="entries of the result")
