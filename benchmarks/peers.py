"""Norms, condition numbers and eigenvalues beside those of other packages: value, honesty, time.

The truth is that of the whole matrix by NumPy, or a closed form. Each side is told the layer in its own
words; a side that is not installed, or that fails, says so in its row. Times are the least of three
rounds in which the sides take turns, over that of sparse_tconv:

    pip install orthogonium deel-torchlip pylops torch     # what to compare with
    python benchmarks/peers.py [--out results/peers.csv]
"""

from __future__ import annotations

import argparse
import csv
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.sparse.linalg import svds

import sparse_tconv as st
from sparse_tconv import analysis

ROUNDS = 3
COLUMNS = ["question, package", "answer", "off by", "claims", "holds", "times ours"]


class Layer:
    """A layer, its matrix and its true norm."""

    def __init__(self, weight, size, mode="zeros", stride=1):
        rng = np.random.default_rng(0)
        self.weight = rng.standard_normal(weight) / np.sqrt(np.prod(weight[1:]))
        self.size, self.mode, self.stride, self.padding = size, mode, stride, weight[2] // 2
        self.op = st.Conv(
            self.weight,
            (weight[1], size, size),
            padding=self.padding,
            stride=stride,
            padding_mode=mode,
        )
        self.truth = float(np.linalg.norm(self.op.toarray(), 2))

    def module(self):
        """The same in PyTorch."""
        import torch

        given, taken, k, _ = self.weight.shape
        layer = torch.nn.Conv2d(
            taken,
            given,
            k,
            stride=self.stride,
            padding=self.padding,
            padding_mode=self.mode,
            bias=False,
            dtype=torch.float64,
        )
        layer.weight.data[:] = torch.from_numpy(self.weight)
        return layer


def ours_norm(layer):
    found = analysis.spectral_norm(layer.op)
    return found.value, found.error


def ours_bounds(layer):
    found = analysis.spectral_norm(layer.op, rtol=1e-2)
    return found.value, found.error


def with_orthogonium(layer):
    from orthogonium.layers.conv.singular_values import get_conv_sv

    # Under zero padding each iteration doubles the kernel: more of them exhaust the memory.
    steps = 6 if layer.mode == "circular" else 4 if layer.weight.shape[2] == 3 else 3
    return float(
        get_conv_sv(layer.module(), steps, return_stab_rank=False, imsize=layer.size)
    ), None


def with_deel_jacobian(layer):
    import torch
    from deel.torchlip.utils import evaluate_lip_const

    sample = torch.zeros(1, *layer.op.in_shape, dtype=torch.float64)
    return evaluate_lip_const(layer.module(), sample), None


def with_deel_factor(layer):
    from deel.torchlip.utils.lconv_norm import compute_lconv_coef

    size, stride = layer.weight.shape[2:], (layer.stride,) * 2
    factor = compute_lconv_coef(size, None, stride, layer.mode)
    return float(np.linalg.norm(layer.weight.reshape(len(layer.weight), -1), 2) / factor), None


def with_torch(layer):
    import torch

    module = layer.module()
    before = module.weight.detach().clone()
    normed = torch.nn.utils.parametrizations.spectral_norm(module, n_power_iterations=30)
    return float(before.norm() / normed.weight.detach().norm()), None


def with_scipy(layer):
    found = svds(layer.op, 1, return_singular_vectors=False, random_state=0)
    return float(found[0]), None


def pylops_blur():
    from pylops.signalprocessing import Convolve2D

    return Convolve2D((SIDE, SIDE), h=BLUR, offset=(3, 3), dtype="float64")


def ours_cond(_):
    found = analysis.cond(st.Conv(BLUR, (SIDE, SIDE), padding=3, channels=False))
    return found.value, found.error


def pylops_cond(_):
    return float(np.real(pylops_blur().cond())), None


def ours_eigenvalue(_):
    found = analysis.eigenvalues(st.Conv(TAPS, (200,), padding=1, channels=False), 1)
    return float(found[0]), found.error


def pylops_eigenvalue(_):
    from pylops.signalprocessing import Convolve1D

    # Convolve1D convolves: its kernel is ours in reverse.
    op = Convolve1D(200, h=TAPS[::-1].copy(), offset=1, dtype="float64")
    return float(abs(op.eigs(neigs=1, symmetric=False)[0])), None


