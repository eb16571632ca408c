"""
How much damp: four views of one problem
========================================

Cross-validation, the L-curve, the discrepancy principle and the Picard plot, for a blurred signal with
one per cent of noise.
"""

import matplotlib.pyplot as plt
import numpy as np

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

figure, axes = plt.subplots(2, 2, figsize=(10, 8), layout="constrained")
axes[0, 0].loglog(found_gcv.damps, found_gcv.values)
axes[0, 0].axvline(found_gcv.damp, color="black", linestyle="--")
axes[0, 0].set(title="cross-validation", xlabel="damp", ylabel="GCV")

axes[0, 1].loglog(found_lcurve.residual_norms, found_lcurve.solution_norms)
corner = np.argmin(abs(np.log(found_lcurve.damps / found_lcurve.damp)))
axes[0, 1].plot(
    found_lcurve.residual_norms[corner], found_lcurve.solution_norms[corner], "ko", label="corner"
)
axes[0, 1].set(title="L-curve", xlabel="norm of the residual", ylabel="norm of the solution")
axes[0, 1].legend()

axes[1, 0].loglog(found_discrepancy.damps, found_discrepancy.residual_norms)
axes[1, 0].axhline(
    found_discrepancy.target, color="black", linestyle="--", label="norm of the noise"
)
axes[1, 0].set(title="discrepancy", xlabel="damp", ylabel="norm of the residual")
axes[1, 0].legend()

index = np.arange(1, len(found_picard.values) + 1)
axes[1, 1].semilogy(index, found_picard.values, label="singular values")
axes[1, 1].semilogy(index, found_picard.coefficients, ".", label="data")
axes[1, 1].set(title="Picard plot", xlabel="index")
axes[1, 1].legend()

# %%
# What they choose
# ----------------

damps = np.logspace(-3, 0, 40)
errors = [problem.error(solve(op, y, damp=damp).x) for damp in damps]
figure, ax = plt.subplots(figsize=(8, 4), layout="constrained")
ax.loglog(damps, errors, color="black", label="error of the solution")
choices = {"GCV": found_gcv, "L-curve": found_lcurve, "discrepancy": found_discrepancy}
for (name, choice), marker in zip(choices.items(), "os^", strict=True):
    ax.plot(choice.damp, problem.error(solve(op, y, damp=choice.damp).x), marker, ms=9, label=name)
ax.set(xlabel="damp", ylabel="relative error")
ax.legend()
