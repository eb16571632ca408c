"""Vectors to try an operator on: random ones, and ones that see borders and symmetries."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._space import Shape, Space

__all__ = ["Probe", "random_probes", "random_vector", "structured_probes"]

INTEGER_RANGE = 8  # small, so that sums of products stay exact


@dataclass(frozen=True)
class Probe:
    """A vector to be made on demand; random ones remember their own seed."""

    name: str
    kind: str
    key: tuple[int, ...] = ()
    entry: int = 0

    def vector(self, space: Space) -> NDArray[Any]:
        """Return the probe as a flat vector of `space`."""
        if self.kind == "random":
            return random_vector(space, np.random.default_rng(self.key))
        if self.kind == "unit":
            unit = np.zeros(space.size, space.vector_dtype)
            unit[self.entry] = 1
            return unit
        values = [
            np.ones(shape) if self.kind == "constant" else _alternating(shape)
            for shape in space.shapes
        ]
        flat = np.concatenate([v.ravel() for v in values])
        return np.repeat(flat, 2 if space.doubled else 1).astype(space.vector_dtype)


def random_vector(space: Space, rng: np.random.Generator) -> NDArray[Any]:
    """Return independent normal coordinates; small integers for an integer dtype."""
    dtype = space.vector_dtype
    if dtype.kind in "iu":
        low = 0 if dtype.kind == "u" else -INTEGER_RANGE
        return rng.integers(low, INTEGER_RANGE, space.size, endpoint=True).astype(dtype)
    values = rng.standard_normal(space.size)
    if dtype.kind == "c":
        return (values + 1j * rng.standard_normal(space.size)).astype(dtype)
    return values.astype(dtype)


def random_probes(seed: int, side: int, trials: int) -> list[Probe]:
    """Return `trials` independent random probes; `side` keeps the two sides apart."""
    return [Probe(f"random {i}", "random", (seed, side, i)) for i in range(trials)]


def structured_probes(space: Space, seed: int, side: int) -> list[Probe]:
    """Units at corners, edges, center and two random places; constants; alternating signs."""
    rng = np.random.default_rng((seed, side))
    probes: dict[int, Probe] = {}
    for leaf, (shape, where) in enumerate(space.leaves()):
        label = "" if space.single else f" of array {leaf}"
        for name, position in _positions(shape, rng):
            entry = (
                where.start + int(np.ravel_multi_index(position, shape)) if shape else where.start
            )
            for part in range(2 if space.doubled else 1):
                at = entry * (2 if space.doubled else 1) + part
                probes.setdefault(at, Probe(f"unit at {name} {position}{label}", "unit", (), at))
    return [
        *probes.values(),
        Probe("constant", "constant"),
        Probe("alternating signs", "alternating"),
    ]


def _positions(shape: Shape, rng: np.random.Generator) -> Iterator[tuple[str, Shape]]:
    """Yield corners, middles of faces, the center and two random places of one array."""
    axes = min(len(shape), 3)
    lead, last = shape[: len(shape) - axes], shape[len(shape) - axes :]
    for ends in itertools.product((0, 1), repeat=axes):
        front = tuple((n - 1) * (sum(ends) % 2) for n in lead)
        yield "corner", front + tuple((n - 1) * end for n, end in zip(last, ends, strict=True))
    for axis, end in itertools.product(range(axes), (0, 1)):
        place = [n // 2 for n in shape]
        place[len(lead) + axis] = (last[axis] - 1) * end
        yield "edge", tuple(place)
    yield "center", tuple(n // 2 for n in shape)
    for _ in range(2):
        yield "random place", tuple(int(rng.integers(n)) for n in shape)


def _alternating(shape: Shape) -> NDArray[Any]:
    """Return a checkerboard of +1 and -1."""
    return 1.0 - 2.0 * (np.indices(shape).sum(axis=0) % 2) if shape else np.ones(())
