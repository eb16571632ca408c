"""Which engine computes: the one asked for, or the one with the least estimated time.

'auto' takes the engine with the least estimated time of one product of C^T, for one sample in the
kernel's dtype and the threads in force. Each engine estimates itself from counts and a few measured
constants in its own cost table; none is tried out, and no optional package is imported to decide.
"""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from typing import Any

import numpy as np

from .. import _validate as validate
from ..engines import (
    ENGINES,
    BlocksEngine,
    CsrEngine,
    DirectEngine,
    Engine,
    Loop,
    UnfoldEngine,
    engine_names,
    unfolded_size,
)
from ..errors import DTypeError, GeometryError, MissingExtraError
from ..geometry import ConvGeometry
from ._readiness import readiness

VARIABLE = "SPARSE_TCONV_ENGINE"
_SMALL = 20_000  # entries of a matrix, or numbers that a sample unfolds into
_LARGEST = 1 << 32  # entries of one sample
_MOST = 4096  # small geometries whose engine is known
# Only single operations on it, each one step in C: whole after any interrupt.
_least_calls: dict[tuple[ConvGeometry, str], str] = {}


def choose(name: Any, geometry: ConvGeometry, dtype: np.dtype[Any]) -> str:
    """The engine asked for if it can compute this, or the one with the least estimated time.

    The environment's SPARSE_TCONV_ENGINE stands in for 'auto' wherever that engine can compute.
    """
    if not validate.is_word(name, ("auto",)):
        return _asked(name, geometry, dtype, "engine")
    override = os.environ.get(VARIABLE, "auto")
    if override != "auto":
        _known(override, VARIABLE)
        if ENGINES[override].refuses(geometry, dtype) is None and _installed(override):
            return override
    if is_small(geometry, dtype):
        return _least_call(geometry, dtype)
    return min(estimates(geometry, dtype), key=lambda item: item[1])[0]


def overridden(geometry: ConvGeometry, dtype: np.dtype[Any]) -> bool:
    """Whether the environment names the engine of this."""
    name = os.environ.get(VARIABLE, "auto")
    return name != "auto" and ENGINES[name].refuses(geometry, dtype) is None


def is_small(geometry: ConvGeometry, dtype: np.dtype[Any]) -> bool:
    """Whether a product takes hardly more than the call."""
    if (geometry, dtype.char) in _least_calls:
        return True
    return geometry.nnz <= _SMALL or unfolded_size(geometry) <= _SMALL


def _least_call(geometry: ConvGeometry, dtype: np.dtype[Any]) -> str:
    """The engine of a product that takes hardly more than the call: not worth planning for others."""
    key = geometry, dtype.char
    found = _least_calls.get(key)
    if found is None:
        small = (CsrEngine, UnfoldEngine)
        able = [engine for engine in small if engine.refuses(geometry, dtype) is None]
        found = min(able, key=lambda engine: engine.seconds(geometry, dtype, 1)).name
        if len(_least_calls) >= _MOST:
            _least_calls.clear()
        _least_calls[key] = found
    return found


def estimates(geometry: ConvGeometry, dtype: np.dtype[Any]) -> list[tuple[str, float]]:
    """Name and estimated seconds of one product, for every engine that 'auto' may pick."""
    if max(geometry.shape) > _LARGEST:  # no array of that size exists: planning for it is vain
        return [(CsrEngine.name, CsrEngine.seconds(geometry, dtype, 1))]
    return [
        (name, engine.seconds(geometry, dtype, 1))
        for name, engine in ENGINES.items()
        if engine.refuses(geometry, dtype) is None and _allowed(engine, geometry, dtype)
    ]


def refusals(geometry: ConvGeometry, dtype: np.dtype[Any]) -> list[tuple[str, str]]:
    """Name and reason of every engine that 'auto' passes over."""
    reasons = []
    for name, engine in ENGINES.items():
        reason = engine.refuses(geometry, dtype)
        if reason is None and not _allowed(engine, geometry, dtype):
            reason = readiness.standing(engine.loops(geometry, dtype))
        if reason is not None:
            reasons.append((name, reason))
    return reasons


def _asked(name: Any, geometry: ConvGeometry, dtype: np.dtype[Any], argument: str) -> str:
    """An engine asked for by name, or why it cannot be."""
    _known(name, argument)
    engine = ENGINES[name]
    reason = engine.refuses(geometry, dtype)
    if reason is not None:
        error = GeometryError if engine.refuses(geometry, np.dtype(float)) else DTypeError
        raise error(
            f"`engine` must be able to compute this; got {name!r}, but {reason}. Pass engine='auto'."
        )
    if not _installed(name):
        raise MissingExtraError(
            f"`engine` must be installed; got {name!r}, which needs {engine.package}. "
            f"Run: pip install 'sparse_tconv[{engine.extra}]'"
        )
    return str(name)


def _known(name: Any, argument: str) -> None:
    if not validate.is_word(name, ENGINES):
        listed = ", ".join(map(repr, engine_names()))
        raise GeometryError(
            f"`{argument}` must be one of {listed}; got {validate.written(name)}. Leave it out to have it chosen."
        )


def _installed(name: str) -> bool:
    """Whether the package that an engine needs is there; it is not imported to find out."""
    package = ENGINES[name].package
    return package is None or sys.modules.get(package) is not None or find_spec(package) is not None


def _allowed(engine: type[Engine], geometry: ConvGeometry, dtype: np.dtype[Any]) -> bool:
    """Whether 'auto' may pick an engine: one of compiled loops only when these are to be taken."""
    loops = engine.loops(geometry, dtype)
    return not loops or readiness.allows(loops)


def rival(
    name: str, geometry: ConvGeometry, dtype: np.dtype[Any]
) -> tuple[float, tuple[Loop, ...]] | None:
    """What the best engine of compiled loops would save in the product of one sample by an engine,
    in seconds, and these loops; None if nothing.
    """
    if max(geometry.shape) > _LARGEST:
        return None
    able = [
        (engine.seconds(geometry, dtype, 1), engine.loops(geometry, dtype))
        for engine in (DirectEngine, BlocksEngine)
        if engine.refuses(geometry, dtype) is None
    ]
    if not able:
        return None
    seconds, loops = min(able)
    saved = ENGINES[name].seconds(geometry, dtype, 1) - seconds
    return (saved, loops) if saved > 0 else None
