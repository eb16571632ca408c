"""The sample of a layer: channels first, then spatial axes."""

from __future__ import annotations

from typing import Any

from .. import _validate as validate
from .._memory import check_fits
from ..errors import GeometryError


def channels_first(in_shape: Any) -> tuple[int, tuple[int, ...]]:
    """Channels and spatial sizes of a sample's shape."""
    shape = validate.shape("in_shape", in_shape)
    if len(shape) < 2:
        raise GeometryError(
            f"`in_shape` must have a channel axis and at least one spatial axis; got {shape}. "
            f"Pass (1, *size) for a sample without channels."
        )
    return shape[0], shape[1:]


def check_written(name: str, value: Any, numbers: int, each: int = 64) -> None:
    """Refuse an argument that would have more numbers written out than the memory there is holds,
    at so many bytes for each, its companions on the way counted.
    """
    check_fits(name, f"{value}, which takes {numbers:,} numbers", each * numbers, "Take less.")
