"""What diagnose and exact_test say, beyond naming the cause that was planted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import signal

from sparse_tconv.errors import MatrixTooLargeError, ShapeError
from sparse_tconv.testing import Cause, diagnose, exact_test, oracles, reference_cases

W = np.array([[[1.0, 2.0, 4.0], [0.5, -1.0, 3.0], [7.0, 5.0, -2.0]]]).reshape(1, 1, 3, 3)


def _conv(weight: np.ndarray, **options: Any) -> Any:
    return lambda x: oracles.conv(x, weight, **options)


def _back(weight: np.ndarray, **options: Any) -> Any:
    return lambda y: oracles.conv_transpose(y, weight, **options)


@pytest.mark.parametrize("case", reference_cases(), ids=lambda case: case.name)
def test_nothing_is_found_in_a_right_pair(case: Any) -> None:
    """The reference cases, and their transposes with the conjugated weight."""
    options = {"in_shape": case.in_shape, "dtype": case.weight.dtype}
    assert diagnose(case.forward, case.adjoint, **options) == ()
    assert exact_test(case.forward, case.adjoint, **options)
    turned = {"in_shape": case.out_shape, "dtype": case.weight.dtype}
    assert diagnose(case.adjoint, case.forward, **turned) == ()


def test_a_diagnosis_prints_cause_evidence_and_fix_on_one_line_each() -> None:
    found = diagnose(_conv(W, padding=1), _back(2 * W, padding=1), in_shape=(1, 8, 8))
    assert repr(found) == (
        "Diagnosis:\n  - constant factor: B is 2 times the right adjoint. Divide the adjoint by 2, "
        "or scale the forward to match."
    )
    assert repr(diagnose(np.eye(3), np.eye(3))) == "Diagnosis: nothing wrong found"


def test_output_padding_is_told_with_its_right_value() -> None:
    options = {"stride": 3, "padding": 1}
    found = diagnose(_conv(W, **options), _back(W, **options), in_shape=(1, 9, 11))
    # (9 + 2 - 3) mod 3 = 2, (11 + 2 - 3) mod 3 = 1
    told = next(finding for finding in found if finding.cause is Cause.OUTPUT_PADDING)
    assert "output_padding=(2, 1)" in told.fix
    assert "lacks the last (2, 1)" in told.evidence
    right = _back(W, **options, output_padding=(2, 1))
    assert diagnose(_conv(W, **options), right, in_shape=(1, 9, 11)) == ()


def test_the_kind_of_boundary_is_told() -> None:
    options = {"padding": 1, "padding_mode": "symmetric"}
    wrong = {"padding": 1, "padding_mode": "replicate"}
    big = np.arange(1.0, 26).reshape(1, 1, 5, 5)
    options, wrong = {**options, "padding": 2}, {**wrong, "padding": 2}
    (found,) = diagnose(_conv(big, **options), _back(big, **wrong), in_shape=(1, 8, 9))
    assert found.cause is Cause.BOUNDARY
    assert "extends by 'symmetric', B is the adjoint of one that extends by 'replicate'" in str(
        found
    )


def test_a_boundary_of_mixed_modes_is_understood() -> None:
    options = {"padding": 1, "padding_mode": ("circular", "reflect")}
    wrong = {"padding": 1, "padding_mode": ("circular", "zeros")}
    for size in ((1, 6, 7), (1, 12, 11)):
        found = diagnose(_conv(W, **options), _back(W, **wrong), in_shape=size)
        assert found.causes == (Cause.BOUNDARY,)
        assert "extends by 'zeros' on axis -1" in found[0].evidence


def test_an_adjoint_that_is_too_long_at_its_end_is_told() -> None:
    w = np.array([[[1.0, 2.0, 4.0]]])
    back = _back(w, padding=((1, 0),))
    found = diagnose(_conv(w, padding=1), back, in_shape=(1, 8))
    assert found.causes == (Cause.SHAPE, Cause.PADDING)
    assert "Pad behind so that the size becomes 8" in found[1].fix


def test_an_adjoint_of_other_rank_is_a_contradiction_of_shapes() -> None:
    found = diagnose(_conv(W, padding=1), lambda y: y[0, 0], in_shape=(1, 6, 7))
    assert found.causes == (Cause.SHAPE,)


def test_single_precision_inside_is_named(rng: np.random.Generator) -> None:
    a = rng.standard_normal((8, 9))
    found = diagnose(a, a.T.astype(np.float32).astype(np.float64))
    assert found.causes == (Cause.PRECISION,)


def test_a_zero_forward_with_something_behind_it_is_no_known_mistake() -> None:
    found = diagnose(np.zeros((5, 30)), np.ones((30, 5)))
    assert found.causes == (Cause.UNKNOWN,)


def test_two_mistakes_at_once_are_both_told() -> None:
    weight = W + 1j * np.arange(9).reshape(W.shape)
    found = diagnose(
        _conv(weight, padding=1),
        _back(np.flip(weight, (2, 3)), padding=1),  # neither conjugated nor the right way round
        in_shape=(1, 7, 8),
        dtype=complex,
    )
    assert {Cause.CONJUGATE, Cause.FLIP} <= set(found.causes)
    told = next(finding for finding in found if finding.cause is Cause.FLIP)
    assert told.evidence.startswith("together with 'conjugate missing'")


def test_a_mistake_and_a_factor_are_both_told() -> None:
    found = diagnose(_conv(W, padding=1), _back(-3 * W[..., ::-1], padding=1), in_shape=(1, 7, 8))
    assert {Cause.FLIP, Cause.FACTOR} <= set(found.causes)
    assert "-3 times" in repr(found)


def test_every_consistent_cause_is_listed_for_an_odd_kernel() -> None:
    """Turning an odd kernel round changes its sign, so both explain what is seen."""
    odd = np.array([[[1.0, 0.0, -1.0]]])
    found = diagnose(_conv(odd, padding=1), _back(-odd, padding=1), in_shape=(1, 8))
    assert {Cause.SIGN, Cause.FLIP} <= set(found.causes)


def test_the_transposed_convolution_as_forward_is_understood_too() -> None:
    options = {"stride": 2, "padding": 1}
    flipped = np.flip(W, (2, 3))
    found = diagnose(_back(W, **options), _conv(flipped, **options), in_shape=(1, 5, 5))
    assert found.causes == (Cause.FLIP,)


def test_an_unknown_border_still_lets_the_kernel_be_understood() -> None:
    """The forward doubles its border rows, which is no padding mode."""
    border = np.ones((1, 14, 14))
    border[:, [0, -1]] = 2

    def forward(x: np.ndarray) -> np.ndarray:
        return border * oracles.conv(x, W, padding=1)

    def adjoint(y: np.ndarray) -> np.ndarray:
        return oracles.conv_transpose(border * y, np.flip(W, (2, 3)), padding=1)

    assert Cause.FLIP in diagnose(forward, adjoint, in_shape=(1, 14, 14)).causes


def test_groups_that_leak_are_told_without_an_exact_match(rng: np.random.Generator) -> None:
    weight = rng.standard_normal((4, 2, 3))
    options = {"groups": 2, "padding": 1}
    leak = rng.standard_normal((4, 4, 3))
    found = diagnose(_conv(weight, **options), _back(leak, padding=1), in_shape=(4, 8))
    assert Cause.GROUPS in found.causes


def test_a_batch_axis_and_several_samples_do_not_hide_the_cause() -> None:
    def batched(function: Any) -> Any:
        return lambda x: np.stack([function(one) for one in x])

    found = diagnose(
        batched(_conv(W, padding=1)),
        batched(_back(np.flip(W, (2, 3)), padding=1)),
        in_shape=(2, 1, 6, 7),
    )
    assert Cause.FLIP in found.causes


def test_the_right_numbers_in_another_shape_are_told() -> None:
    a = np.arange(12.0).reshape(2, 6)
    found = diagnose(lambda x: a @ x.ravel(), lambda y: a.T @ y, in_shape=(2, 3))
    assert found.causes == (Cause.SHAPE, Cause.SHAPE)
    assert "Reshape the result to (2, 3)" in repr(found)


def test_a_map_linear_over_the_reals_is_told_with_the_cure() -> None:
    found = diagnose(np.conj, np.conj, in_shape=4, dtype=complex)
    assert found.causes == (Cause.REAL_LINEAR, Cause.REAL_LINEAR)
    assert "linear='real'" in found[0].fix
    assert diagnose(np.conj, np.conj, in_shape=4, dtype=complex, linear="real") == ()


def test_a_crooked_map_is_told_without_looking_for_more() -> None:
    assert set(diagnose(np.abs, np.abs, in_shape=9).causes) == {Cause.NONLINEAR}


def test_noise_everywhere_is_no_known_mistake(rng: np.random.Generator) -> None:
    a = rng.standard_normal((20, 30))
    found = diagnose(a, a.T + 0.01 * rng.standard_normal((30, 20)))
    assert found.causes == (Cause.UNKNOWN,)


def test_a_callable_that_raises_is_a_finding() -> None:
    def broken(y: np.ndarray) -> np.ndarray:
        raise RuntimeError("no device")

    assert diagnose(np.copy, broken, in_shape=3).causes == (Cause.RAISES,)
    report = exact_test(np.copy, broken, in_shape=3)
    assert not report
    assert "RuntimeError: no device" in repr(report)


def test_a_result_that_is_not_finite_is_a_finding() -> None:
    found = diagnose(lambda x: np.full(3, np.nan), np.copy, in_shape=3)
    assert Cause.NONFINITE in found.causes
    assert not exact_test(lambda x: np.full(3, np.nan), np.copy, in_shape=3)


@pytest.mark.parametrize("function", [diagnose, exact_test])
def test_large_shapes_ask_for_a_small_twin(function: Any) -> None:
    with pytest.raises(ShapeError, match=r"at most 20000 entries together.*small twin"):
        function(np.copy, np.copy, in_shape=(101, 100))


@pytest.mark.parametrize("function", [diagnose, exact_test])
def test_full_matrices_that_would_fill_the_memory_ask_for_a_small_twin(function: Any) -> None:
    def full(x: np.ndarray) -> np.ndarray:
        return np.full(9000, x.sum())

    with pytest.raises(MatrixTooLargeError, match=r"at most 40000000 entries.*small twin"):
        function(full, full, in_shape=9000)


def test_exact_test_places_the_wrong_entries_and_finds_the_best_scale() -> None:
    a = np.diag(np.arange(1.0, 8))
    b = 2 * a
    b[6, 0] = 0.5
    report = exact_test(a, b)
    assert report.wrong_entries == 8
    assert report.scale == pytest.approx(2)
    assert report.scaled_error == pytest.approx(0.5 / np.linalg.norm(b))
    lines = repr(report).splitlines()
    assert lines[0] == "ExactReport: FAILED"
    assert len({line[2:18].rstrip() for line in lines[1:]}) == len(lines) - 1


def test_exact_test_of_zero_by_zero_passes() -> None:
    assert exact_test(np.zeros((3, 4)), np.zeros((4, 3)))
    assert not exact_test(np.zeros((3, 4)), np.ones((4, 3)))


def test_exact_test_sees_a_bias_and_a_changed_input() -> None:
    assert exact_test(lambda x: x + 1, np.copy, in_shape=3).findings[0].cause is Cause.AFFINE

    def overwriting(x: np.ndarray) -> np.ndarray:
        y = x.copy()
        x[:] = 0
        return y

    assert exact_test(overwriting, np.copy, in_shape=3).findings[0].cause is Cause.MODIFIED


def test_exact_test_of_tuples_names_the_array() -> None:
    report = exact_test(
        lambda xs: (xs[0], 2 * xs[1]),
        lambda ys: (ys[0], 3 * ys[1]),
        in_shape=((2,), (1, 2)),
    )
    assert report.in_positions.positions == ((1, 0, 0), (1, 0, 1))


def _extended(x: np.ndarray, width: int) -> np.ndarray:
    """X continued along the line through its last two samples, on every axis."""
    for axis in range(x.ndim):
        x = np.moveaxis(x, axis, 0)
        steps = np.arange(1, width + 1).reshape(-1, *(1,) * (x.ndim - 1))
        front, back = x[0] + steps[::-1] * (x[0] - x[1]), x[-1] + steps * (x[-1] - x[-2])
        x = np.moveaxis(np.concatenate([front, x, back]), 0, axis)
    return x


@pytest.mark.parametrize("side", [2, 3, 4])
@pytest.mark.parametrize("shape", [(2,), (5,), (9,), (5, 6), (9, 10)])
def test_a_border_that_extrapolates_is_diagnosed_like_any_other(shape: Any, side: int) -> None:
    rng = np.random.default_rng(side)
    kernels = np.ones((side,) * len(shape)), rng.standard_normal((side,) * len(shape))
    for kernel in kernels:

        def forward(x: Any, kernel: Any = kernel) -> Any:
            return signal.correlate(_extended(x, side // 2), kernel, "valid")

        out = forward(np.zeros(shape)).shape
        size = int(np.prod(shape))
        matrix = np.array([forward(e.reshape(shape)).ravel() for e in np.eye(size)]).T
        flipped = kernel[(slice(None, None, -1),) * len(shape)]

        def right(y: Any, matrix: Any = matrix) -> Any:
            return (matrix.T @ y.ravel()).reshape(shape)

        def turned(y: Any, flipped: Any = flipped) -> Any:
            wide = signal.correlate(_extended(y, side // 2), flipped, "valid")
            return wide[tuple(slice(n) for n in shape)]

        spaces = {"in_shape": shape, "out_shape": out}
        assert diagnose(forward, right, **spaces) == ()
        assert diagnose(right, forward, in_shape=out, out_shape=shape) == ()
        # The turned kernel is hardly ever the adjoint under this border.
        theirs = np.array([turned(e.reshape(out)).ravel() for e in np.eye(int(np.prod(out)))]).T
        wrong = not np.allclose(theirs, matrix.T)
        assert bool(diagnose(forward, turned, **spaces)) == wrong
        assert bool(diagnose(turned, forward, in_shape=out, out_shape=shape)) == wrong
