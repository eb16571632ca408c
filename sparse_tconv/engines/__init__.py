"""Engines: the ways to multiply by C, and the choice among them."""

from __future__ import annotations

from ._choice import choose, engine_class, engine_names, estimates, refusals
from ._engine import Engine
from .csr import CsrEngine
from .extension import extend, fold, gathered
from .kernel_products import apply_kernel, kernel_gradient, tap_images

__all__ = [
    "CsrEngine",
    "Engine",
    "apply_kernel",
    "choose",
    "engine_class",
    "engine_names",
    "estimates",
    "extend",
    "fold",
    "gathered",
    "kernel_gradient",
    "refusals",
    "tap_images",
]
