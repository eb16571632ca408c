"""A photograph blurred, halved and restored: what the library is for, on one page.

The data are ``y = C x + noise`` with ``C`` a strided convolution under half-sample symmetric
boundaries. The restoration minimizes ``|C x - y|^2 + damp^2 |x - x0|^2``, where ``x0`` is the
bicubic enlargement of ``y``, by SciPy's own iteration; it needs only ``C x`` and ``C^T y``.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse.linalg import lsmr

from ._files import encoded
from ._validate import integer
from .errors import GeometryError, MissingExtraError
from .operators import Conv
from .testing import AdjointReport, dot_test

__all__ = ["Demo", "draw", "run"]

Image = NDArray[np.float64]

PSF_SIDE = 9
PSF_SIGMA = 1.5
STRIDE = 2
NOISE = 0.002
DAMP = 0.03
ITERATIONS = 40
SIZES = (32, 600)

WIDTH = 13.0
DETAIL_ASPECT = 0.6
FRAME = "tab:orange"


@dataclass(frozen=True)
class Demo:
    """What the demo computed; its text is a table.

    Attributes
    ----------
    operator : Conv
        Blur and halving in one, from the original to the data.
    original, data, adjoint, enlarged, restored : ndarray of float64
        The photograph in [0, 1]; ``y``; ``C^T y``; ``y`` enlarged bicubically; the restoration.
    assembly, copy : float
        Seconds that the first assembly of ``C`` took, and a first copy of it.
    report : AdjointReport
        Whether ``<Cx, y>`` is ``<x, C^H y>``, as `dot_test` found it.
    """

    operator: Conv
    original: Image
    data: Image
    adjoint: Image
    enlarged: Image
    restored: Image
    assembly: float
    copy: float
    report: AdjointReport

    def __str__(self) -> str:
        rows = list(self._rows())
        width = max(len(name) for name, _ in rows)
        return "\n".join(f"{name:<{width}}  {value}" for name, value in rows)

    def _rows(self) -> Iterator[tuple[str, str]]:
        matrix = self.operator.matrix
        nbytes = self.operator.geometry.nbytes(matrix.dtype)
        yield "photograph", _by(self.original.shape)
        yield "data", f"{_by(self.data.shape)}, blurred, halved, noise {NOISE}"
        yield "C", f"{_by(matrix.shape)}, {matrix.nnz:,} entries, {nbytes / 1e6:.1f} MB"
        yield "assembly", f"{1e3 * self.assembly:.0f} ms (a copy of C: {1e3 * self.copy:.0f} ms)"
        yield "adjoint gap", f"{self.report.gap:.1e} (rounding explains {self.report.bound:.1e})"
        yield "PSNR enlarged", f"{psnr(self.enlarged, self.original):.2f} dB (bicubic)"
        yield "PSNR restored", f"{psnr(self.restored, self.original):.2f} dB (lsmr, damp {DAMP})"


def run(size: int = SIZES[1]) -> Demo:
    """Blur, halve and restore the photograph that matplotlib ships.

    Parameters
    ----------
    size : int
        The photograph's longer side in pixels, from 32 to 600; it is made smaller to fit.

    Returns
    -------
    Demo
        The images, the operator and the measurements.

    Raises
    ------
    GeometryError
        If `size` is out of range.
    MissingExtraError
        If matplotlib or Pillow is not installed.

    Examples
    --------
    >>> from sparse_tconv import demo
    >>> result = demo.run(size=64)
    >>> result.operator.out_shape
    (32, 28)
    >>> demo.psnr(result.restored, result.original) > demo.psnr(result.enlarged, result.original)
    True
    >>> demo.run(size=8)
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `size` must be an int from 32 to 600; got 8. Use 32.
    """
    original = photograph(_checked(size))
    operator = Conv(
        gaussian(PSF_SIDE, PSF_SIGMA),
        original.shape,
        stride=STRIDE,
        padding=PSF_SIDE // 2,
        padding_mode="symmetric",
        channels=False,
    )
    started = time.perf_counter()
    matrix = operator.matrix
    assembled = time.perf_counter()
    matrix.copy()
    copied = time.perf_counter()
    clean = operator.apply(original)
    data = clean + NOISE * np.random.default_rng(0).standard_normal(clean.shape)
    enlarged = enlarge(data, original.shape)
    return Demo(
        operator=operator,
        original=original,
        data=data,
        adjoint=operator.T.apply(data),
        enlarged=enlarged,
        restored=restore(operator, data, enlarged),
        assembly=assembled - started,
        copy=copied - assembled,
        report=dot_test(operator, rng=0),
    )


def _checked(size: int) -> int:
    form = f"an int from {SIZES[0]} to {SIZES[1]}"
    size = integer("size", size, form=form)
    nearest = min(max(size, SIZES[0]), SIZES[1])
    if size != nearest:
        raise GeometryError(f"`size` must be {form}; got {size}. Use {nearest}.")
    return size


def photograph(size: int) -> Image:
    """The photograph in gray, values in [0, 1], its longer side `size`."""
    try:
        import PIL.Image
        from matplotlib.cbook import get_sample_data
    except ImportError as error:
        raise MissingExtraError(
            f"the demo must have matplotlib and Pillow; {error.name} is missing. "
            "Run: pip install 'sparse_tconv[demo]'"
        ) from error
    with get_sample_data("grace_hopper.jpg") as file, PIL.Image.open(file) as picture:
        gray = picture.convert("L")
    gray.thumbnail((size, size))
    return np.asarray(gray, dtype=np.float64) / 255.0


def gaussian(side: int, sigma: float) -> Image:
    """A Gaussian point-spread function of odd side, with sum 1."""
    profile = np.exp(-0.5 * (np.arange(side) - side // 2) ** 2 / sigma**2)
    psf = np.outer(profile, profile)
    return psf / psf.sum()


def enlarge(data: Image, shape: tuple[int, ...]) -> Image:
    """Bicubic enlargement with sample (i, j) of the data at pixel (STRIDE i, STRIDE j)."""
    steps = np.eye(data.ndim) / STRIDE
    return ndimage.affine_transform(data, steps, output_shape=shape, order=3, mode="reflect")


def restore(operator: Conv, data: Image, start: Image) -> Image:
    """Damped least squares around `start`, cut to the range of an image."""
    solution = lsmr(
        operator, data.ravel(), damp=DAMP, maxiter=ITERATIONS, atol=0, btol=0, x0=start.ravel()
    )[0]
    return np.clip(solution.reshape(start.shape), 0.0, 1.0)


def psnr(image: Image, reference: Image) -> float:
    """Peak signal-to-noise ratio in dB for images in [0, 1]."""
    error = np.mean((np.clip(image, 0.0, 1.0) - reference) ** 2)
    return float(-10.0 * np.log10(error))


def draw(demo: Demo, path: Path) -> None:
    """Write one PNG: original, data, ``C^T y``, restoration, and the entries of a small ``C``."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = demo.original.shape
    picture = WIDTH / 4  # inches across, and what stands above and below it
    rows = (picture * height / width + 0.6, picture * DETAIL_ASPECT, picture + 0.7)
    figure = Figure(figsize=(WIDTH, sum(rows)), layout="constrained")
    FigureCanvasAgg(figure)
    pictures, matrix = figure.subfigures(2, 1, height_ratios=(rows[0] + rows[1], rows[2]))
    _draw_pictures(pictures.subplots(2, 4, height_ratios=rows[:2]), demo)
    _draw_small_matrix(matrix.subplots())
    figure.get_layout_engine().set(rect=(0.005, 0.005, 0.99, 0.985))
    encoded(path, partial(figure.savefig, format="png", dpi=110))


