"""Mistakes with channels and groups."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._finding import Cause
from ._guess import Guess, Mistake
from ._stencil import Stencil

__all__ = ["channel_mistakes", "groups_of"]


def channel_mistakes(stencil: Stencil) -> Iterator[Mistake]:
    """Yield the channel axes swapped, and channels dealt to the groups in another order."""
    c_out, c_in = stencil.weight.shape[:2]
    if c_out == c_in > 1:
        yield Mistake(
            Cause.CHANNELS,
            "B uses weight[a, b] where weight[b, a] is due.",
            "Swap the first two axes of the weight once, not twice and not never.",
            lambda guess: _with_weight(guess, guess.stencil.weight.swapaxes(0, 1)),
        )
    for text, out_order, in_order in _orders(stencil):
        yield Mistake(
            Cause.GROUPS,
            f"B takes {text}.",
            f"Group g owns {c_out}/groups output and {c_in}/groups input channels in a row.",
            lambda guess, o=out_order, i=in_order: _with_weight(
                guess, guess.stencil.weight[o][:, i]
            ),  # type: ignore[misc]
        )


def groups_of(weight: NDArray[Any]) -> int:
    """Return the largest number of groups for which every tap outside them is zero."""
    c_out, c_in = weight.shape[:2]
    used = np.abs(weight).reshape(c_out, c_in, -1).max(axis=2) > 0
    for groups in range(int(np.gcd(c_out, c_in)), 1, -1):
        if c_out % groups == 0 and c_in % groups == 0:
            own = np.kron(np.eye(groups), np.ones((c_out // groups, c_in // groups))) > 0
            if not used[~own].any():
                return groups
    return 1


def _orders(stencil: Stencil) -> Iterator[tuple[str, NDArray[Any], NDArray[Any]]]:
    """Yield orders of output and input channels that other ways of grouping would give."""
    c_out, c_in = stencil.weight.shape[:2]
    straight = np.arange(c_out), np.arange(c_in)
    groups = groups_of(stencil.weight)
    if groups > 1:
        yield ("the weights of the next group", np.roll(straight[0], c_out // groups), straight[1])
        yield ("the groups in reverse order", _blocks(c_out, groups)[::-1].ravel(), straight[1])
    for count in range(2, max(c_out, c_in)):
        dealt_out, dealt_in = _dealt(c_out, count), _dealt(c_in, count)
        text = f"the channels in turn instead of in blocks ({count} groups)"
        if dealt_out is not None:
            yield f"{text} on the output side", dealt_out, straight[1]
        if dealt_in is not None:
            yield f"{text} on the input side", straight[0], dealt_in
        if dealt_out is not None and dealt_in is not None:
            yield f"{text} on both sides", dealt_out, dealt_in


def _blocks(channels: int, groups: int) -> NDArray[Any]:
    return np.arange(channels).reshape(groups, channels // groups)


def _dealt(channels: int, groups: int) -> NDArray[Any] | None:
    """Return channels dealt like cards, or None where that is no other order."""
    if channels % groups or not 1 < groups < channels:
        return None
    return _blocks(channels, groups).T.ravel()


def _with_weight(guess: Guess, weight: NDArray[Any]) -> Guess:
    return replace(guess, stencil=replace(guess.stencil, weight=weight))
