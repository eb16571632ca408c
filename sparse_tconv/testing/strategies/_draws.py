"""Drawing the settings of a convolution: windows, padding in all its forms, channels and groups."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from ..._validate import PADDING_MODES, written
from ...errors import GeometryError

__all__ = ["Arguments", "check_max_axes", "resolved", "windows", "with_channels"]

Arguments = tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]
Pair = tuple[int, int]
Windows = tuple[list[int], list[int], list[int], Any, dict[str, Any]]

# The simplest first: examples shrink towards it.
MODES = PADDING_MODES


def check_max_axes(max_axes: Any) -> None:
    """Refuse a number of axes that is none."""
    if not isinstance(max_axes, int) or isinstance(max_axes, bool) or max_axes < 1:
        raise GeometryError(
            f"`max_axes` must be an int of at least 1; got {written(max_axes)}. Use 2."
        )


def windows(draw: st.DrawFn, max_axes: int) -> Windows:
    """Draw kernel, stride, dilation and padding, and the options that say so."""
    axes = draw(st.integers(1, max_axes))
    kernel = [draw(st.sampled_from([1, 2, 3, 4] if axes < 3 else [1, 2, 3])) for _ in range(axes)]
    stride = draw(_per_axis(st.integers(1, 4), axes))
    dilation = draw(_per_axis(st.integers(1, 3), axes))
    padding = draw(_paddings(axes))
    options: dict[str, Any] = {"flip": True} if draw(st.booleans()) else {}
    mode = draw(st.one_of(st.sampled_from(MODES), st.tuples(*[st.sampled_from(MODES)] * axes)))
    given = {"stride": (stride, 1), "dilation": (dilation, 1), "padding": (padding, 0)}
    options |= {name: value for name, (value, usual) in given.items() if value != usual}
    options |= {} if mode == "zeros" else {"padding_mode": mode}
    return kernel, _spread(stride, axes), _spread(dilation, axes), padding, options


def _per_axis(values: st.SearchStrategy[int], axes: int) -> st.SearchStrategy[Any]:
    """Return one int for all axes, or one per axis."""
    return st.one_of(values, st.tuples(*[values] * axes))


def _paddings(axes: int) -> st.SearchStrategy[Any]:
    """Return every form of padding, negative and wide ones too."""
    side = st.sampled_from([0, 1, 2, 3, 5, -1, -2])
    return st.one_of(
        st.sampled_from([0, 1, 2, 4]),
        st.tuples(*[side] * axes),
        st.tuples(*[st.tuples(side, side)] * axes),
        st.sampled_from(["same", "full", "valid"]),
    )


def _spread(value: Any, axes: int) -> list[int]:
    return [value] * axes if isinstance(value, int) else list(value)


def resolved(padding: Any, kernel: list[int], dilation: list[int]) -> list[Pair | None]:
    """Return the pair of every axis; None for 'same', whose pairs follow from the sizes."""
    if padding == "same":
        return [None] * len(kernel)
    if padding == "full":
        return [(d * (k - 1),) * 2 for k, d in zip(kernel, dilation, strict=True)]
    sides = _spread(0 if padding == "valid" else padding, len(kernel))
    return [(p, p) if isinstance(p, int) else p for p in sides]


def with_channels(
    draw: st.DrawFn,
    kernel: list[int],
    size: tuple[int, ...],
    options: dict[str, Any],
    *,
    transposed: bool,
) -> Arguments:
    """Draw channels and groups around the spatial axes, or none."""
    groups, own, other = draw(
        st.tuples(st.sampled_from([1, 1, 2, 3]), st.integers(1, 2), st.integers(1, 2))
    )
    # Drawn last, so that leaving the channels out does not count as the shorter example.
    if draw(st.sampled_from([False, False, False, True])):
        return tuple(kernel), size, {**options, "channels": False}
    if groups > 1:
        options = {**options, "groups": groups}
    weight_shape = (groups * own, other, *kernel)
    taken = groups * (own if transposed else other)
    return weight_shape, (taken, *size), options
