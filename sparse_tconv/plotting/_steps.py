"""A transposed convolution in steps: the classical picture, for any parameters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .. import _validate as validate
from ..assembly import correlation_kernel
from ..errors import GeometryError, ShapeError
from ..geometry import Axis
from ..operators import Conv, ConvOperator
from ..spectral import checked
from ._axes import panels
from ._cells import Cells, draw

_MOST = 64  # samples along an axis that can still be seen


def steps(op: ConvOperator, y: ArrayLike | None = None, axes: Any = None) -> Any:
    """Draw how a transposed convolution computes: insert zeros, add a border, flip the kernel,
    slide.

    Parameters
    ----------
    op : ConvTranspose or Conv
        The operator, of one or two axes; for a Conv its transpose is drawn. Of channels, the first
        one given and the first one taken.
    y : array-like, optional
        What goes in, the spatial size; 1, 2, 3, ... if not given.
    axes : sequence of 5 matplotlib.axes.Axes, optional
        Where to draw, 6 if the border folds back; a new figure, if not given.

    Returns
    -------
    array of matplotlib.axes.Axes
        One for each step: the input, ``stride - 1`` zeros between its entries, a border of
        ``dilation * (k - 1) - padding`` (a negative one crops), the flipped kernel, the output.
        Under another border than zeros, the output on the extended axis, and then folded back.

    Raises
    ------
    GeometryError
        `op` has more than two axes, or too many samples.
    ShapeError
        `y` or `axes` does not fit.
    DTypeError
        `op` is not a Conv or ConvTranspose.
    MissingExtraError
        matplotlib is not installed.

    Examples
    --------
    >>> from sparse_tconv import ConvTranspose, plotting
    >>> op = ConvTranspose([[1, 2], [3, 4]], (2, 2), stride=2, channels=False)
    >>> [panel.get_title() for panel in plotting.steps(op)][:3]
    ['input 2 x 2', '1 zero between', 'border of 1']
    >>> plotting.steps(ConvTranspose([[[1]]], (2, 2, 2), channels=False))
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `op` must have one or two axes to be drawn; got 3. Draw one
        of its planes: pass a kernel of two axes.
    """
    checked(op)
    shown = _plane(op)
    _guard(shown)
    stages = _stages(shown, _input(shown, y))
    frame = tuple(max(sides) for sides in zip(*(c.values.shape for _, c in stages), strict=True))
    stacked = frame[0] == 1
    count = len(stages)
    width = min(max(0.4 * max(frame), 2.4), 3.4)
    figsize = (
        (min(2 + 0.5 * frame[1], 12), 1.1 * count) if stacked else (width * count, width + 0.3)
    )
    drawn = panels(axes, count, stacked, figsize=figsize)
    for panel, (title, cells) in zip(drawn, stages, strict=True):
        draw(panel, cells, frame)
        panel.set_title(title, fontsize="medium")
    return drawn


@dataclass(frozen=True, eq=False)
class Plane:
    """One channel: the axes as two, and the kernel, ready to correlate."""

    axes: tuple[Axis, ...]
    kernel: NDArray[Any]

    @property
    def size(self) -> tuple[int, ...]:
        """Size of what goes in."""
        return tuple(axis.n_out for axis in self.axes)


def _plane(op: ConvOperator) -> Plane:
    """The first channels; a line lies flat in a plane one row high."""
    g = op.geometry
    if len(g.axes) > 2:
        raise GeometryError(
            f"`op` must have one or two axes to be drawn; got {len(g.axes)}. "
            "Draw one of its planes: pass a kernel of two axes."
        )
    kernel = correlation_kernel(g, op.weight.conj() if op.conjugated else op.weight)[0, 0]
    if len(g.axes) == 1:
        return Plane((Axis(1, 1, 1, 1, 1, 0, "zeros"), *g.axes), kernel[None])
    return Plane(g.axes, kernel)


def _guard(plane: Plane) -> None:
    """Refuse what would be too small to see."""
    sides = [axis.last - axis.first + axis.dilation * (axis.k - 1) + 1 for axis in plane.axes]
    if max(sides) > _MOST:
        raise GeometryError(
            f"`op` must have at most {_MOST} samples along an axis, with its border, to be drawn; "
            f"got {max(sides)}. Draw one with the same kernel and a smaller `in_shape`."
        )


def _input(plane: Plane, y: ArrayLike | None) -> NDArray[Any]:
    """What goes in, as a plane."""
    if y is None:
        return np.arange(1, 1 + int(np.prod(plane.size))).reshape(plane.size)
    values = validate.numeric_array("y", y)
    if values.size != np.prod(plane.size) or values.shape not in (plane.size, plane.size[1:]):
        raise ShapeError(
            f"`y` must have the spatial size {_words(plane.size)} of one channel; got "
            f"{values.shape}. Leave it out for 1, 2, 3, ..."
        )
    return values.reshape(plane.size)


def _stages(plane: Plane, y: NDArray[Any]) -> list[tuple[str, Cells]]:
    """Title and cells of each panel."""
    folds = any(axis.mode != "zeros" for axis in plane.axes)
    inserted = _inserted(plane, y)
    bordered, front = _bordered(plane, inserted, folds)
    extended = _product(plane, y, folds)
    shown = _shown(plane, extended.shape, bordered)
    kernel = plane.kernel[::-1, ::-1]
    stages = [
        (f"input {_words(y.shape)}", Cells.data(y)),
        (_between(plane), inserted),
        (_border_words(plane, front, bordered, inserted), bordered),
        ("flipped kernel slides", bordered.under(_window(plane, shown), kernel)),
        (f"output {_words(extended.shape)}", Cells.data(extended).marked(shown)),
    ]
    if not folds:
        return stages
    folded = _product(plane, y, False)
    words = f"on the extended axes {_words(extended.shape)}"
    stages[-1] = (words, Cells.data(extended).marked(shown))
    return [*stages, (f"border folded back, {_words(folded.shape)}", Cells.data(folded))]


def _inserted(plane: Plane, y: NDArray[Any]) -> Cells:
    """The input with stride - 1 zeros between its entries."""
    steps = tuple(slice(None, None, axis.stride) for axis in plane.axes)
    size = tuple((axis.n_out - 1) * axis.stride + 1 for axis in plane.axes)
    values, kind = np.zeros(size, dtype=y.dtype), np.full(size, Cells.BETWEEN)
    values[steps], kind[steps] = y, Cells.DATA
    return Cells(values, kind)


def _bordered(plane: Plane, inserted: Cells, folds: bool) -> tuple[Cells, tuple[int, ...]]:
    """With the border through which the flipped kernel slides, and its width in front."""
    pads = []
    for axis, size in zip(plane.axes, inserted.values.shape, strict=True):
        reach = axis.dilation * (axis.k - 1)
        front = reach if folds else reach - axis.before
        pads.append((front, _extended(axis, folds) + reach - size - front))
    return inserted.padded(pads), tuple(front for front, _ in pads)


def _extended(axis: Axis, folds: bool) -> int:
    """Positions that the windows read, or samples of the axis."""
    return axis.last - axis.first + 1 if folds else axis.n_in


def _product(plane: Plane, y: NDArray[Any], extended: bool) -> NDArray[Any]:
    """What comes out, on the extended axes or folded back."""
    padding = [(0, 0) if extended else (a.before, a.last + 1 - a.n_in) for a in plane.axes]
    op = Conv(
        plane.kernel,
        tuple(_extended(axis, extended) for axis in plane.axes),
        stride=tuple(axis.stride for axis in plane.axes),
        padding=padding,
        dilation=tuple(axis.dilation for axis in plane.axes),
        padding_mode=tuple(axis.mode for axis in plane.axes),
        channels=False,
    )
    return op.T.apply(y)


def _shown(plane: Plane, size: tuple[int, ...], bordered: Cells) -> tuple[int, ...]:
    """The pixel whose computation is drawn: of those with most data under the kernel, the middle
    one.
    """

    def key(place: tuple[int, ...]) -> tuple[int, float]:
        kinds = [bordered.kinds[cell] for cell in _window(plane, place)]
        away = sum(abs(p - (n - 1) / 2) for p, n in zip(place, size, strict=True))
        return kinds.count(Cells.DATA), -away

    return max(np.ndindex(*size), key=key)


def _window(plane: Plane, place: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Cells under the flipped kernel when it computes a pixel."""
    taps = np.ndindex(*plane.kernel.shape)
    steps = [axis.dilation for axis in plane.axes]
    return [tuple(p + t * d for p, t, d in zip(place, tap, steps, strict=True)) for tap in taps]


