"""What every engine must keep, as functions of an engine class: agreement with the matrix, repeatability, batches, threads."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import log2, prod
from typing import Any

import numpy as np
from factories import magnitude, random_array, random_setting

from sparse_tconv.engines import CsrEngine, Engine, extend
from sparse_tconv.geometry import ConvGeometry
from sparse_tconv.threads import threads


def random_geometry(rng: np.random.Generator) -> ConvGeometry:
    """The geometry of a random setting; sometimes a whole circle, sometimes one output less than the natural size."""
    setting = random_setting(rng, flip=True)
    options = setting.options
    if rng.random() < 0.2:
        options |= {"padding": "same", "padding_mode": "circular"}
    geometry = ConvGeometry.from_conv(setting.weight.shape, setting.in_shape, **options)
    if rng.random() < 0.2 and min(axis.n_out for axis in geometry.axes) > 1:
        fewer = tuple(
            type(a)(a.n_in, a.n_out - 1, a.k, a.stride, a.dilation, a.before, a.mode)
            for a in geometry.axes
        )
        channels = (geometry.x_channels, geometry.y_channels, geometry.groups)
        geometry = ConvGeometry(fewer, *channels, flip=geometry.flip, channels=True)
    return geometry


def pair(rng: np.random.Generator, engine: Engine, batch: int) -> tuple[Any, Any]:
    """A batch of samples of each side."""
    dtype = engine.weight.dtype
    return random_array(rng, (batch, *engine.x_shape), dtype), random_array(
        rng, (batch, *engine.y_shape), dtype
    )


def assert_agrees_with_the_matrix(engine: Engine, x: Any, y: Any, *, spectral: bool) -> None:
    """Entrywise ``4 eps (r + 2) C(|w|) |x|``, and by transforms ``4 eps log2(2 N) |w| |x~|`` per sample more."""
    geometry, weight = engine.geometry, engine.weight
    eps, tiny = np.finfo(weight.dtype).eps, np.finfo(weight.dtype).tiny
    exact = CsrEngine(geometry, weight.astype(np.result_type(weight, np.float64)))
    points = prod(max(axis.n_in, axis.n_out) for axis in geometry.axes)
    for name, sample, read in (
        ("forward", x, extend(geometry.axes, x).copy()),
        ("transpose", y, y),
    ):
        kept = sample.copy()
        product, wanted = getattr(engine, name)(sample), getattr(exact, name)(sample)
        assert product.dtype == weight.dtype
        assert product.shape == wanted.shape
        assert product.flags.c_contiguous
        np.testing.assert_array_equal(sample, kept)
        back = name == "transpose"
        terms = magnitude(geometry, np.ones(weight.shape), np.ones(sample.shape), back)
        bound = 4 * eps * (terms + 2) * magnitude(geometry, exact.weight, sample, back) + tiny
        if spectral:
            norms = np.linalg.norm(read.reshape(len(read), -1), axis=1).reshape(
                -1, *(1,) * (read.ndim - 1)
            )
            bound = bound + 4 * eps * log2(2 * points) * np.linalg.norm(weight) * norms
        np.testing.assert_array_less(np.abs(product - wanted), bound)


def assert_gradient_agrees(
    gradient: Any, geometry: ConvGeometry, x: Any, y: Any, rng: np.random.Generator
) -> None:
    """The gradient with respect to the kernel gives ``sum(y * C(w) x)`` for every kernel w."""
    wide = np.result_type(x, np.float64)
    assert gradient.shape == geometry.weight_shape
    assert gradient.dtype == x.dtype
    scale = np.linalg.norm(extend(geometry.axes, x)) * np.linalg.norm(y)
    for _ in range(3):
        weight = random_array(rng, geometry.weight_shape, wide)
        wanted = (y.astype(wide) * CsrEngine(geometry, weight).forward(x.astype(wide))).sum()
        bound = 16 * np.finfo(x.dtype).eps * scale * np.abs(weight).sum()
        assert abs((weight * gradient).sum() - wanted) <= bound + np.finfo(x.dtype).tiny


def assert_repeatable_and_fresh(engine: Engine, x: Any, y: Any) -> None:
    """Called again, and from four threads at once, bit for bit the same; and an answer stays what it was."""
    calls = (lambda: engine.forward(x), lambda: engine.transpose(y))

    def products(number: int) -> list[bytes]:
        with threads(2):
            return [call().tobytes() for call in (calls[number % 2 :] + calls[: number % 2])]

    with threads(2):
        held = [call() for call in calls]
    first = [array.tobytes() for array in held]
    with ThreadPoolExecutor(4) as pool:
        for number, found in enumerate(pool.map(products, range(12))):
            turn = number % 2
            assert found == first[turn:] + first[:turn]
    engine.forward(2 * x)
    engine.transpose(2 * y)
    assert [array.tobytes() for array in held] == first


def assert_keeps_samples_apart(engine: Engine, x: Any, y: Any) -> None:
    """A sample that is not finite changes no other sample of its batch."""
    for product, batch in ((engine.forward, x), (engine.transpose, y)):
        clean, dirty = batch.copy(), batch.copy()
        dirty[1].flat[0], dirty[1].flat[-1] = np.nan, np.inf
        others = [sample for sample in range(len(batch)) if sample != 1]
        with np.errstate(invalid="ignore"):
            np.testing.assert_array_equal(product(dirty)[others], product(clean)[others])


def assert_takes_an_empty_batch(engine: Engine) -> None:
    """No samples in, no samples out: right shapes and dtype."""
    dtype = engine.weight.dtype
    for product, shape, wanted in (
        (engine.forward, engine.x_shape, engine.y_shape),
        (engine.transpose, engine.y_shape, engine.x_shape),
    ):
        found = product(np.zeros((0, *shape), dtype))
        assert found.shape == (0, *wanted)
        assert found.dtype == dtype
