"""Right pairs of every kind pass the dot test, whatever their dtype and scale."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.fft
import scipy.sparse as sp
from scipy.sparse.linalg import LaplacianNd

import sparse_tconv as st
from sparse_tconv.testing import check_operator, diagnose, dot_test, exact_test

Pair = tuple[Any, Any, dict[str, Any]]
DTYPES = (np.float32, np.float64, np.complex64, np.complex128)


def _normal(rng: np.random.Generator, shape: Any, dtype: Any) -> np.ndarray:
    values = rng.standard_normal(shape)
    if np.dtype(dtype).kind == "c":
        values = values + 1j * rng.standard_normal(shape)
    return values.astype(dtype)


def _dtype(rng: np.random.Generator) -> Any:
    return DTYPES[rng.integers(len(DTYPES))]


def _size(rng: np.random.Generator, largest: int = 60) -> int:
    return int(np.exp(rng.uniform(0, np.log(largest))))


def dense(rng: np.random.Generator) -> Pair:
    a = _normal(rng, (_size(rng), _size(rng)), _dtype(rng))
    return a, a.conj().T, {}


def scaled(rng: np.random.Generator) -> Pair:
    """Entries around 1e30 or 1e-30."""
    dtype = _dtype(rng)
    a = _normal(rng, (_size(rng), _size(rng)), dtype) * dtype(10.0 ** rng.choice([-30, 30]))
    return (lambda x: a @ x), (lambda y: a.conj().T @ y), {"in_shape": a.shape[1], "dtype": dtype}


def sparse(rng: np.random.Generator) -> Pair:
    """Rows of very different lengths and entries of very different sizes."""
    shape = _size(rng, 300), _size(rng, 300)
    kept = rng.uniform(size=shape) < rng.uniform(size=(shape[0], 1))
    values = rng.standard_normal(shape) * 10.0 ** rng.uniform(-8, 8, shape)
    return sp.csr_array(np.where(kept, values, 0).astype(_dtype(rng))), None, {}


def zero(rng: np.random.Generator) -> Pair:
    a = np.zeros((_size(rng), _size(rng)), _dtype(rng))
    return a, a.T, {}


def laplacian(rng: np.random.Generator) -> Pair:
    """Of a constant it is zero, or rounding."""
    shape = tuple(_size(rng, 20) + 1 for _ in range(rng.integers(1, 4)))
    boundary = rng.choice(["dirichlet", "neumann", "periodic"])
    return LaplacianNd(shape, boundary_conditions=boundary, dtype=np.float64), None, {}


def stencil(rng: np.random.Generator) -> Pair:
    """A Laplacian in single precision, weighted so that constants do not cancel exactly."""
    n, dtype = _size(rng, 3000) + 3, rng.choice(np.array([np.float32, np.complex64], object))
    w = np.array([0.1, 0.2, -0.6, 0.2, 0.1], dtype) * dtype(rng.uniform(0.1, 10))

    def smooth(x: np.ndarray) -> np.ndarray:
        return sum((w[k] * np.roll(x, k - 2) for k in range(5)), np.zeros_like(x))

    return smooth, smooth, {"in_shape": n, "dtype": dtype}


def difference(rng: np.random.Generator) -> Pair:
    dtype = _dtype(rng)
    step = dtype(rng.uniform(0.1, 10))

    def adjoint(y: np.ndarray) -> np.ndarray:
        return -np.diff(y, prepend=0, append=0) / step

    shape = (_size(rng, 10), _size(rng, 300) + 1)
    return (lambda x: np.diff(x) / step), adjoint, {"in_shape": shape, "dtype": dtype}


def cumulative(rng: np.random.Generator) -> Pair:
    """Sums of many terms, added one after the other."""
    options = {"in_shape": _size(rng, 20_000), "dtype": _dtype(rng)}
    return np.cumsum, (lambda y: np.cumsum(y[::-1])[::-1]), options


def periodic(rng: np.random.Generator) -> Pair:
    """A convolution by FFT: entries that are zero come out as rounding."""
    dtype = rng.choice(np.array([np.complex64, np.complex128], object))
    shape = tuple(_size(rng, 30) for _ in range(rng.integers(1, 3)))
    w = np.zeros(shape, dtype)
    corner = tuple(slice(0, 3) for _ in shape)
    w[corner] = _normal(rng, w[corner].shape, dtype)
    transfer = scipy.fft.fftn(w)
    return (
        lambda x: scipy.fft.ifftn(transfer * scipy.fft.fftn(x)),
        lambda y: scipy.fft.ifftn(transfer.conj() * scipy.fft.fftn(y)),
        {"in_shape": shape, "dtype": dtype},
    )


def fourier(rng: np.random.Generator) -> Pair:
    n = _size(rng, 2000)
    dtype = rng.choice(np.array([np.complex64, np.complex128], object))
    return (
        scipy.fft.fft,
        lambda y: scipy.fft.ifft(y, norm="forward"),
        {"in_shape": n, "dtype": dtype},
    )


def real_fourier(rng: np.random.Generator) -> Pair:
    """Linear over the reals only: rfft."""
    n, dtype = _size(rng, 300), rng.choice(np.array([np.float32, np.float64], object))

    def adjoint(y: np.ndarray) -> np.ndarray:
        full = np.zeros(n, y.dtype)
        full[: y.size] = y
        return scipy.fft.ifft(full, norm="forward").real

    return scipy.fft.rfft, adjoint, {"in_shape": n, "dtype": dtype, "linear": "real"}


def conjugation(rng: np.random.Generator) -> Pair:
    return np.conj, np.conj, {"in_shape": (_size(rng), 2), "dtype": complex, "linear": "real"}


def gather(rng: np.random.Generator) -> Pair:
    """Picks entries, some often, some never; the adjoint adds them back."""
    n = _size(rng, 200)
    picks, dtype = rng.integers(n, size=_size(rng, 2000)), _dtype(rng)

    def adjoint(y: np.ndarray) -> np.ndarray:
        x = np.zeros(n, y.dtype)
        np.add.at(x, picks, y)
        return x

    return (lambda x: x[picks]), adjoint, {"in_shape": n, "dtype": dtype}


def composed(rng: np.random.Generator) -> Pair:
    """Five factors one after the other: rounding of rounding.

    None is narrow. Through a bottleneck of one number the product can cancel to far less than its
    factors, and then its rounding is theirs, which no test of the product alone can know.
    """
    dtype = _dtype(rng)
    sizes = [9 + _size(rng, 40) for _ in range(6)]
    parts = [_normal(rng, (b, a), dtype) for a, b in itertools.pairwise(sizes)]

    def forward(x: np.ndarray) -> np.ndarray:
        for part in parts:
            x = part @ x
        return x

    def adjoint(y: np.ndarray) -> np.ndarray:
        for part in reversed(parts):
            y = part.conj().T @ y
        return y

    return forward, adjoint, {"in_shape": sizes[0], "dtype": dtype}


def several(rng: np.random.Generator) -> Pair:
    """A tuple of arrays in, a tuple out."""
    dtype, n, m = _dtype(rng), _size(rng), _size(rng)
    a, b = _normal(rng, (n, m), dtype), _normal(rng, (n, 3), dtype)
    return (
        lambda xs: (a @ xs[0] + (b @ xs[1].T).sum(1), xs[1] * 2),
        lambda ys: (
            a.conj().T @ ys[0],
            np.stack([b.conj().T @ ys[0]] * 2) + 2 * ys[1],
        ),
        {"in_shape": ((m,), (2, 3)), "dtype": dtype},
    )


def weighted(rng: np.random.Generator) -> Pair:
    dtype = _dtype(rng)
    a = _normal(rng, (_size(rng), _size(rng)), dtype)
    inside, out = (rng.uniform(0.01, 100, n) for n in a.shape[::-1])
    adjoint = ((a.conj().T * out) / inside[:, None]).astype(dtype)
    return a, adjoint, {"in_weight": inside, "out_weight": out}


def whole(rng: np.random.Generator) -> Pair:
    """Integers, exactly."""
    a = rng.integers(-9, 10, (_size(rng), _size(rng)))
    return (lambda x: a @ x), (lambda y: a.T @ y), {"in_shape": a.shape[1], "dtype": np.int64}


def mixed_precision(rng: np.random.Generator) -> Pair:
    """Double precision in, single precision out."""
    a = _normal(rng, (_size(rng), _size(rng)), np.float32)
    return (
        lambda x: a @ x.astype(np.float32),
        lambda y: (a.T @ y).astype(np.float64),
        {"in_shape": a.shape[1]},
    )


KINDS = (
    dense, scaled, sparse, zero, laplacian, stencil, difference, cumulative, periodic, fourier,
    real_fourier, conjugation, gather, composed, several, weighted, whole, mixed_precision,
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_no_right_pair_is_called_wrong(
    kind: Callable[[np.random.Generator], Pair], seed: int, settings_count: Callable[[int], int]
) -> None:
    for number in range(settings_count(10_000 // len(KINDS) + 1)):
        forward, adjoint, options = kind(np.random.default_rng((seed, number)))
        report = dot_test(forward, adjoint, **options, rng=number)
        assert report, f"seed {number}: {report!r}"


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS if kind is not cumulative], ids=lambda kind: kind.__name__
)
def test_nothing_is_found_in_a_right_pair(
    kind: Callable[[np.random.Generator], Pair], rng: np.random.Generator
) -> None:
    forward, adjoint, options = kind(rng)
    assert diagnose(forward, adjoint, **options) == ()
    assert exact_test(forward, adjoint, **options)


@pytest.mark.parametrize("boundary", ["dirichlet", "neumann", "periodic"])
def test_a_right_operator_obeys_every_law(boundary: str) -> None:
    report = check_operator(LaplacianNd((4, 5), boundary_conditions=boundary), rng=0)
    assert report, repr(report)


def _folding(rng: np.random.Generator, kind: str) -> Any:
    """Taps of one axis or more that a far pad folds into few entries, where they may cancel."""
    dtype = rng.choice(np.array([np.float32, np.complex64, np.float64], object))
    sizes = tuple(int(n) for n in rng.integers(1, 3, rng.integers(1, 3)))
    k = tuple(int(side) for side in rng.integers(1, 7, len(sizes)))
    mode = str(rng.choice(["replicate", "symmetric", "circular", "reflect"]))
    if kind == "blur":
        return st.inverse.blur(_normal(rng, k, dtype), sizes, padding_mode=mode)
    if kind == "varying":
        psfs, places = _normal(rng, (*sizes, *k), dtype), [range(n) for n in sizes]
        at = str(rng.choice(["input", "output"]))
        return st.inverse.varying_blur(psfs, places, sizes, at=at, padding_mode=mode)
    options = {"padding": tuple(k), "padding_mode": mode, "channels": False}
    if kind == "conv":
        return st.Conv(_normal(rng, k, dtype), sizes, **options)
    out = st.Conv(np.ones(k), sizes, **options).out_shape
    return st.LocalConv(_normal(rng, (*k, *out), dtype), sizes, **options)


@pytest.mark.parametrize("kind", ["conv", "local", "blur", "varying"])
def test_taps_that_fold_and_cancel_are_no_alarm(
    kind: str, seed: int, settings_count: Callable[[int], int]
) -> None:
    for number in range(settings_count(300)):
        op = _folding(np.random.default_rng((seed, number)), kind)
        for one in (op, op.H):
            report = dot_test(one, rng=number)
            assert report, f"seed {number}: {one!r} {report!r}"
        assert exact_test(op), f"seed {number}: {op!r}"
        assert check_operator(op, rng=number), f"seed {number}: {op!r}"


@pytest.mark.parametrize("engine", ["csr", "taps", "gemm", "fft"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_operators_that_nearly_cancel_are_no_alarm(
    engine: str, dtype: Any, rng: np.random.Generator
) -> None:
    blur = np.outer(*[np.exp(-0.05 * np.arange(-8, 9) ** 2)] * 2)
    blur = (blur / blur.sum()).astype(dtype)
    op = st.Conv(blur, (64, 60), padding=8, channels=False, engine=engine)
    slope = st.Diagonal((1 + 1e-4 * rng.random((64, 60))).astype(dtype))
    difference = slope @ op - op @ slope
    for one in (difference, -2 * difference, difference.H):
        report = dot_test(one, rng=0)
        assert report, repr(report)
    assert check_operator(difference, rng=0)
    other = op.with_weight(np.roll(blur, 1, 0))
    assert not dot_test(difference, (slope @ op - other @ slope).H, rng=0)


def test_a_sum_is_checked_where_a_part_fails_on_what_measures_its_norm(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    op = st.Conv(np.ones(3), (8,), channels=False)

    def fail(*_: Any, **__: Any) -> None:
        raise MemoryError("no product")

    monkeypatch.setattr(type(op), "apply", fail)
    with pytest.raises(MemoryError, match="no product"):
        op.apply(np.ones(8))
    assert (op + op).terms() is None
    assert check_operator(op + op, rng=0)


def test_taps_that_cancel_hide_no_wrong_adjoint() -> None:
    taps = np.array([0.3, -0.1, -0.2], np.float32)
    op = st.Conv(taps, (1,), padding=20, padding_mode="replicate", channels=False)
    wrong = st.Conv(np.float32([0.3, -0.1, -0.2001]), (1,), **{
        "padding": 20, "padding_mode": "replicate", "channels": False
    })  # fmt: skip
    assert dot_test(op, rng=0)
    assert not dot_test(op, wrong.H, rng=0)
    assert not exact_test(op, wrong.H)
