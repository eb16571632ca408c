"""
Deblurring under three boundaries
=================================

A photograph goes on beyond its frame, and a blur brings some of that in. What the model believes about
the outside decides how the restoration looks at the border, and not only there.
"""

import matplotlib.pyplot as plt
import numpy as np

from sparse_tconv.inverse import blur, problems, solve

problem = problems.deblurring("defocus", 96, noise=0.005, seed=0)
print(problem)

# %%
# The same data, the same damp, three beliefs. Look for ripples along the edges: the periodic
# boundary joins left and right, the zero boundary makes a black frame; both pay with waves that reach
# far inside.

MODES = {"symmetric": "reflecting", "circular": "periodic", "zeros": "zero"}
restored = {}
for mode in MODES:
    op = blur(problem.op.weight, problem.x.shape, padding_mode=mode)
    restored[mode] = solve(op, problem.y, damp=0.03, method="lsmr", maxiter=300).x

figure, axes = plt.subplots(3, 2, figsize=(6, 9), layout="constrained")
pictures = {
    "original": problem.x,
    f"blurred, error {problem.error(problem.y):.2f}": problem.y,
    "point-spread function": problem.op.weight,
}
for mode, name in MODES.items():
    pictures[f"{name}, error {problem.error(restored[mode]):.2f}"] = restored[mode]
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    top = picture.max() if picture.shape != problem.x.shape else 1
    ax.imshow(picture, cmap="gray", vmin=0, vmax=top)
    ax.set(title=title, xticks=[], yticks=[])

# %%
# The error by the distance from the border
# -----------------------------------------
# Look at the middle of the image, on the right: the wrong beliefs spoil it, too.

n, m = problem.x.shape
i, j = np.indices((n, m))
distance = np.minimum(np.minimum(i, n - 1 - i), np.minimum(j, m - 1 - j))
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
for (mode, name), style in zip(MODES.items(), ("-", "--", ":"), strict=True):
    error = (restored[mode] - problem.x) ** 2
    rms = [np.sqrt(error[distance == d].mean()) for d in range(n // 2)]
    ax.semilogy(rms, style, label=name)
ax.set(xlabel="distance from the border in pixels", ylabel="root mean square error")
ax.legend()
