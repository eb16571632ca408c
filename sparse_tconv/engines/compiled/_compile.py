"""How the loops are compiled: once for all processes, and anew when any of them changes."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import numpy as np
from numba import njit, typeof

from ...threads import sheltered
from ._disk import name_of


class Compiled:
    """A function compiled at its first call with each type of number, its first argument's.

    Each type is kept on disk under a name of its own, so that who has not imported Numba can see it
    there. Not compiled on the calling thread: an interrupt would leave Numba's compiler locked.
    """

    def __init__(self, function: Callable[..., None]) -> None:
        self._function = function
        self._dispatchers: dict[np.dtype[Any], Any] = {}

    def __call__(self, *args: Any) -> None:
        dtype = args[0].dtype
        dispatcher = self._dispatchers.get(dtype)
        if dispatcher is None:
            dispatcher = self._dispatcher(dtype)
            sheltered(dispatcher.compile, tuple(map(typeof, args)))
            dispatcher = self._dispatchers.setdefault(dtype, dispatcher)
        dispatcher(*args)

    def _dispatcher(self, dtype: np.dtype[Any]) -> Any:
        """The function for one type, kept on disk for other processes; where nothing can be written
        each process compiles for itself.
        """
        given = self._function
        code, names = given.__code__, given.__globals__
        function = FunctionType(code, names, given.__name__, given.__defaults__, given.__closure__)
        function.__qualname__ = name_of(given.__name__, dtype.name)
        function.__module__ = given.__module__
        try:
            return njit(nogil=True, cache=True)(function)
        except RuntimeError:  # Numba finds no folder that it may write to
            return njit(nogil=True)(function)


def compiled(function: Callable[..., None]) -> Compiled:
    """`function` compiled for the types of numbers that it is called with."""
    return Compiled(function)


Decorator = Callable[[Callable[..., Any]], Any]
inlined: Decorator = njit(
    nogil=True, forceinline=True
)  # a part of all compiled functions that call it
called: Decorator = njit(nogil=True)  # to be called from compiled functions
