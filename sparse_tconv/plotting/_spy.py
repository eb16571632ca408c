"""The matrix, entry by entry."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..analysis import rows
from ..operators import ConvOperator
from ..spectral import checked
from ._axes import one_axes

_EMPTY = "0.9"
_LONG = 3  # sides in this proportion are drawn in a square, so that the axes have room for words
_CELLS = 1200  # cells of the picture along a side; more rows and columns than that share them
_LINES = 40  # lines that do not yet cover the picture
_ENTRIES = 1 << 21  # entries that are read
_FAR, _RUNS = 64, 1 << 12  # rows that stand apart, each of which is read anew


def spy(op: ConvOperator, axes: Any = None) -> Any:
    """Draw the matrix: its values in color, lines between its blocks.

    Strong lines separate channels, thin ones the rows of the image (all positions of the last
    axis), as long as they do not cover the picture.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator, of any size. A large one is drawn in cells, each the largest of its entries;
        of a very large one some rows are read.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure, if not given.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    DTypeError
        `op` is not a Conv or ConvTranspose.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from sparse_tconv import Conv, plotting
    >>> axes = plotting.spy(Conv([[1.0, 2.0], [3.0, 4.0]], (5, 5), channels=False))
    >>> axes.get_xlabel()
    'input: 5 x 5 pixels'
    >>> plotting.spy([[1.0]])
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.DTypeError: `op` must be a Conv or ConvTranspose; got list. Make one with
        sparse_tconv.Conv(weight, in_shape).
    """
    checked(op)
    axes = one_axes(axes)
    cells = _cells(op)
    bound = float(np.nanmax(abs(cells), initial=0)) or 1.0
    extent = (-0.5, op.shape[1] - 0.5, op.shape[0] - 0.5, -0.5)
    image = axes.imshow(
        cells, cmap="PuOr", vmin=-bound, vmax=bound, extent=extent, interpolation="nearest"
    )
    label = "absolute value" if op.dtype.kind == "c" else "value"
    axes.figure.colorbar(image, ax=axes, label=label)
    axes.set_facecolor(_EMPTY)  # so that a small or zero value is seen where it is stored
    if max(op.shape) > _LONG * min(op.shape):
        axes.set_aspect("auto")
    axes.locator_params(integer=True, min_n_ticks=1)
    _lines(axes.axhline, op.out_shape, op.geometry.channels)
    _lines(axes.axvline, op.in_shape, op.geometry.channels)
    axes.set(
        xlabel=_label("input", op.in_shape, op.geometry.channels),
        ylabel=_label("output", op.out_shape, op.geometry.channels),
        title=f"{op.shape[0]:,} x {op.shape[1]:,}, {op.geometry.nnz:,} entries",
    )
    return axes


def _cells(op: ConvOperator) -> NDArray[np.float64]:
    """The matrix, or its cells: the entry largest in absolute value, NaN where none is stored."""
    size = tuple(min(count, _CELLS) for count in op.shape)
    numbers = _read(op, size[0])
    part = rows(op, numbers).tocoo()
    values = abs(part.data) if part.data.dtype.kind == "c" else part.data.astype(np.float64)
    place = (
        numbers[part.row] * size[0] // op.shape[0],
        part.col.astype(np.int64) * size[1] // op.shape[1],
    )
    largest, lowest = np.full(size, -np.inf), np.full(size, np.inf)
    np.maximum.at(largest, place, values)
    np.minimum.at(lowest, place, values)
    chosen = np.where(abs(lowest) > abs(largest), lowest, largest)
    return np.where(np.isfinite(chosen), chosen, np.nan)


def _read(op: ConvOperator, cells: int) -> NDArray[np.int64]:
    """The rows that are looked at: as many as are read in no time, evenly spread, and one for each
    row of cells.
    """
    rows_in_all = op.shape[0]
    count = min(_ENTRIES * rows_in_all // max(op.geometry.nnz, 1), _ENTRIES)
    if rows_in_all > _FAR * count:
        count = min(count, _RUNS)
    count = max(count, cells)
    if count >= rows_in_all:
        return np.arange(rows_in_all)
    return (2 * np.arange(count) + 1) * rows_in_all // (2 * count)


def _lines(draw: Any, shape: tuple[int, ...], channels: bool) -> None:
    """Lines between blocks, the coarse ones over the fine ones."""
    levels = [(shape[-1], {"color": "0.7", "linewidth": 0.5})] if len(shape) > 1 + channels else []
    if channels:
        levels.append(
            (prod(shape[1:]), {"color": "0.2", "linewidth": max(0.4, 1.2 - shape[0] / 20)})
        )
    for block, style in levels:
        if prod(shape) // block <= _LINES:
            for edge in range(block, prod(shape), block):
                draw(edge - 0.5, **style)


def _label(side: str, shape: tuple[int, ...], channels: bool) -> str:
    size = " x ".join(map(str, shape[1:] if channels else shape)) + " pixels"
    return (
        f"{side}: {shape[0]} channels of {size}" if channels and shape[0] > 1 else f"{side}: {size}"
    )
