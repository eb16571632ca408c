"""Products by gathering: the shifted images are stacked, and one product multiplies all of them at
once.

Shifts along the first axis need no copy: in a stack whose rows lie one after another they are
offsets. Where there are few channels they are stacked all the same, for a product over a few
numbers leaves the processor idle.
"""

from __future__ import annotations

from math import prod
from typing import Any

from numpy.typing import NDArray

from ..scratch import scratch
from .blas import multiplier
from .plan import Phase, Plan, Product, packed, reads


class Gather:
    """One direction of C by stacked shifts.

    Parameters
    ----------
    plan : Plan
        Stack and products.
    kernel : array (groups, y_channels, x_channels, *kernel_size)
        The kernel by groups, ready to correlate.
    transposed : bool
        Direction.
    """

    def __init__(self, plan: Plan, kernel: NDArray[Any], transposed: bool) -> None:
        self.plan = plan
        self.multiply = multiplier(kernel.dtype)
        self.weights = [
            [packed(kernel, item.taps, transposed) for item in target.products]
            for target in plan.targets
        ]
        self.channels = kernel.shape[2 if transposed else 1]  # of one group of the target

    @property
    def nbytes(self) -> int:
        """Bytes of the packed kernel."""
        return sum(weight.nbytes for weights in self.weights for weight in weights)

    def rows(
        self, source: NDArray[Any], target: NDArray[Any], group: int, start: int, stop: int
    ) -> None:
        """Rows start .. stop of every phase of one sample's group: source and target are
        (channels, *size).
        """
        stacks = Stacks(self.plan, source, start, stop)
        for (phases, products), weights in zip(self.plan.targets, self.weights, strict=True):
            end = min(stop, phases[0].count)
            if start >= end:
                continue
            flat = self._output(target, start, end)
            parts = [
                (*stacks.part(item, start, end), weight[group])
                for item, weight in zip(products, weights, strict=True)
            ]
            # The first product writes, the others add; it must reach every row.
            parts.sort(key=lambda part: part[1] - part[0], reverse=True)
            added = not parts or parts[0][1] - parts[0][0] < end - start
            if added:
                flat[...] = 0
            for low, high, images, weight in parts:
                if low < high:
                    pitch = self.plan.pitch
                    self.multiply(
                        weight,
                        images,
                        flat[:, (low - start) * pitch : (high - start) * pitch],
                        added,
                    )
                    added = True
            if not self.plan.direct:
                place(
                    target,
                    flat.reshape(self.channels, end - start, *self.plan.inner),
                    phases,
                    start,
                )

    def _output(self, target: NDArray[Any], start: int, stop: int) -> NDArray[Any]:
        """Where the products of some rows go, (channels, positions): the target itself or
        scratch.
        """
        pitch = self.plan.pitch
        if self.plan.direct:
            return target.reshape(self.channels, -1)[:, start * pitch : stop * pitch]
        return scratch("output", (self.channels, (stop - start) * pitch), target.dtype)


