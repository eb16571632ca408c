"""The matrices of a strided convolution, of an upsampling, and of both, on one axis."""

import matplotlib.pyplot as plt
import numpy as np
from style import cells

import sparse_tconv as st

up = st.ConvTranspose(np.ones(2, int), (6,), stride=2, channels=False)
down = st.Conv(np.ones(3, int), up.out_shape, stride=3, channels=False)
parts = {
    "down: sums of three, stride 3": down,
    "up: each sample twice": up,
    "down @ up": down @ up,
}
figure = plt.figure(figsize=(6, 7), layout="constrained")
axes = figure.subplot_mosaic([["down", "down"], ["up", "both"]], height_ratios=[1, 2.2])
colors = {1: "#56B4E9", 2: "#E69F00"}
for ax, (title, op) in zip(axes.values(), parts.items(), strict=True):
    cells(ax, op.toarray(), colors, title=f"{title}\n{op.shape[0]} x {op.shape[1]}")
