"""Padding in ONNX's words as (before, after) pairs: the formulas of its operator specification."""

from __future__ import annotations

from dataclasses import dataclass

from ...errors import GeometryError

Pair = tuple[int, int]


@dataclass(frozen=True)
class Axis:
    """One axis of a node: input size, kernel size, stride, dilation."""

    n: int
    k: int
    s: int
    d: int


def conv_pads(auto_pad: str, axes: list[Axis], pads: list[Pair]) -> list[Pair]:
    """The pads of a Conv; SAME gives ceil(n / stride)."""
    if auto_pad == "NOTSET":
        return pads
    if auto_pad == "VALID":
        return [(0, 0)] * len(axes)
    totals = [max((-(-a.n // a.s) - 1) * a.s + a.d * (a.k - 1) + 1 - a.n, 0) for a in axes]
    return [_split(total, front=auto_pad == "SAME_LOWER") for total in totals]


def conv_transpose_pads(
    auto_pad: str,
    axes: list[Axis],
    pads: list[Pair],
    output_padding: list[int],
    output_shape: list[int] | None,
) -> list[Pair]:
    """The pads that make a transposed convolution without output_padding what the node is.

    Where the size asked for is more than the windows reach, the pad behind is negative: zeros are
    added there.
    """
    # With output_shape given, version 11 of the operator's text changed which side gets the odd one;
    # onnxruntime does for all versions what it says since then.
    front = auto_pad != "SAME_UPPER"
    if output_shape is None and auto_pad in ("SAME_UPPER", "SAME_LOWER"):
        output_shape = [a.n * a.s for a in axes]
        front = auto_pad == "SAME_LOWER"
    resolved = []
    for number, (axis, extra) in enumerate(zip(axes, output_padding, strict=True)):
        reach = (axis.n - 1) * axis.s + axis.d * (axis.k - 1) + 1
        if output_shape is not None:
            size = output_shape[number]
            before = _split(max(reach + extra - size, 0), front)[0]
        else:
            before, after = pads[number] if auto_pad == "NOTSET" else (0, 0)
            size = reach + extra - before - after
        if size < 1:
            raise GeometryError(
                f"`model` must give outputs of at least 1; got {size} on spatial axis {number}. Take less padding."
            )
        resolved.append((before, reach - before - size))
    return resolved


def _split(total: int, front: bool) -> Pair:
    """Halves, the odd one in front or behind."""
    small, large = total // 2, total - total // 2
    return (large, small) if front else (small, large)
