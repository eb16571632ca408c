"""The rows of the comparison: what is convolved, and what the ratio should be at most.

How rows are named
    ``A->B`` with stride 1 is a ``Conv`` that takes A channels and gives B; its transposed product
    goes from B channels to A. With stride 2 the row is a decoder layer: ``A->B`` is the
    ``ConvTranspose``'s own direction, so the *transposed* product takes A channels of the stated
    size and gives B channels of about twice that size, and the *forward* product is that of the
    ``Conv`` whose transpose it is, from B channels to A. ``n^2`` and ``n^3`` are the sizes of the
    image named first; rows without an arrow have one channel.

What the limits mean
    A limit is on the time of ``op.T.apply`` over the other side's, with two threads unless it says
    otherwise. Limits with ``fast=True`` hold when extra ``fast`` (Numba) is installed.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Limit:
    """Our time over a side's is at most `at_most`."""

    at_most: float
    dtype: str
    side: str = "torch"
    product: str = "transposed"
    threads: int = 2
    fast: bool = False


@dataclass(frozen=True)
class Case:
    """One row: a convolution, or a decoder layer, of a batch of samples."""

    name: str
    channels: tuple[int, int]
    size: tuple[int, ...]
    kernel: tuple[int, ...]
    stride: int = 1
    padding: int = 0
    groups: int = 1
    batch: int | None = None
    decoder: bool = False
    limits: tuple[Limit, ...] = ()

    @property
    def weight_shape(self) -> tuple[int, ...]:
        a, b = self.channels
        outer, inner = (a, b) if self.decoder else (b, a)
        return (outer, inner // self.groups, *self.kernel)

    @property
    def x_shape(self) -> tuple[int, ...]:
        """What C takes: one sample of the forward product."""
        if not self.decoder:
            return (self.channels[0], *self.size)
        sizes = zip(self.size, self.kernel, strict=True)
        grown = ((n - 1) * self.stride - 2 * self.padding + k for n, k in sizes)
        return (self.channels[1], *grown)

    @property
    def y_shape(self) -> tuple[int, ...]:
        """What C gives: one sample that the transposed product takes."""
        if self.decoder:
            return (self.channels[0], *self.size)
        sizes = zip(self.size, self.kernel, strict=True)
        shrunk = ((n + 2 * self.padding - k) // self.stride + 1 for n, k in sizes)
        return (self.channels[1], *shrunk)

    @property
    def batch_shape(self) -> tuple[int, ...]:
        return () if self.batch is None else (self.batch,)

    def entries(self) -> int:
        """The stored entries of C: products of a tap with a pixel inside the image, once each."""
        return (
            math.prod(
                sum(
                    0 <= o * self.stride - self.padding + t < n
                    for o in range(out)
                    for t in range(k)
                )
                for n, out, k in zip(self.x_shape[1:], self.y_shape[1:], self.kernel, strict=True)
            )
            * math.prod(self.channels)
            // self.groups
        )

    def as_dict(self) -> dict[str, Any]:
        """Everything but the limits, for a worker."""
        return {name: value for name, value in asdict(self).items() if name != "limits"}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Case:
        lists = {name: tuple(v) if isinstance(v, list) else v for name, v in values.items()}
        return cls(**lists)


def _both(float64: float, float32: float, fast: bool = False) -> tuple[Limit, ...]:
    return (Limit(float64, "float64", fast=fast), Limit(float32, "float32", fast=fast))


def _copy(product: str) -> tuple[Limit, ...]:
    """In multiples of copying the image: `numpy.copyto` uses one thread whatever we use."""
    return tuple(
        Limit(at_most, "float64", "numpy.copyto", product, threads, fast=True)
        for at_most, threads in ((2.0, 2), (3.0, 1))
    )


SINGLE = _both(0.3, 0.3)
SMALL_SINGLE = _both(0.05, 0.1, fast=True)
MANY = _both(0.9, 1.3)
DECODER = _both(1.1, 1.3)

PRODUCTS = (
    Case("512^2 9x9", (1, 1), (512, 512), (9, 9), padding=4, limits=SINGLE + SMALL_SINGLE),
    Case(
        "1024^2 3x3",
        (1, 1),
        (1024, 1024),
        (3, 3),
        padding=1,
        limits=SINGLE + SMALL_SINGLE + _copy("transposed") + _copy("forward"),
    ),
    Case("16->32 64^2 3x3", (16, 32), (64, 64), (3, 3), padding=1, limits=MANY),
    Case("64->64 56^2 3x3", (64, 64), (56, 56), (3, 3), padding=1, limits=MANY),
    Case("128->128 28^2 3x3", (128, 128), (28, 28), (3, 3), padding=1, limits=MANY),
    Case("256->256 14^2 3x3", (256, 256), (14, 14), (3, 3), padding=1, limits=MANY),
    Case("16->32 64^2 3x3 batch 16", (16, 32), (64, 64), (3, 3), padding=1, batch=16, limits=MANY),
    Case("64->32 64^2 4x4 s2", (64, 32), (64, 64), (4, 4), 2, 1, decoder=True, limits=DECODER),
    Case("256->128 16^2 4x4 s2", (256, 128), (16, 16), (4, 4), 2, 1, decoder=True, limits=DECODER),
    Case("32->3 128^2 4x4 s2", (32, 3), (128, 128), (4, 4), 2, 1, decoder=True, limits=DECODER),
    Case("3->64 224^2 7x7", (3, 64), (224, 224), (7, 7), padding=3, limits=_both(0.3, 1.3)),
    Case("64^3 5^3", (1, 1), (64, 64, 64), (5, 5, 5), padding=2, limits=SMALL_SINGLE),
    Case(
        "512^2 4x4 s2",
        (1, 1),
        (512, 512),
        (4, 4),
        2,
        1,
        decoder=True,
        limits=_both(0.1, 0.5, fast=True),
    ),
    Case("200,000 k=64", (1, 1), (200_000,), (64,), limits=_both(0.3, 0.5, fast=True)),
    Case(
        "depthwise 32x128^2 3x3",
        (32, 32),
        (128, 128),
        (3, 3),
        padding=1,
        groups=32,
        limits=_both(0.5, 1.3, fast=True),
    ),
)

# The geometric mean over all rows of PRODUCTS, transposed over PyTorch's with two threads, and the
# most that any row may be, with extra `fast`.
MEAN_AT_MOST = {"float64": 0.4, "float32": 0.8}
ROW_AT_MOST = 1.2
MEAN_WITHOUT_FAST = {"float64": 0.2, "float32": 0.65}  # the mean without it

# 'auto' over the fastest engine, and over csr where csr was chosen.
AUTO_AT_MOST = 1.3


def _times(float64: float, side: str) -> tuple[Limit, ...]:
    """Assembly: the other side takes at least this many times as long."""
    return tuple(Limit(1 / float64, "float64", side, "assembly", threads) for threads in (1, 2))


# Rows marked 'full' are the matrix of a transposed convolution without padding, which is SciPy's
# convolve(mode='full') and what sparse_convolution builds; the others keep the image's size, which
# is what PyLops builds. Both are small: the other sides take long.
ASSEMBLY = (
    Case("32^2 3x3", (1, 1), (32, 32), (3, 3), padding=1, limits=_times(100, "pylops")),
    Case("64^2 5x5", (1, 1), (64, 64), (5, 5), padding=2, limits=_times(100, "pylops")),
    Case(
        "64^2 5x5 full",
        (1, 1),
        (64, 64),
        (5, 5),
        decoder=True,
        limits=_times(5, "sparse_convolution"),
    ),
    Case(
        "256^2 5x5 full",
        (1, 1),
        (256, 256),
        (5, 5),
        decoder=True,
        limits=_times(5, "sparse_convolution"),
    ),
    Case("256^2 9x9", (1, 1), (256, 256), (9, 9), padding=4),
    Case("8->16 32^2 3x3", (8, 16), (32, 32), (3, 3), padding=1),
    Case("16->8 32^2 4x4 s2", (16, 8), (32, 32), (4, 4), 2, 1, decoder=True),
    Case("32^3 3^3", (1, 1), (32, 32, 32), (3, 3, 3), padding=1),
)
