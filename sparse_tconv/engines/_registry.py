"""The engines by name; which of them computes is the choice's matter."""

from __future__ import annotations

from ._engine import Engine
from .compiled import BlocksEngine, DirectEngine
from .csr import CsrEngine
from .fft import FftEngine
from .gemm import GemmEngine
from .unfold import UnfoldEngine

ENGINES: dict[str, type[Engine]] = {
    engine.name: engine
    for engine in (CsrEngine, UnfoldEngine, GemmEngine, FftEngine, DirectEngine, BlocksEngine)
}


def engine_names() -> tuple[str, ...]:
    """The names that `engine` may have, 'auto' first."""
    return ("auto", *ENGINES)


def engine_class(name: str) -> type[Engine]:
    """The engine of that name."""
    return ENGINES[name]
