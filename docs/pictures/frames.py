"""Three frames of a third of the size, and what one of them and all of them give."""

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st
from sparse_tconv.inverse import blur, problems, psf, solve

scene = problems.deblurring("gauss", 96, seed=0).x
lens = blur(psf.gauss(1.0), scene.shape)
pixels = st.Restriction(scene.shape, (slice(None, None, 3), slice(None, None, 3)))


def moved(rows: int, columns: int) -> st.Conv:
    """A shift by whole pixels."""
    tap = np.zeros((5, 5))
    tap[2 + rows, 2 + columns] = 1.0
    return blur(tap, scene.shape, padding_mode="replicate")


frames = st.vstack([pixels @ lens @ moved(*step) for step in ((0, 0), (1, 2), (2, 1))])
noise = 0.01 * np.random.default_rng(0).standard_normal(frames.out_shape)
y = frames.apply(scene) + noise
pictures = {
    "scene": scene,
    "one of three frames": y[0],
    "from one frame": solve(pixels @ lens, y[0], damp=0.05, regularizer="gradient").x,
    "from three frames": solve(frames, y, damp=0.05, regularizer="gradient").x,
}
figure, axes = plt.subplots(2, 2, figsize=(6, 6.4), layout="constrained")
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
