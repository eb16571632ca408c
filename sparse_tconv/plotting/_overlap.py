"""How many taps meet in each pixel."""

from __future__ import annotations

from typing import Any

import numpy as np

from .. import _validate as validate
from ..analysis import overlap as count_overlap
from ..errors import GeometryError
from ..operators import ConvOperator
from ._axes import BLUE, one_axes

_WRITTEN = 16  # pixels along a side whose counts are written into them


def overlap(op: ConvOperator, axes: Any = None, side: str = "output") -> Any:
    """Draw how many taps meet in each pixel, where checkerboards come from.

    Parameters
    ----------
    op : Conv or ConvTranspose
        The operator, of one or two axes; of more, the middle of the first ones is drawn.
    axes : matplotlib.axes.Axes, optional
        Where to draw; a new figure, if not given.
    side : {'output', 'input'}
        The pixels of which side.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    GeometryError
        `side` is neither.
    DTypeError
        `op` is not a Conv or ConvTranspose.
    MissingExtraError
        matplotlib is not installed.

    See Also
    --------
    sparse_tconv.analysis.overlap : the counts.

    Examples
    --------
    >>> from sparse_tconv import ConvTranspose, plotting
    >>> op = ConvTranspose([[1.0] * 3] * 3, (4, 4), stride=2, channels=False)
    >>> plotting.overlap(op).get_title()
    'taps per pixel of the output, 1 to 4'
    >>> plotting.overlap(op, side="left")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `side` must be 'output' or 'input'; got 'left'. Leave it out
        for the output.
    """
    if not validate.is_word(side, ("output", "input")):
        raise GeometryError(
            f"`side` must be 'output' or 'input'; got {validate.written(side)}. Leave it out for the output."
        )
    found = count_overlap(op)
    counts = found.output if side == "output" else found.input
    title = f"taps per pixel of the {side}, {counts.min()} to {counts.max()}"
    middle = tuple(size // 2 for size in counts.shape[:-2])
    if middle:
        counts, title = counts[middle], f"{title}, in plane {', '.join(map(str, middle))}"
    axes = one_axes(axes)
    from matplotlib.ticker import MaxNLocator

    if counts.ndim == 1:
        axes.step(np.arange(counts.size), counts, where="mid", color=BLUE)
        axes.set(xlabel=f"pixel of the {side}", ylabel="taps", title=title)
        axes.set_ylim(0, counts.max() + 1)
        axes.locator_params(integer=True)
        return axes
    image = axes.imshow(counts, cmap="cividis", interpolation="nearest", vmin=0)
    whole = MaxNLocator(integer=True, min_n_ticks=1)
    axes.figure.colorbar(image, ax=axes, label="taps", ticks=whole)
    axes.locator_params(integer=True, min_n_ticks=1)
    if max(counts.shape) <= _WRITTEN:
        for place in np.ndindex(*counts.shape):
            dark = counts[place] < 0.5 * counts.max()
            style = {"ha": "center", "va": "center", "color": "white" if dark else "black"}
            axes.text(place[1], place[0], str(counts[place]), fontsize="medium", **style)
    axes.set(xlabel="column", ylabel="row", title=title)
    return axes
