"""Two fifths of the pixels of a blurred picture, and the picture found from them."""

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st
from sparse_tconv.inverse import blur, problems, psf, solve

scene = problems.deblurring("gauss", 96, seed=0).x
seen = np.random.default_rng(1).random(scene.shape) < 0.4
taken = st.Restriction(scene.shape, seen)
op = taken @ blur(psf.gauss(1.0), scene.shape)
y = op.apply(scene) + 0.01 * np.random.default_rng(2).standard_normal(op.out_shape)
pictures = {
    "scene": scene,
    "blurred, pixels\nthat were seen": np.ma.masked_array(taken.T.apply(y), ~seen),
    "filled in\nand sharpened": solve(op, y, damp=0.03, regularizer="gradient").x,
}
figure, axes = plt.subplots(1, 3, figsize=(6, 2.6), layout="constrained")
colors = plt.colormaps["gray"].with_extremes(bad="#E69F00")
for ax, (title, picture) in zip(axes, pictures.items(), strict=True):
    ax.imshow(picture, cmap=colors, vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
