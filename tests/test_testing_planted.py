"""Mistakes planted in adjoints: each is seen for every seed, and called by its name."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from sparse_tconv.testing import Cause, diagnose, dot_test, exact_test, oracles

Pair = tuple[Any, Any, dict[str, Any]]
SEEDS = 1000


@functools.cache
def _basis(shape: tuple[int, ...], in_shape: tuple[int, ...], options: tuple[Any, ...]) -> Any:
    """The matrices of all one-tap kernels: the matrix of a kernel is their sum, weighted."""
    taps = np.eye(int(np.prod(shape))).reshape(-1, *shape)
    return np.stack([oracles.matrix(tap, in_shape, **dict(options)) for tap in taps])


def _matrix(weight: np.ndarray, in_shape: tuple[int, ...], **options: Any) -> np.ndarray:
    basis = _basis(weight.shape, in_shape, tuple(options.items()))
    return np.tensordot(weight.ravel(), basis, 1)


def _callables(a: np.ndarray, b: np.ndarray, in_shape: Any, out_shape: Any, **more: Any) -> Pair:
    """A pair of functions on n-d arrays around two matrices."""
    return (
        lambda x: (a @ x.ravel()).reshape(out_shape),
        lambda y: (b @ y.ravel()).reshape(in_shape),
        {"in_shape": in_shape, "dtype": a.dtype, **more},
    )


def _conv_pair(
    rng: np.random.Generator,
    wrong: Callable[[np.ndarray], np.ndarray] = lambda w: w,
    kernel: tuple[int, ...] = (1, 1, 3, 3),
    in_shape: tuple[int, ...] = (1, 7, 8),
    out_shape: tuple[int, ...] = (1, 7, 8),
    options: dict[str, Any] | None = None,
    wrong_options: dict[str, Any] | None = None,
    scale: complex = 1,
    complex_weight: bool = False,
) -> Pair:
    """A convolution, and the adjoint of one with another weight, other options or a factor."""
    options = {"padding": 1} if options is None else options
    w = rng.standard_normal(kernel)
    if complex_weight:
        w = w + 1j * rng.standard_normal(kernel)
    a = _matrix(w, in_shape, **options)
    b = scale * _matrix(wrong(w), in_shape, **(wrong_options or options)).conj().T
    return _callables(a, b, in_shape, out_shape)


def _flip(*axes: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda w: np.flip(w, axes)


def _interleaved(rng: np.random.Generator) -> Pair:
    """Groups own channels in blocks; the adjoint deals the output channels in turn."""
    w = rng.standard_normal((4, 2, 3))
    a = _matrix(w, (4, 8), padding=1, groups=2)
    order = np.arange(4).reshape(2, 2).T.ravel()
    b = a.reshape(4, 8, 32)[order].reshape(32, 32).T
    return _callables(a, b, (4, 8), (4, 8))


def _output_padding_missing(rng: np.random.Generator) -> Pair:
    w = rng.standard_normal((2, 1, 3, 3))
    options = {"stride": 2, "padding": 1}
    a = _matrix(w, (1, 8, 8), **options)
    return (
        lambda x: (a @ x.ravel()).reshape(2, 4, 4),
        lambda y: oracles.conv_transpose(y, w, **options),
        {"in_shape": (1, 8, 8)},
    )


def _output_padding_zeros(rng: np.random.Generator) -> Pair:
    """The result of the short transposed convolution, filled up with zeros."""
    w = rng.standard_normal((2, 1, 3, 3))
    a = _matrix(w, (1, 8, 8), stride=2, padding=1)
    b = a.T.reshape(1, 8, 8, 32).copy()
    b[:, 7], b[:, :, 7] = 0, 0
    return _callables(a, b.reshape(64, 32), (1, 8, 8), (2, 4, 4))


def _neighboring_stride(rng: np.random.Generator) -> Pair:
    """Stride 2 forward, stride 1 backward, cut to the right size."""
    w = rng.standard_normal((1, 1, 3))
    a = _matrix(w, (1, 9), stride=2, padding=1)
    b = _matrix(w, (1, 9), stride=1, padding=1)[:5].T
    return _callables(a, b, (1, 9), (1, 5))


def _wrong_size(rng: np.random.Generator, **options: int) -> Pair:
    """The transposed convolution with another stride or padding, and so of another size."""
    w = rng.standard_normal((1, 1, 5))
    a = _matrix(w, (1, 11), stride=2, padding=2)
    return (
        lambda x: (a @ x.ravel()).reshape(1, 6),
        lambda y: oracles.conv_transpose(y, w, **{"stride": 2, "padding": 2, **options}),
        {"in_shape": (1, 11)},
    )


def _bias(rng: np.random.Generator) -> Pair:
    forward, adjoint, options = _conv_pair(rng)
    bias = rng.uniform(0.5, 1)
    return lambda x: forward(x) + bias, adjoint, options


def _writes_into_its_input(rng: np.random.Generator) -> Pair:
    forward, adjoint, options = _conv_pair(rng)

    def overwriting(x: np.ndarray) -> np.ndarray:
        y = forward(x)
        x *= 0.5
        return y

    return overwriting, adjoint, options


def _psf(rng: np.random.Generator, shape: tuple[int, ...] = (3, 3)) -> np.ndarray:
    """An asymmetric point spread function of sum 1."""
    psf = rng.uniform(size=shape) + np.linspace(0, 1, shape[-1])
    return psf / psf.sum()


def _flipped_psf(rng: np.random.Generator, mode: str) -> Pair:
    psf = _psf(rng)
    return (
        lambda x: ndimage.convolve(x, psf, mode=mode),
        lambda y: ndimage.convolve(y, np.flip(psf), mode=mode),
        {"in_shape": (8, 9)},
    )


def _gaussian(rng: np.random.Generator, mode: str) -> Pair:
    sigma = rng.uniform(0.6, 1.2)

    def smooth(x: np.ndarray) -> np.ndarray:
        return ndimage.gaussian_filter(x, sigma, mode=mode, truncate=2.5)

    return smooth, smooth, {"in_shape": (11, 12)}


def _same_even(rng: np.random.Generator) -> Pair:
    """SAME padding with an even kernel, (k - 1) // 2 in front in both directions."""
    w = rng.standard_normal((1, 1, 4))
    a = _matrix(w, (1, 10), padding=((1, 2),))
    b = _matrix(np.flip(w, 2), (1, 10), padding=((1, 2),))
    return _callables(a, b, (1, 10), (1, 10))


