"""Windows: parts of C as convolutions of their own, against slices of the matrix."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from factories import MODES

from sparse_tconv.geometry import (
    Axis,
    Stretch,
    input_window,
    output_window,
    phases,
    repetitions,
    stretches,
)
from sparse_tconv.pattern import forward_rows
from sparse_tconv.testing.oracles import extension_matrix


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


def held(stretch, n):
    """Positions of a stretch by samples, written out."""
    matrix = np.zeros((stretch.stop - stretch.start, n))
    for i in range(len(matrix)):
        factor = stretch.coefficient + stretch.slope * i
        matrix[i, stretch.sample + stretch.step * i] = factor
    return matrix


@pytest.mark.parametrize("mode", MODES)
def test_stretches_repeat_what_the_boundary_says(mode):
    for n in range(1, 6):
        for start in range(-12, 8):
            for stop in range(start, 14):
                got = np.zeros((stop - start, n))
                for run in stretches(mode, n, start, stop):
                    got[run.moved(-start).places] += held(run, n)
                np.testing.assert_array_equal(got, extension_matrix(mode, n, start, stop))


def test_parts_of_a_stretch_hold_what_it_holds_there(rng):
    n = 9
    for _ in range(300):
        step, slope = int(rng.integers(-1, 2)), int(rng.integers(-2, 3))
        sample, start = int(rng.integers(n)), int(rng.integers(-9, 9))
        room = {1: n - sample, -1: sample + 1, 0: n}[step]
        stop = start + int(rng.integers(1, room + 1))
        run = Stretch(start, stop, sample, step, int(rng.integers(-3, 4)), slope)
        np.testing.assert_array_equal(
            np.arange(n)[run.samples],
            np.flatnonzero(held(replace(run, coefficient=1, slope=0), n).any(0))[:: step or 1],
        )
        np.testing.assert_array_equal(
            np.broadcast_to(run.factors, stop - start), held(run, n).sum(1)
        )
        low, high = sorted(int(p) for p in rng.integers(-12, 20, 2))
        part = run.between(low, high)
        inside = [p for p in range(start, stop) if low <= p < high]
        assert (part is None) == (not inside)
        if part is not None:
            assert list(range(part.start, part.stop)) == inside
            np.testing.assert_array_equal(
                held(part, n), held(run, n)[inside[0] - start : inside[-1] + 1 - start]
            )
        low, high = sorted(int(p) for p in rng.integers(0, n + 1, 2))
        part = run.of_samples(low, high)
        reached = [i for i in range(stop - start) if low <= sample + step * i < high]
        assert (part is None) == (not reached)
        if part is not None:
            np.testing.assert_array_equal(held(part, n), held(run, n)[reached])
            assert part.start == start + reached[0]


def test_the_phases_of_an_axis_are_its_matrix_both_ways(rng):
    for _ in range(300):
        axis = random_axis(rng, "zeros")
        taps = rng.integers(1, 9, axis.k)
        there = np.zeros((axis.n_out, axis.n_in))
        read = []
        for phase in phases(axis):
            read += phase.taps
            assert phase.taps == tuple(sorted(phase.taps))
            for tap, shift in zip(phase.taps, phase.shifts, strict=True):
                first, last = phase.meeting(shift)
                if first < last:
                    places = np.arange(axis.n_in)[phase.positions(first + shift, last + shift)]
                    there[np.arange(first, last), places] += taps[tap]
        assert sorted(read) == list(range(axis.k))
        np.testing.assert_array_equal(there, dense(axis, taps))


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
            gather[run.moved(-first).places] += held(run, axis.n_in)
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
                block = dense(part, taps) * np.asarray(run.factors)
                where = np.arange(axis.n_in)[run.samples] - start
                for position, sample in enumerate(np.broadcast_to(where, block.shape[1])):
                    columns[low:high, sample] += block[:, position]
        np.testing.assert_array_equal(columns, dense(axis, taps)[:, start:stop])
