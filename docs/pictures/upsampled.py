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
widths = [op.shape[1] for op in parts.values()]
figure, axes = plt.subplots(1, 3, figsize=(10, 5), width_ratios=widths, layout="constrained")
colors = {1: "#56B4E9", 2: "#E69F00"}
for ax, (title, op) in zip(axes, parts.items(), strict=True):
    cells(ax, op.toarray(), colors, title=f"{title}\n{op.shape[0]} x {op.shape[1]}")
