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
figure, axes = plt.subplots(2, 2, figsize=(6, 6.4), layout="constrained")
pictures = {
    "scene": scene,
    "through lens and vignette": y,
    "least squares undoes both": solve(op, y, damp=0.03, regularizer="gradient").x,
}
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=False):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set_title(title)
most = np.abs(difference).max()
drawn = axes[1, 1].imshow(difference, cmap="RdBu", vmin=-most, vmax=most)
axes[1, 1].set_title("what the order changes")
figure.colorbar(drawn, ax=axes[1, 1], location="bottom", ticks=[-most, 0, most], format="%.3f")
for ax in axes.flat:
    ax.set(xticks=[], yticks=[])
