"""Integers as far as a program's integers go, in every argument: an answer, or an error of ours."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from cli_runs import ENVIRONMENT
from factories import MODES

import sparse_tconv as st
from sparse_tconv import analysis, inverse
from sparse_tconv.geometry import Axis
from sparse_tconv.pattern import axis_pattern
from sparse_tconv.testing import oracles

pytest.importorskip("dask.array")
pytest.importorskip("onnx")
torch = pytest.importorskip("torch")

from sparse_tconv.interop.torch import from_model, norm_bound  # noqa: E402

FAR = 2**36
BEYOND = [2**63, 10**30, -(10**30), 10**5000]


def test_random_draws_end_in_an_answer_or_in_an_error_of_ours(seed, settings_count):
    count = settings_count(5000)
    program = str(Path(__file__).with_name("extreme_draws.py"))
    answer = subprocess.run(
        [sys.executable, program, str(seed), str(count)],
        capture_output=True,
        text=True,
        env=ENVIRONMENT | {"OMP_NUM_THREADS": "1"},
        timeout=3000,
    )
    assert answer.stdout == f"{count} draws\n", answer.stdout + answer.stderr


@pytest.mark.parametrize("value", BEYOND, ids=lambda value: f"{value.bit_length()} bits")
@pytest.mark.parametrize("name", ["stride", "padding", "dilation", "groups", "in_shape"])
def test_what_no_machine_word_holds_is_refused_by_name(name, value):
    arguments = {"in_shape": (1, 5)} | {name: value}
    with pytest.raises(st.GeometryError, match=f"`{name}` must be .* bits"):
        st.Conv(np.ones((1, 1, 3)), **arguments)


@pytest.mark.parametrize("name", ["stride", "padding"])
@pytest.mark.parametrize("value", [(10**5000, 1, 1), [[[10**5000]]]], ids=["flat", "nested"])
def test_lists_of_what_python_does_not_write_are_refused_by_name(name, value):
    with pytest.raises(st.GeometryError, match=f"`{name}` must .*got"):
        st.Conv(np.ones((3, 3)), (5, 5), channels=False, **{name: value})


@pytest.mark.parametrize("engine", ["auto", "csr", "taps", "gemm", "fft"])
@pytest.mark.parametrize("mode", ["zeros", "circular", "reflect", "symmetric", "replicate"])
@pytest.mark.parametrize("before", [FAR, -FAR, FAR + 3, 2**45 + 1])
def test_far_pads_that_cancel_give_the_windows_that_they_leave(engine, mode, before, rng):
    x, w = rng.integers(-9, 9, 5).astype(float), rng.integers(-9, 9, 3).astype(float)
    op = st.Conv(
        w, 5, padding=((before, 2 - before),), padding_mode=mode, channels=False, engine=engine
    )
    period = {"circular": 5, "reflect": 8, "symmetric": 10}.get(mode)
    near = before if period is None else before % period + period
    near = int(np.clip(near, -30, 30)) if period is None else near
    extended = oracles.conv(x[None], w[None, None], padding=((near, 40),), padding_mode=mode)[0]
    np.testing.assert_allclose(op.apply(x), extended[:5], rtol=0, atol=1e-10)
    y = rng.integers(-9, 9, op.out_shape).astype(float)
    assert np.vdot(op.apply(x), y) == pytest.approx(np.vdot(x, op.T.apply(y)), abs=1e-9)


@pytest.mark.parametrize("engine", ["auto", "csr", "direct", "taps", "gemm", "fft"])
@pytest.mark.parametrize("mode", MODES)
def test_a_pad_far_wider_than_memory_is_refused_by_its_size(engine, mode):
    def product():
        op = st.Conv(
            [1.0, 2.0, 3.0], 5, padding=FAR, padding_mode=mode, channels=False, engine=engine
        )
        return op.apply(np.ones(5))

    message = "`padding` must repeat|must fit in the memory|`engine` must|must have at most"
    with pytest.raises(st.SparseTconvError, match=message):
        product()


@pytest.mark.parametrize("mode", ["zeros", "replicate"])
def test_windows_far_apart_take_no_memory_between_them(mode, rng):
    x, w = rng.standard_normal(5), rng.standard_normal(3)
    options = {"stride": 2**30, "padding": FAR, "padding_mode": mode, "channels": False}
    op = st.Conv(w, 5, **options, engine="csr")
    y = op.apply(x)
    assert y.shape == (2**7 + 1,)
    first, last = (0, 0) if mode == "zeros" else (x[0] * w.sum(), x[-1] * w.sum())
    middle = x[:3] @ w
    np.testing.assert_allclose(y, [first] * 64 + [middle] + [last] * 64)
    np.testing.assert_allclose(op.T.apply(y), op.matrix.T @ y)
    assert op.matrix.nnz == op.geometry.nnz


@pytest.mark.parametrize("mode", ["reflect", "symmetric"])
def test_entries_at_mirrored_borders_are_counted_as_they_are(mode, rng):
    for _ in range(200):
        n, k, s, d = (int(rng.integers(1, top)) for top in (9, 7, 6, 6))
        n_out, before = int(rng.integers(1, 60)), int(rng.integers(-20, 90))
        axis = Axis(n, n_out, k, s, d, before, mode)
        windows = np.arange(n_out)[:, None] * s - before + d * np.arange(k)
        period = 2 * n if mode == "symmetric" else max(2 * (n - 1), 1)
        phase = windows % period
        read = np.minimum(phase, (-1 - phase if mode == "symmetric" else -phase) % period)
        assert axis.nnz == sum(len(set(row)) for row in read.tolist())


def test_counting_a_mirrored_border_takes_no_time_of_its_size():
    g = st.ConvGeometry.from_conv(
        (3,), (2**40 + 1,), padding=2**40, padding_mode="reflect", channels=False
    )
    # Every window reads 3 samples, but the two that stand on a mirror read 2.
    assert g.nnz == 3 * (3 * 2**40 - 1) - 2


def test_counting_that_would_take_its_size_is_refused():
    g = st.ConvGeometry.from_conv(
        (2**40,), (2**40 + 1,), padding=2**40, padding_mode="reflect", channels=False
    )
    with pytest.raises(st.MatrixTooLargeError, match="`nnz` must be counted for at most"):
        _ = g.nnz


@pytest.mark.parametrize("value", [2**62, 2**60])
@pytest.mark.parametrize("name", ["stride", "padding", "dilation"])
def test_positions_beyond_an_address_space_are_refused(name, value):
    arguments = {"padding": 3, "padding_mode": "replicate"} | {name: value}
    if name != "padding":
        arguments["padding"] = ((value, value),)
    with pytest.raises(st.GeometryError, match=r"must keep an axis within 2\^59 positions"):
        st.Conv(np.ones(3), 5, channels=False, **arguments)


def test_a_huge_step_that_is_never_taken_is_none(rng):
    w = rng.standard_normal(3)
    op = st.Conv(w, 3, stride=2**62, channels=False)
    np.testing.assert_allclose(op.apply(w), [w @ w])
    assert st.Conv([2.0], 3, dilation=2**62, channels=False).apply(w).tolist() == (2 * w).tolist()


ONES = np.ones(3)
FOLDS = st.Conv(ONES, 5, padding=FAR, stride=FAR // 4, channels=False)
OF_EACH = st.LocalConv(
    np.ones((3, 9)), 5, padding=FAR, stride=FAR // 4, channels=False, engine="direct"
)
LONG = st.Conv(ONES, 2**45, channels=False)
APART = st.Conv(ONES, 2**47, stride=2**45, channels=False)
REFUSED = {
    "kernels": ("x", lambda: FOLDS.kernel_operator(np.ones(5)).apply(ONES)),
    "gradients": ("x", lambda: FOLDS.kernel_operator(np.ones(5)).T.apply(np.ones(9))),
    "samples": ("x", lambda: FOLDS.kernel_operator(np.ones(5)).matrix),
    "kernels of each": ("x", lambda: OF_EACH.kernel_operator(np.ones(5)).apply(OF_EACH.weight)),
    "gradients of each": ("x", lambda: OF_EACH.kernel_operator(np.ones(5)).T.apply(np.ones(9))),
    "samples of each": ("x", lambda: OF_EACH.kernel_operator(np.ones(5)).matrix),
    "products of each": ("x", lambda: OF_EACH.apply(np.ones(5))),
    "a slice": ("index", lambda: analysis.rows(LONG, slice(None))),
    "a range": ("index", lambda: analysis.columns(LONG, range(2**45 - 1, -1, -1))),
    "what was left out": ("x", lambda: st.Restriction((2**45,), slice(3)).T.apply(np.ones(3))),
    "a test vector": ("op", lambda: analysis.singular_values(st.Identity((2**40,)))),
    "nodes": ("nodes", lambda: inverse.problems.varying(32, nodes=2**40)),
    "a picture of a model": (
        "input_shape",
        lambda: from_model(torch.nn.Conv1d(2, 4, 3), (2, 2**62)),
    ),
    "counts": ("op", lambda: analysis.overlap(LONG)),
    "phases": ("op", lambda: analysis.checkerboard(APART)),
    "sums": ("op", lambda: analysis.gram_diagonal(LONG)),
    "vectors": (
        "op",
        lambda: analysis.spectral_norm(
            st.Conv(np.ones((3, 3)), (5, 2**40), padding=1, channels=False)
        ),
    ),
}


@pytest.mark.parametrize(("name", "call"), REFUSED.values(), ids=REFUSED)
def test_what_memory_does_not_hold_is_refused_before_it_is_begun(name, call):
    with pytest.raises(st.MatrixTooLargeError, match=f"`{name}` must fit in the memory"):
        call()


@pytest.mark.parametrize("op", [st.Conv(ONES, 5, padding=FAR, channels=False), APART.T])
def test_rows_of_endlessly_many_kinds_are_not_summed(op):
    with pytest.raises(st.MatrixTooLargeError, match=r"`op` must have at most .* kinds of rows"):
        analysis.norm(op, np.inf)


@pytest.mark.parametrize(
    "index", [range(3), range(4, 0, -2), range(-1, -4, -1), range(2, 2), range(10**30, 5)], ids=repr
)
def test_a_range_of_rows_is_those_rows(index):
    op = st.Conv([1.0, 2.0, 3.0], 7, channels=False)
    wanted = op.toarray()[np.array(index, dtype=int)]
    np.testing.assert_array_equal(analysis.rows(op, index).toarray(), wanted)
    np.testing.assert_array_equal(analysis.columns(op.T, index).toarray(), wanted.T)


@pytest.mark.parametrize("index", [range(2**62), range(-(10**30), 3), range(0, 6, 5)])
def test_a_range_beyond_the_matrix_is_refused(index):
    op = st.Conv([1.0, 2.0, 3.0], 7, channels=False)
    with pytest.raises(st.GeometryError, match="`index` must be between -5 and 4; got"):
        analysis.rows(op, index)


def test_places_far_apart_have_the_bound_of_places_side_by_side():
    weight = torch.arange(24.0).reshape(4, 2, 3)
    near = norm_bound(weight)
    assert norm_bound(weight, stride=2**62, dilation=2**62) == near
    with pytest.raises(st.GeometryError, match="`points` must make a grid of at most"):
        norm_bound(weight, points=2**31)
    with pytest.raises(st.GeometryError, match="`points` must be"):
        norm_bound(weight, stride=2, dilation=2**62)


def test_entries_beyond_a_machine_word_have_no_index():
    op = st.Conv(np.ones((1, 1)), (2**32, 2**32), channels=False)
    with pytest.raises(st.GeometryError, match="`index` must number entries of at most"):
        op.index(0, 0)


def test_positions_beyond_the_axis_that_memory_cannot_hold_are_refused():
    n = 2**45
    op = st.Conv(np.ones(3), n, padding=n - 1, padding_mode="reflect", channels=False)
    with pytest.raises(st.MatrixTooLargeError, match="`padding` must fit in the memory"):
        axis_pattern(op.geometry.axes[0], True)
    with pytest.raises(st.MatrixTooLargeError, match="`matrix` must fit in memory"):
        op.T.to_matrix(max_bytes=2**62)


BEYOND_SENSE = {
    "exponent": lambda op: op ** (2**31),
    "scalar": lambda op: op / 0,
    "n": lambda op: st.set_num_threads(2**62),
    "damp": lambda op: op.gram(1e200),
    "index": lambda op: analysis.rows(op, slice(0, 3, 0)),
    "side": lambda op: inverse.psf.gauss(1e308),
    "psf": lambda op: inverse.psf.motion(1e308),
    "rule": lambda op: inverse.deblur(np.eye(9), np.ones((3, 3)), rule=1e200),
    "sigma": lambda op: inverse.deblur(np.eye(9), np.ones((3, 3)), sigma=1e200),
}


@pytest.mark.parametrize("name", BEYOND_SENSE)
def test_numbers_that_nothing_can_be_computed_with_are_refused(name):
    op = st.Conv([1.0, 2.0, 1.0], 6, padding=1, channels=False)
    with pytest.raises(st.SparseTconvError, match=f"`{name}` must"):
        BEYOND_SENSE[name](op)


def test_so_large_a_damp_keeps_nothing(rng):
    op = st.Conv([1.0, 2.0, 1.0], 6, padding=1, channels=False)
    assert abs(inverse.tikhonov(op, rng.standard_normal(6), 1e200).x).max() < 1e-100


NARROWED = {
    "a convolution": lambda: st.Conv([300, -1], (3,), channels=False),
    "one kernel per position": lambda: st.LocalConv([[300] * 3], (3,), channels=False),
    "a diagonal": lambda: st.Diagonal([300, 2]),
    "a product": lambda: st.Diagonal([20, 2]) @ st.Diagonal([15, 2]),
    "samples": lambda: st.Conv([1, 1], (2,), channels=False).kernel_operator([300, 2]),
}


@pytest.mark.parametrize("make", NARROWED.values(), ids=NARROWED)
def test_a_matrix_in_a_narrower_type_holds_its_integers_or_is_refused(make):
    op = make()
    with pytest.raises(st.DTypeError, match=r"`dtype` must be able to hold .*300; got int8"):
        op.to_matrix(dtype=np.int8)
    narrower = op.to_matrix(dtype=np.int16)
    assert narrower.dtype == np.int16
    np.testing.assert_array_equal(narrower.toarray(), op.matrix.toarray())
