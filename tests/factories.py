"""Random convolutions, biased to where bugs live, and the bounds that results must keep."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np
from scipy.sparse import csr_array, eye_array, vstack

from sparse_tconv.engines import CsrEngine
from sparse_tconv.geometry import extended_axis
from sparse_tconv.testing.oracles import extension_matrix

MODES = (
    *("zeros", "circular", "reflect", "symmetric", "replicate"),
    *("antireflect", "antisymmetric", "smooth"),
)
FLOATS = (np.float32, np.float64, np.complex64, np.complex128)


@dataclass(frozen=True)
class Setting:
    """Arguments of a convolution of `size`, and a kernel and a sample for it."""

    weight: Any
    size: tuple[int, ...]
    stride: tuple[int, ...]
    padding: tuple[tuple[int, int], ...]
    dilation: tuple[int, ...]
    groups: int
    padding_mode: tuple[str, ...]
    flip: bool

    @property
    def in_shape(self) -> tuple[int, ...]:
        return (self.weight.shape[1] * self.groups, *self.size)

    @property
    def options(self) -> dict[str, Any]:
        """The keyword arguments of Conv; those of ConvTranspose but for the size."""
        names = ("stride", "padding", "dilation", "groups", "padding_mode", "flip")
        return {name: getattr(self, name) for name in names}

    @property
    def out_size(self) -> tuple[int, ...]:
        rows = zip(
            self.size, self.weight.shape[2:], self.stride, self.padding, self.dilation, strict=True
        )
        return tuple((n + sum(p) - d * (k - 1) - 1) // s + 1 for n, k, s, p, d in rows)


def random_setting(
    rng: np.random.Generator,
    *,
    modes: tuple[str, ...] = MODES,
    pads: tuple[int, int] = (-2, 7),
    symmetric_pads: bool = False,
    mixed: bool = True,
    flip: bool = True,
    dtypes: tuple[Any, ...] = (np.float64,),
    max_axes: int = 3,
) -> Setting:
    """A setting whose output is not empty; sizes unsorted, sides of 1, wide pads and long
    strides included."""
    while True:
        n_axes = int(rng.integers(1, max_axes + 1))
        largest = {1: 12, 2: 7, 3: 5}[n_axes]
        groups = int(rng.choice([1, 1, 2, 3]))
        channels = (groups * int(rng.integers(1, 4)), int(rng.integers(1, 4)))
        kernel = tuple(int(k) for k in rng.integers(1, {1: 7, 2: 5, 3: 4}[n_axes], n_axes))
        padding = rng.integers(*pads, (n_axes, 2))
        if symmetric_pads:
            padding[:, 1] = padding[:, 0]
        mode = rng.choice(modes, n_axes if mixed else 1)
        setting = Setting(
            weight=random_array(
                rng, (*channels, *kernel), rng.choice(np.array(dtypes, dtype=object))
            ),
            size=tuple(int(n) for n in rng.integers(1, largest + 1, n_axes)),
            stride=tuple(int(s) for s in rng.integers(1, 5, n_axes)),
            padding=tuple((int(p), int(q)) for p, q in padding),
            dilation=tuple(int(d) for d in rng.integers(1, 4, n_axes)),
            groups=groups,
            padding_mode=tuple(str(m) for m in np.resize(mode, n_axes)),
            flip=bool(flip and rng.integers(2)),
        )
        if min(setting.out_size) >= 1:
            return setting


def random_array(rng: np.random.Generator, shape: tuple[int, ...], dtype: Any) -> Any:
    """Standard normal numbers; small integers for an integer dtype."""
    dtype = np.dtype(dtype)
    if dtype.kind in "iu":
        return rng.integers(0 if dtype.kind == "u" else -9, 10, shape).astype(dtype)
    x = rng.standard_normal(shape)
    return (
        (x + 1j * rng.standard_normal(shape)).astype(dtype)
        if dtype.kind == "c"
        else x.astype(dtype)
    )


def with_weight(setting: Setting, weight: Any) -> Setting:
    return replace(setting, weight=weight)


def _extension(axis: Any) -> Any:
    """The extension of an axis by loops; of a long one a sparse matrix, by loops at its ends only."""
    mode, n, start, stop = axis.mode, axis.n_in, axis.first, axis.last + 1
    if n < 1000:
        return extension_matrix(mode, n, start, stop)
    first, last = min(max(start, 0), n), max(min(stop, n), 0)
    front = extension_matrix(mode, n, start, max(start, min(stop, 0)))
    behind = extension_matrix(mode, n, min(max(start, n), stop), stop)
    inside = eye_array(n, format="csr")[first : max(first, last)]
    return vstack([csr_array(front), inside, csr_array(behind)], format="csr")


def magnitude(geometry: Any, weight: Any, x: Any, transposed: bool = False) -> Any:
    """C(|w|)|x|, or its transpose: the sum of |coefficient| |w| |x| over taps and the multiples of
    samples that they read; x is a batch (batch, channels, *size).
    """
    inside = tuple(extended_axis(axis) for axis in geometry.axes)
    engine = CsrEngine(replace(geometry, axes=inside), np.abs(weight))
    extensions = [abs(_extension(axis)) for axis in geometry.axes]
    wide = np.result_type(engine.weight, np.float64)
    found = np.abs(x).astype(wide)
    if transposed:
        found = engine.transpose(found.astype(engine.weight.dtype))
    for number, matrix in enumerate(extensions, 2):
        matrix = matrix.T if transposed else matrix
        front = np.moveaxis(found, number, 0)
        product = matrix @ front.reshape(len(front), prod(front.shape[1:]))
        found = np.moveaxis(product.reshape(matrix.shape[0], *front.shape[1:]), 0, number)
    return found if transposed else engine.forward(found.astype(engine.weight.dtype))


def assert_agrees(got: Any, wanted: Any, magnitude: Any, terms: int, *dtypes: Any) -> None:
    """Entrywise ``|got - wanted| <= 4 eps (terms + 2) magnitude``, eps of the coarsest dtype.

    `magnitude` is what the same product gives for the absolute values of kernel and sample.
    """
    assert got.shape == wanted.shape
    eps = max(np.finfo(np.dtype(d)).eps for d in dtypes if np.dtype(d).kind in "fc")
    excess = np.abs(got - wanted) - 4 * eps * (terms + 2) * magnitude
    assert excess.max(initial=0) <= 0, f"off by {np.abs(got - wanted).max()}"


def most_terms(matrix: Any) -> int:
    """Largest number of entries in a row or a column."""
    rows = np.diff(matrix.indptr).max(initial=0)
    columns = np.bincount(matrix.indices, minlength=1).max(initial=0)
    return int(max(rows, columns))
