"""Values, vectors, errors and what is said to be proved, against the decomposition of the whole
matrix: by every method, for zeros and clusters too.
"""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from spectra import EXTREMES, KERNELS, an_operator, applies, dense, rounding_of

import sparse_tconv as st
from sparse_tconv import analysis


def assert_each_has_a_value_of_its_own(found, true, error):
    """Sorted, and each paired with the first that is not yet taken and near enough."""
    free = list(np.sort(true))
    for value in np.sort(found):
        near = [number for number, other in enumerate(free) if abs(other - value) <= error]
        assert near, (value, error)
        del free[: near[0] + 1]


def assert_triplets(op, matrix, true, k, which, method):
    """The law of singular triplets; how complete they are said to be."""
    left, values, right = analysis.singular_vectors(op, k, which, method)
    u, v = left.reshape(k, -1).T, right.reshape(k, -1).T
    scale = max(float(true[0]), float(abs(matrix).sum(axis=1).max()))
    assert_each_has_a_value_of_its_own(values.value, true, values.error)
    if values.complete == "proved":
        wanted = true[:k] if which == "largest" else true[::-1][:k]
        assert abs(values.value - wanted).max() <= values.error, (which, method)
    for vectors in (u, v):
        assert abs(vectors.conj().T @ vectors - np.eye(k)).max() <= 1e-13 * np.sqrt(len(vectors))
    exact = (
        2 * values.error + 4 * rounding_of(op) * scale
    )  # float32 kernels may be structured to it
    assert np.linalg.norm(matrix @ v - u * values.value, 2) <= exact, (which, method)
    assert np.linalg.norm(matrix.conj().T @ u - v * values.value, 2) <= exact, (which, method)
    assert values.error <= max(1e-9, 1000 * rounding_of(op)) * max(scale, 1.0)
    return values.complete


def assert_single_numbers(op, true):
    """Norm, bounds, smallest value, rank, condition and null space."""
    count = true.size
    norm, least = analysis.spectral_norm(op), analysis.smallest_singular_value(op)
    assert abs(norm - true[0]) <= norm.error
    assert abs(least - true[-1]) <= least.error
    for lower, upper in (analysis.norm_bounds(op), norm.bounds):
        rounding = 1e-14 * true[0]
        assert lower <= true[0] + rounding
        assert true[0] <= upper + rounding
    cond = analysis.cond(op)
    if np.isfinite(cond.error):
        assert abs(cond - true[0] / true[-1]) <= cond.error + 1e-9 * cond.value
    limit = max(op.shape) * np.finfo(np.float64).eps * true[0]
    rank = analysis.rank(op)
    assert abs(int(rank) - int((true > limit).sum())) <= rank.error
    basis = analysis.null_space(op)
    assert basis.shape[1] >= op.shape[1] - count
    unit = basis.value.conj().T @ basis.value - np.eye(basis.shape[1])
    assert abs(unit).max(initial=0) <= 1e-12
    assert np.linalg.norm(dense(op) @ basis.value, axis=0).max(initial=0) <= basis.error
    assert {norm.complete, least.complete, cond.complete, rank.complete} == {"proved"}


@pytest.mark.parametrize("kind", KERNELS)
def test_values_vectors_and_proofs_hold_by_every_method(kind, settings_count, rng):
    said: Counter[tuple[bool, str]] = Counter()
    for _ in range(settings_count(500 if kind == "near the identity" else 667)):
        op = an_operator(rng, kind)
        matrix = dense(op)
        true = np.linalg.svd(matrix, compute_uv=False)
        assert_single_numbers(op, true)
        k = int(rng.integers(1, min(5, true.size) + 1))
        for which, methods in EXTREMES.items():
            for method in methods:
                if applies(op, method):
                    complete = assert_triplets(op, matrix, true, k, which, method)
                    said[method == "auto", complete] += 1
    forced = [said[False, word] for word in ("proved", "probable", "unknown")]
    assert said[True, "proved"] == sum(
        said[True, word] for word in ("proved", "probable", "unknown")
    )
    assert forced[2] <= 0.1 * sum(forced)


@pytest.mark.parametrize("method", ["auto", "lu", "qr", "augmented", "gram"])
def test_left_vectors_are_right_beside_zero_values(method):
    """The Laplacian under mirrors: constants are in its null space, its values crowd in pairs."""
    laplacian = np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0.0]])
    side = 33 if method == "auto" else 15
    for size, mode in (((side, side), "reflect"), ((12, 9), "replicate"), ((9, 9), "symmetric")):
        op = st.Conv(laplacian, size, padding=1, padding_mode=mode, channels=False)
        left, values, right = analysis.singular_vectors(op, 3, "smallest", method)
        stretch = values.value[:, None, None]
        assert abs(op.apply(right) - stretch * left).max() <= 1e-12
        assert abs(op.H.apply(left) - stretch * right).max() <= 1e-12
        flat = left.reshape(3, -1)
        assert abs(flat @ flat.T - np.eye(3)).max() <= 1e-13
        assert values[0] <= values.error
        assert values.complete == "proved"


