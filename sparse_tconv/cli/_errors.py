"""What the command line itself refuses."""

from __future__ import annotations

from ..errors import SparseTconvError


class UsageError(SparseTconvError):
    """A file or an argument that no command can use; told in one line, exit code 2."""
