"""Pictures of operators: what is drawn is what the operator computes."""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure
from spectra import random_operator

import sparse_tconv as st
from sparse_tconv import analysis, plotting
from sparse_tconv.plotting._steps import _plane, _stages

mpl.use("Agg")


def axes():
    return Figure().subplots()


def test_a_spy_shows_every_entry(settings_count, rng):
    for _ in range(settings_count(60)):
        op = random_operator(rng)
        cells = plotting.spy(op, axes()).images[0].get_array()
        matrix = op.matrix.toarray()
        wanted = abs(matrix) if op.dtype.kind == "c" else matrix
        np.testing.assert_array_equal(np.ma.filled(cells, 0), wanted)
        assert np.ma.count(cells) == op.geometry.nnz


def test_a_large_matrix_is_drawn_in_cells():
    op = st.Conv(np.array([[[3.0, -7.0]], [[1.0, 2.0]]]), (1, 5000), stride=1)
    cells = plotting.spy(op, axes()).images[0].get_array()
    assert cells.shape == (1200, 1200)
    assert cells.min() == -7


def test_of_a_very_large_matrix_some_rows_are_read():
    op = st.Conv(np.arange(9.0).reshape(3, 3), (10**5, 10**5), padding=1, channels=False)
    cells = plotting.spy(op, axes()).images[0].get_array()
    assert cells.shape == (1200, 1200)
    assert not np.ma.getmaskarray(cells).diagonal().any()
    assert set(np.unique(cells.compressed())) <= set(range(9))


def test_block_lines_stand_between_channels():
    op = st.Conv(np.ones((3, 2, 3, 3)), (2, 5, 4), padding=1)
    drawn = plotting.spy(op, axes())
    horizontal = {line.get_ydata()[0] for line in drawn.lines if len(set(line.get_ydata())) == 1}
    assert {19.5, 39.5} <= horizontal
    assert 3.5 in horizontal
    assert drawn.get_ylabel() == "output: 3 channels of 5 x 4 pixels"


