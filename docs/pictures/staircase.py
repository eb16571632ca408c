"""Output size against input size, and the steps on which several inputs stand."""

import matplotlib.pyplot as plt
import numpy as np
from style import COLORS

import sparse_tconv as st

sizes = np.arange(3, 16)
figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
for stride, color, marker in zip((1, 2, 3), (COLORS[0], COLORS[1], COLORS[2]), "os^", strict=True):
    out = [st.ConvGeometry.from_conv(3, n, stride=stride, channels=False).y_shape[0] for n in sizes]
    ax.plot(sizes, out, color=color, marker=marker, linewidth=1, label=f"stride={stride}")
ax.set(xlabel="size of the image", ylabel="size of the result", xticks=sizes)
ax.set_title("kernel_size=3, no padding")
ax.grid(color="#DDDDDD")
ax.legend()
