"""
Estimate the kernel from a known picture
========================================

Photograph a known chart, and the blur of the camera can be solved for: a convolution is linear in its
kernel, too. The operator that takes the kernel to the result is ``op.kernel_operator(x)``, and its
adjoint is the weight gradient of backpropagation.
"""

import matplotlib.pyplot as plt
import numpy as np

from sparse_tconv.inverse import blur, estimate_kernel, psf

rng = np.random.default_rng(0)
chart = (rng.random((48, 48)) > 0.5).astype(float)
truth = np.zeros((9, 9))
path = psf.motion(6, angle=35)
top, left = (9 - path.shape[0]) // 2, (9 - path.shape[1]) // 2
truth[top : top + path.shape[0], left : left + path.shape[1]] = path
op = blur(truth, chart.shape)
photograph = op.apply(chart) + 0.005 * rng.standard_normal(chart.shape)

# %%
# Look at the estimate beside the truth: the path is there, and what surrounds it is noise of a few
# thousandths.

solution = estimate_kernel(chart, photograph, op.geometry)
error = np.linalg.norm(solution.x - truth) / np.linalg.norm(truth)
figure, axes = plt.subplots(2, 2, figsize=(6, 6), layout="constrained")
pictures = {"chart": chart, "photograph": photograph, "truth": truth}
pictures[f"estimate, error {error:.1%}"] = solution.x
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    kernel = picture.shape == truth.shape
    drawn = ax.imshow(picture, cmap="cividis", vmin=0, vmax=truth.max() if kernel else 1)
    ax.set(title=title, xticks=[], yticks=[])
figure.colorbar(drawn, ax=axes[1, 1], label="weight")

# %%
# How large must the chart be?

sides, errors = (10, 14, 20, 28, 40), []
for side in sides:
    small = blur(truth, (side, side))
    seen = small.apply(chart[:side, :side]) + 0.005 * rng.standard_normal((side, side))
    found = estimate_kernel(chart[:side, :side], seen, small.geometry).x
    errors.append(np.linalg.norm(found - truth) / np.linalg.norm(truth))
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.loglog(sides, errors, "o-")
ax.set(xlabel="side of the chart in pixels", ylabel="relative error", xticks=sides)
ax.set_xticklabels(sides)
ax.minorticks_off()
