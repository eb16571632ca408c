"""An image, its convolution, what the transpose makes of it, and what least squares finds."""

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse.linalg import lsmr

import sparse_tconv as st

n = np.arange(32)
image = (np.add.outer(n // 8 % 2, n // 8 % 2) == 1) + 0.5 * np.add.outer(n, n) / 62
op = st.Conv(np.full((5, 5), 1 / 25), image.shape, padding=2, channels=False)
blurred = op.apply(image)
found = lsmr(op, blurred.ravel(), atol=1e-12, btol=1e-12, maxiter=2000)[0].reshape(image.shape)
pictures = {
    "x": image,
    "C x": blurred,
    "C^T C x: blurred twice": op.T.apply(blurred),
    "least squares from C x": found,
}
figure, axes = plt.subplots(2, 2, figsize=(6, 5.6), layout="constrained")
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    drawn = ax.imshow(picture, cmap="cividis", vmin=0, vmax=1.5)
    ax.set(title=title, xticks=[], yticks=[])
figure.colorbar(drawn, ax=axes, label="value", shrink=0.8)