def _one_entry(rng: np.random.Generator) -> Pair:
    """One entry of B is wrong, by a thousandth of |A|."""
    w = rng.standard_normal((1, 1, 3, 3))
    a = _matrix(w, (1, 8, 8), padding=1)
    b = a.T.copy()
    b[tuple(rng.integers(64, size=2))] += 1.01e-3 * np.linalg.norm(a)
    return _callables(a, b, (1, 8, 8), (1, 8, 8))


def _one_entry_single(rng: np.random.Generator) -> Pair:
    forward, adjoint, options = _one_entry(rng)
    single = np.float32
    return (
        lambda x: forward(x).astype(single),
        lambda y: adjoint(y).astype(single),
        {**options, "dtype": single},
    )


def _border_rows(rng: np.random.Generator) -> Pair:
    w = rng.standard_normal((1, 1, 3, 3))
    a = _matrix(w, (1, 8, 8), padding=1)
    b = a.T.reshape(8, 8, 64).copy()
    b[0] *= rng.uniform(0.2, 0.8, (8, 64))
    return _callables(a, b.reshape(64, 64), (1, 8, 8), (1, 8, 8))


def _transposed_image(rng: np.random.Generator) -> Pair:
    forward, adjoint, options = _conv_pair(rng, in_shape=(1, 6, 9), out_shape=(1, 6, 9))
    return forward, lambda y: adjoint(y).swapaxes(1, 2), options


