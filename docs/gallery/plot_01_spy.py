"""
What each parameter does to the matrix
======================================

The matrix of a 3x3 kernel on an 8x8 image, with one parameter changed at a time. A dot is a stored
entry; its color says which of the nine taps it is.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st

TAPS = np.arange(1, 10).reshape(3, 3)


def spy(ax, title, weight=TAPS, in_shape=(8, 8), channels=False, **parameters):
    """Draw the stored entries of C, colored by tap."""
    C = st.conv_matrix(weight, in_shape, channels=channels, **parameters).tocoo()
    dots = ax.scatter(C.col, C.row, c=C.data, s=3, cmap="viridis", vmin=1, vmax=9, marker="s")
    ax.set(
        title=f"{title}\n{C.shape[0]} x {C.shape[1]}, {C.nnz} entries",
        xlim=(-1, C.shape[1]),
        ylim=(C.shape[0], -1),
        aspect="equal",
        xlabel="pixel of the image",
        ylabel="pixel of the result",
    )
    return dots


# %%
# Geometry
# --------
# Stride leaves out rows, so that the bands get steeper. Padding adds rows; under zero padding their
# ends are missing. Dilation moves the bands apart.

figure, axes = plt.subplots(2, 2, figsize=(9, 9), layout="constrained")
for ax, (title, parameters) in zip(
    axes.flat,
    {
        "plain": {},
        "stride=2": {"stride": 2},
        "padding=1": {"padding": 1},
        "dilation=2": {"dilation": 2},
    }.items(),
    strict=True,
):
    dots = spy(ax, title, **parameters)
figure.colorbar(dots, ax=axes, label="tap", shrink=0.5)

# %%
# Boundaries
# ----------
# What hangs over the edge is folded back. Look at the corners of the matrix and of its blocks: the
# periodic boundary fills the far corners; the others add to entries that are there.

figure, axes = plt.subplots(2, 2, figsize=(9, 9), layout="constrained")
for ax, mode in zip(axes.flat, ("circular", "reflect", "symmetric", "replicate"), strict=True):
    dots = spy(ax, mode, padding=1, padding_mode=mode)
figure.colorbar(dots, ax=axes, label="tap, or sum of taps (9 and more)", shrink=0.5)

# %%
# Channels and groups
# -------------------
# A block for each pair of channels; groups leave blocks out. The last one has one kernel per channel.

figure, axes = plt.subplots(1, 3, figsize=(11, 4.6), layout="constrained")
for ax, groups in zip(axes, (1, 2, 4), strict=True):
    weight = np.broadcast_to(TAPS, (4, 4 // groups, 3, 3))
    dots = spy(ax, f"groups={groups}", weight, (4, 8, 8), channels=True, groups=groups)
figure.colorbar(dots, ax=axes, label="tap", shrink=0.7)
