"""A lens and a vignette: their order matters, and least squares undoes both."""

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st
from sparse_tconv.inverse import blur, problems, psf, solve

scene = problems.deblurring("gauss", 96, seed=0).x
lens = blur(psf.gauss(1.0), scene.shape)
rows, columns = np.ogrid[-1:1:96j, -1:1:96j]
vignette = st.Diagonal(1 / (1 + rows**2 + columns**2) ** 2)
op = vignette @ lens
y = op.apply(scene) + 0.005 * np.random.default_rng(0).standard_normal(op.out_shape)
difference = (vignette @ lens - lens @ vignette).apply(scene)
figure, axes = plt.subplots(1, 3, figsize=(10.6, 3.6), layout="constrained")
axes[0].imshow(y, cmap="gray", vmin=0, vmax=1)
axes[0].set_title("through lens and vignette")
most = np.abs(difference).max()
drawn = axes[1].imshow(difference, cmap="RdBu", vmin=-most, vmax=most)
axes[1].set_title("the difference that the order makes")
figure.colorbar(drawn, ax=axes[1], shrink=0.8)
axes[2].imshow(solve(op, y, damp=0.03, regularizer="gradient").x, cmap="gray", vmin=0, vmax=1)
axes[2].set_title("least squares")
for ax in axes:
    ax.set(xticks=[], yticks=[])
