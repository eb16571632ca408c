"""
Which rule, which boundary
==========================

How near every rule and every boundary of `deblur` comes to the best that a Tikhonov solution can do, over
pictures, blurs and noises of several kinds, none of them made by the model that restores them. The
numbers are those of a committed run of ``benchmarks/rules.py``.
"""

import csv
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

import sparse_tconv
from sparse_tconv.inverse import deblur, problems

results = Path(sparse_tconv.__file__).parents[1] / "benchmarks" / "results"
with (results / "rules.csv").open(newline="") as file:
    rows = list(csv.DictReader(file))
kinds = list(dict.fromkeys((row["boundary"], row["rule"]) for row in rows))

# %%
# For each setting the error is divided by that of the best damp under an unknown boundary, which only
# somebody who has the truth can find. 'worse' are answers further from the truth than the data were;
# 'told' are those of them that had a finding.

print(f"{'boundary':12}{'rule':25}{'mean':>6}{'worst':>8}{'worse':>7}{'told':>6}")
over = {}
for kind in kinds:
    mine = [row for row in rows if (row["boundary"], row["rule"]) == kind]
    over[kind] = np.array([float(row["over tuned"]) for row in mine])
    worse = [row for row in mine if float(row["over data"]) > 1]
    told = sum(int(row["findings"]) > 0 for row in worse)
    mean, worst = np.exp(np.log(over[kind]).mean()), over[kind].max()
    print(f"{kind[0]:12}{kind[1]:25}{mean:6.2f}{worst:8.2f}{len(worse):7}{told:6}")

# %%
# Each dot is a setting. Under an unknown boundary 'auto' is the nearest to 1, and no rule there makes
# a picture worse: 'ncp' and 'discrepancy' cost some percent, the L-curve and 'wgcv' about a fifth. What
# is assumed beyond the border matters more than the rule: reflection costs a quarter, the periodic
# and the zero boundary make almost every picture worse than it was.

figure, ax = plt.subplots(figsize=(6, 6), layout="constrained")
for place, (kind, ratios) in enumerate(over.items()):
    color = "#0072B2" if kind[0] == "unknown" else "#D55E00"
    ax.plot(ratios, np.full(len(ratios), place), "o", color=color, alpha=0.5)
ax.set(xscale="log", xlabel="error over that of the best damp", ylim=(len(over) - 0.5, -0.5))
ax.set_yticks(range(len(over)), [f"{boundary}\n{rule}" for boundary, rule in over])
ax.axvline(1.0, color="black", linewidth=0.8)

# %%
# What it looks like
# ------------------
# One picture, one blur, one rule, three beliefs about what lies beyond the frame.

problem = problems.deblurring("defocus", 96, noise=0.005, seed=0)
pictures = {f"blurred, error {problem.error(problem.y):.2f}": problem.y}
for boundary in ("unknown", "symmetric", "circular"):
    found = deblur(problem.y, problem.op.weight, boundary=boundary)
    pictures[f"{boundary}, error {problem.error(found.x):.2f}"] = found.x
    print(f"{boundary}: {len(found.findings)} findings")

figure, axes = plt.subplots(2, 2, figsize=(6, 6.4), layout="constrained")
for ax, (title, picture) in zip(axes.flat, pictures.items(), strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set(title=title, xticks=[], yticks=[])
