"""Engines: the ways to multiply by C, and the choice among them."""

from __future__ import annotations

from ._choice import choose, engine_class, engine_names, estimates, refusals
from ._engine import Engine
from .borders import gathered
from .csr import CsrEngine

__all__ = [
    "CsrEngine",
    "Engine",
    "choose",
    "engine_class",
    "engine_names",
    "estimates",
    "gathered",
    "refusals",
]
