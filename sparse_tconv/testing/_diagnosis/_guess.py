"""A wrong adjoint that somebody may have written, as changes to the right one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from .._finding import Cause
from ._stencil import Stencil

__all__ = ["Guess", "Mistake"]


@dataclass(frozen=True, eq=False)
class Guess:
    """An adjoint: of which stencil, conjugated or not, and by which route.

    ``mirrored`` is the adjoint computed as a convolution of the extended y with the turned kernel,
    which is right only where the extension is 'zeros' or 'circular'. ``transposed`` says that the
    forward is the transpose of the stencil, so that the adjoint is the stencil itself.
    """

    stencil: Stencil
    transposed: bool = False
    conjugate: bool = True
    mirrored: str | None = None
    missing: tuple[int, ...] = ()

    def matrix(self) -> sp.csr_array:
        """Return the matrix of the adjoint as guessed."""
        if self.mirrored is not None:
            result = self._turned().matrix().conj()
        elif self.transposed:
            result = self.stencil.matrix().conj()
        else:
            result = sp.csr_array(self.stencil.matrix().conj().T)
        if not self.conjugate:
            result = result.conj()
        return sp.csr_array(sp.diags_array(self._kept()) @ result) if self.missing else result

    def _turned(self) -> Stencil:
        """Return the convolution of y with the turned kernel, y extended by the mode `mirrored`."""
        old = self.stencil
        spatial = tuple(range(2, old.weight.ndim))
        return replace(
            old,
            weight=np.flip(old.weight, spatial).swapaxes(0, 1),
            before=tuple(r - b for r, b in zip(old.reach, old.before, strict=True)),
            modes=(str(self.mirrored),) * old.axes,
            in_size=old.out_size,
            out_size=old.in_size,
        )

    def _kept(self) -> NDArray[Any]:
        """Ones for the inputs that B reaches, zeros for the last `missing` of each axis."""
        size = self.stencil.in_size
        kept = np.zeros((self.stencil.weight.shape[1], *size))
        window = (slice(0, n - e) for n, e in zip(size, self.missing, strict=True))
        kept[(slice(None), *window)] = 1
        return kept.ravel()


@dataclass(frozen=True, eq=False)
class Mistake:
    """One mistake: its cause, what it looks like, how to put it right, and how to make it."""

    cause: Cause
    evidence: str
    fix: str
    make: Callable[[Guess], Guess]
