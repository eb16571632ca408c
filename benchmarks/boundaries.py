"""Restoration error under each boundary, by noise: an image larger than its photograph is blurred, so
that nothing is assumed outside, and restored with what each boundary assumes.

    python benchmarks/boundaries.py

Re-blurring puts the same symmetric-PSF operator in place of the adjoint (Donatelli, Serra-Capizzano,
"Anti-reflective boundary conditions and re-blurring", Inverse Problems 21, 2005): Tikhonov's normal
equations become ``(C^2 + damp^2) x = C y``, and are solved by sparse LU. The damping is the best of a
grid, for every column by itself.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.sparse import eye_array
from scipy.sparse.linalg import splu

import sparse_tconv as st
from sparse_tconv.inverse import psf

NOISES = (0.001, 0.01, 0.03)
DAMPS = np.geomspace(1e-3, 1, 13)
COLUMNS = (
    ("zeros", "zeros", False),
    ("symmetric", "symmetric", False),
    ("antireflect", "antireflect", False),
    ("antireflect, re-blurred", "antireflect", True),
)


def scene(side: int) -> np.ndarray:
    """Smooth slopes, an edge and a few bumps, none of which stops at the frame."""
    i, j = np.mgrid[:side, :side] / side
    image = 0.5 + 0.8 * i - 0.3 * j + 0.3 * np.sin(9 * i + 4 * j)
    image += 0.6 * (i + 0.6 * j > 0.8)
    for row, column, width in ((0.2, 0.3, 0.08), (0.7, 0.2, 0.05), (0.5, 0.8, 0.1)):
        image += np.exp(-((i - row) ** 2 + (j - column) ** 2) / (2 * width**2))
    return image


def errors(side: int, sigma: float, repeats: int) -> dict[tuple[str, float], float]:
    """The relative error of each restoration, the mean over several noises."""
    kernel = psf.gauss(sigma)
    reach = kernel.shape[0] // 2
    large = scene(side + 2 * reach)
    blurred = st.Conv(kernel, large.shape, channels=False).apply(large)
    true = large[reach:-reach, reach:-reach]
    found = {}
    for name, mode, reblurred in COLUMNS:
        C = st.conv_matrix(
            kernel, (side, side), padding=reach, padding_mode=mode, channels=False
        ).tocsc()
        back = C if reblurred else C.T
        factors = [splu((back @ C + damp**2 * eye_array(side**2)).tocsc()) for damp in DAMPS]
        for noise in NOISES:
            total = 0.0
            for seed in range(repeats):
                rng = np.random.default_rng(seed)
                e = rng.standard_normal(blurred.shape)
                data = blurred + noise * np.linalg.norm(blurred) / np.linalg.norm(e) * e
                right = back @ data.ravel()
                total += min(
                    float(np.linalg.norm(lu.solve(right) - true.ravel())) for lu in factors
                )
            found[name, noise] = total / repeats / float(np.linalg.norm(true))
    return found


def main() -> None:
    """Print the table of the page on boundaries."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=48)
    parser.add_argument("--sigma", type=float, default=1.5)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    found = errors(arguments.side, arguments.sigma, arguments.repeats)
    print("| noise | " + " | ".join(name for name, _, _ in COLUMNS) + " |")
    print("| ---: |" + " ---: |" * len(COLUMNS))
    for noise in NOISES:
        row = " | ".join(f"{found[name, noise]:.2%}" for name, _, _ in COLUMNS)
        print(f"| {noise:.1%} | {row} |")


if __name__ == "__main__":
    main()
