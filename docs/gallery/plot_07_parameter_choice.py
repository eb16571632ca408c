"""
How much damp: four views of one problem
========================================

Cross-validation, the L-curve, the discrepancy principle and the Picard plot, for a blurred signal with
one percent of noise.
"""

import matplotlib.pyplot as plt
import numpy as np

from sparse_tconv import plotting
from sparse_tconv.inverse import discrepancy, gcv, lcurve, picard, problems, solve

problem = problems.deconvolution(seed=1)
op, y = problem.op, problem.y
found_gcv, found_lcurve = gcv(op, y), lcurve(op, y)
found_discrepancy = discrepancy(op, y, problem.noise_norm)
found_picard = picard(op, y)

# %%
# Cross-validation has a minimum, the L-curve a corner, the residual crosses the norm of the noise. In
# the Picard plot, the data's coefficients fall with the singular values until the noise takes over:
# from there on, dividing by the singular value makes noise large.

figure, axes = plt.subplots(2, 2, figsize=(6, 6), layout="constrained")
plotting.gcv(found_gcv, axes=axes[0, 0])
plotting.lcurve(found_lcurve, axes=axes[0, 1])
plotting.discrepancy(found_discrepancy, axes=axes[1, 0])
plotting.picard(found_picard, axes=axes[1, 1])
titles = "cross-validation", "L-curve", "discrepancy", "Picard plot"
for ax, title in zip(axes.flat, titles, strict=True):
    ax.set_title(title)

# %%
# What they choose
# ----------------

damps = np.logspace(-3, 0, 40)
errors = [problem.error(solve(op, y, damp=damp).x) for damp in damps]
figure, ax = plt.subplots(figsize=(6, 4), layout="constrained")
ax.loglog(damps, errors, color="black", label="error of the solution")
choices = {"GCV": found_gcv, "L-curve": found_lcurve, "discrepancy": found_discrepancy}
for (name, choice), marker in zip(choices.items(), "os^", strict=True):
    ax.plot(choice.damp, problem.error(solve(op, y, damp=choice.damp).x), marker, ms=9, label=name)
ax.set(xlabel="damp", ylabel="relative error")
ax.legend()
