"""How many taps meet in each pixel, and what a layer makes of a constant."""

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st

cases = [(3, 2), (4, 2), (5, 3), (6, 3)]
figure, axes = plt.subplots(4, 2, figsize=(6, 9), layout="constrained")
for (left, right), (k, s) in zip(axes, cases, strict=True):
    op = st.ConvTranspose(np.ones((k, k)), (5, 5), stride=s, channels=False)
    counts = st.analysis.overlap(op).output
    drawn = left.imshow(counts, cmap="cividis", vmin=1, vmax=9)
    left.set(title=f"kernel {k}, stride {s}", xticks=[], yticks=[])
    row = counts[counts.shape[0] // 2]
    right.step(np.arange(len(row)), row, where="mid", color="#0072B2")
    right.set(title="along the middle row", ylim=(0, 9.5))
axes[-1, 1].set_xlabel("pixel")
figure.colorbar(drawn, ax=axes[:, 0], label="taps that meet", location="left", shrink=0.4)
