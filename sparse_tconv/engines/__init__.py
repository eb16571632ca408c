"""Engines: the ways to multiply by C, each with what it refuses and how long it takes."""

from __future__ import annotations

from ._engine import Engine
from ._registry import ENGINES, engine_class, engine_names
from .compiled import BlocksEngine, CompiledEngine, DirectEngine, Loop, load, on_disk
from .csr import CsrEngine
from .extension import extend, fold, gathered
from .kernel_products import apply_kernel, kernel_gradient, tap_images
from .local_products import local_forward, local_gradient, local_transpose
from .unfold import UnfoldEngine, unfolded_size

__all__ = [
    "ENGINES",
    "BlocksEngine",
    "CompiledEngine",
    "CsrEngine",
    "DirectEngine",
    "Engine",
    "Loop",
    "UnfoldEngine",
    "apply_kernel",
    "engine_class",
    "engine_names",
    "extend",
    "fold",
    "gathered",
    "kernel_gradient",
    "load",
    "local_forward",
    "local_gradient",
    "local_transpose",
    "on_disk",
    "tap_images",
    "unfolded_size",
]
