"""What is done when the interpreter ends."""

from __future__ import annotations

import atexit
from collections.abc import Callable
from typing import Any


def at_exit(function: Callable[[], Any]) -> None:
    """Call a function when the interpreter ends, before all that was registered so far."""
    atexit.register(function)
