"""Strategies for the arguments of convolutions, and for geometries."""

from __future__ import annotations

from hypothesis import strategies as st

from ...geometry import ConvGeometry
from ._draws import Arguments, check_max_axes, resolved, windows, with_channels

__all__ = ["conv_arguments", "conv_transpose_arguments", "geometries"]


def conv_arguments(*, max_axes: int = 3) -> st.SearchStrategy[Arguments]:
    """Return a strategy for ``(weight_shape, in_shape, options)`` of a `Conv`.

    Parameters
    ----------
    max_axes : int, default 3
        Most spatial axes.

    Returns
    -------
    SearchStrategy
        Of shape of the weight, shape of one sample, and keyword arguments; the output is never
        empty.

    Raises
    ------
    GeometryError
        When `max_axes` is not an int of at least 1.

    Examples
    --------
    >>> from sparse_tconv.testing import strategies
    >>> arguments = strategies.conv_arguments(max_axes=2)
    >>> strategies.conv_arguments(max_axes=0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `max_axes` must be an int of at least 1; got 0. Use 2.
    """
    check_max_axes(max_axes)
    return _conv_arguments(max_axes)


def conv_transpose_arguments(*, max_axes: int = 3) -> st.SearchStrategy[Arguments]:
    """Return a strategy for ``(weight_shape, in_shape, options)`` of a `ConvTranspose`.

    Parameters
    ----------
    max_axes : int, default 3
        Most spatial axes.

    Returns
    -------
    SearchStrategy
        As `conv_arguments`; options may hold output_padding, up to its limit, or output_size.

    Raises
    ------
    GeometryError
        When `max_axes` is not an int of at least 1.

    Examples
    --------
    >>> from sparse_tconv.testing import strategies
    >>> arguments = strategies.conv_transpose_arguments(max_axes=2)
    >>> strategies.conv_transpose_arguments(max_axes=0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `max_axes` must be an int of at least 1; got 0. Use 2.
    """
    check_max_axes(max_axes)
    return _conv_transpose_arguments(max_axes)


def geometries(*, max_axes: int = 3) -> st.SearchStrategy[ConvGeometry]:
    """Return a strategy for `ConvGeometry`, made from either direction.

    Parameters
    ----------
    max_axes : int, default 3
        Most spatial axes.

    Returns
    -------
    SearchStrategy
        Of ConvGeometry.

    Raises
    ------
    GeometryError
        When `max_axes` is not an int of at least 1.

    Examples
    --------
    >>> from sparse_tconv.testing import strategies
    >>> geometries = strategies.geometries(max_axes=1)
    >>> strategies.geometries(max_axes=0)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `max_axes` must be an int of at least 1; got 0. Use 2.
    """
    forward, backward = (
        conv_arguments(max_axes=max_axes),
        conv_transpose_arguments(max_axes=max_axes),
    )
    return st.one_of(
        forward.map(lambda given: ConvGeometry.from_conv(given[0], given[1], **given[2])),
        backward.map(
            lambda given: ConvGeometry.from_conv_transpose(given[0], given[1], **given[2])
        ),
    )


@st.composite
def _conv_arguments(draw: st.DrawFn, max_axes: int) -> Arguments:
    kernel, _, dilation, padding, options = windows(draw, max_axes)
    size = []
    for k, d, pair in zip(kernel, dilation, resolved(padding, kernel, dilation), strict=True):
        # 'same' (no pair yet) never leaves an axis empty.
        least = 1 if pair is None else max(1, d * (k - 1) + 1 - sum(pair))
        size.append(least + draw(st.integers(0, 4)))
    return with_channels(draw, kernel, tuple(size), options, transposed=False)


@st.composite
def _conv_transpose_arguments(draw: st.DrawFn, max_axes: int) -> Arguments:
    kernel, stride, dilation, padding, options = windows(draw, max_axes)
    pairs = resolved(padding, kernel, dilation)
    extra = [
        0 if pair is None else draw(st.integers(0, max(s, d) - 1))
        for s, d, pair in zip(stride, dilation, pairs, strict=True)
    ]
    size, out = [], []
    for k, s, d, pair, op in zip(kernel, stride, dilation, pairs, extra, strict=True):
        reach = d * (k - 1) + 1 + op - (0 if pair is None else sum(pair))
        n = max(1, 1 - (reach - 1) // s) + draw(st.integers(0, 3))
        size.append(n)
        out.append((n - 1) * s + reach)
    below = all(op < s for op, s in zip(extra, stride, strict=True)) and padding != "same"
    if below and draw(st.booleans()):
        options["output_size"] = tuple(out)
    elif any(extra):
        options["output_padding"] = tuple(extra)
    return with_channels(draw, kernel, tuple(size), options, transposed=True)
