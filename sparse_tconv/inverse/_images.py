"""What the test problems show: a photograph that matplotlib ships, or a phantom."""

from __future__ import annotations

from math import ceil, prod

import numpy as np
from numpy.typing import NDArray

from .._memory import check_fits
from ..errors import GeometryError, MissingExtraError

Image = NDArray[np.float64]

# Ellipsoids as intensity, center and half axes in coordinates from -1 to 1; the first axes count.
_ELLIPSOIDS = (
    (0.50, (0.00, 0.00, 0.00), (0.85, 0.90, 0.80)),
    (0.30, (0.10, -0.05, 0.05), (0.60, 0.55, 0.60)),
    (-0.35, (-0.15, -0.30, 0.00), (0.25, 0.12, 0.20)),
    (-0.25, (-0.10, 0.35, 0.10), (0.30, 0.15, 0.25)),
    (0.25, (0.45, 0.10, -0.10), (0.10, 0.18, 0.15)),
    (0.40, (-0.45, 0.05, 0.00), (0.06, 0.07, 0.10)),
    (-0.30, (0.62, -0.20, 0.10), (0.05, 0.09, 0.10)),
)


def phantom(shape: tuple[int, ...]) -> Image:
    """Ellipsoids on a slope, values from 0 to 1: edges, flat parts and smooth ones, nothing zero at
    the border.
    """
    _check_fits(shape)
    points = np.meshgrid(*[2 * (np.arange(n) + 0.5) / n - 1 for n in shape], indexing="ij")
    image = 0.15 + 0.1 * points[0]
    for intensity, center, half_axes in _ELLIPSOIDS:
        parts = [((p - center[i % 3]) / half_axes[i % 3]) ** 2 for i, p in enumerate(points)]
        image = image + intensity * (np.sum(parts, axis=0) <= 1)
    low, high = image.min(), image.max()
    return np.asarray((image - low) / (high - low) if high > low else np.full(shape, 0.5))


def photograph(shape: tuple[int, ...]) -> Image:
    """The middle of matplotlib's photograph in gray, values from 0 to 1, just large enough."""
    if len(shape) != 2:
        raise GeometryError(
            f"`image` must be 'phantom' or an array for {len(shape)} axes; got 'photograph'. "
            f"A photograph has 2."
        )
    try:
        import PIL.Image
        from matplotlib.cbook import get_sample_data
    except ImportError as error:
        raise MissingExtraError(
            f"`image='photograph'` must have matplotlib and Pillow; {error.name} is missing. "
            "Run: pip install 'sparse_tconv[demo]', or pass image='phantom'."
        ) from error
    with get_sample_data("grace_hopper.jpg") as file, PIL.Image.open(file) as picture:
        gray = picture.convert("L")
    _check_fits(shape)
    scale = max(shape[0] / gray.height, shape[1] / gray.width)
    size = (max(ceil(scale * gray.width), shape[1]), max(ceil(scale * gray.height), shape[0]))
    gray = gray.resize(size, PIL.Image.Resampling.LANCZOS)
    return middle(np.asarray(gray, dtype=np.float64) / 255.0, shape)


def _check_fits(shape: tuple[int, ...]) -> None:
    """Refuse a picture that memory does not hold, with the copies that making one takes."""
    check_fits("size", f"a picture of {shape}", 64 * prod(shape), "Use a smaller one.")


def middle(image: Image, shape: tuple[int, ...]) -> Image:
    """The middle of an image that is at least as large."""
    starts = [(n - m) // 2 for n, m in zip(image.shape, shape, strict=True)]
    return image[tuple(slice(s, s + m) for s, m in zip(starts, shape, strict=True))]
