"""Total variation: `inverse.tv` against pyproximal's PrimalDual, until its objective is as low.

Both get the same operator and problem; pyproximal's steps and inner iterations are tried, and the
quickest counts:

    pip install pyproximal
    python benchmarks/tv.py [--size 256] [--psf gauss] [--weight 1e-3] [--limit 60]
"""

from __future__ import annotations

import argparse
import contextlib
import time

import numpy as np
import pylops
import pyproximal

from sparse_tconv.interop.pylops import to_pylops
from sparse_tconv.inverse import problems, tv

# (primal step, dual step, inner iterations); the product of the steps times 8 is at most 1
TRIED = [(0.35, 0.35, 3), (3.5, 0.035, 3), (35.0, 0.0035, 3), (3.5, 0.035, 10)]


class Reached(Exception):
    """The objective, or the time, is spent."""


def objective(problem, weight, x):
    x = x.reshape(problem.x.shape)
    down, right = np.zeros_like(x), np.zeros_like(x)
    down[:-1], right[:, :-1] = np.diff(x, axis=0), np.diff(x, axis=1)
    misfit = problem.op.apply(x) - problem.y
    return 0.5 * np.vdot(misfit, misfit) + weight * np.hypot(down, right).sum()


def ours(problem, weight):
    start = time.perf_counter()
    found = tv(problem.op, problem.y, weight, maxiter=5000)
    return time.perf_counter() - start, objective(problem, weight, found.x)


def theirs(problem, weight, target, setting, limit):
    """Seconds until the target, None if the limit comes first; looking at it is not counted."""
    tau, mu, inner = setting
    shape = problem.x.shape
    misfit = pyproximal.L2(Op=to_pylops(problem.op), b=problem.y.ravel(), niter=inner, warm=True)
    variation = pyproximal.L21(ndim=2, sigma=weight)
    gradient = pylops.Gradient(shape, kind="forward", edge=False)
    start, looked, steps, reached = time.perf_counter(), 0.0, 0, False

    def look(x):
        nonlocal looked, steps, reached
        steps += 1
        if steps % 10 == 0:
            now = time.perf_counter()
            reached = objective(problem, weight, x) <= target
            looked += time.perf_counter() - now
            if reached or now - start - looked > limit:
                raise Reached

    with contextlib.suppress(Reached):
        pyproximal.optimization.primaldual.PrimalDual(
            misfit,
            variation,
            gradient,
            x0=problem.y.ravel(),
            tau=tau,
            mu=mu,
            niter=10**6,
            callback=look,
        )
    return time.perf_counter() - start - looked if reached else None


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--psf", default="gauss")
    parser.add_argument("--weight", type=float, default=1e-3)
    parser.add_argument("--limit", type=float, default=60.0)
    given = parser.parse_args()
    problem = problems.deblurring(given.psf, given.size, image="phantom", inverse_crime=True)
    seconds, target = ours(problem, given.weight)
    print(f"sparse_tconv  {seconds:7.2f} s  objective {target:.6g}")
    for setting in TRIED:
        found = theirs(problem, given.weight, target, setting, given.limit)
        words = f"more than {given.limit:g} s" if found is None else f"{found:7.2f} s"
        print(f"pyproximal    {words}  steps {setting[0]:g}, {setting[1]:g}, inner {setting[2]}")


if __name__ == "__main__":
    main()
