"""Where pictures are drawn: the axes given, or those of a new figure."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError, MissingExtraError, ShapeError

# Okabe and Ito's colors, told apart under every kind of color blindness.
BLUE, VERMILION = "#0072B2", "#D55E00"
SERIES = (BLUE, VERMILION, "#009E73", "#E69F00", "#CC79A7", "#000000")
MARKERS = (".", "x", "+", "1", "2", "|")  # the same series without color


def one_axes(axes: Any, **figure: Any) -> Any:
    """The axes given, or those of a new figure."""
    if axes is None:
        return _pyplot().subplots(layout="constrained", **figure)[1]
    if not hasattr(axes, "plot"):
        raise DTypeError(
            f"`axes` must be matplotlib axes; got {type(axes).__name__}. Leave it out for a new figure."
        )
    return axes


def panels(axes: Any, count: int, stacked: bool, **figure: Any) -> Any:
    """The axes given, if they are as many, or those of a new figure: side by side, or stacked."""
    if axes is None:
        grid = (count, 1) if stacked else (1, count)
        return _pyplot().subplots(*grid, layout="constrained", **figure)[1]
    given = np.asarray(axes, dtype=object).reshape(-1)
    if given.size != count:
        raise ShapeError(
            f"`axes` must be {count} matplotlib axes for this picture; got {given.size}. "
            "Leave it out for a new figure."
        )
    return given


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError as error:
        raise MissingExtraError(
            "`plotting` must have matplotlib; it is not installed. "
            "Run: pip install 'sparse_tconv[plot]'"
        ) from error
    return plt
