"""What surrounds convolutions in a network, as operators: torch.nn.functional's words and results."""

from __future__ import annotations

from ._pad import pad
from ._patches import fold, unfold
from ._pointwise import channel_scale, linear
from ._pool import adaptive_avg_pool, avg_pool
from ._shuffle import pixel_shuffle, pixel_unshuffle
from ._upsample import upsample

__all__ = [
    "adaptive_avg_pool",
    "avg_pool",
    "channel_scale",
    "fold",
    "linear",
    "pad",
    "pixel_shuffle",
    "pixel_unshuffle",
    "unfold",
    "upsample",
]
