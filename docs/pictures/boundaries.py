"""What stands outside a signal, and the folded matrix, for each boundary."""

import matplotlib.pyplot as plt
import numpy as np
from style import BLUE, cells

import sparse_tconv as st

MODES = {
    "zeros": "constant",
    "circular": "wrap",
    "reflect": "reflect",
    "symmetric": "symmetric",
    "replicate": "edge",
}
x, kernel, width = np.array([1.0, 2.0, 4.0, 3.0]), [1, 10, 100, 10, 1], 2
colors = {1: "#E69F00", 10: "#56B4E9", 100: "#009E73"}

figure, axes = plt.subplots(5, 2, figsize=(6, 12), layout="constrained")
for (left, right), (mode, numpy_mode) in zip(axes, MODES.items(), strict=True):
    extended = np.pad(x, width, mode=numpy_mode)
    places = np.arange(-width, len(x) + width)
    outside = (places < 0) | (places >= len(x))
    left.bar(places[~outside], extended[~outside], color=BLUE, label="signal")
    left.bar(
        *(places[outside], extended[outside]),
        color="white",
        edgecolor=BLUE,
        hatch="//",
        label="outside",
    )
    left.set(title=f"{mode}: the extended signal", xticks=places, ylim=(0, 6.5), xlabel="position")
    left.legend(loc="upper center", ncols=2, frameon=False)
    C = st.conv_matrix(kernel, len(x), padding=width, padding_mode=mode, channels=False).toarray()
    cells(right, C, colors, title=f"{mode}: C")
