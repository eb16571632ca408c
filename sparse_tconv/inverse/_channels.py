"""Where the channels of a picture are, and how many they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .. import _validate as validate
from ..errors import GeometryError


@dataclass(frozen=True)
class Channels:
    """A picture as a stack of channels: ``(channels, *shape)``.

    Attributes
    ----------
    axis : int, optional
        The axis of the channels in the picture; None for a picture of one channel without such an
        axis.
    shape : tuple of int
        Of one channel.
    """

    axis: int | None
    shape: tuple[int, ...]

    @classmethod
    def of(cls, shape: tuple[int, ...], channel_axis: Any) -> Self:
        """That of a picture of a shape."""
        if channel_axis is None:
            return cls(None, shape)
        form = f"None or an axis of y, which has {len(shape)}"
        axis = validate.integer("channel_axis", channel_axis, form=form)
        if not -len(shape) <= axis < len(shape):
            raise GeometryError(
                f"`channel_axis` must be {form}; got {axis}. Pass -1 for an image as files hold it."
            )
        axis %= len(shape)
        return cls(axis, shape[:axis] + shape[axis + 1 :])

    def first(self, picture: NDArray[Any]) -> NDArray[Any]:
        """The stack, a view."""
        return picture[None] if self.axis is None else np.moveaxis(picture, self.axis, 0)

    def back(self, stack: NDArray[Any]) -> NDArray[Any]:
        """A stack as a picture again."""
        return stack[0] if self.axis is None else np.moveaxis(stack, 0, self.axis)