def _draw_pictures(grid: Any, demo: Demo) -> None:
    """The four pictures, and under each the part of it that the frame in the original marks."""
    decibels = {
        name: f"{psnr(image, demo.original):.2f} dB"
        for name, image in (("enlarged", demo.enlarged), ("restored", demo.restored))
    }
    gray = {"vmin": 0.0, "vmax": 1.0}
    panels: tuple[tuple[str, str, Image, dict[str, float]], ...] = (
        ("original $x$", "", demo.original, gray),
        ("data $y = C\\,x$ + noise", f", enlarged {decibels['enlarged']}", demo.data, gray),
        ("transposed convolution $C^T y$", ", gray scale of its own", demo.adjoint, {}),
        ("restoration from $y$", f", {decibels['restored']}", demo.restored, gray),
    )
    for (title, note, image, limits), (whole, detail) in zip(panels, grid.T, strict=True):
        whole.imshow(image, cmap="gray", interpolation="nearest", **limits)
        whole.set_title(title, fontsize=13)
        whole.set_xlabel(_by(image.shape) + note)
        top, bottom, left, right = _detail(image.shape)
        detail.imshow(image, cmap="gray", interpolation="nearest", **limits)
        detail.set(xlim=(left, right), ylim=(bottom, top))
        for axes in (whole, detail):
            axes.set(xticks=[], yticks=[])
    top, bottom, left, right = _detail(demo.original.shape)
    frame = {"fill": False, "edgecolor": FRAME, "linewidth": 1.5}
    grid[0, 0].add_patch(_rectangle((left, top), right - left, bottom - top, **frame))
    for spine in grid[1, 0].spines.values():
        spine.set(edgecolor=FRAME, linewidth=1.5)


def _rectangle(*where: Any, **style: Any) -> Any:
    from matplotlib.patches import Rectangle

    return Rectangle(*where, **style)


def _detail(shape: tuple[int, ...]) -> tuple[float, float, float, float]:
    """Top, bottom, left and right of the detail: the eyes, in any size of the photograph."""
    height, width = shape
    half = DETAIL_ASPECT * 0.22 * width
    return 0.29 * height - half, 0.29 * height + half, 0.28 * width, 0.72 * width


def _draw_small_matrix(axes: Any) -> None:
    """The same blur and halving of a 12x12 image by a 3x3 kernel, every entry a square."""
    side, taps = 12, 3
    small = Conv(
        gaussian(taps, 0.8),
        (side, side),
        stride=STRIDE,
        padding=taps // 2,
        padding_mode="symmetric",
        channels=False,
    ).to_matrix()
    entries = np.ma.masked_equal(small.toarray(), 0.0)
    picture = axes.imshow(entries, cmap="viridis_r", interpolation="nearest", vmin=0)
    n_rows, n_columns = small.shape
    columns, rows = np.arange(0, n_columns, side), np.arange(0, n_rows, side // STRIDE)
    axes.set_xticks(columns - 0.5, columns)
    axes.set_yticks(rows - 0.5, rows)
    axes.grid(color="0.85", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.set_title(
        f"the matrix $C$ of a smaller problem: {side}x{side} image, {taps}x{taps} kernel, stride "
        f"{STRIDE}, symmetric boundary; {_by(small.shape)}, {small.nnz} entries",
        fontsize=13,
    )
    axes.set_xlabel("column: pixel of the image (one line for each of its rows)")
    axes.set_ylabel("row: sample of the data")
    bar = axes.inset_axes((1.012, 0.0, 0.012, 1.0))
    axes.figure.colorbar(picture, cax=bar, label="value of the entry")


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(f"{n:,}" for n in shape)
