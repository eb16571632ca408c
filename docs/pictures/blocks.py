"""Channels, groups, depthwise and bias as blocks."""

import matplotlib.pyplot as plt
import numpy as np
from style import COLORS, cells

import sparse_tconv as st

size, taps = 3, 2


def kernels(c_out: int, c_in: int) -> np.ndarray:
    """Kernels of equal numbers, a number for each pair of channels."""
    pairs = np.arange(1, c_out * c_in + 1).reshape(c_out, c_in, 1)
    return np.repeat(pairs, taps, axis=2)


def separate(ax, rows: int, columns: int) -> None:
    """Thick lines between the blocks."""
    for row in range(1, rows):
        ax.axhline(row * (size - taps + 1) - 0.5, color="black", linewidth=2)
    for column in range(1, columns):
        ax.axvline(column * size - 0.5, color="black", linewidth=2)


colors = {number: COLORS[(number - 1) % 6] for number in range(1, 20)}
figure, axes = plt.subplots(2, 2, figsize=(6, 6.4), layout="constrained")
for ax, (name, c_out, c_in, groups) in zip(
    axes.flat,
    [
        ("2 to 3 channels", 3, 2, 1),
        ("4 to 4 channels,\ngroups=2", 4, 4, 2),
        ("3 to 3 channels, groups=3:\ndepthwise", 3, 3, 3),
    ],
    strict=False,
):
    weight = kernels(c_out, c_in // groups)
    C = st.conv_matrix(weight, (c_in, size), groups=groups).toarray()
    cells(ax, C, colors, title=name)
    separate(ax, c_out, c_in)
    ax.set(xlabel="input channels", ylabel="output channels")
affine = st.Affine(st.Conv(kernels(2, 1), (1, size)), [8, 9])
H = np.asarray(affine.homogeneous_matrix().toarray())
cells(axes[1, 1], H, colors, title="bias: one more column,\nand a 1")
separate(axes[1, 1], 3, 2)
axes[1, 1].set(xlabel="input channel, and 1", ylabel="output channels, 1")
