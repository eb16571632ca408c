"""The mistakes that people make in adjoints of convolutions."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .._finding import Cause
from ._channels import channel_mistakes
from ._guess import Guess, Mistake
from ._stencil import MODES, Stencil

__all__ = ["brief", "live_axes", "mistakes_for", "moved"]


def mistakes_for(guess: Guess) -> list[Mistake]:
    """Return every mistake that can be made in the adjoint of this convolution."""
    stencil = guess.stencil
    return [
        *_conjugate(stencil),
        *_flips(stencil),
        *_shifts(stencil),
        *_boundaries(guess),
        *_steps(stencil),
        *_output_paddings(guess),
        *channel_mistakes(stencil),
    ]


def changed(guess: Guess, **fields: Any) -> Guess:
    """Return the guess with another stencil."""
    return replace(guess, stencil=replace(guess.stencil, **fields))


def live_axes(stencil: Stencil) -> tuple[int, ...]:
    """Return the axes on which something can move."""
    live = tuple(a for a, n in enumerate(stencil.in_size) if n > 1)
    return live or tuple(range(stencil.axes))


def moved(values: Sequence[int], axes: Sequence[int], step: int) -> tuple[int, ...]:
    """Return the values with `step` added on some axes."""
    return tuple(v + step * (a in axes) for a, v in enumerate(values))


def _axis_sets(stencil: Stencil) -> list[tuple[int, ...]]:
    """All axes together, then one by one; axes of length 1 do not count."""
    live = live_axes(stencil)
    return [live, *((a,) for a in live)] if len(live) > 1 else [live]


def _named(axes: tuple[int, ...], stencil: Stencil) -> str:
    live = live_axes(stencil)
    if axes == live:
        return "" if len(live) == 1 else " on all axes"
    return f" on axis {axes[0] - stencil.axes}"


def _conjugate(stencil: Stencil) -> Iterator[Mistake]:
    if np.iscomplexobj(stencil.weight):
        yield Mistake(
            Cause.CONJUGATE,
            "B is the transpose of A, not the conjugate transpose.",
            "Conjugate the weight in the adjoint.",
            lambda guess: replace(guess, conjugate=not guess.conjugate),
        )


def _flips(stencil: Stencil) -> Iterator[Mistake]:
    for axes in _axis_sets(stencil):
        if all(stencil.weight.shape[2 + a] == 1 for a in axes):
            continue
        for mirror in (False, True):
            yield Mistake(
                Cause.FLIP,
                f"B uses the kernel the wrong way round{_named(axes, stencil)}.",
                "Flip the kernel once: the adjoint of a correlation is a convolution.",
                lambda guess, axes=axes, mirror=mirror: _flipped(guess, axes, mirror),  # type: ignore[misc]
            )


def _flipped(guess: Guess, axes: tuple[int, ...], mirror: bool) -> Guess:
    """Flip the kernel; `mirror` flips it about the origin instead of inside its window."""
    old = guess.stencil
    before = tuple(
        r - b if mirror and a in axes else b
        for a, (r, b) in enumerate(zip(old.reach, old.before, strict=True))
    )
    return changed(guess, weight=np.flip(old.weight, tuple(2 + a for a in axes)), before=before)


def _shifts(stencil: Stencil) -> Iterator[Mistake]:
    for axes, step in itertools.product(_axis_sets(stencil), (1, -1)):
        even = [a for a in axes if stencil.reach[a] % 2]
        hint = "an even kernel has no middle: 'same' pads (k - 1) // 2 in front and k // 2 behind"
        center = hint if even else "put the kernel's center where the forward has it"
        make = lambda guess, axes=axes, step=step: changed(  # noqa: E731
            guess, before=moved(guess.stencil.before, axes, step)
        )
        yield Mistake(
            Cause.SHIFT,
            f"B is the right adjoint moved by {step:+d}{_named(axes, stencil)}.",
            f"Look at the padding in front; {center}, the adjoint the other way round.",
            make,
        )
        if axes == live_axes(stencil):
            right, wrong = stencil.before, moved(stencil.before, axes, step)
            yield Mistake(
                Cause.PADDING,
                f"B is the adjoint of a convolution padded by {brief(wrong)} in front.",
                f"Use padding {brief(right)}, as the forward does.",
                make,
            )


def _boundaries(guess: Guess) -> Iterator[Mistake]:
    stencil = guess.stencil
    if not stencil.known_border:
        return
    own = " and ".join(dict.fromkeys(stencil.modes))
    for axes, mode in itertools.product(_axis_sets(stencil), MODES):
        modes = tuple(mode if a in axes else m for a, m in enumerate(stencil.modes))
        yield Mistake(
            Cause.BOUNDARY,
            f"the forward extends by '{own}', B is the adjoint of one that extends by '{mode}'"
            f"{_named(axes, stencil)}.",
            f"Fold back what '{own}' copied outside, at the places it was copied from.",
            lambda guess, modes=modes: changed(guess, modes=modes),  # type: ignore[misc]
        )
    if set(stencil.stride) == {1} and not guess.transposed:
        for mode in MODES:
            yield Mistake(
                Cause.BOUNDARY,
                f"B convolves y, extended by '{mode}', with the turned kernel; the adjoint of a "
                f"convolution extended by '{own}' is not that.",
                "Scatter instead: pad y with zeros, convolve with the turned kernel on the "
                f"extended grid, and fold back what '{own}' had copied there.",
                lambda guess, mode=mode: replace(guess, mirrored=mode),  # type: ignore[misc]
            )


def _steps(stencil: Stencil) -> Iterator[Mistake]:
    for step in (1, -1):
        axes = [a for a in live_axes(stencil) if stencil.out_size[a] > 1]
        stride = moved(stencil.stride, axes, step)
        if axes and min(stride) >= 1:
            yield Mistake(
                Cause.STRIDE,
                f"B is the adjoint of a convolution of stride {brief(stride)}.",
                f"Use stride {brief(stencil.stride)}, as the forward does.",
                lambda guess, stride=stride: changed(guess, stride=stride),  # type: ignore[misc]
            )
        axes = [a for a, reach in enumerate(stencil.reach) if reach]
        dilation = moved(stencil.dilation, axes, step)
        if axes and min(dilation) >= 1:
            yield Mistake(
                Cause.DILATION,
                f"B is the adjoint of a convolution of dilation {brief(dilation)}.",
                f"Use dilation {brief(stencil.dilation)}, as the forward does.",
                lambda guess, dilation=dilation: changed(guess, dilation=dilation),  # type: ignore[misc]
            )


def _output_paddings(guess: Guess) -> Iterator[Mistake]:
    """Yield the last rows left empty, for every number of rows that a stride can leave."""
    stencil = guess.stencil
    if guess.transposed or max(stencil.stride) == 1:
        return
    for missing in itertools.product(*(range(s) for s in stencil.stride)):
        if any(missing) and all(e < n for e, n in zip(missing, stencil.in_size, strict=True)):
            yield Mistake(
                Cause.OUTPUT_PADDING,
                f"the last {brief(missing)} entries of the adjoint's axes are left empty.",
                f"Pass output_padding={brief(stencil.output_padding)} to the adjoint.",
                lambda guess, missing=missing: replace(guess, missing=missing),  # type: ignore[misc]
            )


def brief(values: Sequence[int]) -> str:
    """Write one number where all axes agree."""
    return str(values[0]) if len(set(values)) == 1 else str(tuple(int(v) for v in values))
