"""
What each parameter does to the matrix
======================================

The matrix of a 3x3 kernel on an 8x8 image, with one parameter changed at a time. A colored cell is a
stored entry; how dark it is says which of the nine taps it is.
"""

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st
from sparse_tconv import plotting

TAPS = np.arange(1.0, 10).reshape(3, 3)


def spy(ax, title, op):
    """Draw the stored entries of C."""
    plotting.spy(op, axes=ax)
    ax.set_title(f"{title}\n{ax.get_title()}")


# %%
# Geometry
# --------
# Stride leaves out rows, so that the bands get steeper. Padding adds rows; under zero padding their
# ends are missing. Dilation moves the bands apart.

figure, axes = plt.subplots(2, 2, figsize=(6, 6), layout="constrained")
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
    spy(ax, title, st.Conv(TAPS, (8, 8), channels=False, **parameters))

# %%
# Boundaries
# ----------
# What hangs over the edge is folded back. Look at the corners of the matrix and of its blocks: the
# periodic boundary fills the far corners; the others add to entries that are there.

figure, axes = plt.subplots(2, 2, figsize=(6, 6), layout="constrained")
for ax, mode in zip(axes.flat, ("circular", "reflect", "symmetric", "replicate"), strict=True):
    spy(ax, mode, st.Conv(TAPS, (8, 8), padding=1, padding_mode=mode, channels=False))

# %%
# Channels and groups
# -------------------
# A block for each pair of channels; groups leave blocks out. The last one has one kernel per channel.

figure, axes = plt.subplots(3, 1, figsize=(6, 10), layout="constrained")
for ax, groups in zip(axes, (1, 2, 4), strict=True):
    weight = np.broadcast_to(TAPS, (4, 4 // groups, 3, 3))
    spy(ax, f"groups={groups}", st.Conv(weight, (4, 8, 8), groups=groups))

# %%
# The transpose, in steps
# -----------------------
# A transposed convolution with stride 2 inserts zeros, adds a border, and slides the flipped kernel.
# The frame marks one number of the output, and what it is a sum of. How many taps meet in each pixel
# is in the last panel.

op = st.ConvTranspose(TAPS, (2, 2), stride=2, padding=1, channels=False)
figure, axes = plt.subplots(3, 2, figsize=(6, 8.4), layout="constrained")
plotting.steps(op, axes=axes.flat[:5])
plotting.overlap(op, axes=axes[-1, -1])
axes[-1, -1].set_title("taps that meet")

# %%
# By hand
# -------
# Point at a pixel, at an entry or at a tap, or walk with the arrow keys.

plotting.explorer(op)
