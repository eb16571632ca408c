"""Engines: the ways to multiply by C, each with what it refuses and how long it takes."""

from __future__ import annotations

from ._engine import Engine
from ._registry import ENGINES, engine_class, engine_names
from .compiled import BlocksEngine, CompiledEngine, DirectEngine, Loop, load, on_disk
from .csr import CsrEngine
from .extension import extend, fold, gathered
from .fft import FftEngine
from .unfold import UnfoldEngine, unfolded_size

__all__ = [
    "ENGINES",
    "BlocksEngine",
    "CompiledEngine",
    "CsrEngine",
    "DirectEngine",
    "Engine",
    "FftEngine",
    "Loop",
    "UnfoldEngine",
    "engine_class",
    "engine_names",
    "extend",
    "fold",
    "gathered",
    "load",
    "on_disk",
    "unfolded_size",
]
