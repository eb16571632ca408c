"""Which engine computes: the registry, and the choice by estimated time."""

from __future__ import annotations

from typing import Any

import numpy as np

from ..errors import DTypeError, GeometryError
from ..geometry import ConvGeometry
from ._engine import Engine
from .csr import CsrEngine

_ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in (CsrEngine,)}


def engine_names() -> tuple[str, ...]:
    """The names that `engine` may have, 'auto' first."""
    return ("auto", *_ENGINES)


def engine_class(name: str) -> type[Engine]:
    """The engine of that name."""
    return _ENGINES[name]


def choose(name: Any, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str:
    """The engine asked for if it can compute this, or the one with the least estimated time for
    'auto'.
    """
    if name == "auto":
        return min(estimates(geometry, dtype), key=lambda item: item[1])[0]
    if not isinstance(name, str) or name not in _ENGINES:
        listed = ", ".join(map(repr, engine_names()))
        raise GeometryError(
            f"`engine` must be one of {listed}; got {name!r}. Leave it out to have it chosen."
        )
    reason = _ENGINES[name].refuses(geometry, dtype)
    if reason is None:
        return name
    error = (
        DTypeError
        if _ENGINES[name].refuses(geometry, np.dtype(np.float64)) is None
        else GeometryError
    )
    raise error(
        f"`engine` must be able to compute this; got {name!r}, but {reason}. Pass engine='auto'."
    )


def estimates(geometry: ConvGeometry, dtype: np.dtype[Any]) -> list[tuple[str, float]]:
    """Name and estimated seconds of one product, for every engine that can compute it."""
    return [
        (name, engine.seconds(geometry, dtype, 1))
        for name, engine in _ENGINES.items()
        if engine.refuses(geometry, dtype) is None
    ]


def refusals(geometry: ConvGeometry, dtype: np.dtype[Any]) -> list[tuple[str, str]]:
    """Name and reason of every engine that cannot compute this."""
    reasons = ((name, engine.refuses(geometry, dtype)) for name, engine in _ENGINES.items())
    return [(name, reason) for name, reason in reasons if reason is not None]
