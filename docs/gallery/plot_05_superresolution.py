"""
Super-resolution: a strided operator and its adjoint
====================================================

Blur and keep every second pixel: one strided convolution. To go back, an iterative solver needs the
adjoint of exactly that operator. The transposed convolution is its start, not its end.
"""

import matplotlib.pyplot as plt

from sparse_tconv.inverse import problems, solve
from sparse_tconv.testing import dot_test

problem = problems.superresolution(2, 128, noise=0.03, seed=0)
op = problem.op
print(problem)
print("adjoint:", bool(dot_test(op)))

# %%
# The adjoint brings back the shape; look at how soft and uneven it is. Least squares with a penalty on
# the gradient brings back edges as far as the data have them.

adjoint = op.T.apply(problem.y)
adjoint *= problem.x.mean() / adjoint.mean()
solution = solve(op, problem.y, damp=0.02, regularizer="gradient", maxiter=300)
print(solution)

figure, axes = plt.subplots(2, 2, figsize=(6, 6.8), layout="constrained")
pictures = {
    "original": problem.x,
    "data, half the size": problem.y,
    f"C^T y, scaled\nerror {problem.error(adjoint):.3f}": adjoint,
    f"solved\nerror {problem.error(solution.x):.3f}": solution.x,
}
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])

# %%
# How much damp? With the gradient for a penalty, little is enough: the result hardly changes until
# the damp is too large and smooths edges away.

damps = [0.003, 0.01, 0.03, 0.1, 0.3, 1.0]
errors = [
    problem.error(solve(op, problem.y, damp=damp, regularizer="gradient", maxiter=300).x)
    for damp in damps
]
figure, ax = plt.subplots(figsize=(6, 3.6), layout="constrained")
ax.loglog(damps, errors, "o-")
ax.set(xlabel="damp", ylabel="relative error of the solution")