class Stacks:
    """The shifted images that rows start .. stop of a target need: one stack for each residue of
    the source's rows.
    """

    def __init__(self, plan: Plan, source: NDArray[Any], start: int, stop: int) -> None:
        self.plan = plan
        self.step = 1 if plan.whole else plan.lines[0].stride
        self.held: dict[int, tuple[int, NDArray[Any]]] = {}
        if plan.whole:
            self.held[0] = 0, self._stack("stack", source, plan.stacked, start, stop)
            return
        offsets: dict[int, list[int]] = {}
        for target in plan.targets:
            for item in target.products:
                offsets.setdefault(item.row % self.step, []).append(item.row // self.step)
        for residue, found in offsets.items():
            low, high = reads(
                residue, self.step, plan.lines[0].n_source, start + min(found), stop + max(found)
            )
            shifts = tuple((residue, *shift) for shift in plan.stacked)
            self.held[residue] = low, self._stack(f"stack{residue}", source, shifts, low, high)

    def part(self, item: Product, start: int, stop: int) -> tuple[int, int, NDArray[Any]]:
        """The rows of start .. stop that a product reaches, and what it multiplies there, (taps
        * channels, positions).
        """
        offset, residue = divmod(item.row, self.step)
        first, stack = self.held[residue]
        pitch = self.plan.pitch
        shifts, channels, positions = stack.shape
        images = stack.reshape(shifts * channels, positions)[
            item.stack.start * channels : item.stack.stop * channels
        ]
        if self.plan.whole:
            return start, stop, images[:, : (stop - start) * pitch]
        low, high = max(start, first - offset), min(stop, first - offset + positions // pitch)
        high = max(low, high)
        begin = (low + offset - first) * pitch
        return low, high, images[:, begin : begin + (high - low) * pitch]

    def _stack(
        self,
        name: str,
        source: NDArray[Any],
        shifts: tuple[tuple[int, ...], ...],
        low: int,
        high: int,
    ) -> NDArray[Any]:
        """(shifts, channels, positions) of rows low .. high; the source itself if it is that
        already.
        """
        plan = self.plan
        strides = tuple(item.stride for item in plan.lines)
        alike = all(s == 1 for s in strides) and all(
            item.n_source == item.count for item in plan.lines[1:]
        )
        channels = len(source)
        if alike and len(shifts) == 1 and not any(shifts[0][1:]) and not plan.whole:
            return source.reshape(channels, -1)[None, :, low * plan.pitch : high * plan.pitch]
        stack = scratch(name, (len(shifts), channels, high - low, *plan.inner), source.dtype)
        for image, (row, *shift) in zip(stack, shifts, strict=True):
            shifted(image, source, (row + low * strides[0], *shift), strides, alike)
        return stack.reshape(len(shifts), channels, (high - low) * plan.pitch)


def shifted(
    image: NDArray[Any],
    source: NDArray[Any],
    firsts: tuple[int, ...],
    strides: tuple[int, ...],
    alike: bool,
) -> None:
    """``image[c, j] = source[c, first + stride j]``, zero outside.

    Where both have rows of one length, a shift is one of the flat array, wrong in the edges, which
    become zero anyway: long copies instead of short ones.
    """
    spans = [
        reads(first, stride, n, 0, count)
        for first, stride, n, count in zip(
            firsts, strides, source.shape[1:], image.shape[1:], strict=True
        )
    ]
    if any(low == high for low, high in spans):
        image[...] = 0
        return
    if alike:
        pitch = prod(source.shape[2:])
        flat, seen = image.reshape(len(image), -1), source.reshape(len(source), -1)
        shift, scale = 0, 1
        for first, n in zip(reversed(firsts), reversed(source.shape[1:]), strict=True):
            shift, scale = shift + first * scale, scale * n
        low, high = (
            max(spans[0][0] * pitch, -shift),
            min(spans[0][1] * pitch, seen.shape[1] - shift),
        )
        flat[:, low:high] = seen[:, low + shift : high + shift]
    else:
        here = (slice(low, high) for low, high in spans)
        there = (
            slice(first + stride * low, first + stride * (high - 1) + 1, stride)
            for (low, high), first, stride in zip(spans, firsts, strides, strict=True)
        )
        image[(slice(None), *here)] = source[(slice(None), *there)]
    for axis, ((low, high), count) in enumerate(zip(spans, image.shape[1:], strict=True), 1):
        lead = (slice(None),) * axis
        if low > 0:
            image[(*lead, slice(0, low))] = 0
        if high < count:
            image[(*lead, slice(high, count))] = 0


def place(target: NDArray[Any], rows: NDArray[Any], phases: tuple[Phase, ...], start: int) -> None:
    """Put rows of one phase, from row `start` on, where they belong in the target."""
    first, *others = phases
    begin = first.start + first.step * start
    box = [slice(begin, begin + first.step * rows.shape[1], first.step)]
    box += [slice(phase.start, None, phase.step) for phase in others]
    counts = tuple(slice(phase.count) for phase in others)
    target[(slice(None), *box)] = rows[(slice(None), slice(None), *counts)]
