"""Determinants: their sign and their logarithm against NumPy on the whole matrix."""

from __future__ import annotations

import numpy as np
import pytest
from expressions import random_expression
from spectra import EVERY, KINDS, dense, random_operator

import sparse_tconv as st
from sparse_tconv import analysis


def square_operators(rng, count):
    """Convolutions of every structure, as many channels and samples taken as given."""
    while count:
        op = random_operator(rng, str(rng.choice(KINDS)), EVERY)
        if op.shape[0] == op.shape[1]:
            count -= 1
            yield (
                op.with_weight(rng.integers(-2, 3, op.weight.shape).astype(op.dtype))
                if (rng.integers(4) == 0)
                else op
            )


def check(found, C):
    sign, logarithm = np.linalg.slogdet(C)
    values = np.linalg.svd(C, compute_uv=False)
    if values[-1] <= 1e-13 * len(C) * max(values[0], 1e-300):  # NumPy knows no more
        assert found.error == np.inf or found.value[0] == 0 or values[-1] > 0
        return
    assert found.complete == "proved"
    slack = 1e-14 * len(C) * values[0] / values[-1] * len(C) + 1e-13 * abs(logarithm)
    assert abs(found.value[1] - logarithm) <= found.error + slack
    assert abs(found.value[0] - sign) <= found.error + slack + 1e-12


def test_determinants_are_numpys(rng, settings_count):
    for op in square_operators(rng, settings_count(1000)):
        found = analysis.slogdet(op)
        check(found, dense(op))
        if op.dtype.kind != "c":
            assert found.value[0] in (-1.0, 0.0, 1.0)


def test_determinants_of_expressions_are_numpys(rng, settings_count):
    for _ in range(settings_count(500)):
        op, _ = random_expression(rng, 2, (np.int64, np.float64, np.complex128))
        if op.shape[0] == op.shape[1] <= 100:
            C = op.toarray()
            check(analysis.slogdet(op), C.astype(np.result_type(C, np.float64)))


@pytest.mark.parametrize("n", [3, 40, 120])
@pytest.mark.parametrize("mode", ["circular", "symmetric", "replicate"])
def test_singular_integers_are_found_out(n, mode):
    """A second difference of constants is zero."""
    op = st.Conv([1, -2, 1], (n,), padding=1, padding_mode=mode, channels=False)
    found = analysis.slogdet(op)
    assert found.value == (0.0, -np.inf)
    assert found.complete == "proved"


def test_triangular_determinants_are_those_of_the_diagonal():
    """Where the smallest singular value is far below rounding."""
    op = st.Conv([3.0, 7.0, -1.0], (200,), padding=((0, 2),), channels=False)
    found = analysis.slogdet(op)
    assert (found.method, found.complete, found.value[0]) == ("triangular", "proved", 1.0)
    assert abs(found.value[1] - 200 * np.log(3)) <= found.error < 1e-9
    signed = analysis.slogdet(-op + 0 * op)  # an expression, of which no structure is known
    assert signed.method == "dense"


def test_large_determinants_come_from_blocks_and_from_factors(rng):
    layer = st.Conv(
        rng.standard_normal((8, 8, 3, 3)), (8, 32, 32), padding=1, padding_mode="circular"
    )
    found = analysis.slogdet(layer)
    assert (found.method, found.complete) == ("circular", "proved")
    n = 5000
    second = st.Conv([[1.0, -2.0, 1.0]], (1, n), padding=(0, 1), channels=False)
    assert abs(analysis.slogdet(second).value[1] - np.log(n + 1)) <= 1e-9
    sparse = analysis.slogdet(second + 0 * second)
    assert (sparse.method, sparse.complete, sparse.error) == ("lu", "unknown", np.inf)
    assert sparse.value[0] == (-1) ** n
    assert abs(sparse.value[1] - np.log(n + 1)) <= 1e-8
    singular = st.Diagonal(np.arange(3000.0))
    assert analysis.slogdet(2 * singular).value == (0.0, -np.inf)


@pytest.mark.parametrize("scale", [1e-300, 1e300])
def test_scales_move_the_logarithm_alone(scale):
    op = st.Conv(np.array([1.0, -2.0, 0.5]) * scale, (7,), padding=1, channels=False)
    sign, logarithm = np.linalg.slogdet(op.toarray() / scale)
    found = analysis.slogdet(op)
    assert found.value[0] == sign
    assert abs(found.value[1] - logarithm - 7 * np.log(scale)) <= found.error + 1e-10


def test_determinants_of_what_is_not_square_are_refused():
    with pytest.raises(st.ShapeError, match="`op` must have as many rows as columns"):
        analysis.slogdet(st.Conv([1.0, 2.0], (4,), channels=False))


def test_layers_of_one_tap_have_a_power_of_the_determinant_of_their_channels(rng):
    """The invertible 1 x 1 convolution of normalizing flows."""
    for make in (st.Conv, st.ConvTranspose):
        for groups in (1, 2):
            for weight in (
                rng.standard_normal((4, 4 // groups, 1, 1)),
                rng.integers(-3, 4, (4, 4 // groups, 1, 1)),
                rng.standard_normal((4, 4 // groups, 1, 1)) * np.exp(1j),
                np.ones((4, 4 // groups, 1, 1)),
            ):
                op = make(weight, (4, 3, 5), groups=groups)
                found = analysis.slogdet(op)
                sign, logarithm = np.linalg.slogdet(
                    op.toarray().astype(np.result_type(weight, 1.0))
                )
                if abs(weight).max() == 1:
                    assert found.value == (0.0, -np.inf)
                    assert found.complete == "proved"
                else:
                    assert abs(found.value[0] - sign) <= 1e-12
                    assert abs(found.value[1] - logarithm) <= found.error + 1e-12 * abs(logarithm)
                    assert found.method == "kronecker"


def test_kernels_of_single_precision_have_the_determinant_of_their_entries(rng):
    """Separable to single precision only: what that leaves open the matrix decides."""
    for _ in range(5):
        kernel = np.multiply.outer([1.0, 3.0, 1.0], [1.0, -2 + 1e-6, 1.0]).astype(np.float32)
        kernel *= (1 + 1e-7 * rng.standard_normal((3, 3))).astype(np.float32)
        op = st.Conv(kernel, (7, 9), padding=1, padding_mode="symmetric", channels=False)
        found = analysis.slogdet(op)
        sign, logarithm = np.linalg.slogdet(op.with_weight(kernel.astype(np.float64)).toarray())
        assert (found.complete, found.value[0]) == ("proved", sign)
        assert abs(found.value[1] - logarithm) <= found.error + 1e-8