@pytest.mark.parametrize("side", ["output", "input"])
@pytest.mark.parametrize("size", [(6,), (6, 5), (3, 6, 5)])
def test_overlap_draws_the_counts(side, size):
    op = st.ConvTranspose(np.ones((3,) * len(size)), size, stride=2, channels=False)
    counts = getattr(analysis.overlap(op), side)
    drawn = plotting.overlap(op, axes(), side)
    if len(size) == 1:
        np.testing.assert_array_equal(drawn.lines[0].get_ydata(), counts)
    else:
        shown = counts if len(size) == 2 else counts[len(counts) // 2]
        np.testing.assert_array_equal(drawn.images[0].get_array(), shown)
    assert side in drawn.get_title()


def test_a_spectrum_falls_and_zero_values_lie_in_the_band():
    op = st.Conv([1.0, -1.0], (8,), padding=((0, 1),), padding_mode="circular", channels=False)
    found = analysis.singular_values(op)
    drawn = plotting.spectrum(found, axes())
    plotting.spectrum(op.with_weight([2.0, 1.0]), drawn, "second")
    first, second = drawn.lines
    np.testing.assert_array_equal(first.get_ydata()[:-1], found.value[:-1])
    assert 0 < first.get_ydata()[-1] <= found.error
    assert first.get_color() != second.get_color()
    assert first.get_marker() != second.get_marker()
    assert [text.get_text() for text in drawn.get_legend().get_texts()] == ["circular", "second"]
    assert len(drawn.patches) == 1


def test_eigenvalues_lie_in_the_plane():
    op = st.Conv([1.0, 2.0, 0.5], (9,), padding=1, padding_mode="circular", channels=False)
    for found in (analysis.eigenvalues(op), analysis.eigenvalues(op).value):
        drawn = plotting.spectrum(found, axes())
        line = drawn.lines[0]
        np.testing.assert_array_equal(line.get_xdata() + 1j * line.get_ydata(), np.asarray(found))
        assert drawn.get_xlabel() == "real part"
    hermitian = analysis.eigenvalues(st.Conv([1.0, 3.0, 1.0], (5,), padding=1, channels=False))
    assert not plotting.spectrum(hermitian, axes()).lines[0].get_ydata().any()


def test_a_spectrum_may_be_plain_numbers():
    from sparse_tconv.spectral import spectrum

    op = st.Conv([1.0, 2.0], (4,), channels=False)
    for found in (spectrum(op), spectrum(op).values, op):
        drawn = plotting.spectrum(found, axes()).lines[0].get_ydata()
        np.testing.assert_array_equal(drawn, spectrum(op).values)


def stages_of(op):
    plane = _plane(op)
    y = np.arange(1.0, 1 + np.prod(plane.size)).reshape(plane.size)
    return plane, y, _stages(plane, y)


def test_the_steps_end_in_the_product(settings_count, rng):
    for _ in range(settings_count(300)):
        op = random_operator(rng)
        if len(op.geometry.axes) > 2:
            continue
        conv = op if isinstance(op, st.Conv) else op.T
        _, y, stages = stages_of(op)
        weight = np.zeros_like(conv.weight)
        weight[0, 0] = conv.weight[0, 0].conj() if op.conjugated else conv.weight[0, 0]
        data = np.zeros(conv.out_shape)
        data[0] = y.reshape(conv.out_shape[1:])
        alone = st.Conv(
            weight[:1, :1],
            (1, *conv.in_shape[1:]),
            stride=conv.geometry.stride,
            padding=[(a.before, a.last + 1 - a.n_in) for a in conv.geometry.axes],
            dilation=conv.geometry.dilation,
            padding_mode=conv.geometry.padding_mode,
            flip=conv.geometry.flip,
        )
        wanted = alone.T.apply(data[:1])[0]
        np.testing.assert_allclose(stages[-1][1].values.reshape(wanted.shape), wanted, 1e-13, 1e-13)


def test_the_flipped_kernel_over_the_border_gives_each_pixel(settings_count, rng):
    """What is drawn as a window is what the pixel is made of."""
    for _ in range(settings_count(300)):
        op = random_operator(rng)
        if len(op.geometry.axes) > 2:
            continue
        _, _, stages = stages_of(op)
        under, out = stages[3][1], stages[4][1]
        total = sum(under.values[place] * tap for place, tap in under.taps)
        np.testing.assert_allclose(total, out.values[out.mark], 1e-12, 1e-12)


def test_steps_are_titled_with_their_amounts():
    op = st.ConvTranspose(np.ones((3, 3)), (3, 3), stride=2, padding=1, channels=False)
    titles = [panel.get_title() for panel in plotting.steps(op, axes=Figure().subplots(1, 5))]
    assert titles == [
        "input 3 x 3",
        "1 zero between",
        "border of 1",
        "flipped kernel slides",
        "output 5 x 5",
    ]
    cropped = st.ConvTranspose(np.ones(2), (4,), padding=2, channels=False)
    assert plotting.steps(cropped)[2].get_title() == "crop of 1"
    uneven = st.ConvTranspose(
        np.ones((3, 2)), (4, 3), stride=(1, 3), padding=((1, 0), (2, 1)), channels=False
    )
    titles = [panel.get_title() for panel in plotting.steps(uneven)]
    assert titles[1:3] == ["0 and 2 zeros between", "border of 1 and 2; -1 and 0"]
    folded = st.ConvTranspose(np.ones(3), (4,), padding=1, padding_mode="circular", channels=False)
    assert plotting.steps(folded, [1, 0, 0, 0])[5].get_title() == "border folded back, 4"


def test_arguments_are_checked():
    op = st.ConvTranspose(np.ones((3, 3)), (3, 3), channels=False)
    with pytest.raises(st.ShapeError, match="`axes` must be 5 matplotlib axes"):
        plotting.steps(op, axes=[axes()])
    with pytest.raises(st.ShapeError, match="`y` must have the spatial size 3 x 3"):
        plotting.steps(op, np.ones((2, 3)))
    with pytest.raises(st.GeometryError, match="`op` must have at most 64 samples along an axis"):
        plotting.steps(st.ConvTranspose(np.ones(3), (100,), channels=False))
    for draw in (plotting.spy, plotting.overlap, plotting.steps):
        with pytest.raises(st.DTypeError, match="`op` must be a Conv or ConvTranspose; got int"):
            draw(3)


def test_without_matplotlib_the_message_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    op = st.ConvTranspose(np.ones((3, 3)), (3, 3), channels=False)
    for draw in (plotting.spy, plotting.overlap, plotting.steps, plotting.spectrum):
        with pytest.raises(st.MissingExtraError, match=r"pip install 'sparse_tconv\[plot\]'"):
            draw(op)
