"""
Edges, counts and bounds
========================

Least squares with a smooth penalty makes edges wavy and knows nothing of counting noise. Total
variation keeps flat parts flat; Richardson and Lucy's iteration is made for counts.
"""

import matplotlib.pyplot as plt
import numpy as np

from sparse_tconv.inverse import problems, richardson_lucy, solve, tv

# %%
# A picture of flat parts, blurred, with noise of the same size everywhere. The answer of `tv` comes
# with a certificate: its objective is above the minimum by the gap at most.

problem = problems.deblurring("gauss", 64, image="phantom", noise=0.01, inverse_crime=True)
smooth = solve(problem.op, problem.y, damp=0.03, regularizer="gradient").x
answer = tv(problem.op, problem.y, 1e-3, lower=0, upper=1)
print(answer)


def show(pictures, truth, error):
    _figure, axes = plt.subplots(2, 2, figsize=(6, 6.8), layout="constrained")
    for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
        ax.imshow(picture, cmap="gray", vmin=0, vmax=truth.max())
        ax.set(title=f"{title}\nerror {error(picture):.3f}", xticks=[], yticks=[])


show(
    {"original": problem.x, "data": problem.y, "least squares": smooth, "tv": answer.x},
    problem.x,
    problem.error,
)

# %%
# The same picture in few photons: the noise is that of counting. Without a stop the iteration goes
# on to fit it; with ``stop="deviance"`` it ends where the data are as far from their means as counts
# are expected to be.

rng = np.random.default_rng(0)
photons = 200 * np.maximum(problem.x, 0.02)
counts = rng.poisson(problem.op.apply(photons)).astype(float)
stopped = richardson_lucy(problem.op, counts, stop="deviance", maxiter=300)
long = richardson_lucy(problem.op, counts, maxiter=300)
print(stopped)


def relative(picture):
    return np.linalg.norm(picture - photons) / np.linalg.norm(photons)


show(
    {
        "original": photons,
        "counts": counts,
        f"stopped after {stopped.iterations}": stopped.x,
        "300 iterations": long.x,
    },
    photons,
    relative,
)
