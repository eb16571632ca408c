"""The engines by name; which of them computes is the choice's matter."""

from __future__ import annotations

from ._engine import Engine
from .compiled import BlocksEngine, DirectEngine
from .csr import CsrEngine
from .fft import FftEngine
from .gemm import GemmEngine
from .taps import TapsEngine
from .unfold import UnfoldEngine

_ALL: tuple[type[Engine], ...] = (
    CsrEngine, UnfoldEngine, GemmEngine, TapsEngine, FftEngine, DirectEngine, BlocksEngine,
)  # fmt: skip
ENGINES: dict[str, type[Engine]] = {engine.name: engine for engine in _ALL}


def engine_names() -> tuple[str, ...]:
    """The names that `engine` may have, 'auto' first."""
    return ("auto", *ENGINES)


def engine_class(name: str) -> type[Engine]:
    """The engine of that name."""
    return ENGINES[name]
