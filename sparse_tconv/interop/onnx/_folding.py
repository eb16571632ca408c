"""Padding nodes before a convolution, as its own padding and mode."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from onnx import AttributeProto, NodeProto

from ._arithmetic import several, slices, whole
from ._names import DOMAINS, text
from ._pads import Pair
from ._scopes import Scope
from ._shapes import Dims

_MODES = {"constant": "zeros", "reflect": "reflect", "edge": "replicate", "wrap": "circular"}
_MOST = 16  # nodes that pad one convolution

Padding = dict[int, tuple[int, int, str]]


@dataclass(frozen=True)
class Folded:
    """What a convolution takes once the nodes before it are its padding."""

    size: tuple[int, ...]
    pads: list[Pair]
    modes: list[str]


def fold(name: str, size: tuple[int, ...], pads: list[Pair], scope: Scope) -> Folded | None:
    """The padding nodes that make `name`, of this spatial size, joined with the convolution's own
    pads; None where there are none, or none that a convolution has.
    """
    found: Padding = {}
    for _ in range(_MOST):
        step = _step(name, len(size) + 2, scope)
        if step is None or found.keys() & step[1].keys():
            break
        name = step[0]
        found |= step[1]
    shape = scope.shapes.shape(name)
    if not found or shape is None or None in shape[2:]:
        return None
    old = tuple(dim for dim in shape[2:] if dim is not None)
    result, modes = [], []
    for axis, own in enumerate(pads):
        before, after, mode = found.get(axis + 2, (0, 0, "zeros"))
        if old[axis] + before + after != size[axis] or (mode != "zeros" and any(own)):
            return None
        if max(before, after) > {"reflect": old[axis] - 1, "circular": old[axis]}.get(mode, 2**31):
            return None
        result.append((own[0] + before, own[1] + after))
        modes.append(mode)
    return Folded(old, result, modes)


def _step(name: str, ndim: int, scope: Scope) -> tuple[str, Padding] | None:
    """What one node pads, and by how much on which axis."""
    maker = scope.maker(name)
    if maker is None or maker.domain not in DOMAINS or not maker.input:
        return None
    if maker.op_type == "Identity":
        return maker.input[0], {}
    rule = {"Pad": _pad, "Concat": _wrap}.get(maker.op_type)
    return None if rule is None else rule(maker, ndim, scope)


def _pad(node: NodeProto, ndim: int, scope: Scope) -> tuple[str, Padding] | None:
    """A Pad node: attributes up to version 10, inputs from then on, some axes only from 18 on."""
    inputs = [scope.shapes.value(name) if name else None for name in node.input[1:]]
    if any(name and value is None for name, value in zip(node.input[1:], inputs, strict=True)):
        return None
    pads, value, axes = (*inputs, None, None, None)[:3]
    amounts = several(node, "pads") if pads is None else [int(n) for n in pads.reshape(-1)]
    words = [text(a.s) for a in node.attribute if a.name == "mode"]
    mode = _MODES.get(words[0] if words else "constant")
    constants = [
        a.f for a in node.attribute if a.name == "value" and a.type == AttributeProto.FLOAT
    ]
    if value is not None:
        constants = [float(number) for number in value.reshape(-1)]
    places = list(range(ndim)) if axes is None else [int(n) % ndim for n in axes.reshape(-1)]
    if amounts is None or mode is None or len(amounts) != 2 * len(places) or min(amounts) < 0:
        return None
    if len(set(places)) != len(places) or (mode == "zeros" and any(constants)):
        return None
    half = len(places)
    padded: Padding = {
        axis: (before, after, mode)
        for axis, before, after in zip(places, amounts[:half], amounts[half:], strict=True)
        if before or after
    }
    return None if min(padded, default=2) < 2 else (node.input[0], padded)


def _wrap(node: NodeProto, ndim: int, scope: Scope) -> tuple[str, Padding] | None:
    """A Concat of the last entries, a value and its first entries: circular padding, spelled out."""
    axis = whole(node, "axis", 0) % ndim
    if axis < 2 or not 2 <= len(node.input) <= 3:
        return None
    for place, base in enumerate(node.input):
        shape = scope.shapes.shape(base)
        if shape is None or len(shape) != ndim or place > 1 or len(node.input) - place > 2:
            continue
        amounts = [0, 0]
        for other, name in enumerate(node.input):
            if other != place:
                behind = other > place
                amounts[behind] = _border(name, base, shape, axis, behind, scope)
        if all(amount >= 0 for amount in amounts):
            return base, {axis: (amounts[0], amounts[1], "circular")}
    return None


def _border(name: str, base: str, shape: Dims, axis: int, first: bool, scope: Scope) -> int:
    """How many of the first or last entries of `base` along an axis a Slice takes; -1 for others."""
    maker, size = scope.maker(name), shape[axis]
    if maker is None or maker.op_type != "Slice" or maker.domain not in DOMAINS or size is None:
        return -1
    inputs = [scope.shapes.value(n) if n else None for n in maker.input[1:]]
    known = all(v is not None or not n for n, v in zip(maker.input[1:], inputs, strict=True))
    if not known or not maker.input or maker.input[0] != base:
        return -1
    try:
        taken = list(
            slices(maker, [None if v is None else np.atleast_1d(v) for v in inputs], len(shape))
        )
        start, stop, step = taken.pop(axis).indices(size)
    except (LookupError, TypeError, ValueError):
        return -1
    if step != 1 or any(part != slice(None) for part in taken):
        return -1
    fits = start == 0 if first else stop == size
    return stop - start if fits and stop > start else -1
