"""
A lens: a blur that changes across the image
============================================

The point-spread function of this lens grows towards the corners, and turns with the direction. One
blur for the whole picture is wrong nearly everywhere; the one that changes is as easy to undo.
"""

import matplotlib.pyplot as plt
import numpy as np

from sparse_tconv.inverse import blur, problems, solve

problem = problems.varying(256)
op = problem.op
print(problem)

# %%
# What unit impulses become: the operator interpolates between its 25 PSFs.

impulses = np.zeros(op.in_shape)
impulses[12:-5:29, 12:-5:29] = 1
figure, ax = plt.subplots(figsize=(5, 5), layout="constrained")
ax.imshow(np.sqrt(np.maximum(op.apply(impulses), 0)), cmap="magma")  # rounding is below 0
ax.set(title="impulses through the lens (square root)", xticks=[], yticks=[])

# %%
# Restored by the PSF of the middle, by one from halfway out, and by the operator that changes.

candidates = {
    "PSF of the middle": blur(op.psfs[2, 2], op.in_shape),
    "PSF from halfway": blur(op.psfs[1, 1], op.in_shape),
    "PSF that changes": op,
}
damps = (0.05, 0.1)
restored = {}
for name, candidate in candidates.items():
    found = [
        solve(candidate, problem.y, damp=damp, rtol=1e-3, maxiter=60, method="lsmr").x
        for damp in damps
    ]
    restored[name] = min(found, key=problem.error)

figure, axes = plt.subplots(3, 2, figsize=(6, 9.8), layout="constrained")
pictures = {"original": problem.x, "data": problem.y} | restored
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=False):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set(title=f"{title}\nerror {problem.error(picture):.3f}", xticks=[], yticks=[])
axes[2, 1].set_axis_off()