def _fortran_order(rng: np.random.Generator) -> Pair:
    a = rng.standard_normal((10, 12))
    return (
        lambda x: a @ x.ravel(),
        lambda y: (a.T @ y).reshape((3, 4), order="F"),
        {"in_shape": (3, 4)},
    )


def _real_part(rng: np.random.Generator) -> Pair:
    forward, adjoint, options = _conv_pair(rng, complex_weight=True)
    conj = lambda y: adjoint(y.real).real + 1j * adjoint(y.imag).real  # noqa: E731
    return forward, conj, options


def _inverse(rng: np.random.Generator) -> Pair:
    return np.fft.fft, np.fft.ifft, {"in_shape": 12, "dtype": complex}


def _ignored_weights(rng: np.random.Generator) -> Pair:
    a = rng.standard_normal((7, 9))
    return a, a.T, {"in_weight": rng.uniform(1, 2, 9), "out_weight": rng.uniform(1, 2, 7)}


def _averaged(rng: np.random.Generator) -> Pair:
    """The adjoint divides by how often an entry was read."""
    a = _matrix(np.abs(rng.standard_normal((1, 1, 3))), (1, 9))
    return _callables(a, a.T / np.count_nonzero(a, axis=0)[:, None], (1, 9), (1, 7))


REFLECT, SYMMETRIC = (
    {"padding": 1, "padding_mode": "reflect"},
    {"padding": 1, "padding_mode": "symmetric"},
)
CIRCULAR, REPLICATE = (
    {"padding": 1, "padding_mode": "circular"},
    {"padding": 1, "padding_mode": "replicate"},
)
ZEROS = {"padding": 1}
STRIDED = {"stride": 2, "padding": 1}
WIDE = {"kernel": (3, 3, 3), "in_shape": (3, 9), "out_shape": (3, 9)}


@dataclass(frozen=True)
class Planted:
    make: Callable[[np.random.Generator], Pair]
    cause: Cause


def _plant(cause: Cause, **options: Any) -> Planted:
    return Planted(lambda rng: _conv_pair(rng, **options), cause)


