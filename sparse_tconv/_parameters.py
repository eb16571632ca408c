"""The text on parameters that several docstrings share, written once.

A docstring names a fragment as ``{name}`` on a line of its own; :func:`documented` puts the
fragment there.
"""

from __future__ import annotations

from collections.abc import Callable
from textwrap import dedent, indent
from typing import Any, TypeVar

Documented = TypeVar("Documented", bound=Callable[..., Any])

_FRAGMENTS = {
    "conv_weight": """
        weight : array-like, (C_out, C_in // groups, *kernel_size)
            The kernel; ``kernel_size`` alone with ``channels=False``. Integers, float32, float64,
            longdouble, or their complex kin. Never modified.
        in_shape : tuple of int
            Shape of one sample, ``(C_in, *size)``, without a batch axis; ``size`` alone with
            ``channels=False``.
    """,
    "transpose_weight": """
        weight : array-like, (C_in, C_out // groups, *kernel_size)
            The kernel, the same array as of the convolution whose transpose this is;
            ``kernel_size`` alone with ``channels=False``. Integers, float32, float64, longdouble,
            or their complex kin. Never modified.
        in_shape : tuple of int
            Shape of one sample, ``(C_in, *size)``, without a batch axis; ``size`` alone with
            ``channels=False``.
    """,
    "stride_padding": """
        stride : int or tuple of int, default 1
            Step between windows, at least 1.
        padding : int, tuple of int, tuple of pairs, 'valid', 'full' or 'same', default 0
            Amount on both sides of every axis; one amount per axis; or one ``(before, after)`` pair
            per axis, nested also in one dimension. Negative amounts crop. 'full' is ``dilation *
            (kernel_size - 1)`` on both sides; 'same' makes the convolution's output ``ceil(size /
            stride)``, the odd one behind, or in front with ``flip=True``.
    """,
    "output_padding": """
        output_padding : int or tuple of int, default 0
            Added to the output size, less than ``max(stride, dilation)``: which of the sizes that
            the convolution maps to this input's is meant.
        output_size : int or tuple of int, optional
            The spatial size wanted, instead of ``output_padding``.
    """,
    "dilation": """
        dilation : int or tuple of int, default 1
            Step between taps, at least 1.
    """,
    "groups": """
        groups : int, default 1
            Divides both channel counts; output channels of a group read its input channels only.
    """,
    "mode_flip_channels": """
        padding_mode : str or tuple of str, default 'zeros'
            What lies outside the convolution's input, one for all axes or one per axis: 'zeros',
            'circular', 'reflect' (whole-sample), 'symmetric' (half-sample), 'replicate';
            numpy.pad's constant, wrap, reflect, symmetric, edge. Or 'antireflect' (``2 x[0] -
            x[j]``, numpy.pad's odd reflect), 'antisymmetric' (``-x[j-1]``), 'smooth' (the line
            through the last two samples); j counts outward.
        flip : bool, default False
            Flip the kernel's spatial axes first: a true convolution instead of a correlation.
        channels : bool, default True
            False for a bare kernel on a bare image: no channel axes in `weight` or `in_shape`.
    """,
    "kernel_samples": """
        x : array-like, (..., *in_shape)
            The samples; leading batch axes stack.
    """,
    "kernel_operator_errors": """
        ShapeError
            `x` does not end in ``in_shape``.
        GeometryError
            The operator is a conjugate, which is not linear in the weight.
        DTypeError
            `x` has a type that the library does not compute with.
    """,
    "index_dtype": """
        index_dtype : int32 or int64, optional
            Type of the indices; int32 while everything fits, if not given.
    """,
    "engine_errors": """
        {geometry_errors}
        MissingExtraError
            `engine` needs a package that is not installed.
    """,
    "fresh_matrix": """
        Returns
        -------
        scipy.sparse.csr_array
            In canonical format.

        Raises
        ------
        MatrixTooLargeError
            The matrix would not fit.
        DTypeError, GeometryError
            `dtype` or `index_dtype` cannot hold the matrix.
    """,
    "conv_geometry": """
        {stride_padding}
        {dilation}
        {groups}
        {mode_flip_channels}
    """,
    "transpose_geometry": """
        {stride_padding}
        {output_padding}
        {dilation}
        {groups}
        {mode_flip_channels}
    """,
    "conv_options": """
        {conv_geometry}
        {engine}
    """,
    "transpose_options": """
        {transpose_geometry}
        {engine}
    """,
    "joined_operator": """
        Returns
        -------
        Operator
            A side that joins samples is ``(m, *shape)`` where all m shapes there are equal, flat
            ``(total,)`` where they are not; the repr says which.
    """,
    "operators_errors": """
        GeometryError
            There is no operator.
        DTypeError
            An entry is no operator or matrix.
    """,
    "matrix_options": """
        dtype : dtype-like, optional
            Type of the values; the weight's, if not given.
        {index_dtype}
        drop_zeros : bool, default False
            Leave out the entries of taps that are zero in every channel pair.
        max_bytes : int, optional
            Refuse to build a larger matrix; if not given, one that does not fit, with the work space
            that it takes, in the memory that is available.
    """,
    "engine": """
        engine : str, default 'auto'
            What computes the products; 'auto' chooses by estimated time. See ``op.info()``.
    """,
    "geometry_errors": """
        GeometryError
            An argument is not what it may be, arguments contradict each other, or the output would
            be empty.
        DTypeError
            The kernel has a type that the library does not compute with: float16, bool, object,
            strings; or it is unsigned under a padding mode that takes differences.
    """,
}


def documented(described: Documented) -> Documented:
    """Put the shared fragments into a docstring."""
    if described.__doc__ is not None:  # python -OO
        described.__doc__ = _filled(described.__doc__)
    return described


def _filled(text: str) -> str:
    """A text with its fragments, which may have fragments of their own."""
    lines = []
    for line in text.splitlines():
        name = line.strip()
        if name.startswith("{") and name.endswith("}") and name[1:-1] in _FRAGMENTS:
            margin = line[: len(line) - len(line.lstrip())]
            line = indent(_filled(dedent(_FRAGMENTS[name[1:-1]]).strip()), margin)
        lines.append(line)
    return "\n".join(lines)
