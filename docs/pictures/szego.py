"""The eigenvalues of a blur between zeros, and the values of its symbol."""

from __future__ import annotations

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st
from sparse_tconv.analysis import eigenvalues, symbol

taps = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
theta = np.linspace(0, np.pi, 400)
for size, marker in ((12, "o"), (60, ".")):
    op = st.Conv(taps, (size,), padding=2, channels=False)
    found = eigenvalues(op).value
    place = (np.arange(size) + 0.5) / size
    axes.plot(place, found, marker, label=f"{size} samples")
line = np.sort(symbol(op)(theta).real.reshape(-1))[::-1]
axes.plot(theta / np.pi, line, color="0.4", linewidth=1, zorder=0, label="symbol")
axes.set(xlabel="share of all values", ylabel="eigenvalue")
axes.legend()
