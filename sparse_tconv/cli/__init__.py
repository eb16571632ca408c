"""The command line: arguments in, lines and files out; whatever it shows is computed elsewhere.

One file holds one command. What they share: how arguments are read (`_parser`, `_values`), how a
weight and its parameters become an operator (`_operator`), how arrays come in (`_arrays`), and how
results go out (`_output`, `_json`).
"""

from __future__ import annotations

from ._main import main

__all__ = ["main"]
