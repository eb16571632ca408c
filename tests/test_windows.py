"""Windows: parts of C as convolutions of their own, against slices of the matrix."""

from __future__ import annotations

import numpy as np
import pytest
from factories import MODES

from sparse_tconv.geometry import (
    OUTSIDE,
    Axis,
    input_window,
    output_window,
    repetitions,
    source,
    stretches,
)
from sparse_tconv.pattern._rows import forward_rows


def dense(axis, taps):
    """The matrix of one axis."""
    rows = forward_rows(axis, 0, axis.n_out)
    matrix = np.zeros((axis.n_out, axis.n_in))
    owner = np.repeat(np.arange(axis.n_out), rows.counts)
    matrix[owner, rows.cols] = rows.sum_taps(taps, 0)
    return matrix


def random_axis(rng, mode):
    while True:
        n, k, s, d = (int(rng.integers(1, most)) for most in (9, 7, 5, 4))
        before, after = (int(p) for p in rng.integers(-3, 15, 2))
        n_out = (n + before + after - d * (k - 1) - 1) // s + 1
        if n_out >= 1:
            return Axis(n, n_out, k, s, d, before, mode)


@pytest.mark.parametrize("mode", MODES)
def test_stretches_repeat_what_the_boundary_says(mode):
    for n in range(1, 6):
        for start in range(-12, 8):
            for stop in range(start, 14):
                found = stretches(mode, n, start, stop)
                got = [
                    run.sample + step * run.step
                    for run in found
                    for step in range(run.stop - run.start)
                ]
                np.testing.assert_array_equal(got, source(mode, np.arange(start, stop), n))
                for run in found:
                    if run.sample != OUTSIDE:
                        taken = np.arange(n)[run.samples]
                        assert len(taken) == (run.stop - run.start if run.step else 1)
                        assert taken[0] == run.sample


@pytest.mark.parametrize("mode", MODES)
def test_rows_of_the_matrix_are_a_convolution_of_the_extended_window(mode, rng, settings_count):
    for _ in range(settings_count(500)):
        axis = random_axis(rng, mode)
        taps = rng.integers(1, 9, axis.k)
        start = int(rng.integers(axis.n_out))
        stop = int(rng.integers(start, axis.n_out)) + 1
        first, last, part = output_window(axis, start, stop)
        gather = np.zeros((last - first, axis.n_in))
        for run in stretches(axis.mode, axis.n_in, first, last):
            if run.sample != OUTSIDE:
                rows = np.arange(run.start, run.stop) - first
                gather[rows, np.arange(axis.n_in)[run.samples]] = 1
        np.testing.assert_array_equal(dense(part, taps) @ gather, dense(axis, taps)[start:stop])


@pytest.mark.parametrize("mode", MODES)
def test_columns_of_the_matrix_fold_from_their_repetitions(mode, rng, settings_count):
    for _ in range(settings_count(500)):
        axis = random_axis(rng, mode)
        taps = rng.integers(1, 9, axis.k)
        start = int(rng.integers(axis.n_in))
        stop = int(rng.integers(start, axis.n_in)) + 1
        columns = np.zeros((axis.n_out, stop - start))
        for run in repetitions(axis, start, stop):
            low, high, part = input_window(axis, run.start, run.stop)
            if part is not None:
                block = dense(part, taps)
                where = np.arange(axis.n_in)[run.samples] - start
                for position, sample in enumerate(np.broadcast_to(where, block.shape[1])):
                    columns[low:high, sample] += block[:, position]
        np.testing.assert_array_equal(columns, dense(axis, taps)[:, start:stop])
