"""Compiled loops (extra `fast`), two engines: `direct` for rows of few channels, `blocks` for many
channels. Numba is imported at the first product, not before.

The nouns of this room: a *row* is one line of the last axis; a *phase* the samples of one residue
of a stride; a *plan* the tables that loops walk through, the same for all kernels of a geometry; a
*block* some output channels whose sums are in registers together; a *band* the rows of the image
that are in a core's cache together; a *lane* one number of a vector of the machine.
"""

from __future__ import annotations

from ._disk import Loop, on_disk
from ._engine import BlocksEngine, CompiledEngine, DirectEngine, load

__all__ = ["BlocksEngine", "CompiledEngine", "DirectEngine", "Loop", "load", "on_disk"]