def test_wide_and_tall_operators_have_left_vectors_of_zeros_too(rng):
    weight = rng.standard_normal((2, 3, 3))
    weight[1] = -2 * weight[0]  # rank-deficient: half of the values are zero
    for op in (st.Conv(weight[:, None, 0], (1, 30)), st.Conv(weight[:, :, :], (3, 15), padding=1)):
        for relative in (op, op.T):
            for method in ("qr", "augmented", "gram", "auto"):
                left, values, right = analysis.singular_vectors(relative, 4, "smallest", method)
                u, v = left.reshape(4, -1), right.reshape(4, -1)
                matrix = dense(relative)
                assert abs(matrix @ v.T - u.T * values.value).max() <= 1e-12
                assert abs(matrix.T @ u.T - v.T * values.value).max() <= 1e-12
                for vectors in (u, v):
                    assert abs(vectors @ vectors.T - np.eye(4)).max() <= 1e-13


@pytest.mark.parametrize("method", ["lu", "qr", "augmented", "lanczos"])
def test_members_of_a_cluster_are_not_missed(method, rng):
    for _ in range(5):
        weight = np.tile([0.0, 1.0, 0.0], (3, 1, 1)) + 1e-8 * rng.standard_normal((3, 1, 3))
        op = st.Conv(weight, (3, 50), padding=1, groups=3)
        which = "largest" if method == "lanczos" else "smallest"
        true = np.linalg.svd(dense(op), compute_uv=False)
        true = true if which == "largest" else true[::-1]
        found = analysis.singular_values(op, 9, which, method)
        assert_each_has_a_value_of_its_own(found.value, true, found.error)
        assert found.error <= 1e-11
        if found.complete == "proved":
            assert abs(found.value - true[:9]).max() <= found.error


def test_norms_to_a_tolerance_lie_between_certain_bounds(settings_count, rng):
    for _ in range(settings_count(100)):
        op = an_operator(rng, str(rng.choice(KERNELS)))
        true = float(np.linalg.svd(dense(op), compute_uv=False)[0])
        for rtol in (0.1, 1e-3, 0.0):
            found = analysis.spectral_norm(op, rtol=rtol)
            lower, upper = found.bounds
            assert lower <= true * (1 + 1e-14)
            assert true <= upper * (1 + 1e-14)
            assert abs(found - true) <= found.error + 1e-14 * true
            rounding = max(1e-11, 100 * rounding_of(op)) * float(abs(op.weight).sum())
            assert upper - lower <= max(rtol * upper, rounding)
    with pytest.raises(st.GeometryError, match="`rtol` must be a number, at least 0; got -1"):
        analysis.spectral_norm(op, rtol=-1)


def test_the_smallest_value_of_images_is_proved_by_sparse_factors(rng):
    """Values that decay beyond what squares can tell, those that do not, and zero."""
    kernels = (
        [[2, 7, -1], [1, 3, -8], [5, -3, 1.0]],
        [[0, 0.1, 0], [0.2, 1, -0.1], [0, 0.2, 0]],
        [[0, 1, 0], [1, -4, 1], [0, 1, 0.0]],
    )
    for kernel in kernels:
        for n in (30, 46, 58):
            op = st.Conv(kernel, (n, n), padding=1, channels=False, padding_mode="zeros")
            found = analysis.smallest_singular_value(op)
            assert found.method in ("lu", "dense")
            assert found.complete == "proved"
            if n == 30:
                true = np.linalg.svd(dense(op), compute_uv=False)[-1]
                assert abs(found - true) <= found.error


def test_taps_that_cancel_leave_a_zero_matrix():
    """Two mirrors show the one sample to both taps."""
    narrow = st.Conv([-15, 0, 15], (1,), padding=1, padding_mode="symmetric", channels=False)
    across = np.outer([0, 1, 0], [1, -1, 0, 1, -1])
    modes = ("zeros", "symmetric")
    for op in (narrow, st.Conv(across, (1, 1), padding=(1, 2), padding_mode=modes, channels=False)):
        assert not op.matrix.toarray().any()
        for which, methods in EXTREMES.items():
            for method in methods:
                found = analysis.singular_values(op, 1, which, method)
                assert found[0] <= found.error
                assert found.complete == "proved"


def test_values_whose_inverses_overflow_are_zero():
    """The kernel's symbol winds round zero: the smallest value decays with the power of the side."""
    for taps in ([1.0, 3.0], [1.0, 30.0, 9.0]):
        op = st.Conv(taps, (6000,), padding=((0, len(taps) - 1),), channels=False)
        for method in ("auto", "lu"):
            found = analysis.smallest_singular_value(op, method)
            assert found <= found.error < 1e-10
            assert found.complete == "proved"


def test_divide_and_conquer_merges_values_within_the_error():
    """LAPACK takes values as one that are 64 units of rounding apart: an error must hold these."""
    noise = [
        [-5.25201105e-12, 1.38110412e-12, -5.61896327e-12],
        [-3.66432950e-12, 5.60484992e-12, 3.52061102e-12],
        [-2.61673908e-12, -1.27167882e-11, -6.63843749e-12],
    ]
    identity = np.zeros((3, 3))
    identity[1, 1] = 1
    op = st.Conv(identity + noise, (5, 3), padding=1, padding_mode="symmetric", channels=False)
    true = np.linalg.svd(dense(op), compute_uv=False)[::-1]
    _, values, _ = analysis.singular_vectors(op, 5, "smallest")
    assert abs(values.value - true[:5]).max() <= values.error < 1e-13
