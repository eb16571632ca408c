"""The oracles against matrices written by hand, worked examples and each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sparse_tconv.errors import GeometryError, ShapeError
from sparse_tconv.testing import oracles, reference_cases

BARE = {"channels": False}
ONE = {"padding": 1}

BY_HAND: list[tuple[list[Any], tuple[int, ...], dict[str, Any], list[list[int]]]] = [
    ([1, 2], (3,), {}, [[1, 2, 0], [0, 1, 2]]),
    ([1, 2], (3,), {"flip": True}, [[2, 1, 0], [0, 2, 1]]),
    ([1, 2], (4,), {"stride": 2}, [[1, 2, 0, 0], [0, 0, 1, 2]]),
    ([1, 2], (4,), {"dilation": 3}, [[1, 0, 0, 2]]),
    ([1, 2, 4], (3,), {"padding": 1}, [[2, 4, 0], [1, 2, 4], [0, 1, 2]]),
    ([1, 2, 4], (3,), {**ONE, "padding_mode": "circular"}, [[2, 4, 1], [1, 2, 4], [4, 1, 2]]),
    ([1, 2, 4], (3,), {**ONE, "padding_mode": "reflect"}, [[2, 5, 0], [1, 2, 4], [0, 5, 2]]),
    ([1, 2, 4], (3,), {**ONE, "padding_mode": "symmetric"}, [[3, 4, 0], [1, 2, 4], [0, 1, 6]]),
    ([1, 2], (2,), {"padding": ((2, 0),), "padding_mode": "replicate"}, [[3, 0], [3, 0], [1, 2]]),
    ([1, 2], (4,), {"padding": ((-1, -1),)}, [[0, 1, 2, 0]]),
    # The whole axis is extended first, then the window starts later: it reads what was wrapped.
    (
        [1],
        (3,),
        {"padding": ((-2, 2),), "padding_mode": "circular"},
        [[0, 0, 1], [1, 0, 0], [0, 1, 0]],
    ),
]

ROW = np.ones((1, 3))
X33 = np.arange(9).reshape(3, 3)
K = [[0, 1], [2, 3]]
WORKED = [
    ([1, 1], [1, 1, 1], {}, [1, 2, 2, 1]),
    ([1, 1], [1, 1, 1], {"stride": 2}, [1, 1, 2, 1, 1]),
    ([1, 1], [1, 1, 1], {"stride": 4}, [1, 1, 1, 0, 1, 1, 1]),
    (K, K, {}, [[0, 0, 1], [0, 4, 6], [4, 12, 9]]),
    (K, K, {"padding": 1}, [[4]]),
    (K, K, {"stride": 2}, [[0, 0, 0, 1], [0, 0, 2, 3], [0, 2, 0, 3], [4, 6, 6, 9]]),
    (X33, K, {}, [[0, 0, 1, 2], [0, 5, 11, 11], [6, 23, 29, 23], [12, 32, 37, 24]]),
]


@pytest.mark.parametrize(("weight", "shape", "options", "rows"), BY_HAND)
def test_matrix_is_the_one_written_by_hand(
    weight: list[int], shape: tuple[int, ...], options: dict[str, Any], rows: list[list[int]]
) -> None:
    np.testing.assert_array_equal(oracles.matrix(weight, shape, **options, **BARE), rows)


@pytest.mark.parametrize(("x", "weight", "options", "due"), WORKED)
def test_conv_transpose_gives_the_worked_examples(
    x: Any, weight: Any, options: dict[str, Any], due: Any
) -> None:
    for function in (oracles.conv_transpose, oracles.conv_transpose_zero_insertion):
        np.testing.assert_array_equal(function(x, weight, **options, **BARE), due)


@pytest.mark.parametrize("case", reference_cases(), ids=lambda case: case.name)
def test_the_two_directions_are_transposes(case: Any) -> None:
    back = oracles.transpose_matrix(case.weight, case.out_shape, **case.transpose_options)
    np.testing.assert_array_equal(back, case.matrix.T)


@pytest.mark.parametrize("case", reference_cases(), ids=lambda case: case.name)
def test_zero_insertion_agrees_with_scattering(case: Any, rng: np.random.Generator) -> None:
    options = {**case.transpose_options}
    options.pop("padding_mode", None)
    y = rng.integers(-4, 5, case.out_shape)
    due = oracles.conv_transpose(y, case.weight, **options)
    got = oracles.conv_transpose_zero_insertion(y, case.weight, **options)
    np.testing.assert_array_equal(got, due)


def test_output_padding_beyond_the_stride_uses_the_first_rows() -> None:
    """Dilation 3, stride 1, output_padding 2: C has two rows more than y has entries."""
    weight = np.array([1, 2])
    back = oracles.transpose_matrix(weight, (2,), dilation=3, output_padding=2, **BARE)
    whole = oracles.matrix(weight, (7,), dilation=3, **BARE)
    np.testing.assert_array_equal(back, whole[:2].T)


def test_dtype_is_the_common_one_and_inputs_stay() -> None:
    x, weight = np.arange(4, dtype=np.float32), np.array([1j, 2])
    kept = x.copy()
    y = oracles.conv(x, weight, padding=1, **BARE)
    assert y.dtype == np.complex128
    np.testing.assert_array_equal(x, kept)


@pytest.mark.parametrize(
    ("call", "error", "match"),
    [
        (lambda: oracles.conv([1], [1, 1], **BARE), GeometryError, "at least 1 on every axis"),
        (lambda: oracles.conv_transpose([1], [1], padding=1, **BARE), GeometryError, "at least 1"),
        (lambda: oracles.conv(np.ones((2, 3)), np.ones((1, 1, 2))), ShapeError, "1 channels"),
        (lambda: oracles.conv(np.ones(3), np.ones((1, 1, 2))), ShapeError, "one sample"),
        (lambda: oracles.conv_transpose(ROW, np.ones((2, 1, 2))), ShapeError, "must have"),
        (lambda: oracles.conv(ROW, np.ones((1, 1, 2)), stride=(1, 2)), GeometryError, "axes"),
        (
            lambda: oracles.conv(ROW, np.ones((1, 1, 2)), padding=((1, 1), (1, 1))),
            GeometryError,
            "one pair per axis",
        ),
    ],
)
def test_what_does_not_fit_is_refused(call: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        call()
