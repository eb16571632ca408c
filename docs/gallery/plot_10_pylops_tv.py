"""
Total variation with PyLops
===========================

PyLops brings regularized and sparse solvers; the convolution, with its boundary, comes from here.
"""

import matplotlib.pyplot as plt
import pylops

from sparse_tconv.interop.pylops import to_pylops
from sparse_tconv.inverse import problems

problem = problems.deblurring("gauss", 64, image="phantom", noise=0.01, inverse_crime=True)
op = to_pylops(problem.op)
print(op)

# %%
# Split Bregman with the two derivatives, and least squares with the same ones. Look at the flat
# parts: total variation makes them flat, least squares leaves them wavy.

derivatives = [
    pylops.FirstDerivative(problem.x.shape, axis=axis, edge=True, kind="backward")
    for axis in (0, 1)
]
tv = pylops.optimization.sparsity.splitbregman(
    op,
    problem.y.ravel(),
    derivatives,
    niter_outer=20,
    niter_inner=2,
    mu=20.0,
    epsRL1s=[0.1, 0.1],
    tol=1e-4,
    tau=1.0,
    iter_lim=8,
)[0].reshape(problem.x.shape)
smooth = pylops.optimization.leastsquares.regularized_inversion(
    op, problem.y.ravel(), derivatives, epsRs=[0.03, 0.03], iter_lim=60
)[0].reshape(problem.x.shape)

figure, axes = plt.subplots(2, 2, figsize=(6, 6.8), layout="constrained")
pictures = {
    "original": problem.x,
    "data": problem.y,
    "least squares": smooth,
    "total variation": tv,
}
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=problem.x.max())
    ax.set(title=f"{title}\nerror {problem.error(picture):.3f}", xticks=[], yticks=[])
