"""Whether 'auto' may take compiled loops by now.

Loading Numba takes as long as hundreds of products, compiling as thousands. So every product by an
engine that was not named counts, in estimated seconds, what compiled loops would have saved, the
process over; and when the sum, this product included, has reached what loading costs, they are
loaded, and such operators change to them. What loading costs is a constant, larger where the disk has
nothing of the loops: no clock is looked at, so equal calls in equal order choose equally.
"""

from __future__ import annotations

import os
import sys
import warnings
from functools import lru_cache
from importlib.util import find_spec
from typing import Any

from ..engines import Loop, load, on_disk
from ..errors import GeometryError, MissingExtraError
from ..threads import lock

VARIABLE = "SPARSE_TCONV_COMPILED"
# Seconds by the estimates, which are those of a fast core with nothing else to do: there, importing
# Numba and loading what is on disk takes 0.4, and compiling for one type of numbers 4. The first is
# asked for in part only: who has computed that long goes on, and shall have the loops within a second.
# The second is doubled, because nobody who waits for a compiler knows why.
LOADING = 0.1
COMPILING = 8.0
_WORDS: dict[str, bool | str] = {
    **{"auto": "auto", "1": True, "true": True, "0": False, "false": False}
}


class Readiness:
    """What the process has saved up, and what it has loaded for it."""

    def __init__(self) -> None:
        self._pinned: bool | str | None = None
        self._spent = 0.0
        self._saved = 0.0
        self._granted: frozenset[Loop] = frozenset()
        self._seen: dict[Loop, bool] = {}
        self._broken: str | None = None
        self.pins = 0  # how often set_compiled was called
        self.grants = 0  # how often the answers of `allows` have become others by themselves
        self._lock = lock()

    def mode(self) -> bool | str:
        """'auto', or what set_compiled or the environment has said."""
        if self._pinned is not None:
            return self._pinned
        given = os.environ.get(VARIABLE, "auto")
        mode = _WORDS.get(given.lower())
        if mode is None:
            raise GeometryError(
                f"`{VARIABLE}` must be 'auto', '1', 'true', '0' or 'false'; got {given!r}. Unset it."
            )
        return mode

    def pin(self, mode: bool | str) -> None:
        """From now on this mode, for operators made before too."""
        self._pinned = mode
        self.pins += 1

    def allows(self, loops: tuple[Loop, ...]) -> bool:
        """Whether 'auto' may take an engine made of these loops."""
        mode = self.mode()
        if self._broken is not None or mode is False:
            return False
        if mode is True:
            return has_compiler()
        return _loaded() and self._at_hand(loops)

    @property
    def hopeless(self) -> bool:
        """Whether compiled loops will not be taken, however much they would save."""
        return self._broken is not None or self.mode() is False or not has_compiler()

    def worth_estimating(self, seconds: float) -> bool:
        """Count what a product to come takes; whether all together might have saved enough."""
        self._spent += seconds
        return self._spent >= LOADING

    def saves(self, seconds: float, loops: tuple[Loop, ...]) -> bool:
        """Count what these loops would save in the product to come; whether they may be taken now
        and might not before.
        """
        if self._broken is not None or self.mode() != "auto":
            return False
        with self._lock:
            self._saved += seconds
            if self._saved < LOADING or self._saved < (cost := self._cost(loops)):
                return False
            self._saved -= cost
        try:
            load()
        except Exception as error:  # whatever a damaged installation raises
            self.give_up(error)
            return False
        self._granted |= frozenset(loops)
        self.grants += 1
        return True

    def give_up(self, error: Exception) -> None:
        """Compiled loops do not work here: say so once, and do without."""
        first, self._broken = self._broken is None, f"{type(error).__name__}: {error}"
        self.grants += 1
        if first:
            reason = self._broken.splitlines()[0]
            warnings.warn(
                f"Compiled loops do not work here ({reason}); the other engines compute. "
                f"Mend Numba, or call sparse_tconv.set_compiled(False).",
                RuntimeWarning,
                stacklevel=2,
            )

    def standing(self, loops: tuple[Loop, ...]) -> str:
        """Why 'auto' does not take these loops yet."""
        if not has_compiler():
            return "numba is not installed"
        if self._broken is not None:
            return f"numba does not work here: {self._broken.splitlines()[0]}"
        if self.mode() is False:
            return "compiled loops are switched off"
        so_far = f"{self._saved:.2g} of {self._cost(loops):g} s that it would save are saved up"
        if self._at_hand(loops):
            return f"loading numba does not pay yet: {so_far}"
        return f"compiling does not pay yet: {so_far}; 'sparse-tconv compile' does it ahead"

    def _cost(self, loops: tuple[Loop, ...]) -> float:
        return LOADING if self._at_hand(loops) else COMPILING

    def _at_hand(self, loops: tuple[Loop, ...]) -> bool:
        """Whether nothing of them has to be compiled; the disk is looked at once in a process."""
        for loop in loops:
            if loop not in self._granted and loop not in self._seen:
                self._seen[loop] = on_disk(loop)
        return all(loop in self._granted or self._seen[loop] for loop in loops)


def has_compiler() -> bool:
    """Whether Numba is there; it is not imported to find out."""
    return _loaded() or _found()


@lru_cache(maxsize=1)
def _found() -> bool:
    return find_spec("numba") is not None


def _loaded() -> bool:
    return sys.modules.get("numba") is not None


readiness = Readiness()


def set_compiled(mode: Any) -> None:
    """Say whether operators that name no engine take compiled loops (extra ``fast``).

    Parameters
    ----------
    mode : 'auto', True or False
        'auto', the default: when what they have saved the process, by estimates, would have paid for
        loading them. True: from the first product on, which loads or compiles them. False: never.

    Raises
    ------
    GeometryError
        `mode` is none of the three.
    MissingExtraError
        `mode` is True and Numba is not installed.

    See Also
    --------
    Conv.info : says where an operator stands.

    Notes
    -----
    It holds for operators made before, too, from their next product on, but not for those made with
    ``engine=`` a name. The environment's SPARSE_TCONV_COMPILED says the same for a process that never
    calls this.

    Examples
    --------
    >>> import numpy as np
    >>> import sparse_tconv as st
    >>> st.set_compiled(False)
    >>> st.Conv(np.ones((1, 1, 9, 9)), (1, 512, 512)).engine in ("direct", "blocks")
    False
    >>> st.set_compiled("auto")
    >>> st.set_compiled("always")
    Traceback (most recent call last):
        ...
    sparse_tconv.errors.GeometryError: `mode` must be 'auto', True or False; got 'always'. Leave it
        at 'auto'.
    """
    if not (isinstance(mode, bool) or (isinstance(mode, str) and mode == "auto")):
        raise GeometryError(
            f"`mode` must be 'auto', True or False; got {mode!r}. Leave it at 'auto'."
        )
    if mode is True and not has_compiler():
        raise MissingExtraError(
            "`mode` must be 'auto' or False where Numba is not installed; got True. "
            "Run: pip install 'sparse_tconv[fast]'"
        )
    readiness.pin(mode)
