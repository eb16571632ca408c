"""Four places of a window, four rows of the matrix."""

import matplotlib.pyplot as plt
import numpy as np
from style import cells, frame, palette

import sparse_tconv as st

kernel = np.array([[1, 2], [3, 4]])
colors = palette(kernel)
C = st.conv_matrix(kernel, (3, 3), channels=False).toarray()

figure = plt.figure(figsize=(6, 4.8), layout="constrained")
grid = figure.add_gridspec(2, 4, height_ratios=[1, 2])
for place, row in enumerate(C):
    ax = figure.add_subplot(grid[0, place])
    cells(ax, row.reshape(3, 3), colors, title=f"place {place}")
    frame(ax, place // 2, place % 2, 2, 2)
ax = figure.add_subplot(grid[1, :])
cells(ax, C, colors, title="the matrix C: one row per place, one column per pixel")
ax.set_yticks(range(4), [f"place {place}" for place in range(4)], minor=True)
ax.set_xticks(range(9), [f"{i},{j}" for i in range(3) for j in range(3)], minor=True)
ax.tick_params(which="minor", length=0)
ax.set_xlabel("pixel (row, column)")