PLANTED = {
    "conjugate missing": _plant(Cause.CONJUGATE, wrong=np.conj, complex_weight=True),
    "conjugate missing, strided": _plant(
        Cause.CONJUGATE, wrong=np.conj, complex_weight=True, options=STRIDED, out_shape=(1, 4, 4)
    ),
    "sign": _plant(Cause.SIGN, scale=-1),
    "factor 1.01": _plant(Cause.FACTOR, scale=1.01),
    "factor 1.001": _plant(Cause.FACTOR, scale=1.0011),
    "factor i": _plant(Cause.FACTOR, scale=1j, complex_weight=True),
    "kernel not flipped": _plant(Cause.FLIP, wrong=_flip(2, 3)),
    "kernel flipped on one axis": _plant(Cause.FLIP, wrong=_flip(3)),
    "kernel not flipped, reflect": _plant(Cause.FLIP, wrong=_flip(2, 3), options=REFLECT),
    "kernel not flipped, strided": _plant(
        Cause.FLIP, wrong=_flip(2, 3), options=STRIDED, out_shape=(1, 4, 4)
    ),
    "shifted by one": _plant(
        Cause.SHIFT,
        options={"padding": ((1, 1), (1, 1))},
        wrong_options={"padding": ((2, 0), (2, 0))},
    ),
    "same padding, even kernel": Planted(_same_even, Cause.SHIFT),
    "reflect folded as zeros": _plant(Cause.BOUNDARY, options=REFLECT, wrong_options=ZEROS),
    "circular folded as zeros": _plant(Cause.BOUNDARY, options=CIRCULAR, wrong_options=ZEROS),
    "zeros folded as circular": _plant(Cause.BOUNDARY, options=ZEROS, wrong_options=CIRCULAR),
    "symmetric folded as reflect": _plant(Cause.BOUNDARY, options=SYMMETRIC, wrong_options=REFLECT),
    "replicate folded as symmetric": _plant(
        Cause.BOUNDARY,
        options={"padding": 2, "padding_mode": "replicate"},
        kernel=(1, 1, 5),
        in_shape=(1, 12),
        out_shape=(1, 12),
        wrong_options={"padding": 2, "padding_mode": "symmetric"},
    ),
    "ndimage flipped PSF, reflect": Planted(lambda r: _flipped_psf(r, "reflect"), Cause.BOUNDARY),
    "ndimage flipped PSF, mirror": Planted(lambda r: _flipped_psf(r, "mirror"), Cause.BOUNDARY),
    "ndimage flipped PSF, nearest": Planted(lambda r: _flipped_psf(r, "nearest"), Cause.BOUNDARY),
    "gaussian_filter, mirror": Planted(lambda r: _gaussian(r, "mirror"), Cause.BOUNDARY),
    "gaussian_filter, nearest": Planted(lambda r: _gaussian(r, "nearest"), Cause.BOUNDARY),
    "neighboring stride": Planted(_neighboring_stride, Cause.STRIDE),
    "neighboring stride, other size": Planted(lambda r: _wrong_size(r, stride=3), Cause.STRIDE),
    "neighboring padding": _plant(
        Cause.PADDING,
        options={"padding": ((1, 1), (1, 1))},
        wrong_options={"padding": ((0, 2), (0, 2))},
    ),
    "neighboring padding, other size": Planted(lambda r: _wrong_size(r, padding=1), Cause.PADDING),
    "neighboring dilation": _plant(
        Cause.DILATION,
        options={"padding": 2, "dilation": 2},
        wrong_options={"padding": ((2, 0), (2, 0)), "dilation": 1},
    ),
    "output_padding missing": Planted(_output_padding_missing, Cause.OUTPUT_PADDING),
    "output_padding missing, zeros": Planted(_output_padding_zeros, Cause.OUTPUT_PADDING),
    "channel axes swapped": _plant(Cause.CHANNELS, wrong=lambda w: w.swapaxes(0, 1), **WIDE),
    "groups mixed": Planted(_interleaved, Cause.GROUPS),
    "bias left in": Planted(_bias, Cause.AFFINE),
    "input modified": Planted(_writes_into_its_input, Cause.MODIFIED),
    "one entry": Planted(_one_entry, Cause.ENTRIES),
    "one entry, float32": Planted(_one_entry_single, Cause.ENTRIES),
    "border rows": Planted(_border_rows, Cause.BORDER),
    "image transposed": Planted(_transposed_image, Cause.AXES),
    "Fortran order": Planted(_fortran_order, Cause.AXES),
    "real part": Planted(_real_part, Cause.REAL_PART),
    "inverse": Planted(_inverse, Cause.INVERSE),
    "weights ignored": Planted(_ignored_weights, Cause.WEIGHTS),
    "average for sum": Planted(_averaged, Cause.POSITION_FACTOR),
}
UNCHANGED_MATRIX = {"bias left in", "input modified"}


@pytest.fixture(params=PLANTED)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_dot_test_sees_a_planted_mistake_for_every_seed(
    name: str, seed: int, settings_count: Callable[[int], int]
) -> None:
    planted = PLANTED[name]
    for number in range(settings_count(SEEDS)):
        forward, adjoint, options = planted.make(np.random.default_rng((seed, number)))
        report = dot_test(forward, adjoint, **options, rng=number)
        assert not report, f"seed {number}: {report!r}"


def test_a_planted_mistake_is_as_large_as_a_thousandth(name: str, rng: np.random.Generator) -> None:
    forward, adjoint, options = PLANTED[name].make(rng)
    report = exact_test(forward, adjoint, **options)
    assert not report
    # A wrong shape has no matrix to measure.
    assert name in UNCHANGED_MATRIX or not report.relative_error < 1e-3


def test_diagnose_lists_the_planted_cause(
    name: str, seed: int, settings_count: Callable[[int], int]
) -> None:
    planted = PLANTED[name]
    for number in range(settings_count(50)):
        forward, adjoint, options = planted.make(np.random.default_rng((seed, number)))
        found = diagnose(forward, adjoint, **options)
        assert planted.cause in found.causes, f"seed {number}: {found!r}"
