"""What composing costs: a composed product over the same products called one by one.

All of them alternate in one run; times are minima, in microseconds, of operators small enough for
the call to be the cost:

    python benchmarks/compose.py [--repeat 60]
"""

from __future__ import annotations

import argparse
import timeit
from collections.abc import Callable

import numpy as np
from scipy.sparse.linalg import aslinearoperator

import sparse_tconv as st

LIMIT = 5.0  # microseconds that (A @ B) @ v may take over the two products
CALLS = 200


def pairs() -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """The composed product, and the same one by one."""
    weight = np.arange(1.0, 10.0).reshape(3, 3)
    shape = (8, 8)
    A = st.Conv(weight, shape, padding=1, channels=False, engine="csr")
    B = st.Conv(weight.T.copy(), shape, padding=1, channels=False, engine="csr")
    D = st.Diagonal(np.linspace(0.0, 1.0, 64).reshape(shape))
    R = st.Restriction(shape, (slice(None, None, 2), slice(None)))
    v, x = np.linspace(-1.0, 1.0, 64), np.linspace(-1.0, 1.0, 64).reshape(shape)
    AB, total, scaled, DA, RAB = A @ B, A + B, 2.0 * A, D @ A, R @ A @ B
    stack, ABH = st.vstack([A, B]), (A @ B).H
    return {
        "(A @ B) @ v": (lambda: AB @ v, lambda: A @ (B @ v)),
        "(A @ B).H @ v": (lambda: ABH @ v, lambda: B.H @ (A.H @ v)),
        "(A @ B).apply(x)": (lambda: AB.apply(x), lambda: A.apply(B.apply(x))),
        "(R @ A @ B) @ v": (lambda: RAB @ v, lambda: R @ (A @ (B @ v))),
        "(D @ A) @ v": (lambda: DA @ v, lambda: D @ (A @ v)),
        "(A + B) @ v": (lambda: total @ v, lambda: A @ v + B @ v),
        "(2 * A) @ v": (lambda: scaled @ v, lambda: 2.0 * (A @ v)),
        "vstack([A, B]) @ v": (lambda: stack @ v, lambda: np.concatenate([A @ v, B @ v])),
        "SciPy's (A @ B) @ v": _scipys(A, B, v),
    }


def _scipys(A: st.Conv, B: st.Conv, v: np.ndarray) -> tuple[Callable[[], object], ...]:
    """The same of SciPy's operators around the matrices, for orientation."""
    one, other = aslinearoperator(A.matrix), aslinearoperator(B.matrix)
    both = one @ other
    return (lambda: both @ v), (lambda: one @ (other @ v))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeat", type=int, default=60)
    repeat = parser.parse_args().repeat
    found = pairs()
    best = {name: [np.inf, np.inf] for name in found}
    for _ in range(repeat):
        for name, sides in found.items():
            for side, call in enumerate(sides):
                seconds = timeit.timeit(call, number=CALLS) / CALLS
                best[name][side] = min(best[name][side], seconds * 1e6)
    print(f"{'':22}{'composed':>10}{'apart':>10}{'over':>10}  us")
    for name, (composed, apart) in best.items():
        print(f"{name:22}{composed:10.2f}{apart:10.2f}{composed - apart:10.2f}")
    over = np.subtract(*best["(A @ B) @ v"])
    print(f"(A @ B) @ v over the two products: {over:.2f} us, at most {LIMIT:.0f} asked for")


if __name__ == "__main__":
    main()
