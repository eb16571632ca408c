"""Singular values over their number, eigenvalues in the plane."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _validate as validate
from ..analysis import Eigenvalues, singular_values
from ..errors import ShapeError
from ..operators import ConvOperator
from ..solution import Result
from ._axes import MARKERS, SERIES, one_axes


def spectrum(found: Any, axes: Any = None, label: str | None = None) -> Any:
    """Draw singular values, from the largest to the smallest, on a logarithmic scale, or eigenvalues
    in the complex plane.

    Draw on the same axes again to compare. Values that are not above their error lie in the gray
    band, or on its lower edge if they are zero.

    Parameters
    ----------
    found : Result, Spectrum, array-like, Conv or ConvTranspose
        What :func:`sparse_tconv.analysis.singular_values` gives, or numbers, or an operator, whose
        singular values are all computed; what :func:`sparse_tconv.analysis.eigenvalues` gives, or
        complex numbers, for the plane.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure, if not given.
    label : str, optional
        Of the line; the method, if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    ShapeError
        `found` is not one line of values.
    DTypeError
        `found` holds no numbers that the library computes with, or `axes` are none.
    GeometryError, MatrixTooLargeError
        For an operator, as for :func:`sparse_tconv.analysis.singular_values`.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from sparse_tconv import Conv, plotting
    >>> op = Conv([1.0, 2.0, 1.0], (32,), padding=1, channels=False)
    >>> axes = plotting.spectrum(op, label="zeros")
    >>> axes.get_ylabel(), axes.get_legend_handles_labels()[1]
    ('singular value', ['zeros'])
    >>> plotting.spectrum([[1.0, 2.0]])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.ShapeError: `found` must be one line of singular values; got an array of
        shape (1, 2). Pass what sparse_tconv.analysis.singular_values gives.
    """
    if isinstance(found, ConvOperator):
        found = singular_values(found)
    if not isinstance(found, Result) and hasattr(found, "values") and hasattr(found, "error"):
        found = Result(found.values, found.method, found.error)
    numbers = validate.constant_array("found", found)
    plane = isinstance(found, Eigenvalues) or np.iscomplexobj(numbers)
    values = numbers.astype(np.complex128 if plane else np.float64)
    if values.ndim != 1:
        raise ShapeError(
            f"`found` must be one line of singular values; got an array of shape {values.shape}. "
            "Pass what sparse_tconv.analysis.singular_values gives."
        )
    axes = one_axes(axes)
    name = label or (found.method if isinstance(found, Result) else None)
    series = len(axes.lines) % len(SERIES)
    style = {"color": SERIES[series], "marker": MARKERS[series], "markersize": 4, "linewidth": 1}
    if plane:
        axes.plot(values.real, values.imag, label=name, **{**style, "linestyle": "none"})
        axes.set(xlabel="real part", ylabel="imaginary part")
        axes.set_aspect("equal", adjustable="datalim")
        if name:
            axes.legend()
        return axes
    order = np.sort(values)[::-1]
    error = float(found.error) if isinstance(found, Result) else 0.0
    # Zero has no place on a logarithmic scale: it goes to the lower edge of the band.
    floor = max(error / 10, float(order.max(initial=0)) * 1e-18, np.finfo(float).tiny)
    axes.semilogy(np.arange(1, order.size + 1), np.maximum(order, floor), label=name, **style)
    if order.size and order[-1] <= error:
        axes.axhspan(floor, error, color="0.85", zorder=0)
    axes.set(xlabel="number", ylabel="singular value")
    if name:
        axes.legend()
    return axes
