"""Engines: the ways to multiply by C, and the choice among them."""

from __future__ import annotations

from ._choice import choose, engine_class, engine_names, estimates, refusals
from ._engine import Engine
from ._readiness import has_compiler, set_compiled
from ._selection import Selection
from .compiled import compile_ahead, on_disk
from .csr import CsrEngine
from .extension import extend, fold, gathered
from .kernel_products import apply_kernel, kernel_gradient, tap_images

__all__ = [
    "CsrEngine",
    "Engine",
    "Selection",
    "apply_kernel",
    "choose",
    "compile_ahead",
    "engine_class",
    "engine_names",
    "estimates",
    "extend",
    "fold",
    "gathered",
    "has_compiler",
    "kernel_gradient",
    "on_disk",
    "refusals",
    "set_compiled",
    "tap_images",
]
