"""Pictures of how a damp was chosen."""

from __future__ import annotations

import sys

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.figure import Figure

import sparse_tconv as st
from sparse_tconv.inverse import discrepancy, gcv, lcurve, picard, problems
from sparse_tconv.plotting import _solution as plotting

mpl.use("Agg")
P = problems.deconvolution(inverse_crime=True)


def test_the_mark_stands_on_the_curve_at_the_damp():
    found = gcv(P.op, P.y)
    axes = plotting.gcv(found, Figure().subplots())
    curve, mark = axes.lines
    np.testing.assert_array_equal(curve.get_xdata(), found.damps)
    assert mark.get_xdata()[0] == found.damp
    assert found.values.min() <= mark.get_ydata()[0] <= found.values.max()


def test_an_l_curve_is_norm_over_norm():
    found = lcurve(P.op, P.y)
    axes = plotting.lcurve(found, Figure().subplots())
    curve, mark = axes.lines
    np.testing.assert_array_equal(curve.get_xdata(), found.residual_norms)
    np.testing.assert_array_equal(curve.get_ydata(), found.solution_norms)
    corner = np.argmin(abs(np.log(found.damps / found.damp)))
    assert mark.get_xdata()[0] == found.residual_norms[corner]
    assert axes.get_xscale() == axes.get_yscale() == "log"


def test_a_discrepancy_shows_its_target():
    found = discrepancy(P.op, P.y, P.noise_norm)
    lines = plotting.discrepancy(found, Figure().subplots()).lines
    assert lines[1].get_ydata()[0] == found.target
    assert (lines[2].get_xdata()[0], lines[2].get_ydata()[0]) == (found.damp, found.target)


def test_a_picard_plot_has_three_series():
    found = picard(P.op, P.y)
    axes = plotting.picard(found, Figure().subplots())
    for line, series in zip(
        axes.lines, (found.values, found.coefficients, found.ratios), strict=True
    ):
        np.testing.assert_array_equal(line.get_ydata(), series)
    assert len(axes.get_legend().get_texts()) == 3


def test_a_figure_is_made_where_none_is_given(monkeypatch):
    import matplotlib.pyplot as plt

    axes = plotting.gcv(gcv(P.op, P.y))
    assert axes.figure is plt.gcf()
    plt.close(axes.figure)
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(st.MissingExtraError, match=r"pip install 'sparse_tconv\[plot\]'"):
        plotting.gcv(gcv(P.op, P.y))


@pytest.mark.parametrize("name", ["lcurve", "gcv", "discrepancy", "picard"])
def test_something_else_is_refused_by_name(name):
    with pytest.raises(st.DTypeError, match=f"sparse_tconv.inverse.{name} gives"):
        getattr(plotting, name)(3.0)