def _words(size: tuple[int, ...]) -> str:
    """'3 x 4'; a line is as long as it is."""
    return str(size[1]) if size[0] == 1 else f"{size[0]} x {size[1]}"


def _between(plane: Plane) -> str:
    zeros = [axis.stride - 1 for axis in plane.axes if axis.n_out > 1] or [0]
    if len(set(zeros)) > 1:
        return f"{zeros[0]} and {zeros[1]} zeros between"
    return "1 zero between" if zeros[0] == 1 else f"{zeros[0] or 'no'} zeros between"


def _border_words(plane: Plane, front: tuple[int, ...], bordered: Cells, inserted: Cells) -> str:
    """'border of 2', or in front and behind where they differ, axis by axis; negative ones crop."""
    sizes = zip(front, bordered.values.shape, inserted.values.shape, plane.axes, strict=True)
    pads = [(f, b - i - f) for f, b, i, axis in sizes if (axis.n_in, axis.n_out) != (1, 1)]
    amounts = {amount for pair in pads for amount in pair}
    if len(amounts) <= 1:
        amount = amounts.pop() if amounts else 0
        return f"border of {amount}" if amount >= 0 else f"crop of {-amount}"
    words = dict.fromkeys("{} and {}".format(*pair) for pair in pads)
    return "border of " + "; ".join(words)
