"""How many taps meet in each pixel, and what a layer makes of a constant."""

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st

cases = [(3, 2), (4, 2), (5, 3), (6, 3)]
figure, axes = plt.subplots(2, 4, figsize=(10, 5.4), layout="constrained")
for (above, below), (k, s) in zip(axes.T, cases, strict=True):
    op = st.ConvTranspose(np.ones((k, k)), (5, 5), stride=s, channels=False)
    counts = st.analysis.overlap(op).output
    drawn = above.imshow(counts, cmap="cividis", vmin=1, vmax=9)
    above.set(title=f"kernel {k}, stride {s}", xticks=[], yticks=[])
    row = counts[counts.shape[0] // 2]
    below.step(np.arange(len(row)), row, where="mid", color="#0072B2")
    below.set(xlabel="pixel of the middle row", ylim=(0, 9.5))
axes[1, 0].set_ylabel("taps that meet")
figure.colorbar(drawn, ax=axes[0], label="taps that meet")
