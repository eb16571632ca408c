"""The arguments that a convolution and its transpose share, checked one by one and then against
each other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .. import _validate as validate
from ..errors import GeometryError

_AXIS_NAMES = {1: ("L",), 2: ("H", "W"), 3: ("D", "H", "W")}


@dataclass(frozen=True)
class Arguments:
    """Clean values: every field has one entry per spatial axis, padding words excepted."""

    weight_shape: tuple[int, ...]
    in_shape: tuple[int, ...]
    kernel_size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: str | tuple[validate.Pair, ...]
    dilation: tuple[int, ...]
    groups: int
    padding_mode: tuple[str, ...]
    flip: bool
    channels: bool

    @classmethod
    def check(
        cls,
        weight_shape: Any,
        in_shape: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        groups: Any,
        padding_mode: Any,
        flip: Any,
        channels: Any,
    ) -> Arguments:
        """Every argument as a clean value, or the error that names the first bad one."""
        channels = validate.flag("channels", channels)
        kernel_size = _kernel_size(_weight_shape(weight_shape, channels), channels)
        weight_shape = _weight_shape(weight_shape, channels)
        n_axes = len(kernel_size)
        return cls(
            weight_shape,
            _sample_shape(in_shape, n_axes, channels),
            kernel_size,
            validate.per_axis("stride", stride, n_axes, minimum=1),
            validate.padding(padding, n_axes),
            validate.per_axis("dilation", dilation, n_axes, minimum=1),
            _groups(groups, weight_shape, channels),
            validate.padding_modes(padding_mode, n_axes),
            validate.flag("flip", flip),
            channels,
        )


def _weight_shape(value: Any, channels: bool) -> tuple[int, ...]:
    """A kernel's shape with at least one spatial axis."""
    shape = validate.shape("weight_shape", value)
    if channels and len(shape) < 3:
        raise GeometryError(
            f"`weight` must have at least 3 axes (C_out, C_in // groups, *kernel_size); got shape {shape}. "
            f"For a bare kernel on a bare image pass channels=False."
        )
    if not shape:
        raise GeometryError(
            "`weight` must have at least 1 axis; got a scalar. Pass weight.reshape(1)."
        )
    return shape


def _kernel_size(weight_shape: tuple[int, ...], channels: bool) -> tuple[int, ...]:
    return weight_shape[2:] if channels else weight_shape


def _sample_shape(value: Any, n_axes: int, channels: bool) -> tuple[int, ...]:
    """The shape of one sample; a batch axis left in is the likeliest mistake."""
    shape = validate.shape("in_shape", value)
    wanted = n_axes + channels
    if len(shape) == wanted:
        return shape
    names = _AXIS_NAMES.get(n_axes, tuple(f"n{i + 1}" for i in range(n_axes)))
    listed = ", ".join(("C_in", *names) if channels else names)
    if channels:
        hint = "Leave out the batch axis; for a kernel without channels pass channels=False."
        if len(shape) < wanted:
            hint = "Put the channel axis first; for a kernel without channels pass channels=False."
    else:
        hint = "Leave out batch and channel axes, or give the weight channel axes and pass channels=True."
    entries = "entry" if wanted == 1 else "entries"
    weight_axes = n_axes + 2 * channels
    raise GeometryError(
        f"`in_shape` must have {wanted} {entries} ({listed}) for a {weight_axes}-d weight; got {len(shape)}. {hint}"
    )


def _groups(value: Any, weight_shape: tuple[int, ...], channels: bool) -> int:
    """Groups that divide both channel counts; the second is a multiple of groups by the weight's
    own shape.
    """
    groups = validate.integer("groups", value, minimum=1)
    if not channels and groups != 1:
        raise GeometryError(
            f"`groups` must be 1 when channels=False; got {groups}. Give the weight channel axes to use groups."
        )
    if channels and weight_shape[0] % groups:
        divisors = [g for g in range(1, min(weight_shape[0], 64) + 1) if weight_shape[0] % g == 0]
        nearest = min(divisors, key=lambda g: abs(g - groups))
        raise GeometryError(
            f"`groups` must divide both channel counts, weight.shape[0] = {weight_shape[0]} among them; got {groups}. "
            f"The nearest divisor is {nearest}."
        )
    return groups


def in_channels(given: Arguments) -> int:
    """Channels that C takes."""
    return given.weight_shape[1] * given.groups if given.channels else 1


def out_channels(given: Arguments) -> int:
    """Channels that C gives."""
    return given.weight_shape[0] if given.channels else 1


def sample_size(given: Arguments, wanted: int, rule: str) -> tuple[int, ...]:
    """Spatial size of the sample, its channel count checked against the weight's."""
    if not given.channels:
        return given.in_shape
    if given.in_shape[0] != wanted:
        raise GeometryError(
            f"`in_shape` must start with {wanted} channels ({rule}); got {given.in_shape[0]} in {given.in_shape} for a "
            f"weight of shape {given.weight_shape} and groups={given.groups}. "
            f"Pass ({wanted}, ...), or change `groups`."
        )
    return given.in_shape[1:]


def check_groups(groups: int, **channels: int) -> None:
    """Refuse channels that do not divide into groups."""
    validate.integer("groups", groups, minimum=1)
    for name, count in channels.items():
        if validate.integer(name, count, minimum=1) % groups:
            raise GeometryError(
                f"`{name}` must be a multiple of groups={groups}; got {count}. Use "
                f"{groups * (count // groups + 1)}."
            )
