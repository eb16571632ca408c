"""
A chunked image
===============

An image in Dask chunks is blurred and restored chunk by chunk. Chunks exchange only what the kernel
reaches over, and the result is the same as in one piece.
"""

import dask.array as da
import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv as st
from sparse_tconv.inverse import problems, psf

problem = problems.deblurring("gauss", 192, image="phantom", noise=0.01, seed=0)
weight = psf.gauss(1.5)
middle = weight.shape[0] // 2
parameters = {
    "padding": middle,
    "padding_mode": "symmetric",
    "flip": True,
    "channels": False,
}
image = da.from_array(problem.x, chunks=(64, 96))
blurred = st.chunked.conv(image, weight, **parameters)
print(image)
print(blurred)

# %%
# In one piece or in six: the difference is rounding.

whole = st.conv(problem.x, weight, **parameters)
print("largest difference", np.abs(blurred.compute() - whole).max())

# %%
# The forward and the adjoint, both lazy, are enough for conjugate gradients on the normal equations.
# White lines are the borders of the chunks: look whether the restoration shows any seam.

adjoint_parameters = {**parameters, "output_size": problem.x.shape}
solution = st.chunked.cgls(
    lambda x: st.chunked.conv(x, weight, **parameters),
    lambda y: st.chunked.conv_transpose(y, weight, **adjoint_parameters),
    blurred,
    damp=0.003,
    rtol=2e-3,
)
restored = np.asarray(solution.x)
figure, axes = plt.subplots(2, 2, figsize=(6, 6.6), layout="constrained")
pictures = {"original": problem.x, "blurred": np.asarray(blurred), "restored": restored}
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=False):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=problem.x.max())
    for line in (64, 128):
        ax.axhline(line - 0.5, color="white", linewidth=0.7)
    ax.axvline(95.5, color="white", linewidth=0.7)
    error = problem.error(picture)
    ax.set(title=f"{title}, error {error:.2f}", xticks=[], yticks=[])
axes[1, 1].set_axis_off()