def numpy_eigenvalue(_):
    matrix = st.conv_matrix(TAPS, (200,), padding=1, channels=False).toarray()
    return float(abs(np.linalg.eigvals(matrix)).max()), None


SIDE = 24
LINE = np.exp(-(np.arange(-3, 4) ** 2) / 2.0)
BLUR = np.outer(LINE, LINE) / LINE.sum() ** 2
TAPS = np.array([0.01, 0.0, 1.0])

NORM_SIDES = [
    ("sparse_tconv spectral_norm", ours_norm, "error bound, proved"),
    ("sparse_tconv spectral_norm(rtol=1e-2)", ours_bounds, "certain bounds"),
    ("orthogonium get_conv_sv", with_orthogonium, "upper bound"),
    ("deel-torchlip evaluate_lip_const", with_deel_jacobian, "an estimate"),
    ("deel-torchlip lconv factor", with_deel_factor, "upper bound"),
    ("torch parametrizations.spectral_norm", with_torch, "the reshaped kernel's"),
    ("scipy svds of the operator", with_scipy, "the norm"),
]


def questions():
    """What is asked, the truth, what is handed over, and the sides."""
    settings = [
        ("norm, 8->8 3x3, zeros, 14x14", Layer((8, 8, 3, 3), 14)),
        ("norm, 8->8 3x3, circular, 14x14", Layer((8, 8, 3, 3), 14, "circular")),
        ("norm, 3->16 7x7, stride 2, 24x24", Layer((16, 3, 7, 7), 24, stride=2)),
    ]
    for name, layer in settings:
        yield name, layer.truth, layer, NORM_SIDES
    one = np.linalg.svd(st.conv_matrix(LINE, (SIDE,), padding=3, channels=False).toarray())[1]
    sides = [
        ("sparse_tconv cond", ours_cond, "error bound, proved"),
        ("pylops cond", pylops_cond, "the condition number"),
    ]
    yield f"condition, Gaussian blur {SIDE}x{SIDE}", float((one[0] / one[-1]) ** 2), None, sides
    sides = [
        ("sparse_tconv eigenvalues", ours_eigenvalue, "error bound, proved"),
        ("pylops eigs", pylops_eigenvalue, "the eigenvalue"),
        ("numpy eigvals", numpy_eigenvalue, "the eigenvalue"),
    ]
    truth = 0.2 * np.cos(np.pi / 201)
    yield "largest eigenvalue, taps 0.01 0 1, 200 samples", truth, None, sides


def ask(side, layer):
    """Seconds and the answer, or why there is none."""
    start = time.perf_counter()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            answer = side(layer)
    except ImportError:
        return float("inf"), "not installed"
    except Exception as error:
        return float("inf"), f"{type(error).__name__}: {str(error)[:60]}"
    return time.perf_counter() - start, answer


def verdict(value, error, truth, claim):
    """Whether what a side claims is so: to single precision, where it gives no error of its own."""
    if error is not None:
        return "yes" if abs(value - truth) <= error + 1e-12 * truth else "no"
    if claim == "upper bound":
        return "yes" if value >= truth * (1 - 1e-9) else "no"
    if claim == "the reshaped kernel's":
        return "yes, not the layer's"
    return "yes" if abs(value - truth) <= 1e-6 * truth else "no"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="a .csv file for the rows")
    arguments = parser.parse_args()
    rows = []
    for name, truth, layer, sides in questions():
        asked = {side: [] for side, _, _ in sides}
        for _ in range(ROUNDS):
            for side, call, _ in sides:
                asked[side].append(ask(call, layer))
        ours = min(seconds for seconds, _ in asked[sides[0][0]])
        rows.append([f"{name}: the truth", f"{truth:.8g}", "", "", "", ""])
        for side, _, claim in sides:
            seconds, answer = min(asked[side], key=lambda pair: pair[0])
            if isinstance(answer, str):
                rows.append([side, answer, "", claim, "", ""])
                continue
            value, error = answer
            off = f"{(value - truth) / truth:+.1e}"
            held = verdict(value, error, truth, claim)
            rows.append([side, f"{value:.8g}", off, claim, held, f"{seconds / ours:.2g}"])
    for row in rows:
        print("  ".join(f"{cell:>12}" for cell in row), flush=True)
    if arguments.out:
        with arguments.out.open("w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows])


if __name__ == "__main__":
    main()
